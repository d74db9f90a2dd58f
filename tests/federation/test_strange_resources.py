"""Resources of other servers as they should not be: what of them is kept, and that nothing else is harmed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, select

from fedserver import relationships
from fedserver.federation import fetch
from fedserver.resources.records import decode_details
from storage import posts as stored_posts
from storage import resources, tables
from storage.resources import ResourceRow
from tests.federation.network import befriended, page
from tests.federation.stub import Door, Stub, StubActor
from tests.members import Person
from tests.resources.test_publishing import LESSON, RESOURCES

VERSION = "schema:version"


@pytest.fixture
async def ann(door: Door, there: Stub) -> StubActor:
    """An author of a partner's, whom nobody here follows."""
    await befriended(door, there)
    return there.actor("ann")


async def known(door: Door, uri: str) -> ResourceRow | None:
    def unit(conn: Connection) -> ResourceRow | None:
        row = stored_posts.by_uri(conn, uri)
        return None if row is None else resources.by_id(conn, row.id)

    return await door.server.db.read(unit)


async def published(door: Door, author: StubActor, made: dict[str, Any]) -> ResourceRow:
    await door.takes(author, author.says("Create", made))
    found = await known(door, made["id"])
    assert found is not None
    return found


def again(author: StubActor, made: dict[str, Any], updated: str, **details: Any) -> dict[str, Any]:
    """The same, changed."""
    inner = {**made["learningResource"], **details}
    return author.says("Update", {**made, "updated": updated, "learningResource": inner})


async def numbers(door: Door, row: ResourceRow) -> list[str]:
    return [one.number for one in await door.server.db.read(resources.versions, row.id)]


async def test_what_a_partner_shares_is_kept_though_nobody_follows(
    door: Door, ann: StubActor, alice: Person
) -> None:
    made = page(ann)
    row = await published(door, ann, made)
    assert (row.title, row.version) == ("FAIR data in 90 minutes", "1.0")
    assert await alice.get("/api/v1/timelines/home") == []
    note = ann.note("Just a note.")
    await door.takes(ann, ann.says("Create", note))
    assert await door.server.db.read(stored_posts.by_uri, note["id"]) is None
    unlisted = page(ann, to=[f"{ann.uri}/followers"], cc=["https://www.w3.org/ns/activitystreams#Public"])
    await door.takes(ann, ann.says("Create", unlisted))
    assert await known(door, unlisted["id"]) is None


async def test_of_strangers_nothing_is_kept(door: Door, ann: StubActor, elsewhere: Stub) -> None:
    eve = elsewhere.actor("eve")
    made = page(eve)
    await door.takes(eve, eve.says("Create", made))
    assert await known(door, made["id"]) is None


async def test_nobody_publishes_in_anothers_name(door: Door, ann: StubActor, there: Stub) -> None:
    bob = there.actor("bob")
    for made in (page(ann, attributedTo=bob.uri), page(bob, attributedTo=ann.uri)):
        await door.takes(ann, ann.says("Create", made))
        if made["attributedTo"] != ann.uri:
            assert await known(door, made["id"]) is None
    mine = page(ann)
    row = await published(door, ann, mine)
    await door.takes(bob, again(bob, mine, "2099-01-01T00:00:00Z", **{VERSION: "9"}))
    await door.takes(bob, bob.says("Delete", mine["id"]))
    assert await numbers(door, row) == ["1.0"]


async def test_far_too_much_is_cut_and_the_rest_kept(door: Door, ann: StubActor) -> None:
    made = page(
        ann,
        details={
            "schema:keywords": ["x" * 400, *(f"word {number}" for number in range(300))],
            "schema:teaches": ["y" * 400, "To read"],
            "schema:author": [
                {"schema:name": "n" * 400},
                {"@id": "https://orcid.org/0000-0002-1825-0098", "schema:name": "Wrong digit"},
            ],
            "schema:about": [{"schema:name": "z" * 499}, {"schema:name": "FAIR", "@id": "not an address"}],
            "schema:isBasedOn": [{"@id": f"https://b.example/{one}", "schema:license": "none"} for one in range(99)],
            "schema:description": "d" * 50_000,
            "net:versions": [{VERSION: f"{number}"} for number in range(200)],
            "schema:version": "0",
            "schema:encoding": [{"schema:contentUrl": {"@id": f"https://b.example/f{one}"}} for one in range(90)],
            "net:reviewBy": "some day",
        },
    )  # fmt: skip
    row = await published(door, ann, made)
    details = decode_details(row.details)
    assert (details.level, details.licence) == ("beginner", "CC-BY-4.0")
    assert len(details.keywords) == 50
    assert details.keywords[0] == "word 0"
    assert details.teaches == ("To read",)
    assert [(len(one.name), one.orcid) for one in details.authors] == [(200, ""), (11, "")]
    assert [(len(one.label), one.uri) for one in details.topics] == [(100, ""), (4, "")]
    assert len(details.based_on) == 20
    assert len(row.summary) == 2_000
    assert details.review_by == ""
    found = await door.server.db.read(resources.files, row.id)
    assert sum(map(len, found.values())) == 30
    assert row.version == "0"
    assert len(await numbers(door, row)) == 50


async def test_ten_thousand_entries_and_deep_nesting_do_no_harm(door: Door, ann: StubActor) -> None:
    many = page(ann, details={"schema:teaches": [f"{number}" for number in range(10_000)]})
    await published(door, ann, many)
    nested: dict[str, Any] = {}
    for _ in range(60):
        nested = {"schema:name": nested}
    deep = page(ann, details={"schema:author": nested})
    assert await door.post(ann, ann.says("Create", deep)) == 400
    huge = page(ann, details={"schema:description": "x" * (1 << 20)})
    assert await door.post(ann, ann.says("Create", huge)) == 413


async def test_no_file_lies_at_an_address_that_is_none(door: Door, ann: StubActor, nobody: Any) -> None:
    wanted = [
        "javascript:alert(1)",
        "data:text/html,<script>",
        "file:///etc/passwd",
        "https://b.example/ok.pdf",
    ]
    made = page(ann, details={"schema:encoding": [{"schema:contentUrl": {"@id": one}} for one in wanted]})
    row = await published(door, ann, made)
    shown = await nobody.get(f"{RESOURCES}/{row.id}")
    assert [one["url"] for one in shown["versions"][0]["files"]] == ["https://b.example/ok.pdf"]
    assert "javascript:" not in str(shown)


async def test_html_stays_text(door: Door, ann: StubActor, nobody: Any) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    made = page(
        ann,
        name=evil,
        content=evil,
        source={"content": f"{evil} [x](javascript:alert(1))", "mediaType": "text/markdown"},
        details={
            "schema:description": evil,
            "schema:teaches": [evil],
            "schema:author": [{"schema:name": evil}],
        },
    )
    row = await published(door, ann, made)
    shown = await nobody.get(f"{RESOURCES}/{row.id}")
    status = await nobody.get(f"/api/v1/statuses/{row.id}")
    for html in (shown["description"], status["content"]):
        assert "<script" not in html
        assert "onerror" not in html or "&lt;img" in html
        assert 'href="javascript' not in html


async def test_versions_come_in_the_order_of_the_origin(door: Door, ann: StubActor) -> None:
    made = page(ann, details={VERSION: "2.0", "net:versions": [
        {VERSION: "2.0", "schema:datePublished": "2020-01-01"}, {VERSION: "1.0", "schema:datePublished": "2025-01-01"},
    ]})  # fmt: skip
    row = await published(door, ann, made)
    assert await numbers(door, row) == ["2.0", "1.0"]


async def test_an_older_update_after_a_newer_changes_nothing(door: Door, ann: StubActor) -> None:
    made = page(ann)
    row = await published(door, ann, made)
    newer = [{VERSION: "2.0"}, {VERSION: "1.0"}]
    await door.takes(ann, again(ann, made, "2026-11-02T00:00:00Z", **{VERSION: "2.0", "net:versions": newer}))
    await door.takes(ann, again(ann, made, "2026-11-01T00:00:00Z", **{"schema:name": "Older"}))
    found = await known(door, made["id"])
    assert found is not None
    assert found.version == "2.0"
    assert await numbers(door, row) == ["2.0", "1.0"]
    # Its author may go back, too: then that is the newest, and nothing is lost.
    await door.takes(ann, again(ann, made, "2026-11-03T00:00:00Z"))
    found = await known(door, made["id"])
    assert found is not None
    assert found.version == "1.0"
    assert await numbers(door, row) == ["2.0", "1.0"]


async def test_a_version_named_twice_is_one(door: Door, ann: StubActor) -> None:
    twice = [
        {VERSION: one}
        for one in ("1.0", " 1.0", "1.0\u200b", "1.0 ", "1" * 40, "1" * 50, {"@value": "1.0"}, 1.0)
    ]
    row = await published(door, ann, page(ann, details={"net:versions": twice}))
    assert sorted(await numbers(door, row)) == sorted({*await numbers(door, row)})
    assert row.version == "1.0"


async def test_files_are_replaced_when_they_alone_change(door: Door, ann: StubActor) -> None:
    made = page(ann, details={"schema:encoding": [{"schema:contentUrl": {"@id": "https://b.example/1"}}]})
    row = await published(door, ann, made)
    other = [{"schema:contentUrl": {"@id": "https://b.example/2"}}]
    await door.takes(ann, again(ann, made, "2026-12-01T00:00:00Z", **{"schema:encoding": other}))
    found = await door.server.db.read(resources.files, row.id)
    assert [one.url for files in found.values() for one in files] == ["https://b.example/2"]


async def test_what_is_said_of_a_version_can_change(door: Door, ann: StubActor, nobody: Any) -> None:
    made = page(ann)
    row = await published(door, ann, made)
    said = [{VERSION: "1.0", "schema:releaseNotes": "All of it.", "schema:identifier": "10.5281/zenodo.1"}]
    await door.takes(ann, again(ann, made, "2026-12-01T00:00:00Z", **{"net:versions": said}))
    [version] = (await nobody.get(f"{RESOURCES}/{row.id}"))["versions"]
    assert (version["number"], version["notes"], version["doi"]) == ("1.0", "All of it.", "10.5281/zenodo.1")


async def test_nothing_is_made_from_itself(door: Door, ann: StubActor, there: Stub) -> None:
    one, two = page(ann), page(ann)
    one["learningResource"]["schema:isBasedOn"] = [{"@id": two["id"]}, {"@id": one["id"]}]
    two["learningResource"]["schema:isBasedOn"] = [{"@id": one["id"]}]
    first, second = await published(door, ann, one), await published(door, ann, two)
    relations = await door.server.db.read(lambda conn: conn.execute(select(tables.resource_relation)).all())
    assert [(row.post_id, row.target_id) for row in relations] == [(first.id, second.id)]
    found = [await known(door, uri) for uri in (one["id"], two["id"])]
    assert [row.adaptations_count for row in found if row is not None] == [0, 1]


async def test_a_circle_through_a_resource_of_ours_is_left_out(
    door: Door, ann: StubActor, alice: Person
) -> None:
    theirs = page(ann)
    row = await published(door, ann, theirs)
    ours = await alice.post(RESOURCES, {**LESSON, "based_on": [{"uri": theirs["id"]}]})
    await door.takes(
        ann, again(ann, theirs, "2026-12-01T00:00:00Z", **{"schema:isBasedOn": [{"@id": ours["uri"]}]})
    )
    assert await door.server.db.read(resources.targets_of, row.id) == set()
    assert (await alice.get(f"{RESOURCES}/{ours['id']}"))["adaptations_count"] == 0
    assert (await alice.get(f"{RESOURCES}/{row.id}"))["adaptations_count"] == 1


async def test_what_is_no_resource_any_more_leaves_the_library(
    door: Door, ann: StubActor, nobody: Any
) -> None:
    made = page(ann)
    row = await published(door, ann, made)
    plain = {name: value for name, value in made.items() if name != "learningResource"}
    await door.takes(ann, ann.says("Update", {**plain, "updated": "2026-12-01T00:00:00Z"}))
    assert await known(door, made["id"]) is None
    assert (await nobody.raw("GET", f"{RESOURCES}/{row.id}")).status == 404
    assert (await nobody.get(f"/api/v1/statuses/{row.id}"))["uri"] == made["id"]


# -- what is told of ours


def told(author: StubActor, about: dict[str, Any], kind: str, **said: Any) -> dict[str, Any]:
    more = {f"net:{kind}": {"@type": f"net:{kind.capitalize()}", **said}}
    named = {"type": "Mention", "href": about["account"]["uri"]} if "account" in about else {}
    made = author.note("We used it.", inReplyTo=about["uri"], tag=[named], **more)
    made["cc"] += [named["href"]] if named else []
    return made


async def test_uses_and_reviews_arrive_with_what_they_say(door: Door, there: Stub, alice: Person) -> None:
    bea = there.actor("bea")
    ours = await alice.post(RESOURCES, LESSON)
    use = told(bea, ours, "use", **{"net:usedIn": "Basel", "net:usedOn": "2026-11-01", "net:changed": "Less"})
    review = told(bea, ours, "review", **{"schema:ratingValue": 4, VERSION: "1.0.0"})
    await door.takes(bea, *(bea.says("Create", one) for one in (use, review)))
    shown = await alice.get(f"{RESOURCES}/{ours['id']}")
    assert (shown["uses_count"], shown["reviews_count"]) == (1, 1)
    [one] = await alice.get(f"{RESOURCES}/{ours['id']}/uses")
    assert (one["used_in"], one["used_on"], one["changed"]) == ("Basel", "2026-11-01", "Less")
    [one] = await alice.get(f"{RESOURCES}/{ours['id']}/reviews")
    assert one["rating"] == 4
    assert len(await alice.get("/api/v1/notifications", **{"types[]": "mention"})) == 2
    await door.takes(bea, bea.says("Delete", use["id"]))
    assert (await alice.get(f"{RESOURCES}/{ours['id']}"))["uses_count"] == 0


async def test_a_use_sent_twice_counts_once(door: Door, there: Stub, alice: Person) -> None:
    bea = there.actor("bea")
    ours = await alice.post(RESOURCES, LESSON)
    use = told(bea, ours, "use")
    await door.takes(bea, bea.says("Create", use), bea.says("Create", use), bea.says("Update", use))
    assert (await alice.get(f"{RESOURCES}/{ours['id']}"))["uses_count"] == 1


async def test_who_is_blocked_tells_nothing(door: Door, there: Stub, alice: Person) -> None:
    bea = there.actor("bea")
    ours = await alice.post(RESOURCES, LESSON)
    bea_id = await fetch.account(door.server, bea.uri)
    assert bea_id is not None
    await relationships.block(door.server, alice.member, bea_id)
    await door.takes(bea, bea.says("Create", told(bea, ours, "use")))
    shown = await alice.get(f"{RESOURCES}/{ours['id']}")
    assert (shown["uses_count"], shown["reviews_count"]) == (0, 0)
    assert await alice.get("/api/v1/notifications") == []


async def test_ratings_are_from_one_to_five_and_never_of_ones_own(
    door: Door, ann: StubActor, there: Stub, alice: Person
) -> None:
    bea = there.actor("bea")
    ours = await alice.post(RESOURCES, LESSON)
    await door.takes(bea, bea.says("Create", told(bea, ours, "review", **{"schema:ratingValue": 99})))
    [one] = await alice.get(f"{RESOURCES}/{ours['id']}/reviews")
    assert one["rating"] is None
    made = page(ann)
    row = await published(door, ann, made)
    await door.takes(
        ann, ann.says("Create", told(ann, {"uri": made["id"]}, "review", **{"schema:ratingValue": 5}))
    )
    found = await known(door, made["id"])
    assert found is not None
    assert (found.id, found.reviews_count) == (row.id, 0)
