"""OAI-PMH: harvested whole by a client that we did not write, in form as the protocol wants it, and true over time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from sickle import Sickle
from sickle.oaiexceptions import NoRecordsMatch

from fedserver.context import Server
from fedserver.resources import publishing
from fedserver.resources.checking import checked
from fedserver.resources.faces import datacite, dublin_core, harvesting, oai_pmh
from fedserver.resources.faces.entry import Entry
from fedserver.resources.records import Described
from tests.client import Api
from tests.conftest import StartServer
from tests.counting import fewest_statements
from tests.members import Person
from tests.resources.faces.conftest import FULL
from tests.resources.faces.made import ENTRIES
from tests.resources.test_publishing import LESSON, RESOURCES
from tests.waiting import eventually

OAI = {
    "o": oai_pmh.NAMESPACE, "dc": "http://purl.org/dc/elements/1.1/", "d": datacite.KERNEL, "w": datacite.NAMESPACE,
}  # fmt: skip
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


async def ask(who: Person, **arguments: str) -> ET.Element:
    answer = await who.raw(
        "GET", "/oai-pmh", params={name.rstrip("_"): value for name, value in arguments.items()}
    )
    assert (answer.status, answer.content_type) == (200, "text/xml")
    root = ET.fromstring(await answer.read())
    assert root.tag == f"{{{oai_pmh.NAMESPACE}}}OAI-PMH"
    # OAI-PMH.xsd: responseDate, request, and then errors or the verb's own element.
    names = [one.tag.partition("}")[2] for one in root]
    assert names[:2] == ["responseDate", "request"]
    assert names[2:] in (["error"], [arguments.get("verb", "")])
    assert INSTANT.fullmatch(root[0].text or "")
    return root


def texts(root: ET.Element, path: str) -> list[str]:
    return [one.text or "" for one in root.iterfind(path, OAI)]


async def error(who: Person, **arguments: str) -> str | None:
    found = (await ask(who, **arguments)).find("o:error", OAI)
    assert found is not None
    assert (found.text or "").endswith(".")
    return found.get("code")


def harvested(sickle: Sickle, prefix: str = "oai_dc", **more: Any) -> dict[str, bool]:
    """By identifier, whether it is there still."""
    records = sickle.ListRecords(metadataPrefix=prefix, **more)
    return {one.header.identifier: not one.header.deleted for one in records}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_library_is_harvested_whole_and_again_as_it_changes(start_server: StartServer, kind: str) -> None:
    running = start_server(kind)
    alice, bob = running.member("alice"), running.member("bob")
    moderator = running.member("mo", role="moderator")
    made = [_publish(alice, number) for number in range(2 * oai_pmh.RECORDS_MAX + 30)]
    made.append(_publish(bob, 1_000))
    members = alice.post(RESOURCES, {**LESSON, "visibility": "members"})
    unlisted = alice.post(RESOURCES, {**LESSON, "visibility": "unlisted"})
    sickle = Sickle(f"{running.origin}/oai-pmh", max_retries=0)
    uris = {one["uri"] for one in made}
    for prefix in ("oai_dc", "oai_datacite"):
        assert harvested(sickle, prefix) == dict.fromkeys(uris, True)
    assert not uris & {members["uri"], unlisted["uri"]}
    headers = [one.identifier for one in sickle.ListIdentifiers(metadataPrefix="oai_dc")]
    assert sorted(headers) == sorted(uris)
    record = sickle.GetRecord(identifier=made[0]["uri"], metadataPrefix="oai_dc")
    assert record.metadata["title"] == [LESSON["title"]]
    assert record.metadata["creator"] == ["Alice Doe"]
    assert "type:slides" in record.header.setSpecs
    post_ = Sickle(f"{running.origin}/oai-pmh", http_method="POST")
    assert harvested(post_, set="type:video") == {made[-1]["uri"]: True}
    assert {one.setSpec for one in sickle.ListSets()} >= {
        "type",
        "type:slides",
        "topic:topic_3571",
        "language:en",
    }

    # Changed, withdrawn, deleted, and by somebody who is suspended meanwhile.
    since = sickle.Identify().earliestDatestamp
    last = max(one.datestamp for one in sickle.ListIdentifiers(metadataPrefix="oai_dc"))
    eventually(lambda: now_of(sickle) > last, "the next second")
    begun = now_of(sickle)
    assert since < begun
    with pytest.raises(NoRecordsMatch):
        harvested(sickle, **{"from": begun})
    alice.patch(f"{RESOURCES}/{made[0]['id']}", {"title": "Another title"})
    alice.post(f"{RESOURCES}/{made[1]['id']}/withdraw", {"reason": "Wrong."})
    alice.delete(f"{RESOURCES}/{made[2]['id']}")
    wanted = {made[0]["uri"]: True, made[1]["uri"]: False, made[2]["uri"]: False}
    assert harvested(sickle, **{"from": begun}) == wanted
    moderator.post(f"/api/v1/admin/accounts/{bob.me['id']}/action", {"type": "suspend"})
    gone = sickle.GetRecord(identifier=made[-1]["uri"], metadataPrefix="oai_dc")
    assert gone.header.deleted  # at once, whatever is still to be written down
    wanted[made[-1]["uri"]] = False
    eventually(lambda: harvested(sickle, **{"from": begun}) == wanted, "that it is among what is new")
    assert harvested(sickle, **{"from": begun, "set": "type:video"}) == {made[-1]["uri"]: False}
    assert harvested(sickle) == {**dict.fromkeys(uris, True), **wanted}


def now_of(sickle: Sickle) -> str:
    """The server's own clock."""
    found = sickle.harvest(verb="Identify").xml.find(f"{{{oai_pmh.NAMESPACE}}}responseDate")
    return str(found.text)


def _publish(who: Api, number: int) -> dict[str, Any]:
    types = ["video"] if number == 1_000 else ["slides"]
    made: dict[str, Any] = who.post(RESOURCES, {**LESSON, "types": types, "keywords": [f"word {number}"]})
    return made


async def fill(server: Server, alice: Person, number: int) -> list[int]:
    described = checked(Described(title="T", abstract="A", types=("slides",), keywords=("k",), language="en"))

    def unit(conn: Any) -> list[int]:
        return [
            publishing.publish_unit(
                conn, server, alice.account_id, described, version=publishing.NewVersion()
            )
            for _ in range(number)
        ]

    return await server.db.write(unit)


async def test_a_page_of_a_hundred_takes_six_statements(
    server: Server, alice: Person, nobody: Person
) -> None:
    await fill(server, alice, oai_pmh.RECORDS_MAX + 5)
    for prefix in ("oai_dc", "oai_datacite"):
        asked = {"verb": "ListRecords", "metadataPrefix": prefix}
        root = await ask(nobody, **asked)
        assert await fewest_statements(server, lambda: ask(nobody, **asked)) <= 6  # noqa: B023
        assert len(root.findall("o:ListRecords/o:record", OAI)) == oai_pmh.RECORDS_MAX


async def test_what_changes_while_a_list_is_read_is_not_missed(
    server: Server, alice: Person, nobody: Person
) -> None:
    ids = await fill(server, alice, 2 * oai_pmh.RECORDS_MAX + 10)
    root = await ask(nobody, verb="ListIdentifiers", metadataPrefix="oai_dc")
    token = root.find("o:ListIdentifiers/o:resumptionToken", OAI)
    assert token is not None
    assert (token.get("cursor"), token.get("completeListSize")) == ("0", str(len(ids)))
    seen = texts(root, "o:ListIdentifiers/o:header/o:identifier")
    await alice.patch(f"{RESOURCES}/{ids[0]}", {"title": "Read before it changed"})
    await alice.patch(f"{RESOURCES}/{ids[150]}", {"title": "Not read yet"})
    await alice.delete(f"{RESOURCES}/{ids[160]}")
    states: dict[str, str | None] = {}
    while token is not None and token.text:
        root = await ask(nobody, verb="ListIdentifiers", resumptionToken=token.text)
        for header in root.iterfind("o:ListIdentifiers/o:header", OAI):
            states[header.findtext("o:identifier", "", OAI)] = header.get("status")
        token = root.find("o:ListIdentifiers/o:resumptionToken", OAI)
    assert token is not None  # the last part has an empty one
    addresses = [server.uris.resource(one) for one in ids]
    assert set(seen) | set(states) == set(addresses)
    assert states[addresses[0]] is None  # told again
    assert states[addresses[160]] == "deleted"


async def test_a_token_is_of_use_for_its_own_list_and_for_two_days(
    server: Server, alice: Person, nobody: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(server, alice, oai_pmh.RECORDS_MAX + 1)
    root = await ask(nobody, verb="ListRecords", metadataPrefix="oai_dc")
    token = root.findtext("o:ListRecords/o:resumptionToken", "", OAI)
    assert (await ask(nobody, verb="ListRecords", resumptionToken=token)).find("o:error", OAI) is None
    for verb, text in (
        ("ListIdentifiers", token),
        ("ListSets", token),
        ("ListRecords", token[:-4]),
        ("ListRecords", "€" + token),
        ("ListRecords", "x" * 2_000),
        ("ListRecords", ""),
    ):
        assert await error(nobody, verb=verb, resumptionToken=text) == "badResumptionToken"
    later = oai_pmh.now_ms() + (oai_pmh.TOKEN_HOURS + 1) * 3_600_000
    monkeypatch.setattr(oai_pmh, "now_ms", lambda: later)
    assert await error(nobody, verb="ListRecords", resumptionToken=token) == "badResumptionToken"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({}, "badVerb"),
        ({"verb": "Nonsense"}, "badVerb"),
        ({"verb": "ListRecords"}, "badArgument"),
        ({"verb": "GetRecord", "metadataPrefix": "oai_dc"}, "badArgument"),
        ({"verb": "Identify", "until": "2026-01-01"}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "resumptionToken": "x"}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "from_": "yesterday"}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "from_": "2026-02-30"}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "from_": "2026-02-01", "until": "2026-02-02T00:00:00Z"}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "from_": "2026-02-03", "until": "2026-02-01"}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "until": "9999-12-31"}, "noRecordsMatch"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "set": "a b"}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": "marc21"}, "cannotDisseminateFormat"),
        ({"verb": "GetRecord", "metadataPrefix": "oai_dc", "identifier": "oai:x"}, "idDoesNotExist"),
        ({"verb": "ListMetadataFormats", "identifier": "oai:x"}, "idDoesNotExist"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc"}, "noRecordsMatch"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "set": "type:no"}, "noRecordsMatch"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "set": "nonsense"}, "noRecordsMatch"),
    ],
)  # fmt: skip
async def test_what_is_wrong_has_the_code_of_the_protocol(
    nobody: Person, arguments: dict[str, str], code: str
) -> None:
    assert await error(nobody, **arguments) == code
    form = urlencode({name.rstrip("_"): value for name, value in arguments.items()})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await nobody.raw("POST", "/oai-pmh", data=form, headers=headers)
    assert f'code="{code}"' in await answer.text()


async def test_no_argument_comes_twice_and_no_body_is_endless(nobody: Person) -> None:
    answer = await nobody.raw("GET", "/oai-pmh?verb=Identify&verb=Identify")
    assert 'code="badVerb"' in await answer.text()
    answer = await nobody.raw("GET", "/oai-pmh?verb=ListRecords&metadataPrefix=oai_dc&metadataPrefix=oai_dc")
    text = await answer.text()
    assert 'code="badArgument"' in text
    assert "<request>" in text  # §3.2: without attributes
    assert (await nobody.raw("POST", "/oai-pmh", data="verb=" + "x" * 20_000)).status == 413


async def test_the_server_says_who_it_is_and_what_it_has(alice: Person, nobody: Person) -> None:
    made = await alice.post(RESOURCES, FULL)
    root = await ask(nobody, verb="Identify")
    (identify,) = root.iterfind("o:Identify", OAI)
    assert [one.tag.partition("}")[2] for one in identify] == [
        "repositoryName", "baseURL", "protocolVersion", "adminEmail", "earliestDatestamp", "deletedRecord", "granularity",
    ]  # fmt: skip
    assert texts(identify, "o:deletedRecord") == ["persistent"]
    root = await ask(nobody, verb="ListMetadataFormats", identifier=made["uri"])
    assert texts(root, "o:ListMetadataFormats/o:metadataFormat/o:metadataPrefix") == [
        "oai_dc",
        "oai_datacite",
    ]
    root = await ask(nobody, verb="GetRecord", identifier=made["uri"], metadataPrefix="oai_datacite")
    at = "o:GetRecord/o:record/o:metadata/w:oai_datacite/w:payload/d:resource/"
    assert texts(root, at + "d:titles/d:title") == [FULL["title"]]
    assert texts(root, at + "d:identifier") == ["10.5281/zenodo.1234567"]
    assert texts(root, at + "d:creators/d:creator/d:familyName") == ["van Beethoven", "Açıköz"]
    assert texts(root, at + "d:creators/d:creator/d:nameIdentifier")[0].endswith("0000-0002-1825-0097")
    assert texts(root, at + "d:relatedIdentifiers/d:relatedIdentifier") == [
        "https://o.example/1", "https://o.example/2", "https://o.example/3",
    ]  # fmt: skip
    sets = texts(root, "o:GetRecord/o:record/o:header/o:setSpec")
    assert {"type:slides", "type:exercise", "language:en", "topic:topic_3571"} <= set(sets)
    assert all(oai_pmh._SET_SPEC.fullmatch(one) for one in sets)


async def test_days_and_instants_bound_a_list(server: Server, alice: Person, nobody: Person) -> None:
    await fill(server, alice, 1)
    root = await ask(nobody, verb="ListIdentifiers", metadataPrefix="oai_dc")
    (stamp,) = texts(root, "o:ListIdentifiers/o:header/o:datestamp")
    for begins, ends in ((stamp, stamp), (stamp[:10], stamp[:10]), (stamp, ""), ("", stamp)):
        more = {name: value for name, value in (("from_", begins), ("until", ends)) if value}
        found = await ask(nobody, verb="ListIdentifiers", metadataPrefix="oai_dc", **more)
        assert texts(found, "o:ListIdentifiers/o:header/o:datestamp") == [stamp]
    gone = {"verb": "ListIdentifiers", "metadataPrefix": "oai_dc"}
    assert await error(nobody, **gone, until="2020-01-01") == "noRecordsMatch"
    assert await error(nobody, **gone, from_="2999-01-01T00:00:00Z") == "noRecordsMatch"


async def test_many_requests_at_once_are_answered_alike(
    server: Server, alice: Person, nobody: Person
) -> None:
    await fill(server, alice, 3)
    answers = await asyncio.gather(
        *(ask(nobody, verb="ListIdentifiers", metadataPrefix="oai_dc") for _ in range(10))
    )
    assert len({tuple(texts(one, "o:ListIdentifiers/o:header/o:identifier")) for one in answers}) == 1


async def test_the_chore_tells_of_nothing_that_has_not_changed(server: Server, alice: Person) -> None:
    await fill(server, alice, 3)
    before = await server.db.read(_records)
    await server.db.write(harvesting.catch_up)
    assert await server.db.read(_records) == before


def _records(conn: Any) -> list[Any]:
    from storage import harvesting as stored

    return [tuple(row) for row in stored.records(conn, stored.Selected(), 10)]


@pytest.mark.parametrize("record", [dublin_core.record, datacite.record])
def test_whatever_a_resource_says_is_xml(record: Callable[[Entry, ET.Element], None]) -> None:
    @given(ENTRIES)
    @settings(max_examples=60)
    def holds(entry: Entry) -> None:
        root = ET.Element("metadata")
        record(entry, root)
        found = ET.fromstring(ET.tostring(root, encoding="utf-8"))
        titles = [one.text for one in found.iter() if one.tag.endswith("}title")]
        assert titles == [entry.row.title]
        assert all((one.text or "").strip() or len(one) for one in found.iter())

    holds()
