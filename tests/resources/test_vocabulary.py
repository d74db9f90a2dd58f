"""Vocabularies: imported, added to, offered where one chooses; and what is given by name is found by its address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.resources import vocabulary
from tests.described import described
from tests.members import Person
from tests.resources.test_publishing import LESSON, RESOURCES, refused

VOCABULARIES = "/api/v1/vocabularies"
TABLE = """uri\tlabel\tsynonyms\tdefinition\tparents\tobsolete
https://v.example/1\tAnimals\tFauna|Beasts\tAll of them\t\tFALSE
https://v.example/2\tHouse cats\tFelis catus\t\thttps://v.example/1\tFALSE
https://v.example/3\tUnicorns\t\t\thttps://v.example/1\tTRUE
"""


async def labels(who: Person, name: str, q: str = "") -> list[str]:
    return [one["label"] for one in await who.get(f"{VOCABULARIES}/{name}", q=q)]


async def test_terms_are_offered_by_label_and_synonym_but_no_obsolete_ones(
    server: Server, alice: Person, nobody: Person
) -> None:
    assert dict(await vocabulary.import_file(server, "edam", TABLE)) == {
        "added": 3,
        "changed": 0,
        "obsolete": 0,
    }
    assert dict(await vocabulary.import_file(server, "edam", TABLE)) == {
        "added": 0,
        "changed": 0,
        "obsolete": 0,
    }
    assert await labels(nobody, "edam") == ["Animals", "House cats"]
    assert await labels(alice, "edam", "ca") == ["House cats"]
    assert await labels(alice, "edam", "fau") == ["Animals"]
    assert await labels(alice, "edam", "unic") == []
    offered = await alice.get(f"{VOCABULARIES}/edam", q="felis")
    described(f"{VOCABULARIES}/{{name}}").validate(offered)
    assert offered[0]["uri"] == "https://v.example/2"
    assert offered[0]["parents"] == ["https://v.example/1"]
    assert (await labels(alice, "licences", "cc-by-4"))[0] == "CC-BY-4.0"
    assert await labels(alice, "types", "case") == ["case study"]
    assert await labels(alice, "languages", "deu") == ["Deutsch"]
    assert await labels(alice, "languages", "pt") == ["Português"]
    assert await labels(alice, "levels") == ["beginner", "intermediate", "advanced"]
    assert (await alice.raw("GET", f"{VOCABULARIES}/nothing")).status == 404
    assert await labels(alice, "skills") == []


async def test_what_is_left_out_of_a_new_edition_is_offered_no_more(server: Server, alice: Person) -> None:
    await vocabulary.import_file(server, "edam", TABLE)
    newer = "\n".join(
        line.replace("Animals", "Animal life") for line in TABLE.splitlines() if "cats" not in line
    )
    assert dict(await vocabulary.import_file(server, "edam", newer)) == {
        "added": 0,
        "changed": 1,
        "obsolete": 1,
    }
    assert await labels(alice, "edam") == ["Animal life"]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("", "no column label and uri"),
        ("uri\tlabel\n", "no terms"),
        ("uri\tlabel\nnot an address\tA\n", "line 2"),
        ("uri\tlabel\nhttps://v.example/1\t\n", "line 2"),
        ("uri\tlabel\nhttps://v.example/1\tA\nhttps://v.example/1\tB\n", "again in line 3"),
    ],
)
async def test_a_broken_table_changes_nothing(server: Server, table: str, problem: str) -> None:
    with pytest.raises(Invalid) as raised:
        await vocabulary.import_file(server, "edam", table)
    assert problem in raised.value.fields["file"]
    assert await vocabulary.listed(server) == []
    with pytest.raises(Invalid):
        await vocabulary.import_file(server, "licences", TABLE)


async def test_a_topic_given_by_name_gets_its_address_and_is_found_by_what_is_above(
    server: Server, alice: Person
) -> None:
    await vocabulary.import_file(server, "edam", TABLE)
    made = await alice.post(RESOURCES, {**LESSON, "topics": [{"label": "felis catus"}, {"label": "knots"}]})
    assert made["topics"] == [{"label": "House cats", "uri": "https://v.example/2"}, {"label": "knots"}]
    for asked in ("https://v.example/2", "https://v.example/1", "Animals", "beasts", "House Cats", "Knots"):
        assert [one["id"] for one in await alice.get(RESOURCES, topic=asked)] == [made["id"]], asked
    counted = (await alice.get(f"{RESOURCES}/facets", topic="Animals"))["facets"]["topic"]
    assert {one["label"]: (one["count"], one["chosen"]) for one in counted} == {
        "House cats": (1, False), "knots": (1, False), "Animals": (1, True),
    }  # fmt: skip
    changed = await alice.patch(f"{RESOURCES}/{made['id']}", {"topics": [{"label": "Fauna"}]})
    assert changed["topics"] == [{"label": "Animals", "uri": "https://v.example/1"}]


async def test_what_was_published_before_its_vocabulary_came_is_found_by_it(
    server: Server, alice: Person
) -> None:
    made = await alice.post(RESOURCES, {**LESSON, "topics": [{"label": "House cats"}]})
    assert [one["id"] for one in await alice.get(RESOURCES, topic="house cats")] == [made["id"]]
    await vocabulary.import_file(server, "edam", TABLE)
    assert [one["id"] for one in await alice.get(RESOURCES, topic="https://v.example/1")] == [made["id"]]
    counted = (await alice.get(f"{RESOURCES}/facets"))["facets"]["topic"]
    assert [(one["value"], one["label"]) for one in counted] == [("https://v.example/2", "House cats")]


async def test_moderators_add_terms_of_the_servers_own(moderator: Person, alice: Person) -> None:
    at = "/api/v1/admin/vocabularies/local"
    assert (await refused(alice, at, {"label": "Mentoring"}))[0] == 403
    made = await moderator.post(at, {"label": "Mentoring", "synonyms": ["Coaching"]})
    assert made["uri"].endswith("/vocabularies/local/mentoring")
    assert (await refused(moderator, at, {"label": "mentoring"}))[0] == 409
    code, text = await refused(
        moderator, at, {"label": "Peer mentoring", "parents": ["https://v.example/none"]}
    )
    assert (code, "https://v.example/none" in text) == (422, True)
    below = await moderator.post(at, {"label": "Peer mentoring", "parents": [made["uri"]]})
    assert await labels(alice, "local", "coach") == ["Mentoring"]
    await alice.post(RESOURCES, {**LESSON, "topics": [{"label": "Peer mentoring"}]})
    assert len(await alice.get(RESOURCES, topic=made["uri"])) == 1
    page = await alice.client.get(
        f"/vocabularies/local/{below['uri'].rpartition('/')[2]}", allow_redirects=False
    )
    assert page.status == 302
    assert page.headers["Location"].startswith("/resources?topic=")
    await moderator.delete(at, uri=below["uri"])
    assert await labels(alice, "local") == ["Mentoring"]
    assert (await moderator.raw("DELETE", at, params={"uri": below["uri"]})).status == 404
    await moderator.post("/api/v1/admin/vocabularies/skills", {"label": "Facilitation"})
    skilled = await alice.post(RESOURCES, {**LESSON, "skills": [{"label": "facilitation"}]})
    assert skilled["skills"][0]["uri"].endswith("/vocabularies/skills/facilitation")


async def test_edam_comes_in_as_it_is(server: Server, alice: Person, shared: Path) -> None:
    table = (shared / "data/domain/vocab/edam/EDAM_1.25_topics.tsv").read_text()
    rows = [line.split("\t") for line in table.splitlines()[1:]]
    offered = sum(row[5] == "FALSE" for row in rows)
    assert dict(await vocabulary.import_file(server, "edam", table))["added"] == len(rows)
    assert await vocabulary.listed(server) == [("edam", offered, len(rows) - offered)]
    found: list[dict[str, Any]] = await alice.get(f"{VOCABULARIES}/edam", q="protein databases")
    assert found[0]["label"] == "Proteins"
    made = await alice.post(RESOURCES, {**LESSON, "topics": [{"label": "Protein databases"}]})
    assert made["topics"][0]["uri"] == "http://edamontology.org/topic_0078"
    # Under computational biology, which is under biology, which is under the root.
    for above in ("Computational biology", "http://edamontology.org/topic_0003"):
        assert [one["id"] for one in await alice.get(RESOURCES, topic=above)] == [made["id"]], above
