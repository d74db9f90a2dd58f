"""The job that brings a file in: a part at a time, and of what is not known here a question at a time to each server.

Each row is noted when it has come, so that after a crash the rest goes on. A server that does not answer holds up its own rows
alone: all of them are tried again later, some times, and then they are given up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Any, Final

from sqlalchemy import Connection, Row

from activitypub.discovery import parse_handle
from fedserver import domain_blocks, filters, interactions, lists, relationships
from fedserver.context import Server
from fedserver.errors import BadAnswer, FedError, NotFound, RateLimited, Refused, Unreachable
from fedserver.federation import fetch
from fedserver.filters import FilterChange
from fedserver.jobs.handlers import handles
from fedserver.mentions import is_ours
from fedserver.moving_in import files, runs
from fedserver.moving_in.comparing import Going, compare
from fedserver.moving_in.files import KINDS, Kind
from fedserver.viewer import PAGE_SCOPES, Member
from storage import accounts, moving_in, posts, users
from storage import interactions as stored_interactions
from storage import lists as stored_lists
from storage import relationships as stored_relationships
from storage.domain_blocks import is_kept_out
from storage.types import now_ms

log = logging.getLogger("fedserver.moving_in")

PART_ROWS: Final = 2_000
PART_SECONDS: Final = 20.0
TIMEOUT_SECONDS: Final = 600.0  # for the questions that are under way when a part is over
HOSTS_AT_ONCE: Final = 8
PAUSE_SECONDS: Final = 0.2  # between two questions to one server
ERRORS_MAX: Final = 3  # of a server that answers, one after another
AGAIN_MS: Final = (5 * 60_000, 30 * 60_000, 2 * 3_600_000, 8 * 3_600_000)
"""How long a server is left alone that has not answered for the first, second, … time. After the last it is given up."""
_TOO_MANY_REQUESTS: Final = 429

Bring = Callable[[Sequence[str]], Awaitable[bool]]


@handles("move_in", timeout_seconds=TIMEOUT_SECONDS, attempts_max=10)
async def carry_on(server: Server, payload: dict[str, Any]) -> None:
    """Bring in the next part of a file, and plan the one after it."""
    import_id: int = payload["import_id"]
    found = await server.db.read(_under_way, import_id)
    if found is None:
        return
    run, member = found
    if member is None:
        await server.db.write(runs.end, import_id, "Your account cannot be used at present.")
        return
    part = _Part(server, member, import_id, next(one for one in KINDS if one == run.kind))
    if run.state == "adding" or await part.remove():
        await part.add()
    await server.db.write(_go_on, import_id)


def _under_way(conn: Connection, import_id: int) -> tuple[Any, Member | None] | None:
    """The file, and its member as long as they are let in; None when there is nothing to do any more."""
    run = moving_in.by_id(conn, import_id)
    if run is None or run.state not in moving_in.RUNNING:
        return None
    user = users.by_id(conn, run.account_id)
    if user is None or not user.is_let_in:
        return run, None
    role: Any = user.role
    return run, Member(user.account_id, user.username, role, PAGE_SCOPES)


def _go_on(conn: Connection, import_id: int) -> None:
    run = moving_in.by_id(conn, import_id)
    if run is None or run.state not in moving_in.RUNNING:
        return
    next_at = moving_in.next_due_at(conn, import_id)
    if run.state == "removing":
        runs.plan_part(conn, import_id)
    elif next_at is not None:
        runs.plan_part(conn, import_id, next_at)
    else:
        moving_in.change(conn, import_id, state="done", ended_at=now_ms())


class _Part:
    """One part, while it is under way."""

    def __init__(self, server: Server, member: Member, import_id: int, kind: Kind) -> None:
        self._server, self._member, self._import_id, self._kind = server, member, import_id, kind
        self._ends = monotonic() + PART_SECONDS
        self._slots = asyncio.Semaphore(HOSTS_AT_ONCE)
        self._making = asyncio.Lock()  # of a list: two lanes may want the same
        self._scale = server.config.testing.time_scale
        self._bring: Bring = {
            "following": self._follow,
            "muting": self._mute,
            "blocking": self._block,
            "domain_blocking": self._keep_out,
            "bookmarks": self._bookmark,
            "lists": self._put_into_list,
            "custom_filters": self._filter,
        }[kind]

    # -- what goes

    async def remove(self) -> bool:
        """Take away what the file does not have; whether that is all. It is compared anew each time, and before the first row
        has come: until then all of them are there."""

        def unit(conn: Connection) -> list[Going]:
            keys = moving_in.keys(conn, self._import_id)
            return compare(
                conn, self._server, self._member.account_id, self._kind, keys, overwrites=True
            ).going

        for one in await self._server.db.read(unit):
            if await self._is_over():
                return False
            try:
                await self._remove(one)
            except FedError as error:  # the last owner of something, or gone meanwhile: it stays
                log.info("Something of import %d stays: %s", self._import_id, error)
                continue
            if one.id or one.domain:
                await self._server.db.write(moving_in.count_removed, self._import_id)
        await self._server.db.write(_removed_all, self._import_id)
        return True

    async def _remove(self, one: Going) -> None:
        server, member = self._server, self._member
        if self._kind == "following":
            await relationships.unfollow(server, member, one.id)
        elif self._kind == "muting":
            await relationships.unmute(server, member, one.id)
        elif self._kind == "blocking":
            await relationships.unblock(server, member, one.id)
        elif self._kind == "domain_blocking":
            await domain_blocks.unblock(server, member, one.domain)
        elif self._kind == "bookmarks":
            await server.db.write(stored_interactions.remove_bookmark, member.account_id, one.id)
        elif self._kind == "custom_filters":
            await filters.remove(server, member, one.id)
        elif one.id:
            await lists.remove_accounts(server, member, one.list_id, [one.id])
        else:
            await lists.remove(server, member, one.list_id)

    # -- what comes

    async def add(self) -> None:
        """Bring in rows whose time has come: those of one server after each other, several servers at once."""
        found = await self._server.db.read(moving_in.due, self._import_id, now_ms(), PART_ROWS)
        lanes: dict[str, list[Row[Any]]] = {}
        for row in found:
            lanes.setdefault(row.host, []).append(row)
        async with asyncio.TaskGroup() as group:
            for host, rows in lanes.items():
                group.create_task(self._lane(host, rows))

    async def _lane(self, host: str, rows: Sequence[Row[Any]]) -> None:
        errors = 0
        async with self._slots:
            for row in rows:
                if await self._is_over():
                    return
                try:
                    was_known = await self._bring(moving_in.cells(row))
                except RateLimited as error:
                    due_at = now_ms() + int(error.retry_after * 1000 / self._scale)
                    await self._server.db.write(moving_in.postpone, self._import_id, due_at)
                    self._ends = 0.0
                    return
                except Unreachable as error:
                    if not _may_pass(error):
                        await self._server.db.write(moving_in.failed, row.id, _told(error))
                        continue
                    errors += 1
                    is_away = not isinstance(error, BadAnswer) or error.status == _TOO_MANY_REQUESTS
                    is_over = is_away or errors >= ERRORS_MAX
                    await self._later(host, row, error, all_of_it=is_over)
                    if is_over:
                        return
                except FedError as error:
                    await self._server.db.write(moving_in.failed, row.id, _told(error))
                except Exception:
                    log.exception("Line %d of import %d could not be brought in.", row.line, self._import_id)
                    await self._later(host, row, FedError(), all_of_it=False)
                else:
                    errors = 0
                    await self._server.db.write(moving_in.done, self._import_id, row.id, was_known=was_known)

    async def _is_over(self) -> bool:
        """Whether this part has taken its time, or the member has stopped it."""
        if monotonic() > self._ends:
            return True
        run = await self._server.db.read(moving_in.by_id, self._import_id)
        return run is None or run.state not in moving_in.RUNNING

    async def _later(self, host: str, row: Row[Any], error: FedError, *, all_of_it: bool) -> None:
        wait_ms = AGAIN_MS[min(row.attempts, len(AGAIN_MS) - 1)] / self._scale

        def unit(conn: Connection) -> None:
            moving_in.unanswered(
                conn, self._import_id, host=host, row_id=None if all_of_it else row.id,
                due_at=now_ms() + int(wait_ms), attempts_max=len(AGAIN_MS) + 1, why=_told(error),
            )  # fmt: skip

        await self._server.db.write(unit)

    # -- what a row asks for; whether it was so already

    async def _follow(self, cells: Sequence[str]) -> bool:
        handle, boosts, notifies, languages = cells
        target_id = await self._account(handle)
        was_known = await self._follows(target_id)
        await relationships.follow(
            self._server, self._member, target_id, shows_boosts=files.is_yes(boosts),
            notifies=files.is_yes(notifies), languages=files.languages_of(languages) or None, counts=False,
        )  # fmt: skip
        return was_known

    async def _mute(self, cells: Sequence[str]) -> bool:
        handle, hides = cells
        target_id = await self._account(handle)
        (now,) = await self._between(target_id)
        said = files.is_yes(hides)
        if said is None:
            said = now.muting_notifications if now.muting else True
        await relationships.mute(self._server, self._member, target_id, hides_notifications=said)
        return now.muting

    async def _block(self, cells: Sequence[str]) -> bool:
        target_id = await self._account(cells[0])
        (now,) = await self._between(target_id)
        await relationships.block(self._server, self._member, target_id)
        return now.blocking

    async def _keep_out(self, cells: Sequence[str]) -> bool:
        was_known = await self._server.db.read(is_kept_out, self._member.account_id, cells[0])
        await domain_blocks.block(self._server, self._member, cells[0])
        return was_known

    async def _bookmark(self, cells: Sequence[str]) -> bool:
        row = await self._server.db.read(posts.by_uri_or_url, cells[0])
        post_id = (
            row.id if row is not None else await self._asked(fetch.post(self._server, cells[0], climbs=False))
        )
        if post_id is None:
            raise NotFound("This post is not there any more, or it is not for everybody.")
        return not await interactions.bookmark(self._server, self._member, post_id)

    async def _put_into_list(self, cells: Sequence[str]) -> bool:
        title, handle = cells
        me = self._member.account_id
        target_id = await self._account(handle)
        # Nobody can be in a list who is not followed.
        if target_id != me and not await self._follows(target_id):
            await relationships.follow(self._server, self._member, target_id, counts=False)
        async with self._making:
            known = await self._server.db.read(moving_in.lists, me)
            list_id = next((one.id for one in known if one.title == title), None)
            if list_id is None:
                list_id = (await lists.create(self._server, self._member, title)).id
        if await self._server.db.read(stored_lists.member_ids, list_id, [target_id]):
            return True
        await lists.add_accounts(self._server, self._member, list_id, [target_id])
        return False

    async def _filter(self, cells: Sequence[str]) -> bool:
        wanted = files.filter_of(cells)
        known = next(
            (one for one in await filters.listed(self._server, self._member) if one.title == wanted.title),
            None,
        )
        change = FilterChange(
            title=wanted.title,
            contexts=wanted.contexts,
            action=wanted.action,
            sets_expiry=wanted.post_uris is not None,
            expires_at=wanted.expires_at,
            words=wanted.keywords,
        )
        if known is None:
            known = await filters.create(self._server, self._member, change)
            was_known = False
        else:
            known = await filters.change(self._server, self._member, known.id, change)
            was_known = True
        named = {one.post_id for one in known.posts}
        for uri in wanted.post_uris or ():
            row = await self._server.db.read(posts.by_uri, uri)
            if row is not None and row.id not in named:
                named.add(row.id)
                await filters.add_post(self._server, self._member, known.id, row.id)
        return was_known

    # -- whom it is about

    async def _account(self, text: str) -> int:
        """Somebody known here, or asked of their server. Raises NotFound, Unreachable."""
        handle = parse_handle(text)
        domain = "" if is_ours(self._server, handle.host) else handle.host
        row = await self._server.db.read(accounts.by_handle, handle.username, domain)
        if row is not None and row.deleted_at is None:
            return int(row.id)
        if row is not None:
            raise NotFound("This account is not there any more.")
        if not domain:
            raise NotFound("There is nobody of this name here.")
        found = await self._asked(fetch.account_by_handle(self._server, handle.username, handle.host))
        if found is None:
            raise NotFound("Their server knows nobody of this name.")
        return found

    async def _asked(self, question: Awaitable[int | None]) -> int | None:
        found = await question
        await asyncio.sleep(PAUSE_SECONDS / self._scale)
        return found

    async def _follows(self, target_id: int) -> bool:
        row = await self._server.db.read(
            stored_relationships.follow_between, self._member.account_id, target_id
        )
        return row is not None

    async def _between(self, target_id: int) -> list[stored_relationships.Relationship]:
        return await relationships.between(self._server, self._member, [target_id])


def _may_pass(error: Unreachable) -> bool:
    """Whether the same question may be answered another time."""
    if isinstance(error, BadAnswer):
        return error.status is not None and (error.status >= 500 or error.status == _TOO_MANY_REQUESTS)
    return not isinstance(error, Refused)


def _told(error: FedError) -> str:
    return str(error).removeprefix("Validation failed: ")


def _removed_all(conn: Connection, import_id: int) -> None:
    """From now on rows come; unless it was stopped meanwhile."""
    run = moving_in.by_id(conn, import_id)
    if run is not None and run.state == "removing":
        moving_in.change(conn, import_id, state="adding")
