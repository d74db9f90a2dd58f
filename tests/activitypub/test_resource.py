"""Learning resources on the wire: what we write is read as it was meant, and others' spellings too."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.builders import resource as builder
from activitypub.jsonld import RESOURCE_CONTEXT, expand
from activitypub.values import normalise
from activitypub.vocabulary.resource import (
    LINE_CHARS_MAX,
    LIST_MAX,
    Details,
    File,
    Funder,
    Identifier,
    Person,
    Report,
    Resource,
    Source,
    Topic,
    Version,
    minutes_of,
    read_report,
    read_resource,
)

# -- what we write


def words(most: int = 40) -> st.SearchStrategy[str]:
    """Lines as they are kept: trimmed, without controls."""
    letters = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
    return st.text(letters, min_size=1, max_size=most).map(str.strip).filter(bool)


def lists(values: st.SearchStrategy[Any], most: int = 4) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, max_size=most, unique=True).map(tuple)


def or_empty(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.just(""), values)


addresses = st.from_regex(r"\Ahttps://[a-z]{1,8}\.example/[a-z0-9]{1,12}\Z")
rors = st.from_regex(r"\Ahttps://ror\.org/0[a-z0-9]{6}[0-9]{2}\Z")
orcids = st.from_regex(r"\A0000-000[0-9]-[0-9]{4}-[0-9]{3}[0-9X]\Z")
dates = st.dates().map(lambda day: day.isoformat())
dois = st.from_regex(r"\A10\.[0-9]{4}/[a-z0-9.]{1,12}\Z")
topics = st.builds(Topic, label=words(), uri=or_empty(addresses))
people = st.one_of(
    st.builds(
        Person, name=words(), orcid=or_empty(orcids), affiliation=words(), ror=or_empty(rors), role=or_empty(words()),
        url=or_empty(addresses),
    ),
    st.builds(Person, name=words(), kind=st.just("Organization"), ror=or_empty(rors), url=or_empty(addresses)),
)  # fmt: skip
sources = st.builds(
    Source,
    uri=addresses,
    relation=st.sampled_from(["adaptation", "translation", "version", "part"]),
    title=or_empty(words()),
    licence=or_empty(st.sampled_from(["MIT", "https://licences.example/mine"])),
)
identifiers = st.one_of(
    st.builds(Identifier, value=addresses),
    st.builds(Identifier, value=words(), scheme=st.sampled_from(["isbn", "handle", "arxiv"])),
)
details = st.builds(
    Details,
    types=lists(words()),
    authors=lists(people),
    contributors=lists(people),
    licence=or_empty(st.just("https://licences.example/mine")),
    doi=or_empty(dois),
    url=addresses,
    identifiers=lists(identifiers).map(
        lambda found: tuple(sorted(found, key=lambda one: one.scheme != "url"))
    ),
    level=or_empty(st.sampled_from(["beginner", "advanced"])),
    audience=lists(words()),
    time_required_minutes=st.one_of(st.none(), st.integers(1, 500_000)),
    teaches=lists(words()),
    prerequisites=lists(words()),
    topics=lists(topics),
    keywords=lists(words()),
    skills=lists(topics),
    accessibility=or_empty(words()),
    status=st.sampled_from(["active", "under-development", "archived"]),
    based_on=st.lists(sources, max_size=4, unique_by=lambda one: one.uri).map(tuple),
    funders=lists(st.builds(Funder, name=words(), ror=or_empty(rors), grant=or_empty(words(90)))),
    issued=or_empty(dates),
    review_by=or_empty(dates),
)
versions = st.lists(
    st.builds(Version, number=words(30), issued=or_empty(dates), notes=or_empty(words()), doi=or_empty(dois)),
    max_size=4,
    unique_by=lambda one: one.number,
).map(tuple)
files = st.builds(
    File,
    url=addresses,
    name=words(),
    media_type=st.sampled_from(["application/pdf", ""]),
    size=st.one_of(st.none(), st.integers(0, 10**12)),
    sha256=st.sampled_from(["", "0" * 64]),
)


def written(found: Resource) -> dict[str, Any]:
    inner = builder.learning_resource(
        found,
        name="A title",
        abstract=found.abstract,
        language="en",
        page="https://a.example/resources/1",
        licence_uri=lambda name: "",
    )
    return {"id": "https://a.example/resources/1", "type": "Page", "learningResource": inner}


@given(
    st.builds(
        Resource,
        details=details,
        abstract=or_empty(words()),
        versions=versions,
        files=lists(files),
        withdrawn=st.one_of(st.none(), words()),
    )
)
def test_what_we_write_is_read_as_it_was_meant(made: Resource) -> None:
    read = read_resource(normalise(written(made)))
    assert read is not None
    # The kinds of sources stand under names of their own, and come in the order of those.
    order = {"adaptation": 0, "version": 0, "translation": 1, "part": 2}
    by_kind = tuple(sorted(made.details.based_on, key=lambda one: order[one.relation]))
    doi = f"https://doi.org/{made.details.doi}" if made.details.doi else ""
    # Without a DOI whatever else it is known by may be taken for one; our own check settles that.
    shown = Details(
        **{name: getattr(read.details, name) for name in Details.__struct_fields__ if name != "doi"}
    )
    meant = {name: getattr(made.details, name) for name in Details.__struct_fields__}
    assert shown == Details(**{**meant, "doi": "", "based_on": by_kind})
    assert read.details.doi == doi
    assert read.versions == made.versions
    assert read.files == made.files
    assert (read.abstract, read.withdrawn) == (made.abstract, made.withdrawn)


@given(
    st.builds(
        Report,
        kind=st.sampled_from(["use", "review"]),
        version=or_empty(words(30)),
        used_in=or_empty(words()),
        changed=or_empty(words()),
        worked=or_empty(words()),
        used_on=or_empty(dates),
        rating=st.one_of(st.none(), st.integers(1, 5)),
    )
)
def test_what_is_told_of_a_use_is_read_as_it_was_meant(made: Report) -> None:
    assert read_report(normalise({"type": "Note", **builder.report(made)})) == made


def test_json_ld_loses_nothing_of_it() -> None:
    made = Resource(
        details=Details(
            types=("slides",), authors=(Person(name="A", orcid="0000-0002-1825-0097", affiliation="U", role="text"),),
            licence="https://spdx.org/licenses/MIT", doi="10.1234/x", url="https://a.example/x", level="beginner",
            identifiers=(Identifier(value="978", scheme="isbn"), Identifier(value="https://a.example/y")),
            audience=("everybody",), time_required_minutes=90, teaches=("a",), prerequisites=("b",),
            topics=(Topic(label="t", uri="https://a.example/t"),), skills=(Topic(label="s"),), keywords=("k",),
            based_on=(Source(uri="https://b.example/1", title="T", relation="version"),
                      Source(uri="https://b.example/2", relation="translation")),
            funders=(Funder(name="F", ror="https://ror.org/012345678", grant="1"),), accessibility="Captions",
            issued="2026-01-01", review_by="2027-01-01",
        ),
        abstract="An abstract.",
        versions=(Version(number="1", issued="2026-01-01", notes="n", doi="10.1234/y"),),
        files=(File(url="https://a.example/f", name="f", media_type="application/pdf", size=1, sha256="0" * 64),),
        withdrawn="Wrong.",
    )  # fmt: skip
    for document in (written(made), {"type": "Note", **builder.report(Report(kind="use", used_in="x", rating=3, version="1", changed="c", worked="w", used_on="2026-01-01"))}):  # fmt: skip
        document = {"@context": RESOURCE_CONTEXT, **document}
        [expanded] = expand(document)
        assert _leaves(expanded) >= _leaves(
            {key: value for key, value in document.items() if key != "@context"}
        )
        assert not [key for key in _keys(expanded) if ":" not in key and not key.startswith("@")]


def _leaves(value: Any) -> int:
    """How many values there are, names of types aside."""
    if isinstance(value, dict):
        return sum(_leaves(one) for key, one in value.items() if key not in ("@type", "type", "@id", "id"))
    if isinstance(value, list):
        return sum(map(_leaves, value))
    return 1


def _keys(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(key for one in value.values() for key in _keys(one))]
    return [key for one in value for key in _keys(one)] if isinstance(value, list) else []


# -- what others write


def read(**inner: Any) -> Resource:
    found = read_resource(normalise({"type": "Page", "learningResource": inner}))
    assert found is not None
    return found


@pytest.mark.parametrize("prefix", ["schema:", "https://schema.org/", "http://schema.org/", ""])
def test_names_of_schema_org_in_every_spelling(prefix: str) -> None:
    found = read(**{f"{prefix}teaches": "To teach", f"{prefix}author": {f"{prefix}name": "Ann"}})
    assert found.details.teaches == ("To teach",)
    assert found.details.authors == (Person(name="Ann"),)


@pytest.mark.parametrize(
    "said",
    [
        "To teach", ["To teach"], {"@value": "To teach"}, [{"@value": "To teach", "@language": "en"}],
        {"en": "To teach", "de": "Lehren"}, {"en-GB": ["To teach"]}, {"@none": "To teach"}, {"name": "To teach"},
        {"name": {"@value": "To teach"}},
    ],
)  # fmt: skip
def test_texts_in_every_form(said: Any) -> None:
    assert read(teaches=said).details.teaches == ("To teach",)
    if not (isinstance(said, dict) and "name" in said):
        assert read(accessibilitySummary=said).details.accessibility == "To teach"
        assert read(author={"name": said}).details.authors == (Person(name="To teach"),)


def test_numbers_in_every_form() -> None:
    for said in (5, "5", {"@value": 5}, {"@value": "5"}, 5.0, [5]):
        assert read_report({"net:review": {"schema:ratingValue": said}}) == Report(kind="review", rating=5)
    for said in (99, 0, -1, 4.5, "five", None, True, [], {}, 10**30, "9" * 40):
        assert read_report({"net:review": {"schema:ratingValue": said}}) == Report(kind="review")
    assert read(version=1.2).versions == (Version(number="1.2"),)


def test_a_doi_is_found_among_other_identifiers() -> None:
    others = ["my-own-1", {"propertyID": "isbn", "value": "978"}, "https://doi.org/10.5281/zenodo.1"]
    assert read(identifier=others).details.doi == "https://doi.org/10.5281/zenodo.1"
    found = read(identifier={"propertyID": "DOI", "value": "10.5281/zenodo.1"}).details
    assert (found.doi, found.identifiers) == ("10.5281/zenodo.1", ())


@pytest.mark.parametrize(
    ("said", "minutes"),
    [
        ("PT90M", 90), ("PT1H30M", 90), ("P1D", 1440), ("P2W", 20160), ("pt1h", 60), ("PT5400S", None),
        ("PT1M30S", 1), ("P1M", None), ("90", None), ("PT", None), ("P", None), ("PT5", None), ("", None),
        ("PT99999999M", None), ("PTT1M", 1),
    ],
)  # fmt: skip
def test_how_long_a_lesson_takes(said: str, minutes: int | None) -> None:
    assert minutes_of(said) == minutes


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//b.example/x", "", 5, None, {"@id": 7}]
)  # fmt: skip
def test_addresses_that_are_none_are_left_out(url: Any) -> None:
    found = read(
        encoding=[{"contentUrl": url}], url=url, isBasedOn=[{"id": url}], author={"name": "A", "url": url}
    )
    assert (found.files, found.details.url, found.details.based_on) == ((), "", ())
    assert found.details.authors == (Person(name="A"),)


def test_types_and_digests_of_files_are_what_they_say() -> None:
    found = read(
        encoding=[
            {
                "contentUrl": "https://a.example/1",
                "encodingFormat": 'text/html"><script>',
                "sha256": "XYZ" * 30,
            },
            {"contentUrl": {"id": "https://a.example/2"}, "encodingFormat": "text/html", "sha256": "AB" * 32},
        ]
    )
    assert [(one.media_type, one.sha256) for one in found.files] == [("", ""), ("text/html", "ab" * 32)]


def test_what_is_far_too_much_is_cut() -> None:
    found = read(
        keywords=[f"word {number}" for number in range(10_000)],
        author=[{"name": "x" * 1_000_000}] * 10_000,
        description="y" * 1_000_000,
        isBasedOn=[f"https://b.example/{number}" for number in range(10_000)],
        **{"net:versions": [{"version": str(number)} for number in range(10_000)]},
    )
    assert len(found.details.keywords) == len(found.details.based_on) == len(found.versions) == LIST_MAX
    assert len(found.details.authors) <= LIST_MAX
    assert len(found.details.authors[0].name) == LINE_CHARS_MAX
    assert len(found.abstract) == 5_000


json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["id", "type", "name", "@value", "en", "value", "version", "url"]), inner, max_size=3),
    ),
    max_leaves=8,
)  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(
            ["author", "license", "identifier", "about", "net:skills", "encoding", "net:versions", "isBasedOn", "funder",
             "audience", "timeRequired", "version", "net:withdrawn", "sameAs", "keywords", "teaches", "url"]
        ),
        json,
        max_size=6,
    )
)  # fmt: skip
def test_nothing_that_is_said_breaks_the_reader(inner: dict[str, Any]) -> None:
    read_resource(normalise({"type": "Page", "learningResource": inner}))
    read_report({"net:use": inner})
