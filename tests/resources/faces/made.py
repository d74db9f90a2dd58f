"""Entries made of whatever characters there are, as the rules of publishing let them in, for tests that want many."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st

from activitypub.vocabulary.resource import File
from fedserver.resources.checking import checked
from fedserver.resources.faces.entry import Entry
from fedserver.resources.records import (
    LEVELS,
    STATUSES,
    TYPES,
    Described,
    Funder,
    Identifier,
    Person,
    Source,
    Topic,
)

# Texts as strangers send them: what publishing cleans is cleaned, what it lets in comes through.
ODD = st.sampled_from(
    ["</script>", "<!--", "]]>", "&amp;", "{", "}", "{}", "\\", "$x_1^2$", "~", "#", "%", "\"", "'", "@misc{", " and ", ",",
     "\u202e", "\x00", "\x0b", "\x85", "\u2028", "\ufeff", "\ufffe", "\u200d", "😀", "é", "漢字", "ß", "ª", "\t", "\n", "- ", ": ", "TY  - "]
)  # fmt: skip
CHARS = st.characters(exclude_categories=("Cs",))
TEXTS = st.lists(st.one_of(ODD, st.text(CHARS, max_size=12)), max_size=5).map("".join)
SHORT = TEXTS.map(lambda text: text[:80])
ADDRESSES = st.builds(
    "https://a.example/{}?b={}".format, st.text("ab/{}&'%-é", max_size=8), st.integers(0, 9)
)
MAYBE_ORCID = st.sampled_from(["", "0000-0002-1825-0097"])
MAYBE_ROR = st.sampled_from(["", "https://ror.org/05f950310"])
LICENCES = st.sampled_from(
    ["", "CC-BY-4.0", "CC0-1.0", "MIT", "MIT OR Apache-2.0", "CC-BY-3.0-IGO", "https://licence.example/x"]
)
NAMES = st.one_of(
    SHORT.map("Ann ".__add__),
    st.sampled_from(
        [
            "Ludwig van Beethoven",
            "Doe, Jane",
            "King, Martin Luther, Jr.",
            "山田太郎",
            "danah boyd",
            "María José Núñez de la Cruz",
        ]
    ),
)
PEOPLE = st.builds(
    Person, name=NAMES, kind=st.sampled_from(["Person", "Organization"]), orcid=MAYBE_ORCID, affiliation=SHORT, ror=MAYBE_ROR,
    role=SHORT.map(lambda text: text[:50]),
)  # fmt: skip
TOPICS = st.builds(
    Topic, label=SHORT.map("topic ".__add__), uri=st.sampled_from(["", "http://edamontology.org/topic_3571"])
)


def several(of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(of, max_size=3).map(tuple)


DESCRIBED = st.builds(
    Described,
    title=SHORT, abstract=TEXTS, language=st.sampled_from(["", "en", "de-AT", "zh-Hant"]),
    types=several(st.sampled_from(TYPES)), authors=several(PEOPLE), contributors=several(PEOPLE), licence=LICENCES,
    doi=st.sampled_from(["", "10.5281/zenodo.12", "10.1000/a<b>&c{d}\\e_f"]), url=st.one_of(st.just(""), ADDRESSES),
    identifiers=several(st.builds(Identifier, value=SHORT, scheme=st.sampled_from(["url", "isbn", "handle"]))),
    level=st.sampled_from(["", *LEVELS]), audience=several(SHORT), teaches=several(SHORT), prerequisites=several(SHORT),
    time_required_minutes=st.one_of(st.none(), st.integers(1, 10_000)), topics=several(TOPICS), keywords=several(SHORT),
    skills=several(TOPICS), accessibility=TEXTS, status=st.sampled_from(STATUSES),
    based_on=several(st.builds(Source, uri=ADDRESSES, relation=st.sampled_from(["adaptation", "translation", "version", "part"]),
                               title=SHORT, licence=st.sampled_from(["", "CC-BY-SA-4.0"]))),
    funders=several(st.builds(Funder, name=SHORT, ror=MAYBE_ROR, grant=SHORT)),
    issued=st.sampled_from(["", "2019", "2019-07", "2019-07-03"]),
)  # fmt: skip


def _entry(described: Described, name: str, withdrawn: bool, version: str) -> Entry:
    """What `entry.read` would give of it."""
    title, abstract = described.title.strip() or "T", described.abstract.strip() or "A"
    kept = checked(_renamed(described, title, abstract))
    row = SimpleNamespace(
        id=117_699_128_948_942_207, uri="https://here.example/resources/117699128948942207",
        url="https://here.example/resources/117699128948942207", local=True, domain="", title=kept.title, summary=kept.abstract,
        text_html="", language=kept.language, created_at=1_790_000_000_000, edited_at=None, changed_at=1_790_000_000_000,
        version=version, reviews_count=0, withdrawn_at=1 if withdrawn else None, withdrawal_reason="", visibility="public",
        deleted_at=None, username="alice", display_name=name, group_id=None,
    )  # fmt: skip
    files = [
        File(url="https://here.example/f", name=name, media_type="application/pdf", size=12, sha256="0" * 64)
    ]
    return Entry(row, kept.details(), files, (), name.strip() or "Here", "https://here.example", None)


def _renamed(described: Described, title: str, abstract: str) -> Described:
    values = {name: getattr(described, name) for name in Described.__struct_fields__}
    return Described(**{**values, "title": "T " + title, "abstract": "A " + abstract})


ENTRIES = st.builds(
    _entry,
    DESCRIBED,
    st.text("abcäß漢 &<>", min_size=1, max_size=20),
    st.booleans(),
    st.sampled_from(["1.0", "v2 & {x}"]),
)
