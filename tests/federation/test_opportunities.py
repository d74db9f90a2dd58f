"""Opportunities between servers: typed between two of ours, an Article before all others, read whatever it looks like."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activitypub.builders import opportunity as builder
from activitypub.errors import ProtocolError
from activitypub.jsonld import OPPORTUNITY_CONTEXT, expand
from activitypub.names import NAMESPACE
from activitypub.values import normalise
from activitypub.vocabulary.opportunity import Opportunity, read_opportunity
from fedserver.content.html import to_text
from fedserver.federation import fetch
from fedserver.groups import catalogue
from fedserver.groups.catalogue import GroupFields
from fedserver.opportunities import arriving, times
from storage import posts as stored_posts
from storage import users
from tests.federation.network import befriended
from tests.federation.stub import Door, Stub, StubActor
from tests.federation.test_how_resources_look import as_mastodon_shows, keys_of
from tests.federation.test_inbox import ann, arrived
from tests.federation.walk import Friends, arrives
from tests.members import Person
from tests.opportunities.made import OPPORTUNITIES, call, job, titles, wall
from tests.peers.lemmy_like import parse, verify
from tests.test_publish import sent
from tests.waiting import eventually

__all__ = ["ann"]

FULL: Final = Opportunity(
    kind="grant", abstract="Money.", organisation="Fund", organisation_url="https://fund.example", ror="https://ror.org/03yrm5c26",
    place={"name": "House", "locality": "Lund", "region": "Skåne", "country": "Sweden"}, remote="partly", least=10.5, most=20,
    currency="EUR", period="once", pay_note="and travel", opens_at=datetime(2027, 1, 1, tzinfo=UTC), opens="2027-01-01",
    deadline_at=datetime(2027, 3, 13, 12, tzinfo=UTC), deadline="2027-03-12", zone="AoE", slots=3, eligibility="Trainers",
    topics=("FAIR", "teaching"), contact="grants@fund.example", apply_url="https://fund.example/apply",
    website="https://fund.example/about", closed="filled",
)  # fmt: skip


# -- the wire


def test_what_we_write_is_read_as_it_was_meant() -> None:
    assert read_opportunity(normalise({"type": "Article", **builder.opportunity(FULL)})) == FULL
    assert read_opportunity(normalise({"type": "Article"})) is None


def test_processors_of_json_ld_lose_nothing() -> None:
    document = {"@context": OPPORTUNITY_CONTEXT, "type": "Article", **builder.opportunity(FULL)}
    [expanded] = expand(document)
    names = keys_of(expanded)
    assert not [one for one in names if one.startswith("_:") or (":" not in one and not one.startswith("@"))]
    inner = expanded[f"{NAMESPACE}opportunity"][0]
    assert len(inner) == len(document["opportunity"])


async def documents(door: Door, there: Stub, alice: Person, form: dict[str, Any]) -> list[dict[str, Any]]:
    """The activities about an opportunity that a partner gets."""
    await befriended(door, there)
    await alice.post(OPPORTUNITIES, form)
    return [
        one.activity
        for one in await sent(door.server)
        if one.activity["type"] in ("Create", "Update", "Delete")
    ]


async def test_mastodon_shows_what_it_is_who_offers_it_until_when_and_where_to_apply(
    door: Door, there: Stub, alice: Person
) -> None:
    [create] = await documents(door, there, alice, job(deadline=wall(9, ""), zone="AoE"))
    document = {**create["object"], "@context": create["@context"]}
    assert document["type"] == "Article"
    text = to_text(as_mastodon_shows(document))
    for shown in (
        "Training coordinator",
        "Job",
        "Institute of Practice",
        "anywhere on earth",
        "institute.example/jobs/1",
    ):
        assert shown in text, shown
    assert document["attachment"][0] == {
        "type": "Link", "href": "https://institute.example/jobs/1", "mediaType": "text/html", "name": "Apply",
    }  # fmt: skip
    [expanded] = expand(create)
    assert not [one for one in keys_of(expanded) if one.startswith("_:")]


async def test_a_form_and_who_applies_leave_nothing_behind(door: Door, there: Stub, alice: Person) -> None:
    [create] = await documents(door, there, alice, call(form={"questions": [{"label": "Zebrafish?"}]}))
    assert "zebrafish" not in json.dumps(create).lower()
    assert "Feasibility" not in json.dumps(create)


async def test_lemmy_takes_it_in_a_group(door: Door, there: Stub, alice: Person) -> None:
    await door.server.db.write(users.change, alice.account_id, may_create_groups=True)
    group_id = await catalogue.create(
        door.server, alice.member, "jobs", GroupFields(title="Jobs", language="en")
    )
    uri = door.server.uris.group("jobs")
    follower = there.actor("follower")
    assert await fetch.account(door.server, follower.uri) is not None
    await door.takes(follower, follower.says("Follow", uri))
    made = await alice.post(OPPORTUNITIES, job(group_id=str(group_id)))
    announced = [
        one.activity["object"]
        for one in await sent(door.server)
        if one.activity["type"] == "Announce" and isinstance(one.activity["object"], dict)
    ]
    create = next(one for one in announced if one["type"] == "Create")
    assert create["object"]["id"] == made["uri"]
    assert parse(create["object"]) == "Article"
    verify(create, uri)


# -- arriving


def offered(actor: StubActor, **more: Any) -> dict[str, Any]:
    """An opportunity as another server of our kind sends it."""
    inner = {
        "@type": "net:Opportunity", "net:kind": "job", "schema:description": "Teach.",
        "net:organisation": {"@type": "schema:Organization", "schema:name": "Elsewhere Ltd"},
        "schema:validThrough": "2031-03-12T23:59:00-12:00", "net:deadline": "2031-03-12T23:59", "net:timezone": "AoE",
        **more.pop("inner", {}),
    }  # fmt: skip
    return actor.note(
        "<p>Teach.</p>", type="Article", name="Trainer", summary="<p>Job</p>", opportunity=inner, **more
    )


async def test_what_partners_offer_is_on_the_board_and_closes_there_too(
    door: Door, there: Stub, alice: Person, nobody: Person
) -> None:
    await befriended(door, there)
    bob = there.actor("bob")
    made = offered(bob)
    await door.takes(bob, bob.says("Create", made))
    (found,) = await nobody.get(OPPORTUNITIES)
    assert (found["local"], found["kind"], found["zone"], found["deadline"]) == (
        False,
        "job",
        "AoE",
        "2031-03-12T23:59",
    )
    assert found["deadline_at"] == "2031-03-13T11:59:00.000Z"
    assert (found["organisation"]["name"], found["abstract"], found["form"]) == (
        "Elsewhere Ltd",
        "Teach.",
        None,
    )
    assert (await nobody.raw("GET", f"/opportunities/{found['id']}")).status == 200
    assert await titles(nobody, instance=found["instance"]) == ["Trainer"]
    # Nobody here applies to it, closes it, or reads it as one of ours.
    assert (await alice.raw("POST", f"{OPPORTUNITIES}/{found['id']}/close", json={})).status == 403
    assert (await nobody.raw("GET", f"/opportunities/{found['id']}.jsonld")).status == 404
    later = {**made, "opportunity": {**made["opportunity"], "schema:validThrough": "2032-01-01T00:00:00Z"}}
    await door.takes(bob, bob.says("Update", later))
    assert (await nobody.get(f"{OPPORTUNITIES}/{found['id']}"))["deadline_at"] == "2032-01-01T00:00:00.000Z"
    closed = {**later, "opportunity": {**later["opportunity"], "net:closed": "filled"}}
    await door.takes(bob, bob.says("Update", closed))
    assert await titles(nobody) == []
    await door.takes(bob, bob.says("Update", later))
    assert await titles(nobody) == ["Trainer"]
    await door.takes(bob, bob.says("Delete", {"id": made["id"], "type": "Tombstone"}))
    assert (await nobody.raw("GET", f"{OPPORTUNITIES}/{found['id']}")).status == 404


async def test_strangers_are_on_the_board_of_their_followers_alone(
    door: Door, ann: StubActor, alice: Person
) -> None:
    """Somebody follows her: what she offers is here. Without typed fields it is an article like any other."""
    plain = {name: value for name, value in offered(ann).items() if name != "opportunity"}
    odd = offered(ann, inner={"net:kind": "sinecure"})
    await door.takes(
        ann, ann.says("Create", plain), ann.says("Create", odd), ann.says("Create", offered(ann))
    )
    assert await titles(alice) == ["Trainer"]
    row = await door.server.db.read(stored_posts.by_uri, plain["id"])
    assert row.kind == "article"


async def test_what_stops_being_an_opportunity_is_on_no_board(
    door: Door, ann: StubActor, alice: Person
) -> None:
    made = offered(ann)
    await door.takes(ann, ann.says("Create", made))
    plain = {name: value for name, value in made.items() if name != "opportunity"}
    await door.takes(ann, ann.says("Update", plain))
    assert await titles(alice, state="all") == []
    row = await door.server.db.read(stored_posts.by_uri, made["id"])
    assert (row.kind, row.preview_id) == ("article", None)
    await door.takes(ann, ann.says("Update", made))
    assert await titles(alice) == ["Trainer"]


@pytest.mark.parametrize(
    "inner",
    [
        {"schema:validThrough": "9999-12-31T23:59:59Z", "net:deadline": "9999-12-31"},
        {"schema:validThrough": "0001-01-01T00:00:00Z", "net:deadline": "x" * 999, "net:timezone": "../../etc/passwd"},
        {"net:pay": {"schema:minValue": 1e308, "schema:maxValue": -1, "schema:currency": "<b>"}},
        {"net:pay": {"schema:minValue": 10**30, "schema:currency": "EUR"}, "net:slots": 10**18},
        {"net:topics": ["<script>"] * 500, "net:eligibility": "x" * 100_000, "net:applyUrl": {"@id": "javascript:x"}},
        {"net:organisation": ["x", 1], "net:place": "Nowhere", "net:remote": {"a": 1}, "net:closed": "'; drop table"},
    ],
    ids=["far future", "far past", "endless pay", "endless numbers", "too much", "wrong shapes"],
)  # fmt: skip
async def test_nothing_that_is_said_elsewhere_breaks_the_board(
    door: Door, ann: StubActor, alice: Person, nobody: Person, inner: dict[str, Any]
) -> None:
    await door.takes(ann, ann.says("Create", offered(ann, inner=inner)))
    assert [state for state, _ in await arrived(door)][-1:] == ["done"]
    (found,) = await alice.get(OPPORTUNITIES, state="all")
    text = await (await nobody.raw("GET", f"/opportunities/{found['id']}")).text()
    for trap in ("<script>\n", 'href="javascript', "<b>"):
        assert trap not in text.replace('<script type="module"', "")
    for path in ("/opportunities?state=all", "/opportunities.atom?state=all", "/opportunities.ics?state=all"):
        assert (await nobody.raw("GET", path)).status == 200, path


_scalars = (
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.sampled_from(["9999-12-31T23:59:59Z", "0001-01-01", "AoE", "\x00", "https://a.example/x", "2027-13-41"])
)  # fmt: skip
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["id", "@id", "type", "schema:name", "@value", "schema:url", "schema:minValue", "en"]), inner, max_size=3
    ),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(st.sampled_from(sorted(builder.opportunity(FULL)["opportunity"])), _values, max_size=6)
)
def test_a_document_of_any_shape_is_read_or_dropped(changed: dict[str, Any]) -> None:
    inner = {**builder.opportunity(FULL)["opportunity"], **changed}
    try:
        found = read_opportunity(normalise({"type": "Article", "opportunity": inner}))
    except ProtocolError:
        return
    assert found is not None
    details = arriving.details_of(found)
    times.deadline_at(details)
    times.opens_at(details)


# -- two servers


@pytest.mark.xdist_group("two-servers")
def test_an_opportunity_travels_changes_closes_and_goes(friends: Friends) -> None:
    here, away = friends.here, friends.there
    made = here.post(OPPORTUNITIES, job(deadline=wall(9, ""), zone="AoE", slots=2))
    at = f"{OPPORTUNITIES}/{made['id']}"
    arrives(away, made["uri"])

    def there() -> dict[str, Any]:
        found: dict[str, Any] = away.get(f"{OPPORTUNITIES}/{away.find_status(made['uri'])['id']}")
        return found

    same = (
        "title", "abstract", "kind", "organisation", "place", "remote", "pay", "deadline", "deadline_at", "zone", "topics",
        "slots", "apply_url", "language",
    )  # fmt: skip
    assert {name: there()[name] for name in same} == {name: made[name] for name in same}
    here.patch(at, {"deadline": wall(20)[:10], "title": "Coordinator of training"})
    eventually(lambda: there()["deadline"] == wall(20)[:10], "that another deadline is known")
    assert there()["title"] == "Coordinator of training"
    here.post(f"{at}/close", {"reason": "filled"})
    eventually(lambda: there()["state"] == "closed", "that it is closed")
    assert "it is filled" in away.find_status(made["uri"])["content"]
    known = there()["id"]
    here.delete(at)
    eventually(lambda: away.raw("GET", f"{OPPORTUNITIES}/{known}").status_code == 404, "that it is gone")
