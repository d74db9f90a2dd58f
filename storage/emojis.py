"""Custom emoji: this server's, which members write, and those that other servers' texts came with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from storage.hot import Hot, insert_rows
from storage.tables import account, custom_emoji, post
from storage.types import AnyOf, new_id, now_ms

EmojiRow = Row[Any]


def named(conn: Connection, shortcodes: Iterable[str]) -> list[EmojiRow]:
    """Those of this server's that are called so and not disabled."""
    wanted = set(shortcodes)
    if not wanted:
        return []
    query = select(custom_emoji).where(
        custom_emoji.c.shortcode.in_(wanted), custom_emoji.c.domain == "", custom_emoji.c.disabled.is_(False)
    )
    return list(conn.execute(query))


def stored(conn: Connection, shortcodes: Iterable[str]) -> str:
    """The same as texts keep them: a JSON list of `shortcode`, `url` and `static_url`."""
    return json.dumps(
        [
            {"shortcode": one.shortcode, "url": one.url, "static_url": one.static_url}
            for one in named(conn, shortcodes)
        ],
        separators=(",", ":"),
    )


def in_picker(conn: Connection) -> list[EmojiRow]:
    """Those of this server's that members can choose from, by name."""
    query = select(custom_emoji).where(
        custom_emoji.c.domain == "", custom_emoji.c.disabled.is_(False), custom_emoji.c.visible_in_picker
    )
    return list(conn.execute(query.order_by(custom_emoji.c.shortcode)))


def own(conn: Connection, shortcode: str) -> EmojiRow | None:
    """One of this server's, disabled ones included."""
    return conn.execute(
        select(custom_emoji).where(custom_emoji.c.shortcode == shortcode, custom_emoji.c.domain == "")
    ).first()


def all_own(conn: Connection) -> list[EmojiRow]:
    """All of this server's, by category and name."""
    query = select(custom_emoji).where(custom_emoji.c.domain == "")
    return list(conn.execute(query.order_by(custom_emoji.c.category, custom_emoji.c.shortcode)))


def put_own(conn: Connection, shortcode: str, **columns: Any) -> None:
    """Make it, or give one of that name other columns."""
    values = {**columns, "updated_at": now_ms()}
    row = own(conn, shortcode)
    if row is None:
        insert_rows(conn, custom_emoji, [{"id": new_id(), "shortcode": shortcode, "domain": "", **values}])
    else:
        conn.execute(update(custom_emoji).where(custom_emoji.c.id == row.id).values(**values))


def remove_own(conn: Connection, shortcode: str) -> None:
    """Forget it; its files are the caller's to delete."""
    conn.execute(
        delete(custom_emoji).where(custom_emoji.c.shortcode == shortcode, custom_emoji.c.domain == "")
    )


_of_host: Hot[Any] = Hot(
    lambda: select(custom_emoji.c.id, custom_emoji.c.shortcode, custom_emoji.c.url).where(
        custom_emoji.c.domain == bindparam("host"), AnyOf(custom_emoji.c.shortcode, bindparam("shortcodes"))
    )
)


def see(conn: Connection, host: str, emojis: Iterable[Mapping[str, str]]) -> None:
    """Remember where another server has the emoji (`shortcode`, `url`) that a text of its came with."""
    wanted = {one["shortcode"]: one["url"] for one in emojis}
    if not wanted:
        return
    known = {row.shortcode: row for row in _of_host.run(conn, host=host, shortcodes=list(wanted))}
    for shortcode, row in known.items():
        if row.url != wanted[shortcode]:
            url = wanted[shortcode]
            conn.execute(
                update(custom_emoji)
                .where(custom_emoji.c.id == row.id)
                .values(url=url, static_url=url, updated_at=now_ms())
            )
    rows = [
        {"id": new_id(), "shortcode": shortcode, "domain": host, "url": url, "static_url": url}
        for shortcode, url in wanted.items()
        if shortcode not in known
    ]
    insert_rows(conn, custom_emoji, rows, unless_there=True)


def of_host(conn: Connection, host: str, shortcode: str) -> str | None:
    """Where this server has its emoji of that name, as last seen."""
    found = _of_host.run(conn, host=host, shortcodes=[shortcode])
    return str(found[0].url) if found else None


def seen(conn: Connection, part: str, domain: str, limit: int) -> list[EmojiRow]:
    """Those of other servers, or of one, with this in their name, by name and server."""
    query = select(custom_emoji).where(
        custom_emoji.c.domain != "", custom_emoji.c.shortcode.icontains(part, autoescape=True)
    )
    if domain:
        query = query.where(custom_emoji.c.domain == domain)
    order = (custom_emoji.c.shortcode, custom_emoji.c.domain)
    return list(conn.execute(query.order_by(*order).limit(limit)))


def show_anew(conn: Connection, shortcode: str, url: str, static_url: str) -> None:
    """One of this server's has another picture: show it wherever it was written here."""
    _rewrite(conn, shortcode, {"shortcode": shortcode, "url": url, "static_url": static_url})


def take_out(conn: Connection, shortcode: str) -> None:
    """One of this server's is no more: leave its name where it was written here."""
    _rewrite(conn, shortcode, None)


def _rewrite(conn: Connection, shortcode: str, instead: dict[str, str] | None) -> None:
    pattern = '%"shortcode":"' + shortcode.replace("_", "\\_") + '"%'
    for table, ours in ((post, post.c.local), (account, account.c.domain == "")):
        query = select(table.c.id, table.c.emojis).where(ours, table.c.emojis.like(pattern, escape="\\"))
        for row in list(conn.execute(query)):
            others = [one for one in json.loads(row.emojis) if one["shortcode"] != shortcode]
            shown = others if instead is None else [*others, instead]
            conn.execute(
                update(table)
                .where(table.c.id == row.id)
                .values(emojis=json.dumps(shown, separators=(",", ":")), version=table.c.version + 1)
            )
