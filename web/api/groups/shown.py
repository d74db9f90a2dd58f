"""Groups and their threads as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import UNSET, Raw

from fedserver.groups import catalogue, rules
from fedserver.groups.catalogue import Shown
from fedserver.groups.opened import Opened, Within
from fedserver.groups.threads import ThreadLine
from fedserver.media import remote_urls
from fedserver.timelines import Batch
from web import keys, replies
from web.api.groups.entities import Group, Membership, Staff, Thread, ThreadPost, ThreadWithPosts, Topic
from web.api.render import AVATAR, HEADER, Renderer, acct, instant, maybe_instant, renderer

NOTHING: Final = b"{}"


def group(request: web.Request, found: Shown, *, alone: bool = True) -> Group:
    """A group as its viewer sees it; in a list, that is not `alone`, without its staff."""
    row, server, render = found.group, keys.server(request), renderer(request)
    static = f"{server.config.origin}/static"
    moderates = alone and found.standing.moderates
    return Group(
        id=str(row.account_id),
        name=row.username,
        acct=acct(row),
        title=row.display_name or row.username,
        url=row.url or row.uri,
        uri=row.uri,
        local=not row.domain,
        kind=row.kind,
        access=row.access,
        join_mode=row.join_mode,
        join_question=row.join_question,
        posting=row.posting,
        description=catalogue.description_of(row),
        charter=row.charter_html or row.note_html,
        charter_source=row.charter_source,
        rules=json.loads(row.rules),
        topics=topics(request, found.topics),
        language=row.language or None,
        allows_downvotes=bool(row.allows_downvotes),
        avatar=remote_urls.avatar(server.config, row) or f"{static}/{AVATAR}",
        avatar_description=row.avatar_alt,
        header=remote_urls.header(server.config, row) or f"{static}/{HEADER}",
        header_description=row.header_alt,
        emojis=render.emojis(row.emojis, row.uri),
        members_count=row.members_count,
        threads_count=row.threads_count,
        last_activity_at=maybe_instant(row.last_activity_at),
        archived_at=maybe_instant(row.archived_at),
        created_at=instant(row.created_at),
        membership=membership(request, found),
        may=[str(one) for one in rules.allowed(row, found.standing)],
        requests_count=found.requests_count if moderates else UNSET,
        staff=[Staff(one.role, _account(render, one)) for one in found.staff] if alone else UNSET,
    )


def membership(request: web.Request, found: Shown) -> Membership | None:
    """How the member who asks stands to a group; None for nobody we know."""
    if request[keys.VIEWER].account_id is None:
        return None
    return Membership(
        group_id=str(found.group.account_id),
        role=found.standing.role,  # type: ignore[arg-type]
        waiting=found.is_waiting,
        invited=found.standing.is_invited,
        banned=found.standing.is_banned,
        level=found.level,  # type: ignore[arg-type]
    )


def topics(request: web.Request, rows: Sequence[Any]) -> list[Topic]:
    """Topics of a group."""
    uris = keys.server(request).uris
    return [Topic(str(one.id), one.name, uris.tag(one.key)) for one in rows]


def account(request: web.Request, row: Any) -> Any:
    """An account within another entity, out of its full row; None for nobody."""
    return None if row is None else _account(renderer(request), row)


def _account(render: Renderer, row: Any) -> Any:
    return Raw(render.account(row))


# -- threads


def thread(request: web.Request, line: ThreadLine, rows: Sequence[Any], status: bytes, **more: Any) -> Thread:
    """A thread of a list; `status` is its first post."""
    return Thread(**_thread(request, line, rows, status), **more)


def _thread(request: web.Request, line: ThreadLine, rows: Sequence[Any], status: bytes) -> dict[str, Any]:
    return {
        "id": str(line.post_id),
        "status_id": str(line.post_id),
        "group_id": str(line.group_id),
        "title": line.title,
        "url": line.url or line.uri,
        "topics": topics(request, rows),
        "locked": line.locked_at is not None,
        "locked_at": maybe_instant(line.locked_at),
        "pinned": bool(line.is_pinned),
        "answer_id": _id(line.answer_id),
        "merged_into_id": _id(line.merged_into_id),
        "replies_count": line.replies_count,
        "unread_count": line.unread_count,
        "score": line.score,
        "created_at": instant(line.created_at),
        "last_activity_at": instant(line.last_activity_at),
        "last_status_id": _id(line.last_post_id),
        "status": Raw(status),
    }


def opened(request: web.Request, found: Opened, *, with_posts: bool = False) -> web.Response:
    """A thread, with a page of its posts if they are wanted."""
    render = renderer(request)
    first = next(card for card in found.batch.cards if card.post.id == found.line.post_id)
    shown = _thread(request, found.line, found.topics, render.status(first, found.batch))
    level: Any = UNSET if found.batch.viewer_id is None else found.level
    if not with_posts:
        return replies.json(Thread(**shown, level=level))
    posts = [_post(render, found.line, one, found.batch) for one in found.posts]
    link = replies.link_header(request, next_={"after": found.after}) if found.after else ""
    body = msgspec.json.encode(ThreadWithPosts(**shown, level=level, posts=posts))
    return replies.json(body, headers={"Link": link} if link else None)


def _post(render: Renderer, line: ThreadLine, one: Within, batch: Batch) -> ThreadPost:
    post = one.card.post
    status: Any = Raw(render.status(one.card, batch))
    return ThreadPost(
        depth=one.depth,
        score=post.likes_count - one.against,
        downvotes_count=one.against,
        downvoted=one.is_voted_against,
        is_answer=post.id == line.answer_id,
        status=status,
    )


def _id(row_id: int | None) -> str | None:
    return None if row_id is None else str(row_id)
