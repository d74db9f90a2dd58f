"""Partner networks: one server offers, the other accepts or declines, either ends it.

Partners send each other what their members publish in the library, and read what was there before. The rules are here, for
what admins do and for what arrives; `fedserver.federation.partners` hears it, `fedserver.federation.library` reads.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import Connection

from activitypub.builders import activity
from fedserver import mail, settings
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Conflict, Invalid, NotFound
from fedserver.federation import directories, library, servers
from fedserver.jobs.plan import plan
from fedserver.moderation import audit
from fedserver.moderation.permissions import Permission, require, roles_with
from fedserver.viewer import Anonymous, Member, Viewer
from storage import accounts, inbox, instances, partners, users
from storage.accounts import AccountRow
from storage.partners import PartnerRow, State
from storage.types import DAY_MS, new_id, now_ms

__all__ = ["STATES", "PartnerRow", "accept", "decline", "end", "listed", "offer", "offered_here"]

STATES: Final[tuple[State, ...]] = ("active", "asked", "offered", "declined", "ended")
NOTE_CHARS_MAX: Final = 500
WAITING_MAX: Final = 200  # offers nobody has answered: more are not kept
MAILS_A_DAY_MAX: Final = 20
# Who was declined may ask again after so long; before, they are declined without anybody being asked.
QUIET_MS: Final = 30 * DAY_MS
_KEPT_OUT: Final = ("reject", "limit")

By = Member | None
"""Who does it: an admin, or (None) the command line."""


# -- for admins


async def listed(server: Server, viewer: Viewer | None, states: Collection[State]) -> list[PartnerRow]:
    """Relations in these states, the newest first. Who is a partner everybody may know; the rest is for admins (None: the
    command line). Raises Forbidden."""
    if set(states) - {"active"} and viewer is not None:
        require(viewer if isinstance(viewer, Member) else _nobody(viewer), Permission.MANAGE_FEDERATION)
    return await server.db.read(partners.listed, tuple(states))


async def offer(server: Server, by: By, host: str, note: str = "") -> PartnerRow:
    """Offer another server, named by its domain or an address on it, to be partners. If it has offered that itself, its
    offer is accepted.

    Raises Forbidden, Invalid (by field), Conflict (it is a partner, or has not answered yet), Unreachable.
    """
    _require(by)
    said = clean_text(note)
    if len(said) > NOTE_CHARS_MAX:
        raise Invalid({"note": f"is longer than {NOTE_CHARS_MAX} characters"})
    _check_open(server, (await settings.current(server)).federation_mode)
    account_id = await servers.actor_of(server, host)

    def unit(conn: Connection) -> PartnerRow:
        them = accounts.by_id(conn, account_id)
        assert them is not None
        if them.own_suspended_at is not None or instances.rules(conn, them.host).policy in _KEPT_OUT:
            raise Invalid({"host": "is a server that this one keeps out"})
        known = partners.by_host(conn, them.host)
        if known is not None and known.account_id == account_id:
            if known.state == "active":
                raise Conflict(f"{them.host} is a partner already.")
            if known.state == "offered":
                raise Conflict(f"{them.host} has not answered your offer yet.")
            if known.state == "asked":
                return _accept(conn, server, by, known)
        return _offer(conn, server, by, them, said)

    return await server.db.write(unit)


async def accept(server: Server, by: By, partner_id: int) -> PartnerRow:
    """Accept what another server offers. Raises Forbidden, NotFound, Conflict."""
    _require(by)
    return await server.db.write(lambda conn: _accept(conn, server, by, _asked(conn, partner_id)))


async def decline(server: Server, by: By, partner_id: int) -> PartnerRow:
    """Decline what another server offers. Raises Forbidden, NotFound, Conflict."""
    _require(by)

    def unit(conn: Connection) -> PartnerRow:
        row = _asked(conn, partner_id)
        _reject(conn, server, row)
        return _decided(conn, by, row, "decline", "declined")

    return await server.db.write(unit)


async def end(server: Server, by: By, partner_id: int) -> PartnerRow:
    """Be partners no longer, or take an offer back. Raises Forbidden, NotFound, Conflict."""
    _require(by)

    def unit(conn: Connection) -> PartnerRow:
        row = _known(conn, partner_id)
        if row.state not in ("active", "offered"):
            raise Conflict(f"{row.host} is no partner.")
        uri = server.uris.activity(new_id())
        server.publish.to_server(
            conn, row.account_id, activity.undo(uri, _ours(conn, server, row)), topic=row.uri
        )
        changed = _decided(conn, by, row, "end", "ended")
        _let_go(conn, row)
        return changed

    return await server.db.write(unit)


def offered_here(server: Server, row: PartnerRow) -> bool:
    """Whether this side made the offer."""
    return server.uris.is_local(row.offer_uri)


def _require(by: By) -> None:
    if by is not None:
        require(by, Permission.MANAGE_FEDERATION)


def _nobody(viewer: Anonymous) -> Member:
    return Member(0, "", "member", viewer.scopes)


def _check_open(server: Server, mode: str) -> None:
    if not server.config.federates or mode == "closed":
        raise Conflict("This server does not federate.")


def _known(conn: Connection, partner_id: int) -> PartnerRow:
    row = partners.by_id(conn, partner_id)
    if row is None:
        raise NotFound("Record not found")
    return row


def _asked(conn: Connection, partner_id: int) -> PartnerRow:
    row = _known(conn, partner_id)
    if row.state != "asked":
        raise Conflict(f"{row.host} has made no offer that waits for an answer.")
    return row


def _offer(conn: Connection, server: Server, by: By, them: AccountRow, note: str) -> PartnerRow:
    known = partners.by_host(conn, them.host)
    row = partners.put(
        conn, them.host, them.id, state="offered", offer_uri=server.uris.activity(new_id()), note=note,
        decided_by_id=None if by is None else by.account_id, created_at=now_ms(), decided_at=None,
        library_read_at=None,
    )  # fmt: skip
    document = activity.offer_partnership(
        row.offer_uri, actor=server.uris.instance_actor(), other=them.uri, note_html=_as_html(note)
    )
    server.publish.to_server(conn, them.id, document, topic=them.uri)
    before = {} if known is None else {"state": known.state}
    audit.note(conn, by, "offer", _subject(row), before=before, after={"state": "offered"})
    return row


def _accept(conn: Connection, server: Server, by: By, row: PartnerRow) -> PartnerRow:
    if instances.rules(conn, row.host).policy in _KEPT_OUT:
        raise Conflict(f"{row.host} is a server that this one keeps out.")
    changed = _decided(conn, by, row, "accept", "active")
    server.publish.to_server(conn, row.account_id, _acceptance(conn, server, changed), topic=row.uri)
    _begin(conn, changed)
    return changed


def _decided(conn: Connection, by: By, row: PartnerRow, action: str, state: State) -> PartnerRow:
    """Keep a decision of this side's, and log it."""
    by_id = None if by is None else by.account_id
    partners.change(conn, row, state=state, decided_by_id=by_id, decided_at=now_ms())
    audit.note(conn, by, action, _subject(row), before={"state": row.state}, after={"state": state})
    return _known(conn, row.id)


def _subject(row: PartnerRow) -> tuple[str, object, str]:
    return "partner", row.id, row.host


# -- what is sent


def _ours(conn: Connection, server: Server, row: PartnerRow) -> dict[str, Any]:
    """The activity of this side's by which the relation is, or is offered: what an Undo takes back."""
    if offered_here(server, row):
        return activity.offer_partnership(row.offer_uri, actor=server.uris.instance_actor(), other=row.uri)
    return _acceptance(conn, server, row)


def _acceptance(conn: Connection, server: Server, row: PartnerRow) -> dict[str, Any]:
    # The same address each time: an Undo names it.
    uri = server.uris.activity(f"{row.id}-{row.decided_at}")
    return activity.accept(uri, actor=server.uris.instance_actor(), request=_theirs(server, row))


def _reject(conn: Connection, server: Server, row: PartnerRow) -> None:
    document = activity.reject(
        server.uris.activity(new_id()), actor=server.uris.instance_actor(), request=_theirs(server, row)
    )
    server.publish.to_server(conn, row.account_id, document, topic=row.uri)


def _theirs(server: Server, row: PartnerRow) -> dict[str, Any]:
    document = activity.offer_partnership(row.offer_uri, actor=row.uri, other=server.uris.instance_actor())
    return {name: value for name, value in document.items() if name in ("id", "type", "actor", "object")}


def _as_html(note: str) -> str:
    return "".join(f"<p>{html.escape(line)}</p>" for line in note.splitlines() if line.strip())


# -- what arrives: `them` is the other server's own actor


def receive_offer(conn: Connection, server: Server, them: AccountRow, offer_uri: str, note: str) -> str:
    """Another server offers to be partners; "" or why nothing is done about it."""
    if inbox.is_buried(conn, offer_uri):
        return "it was taken back before"
    if them.own_suspended_at is not None or instances.rules(conn, them.host).policy in _KEPT_OUT:
        return "its server is kept out"
    known = partners.by_host(conn, them.host)
    if known is not None and known.account_id != them.id:
        # The server has another actor now, and nothing that was agreed with the one before holds.
        if known.state == "active":
            _let_go(conn, known)
        known = None
    if known is not None and known.offer_uri == offer_uri:
        return "it is known"
    now = now_ms()
    if known is not None and known.state == "active":
        # They have forgotten that we are: their offer stands for ours.
        partners.change(conn, known, offer_uri=offer_uri, decided_at=now)
        _answer_again(conn, server, known)
        return ""
    if known is not None and known.state == "offered":
        _agreed(conn, known)
        # Ours may not have come to them.
        crossed = _known(conn, known.id)
        request = {**_theirs(server, crossed), "id": offer_uri}
        uri = server.uris.activity(new_id())
        document = activity.accept(uri, actor=server.uris.instance_actor(), request=request)
        server.publish.to_server(conn, them.id, document, topic=them.uri)
        return ""
    declined = known is not None and known.state == "declined" and not offered_here(server, known)
    if known is not None and declined and (known.decided_at or 0) > now - QUIET_MS:
        partners.change(conn, known, offer_uri=offer_uri)
        _reject(conn, server, _known(conn, known.id))
        return ""
    if known is None and partners.count_since(conn, "asked", 0) >= WAITING_MAX:
        return "too many offers wait"
    row = partners.put(
        conn, them.host, them.id, state="asked", offer_uri=offer_uri, note=clean_text(note)[:NOTE_CHARS_MAX],
        decided_by_id=None, created_at=now, decided_at=None, library_read_at=None,
    )  # fmt: skip
    lately = known is not None and known.created_at > now - DAY_MS
    if not lately and partners.count_since(conn, "asked", now - DAY_MS) <= MAILS_A_DAY_MAX:
        _tell_admins(conn, "partner_offer", {"host": row.host, "note": mail.quoted(row.note)})
    return ""


def _answer_again(conn: Connection, server: Server, row: PartnerRow) -> None:
    changed = _known(conn, row.id)
    server.publish.to_server(conn, row.account_id, _acceptance(conn, server, changed), topic=row.uri)


def receive_answer(
    conn: Connection, server: Server, them: AccountRow, offer_uri: str | None, *, accepted: bool
) -> bool:
    """Another server accepts or declines what we offered it, or declines what it had accepted. Whether it could."""
    row = partners.by_host(conn, them.host)
    if row is None or row.account_id != them.id or row.state not in ("offered", "active"):
        return False
    if row.offer_uri != offer_uri or not offered_here(server, row):
        return False
    if not accepted:
        _parted(conn, row, "declined" if row.state == "offered" else "ended")
    elif row.state == "offered":
        _agreed(conn, row)
    return True


def receive_undo(
    conn: Connection, server: Server, them: AccountRow, kind: str, offer_uri: str | None
) -> bool:
    """Another server takes back its offer, or its consent to ours. Whether there was any."""
    row = partners.by_host(conn, them.host)
    if row is None or row.account_id != them.id:
        return False
    ours = offered_here(server, row)
    if kind == "Accept":
        theirs = ours and row.offer_uri == offer_uri
    else:
        # Where offers crossed each side keeps its own.
        theirs = row.offer_uri == offer_uri or (ours and row.state == "active")
    if not theirs or row.state not in ("asked", "active"):
        return False
    _parted(conn, row, "ended")
    return True


def _agreed(conn: Connection, row: PartnerRow) -> None:
    partners.change(conn, row, state="active", decided_at=now_ms())
    audit.note(conn, None, "accept", _subject(row), before={"state": row.state}, after={"state": "active"})
    _tell_of_answer(conn, row, "active")
    _begin(conn, row)


def _parted(conn: Connection, row: PartnerRow, state: State) -> None:
    partners.change(conn, row, state=state, decided_at=now_ms(), decided_by_id=None)
    action = "decline" if state == "declined" else "end"
    audit.note(conn, None, action, _subject(row), before={"state": row.state}, after={"state": state})
    if row.state != "asked":
        _tell_of_answer(conn, row, state)
    if row.state == "active":
        _let_go(conn, row)


def _begin(conn: Connection, row: PartnerRow) -> None:
    """Read what is in their library, calendar and directory."""
    library.begin_reading(conn, row)
    directories.plan_reading(conn, row)


def _let_go(conn: Connection, row: PartnerRow) -> None:
    """What is here of their library and calendar only because they were partners goes; nobody of theirs is found."""
    plan(conn, "let_go_of_library", {"host": row.host}, key=row.host)
    directories.plan_forgetting(conn, row.host)


def _tell_of_answer(conn: Connection, row: PartnerRow, state: State) -> None:
    subject, sentence = _ANSWERS[state]
    _tell_admins(
        conn,
        "partner_answer",
        {"subject": subject.format(host=row.host), "sentence": sentence.format(host=row.host)},
    )


_ANSWERS: Final[Mapping[State, tuple[str, str]]] = {
    "active": (
        "{host} is a partner now",
        "{host} and this server are partners now. What either of you publishes in its library, or announces in its "
        "calendar, can be found on both sides from now on; what was there before is being read.",
    ),
    "declined": (
        "{host} has declined to be a partner",
        "{host} has declined what this server offered: you are no partners, and nothing is shared.",
    ),
    "ended": (
        "{host} is a partner no longer",
        "{host} has ended the partnership. Its resources and events go from the library and calendar here, but for those of "
        "authors whom somebody follows, and those that somebody here has used, adapted, answered, marked, put on a shelf or goes to.",
    ),
}


def _tell_admins(conn: Connection, template: str, context: Mapping[str, Any]) -> None:
    for account_id in users.staff_ids(conn, roles_with(Permission.MANAGE_FEDERATION)):
        mail.plan_mail(conn, account_id, template, context)
