"""Names in archives whose owners are here: who they are, saying that one is one's own, and getting what was written.

Reading the mailbox that the archive names proves it; else the owners of the group decide. The posts then change hands a
batch at a time, keep their addresses, and are the member's like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from sqlalchemy import Connection

from fedserver import mail_links, search_index
from fedserver.archives import people
from fedserver.archives.people import Digest
from fedserver.context import Server
from fedserver.errors import Conflict, Invalid, NotFound
from fedserver.groups import rules
from fedserver.groups.rules import Action
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.mail import plan_mail
from fedserver.viewer import Member
from storage import accounts, archives, groups, posts, users
from storage.archives import PersonRow
from storage.groups import GroupRow
from storage.paging import Window
from storage.signals import signal

POSTS_PER_UNIT: Final = 100
CLAIMS_PER_HOUR: Final = 20
GIVING_SECONDS_MAX: Final = 3_600.0

Claimed = Literal["given", "mailed", "waiting"]


async def names(server: Server, viewer_id: int | None, group_id: int, window: Window) -> list[Any]:
    """People in the group's archives whom nobody has claimed, with `posts_count`. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> list[Any]:
        _read(conn, group_id, viewer_id)
        return archives.unclaimed(conn, group_id, window)

    return await server.db.read(unit)


async def name(server: Server, viewer_id: int | None, group_id: int, person_id: int) -> PersonRow:
    """One of them. Raises NotFound, Forbidden, Conflict when it has been claimed."""

    def unit(conn: Connection) -> PersonRow:
        _read(conn, group_id, viewer_id)
        return _unclaimed(conn, group_id, person_id)

    return await server.db.read(unit)


async def claim(server: Server, member: Member, group_id: int, person_id: int, *, email: str = "") -> Claimed:
    """Say that a name is one's own.

    `given` at once to whose confirmed address it is; `mailed` with an `email`, to which a link is sent if it is the
    one in the archive (whether it is, is not said); else `waiting` for the owners of the group. Raises NotFound,
    Conflict, Invalid, RateLimited.
    """
    server.remembered.attempts.take(
        f"claim:{member.account_id}", limit=CLAIMS_PER_HOUR * server.config.rate_limit_factor, seconds=3_600
    )
    key = people.email_key(email) if email.strip() else None
    if email.strip() and key is None:
        raise Invalid({"email": "is not an e-mail address that we can write to"})
    digest = people.digester(server.config)

    def unit(conn: Connection) -> Claimed:
        group = _read(conn, group_id, member.account_id)
        person = _unclaimed(conn, group_id, person_id)
        row = users.by_id(conn, member.account_id)
        if (
            row is not None
            and row.confirmed_at is not None
            and _is_theirs(person, digest, people.email_key(row.email))
        ):
            _give(conn, person, member.account_id)
            return "given"
        if key is not None:
            if _is_theirs(person, digest, key):
                context = {
                    "to": key,
                    "link_detail": str(person.id),
                    "name": person.name,
                    "group": group.display_name,
                }
                plan_mail(conn, member.account_id, "claim_name", context)
            return "mailed"
        if archives.add_claim(conn, person.id, member.account_id):
            _tell_owners(conn, group, person, member)
        return "waiting"

    return await server.db.write(unit)


async def look_at(server: Server, secret: str) -> PersonRow:
    """Whose name the link in a mail gives. Raises NotFound."""

    def unit(conn: Connection) -> PersonRow:
        return _of_link(conn, mail_links.look_at(conn, secret, "claim").detail)

    return await server.db.read(unit)


async def confirm(server: Server, secret: str) -> PersonRow:
    """The link in the mail was followed, and its button pressed: the name is theirs. Raises NotFound, Conflict."""

    def unit(conn: Connection) -> PersonRow:
        link = mail_links.use(conn, secret, "claim")
        person = _of_link(conn, link.detail)
        _give(conn, person, link.account_id)
        return person

    return await server.db.write(unit)


async def waiting(server: Server, member: Member, group_id: int, window: Window) -> list[Any]:
    """The claims that owners of the group have to decide. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> list[Any]:
        _owned(conn, group_id, member)
        return archives.claims_of(conn, group_id, window)

    return await server.db.read(unit)


async def decide(server: Server, member: Member, group_id: int, claim_id: int, *, accept: bool) -> None:
    """Give a name to the member who claims it, or do not. Raises NotFound, Forbidden, Conflict."""

    def unit(conn: Connection) -> None:
        _owned(conn, group_id, member)
        row = archives.claim_by_id(conn, claim_id)
        if row is None or row.group_id != group_id:
            raise NotFound("This claim is not there any more.")
        if accept:
            _give(conn, _unclaimed(conn, group_id, row.person_id), row.account_id)
        else:
            archives.remove_claim(conn, claim_id)

    await server.db.write(unit)


# -- steps


def _read(conn: Connection, group_id: int, viewer_id: int | None) -> GroupRow:
    group, _ = rules.known(conn, group_id, viewer_id)
    rules.check(conn, Action.READ, group, viewer_id)
    return group


def _owned(conn: Connection, group_id: int, member: Member) -> None:
    group, _ = rules.known(conn, group_id, member.account_id)
    rules.check(conn, Action.IMPORT, group, member.account_id)


def _unclaimed(conn: Connection, group_id: int, person_id: int) -> PersonRow:
    person = archives.person_by_id(conn, person_id)
    if person is None or person.group_id != group_id:
        raise NotFound("There is nobody of that name in the archives of this group.")
    if person.claimed_by_id is not None:
        raise Conflict("Somebody has claimed this name before.")
    return person


def _of_link(conn: Connection, detail: str) -> PersonRow:
    person = archives.person_by_id(conn, int(detail)) if detail.isdecimal() else None
    if person is None:
        raise mail_links.LinkExpired
    return person


def _is_theirs(person: PersonRow, digest: Digest, key: str | None) -> bool:
    return key is not None and person.email_digest is not None and bytes(person.email_digest) == digest(key)


def _tell_owners(conn: Connection, group: GroupRow, person: PersonRow, member: Member) -> None:
    for one in groups.staff(conn, group.account_id):
        if one.role == "owner" and not one.domain:
            context = {
                "group": group.display_name,
                "group_url": group.url,
                "who": member.username,
                "name": person.name,
            }
            plan_mail(conn, one.id, "name_claimed", context)


def _give(conn: Connection, person: PersonRow, account_id: int) -> None:
    if not archives.claimed(conn, person.id, account_id):
        raise Conflict("Somebody has claimed this name before.")
    plan(conn, "give_posts", {"person_id": person.id}, key=str(person.id))


# -- afterwards


@handles("give_posts", timeout_seconds=GIVING_SECONDS_MAX)
async def give_posts(server: Server, payload: dict[str, Any]) -> None:
    """Give what was written under a name to the member whose it is, a batch in a unit; then the name goes."""
    while await server.db.write(_give_some, server, payload["person_id"]):
        pass


def _give_some(conn: Connection, server: Server, person_id: int) -> bool:
    person = archives.person_by_id(conn, person_id)
    if person is None or person.claimed_by_id is None or person.account_id is None:
        return False
    member = accounts.by_id(conn, person.claimed_by_id)
    if member is None or member.deleted_at is not None:
        return False
    ids = archives.posts_of_name(conn, person.account_id, limit=POSTS_PER_UNIT)
    if not ids:
        archives.forget_name(conn, person.account_id)
        return False
    archives.give_posts(conn, ids, member.id, server.uris.post_page(member.username, ""))
    rows = posts.by_ids(conn, ids)
    _count(conn, member.id, list(rows.values()))
    for row in rows.values():
        search_index.change(conn, row)
        signal(conn, "status.update", str(row.id))
    return True


def _count(conn: Connection, account_id: int, rows: Sequence[Any]) -> None:
    counted = [row.created_at for row in rows if row.visibility != "group"]
    if counted:
        archives.count_posts(conn, {account_id: (len(counted), max(counted))})
