"""Direct notes to people of other servers about what they answered to an event: written by its organiser's actor, for one person.

They hold secrets (the address to change the answer under, the link to join), so they are no posts here: nobody but whom they
are for can read them, not the organiser either. An answer of ``stop`` ends them for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final

from sqlalchemy import Connection

from activitypub.builders import activity, note
from activitypub.builders.note import PostFields
from fedserver.content.from_html import text_of
from fedserver.context import Server
from fedserver.events import reading, saying
from fedserver.events.records import News, decode_details
from fedserver.federation.documents import moment_of
from fedserver.remembered import new_secret
from storage import accounts, event_keys, events
from storage.accounts import AccountRow
from storage.events import EventRow, OccurrenceRow, RsvpRow
from storage.types import DAY_MS, new_id, now_ms

A_DAY_MAX: Final = 10  # to one person of one event
_STOP: Final = frozenset({"stop", "unsubscribe"})
# Who is no person does not read what it is told, and may answer it.
_PEOPLE: Final = frozenset({"Person", "Organization"})
_STANDS: Final = {
    "in": "You are going",
    "waiting": "Every seat is taken, and you are on the waiting list",
    "asked": "You have asked to come, and the organiser decides",
    "refused": "The organiser has refused your answer",
    "maybe": "You may come",
    "declined": "You are not coming",
}
_NEWS: Final[Mapping[News, str]] = {
    "in": "There is a seat for you",
    "waiting": "Every seat is taken, and you are on the waiting list",
    "refused": "The organiser has refused your answer",
    "changed": "This has changed, and is now",
    "due": "It is about to begin",
}


def answered(
    conn: Connection, server: Server, row: EventRow, person: AccountRow, given: Sequence[RsvpRow]
) -> None:
    """Confirm to somebody what they have just answered."""
    by_state: dict[str, list[RsvpRow]] = {}
    for one in given:
        by_state.setdefault(one.state or one.answer, []).append(one)
    _send(
        conn,
        server,
        row,
        {person.id: person},
        {person.id: [(_STANDS[how], those) for how, those in by_state.items()]},
    )


def refused(conn: Connection, server: Server, row: EventRow, person: AccountRow, why: str) -> None:
    """Tell somebody why their answer was not taken."""
    _send(conn, server, row, {person.id: person}, {person.id: [(why, [])]})


def tell(
    conn: Connection,
    server: Server,
    row: EventRow,
    news: News,
    people: Mapping[int, AccountRow],
    concerned: Iterable[RsvpRow],
) -> None:
    """Tell those who gave these answers."""
    theirs: dict[int, list[RsvpRow]] = {}
    for one in concerned:
        theirs.setdefault(one.account_id, []).append(one)
    words = "It is called off" if news == "changed" and row.status == "cancelled" else _NEWS[news]
    _send(conn, server, row, people, {account_id: [(words, those)] for account_id, those in theirs.items()})


def says_stop(content_html: str | None) -> bool:
    """Whether an answer to a note asks for no more of them: a single word beside the names of whom it is for."""
    words = [word for word in text_of(content_html or "").split() if "@" not in word and "://" not in word]
    return len(words) == 1 and words[0].strip(".,!“”\"'").casefold() in _STOP


_Lines = Sequence[tuple[str, Sequence[RsvpRow]]]


def _send(
    conn: Connection,
    server: Server,
    row: EventRow,
    people: Mapping[int, AccountRow],
    lines: Mapping[int, _Lines],
) -> None:
    """To each of these people what is said of which of their answers; not to who wants to hear nothing, or has heard a lot."""
    organiser = accounts.by_id(conn, row.account_id)
    heard = event_keys.counts_since(conn, row.id, lines, now_ms() - DAY_MS)
    silent = event_keys.silent(conn, lines)
    times = {one.id: one for one in events.occurrences(conn, row.id)}
    for account_id, said in lines.items():
        person = people[account_id]
        if (
            organiser is None
            or not person.domain
            or person.suspended_at is not None
            or person.actor_type not in _PEOPLE
            or person.bot
            or account_id in silent
            or heard.get(account_id, 0) >= A_DAY_MAX
        ):
            continue
        html = _text(conn, server, row, times, account_id, said)
        uri = server.uris.event_note(row.id, new_id())
        handle = f"@{person.username}@{person.domain}"
        fields = PostFields(
            uri=uri,
            url=uri,
            attributed_to=organiser.uri,
            to=[person.uri],
            cc=[],
            published=moment_of(now_ms()),
            content_html=f'<p><span class="h-card"><a href="{escape(person.url or person.uri)}" class="u-url mention">'
            f"@<span>{escape(person.username)}</span></a></span></p>{html}",
            language="en",
            mentions=[(person.uri, handle)],
        )
        document = activity.create(f"{uri}#create", note.note(fields))
        server.publish.to_person(conn, organiser, account_id, document, topic=uri)


def _text(
    conn: Connection,
    server: Server,
    row: EventRow,
    times: Mapping[int, OccurrenceRow],
    account_id: int,
    said: _Lines,
) -> str:
    details = decode_details(row.details)
    parts = [f"<strong>{_link(row.url, row.title)}</strong>"]
    link = ""
    for words, given in said:
        meant = sorted((times[one.occurrence_id] for one in given if one.occurrence_id in times), key=_begins)
        spans = [(one.key, one.starts_at, one.ends_at) for one in meant if one.status != "cancelled"]
        called_off = [(one.key, one.starts_at, one.ends_at) for one in meant if one.status == "cancelled"]
        if spans or not meant:
            when = saying.when(details, spans)
            parts.append(escape(f"{words}: {when}" if when else words, quote=False))
        if called_off:
            parts.append(escape(f"Called off: {saying.when(details, called_off)}", quote=False))
        near = [
            one
            for one in given
            if one.state == "in" and (at := times.get(one.occurrence_id)) and reading.is_near(at)
        ]
        if near and row.join_url:
            link = row.join_url
            events.note_link_told(conn, [one.id for one in near], times[near[0].occurrence_id].starts_at)
    where = saying.where(details)
    if where:
        parts.append(escape(where, quote=False))
    if link:
        parts.append(f"To join: {_link(link, link)}")
    address = address_of(conn, server, row.id, account_id)
    parts.append(f"Calendar file: {_link(f'{address}.ics', f'{address}.ics')}")
    parts.append(f"Change or cancel your answer, without an account: {_link(address, address)}")
    parts.append(
        "Whoever has this address can do so: keep it to yourself. To hear no more of events here, answer “stop”."
    )
    return "".join(f"<p>{one}</p>" for one in parts)


def _begins(one: OccurrenceRow) -> int:
    return int(one.starts_at)


def _link(address: str, words: str) -> str:
    return f'<a href="{escape(address)}" rel="nofollow noopener">{escape(words, quote=False)}</a>'


def address_of(conn: Connection, server: Server, post_id: int, account_id: int) -> str:
    """A new secret address under which this person changes what they answered to an event."""
    secret, digest = new_secret()
    event_keys.add(conn, post_id, account_id, digest.hex())
    return f"{server.config.origin}/answers/{secret}"
