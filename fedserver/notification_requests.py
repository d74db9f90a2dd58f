"""Requests of senders whose mentions a member's policy holds back: to look at, accept or dismiss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from fedserver import conversations, filters, page_cards, reading, timelines
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.rendered import Shelf
from fedserver.viewer import Member
from storage import accounts, notification_policy, notification_requests
from storage.cards import Batch, Card
from storage.paging import Window
from storage.signals import signal


@dataclass(frozen=True, slots=True)
class Request:
    """A sender, how many mentions and quotes of theirs wait, and the last post among them if it can be shown.
    `last_id` is of the last notification."""

    id: int
    sender: Row[Any]
    notifications_count: int
    last_id: int
    card: Card | None


@dataclass(frozen=True, slots=True)
class Requests:
    """A page of requests, newest first, with what is needed to show them."""

    requests: list[Request]
    batch: Batch


@dataclass(frozen=True, slots=True)
class Held:
    """A request as pages show it. `post` is the last that waits, if it can be shown."""

    id: int
    person: page_cards.Person
    count: int
    post: page_cards.PostCard | None


@dataclass(frozen=True, slots=True)
class RequestsLeaf:
    """A page of requests; cursors as in `reading.Leaf`."""

    items: list[Held]
    newer: int | None
    older: int | None


async def listed(server: Server, member: Member, window: Window, shelf: Shelf) -> Requests:
    """The member's requests behind which something waits."""

    def unit(conn: Connection) -> Requests:
        rows = notification_requests.listed(conn, member.account_id, window)
        return _completed(conn, member.account_id, rows, shelf)

    return await _filtered(server, member, await server.db.read(unit))


async def one(server: Server, member: Member, request_id: int, shelf: Shelf) -> Requests:
    """One of the member's requests. Raises NotFound."""

    def unit(conn: Connection) -> Requests:
        row = notification_requests.by_id(conn, member.account_id, request_id)
        if row is None:
            raise NotFound("Record not found")
        return _completed(conn, member.account_id, [row], shelf)

    return await _filtered(server, member, await server.db.read(unit))


async def for_page(server: Server, member: Member, window: Window) -> RequestsLeaf:
    """The same for people to look at."""

    def unit(conn: Connection) -> RequestsLeaf:
        rows = notification_requests.listed(conn, member.account_id, window)
        posts = reading.cards(
            conn, server.config, member.account_id, [one.last_post_id for one in rows if one.last_post_id]
        )
        by_post = {card.id: card for card in posts}
        senders = accounts.by_ids(conn, [one.from_account_id for one in rows])
        items = [
            Held(
                one.id,
                page_cards.person_of(server.config, senders[one.from_account_id]),
                one.notifications_count,
                by_post.get(one.last_post_id),
            )
            for one in rows
        ]
        newer, older = reading.cursors(window, [one.id for one in rows])
        return RequestsLeaf(items, newer, older)

    return await server.db.read(unit)


async def accept(server: Server, member: Member, request_ids: Sequence[int], *, strict: bool = False) -> None:
    """Show what waits, and let these senders through from now on. Others' requests are passed over; if `strict`,
    NotFound is raised where none is the member's."""

    def unit(conn: Connection) -> None:
        senders = _senders(conn, member.account_id, request_ids, strict=strict)
        if not senders:
            return
        notification_policy.permit(conn, member.account_id, senders)
        private = notification_requests.private_mentions(conn, member.account_id, senders)
        notification_requests.unfilter(conn, member.account_id, senders)
        notification_requests.remove(conn, member.account_id, senders)
        conversations.caught_up(conn, member.account_id, private)
        signal(conn, f"notifications_merged:{member.account_id}")

    await server.db.write(unit)


async def dismiss(
    server: Server, member: Member, request_ids: Sequence[int], *, strict: bool = False
) -> None:
    """Forget what waits; later ones wait again. As `accept` otherwise."""

    def unit(conn: Connection) -> None:
        senders = _senders(conn, member.account_id, request_ids, strict=strict)
        if senders:
            notification_requests.forget(conn, member.account_id, senders)
            notification_requests.remove(conn, member.account_id, senders)

    await server.db.write(unit)


def _senders(conn: Connection, account_id: int, request_ids: Sequence[int], *, strict: bool) -> list[int]:
    found = notification_requests.senders(conn, account_id, request_ids)
    if strict and not found:
        raise NotFound("Record not found")
    return found


def _completed(conn: Connection, viewer_id: int, rows: Sequence[Row[Any]], shelf: Shelf) -> Requests:
    batch = timelines.batch_of(conn, viewer_id, [one.last_post_id for one in rows if one.last_post_id], shelf)
    by_post = {card.post.id: card for card in batch.cards}
    senders = accounts.by_ids(conn, [one.from_account_id for one in rows])
    found = [
        Request(
            one.id,
            senders[one.from_account_id],
            min(one.notifications_count, notification_requests.COUNTED_MAX),
            one.last_id,
            by_post.get(one.last_post_id),
        )
        for one in rows
    ]
    return Requests(found, batch)


async def _filtered(server: Server, member: Member, found: Requests) -> Requests:
    await filters.applied(server, member.account_id, found.batch)
    return found
