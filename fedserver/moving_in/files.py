"""Mastodon's files of what a member follows, blocks, mutes, lists, keeps and filters: read, and told apart.

Nothing here knows the database. A row is kept as the cells that stand in its file, made regular, so that what could not be
brought in can be written out again, mended, and sent once more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple, get_args
from urllib.parse import urlsplit

import msgspec

from activitypub.discovery import parse_handle
from activitypub.errors import Malformed
from fedserver import csv_tables, filters, lists
from fedserver.errors import Invalid
from fedserver.moderation.domains import normal_domain

BYTES_MAX: Final = 20 << 20
ROWS_MAX: Final = 20_000
"""Both are Mastodon's."""
URI_CHARACTERS_MAX: Final = 2_048
CELL_CHARACTERS_MAX: Final = 300
"""Of a row that cannot be read; what it was can still be told."""
LANGUAGES_MAX: Final = 50

# As Mastodon calls them.
Kind = Literal["following", "muting", "blocking", "domain_blocking", "bookmarks", "lists", "custom_filters"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

COLUMNS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "following": ("Account address", "Show boosts", "Notify on new posts", "Languages"),
    "muting": ("Account address", "Hide notifications"),
    "blocking": ("Account address",),
    "domain_blocking": ("#domain",),
    "bookmarks": ("#uri",),
    "lists": ("List name", "Account address"),
    "custom_filters": ("Title", "Action", "Contexts", "Keyword", "Whole word"),
}
# What no row can be without; the others have a default.
_NEEDED: Final[Mapping[Kind, int]] = {"lists": 2, "custom_filters": 4}
_FIRST: Final = frozenset(columns[0].casefold() for columns in COLUMNS.values())
# A column that only one kind has, in the order in which they are looked for.
_TELLING: Final[Mapping[str, Kind]] = {
    "list name": "lists",
    "hide notifications": "muting",
    "show boosts": "following",
    "notify on new posts": "following",
    "languages": "following",
    "#domain": "domain_blocking",
    "#uri": "bookmarks",
    "keyword": "custom_filters",
}
# How the names of such files begin, of this server's archive and Mastodon's newer and older ones.
_NAMES: Final[Mapping[str, Kind]] = {
    "following_accounts": "following",
    "follows": "following",
    "muted_accounts": "muting",
    "mutes": "muting",
    "blocked_accounts": "blocking",
    "blocks": "blocking",
    "blocked_domains": "domain_blocking",
    "domain_blocks": "domain_blocking",
    "bookmarks": "bookmarks",
    "lists": "lists",
    "custom_filters": "custom_filters",
    "filters": "custom_filters",
}
_YES: Final = frozenset({"true", "t", "yes", "y", "on", "1"})


class Empty(Invalid):
    """There is nothing in the file, as in an archive of somebody who has nothing of the kind."""

    def __init__(self) -> None:
        super().__init__({"file": "has nothing in it"})


class Row(NamedTuple):
    """What one row asks for. `host` is whom it is asked of, where it is not known here; `key` by which two are the same."""

    line: int
    key: str
    host: str
    cells: tuple[str, ...]


class Unread(NamedTuple):
    """A row that says nothing usable, and why."""

    line: int
    cells: tuple[str, ...]
    why: str


@dataclass(slots=True)
class File:
    """A file that was read. `guessed` is what it looks like, "" where that cannot be told; `twice` counts rows that say the
    same as one before."""

    name: str
    kind: Kind
    guessed: Kind | Literal[""]
    rows: list[Row] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    twice: int = 0


def read(name: str, body: bytes, kind: str = "") -> File:
    """Read a file as this kind, or ("") as what it looks like.

    Raises Empty, and Invalid for what is too long or no such file, or where the kind cannot be told.
    """
    if len(body) > BYTES_MAX:
        raise Invalid({"file": f"has more than {BYTES_MAX >> 20} MB"})
    if kind and kind not in KINDS:
        raise Invalid({"kind": f"must be one of {', '.join(KINDS)}"})
    document = _json(body)
    table = [] if document is not None else _table(body)
    guessed = _of_json(document) if document is not None else _of_table(name, table)
    wanted: Kind | None = next((one for one in KINDS if one == (kind or guessed)), None)
    if wanted is None:
        raise Invalid({"kind": "cannot be told from the file: please choose it"})
    found = File(name[:200], wanted, guessed)
    if document is not None:
        if wanted != guessed:
            raise Invalid({"file": "has none of what you chose"})
        entries = _entries_of_json(wanted, document)
    else:
        entries = _entries_of_table(wanted, table)
    seen: set[str] = set()
    for line, cells in entries:
        try:
            key, host, regular = _READERS[wanted](cells)
        except Invalid as error:
            problem = next(iter(error.fields.values()), str(error))
            why = f"{problem[:1].upper()}{problem[1:]}."
            found.unread.append(Unread(line, tuple(one[:CELL_CHARACTERS_MAX] for one in cells), why))
            continue
        if key in seen:
            found.twice += 1
            continue
        seen.add(key)
        found.rows.append(Row(line, key, host, regular))
    if not found.rows and not found.unread:
        raise Empty
    return found


def as_table(kind: Kind, rows: Iterable[tuple[Sequence[str], str]]) -> bytes:
    """Rows that could not be brought in and why, to mend and to send again."""
    shown: Iterator[list[str]] = (
        [*line, *[""] * (len(COLUMNS[kind]) - len(line)), why]
        for cells, why in rows
        for line in (_filter_lines(cells) if kind == "custom_filters" and len(cells) == 6 else [list(cells)])
    )
    return csv_tables.table((*COLUMNS[kind], "Why"), shown)


def shown(kind: Kind, cells: Sequence[str]) -> str:
    """A row as people are told of it."""
    if kind == "custom_filters":
        return cells[0] if cells else ""
    return ": ".join(cells[:2]) if kind == "lists" else cells[0] if cells else ""


# -- what a row says


def is_yes(text: str) -> bool | None:
    """What a cell says; None where it is empty, so that what there is already stays as it is."""
    return text.casefold() in _YES if text else None


def languages_of(text: str) -> list[str]:
    found = [one.strip()[:35] for one in text.split(",") if one.strip()]
    return found[:LANGUAGES_MAX]


class Filter(NamedTuple):
    """A filter as its row says it. What is None is not said, and stays as it is where there is such a filter."""

    title: str
    action: str
    contexts: tuple[str, ...]
    expires_at: int | None
    keywords: list[tuple[str, bool]]
    post_uris: list[str] | None


def filter_of(cells: Sequence[str]) -> Filter:
    """The filter that regular cells stand for."""
    title, action, contexts, expires_at, keywords, uris = cells
    return Filter(
        title,
        action,
        tuple(contexts.split(", ")),
        int(expires_at) if expires_at else None,
        [(text, bool(whole)) for text, whole in json.loads(keywords)],
        json.loads(uris) if uris else None,
    )


def _account(cells: Sequence[str], at: int = 0) -> tuple[str, str, str]:
    """(key, host, handle) of an account's address."""
    try:
        handle = parse_handle(cells[at].lstrip("@")) if len(cells) > at else None
    except Malformed:
        handle = None
    if handle is None:
        raise Invalid({"address": "is no address such as name@server.example"})
    text = f"{handle.username}@{handle.host}"
    return text.casefold(), handle.host, text


def _following(cells: Sequence[str]) -> tuple[str, str, tuple[str, ...]]:
    key, host, handle = _account(cells)
    boosts, notifies, languages = _padded(cells, 4)[1:4]
    return key, host, (handle, _yes(boosts), _yes(notifies), ", ".join(languages_of(languages)))


def _muting(cells: Sequence[str]) -> tuple[str, str, tuple[str, ...]]:
    key, host, handle = _account(cells)
    return key, host, (handle, _yes(_padded(cells, 2)[1]))


def _blocking(cells: Sequence[str]) -> tuple[str, str, tuple[str, ...]]:
    key, host, handle = _account(cells)
    return key, host, (handle,)


def _domain(cells: Sequence[str]) -> tuple[str, str, tuple[str, ...]]:
    domain = normal_domain(cells[0])
    return domain, "", (domain,)


def _bookmark(cells: Sequence[str]) -> tuple[str, str, tuple[str, ...]]:
    uri = cells[0]
    try:
        parts = urlsplit(uri)
        host = parts.netloc.lower() if parts.scheme in ("https", "http") and parts.hostname else ""
    except ValueError:
        host = ""
    if not host or len(uri) > URI_CHARACTERS_MAX:
        raise Invalid({"uri": "is no address of a post"})
    return uri, host, (uri,)


def _list(cells: Sequence[str]) -> tuple[str, str, tuple[str, ...]]:
    key, host, handle = _account(cells, 1)
    title = cells[0]
    if not title or len(title) > lists.TITLE_CHARACTERS_MAX:
        raise Invalid({"title": "has no name of a list that can be used"})
    return f"{title}\n{key}", host, (title, handle)


def _filter(cells: Sequence[str]) -> tuple[str, str, tuple[str, ...]]:
    """Cells that `_entries_of_json` or `_filters_of_table` made."""
    title, action, contexts, _, keywords, _ = cells
    if not title or len(title) > filters.TITLE_CHARACTERS_MAX:
        raise Invalid({"title": "has no title that can be used"})
    if action not in filters.ACTIONS:
        raise Invalid({"action": f"has another action than {', '.join(filters.ACTIONS)}"})
    if not contexts or any(one not in filters.CONTEXTS for one in contexts.split(", ")):
        raise Invalid({"contexts": f"has other contexts than {', '.join(filters.CONTEXTS)}"})
    if any(not text or len(text) > filters.KEYWORD_CHARACTERS_MAX for text, _ in json.loads(keywords)):
        raise Invalid({"keyword": "has a keyword that cannot be used"})
    return title, "", tuple(cells)


_READERS: Final[Mapping[Kind, Callable[[Sequence[str]], tuple[str, str, tuple[str, ...]]]]] = {
    "following": _following,
    "muting": _muting,
    "blocking": _blocking,
    "domain_blocking": _domain,
    "bookmarks": _bookmark,
    "lists": _list,
    "custom_filters": _filter,
}


def _padded(cells: Sequence[str], count: int) -> list[str]:
    return [*cells, *[""] * (count - len(cells))]


def _yes(text: str) -> str:
    return {True: "true", False: "false", None: ""}[is_yes(text)]


# -- tables


def _table(body: bytes) -> list[tuple[int, list[str]]]:
    found = []
    for row in csv_tables.rows(body):
        found.append(row)
        if len(found) > ROWS_MAX + 1:  # one may be the header
            raise _too_many()
    if not found:
        raise Empty
    return found


def _has_header(table: Sequence[tuple[int, list[str]]]) -> bool:
    return bool(table) and table[0][1][0].casefold() in _FIRST


def _of_table(name: str, table: Sequence[tuple[int, list[str]]]) -> Kind | Literal[""]:
    if _has_header(table):
        header = {one.casefold() for one in table[0][1]}
        for column, kind in _TELLING.items():
            if column in header:
                return kind
    return kind_named(name)


def kind_named(name: str) -> Kind | Literal[""]:
    """What a file of this name commonly has."""
    return next((kind for begins, kind in _NAMES.items() if name.lower().startswith(begins)), "")


def _entries_of_table(kind: Kind, table: Sequence[tuple[int, list[str]]]) -> Iterable[tuple[int, list[str]]]:
    """The rows with their cells in the order of the kind's columns."""
    columns = COLUMNS[kind]
    if _has_header(table):
        header = [one.casefold() for one in table[0][1]]
        missing = [one for one in columns[: _NEEDED.get(kind, 1)] if one.casefold() not in header]
        if missing:
            raise Invalid({"file": f"has no column {', '.join(missing)}"})
        places = [header.index(one.casefold()) if one.casefold() in header else -1 for one in columns]
        rows = [
            (line, [cells[at] if 0 <= at < len(cells) else "" for at in places]) for line, cells in table[1:]
        ]
    else:
        rows = [(line, cells[: len(columns)]) for line, cells in table]
    if len(rows) > ROWS_MAX:
        raise _too_many()
    return _filters_of_table(rows) if kind == "custom_filters" else rows


def _filters_of_table(rows: Sequence[tuple[int, list[str]]]) -> Iterable[tuple[int, list[str]]]:
    """This server's own form, with a row for each keyword: one entry for each filter."""
    lines: dict[str, int] = {}
    firsts: dict[str, list[str]] = {}
    keywords: dict[str, list[tuple[str, bool]]] = {}
    for line, cells in rows:
        title, action, contexts, keyword, whole = _padded(cells, 5)[:5]
        lines.setdefault(title, line)
        firsts.setdefault(title, [title, action or "warn", _comma(contexts.split(","))])
        keywords.setdefault(title, []).append((keyword, is_yes(whole) is not False))
    for title, first in firsts.items():
        yield lines[title], [*first, "", json.dumps(keywords[title]), ""]


def _filter_lines(cells: Sequence[str]) -> list[list[str]]:
    found = filter_of(cells)
    words = found.keywords or [("", True)]
    contexts = ", ".join(found.contexts)
    return [
        [found.title, found.action, contexts, text, "true" if whole else "false"] for text, whole in words
    ]


# -- JSON


def _json(body: bytes) -> dict[str, Any] | None:
    """The document, where the file is one."""
    if not body[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return None
    try:
        found = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid({"file": "is no JSON that can be read"}) from error
    if b"\\u0000" in body:
        raise Invalid({"file": "has a NUL in a text"})
    return found if isinstance(found, dict) else None


def _of_json(document: Mapping[str, Any]) -> Kind | Literal[""]:
    if isinstance(document.get("custom_filters"), list):
        return "custom_filters"
    # As an archive has them.
    return (
        "bookmarks"
        if isinstance(document.get("orderedItems"), list) and document.get("id") == "bookmarks.json"
        else ""
    )


def _entries_of_json(kind: Kind, document: Mapping[str, Any]) -> Iterable[tuple[int, list[str]]]:
    found: list[Any] = document["custom_filters" if kind == "custom_filters" else "orderedItems"]
    if len(found) > ROWS_MAX:
        raise _too_many()
    for number, one in enumerate(found, 1):
        if kind == "bookmarks":
            yield number, [one if isinstance(one, str) else ""]
        else:
            yield number, _filter_cells(one if isinstance(one, dict) else {})


def _filter_cells(one: Mapping[str, Any]) -> list[str]:
    contexts, keywords, posts = (
        value if isinstance(value := one.get(name), list) else []
        for name in ("context", "keywords_attributes", "statuses")
    )
    words = [
        (str(word.get("keyword", "")).strip(), word.get("whole_word") is not False)
        for word in keywords
        if isinstance(word, dict)
    ]
    # Mastodon writes the one name and reads the other.
    expires = one.get("expires_at") or one.get("expire_at")
    return [
        str(one.get("title", "")).strip(),
        str(one.get("action", "warn")),
        _comma(str(context) for context in contexts),
        _instant(expires) if isinstance(expires, str) else "",
        json.dumps(words),
        json.dumps([uri[:URI_CHARACTERS_MAX] for uri in posts if isinstance(uri, str)]),
    ]


def _instant(text: str) -> str:
    """Milliseconds, as text; "" for what is no instant."""
    try:
        at = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
    except ValueError:
        return ""
    return str(int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000))


def _comma(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(one.strip() for one in texts if one.strip()))


def _too_many() -> Invalid:
    return Invalid({"file": f"has more than {ROWS_MAX:,} rows: please split it"})
