"""What a source says of one resource, gathered field by field, with a note for everything that is not simply taken over.

Readers of sources call the methods with whatever they found; a value that cannot be used is left out and said so, never
refused. At the end `found` gives a `Described` that passes `fedserver.resources.checking`, but for a title or an abstract
that are not there.
"""

# Long because a resource has many fields, and how each is gathered stands here once for all sources.

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec.structs import replace

from activitypub.identifiers import origin_of
from fedserver.content.from_html import has_markup, markdown_of, text_of
from fedserver.content.text import clean_line, clean_text
from fedserver.errors import TooLarge
from fedserver.resources import checking, identifiers
from fedserver.resources.importing import words
from fedserver.resources.importing.receipts import Found, Kind, Receipt, quoted
from fedserver.resources.publishing import FILES_MAX, NUMBER_CHARS_MAX, Link, NewVersion
from fedserver.resources.records import Described, Funder, Identifier, Person, Source, Topic

TEXT_CHARS_READ: Final = 200_000
"""Of a text; what is longer is cut before anything looks at it."""
LIST_MAX: Final = 200

_SEPARATORS: Final = re.compile(r"\s*[;|\n]\s*")
_COMMAS: Final = re.compile(r"\s*[,;|\n]\s*")
_FIRST_ADDRESS: Final = re.compile(r"https?://[^\s<>\"“”]{4,2000}(?=[\s<>\"“”])")
_FAMILY_FIRST: Final = re.compile(r"(?P<family>[^,]{1,80}),\s*(?P<given>[^,]{1,60})")
_OF_ORGANISATIONS: Final = re.compile(
    r"\b(?:universit\w*|institut\w*|department|school|faculty|centre|center|commons|consortium|team|group|network|society|"
    r"association|foundation|council|library|hub|platform|project|committee|agency|ltd|inc|gmbh|hochschule|bibliothek)\b",
    re.IGNORECASE,
)
_WANTED: Final = {
    "title": "There is no title.",
    "abstract": "There is no description.",
    "licence": "No licence is given: nobody may assume that they can reuse it.",
    "authors": "Nobody is named as author.",
    "keywords": "There are no keywords, which catalogues ask for.",
    "language": "The language is not given.",
}


class Gathered:
    """One resource while its source is read."""

    def __init__(self, source: str = "") -> None:
        self.receipt = Receipt(source=source)
        self._said: dict[str, Any] = {}
        self._authors: list[Person] = []
        self._contributors: list[Person] = []
        self._topics: dict[str, Topic] = {}
        self._keywords: dict[str, str] = {}
        self._identifiers: dict[str, Identifier] = {}
        self._sources: dict[str, Source] = {}
        self._funders: list[Funder] = []
        self._links: dict[str, Link] = {}
        self._number, self._notes, self._version_doi = "", "", ""

    def note(self, kind: Kind, name: str, sentence: str) -> None:
        """Something to say of a field."""
        self.receipt.note(kind, name, sentence)

    def has(self, name: str) -> bool:
        """Whether a field has been said."""
        return bool(self._said.get(name))

    def said(self, name: str) -> Any:
        """What has been said in a field, or ""."""
        return self._said.get(name, "")

    # -- texts

    def plain(self, name: str, value: Any) -> str:
        """A text of one line, without the markup that may have been in it."""
        return clean_line(self._text(name, value))

    def title(self, value: Any) -> None:
        """The first title counts."""
        text = self.plain("title", value)
        if text and not self.has("title"):
            self._said["title"] = self._cut("title", text, checking.TITLE_CHARS_MAX)

    def abstract(self, value: Any) -> None:
        """A short text that stands alone; plain."""
        text = self._text("abstract", value)
        if text and not self.has("abstract"):
            self._said["abstract"] = self._cut("abstract", text, checking.ABSTRACT_CHARS_MAX)

    def description(self, value: Any) -> None:
        """A longer text, as HTML or plain: what does not fit into an abstract becomes the text, in Markdown."""
        raw = self._raw("text", value)
        if not raw:
            return
        plain = self._text("abstract", raw)
        if not self.has("abstract"):
            self._said["abstract"] = _beginning(plain)
        if has_markup(raw) and "<" in raw:
            self.markdown(self._markdown(raw, plain))
        elif plain != self._said["abstract"]:
            self.markdown(_as_markdown(plain))

    def markdown(self, text: str) -> None:
        """The text, in Markdown of ours."""
        text = clean_text(text).strip()
        if text and not self.has("text"):
            self._said["text"] = self._cut("text", text, checking.TEXT_CHARS_MAX)

    def accessibility(self, value: Any) -> None:
        text = self._text("accessibility", value)
        self._said["accessibility"] = self._cut("accessibility", text, checking.ACCESSIBILITY_CHARS_MAX)

    def lines(self, name: str, values: Iterable[Any], *, split: bool = False) -> None:
        """`audience`, `teaches`, `prerequisites`: texts of a line each."""
        found = dict.fromkeys(self._said.get(name, ()))
        for value in values:
            whole = self._text(name, value)
            for text in _COMMAS.split(whole) if split and len(whole) < 300 else _SEPARATORS.split(whole):
                line = clean_line(text.lstrip("-*• "))
                if line:
                    found[self._cut(name, line, checking.LINE_CHARS_MAX)] = None
        self._said[name] = tuple(found)

    def _raw(self, name: str, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return ""
        text = str(value)
        if len(text) > TEXT_CHARS_READ:
            self.note("left_out", name, f"Only the first {TEXT_CHARS_READ:,} characters were read.")
        return text[:TEXT_CHARS_READ].strip()

    def _text(self, name: str, value: Any) -> str:
        text = self._raw(name, value)
        if text and has_markup(text):
            try:
                plain = text_of(text)
            except TooLarge:
                plain = re.sub(r"<[^<>]*>", " ", text)
            self.note("repaired", name, "It was written as HTML and has become plain text.")
            text = plain
        return clean_text(text).strip()

    def _markdown(self, html: str, plain: str) -> str:
        try:
            found = markdown_of(html)
        except (TooLarge, RecursionError):
            self.note("left_out", "text", "Its formatting was too much; the words alone were taken.")
            return _as_markdown(plain)
        self.note("repaired", "text", "It was written as HTML and has become Markdown.")
        return found

    def _cut(self, name: str, text: str, chars_max: int) -> str:
        if len(text) <= chars_max:
            return text
        self.note("left_out", name, f"It was cut after {chars_max:,} characters.")
        return text[: chars_max - 1].rstrip() + "…"

    # -- people

    def author(self, person: Person | None) -> None:
        if person is not None and len(self._authors) < checking.PEOPLE_MAX and person not in self._authors:
            self._authors.append(person)

    def contributor(self, person: Person | None) -> None:
        known = (*self._authors, *self._contributors)
        if person is not None and len(self._contributors) < checking.PEOPLE_MAX and person not in known:
            self._contributors.append(person)

    def person(
        self,
        name: Any,
        *,
        field: str = "authors",
        orcid: Any = "",
        affiliation: Any = "",
        ror: Any = "",
        url: Any = "",
        role: Any = "",
        organisation: bool = False,
        family_first: bool = False,
    ) -> Person | None:
        """A person or an organisation; None without a name. `family_first` is for sources that write ``Doe, Jane``."""
        called = self.plain(field, name)
        if not called:
            return None
        turned = _FAMILY_FIRST.fullmatch(called) if family_first and not organisation else None
        if turned is not None and not _OF_ORGANISATIONS.search(called):
            called = f"{turned['given'].strip()} {turned['family'].strip()}"
        return Person(
            name=self._cut(field, called, checking.NAME_CHARS_MAX),
            kind="Organization" if organisation else "Person",
            orcid=self.orcid(field, called, orcid),
            affiliation=self._cut(field, self.plain(field, affiliation), checking.NAME_CHARS_MAX),
            ror=self._ror(field, ror),
            role=self.plain(field, role)[:60].strip(),
            url=self.web_address(field, url, quietly=True),
        )

    def orcid(self, field: str, name: str, value: Any) -> str:
        text = self._raw(field, value)
        if not text:
            return ""
        found = identifiers.orcid(text)
        if found is None:
            self.note(
                "left_out",
                field,
                f"{quoted(text)} of {name} cannot be an ORCID; the name is kept without it.",
            )
        elif text.removeprefix("https://orcid.org/") != found:
            self.note("repaired", field, f"The ORCID {quoted(value)} of {name} was written as {found}.")
        return found or ""

    def _ror(self, field: str, value: Any) -> str:
        text = self._raw(field, value)
        found = identifiers.ror(text) if text else ""
        if found is None:
            self.note("left_out", field, f"{quoted(text)} cannot be a ROR identifier.")
        return found or ""

    def funder(self, name: Any, *, ror: Any = "", grant: Any = "") -> None:
        called = self.plain("funders", name)[: checking.NAME_CHARS_MAX]
        if called and len(self._funders) < checking.LINES_MAX:
            self._funders.append(
                Funder(name=called, ror=self._ror("funders", ror), grant=self.plain("funders", grant)[:100])
            )

    # -- identifiers and addresses

    def web_address(self, field: str, value: Any, *, quietly: bool = False) -> str:
        """An address that begins with http:// or https://, or ""."""
        text = self._raw(field, value)
        if not text:
            return ""
        if text.startswith("www."):
            self.note("repaired", field, f"https:// was put before {quoted(text)}.")
            text = f"https://{text}"
        if origin_of(text) is not None and len(text) <= checking.ADDRESS_CHARS_MAX:
            return text
        first = _FIRST_ADDRESS.match(text)
        if (
            first is not None
            and origin_of(first[0]) is not None
            and len(first[0]) <= checking.ADDRESS_CHARS_MAX
        ):
            self.note("guessed", field, f"Of {quoted(text)} the first address was taken.")
            return first[0]
        if not quietly:
            self.note("left_out", field, f"{quoted(text)} is no web address.")
        return ""

    def url(self, value: Any) -> None:
        """Where the resource lies; the first counts."""
        found = self.web_address("url", value)
        if found and not self.has("url"):
            self._said["url"] = found

    def doi(self, value: Any, *, quietly: bool = False) -> bool:
        """The DOI, of which the first counts; whether it is one."""
        text = self._raw("doi", value)
        found = identifiers.doi(text) if text else None
        if found is None:
            if text and not quietly:
                self.note("left_out", "doi", f"{quoted(text)} is no DOI.")
            return False
        if not self.has("doi"):
            self._said["doi"] = found
        elif self._said["doi"] != found:
            self.identifier(found, "doi")
        return True

    def identifier(self, value: Any, scheme: str = "url") -> None:
        """What else it is known by."""
        text = self.plain("identifiers", value)[: checking.ADDRESS_CHARS_MAX]
        if text and len(self._identifiers) < checking.LINES_MAX:
            self._identifiers.setdefault(
                text, Identifier(value=text, scheme=clean_line(scheme)[:30].lower() or "url")
            )

    # -- words of lists, numbers, dates

    def licence(self, value: Any, *, field: str = "licence") -> None:
        """A name, an expression, an address or a text; the first that can be read counts."""
        text = self._text(field, value)
        if not text:
            return
        found, guess = words.licence(text)
        if not found and origin_of(text) is not None and len(text) <= checking.ADDRESS_CHARS_MAX:
            found = text
            self.note(
                "guessed",
                field,
                f"{quoted(text)} is no licence that SPDX lists; its address was kept as it is.",
            )
        elif guess:
            self.note("guessed", field, guess)
        if not found:
            self.note(
                "left_out", field, f"{quoted(text)} is no licence that SPDX lists; nothing was assumed."
            )
        elif not self.has("licence"):
            self._said["licence"] = found
        elif self._said["licence"] != found:
            self.note("left_out", field, f"There is a second licence, {found}: the first was taken.")

    def language(self, value: Any) -> None:
        """The first counts."""
        text = self._raw("language", value)
        if not text:
            return
        found, guess = words.language(text)
        if not found:
            self.note("left_out", "language", f"{quoted(text)} is no language code.")
        elif self.has("language"):
            if self._said["language"] != found:
                self.note("left_out", "language", f"It is in {found}, too: the first language was taken.")
        else:
            self._said["language"] = found
            if guess:
                self.note("guessed", "language", guess)
            elif text != found:
                self.note("repaired", "language", f"{quoted(text)} was written as {found}.")

    def level(self, value: Any) -> None:
        """The first counts."""
        text = self._text("level", value)
        found = words.level(text) if text else ""
        if text and not found:
            self.note("left_out", "level", f"{quoted(text)} is none of beginner, intermediate and advanced.")
        elif found and not self.has("level"):
            self._said["level"] = found
            if found != text.lower():
                self.note("guessed", "level", f"{quoted(text)} was taken for {found}.")

    def kind(self, value: Any, *, quietly: bool = False) -> bool:
        """A word for what it is; whether it is one that we know."""
        text = self._text("types", value)
        found = words.kind(text) if text else ""
        if found:
            kept = self._said.setdefault("types", [])
            if found not in kept and len(kept) < checking.TYPES_MAX:
                kept.append(found)
            if not quietly and found != text.lower().removesuffix("s") and found != text.lower():
                self.note("guessed", "types", f"{quoted(text)} was taken for {found}.")
        elif text and not quietly:
            self.note("left_out", "types", f"{quoted(text)} is no type of resource that is known here.")
        return bool(found)

    def duration(self, value: Any) -> None:
        text = self._raw("time_required_minutes", value)
        if not text or self.has("time_required_minutes"):
            return
        number, guess = words.minutes(text)
        if number is None:
            self.note(
                "left_out",
                "time_required_minutes",
                f"{quoted(text)} is no length of time that could be used.",
            )
            return
        self._said["time_required_minutes"] = number
        if guess:
            self.note("guessed", "time_required_minutes", guess)

    def issued(self, value: Any, *, guess: str = "") -> None:
        """The date it came out; the first counts. `guess` says why another date stands for it."""
        text = self._raw("issued", value)
        if not text or self.has("issued"):
            return
        found, how = words.day(text)
        if not found:
            self.note("left_out", "issued", f"{quoted(text)} is no date.")
            return
        self._said["issued"] = found
        if guess:
            self.note("guessed", "issued", guess)
        if how:
            self.note("guessed" if "-" not in text and "/" in text else "repaired", "issued", how)

    def status(self, value: Any) -> None:
        text = self.plain("status", value).lower().replace("_", " ")
        found = {
            "active": "active", "published": "active", "complete": "active", "archived": "archived", "retired": "archived",
            "withdrawn": "archived", "under development": "under-development", "under-development": "under-development",
            "draft": "under-development", "incomplete": "under-development", "in development": "under-development",
        }.get(text)  # fmt: skip
        if found:
            self._said["status"] = found
        elif text:
            self.note("left_out", "status", f"{quoted(text)} is no status that is known here.")

    # -- keywords, topics, sources, versions

    def keywords(self, values: Sequence[Any]) -> None:
        """Words; one text that lists them is taken apart."""
        texts = [one for one in (self.plain("keywords", value) for value in values[:LIST_MAX]) if one]
        if len(texts) == 1 and _COMMAS.search(texts[0]):
            self.note("guessed", "keywords", "They were one text, which was taken apart at its commas.")
            texts = _COMMAS.split(texts[0])
        for text in texts:
            if not text:
                continue
            word = self._cut("keywords", text, 100)
            if len(self._keywords) < checking.LINES_MAX:
                self._keywords.setdefault(word.casefold(), word)
            else:
                self.note("left_out", "keywords", f"Only {checking.LINES_MAX} keywords were taken.")

    def topic(self, label: Any, uri: Any = "") -> None:
        """A term of a vocabulary, or a word."""
        address = self.web_address("topics", uri, quietly=True)
        text = self.plain("topics", label)[:100].strip()
        if address and not text:
            known = self._topics.get(address)
            if known is not None:
                return
            text = address.rstrip("/").rpartition("/")[2].rpartition("#")[2][:100]
            self.note("guessed", "topics", f"A topic had no name: {quoted(text)} is the end of its address.")
        if not text:
            return
        if len(self._topics) < checking.TOPICS_MAX:
            self._topics.setdefault(address or text.casefold(), Topic(label=text, uri=address))
        else:
            self.note("left_out", "topics", f"Only {checking.TOPICS_MAX} topics were taken.")

    def source(self, uri: Any, relation: str = "adaptation", *, title: Any = "", licence: Any = "") -> None:
        """A work that this one is made from, or a part of."""
        text = self._raw("based_on", uri)
        doi = identifiers.doi(text) if text else None
        address = identifiers.doi_address(doi) if doi else self.web_address("based_on", text, quietly=True)
        called = self.plain("based_on", title)[: checking.TITLE_CHARS_MAX]
        if not address:
            if called or text:
                self.note(
                    "left_out",
                    "based_on",
                    f"{quoted(called or text)} has no web address, so nothing can lead there.",
                )
            return
        if len(self._sources) >= checking.SOURCES_MAX:
            self.note("left_out", "based_on", f"Only {checking.SOURCES_MAX} sources were taken.")
            return
        found = words.licence(self._raw("based_on", licence))[0]
        self._sources.setdefault(
            address,
            Source(uri=address, relation=relation, title=called, licence=found),  # type: ignore[arg-type]
        )

    def link(self, url: Any, name: Any = "") -> None:
        """A file or a page that belongs to the version."""
        address = self.web_address("files", url)
        if not address:
            return
        if len(self._links) < FILES_MAX:
            self._links.setdefault(address, Link(address, self.plain("files", name)[:200]))
        else:
            self.note("left_out", "files", f"Only {FILES_MAX} files were taken.")

    def version(self, number: Any = "", *, notes: Any = "", doi: Any = "") -> None:
        """Its version; the first number counts."""
        text = self.plain("version", number)
        if text and not self._number:
            self._number = self._cut("version", text, NUMBER_CHARS_MAX)
        self._notes = self._notes or self._text("version", notes)[:5_000]
        text = self._raw("version", doi)
        self._version_doi = self._version_doi or (identifiers.doi(text) or "" if text else "")

    # -- the end

    def found(self, *, source_uri: str = "", collection: str = "", dois: Sequence[str] = ()) -> Found:
        """What has been gathered, as far as it may be kept."""
        described = self._without_itself(
            replace(
                Described(),
                **{
                    name: tuple(value) if isinstance(value, list) else value
                    for name, value in self._said.items()
                },
                authors=tuple(self._authors),
                contributors=tuple(self._contributors),
                topics=tuple(self._topics.values()),
                keywords=tuple(self._keywords.values()),
                identifiers=tuple(self._identifiers.values()),
                based_on=tuple(self._sources.values()),
                funders=tuple(self._funders),
            )
        )
        described = self._fitting(described)
        for name, sentence in _WANTED.items():
            if not getattr(described, name) and not (name == "keywords" and described.topics):
                self.note("missing", name, sentence)
        version = NewVersion(links=tuple(self._links.values()), notes=self._notes, doi=self._version_doi)
        if self._number:
            version = NewVersion(self._number, self._notes, self._version_doi, (), version.links)
        return Found(
            described,
            self.receipt,
            source_uri=source_uri[: checking.ADDRESS_CHARS_MAX],
            version=version,
            collection=collection,
            dois=tuple(dict.fromkeys(dois)),
        )

    def _without_itself(self, described: Described) -> Described:
        """A work is not made from itself."""
        own = {
            one
            for one in (described.url, identifiers.doi_address(described.doi) if described.doi else "")
            if one
        }
        kept = tuple(one for one in described.based_on if one.uri not in own)
        if len(kept) < len(described.based_on):
            self.note("left_out", "based_on", "It named itself as a work that it is made from.")
        return replace(described, based_on=kept)

    def _fitting(self, described: Described) -> Described:
        """Whatever would still be refused is left out, and said."""
        problems = checking.problems_of(described)
        empty = Described()
        for name, sentence in problems.items():
            if name in ("title", "abstract") and not getattr(described, name):
                continue
            self.note("left_out", name, f"It {sentence}.")
            described = replace(described, **{name: getattr(empty, name)})
        return described


def checked(found: Found) -> Described:
    """What was found, as it is kept; without a description one is made of what else is known, and the receipt says so. Raises
    Invalid for what has no title."""
    described = found.described
    if described.title and not described.abstract:
        described = replace(described, abstract=_stand_in(described))
        found.receipt.note(
            "guessed", "abstract", "It was put together from the title, the types and the authors."
        )
    return checking.checked(described)


def _stand_in(described: Described) -> str:
    kinds = ", ".join(one.replace("-", " ") for one in described.types)
    names = ", ".join(one.name for one in described.authors[:5])
    parts = (described.title, f" ({kinds})" if kinds else "", f" by {names}" if names else "")
    return f"{''.join(parts)[: checking.ABSTRACT_CHARS_MAX - 1]}."


def _beginning(text: str) -> str:
    """What of a text stands for all of it: paragraphs, or a part of the first."""
    if len(text) <= checking.ABSTRACT_CHARS_MAX // 2:
        return text
    kept = ""
    for part in text.split("\n\n"):
        if kept and len(kept) + len(part) + 2 > checking.ABSTRACT_CHARS_MAX // 2:
            break
        kept = f"{kept}\n\n{part}" if kept else part
    if len(kept) <= checking.ABSTRACT_CHARS_MAX:
        return kept
    cut = kept[: checking.ABSTRACT_CHARS_MAX - 1]
    return (cut[: cut.rfind(" ")] if " " in cut[-200:] else cut).rstrip() + "…"


_MARKS: Final = re.compile(r"([\\`*_\[\]<>#|~])")


def _as_markdown(text: str) -> str:
    """Plain text as Markdown that says the same."""
    return _MARKS.sub(r"\\\1", text)
