"""Members post opportunities, change them, close and open them again.

An opportunity is a post with more beside it: `fedserver.posts` writes the post and sets in motion what a post does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import Connection

from activitypub.identifiers import Uris
from fedserver import notifications, posts, visibility
from fedserver.beside import check_visibility, draft_of, provider
from fedserver.content.links import keyword_tags
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid
from fedserver.fields import either
from fedserver.opportunities import keeping, reading, saying, times
from fedserver.opportunities.checking import checked
from fedserver.opportunities.reading import described_of
from fedserver.opportunities.records import CLOSE_REASONS, Described, encode_form
from fedserver.viewer import Member
from storage import applications, opportunities
from storage import posts as stored_posts
from storage.opportunities import OpportunityRow
from storage.posts import PostRow
from storage.types import now_ms

OPEN_MAX: Final = 50
"""How many one member has on the board at a time."""
_MATERIAL: Final = ("opens", "deadline", "zone")
"""What those who are about to apply have to know when it changes."""


class _Beside:
    """What an opportunity is beside its post; see `fedserver.posts.Beside`."""

    def __init__(
        self, server: Server, said: Described, provider: str, *, closed_as: str | None = None
    ) -> None:
        self._server, self._said, self._provider = server, said, provider
        self._details, self._closed_as = said.details(), closed_as

    def address(self, uris: Uris, post_id: int) -> str | None:
        return uris.opportunity(post_id)

    def says(self, html: str) -> Mapping[str, Any]:
        said = self._said
        content = saying.whole_html(said.kind, self._details, said.abstract, html, closed_as=self._closed_as)
        return {"kind": keeping.KIND, "content_html": content}

    def hashtags(self) -> Mapping[str, str]:
        return keyword_tags(self._said.topics)

    def concerned(self, conn: Connection) -> Collection[int]:
        return ()

    def differs(self, conn: Connection, row: PostRow) -> bool:
        known = opportunities.by_id(conn, row.id)
        return known is None or described_of(known) != self._said

    def put(self, conn: Connection, row: PostRow, html: str) -> None:
        keeping.put(
            conn, row, self._said.kind, self._details, html, provider=self._provider, closed_as=self._closed_as,
            uid=f"{row.id}@{self._server.config.domain}", form=encode_form(self._said.form),
        )  # fmt: skip


async def publish(
    server: Server,
    member: Member,
    said: Described,
    *,
    visibility: str = "public",
    group_id: int | None = None,
    idempotency_key: str | None = None,
) -> int:
    """Post an opportunity; its post's id. Raises Invalid (by field), NotFound (group), Forbidden, Conflict (too many)."""
    kept = checked(said)
    deadline = times.deadline_at(kept)
    check_visibility(visibility)
    if deadline is not None and deadline <= now_ms():
        raise Invalid({"deadline": "has passed already"})
    await posts.find_strangers(server, draft_of(kept))

    def unit(conn: Connection) -> int:
        return publish_unit(
            conn, server, member.account_id, kept, visibility=visibility, group_id=group_id, app_id=member.app_id,
            idempotency_key=idempotency_key,
        )  # fmt: skip

    return await server.db.write(unit)


def publish_unit(
    conn: Connection,
    server: Server,
    account_id: int,
    said: Described,
    *,
    visibility: str = "public",
    group_id: int | None = None,
    app_id: int | None = None,
    idempotency_key: str | None = None,
    at_ms: int | None = None,
) -> int:
    """The unit of `publish`; `said` is as `checked` gives it, `at_ms` dates it back."""
    if opportunities.count_open(conn, account_id, now_ms()) >= OPEN_MAX:
        raise Conflict(f"You have {OPEN_MAX} opportunities on the board: close one first.")
    draft = draft_of(
        said, visibility=visibility, group_id=group_id, app_id=app_id, idempotency_key=idempotency_key
    )
    beside = _Beside(server, said, provider(conn, server))
    return posts.create_unit(conn, server, account_id, draft, beside=beside, at_ms=at_ms)


async def change(server: Server, member: Member, post_id: int, said: Described) -> None:
    """Say something else of an opportunity of one's own: those who have begun to apply hear of another deadline.

    Raises Invalid (by field), NotFound, Forbidden; Conflict for other questions once somebody has answered them.
    """
    kept = checked(said)
    await posts.find_strangers(server, draft_of(kept))
    await server.db.write(_change, server, member.account_id, post_id, kept)


def _change(conn: Connection, server: Server, account_id: int, post_id: int, said: Described) -> None:
    opportunities.locked(conn, post_id)
    row = own(conn, post_id, account_id)
    before = described_of(row)
    _check_form(conn, row, before, said)
    material = any(getattr(before, name) != getattr(said, name) for name in _MATERIAL)
    if material:
        # Before the edit is told, so that documents and calendars carry it.
        opportunities.change(conn, post_id, sequence=row.sequence + 1)
    _edit(conn, server, row, said, closed_as=None if row.closed_at is None else row.close_reason)
    if material:
        _tell(conn, post_id)


def _check_form(conn: Connection, row: OpportunityRow, before: Described, said: Described) -> None:
    """What was asked stays as it is once it was answered, and so do criteria once somebody has scored by them."""
    if before.form is None or before.form == said.form:
        return
    sent = applications.count_sent(conn, row.id)
    if sent and said.form is None:
        raise Conflict("Somebody has applied here: the form stays.")
    if said.form is None:
        return
    if sent and before.form.questions != said.form.questions:
        raise Conflict("Somebody has answered the questions: they stay as they are.")
    if sent and before.form.blind and not said.form.blind:
        raise Conflict("Who applied was told that reviewers see no names.")
    if before.form.criteria != said.form.criteria and applications.is_reviewed(conn, row.id):
        raise Conflict("Somebody has scored by the criteria: they stay as they are.")


def _edit(
    conn: Connection, server: Server, row: OpportunityRow, said: Described, *, closed_as: str | None
) -> bool:
    beside = _Edited(
        server, said, provider(conn, server), closed_as=closed_as, was_closed=row.closed_at is not None
    )
    return posts.edit_unit(conn, server, row.account_id, row.id, draft_of(said), beside=beside)


class _Edited(_Beside):
    """An opportunity that is there; it may only be closed now, or open again."""

    def __init__(self, *given: Any, was_closed: bool, **named: Any) -> None:
        super().__init__(*given, **named)
        self._was_closed = was_closed

    def differs(self, conn: Connection, row: PostRow) -> bool:
        return super().differs(conn, row) or self._was_closed != (self._closed_as is not None)


def _tell(conn: Connection, post_id: int) -> None:
    """Those members who have begun to apply, or have applied, hear that something has changed, as far as they may still see it."""
    row = stored_posts.by_id(conn, post_id)
    assert row is not None
    for account_id in sorted(visibility.who_may_see(conn, row, applications.who_applies(conn, post_id))):
        notifications.notify(
            conn, account_id, "update", row.account_id, post_id=row.id, thread_id=row.thread_id
        )


async def close(server: Server, member: Member, post_id: int, reason: str = "closed") -> None:
    """Take an opportunity of one's own from the board before its deadline: it is filled, withdrawn, or just closed. Closing
    again changes the reason. Raises Invalid, NotFound, Forbidden."""
    kept = reason.strip() or "closed"
    if kept not in CLOSE_REASONS:
        raise Invalid({"reason": f"must be {either(CLOSE_REASONS)}"})
    await server.db.write(_close, server, member.account_id, post_id, kept)


async def reopen(server: Server, member: Member, post_id: int) -> None:
    """Put what was closed by hand back on the board. Raises NotFound, Forbidden; Conflict after the deadline."""
    await server.db.write(_close, server, member.account_id, post_id, None)


def _close(conn: Connection, server: Server, account_id: int, post_id: int, reason: str | None) -> None:
    opportunities.locked(conn, post_id)
    row = own(conn, post_id, account_id)
    if (row.closed_at is None) == (reason is None) and row.close_reason == (reason or ""):
        return
    if reason is None and row.deadline_at is not None and row.deadline_at <= now_ms():
        raise Conflict("The deadline has passed: set another one first.")
    said = described_of(row)
    closed_at = None if reason is None else row.closed_at or now_ms()
    opportunities.change(
        conn, post_id, closed_at=closed_at, close_reason=reason or "", sequence=row.sequence + 1
    )
    _edit(conn, server, row, said, closed_as=reason)
    _tell(conn, post_id)


# -- parts


def own(conn: Connection, post_id: int, account_id: int) -> OpportunityRow:
    """An opportunity of the member's own. Raises NotFound, Forbidden."""
    row = reading.visible(conn, post_id, account_id)
    if row.account_id != account_id:
        raise Forbidden("This opportunity is somebody else's.")
    return row
