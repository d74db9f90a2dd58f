"""What this server tells strangers of itself beyond `fedserver.site`: whom it knows, whom it keeps out, what goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, func, select

from fedserver import settings
from fedserver.content.links import tag_key
from fedserver.content.markdown import render_markdown
from fedserver.context import Server
from fedserver.moderation.domains import obfuscated
from storage import emojis, instances
from storage.kept_out import keeps_out
from storage.tables import account, instance, post, setting, user
from storage.tables.archives import NAMES_DOMAIN
from storage.types import id_floor, instant_of, now_ms

WEEK_MS: Final = 7 * 86_400_000
WEEKS_SHOWN: Final = 12

Text = Literal["extended_description"]


@dataclass(frozen=True, slots=True)
class Week:
    """What happened here in one week, which began at `began_at`."""

    began_at: int
    posts: int
    active: int
    joined: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A domain that is kept out (`reject`) or shown to its followers only (`limit`); `digest` is of its name."""

    domain: str
    digest: str
    policy: str
    comment: str


async def text(server: Server, name: Text) -> tuple[str, int]:
    """One of the long texts as HTML ("" when there is none), and when it was last changed."""
    source: str = getattr(await settings.current(server), name)

    def unit(conn: Connection) -> int | None:
        found = conn.scalar(select(setting.c.updated_at).where(setting.c.name == name))
        return int(found) if found is not None else None

    changed_at = await server.db.read(unit)
    rendered = render_markdown(source, {}, lambda tag: server.uris.tag(tag_key(tag))) if source else None
    # What the settings file says is as old as the server.
    return rendered.html if rendered else "", changed_at or instant_of(server.keys.instance_account_id)


async def peers(server: Server) -> Sequence[str]:
    """The domains of every account known from elsewhere, but for those kept out."""

    def unit(conn: Connection) -> Sequence[str]:
        known = set(
            conn.scalars(
                select(account.c.domain)
                .distinct()
                .join_from(account, instance, instance.c.host == account.c.host)
                .where(account.c.domain.not_in(("", NAMES_DOMAIN)), ~keeps_out(instance))
            )
        )
        return sorted(known)

    return await server.db.read(unit)


async def kept_out(server: Server, *, limit: int | None = None, offset: int = 0) -> list[Kept]:
    """The domains that this server limits or refuses, the refused ones first, all or a part; some by a name with asterisks."""

    def unit(conn: Connection) -> list[Kept]:
        return [
            Kept(
                obfuscated(row.host) if row.obfuscates else row.host,
                hashlib.sha256(row.host.encode()).hexdigest(),
                row.policy,
                row.public_comment,
            )
            for row in instances.published(conn, limit=limit, offset=offset)
        ]

    return await server.db.read(unit)


async def weeks(server: Server) -> list[Week]:
    """The last twelve weeks, the present one first. Who was active is known of the week they were last here."""
    return await server.db.read(_weeks, now_ms())


def _weeks(conn: Connection, now: int) -> list[Week]:
    found = []
    for number in range(WEEKS_SHOWN):
        end = now - number * WEEK_MS
        began = end - WEEK_MS
        written = (
            select(func.count())
            .select_from(post)
            .where(post.c.local, post.c.id >= id_floor(began), post.c.id < id_floor(end))
            # What is said among the members of a group is nobody's business, not even its number.
            .where(post.c.visibility != "group")
        )
        active = (
            select(func.count())
            .select_from(user)
            .where(user.c.last_active_at >= began, user.c.last_active_at < end)
        )
        joined = (
            select(func.count()).select_from(user).where(user.c.created_at >= began, user.c.created_at < end)
        )
        found.append(
            Week(began, conn.scalar(written) or 0, conn.scalar(active) or 0, conn.scalar(joined) or 0)
        )
    return found


async def custom_emojis(server: Server) -> list[Row[Any]]:
    """The emoji that members can choose from."""
    return await server.db.read(emojis.in_picker)
