"""The library of Open Seeds: its talks become resources, dirty as they are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from fedserver.errors import Invalid, TooLarge
from fedserver.resources.importing import ols
from fedserver.resources.records import Person
from tests.resources.importing.samples import LIBRARY, PEOPLE, sentences


def test_talks_become_resources() -> None:
    done = ols.read(LIBRARY, PEOPLE)
    first, second, third = done.found
    said = first.described
    assert said.title == "Plan openly & well"
    assert said.authors == (
        Person(name="Ada Doe", orcid="0000-0002-1825-0097", affiliation="A University"),
        Person(name="nobody-knows"),
    )
    assert (said.url, said.issued, said.types) == (
        "https://videos.example/1?t=10",
        "2024-03-05",
        ("slides", "video"),
    )
    assert [one.url for one in first.version.links] == [
        "https://slides.example/canvas",
        "https://videos.example/1?t=10",
    ]
    assert [one.label for one in said.topics] == ["Working openly", "Canvas"]
    assert "spring" in said.keywords
    assert "Plan what you do" in said.abstract
    assert "0000000218250097" in sentences(first.receipt, "repaired", "authors")
    assert "nobody-knows" in sentences(first.receipt, "missing", "authors")
    # The same title by the same speaker is another talk in another cohort.
    assert (second.described.issued, third.described.issued) == ("2024-09-25", "2025-03-01")
    assert second.source_uri != third.source_uri
    assert second.described.authors == (Person(name="Ben Roe"),)
    assert "cannot be an ORCID" in sentences(second.receipt, "left_out", "authors")
    assert "September 25, 2024" in sentences(second.receipt, "repaired", "issued")
    assert "mood" in sentences(third.receipt, "left_out", "")


def test_what_is_no_talk_or_stands_there_twice_is_left_out() -> None:
    done = ols.read(LIBRARY, PEOPLE)
    assert len(done.found) == 3
    assert ["second time" in one.sentence for one in done.left_out].count(True) == 1
    assert len(done.left_out) == 3


@pytest.mark.parametrize(
    ("library", "said"),
    [
        ("a: [", "line 1"),
        ("- one", "by tag"),
        ("a: &x 1\nb: *x", "anchors"),
        ("a: !!python/object/apply:os.system [ls]", "not YAML"),
        ("[" * 100_000, "deeply"),
        ("? " * 50_000, "deeply"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_library_is_refused_with_a_sentence(library: str, said: str) -> None:
    with pytest.raises(Invalid) as raised:
        ols.read(library, "")
    assert said in str(raised.value)
    with pytest.raises(TooLarge):
        ols.read("x" * 6_000_000, "")


def test_the_whole_library_is_counted_as_its_files_say(shared: Path) -> None:
    folder = shared / "data" / "domain" / "ols"
    talks = _talks(folder)
    people = yaml.safe_load((folder / "people.yaml").read_text())
    distinct = {_key(talk) for talk in talks}
    done = ols.read_folder(folder)
    assert len(done.found) == len(distinct)
    assert len(done.left_out) == len(talks) - len(distinct)
    assert len({one.source_uri for one in done.found}) == len(distinct)
    # Of whom people.yaml has an ORCID that is one: by its digits alone, however they are written.
    by_name = {
        f"{one['first-name']} {one['last-name']}".strip(): one for one in people.values() if one.get("orcid")
    }
    for found in done.found:
        for author in found.described.authors:
            written = by_name.get(author.name, {}).get("orcid")
            digits = re.sub(r"[^0-9X]", "", str(written or "")).removeprefix("https://orcid.org/")
            assert author.orcid.replace("-", "") in ("", digits)
            assert not written or author.orcid or "ORCID" in sentences(found.receipt, "left_out", "authors")
    speakers = {name for talk in talks for name in talk["speakers"] if name}
    with_orcid = {name for name in speakers if (people.get(name) or {}).get("orcid")}
    assert {a.name for one in done.found for a in one.described.authors if a.orcid} == {
        f"{people[name]['first-name']} {people[name]['last-name']}" for name in with_orcid
    }
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", one.described.issued) for one in done.found)


def _talks(folder: Path) -> list[dict[str, Any]]:
    tree = yaml.safe_load((folder / "library.yaml").read_text())
    return [talk for subtags in tree.values() for inner in subtags.values() for talk in inner["talks"]]


def _key(talk: dict[str, Any]) -> tuple[Any, ...]:
    """By what a talk is one: when written out in full, its date is in 2024."""
    date = "2024-09-25" if talk["date"] == "September 25, 2024" else talk["date"]
    return talk["title"].strip().lower(), date, talk["cohort"], tuple(filter(None, talk["speakers"]))
