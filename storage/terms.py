"""Terms of vocabularies: topics and skills with their names, and those above them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, case, delete, func, select, update

from storage.hot import insert_row, insert_rows
from storage.tables import term
from storage.words import fold

_texts: Final = msgspec.json.Decoder(tuple[str, ...]).decode


class Term(NamedTuple):
    """A term of a vocabulary; `parents` are the addresses of those above it."""

    uri: str
    scheme: str
    label: str
    synonyms: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    obsolete: bool = False


def every(conn: Connection) -> list[Term]:
    """Every term of every vocabulary."""
    return [_term(row) for row in conn.execute(select(term).order_by(term.c.uri))]


def _term(row: Any) -> Term:
    return Term(row.uri, row.scheme, row.label, _texts(row.synonyms), _texts(row.parents), bool(row.obsolete))


def _columns(one: Term) -> dict[str, Any]:
    return {
        "uri": one.uri,
        "scheme": one.scheme,
        "label": one.label,
        "label_key": fold(one.label),
        "synonyms": msgspec.json.encode(one.synonyms).decode(),
        "parents": msgspec.json.encode(one.parents).decode(),
        "obsolete": one.obsolete,
    }


def schemes(conn: Connection) -> list[tuple[str, int, int]]:
    """Every vocabulary: its name, how many terms it has that are not obsolete, and how many that are."""
    obsolete = func.sum(case((term.c.obsolete, 1), else_=0))
    query = select(term.c.scheme, func.count() - obsolete, obsolete).group_by(term.c.scheme)
    return [(row[0], int(row[1]), int(row[2])) for row in conn.execute(query.order_by(term.c.scheme))]


def put_all(conn: Connection, scheme: str, terms: Sequence[Term]) -> Mapping[str, int]:
    """Exactly these are in a vocabulary; those that were and are not any more are obsolete. How many were `added`, `changed`
    and made `obsolete`."""
    known = {one.uri: one for one in every(conn)}
    new = [one for one in terms if one.uri not in known]
    changed = [one for one in terms if one.uri in known and known[one.uri] != one]
    named = {one.uri for one in terms}
    gone = [
        one.uri
        for one in known.values()
        if one.scheme == scheme and one.uri not in named and not one.obsolete
    ]
    insert_rows(conn, term, [_columns(one) for one in new])
    for one in changed:
        conn.execute(update(term).where(term.c.uri == one.uri).values(_columns(one)))
    for uri in gone:
        conn.execute(update(term).where(term.c.uri == uri).values(obsolete=True))
    return {"added": len(new), "changed": len(changed), "obsolete": len(gone)}


def add(conn: Connection, one: Term) -> bool:
    """Add one; False if there is one at its address, or of its name in its vocabulary."""
    there = select(term.c.uri).where(term.c.scheme == one.scheme, term.c.label_key == fold(one.label))
    if conn.execute(there).first() is not None:
        return False
    return insert_row(conn, term, _columns(one), unless_there=True)


def remove(conn: Connection, scheme: str, uri: str) -> bool:
    """Take one away; whether it was there."""
    return bool(conn.execute(delete(term).where(term.c.scheme == scheme, term.c.uri == uri)).rowcount)


def unknown(conn: Connection, uris: Sequence[str]) -> list[str]:
    """Those of these addresses that are no terms."""
    known = set(conn.scalars(select(term.c.uri).where(term.c.uri.in_(uris)))) if uris else set()
    return [one for one in uris if one not in known]
