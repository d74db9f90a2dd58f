"""Who wrote in an archive: a name until a member says that it is theirs.

A name has an account, so that its posts are shown, counted and found like anybody's. It is not one of this server's: its
domain is under ``.invalid``, which no server will ever have (RFC 6761 §6.4). So nobody can sign in with it, WebFinger and
ActivityPub do not know it, it takes no user name away and is counted among no members; and its posts, not being local,
are served to no other server. Its inbox is empty, so nothing is ever sent to it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from fedserver import email_addresses, sealing
from fedserver.archives.records import Person, Source
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import Invalid
from storage import accounts, archives, groups, users
from storage.groups import GroupRow
from storage.tables.archives import NAMES_DOMAIN
from storage.types import new_id, now_ms

SLUG_CHARS_MAX: Final = 24
_ABOUT: Final = "archive address"
_NOT_IN_SLUG: Final = re.compile(r"[^a-z0-9]+")
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"

Digest = Callable[[str], bytes]


class Author(NamedTuple):
    """To whom posts are attributed: a member, or a name."""

    id: int
    handle: str
    is_member: bool


def digester(config: Config) -> Digest:
    """What is kept of an address, for as long as this server's key is the same. Reads a small file."""
    return sealing.digester(config, _ABOUT)


def email_key(text: str) -> str | None:
    """The folded form of an address; None for what is none."""
    try:
        return email_addresses.parse(text).key
    except Invalid:
        return None


def external_id_of(source: Source, person: Person, digest: Digest) -> str:
    """How a person is known from one import to the next. Of a mailbox its digest: no address is kept."""
    if source == "mbox" or len(person.external_id) > 70:
        return f"{source}:{digest(person.external_id).hex()}"
    return f"{source}:{person.external_id}"


def authors_of(
    conn: Connection,
    server: Server,
    group: GroupRow,
    source: Source,
    wanted: Iterable[Person],
    digest: Digest,
    *,
    matches_members: bool,
) -> dict[str, Author]:
    """By the archive's own id the author of each person's posts; who is new is remembered.

    With `matches_members` the posts of whoever has confirmed the same address here are theirs at once, if they may know
    of the group.
    """
    by_id = {external_id_of(source, person, digest): person for person in wanted}
    known = archives.people(conn, group.account_id, by_id)
    found: dict[str, int] = {}
    new: dict[str, Person] = {}
    for external_id, person in by_id.items():
        row = known.get(external_id)
        account_id = None if row is None else row.claimed_by_id or row.account_id
        if account_id is not None:
            found[external_id] = account_id
        else:
            new[external_id] = person
    found |= _remembered(conn, server, group, new, known, digest, matches_members=matches_members)
    rows = accounts.by_ids(conn, found.values())
    return {
        by_id[external_id].external_id: _author(rows[account_id]) for external_id, account_id in found.items()
    }


def _author(row: Any) -> Author:
    handle = f"{row.username}@{row.domain}" if row.domain else row.username
    return Author(row.id, handle, not row.domain)


def _remembered(
    conn: Connection,
    server: Server,
    group: GroupRow,
    new: dict[str, Person],
    known: dict[str, Any],
    digest: Digest,
    *,
    matches_members: bool,
) -> dict[str, int]:
    """Accounts for people who have none yet."""
    found: dict[str, int] = {}
    named: list[dict[str, Any]] = []
    kept: list[dict[str, Any]] = []
    now = now_ms()
    slugs = {external_id: _slug(person.name) for external_id, person in new.items()}
    taken = {key for key, _ in accounts.by_handles(conn, [(slug, NAMES_DOMAIN) for slug in slugs.values()])}
    for external_id, person in new.items():
        key = email_key(person.email) if person.email else None
        member_id = _member_with(conn, group, key) if matches_members and key is not None else None
        account_id = member_id
        if account_id is None:
            account_id = new_id()
            slug = slugs[external_id]
            if slug in taken or group.access != "public":  # there nobody can guess a handle either
                slug = f"{slug}_{_short(account_id)}"
            taken.add(slug)
            named.append(_account(server, group, account_id, slug, person, now))
        found[external_id] = account_id
        values = {
            "account_id": None if member_id is not None else account_id,
            "claimed_by_id": member_id,
            "claimed_at": None if member_id is None else now,
        }
        if external_id in known:  # whose account was deleted
            archives.change_person(conn, known[external_id].id, **values)
            continue
        kept.append(
            {
                "id": new_id(),
                "group_id": group.account_id,
                "external_id": external_id,
                "name": person.name,
                "email_digest": None if key is None else digest(key),
                **values,
            }
        )
    archives.add_people(conn, named, kept)
    return found


def _member_with(conn: Connection, group: GroupRow, key: str) -> int | None:
    member = users.by_email(conn, key)
    if member is None or member.confirmed_at is None or not member.is_let_in:
        return None
    if group.access != "public" and groups.membership_of(conn, group.account_id, member.account_id) is None:
        return None
    return member.account_id


def _account(
    server: Server, group: GroupRow, account_id: int, slug: str, person: Person, now: int
) -> dict[str, Any]:
    return {
        "id": account_id,
        "uri": f"https://{NAMES_DOMAIN}/people/{account_id}",
        "url": server.uris.profile(f"{slug}@{NAMES_DOMAIN}"),
        "username": slug,
        "username_key": slug,
        "domain": NAMES_DOMAIN,
        "host": NAMES_DOMAIN,
        "actor_type": "Service" if person.is_bot else "Person",
        "display_name": person.name,
        "bot": person.is_bot,
        "discoverable": False,
        "indexable": group.access == "public",
        "hidden": group.access != "public",
        "created_at": now,
    }


def _slug(name: str) -> str:
    folded = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return _NOT_IN_SLUG.sub("_", folded).strip("_")[:SLUG_CHARS_MAX].strip("_") or "somebody"


def _short(number: int) -> str:
    out = ""
    while number:
        number, rest = divmod(number, 36)
        out = _DIGITS[rest] + out
    return out


def is_a_name(row: Any) -> bool:
    """Whether an account stands for a name in an archive, and nobody reads what is sent to it."""
    return bool(row.domain == NAMES_DOMAIN)


__all__: Sequence[str] = ("Author", "authors_of", "digester", "email_key", "external_id_of", "is_a_name")
