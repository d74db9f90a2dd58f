"""Vocabularies: the terms that topics and skills are chosen from, and the words for everything else that is chosen.

Terms of a published vocabulary such as EDAM are imported, the instance's own are added. Each has an address, by which
resources in different words are found together; who asks for one asks for those below it, too.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from sqlalchemy import Connection

from activitypub.identifiers import Uris, origin_of
from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.errors import Conflict, Invalid, NotFound
from fedserver.moderation import audit
from fedserver.moderation.permissions import Permission, require
from fedserver.resources import languages, licences
from fedserver.resources.records import LEVELS, TYPES
from fedserver.resources.terms import SKILLS, Offer, rank_of
from fedserver.viewer import Member
from storage import terms as stored
from storage.signals import signal
from storage.terms import Term
from storage.words import fold, words_of

LOCAL: Final = "local"
WORDS: Final = ("licences", "types", "levels", "languages")
"""Lists that are not made of terms."""
TERMS_MAX: Final = 20_000
LABEL_CHARS_MAX: Final = 100
SYNONYMS_MAX: Final = 50
SUGGESTIONS: Final = (20, 100)
COLUMNS: Final = ("uri", "label", "synonyms", "definition", "parents", "obsolete")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
_NOT_IN_SLUG: Final = re.compile(r"[^\w]+")


# -- what is offered where something is chosen


async def suggestions(server: Server, name: str, text: str, limit: int = SUGGESTIONS[0]) -> list[Offer]:
    """What a vocabulary offers for the beginning of a word, or at all. Raises NotFound for one that is not there."""
    limit = min(limit, SUGGESTIONS[1])
    if name in WORDS:
        return _words(name, text, limit)
    if not _NAME.fullmatch(name):
        raise NotFound("There is no vocabulary of this name.")
    terms = await server.library.terms(server.db)
    if name not in (LOCAL, SKILLS) and not terms.offered(name, "", 1):
        raise NotFound("There is no vocabulary of this name.")
    return terms.offered(name, text, limit)


def _words(name: str, text: str, limit: int) -> list[Offer]:
    wanted = words_of(text)
    ranked = []
    for at, one in enumerate(_offers(name)):
        names = [" ".join(words_of(word)) for word in dict.fromkeys((one.label, one.value, *one.synonyms))]
        rank = rank_of(wanted, names)
        if rank is not None:
            ranked.append((rank // 2, at, one))
    return [one for _, _, one in sorted(ranked, key=lambda entry: entry[:2])[:limit]]


@cache
def _offers(name: str) -> tuple[Offer, ...]:
    match name:
        case "types":
            return tuple(Offer(one, one.replace("-", " ")) for one in TYPES)
        case "levels":
            return tuple(Offer(one, one) for one in LEVELS)
        case "languages":
            return tuple(Offer(code, label) for code, label in languages.NAMES.items())
    known = dict.fromkeys((*licences.usual(), *licences.names()))
    return tuple(Offer(one, one, licences.address(one) or None) for one in known)


# -- looking after them


async def listed(server: Server) -> list[tuple[str, int, int]]:
    """Every vocabulary that is made of terms: its name, how many terms it offers, how many of it are obsolete."""
    return await server.db.read(stored.schemes)


async def import_file(server: Server, scheme: str, text: str) -> Mapping[str, int]:
    """Take over a vocabulary from a table; how many terms are `added`, `changed`, `obsolete` (here, and not in the table any
    more). Raises Invalid, with the line."""
    _check_scheme(scheme)
    rows = read_table(text, scheme)

    def unit(conn: Connection) -> Mapping[str, int]:
        done = stored.put_all(conn, scheme, rows)
        signal(conn, "vocabulary")
        return done

    return await server.db.write(unit)


def read_table(text: str, scheme: str) -> list[Term]:
    """The terms in a table of tab-separated values: a line with the names of the columns (`uri`, `label`, and perhaps
    `synonyms`, `definition`, `parents`, `obsolete`), then one for each term; several values of one column are separated by
    ``|``. Raises Invalid, with the line."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter="\t", quoting=csv.QUOTE_NONE)
    missing = {"uri", "label"} - set(reader.fieldnames or ())
    if missing:
        raise Invalid({"file": f"has no column {' and '.join(sorted(missing))} in its first line"})
    found: dict[str, Term] = {}
    for row in reader:
        uri, label = (row["uri"] or "").strip(), clean_line(row["label"] or "")
        if not uri and not label:
            continue
        if origin_of(uri) is None:
            raise Invalid({"file": f"has no address of a term in line {reader.line_num}"})
        if not label or len(label) > 2 * LABEL_CHARS_MAX:
            raise Invalid(
                {
                    "file": f"has no label of at most {2 * LABEL_CHARS_MAX} characters in line {reader.line_num}"
                }
            )
        if uri in found:
            raise Invalid({"file": f"names {uri} again in line {reader.line_num}"})
        obsolete = (row.get("obsolete") or "").strip().lower() in ("true", "1", "yes")
        found[uri] = Term(
            uri, scheme, label, _several(row.get("synonyms")), _several(row.get("parents")), obsolete
        )
        if len(found) > TERMS_MAX:
            raise Invalid({"file": f"has more than {TERMS_MAX:,} terms"})
    if not found:
        raise Invalid({"file": "has no terms"})
    return list(found.values())


def _several(text: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for part in (text or "").split("|") if (one := clean_line(part))))


async def add(
    server: Server,
    scheme: str,
    label: str,
    *,
    synonyms: Sequence[str] = (),
    parents: Sequence[str] = (),
    by: Member | None = None,
) -> Term:
    """Add a term of the instance's own, `by` a curator or from the command line. Raises Invalid (by field), Conflict if
    there is one of this name, Forbidden."""
    if by is not None:
        require(by, Permission.MANAGE_LIBRARY)
    _check_scheme(scheme)
    label = clean_line(label)
    names = tuple(dict.fromkeys(one for name in synonyms if (one := clean_line(name))))
    above = tuple(dict.fromkeys(parent.strip() for parent in parents if parent.strip()))
    problems: dict[str, str] = {}
    if not label or len(label) > LABEL_CHARS_MAX:
        problems["label"] = f"must be a word or a few, of at most {LABEL_CHARS_MAX} characters"
    if len(names) > SYNONYMS_MAX or any(len(one) > LABEL_CHARS_MAX for one in names):
        problems["synonyms"] = (
            f"can be {SYNONYMS_MAX} at the most, of at most {LABEL_CHARS_MAX} characters each"
        )
    if problems:
        raise Invalid(problems)

    def unit(conn: Connection) -> Term:
        unknown = stored.unknown(conn, above)
        if unknown:
            raise Invalid(
                {"parents": f"must be the addresses of terms that are known here, not {unknown[0][:200]}"}
            )
        made = Term(uri_of(server.uris, scheme, label), scheme, label, names, above, obsolete=False)
        if not stored.add(conn, made):
            raise Conflict("There is a term of this name in this vocabulary.")
        audit.note(conn, by, "create", ("term", made.uri, label))
        signal(conn, "vocabulary")
        return made

    return await server.db.write(unit)


def uri_of(uris: Uris, scheme: str, label: str) -> str:
    """The address of a term of our own."""
    return uris.term(scheme, _NOT_IN_SLUG.sub("-", fold(label)).strip("-") or "term")


async def remove(server: Server, scheme: str, uri: str, *, by: Member | None = None) -> None:
    """Take a term away; what is described with it keeps its words and its address. Raises NotFound, Forbidden."""
    if by is not None:
        require(by, Permission.MANAGE_LIBRARY)

    def unit(conn: Connection) -> None:
        if not stored.remove(conn, scheme, uri):
            raise NotFound("There is no such term in this vocabulary.")
        audit.note(conn, by, "destroy", ("term", uri, uri))
        signal(conn, "vocabulary")

    await server.db.write(unit)


def _check_scheme(scheme: str) -> None:
    if not _NAME.fullmatch(scheme) or scheme in WORDS:
        raise Invalid(
            {"name": "must be a short name of lower case letters, digits and hyphens, such as edam"}
        )
