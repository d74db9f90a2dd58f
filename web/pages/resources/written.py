"""What is in the form of a resource. It keeps everything when something is wrong, and grows rows without a script."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from aiohttp import web

from fedserver.errors import Conflict, FedError, Invalid, TooLarge
from fedserver.resources import checking, files, licences
from fedserver.resources.cards import LANGUAGES
from fedserver.resources.pages import DraftView
from fedserver.resources.publishing import FILES_MAX, FIRST_VERSION, DraftBeside, Link, NewVersion
from fedserver.resources.records import (
    LEVELS,
    RELATIONS,
    STATUSES,
    TYPES,
    Described,
    Funder,
    Identifier,
    Person,
    Source,
    Topic,
)
from fedserver.viewer import Member
from web import keys
from web.pages import page
from web.params import Params

# Of one line or several, as they are typed.
_TEXTS: Final = (
    "title", "abstract", "text", "language", "licence", "doi", "url", "level", "time_required_minutes", "audience", "teaches",
    "prerequisites", "keywords", "accessibility", "status", "issued", "review_by", "place", "number", "notes", "version_doi",
    "key",
)  # fmt: skip
_LISTS: Final = ("audience", "teaches", "prerequisites")  # one a line
ROWS: Final[dict[str, tuple[str, ...]]] = {
    "authors": ("name", "orcid", "role", "affiliation", "ror", "url", "kind"),
    "contributors": ("name", "orcid", "role", "affiliation", "ror", "url", "kind"),
    "topics": ("label", "uri"),
    "skills": ("label", "uri"),
    "based_on": ("uri", "relation", "title", "licence"),
    "identifiers": ("scheme", "value"),
    "funders": ("name", "ror", "grant"),
    "links": ("url", "name"),
}
# Without this part the others of a row say nothing.
_KEYS: Final = {
    "authors": ("name", "needs a name in each row that is used"),
    "contributors": ("name", "needs a name in each row that is used"),
    "topics": ("label", "needs a word in each row that is used"),
    "skills": ("label", "needs a word in each row that is used"),
    "based_on": ("uri", "needs an address in each row that is used"),
    "identifiers": ("value", "needs an identifier in each row that is used"),
    "funders": ("name", "needs a name in each row that is used"),
    "links": ("url", "needs an address in each row that is used"),
}
ROWS_MAX: Final = 100
ROWS_MORE: Final = 3
FILE_FIELDS: Final = 3
_FIRST_ROWS: Final = {"authors": 2, "links": 1}

_CHOSEN: Final = ("kind", "relation", "scheme")
"""Parts that are chosen or proposed: they do not fill a row."""

T = TypeVar("T")


@dataclass(frozen=True)
class SentFile:
    """A file that has been sent and belongs to nothing yet; `chosen` for the version of this form."""

    id: int
    name: str
    size: int
    chosen: bool


@dataclass(frozen=True)
class Written:
    """What is in the form, as it was typed. `rows` has at least one empty row of each kind."""

    texts: dict[str, str] = field(default_factory=lambda: dict.fromkeys(_TEXTS, ""))
    types: tuple[str, ...] = ()
    rows: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    files: list[SentFile] = field(default_factory=list)

    def with_texts(self, **texts: str) -> Written:
        return replace(self, texts={**self.texts, **texts})

    def with_more(self, name: str) -> Written:
        """With further empty rows of one kind."""
        blank: list[dict[str, str]] = [dict.fromkeys(ROWS[name], "") for _ in range(ROWS_MORE)]
        return replace(self, rows={**self.rows, name: [*self.rows[name], *blank][:ROWS_MAX]})


def blank(**texts: str) -> Written:
    """The form of something new."""
    return of_described(Described(status="active")).with_texts(**{"number": FIRST_VERSION, **texts})


def of_described(said: Described) -> Written:
    """The form with what is said already."""
    texts = dict.fromkeys(_TEXTS, "")
    for name in ("title", "abstract", "text", "language", "licence", "doi", "url", "level", "accessibility", "status", "issued",
                 "review_by"):  # fmt: skip
        texts[name] = getattr(said, name)
    texts["time_required_minutes"] = (
        "" if said.time_required_minutes is None else str(said.time_required_minutes)
    )
    texts["keywords"] = ", ".join(said.keywords)
    for name in _LISTS:
        texts[name] = "\n".join(getattr(said, name))
    rows = {name: _rows_of(name, getattr(said, name, ())) for name in ROWS}
    return Written(texts, tuple(said.types), rows)


def of_draft(view: DraftView) -> Written:
    """The form with what a draft says."""
    beside = view.beside
    written = of_described(view.described)
    return replace(written, rows={**written.rows, "links": _rows_of("links", beside.links)}).with_texts(
        place=beside.place or "public",
        number=beside.number or FIRST_VERSION,
        notes=beside.notes,
        version_doi=beside.doi,
    )


def beside_of(written: Written) -> DraftBeside:
    """What a draft keeps of the form besides."""
    texts, version = written.texts, version_of(written)
    return DraftBeside(
        place=texts["place"],
        number=version.number,
        notes=version.notes,
        doi=version.doi,
        links=tuple(version.links),
        file_ids=tuple(version.file_ids),
    )


def _rows_of(name: str, values: Iterable[Any]) -> list[dict[str, str]]:
    filled = [{part: str(getattr(one, part)) for part in ROWS[name]} for one in values]
    empty = max(1, _FIRST_ROWS.get(name, 1) - len(filled))
    return [*filled, *(dict.fromkeys(ROWS[name], "") for _ in range(empty))]


def read(params: Params) -> Written:
    """The form as it was sent. Raises Invalid for what no browser sends."""
    # Browsers send line ends as CRLF.
    texts = {name: params.text(name).replace("\r\n", "\n") for name in _TEXTS}
    rows = {}
    for name, parts in ROWS.items():
        sent = params.children(name, count_max=ROWS_MAX + ROWS_MORE)
        rows[name] = [{part: one.text(part) for part in parts} for one in sent] or _rows_of(name, ())
    return Written(texts, tuple(params.texts("types", count_max=len(TYPES))), rows)


def described_of(written: Written) -> Described:
    """What is said, as the form has it; `checking` looks at it. Raises Invalid for what is no number."""
    texts = written.texts
    return Described(
        title=texts["title"],
        abstract=texts["abstract"],
        text=texts["text"],
        language=texts["language"],
        types=written.types,
        authors=tuple(_filled(written, "authors", _person)),
        contributors=tuple(_filled(written, "contributors", _person)),
        licence=texts["licence"],
        doi=texts["doi"],
        url=texts["url"],
        identifiers=tuple(_filled(written, "identifiers", lambda row: Identifier(**row))),
        level=texts["level"],
        audience=tuple(texts["audience"].splitlines()),
        time_required_minutes=_minutes(texts["time_required_minutes"]),
        teaches=tuple(texts["teaches"].splitlines()),
        prerequisites=tuple(texts["prerequisites"].splitlines()),
        topics=tuple(_filled(written, "topics", lambda row: Topic(**row))),
        keywords=tuple(texts["keywords"].replace("\n", ",").split(",")),
        skills=tuple(_filled(written, "skills", lambda row: Topic(**row))),
        accessibility=texts["accessibility"],
        status=texts["status"] or "active",
        based_on=tuple(_filled(written, "based_on", _source)),
        funders=tuple(_filled(written, "funders", lambda row: Funder(**row))),
        issued=texts["issued"],
        review_by=texts["review_by"],
    )


def _filled(written: Written, name: str, make: Callable[[dict[str, Any]], T]) -> Iterable[T]:
    """Of the rows of one kind those that are not empty."""
    for row in written.rows[name]:
        if any(value.strip() for part, value in row.items() if part not in _CHOSEN):
            yield make(row)


def _person(row: dict[str, Any]) -> Person:
    kind = "Organization" if row["kind"] == "Organization" else "Person"
    return Person(**{**row, "kind": kind})


def _source(row: dict[str, Any]) -> Source:
    relation = row["relation"] if row["relation"] in RELATIONS else RELATIONS[0]
    return Source(**{**row, "relation": relation})


def _minutes(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid({"time_required_minutes": "must be a number of minutes, at most a year"})
    return int(text)


def version_of(written: Written) -> NewVersion:
    """The version that the form brings out."""
    texts = written.texts
    links = _filled(written, "links", lambda row: Link(row["url"], row["name"]))
    return NewVersion(
        texts["number"],
        texts["notes"],
        texts["version_doi"],
        [one.id for one in written.files if one.chosen],
        list(links),
    )


def check(written: Written) -> None:
    """Raise Invalid where rows lack what they are about; the rest is for those who keep them to refuse."""
    wrong = {name: _KEYS[name][1] for name in ROWS if any(_lacks(name, row) for row in written.rows[name])}
    if wrong:
        raise Invalid(wrong)


def _lacks(name: str, row: dict[str, str]) -> bool:
    key = _KEYS[name][0]
    return not row[key].strip() and any(
        value.strip() for part, value in row.items() if part not in (key, *_CHOSEN)
    )


# -- files


async def with_files(
    request: web.Request, member: Member, written: Written, chosen: Collection[int]
) -> Written:
    """The form with the files that the member has sent and not used yet, some of them `chosen`."""
    rows = await files.unused(keys.server(request), member)
    return replace(
        written,
        files=[SentFile(row.id, row.name, row.file_bytes, row.id in chosen) for row in reversed(rows)],
    )


async def with_uploads(request: web.Request, member: Member, params: Params, written: Written) -> Written:
    """The form with the files that came with it, kept. Raises Invalid for those that cannot be, and has kept the others."""
    chosen = set(params.ids("file_ids", count_max=FILES_MAX))
    wrong: dict[str, str] = {}
    for at in range(FILE_FIELDS):
        upload = params.upload(f"file-{at}")
        if upload is None:
            continue
        try:
            kept = await files.keep(keys.server(request), member, upload.path, upload.filename)
        except (Invalid, TooLarge, Conflict) as error:
            fields = error.fields if isinstance(error, Invalid) else {}
            wrong[f"file-{at}"] = next(iter(fields.values()), str(error))
        else:
            chosen.add(kept.id)
    made = await with_files(request, member, written, chosen)
    if wrong:
        raise Unkept(made, wrong)
    return made


class Unkept(Invalid):
    """Some files could not be kept; `written` has the others."""

    def __init__(self, written: Written, fields: Mapping[str, str]) -> None:
        super().__init__(fields)
        self.written = written


# -- what is wrong

# By the names that errors have.
NAMES: Final = {"file_ids": "file-0", "group_id": "place", "visibility": "place"}


def problems_of(written: Written, error: FedError) -> dict[str, str]:
    """By field what is wrong; of rows besides by ``authors-2``, which of them it is."""
    found = page.problems_of(error, NAMES)
    for name in ROWS.keys() & found.keys():
        for position, row in enumerate(written.rows[name]):
            alone = Written(rows={**{one: [] for one in ROWS}, name: [row]})
            sentence = _KEYS[name][1] if _lacks(name, row) else _wrong_with(alone, name)
            if sentence is not None:
                found[f"{name}-{position}"] = sentence[:1].upper() + sentence[1:] + "."
    return found


def _wrong_with(alone: Written, name: str) -> str | None:
    if name == "links":
        address = alone.rows[name][0]["url"]
        return checking.problems_of(Described(url=address)).get("url")
    return checking.problems_of(described_of(alone)).get(name)


def around(written: Written) -> dict[str, Any]:
    """What the form needs besides: the words that its lists offer."""
    return {
        "written": written,
        "types": TYPES,
        "levels": LEVELS,
        "statuses": STATUSES,
        "relations": RELATIONS,
        "languages": LANGUAGES,
        "usual_licences": licences.usual(),
        "file_fields": FILE_FIELDS,
        "rows_max": ROWS_MAX,
        "known_terms": {},  # the form of all that is said adds them
    }


def asked(params: Params) -> Mapping[str, str]:
    """Which button was pressed, and for ``more:authors`` of which rows there are to be more."""
    word, _, name = params.text("do").partition(":")
    return {"do": word, "name": name if name in ROWS else ""}
