"""A member's own profile: what it says, and moving away or in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, update

from activitypub.discovery import parse_handle
from activitypub.errors import Malformed
from activitypub.identifiers import normal_host
from fedserver import mentions
from fedserver.content.html import sanitise_bio
from fedserver.content.links import find_mentions, tag_key
from fedserver.content.plain import render_plain
from fedserver.content.text import clean_line, emoji_shortcodes, language_tag
from fedserver.context import Server
from fedserver.errors import Conflict, Invalid, NotFound
from fedserver.federation import fetch
from fedserver.jobs.plan import plan
from fedserver.viewer import Member
from storage import accounts, emojis
from storage.accounts import AccountRow
from storage.tables import user
from storage.types import now_ms

NAME_CHARACTERS_MAX: Final = 50
NOTE_CHARACTERS_MAX: Final = 1_000
FIELDS_MAX: Final = 6
FIELD_CHARACTERS_MAX: Final = 255
ALIASES_MAX: Final = 10
ATTRIBUTION_DOMAINS_MAX: Final = 100
MOVES_EVERY_MS: Final = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What to change of a profile; None leaves a thing as it is. An empty picture URL takes the picture away."""

    display_name: str | None = None
    note: str | None = None
    fields: Sequence[tuple[str, str]] | None = None
    locked: bool | None = None
    bot: bool | None = None
    discoverable: bool | None = None
    indexable: bool | None = None
    hides_follows: bool | None = None
    show_media: bool | None = None
    show_media_replies: bool | None = None
    show_featured: bool | None = None
    attribution_domains: Sequence[str] | None = None
    avatar_url: str | None = None
    avatar_alt: str | None = None
    header_url: str | None = None
    header_alt: str | None = None
    default_visibility: str | None = None
    default_sensitive: bool | None = None
    default_language: str | None = None
    default_quote_policy: str | None = None


async def change_profile(server: Server, member: Member, change: ProfileChange) -> None:
    """Change a profile here and, where anything others see has changed, everywhere. Raises Invalid."""
    _check(change)
    await server.db.write(_change_profile, server, member.account_id, change)
    server.remembered.forget_member(member.account_id)


def _change_profile(conn: Connection, server: Server, account_id: int, change: ProfileChange) -> None:
    row = accounts.by_id(conn, account_id)
    assert row is not None
    values: dict[str, Any] = {}
    if change.display_name is not None:
        values["display_name"] = clean_line(change.display_name)
    if change.note is not None:
        values["note_source"] = change.note
        values["note_html"] = rich_text(conn, server, change.note)
    if change.fields is not None:
        values["fields"] = msgspec.json.encode(_fields(conn, server, row, change.fields)).decode()
    for name in (
        "locked",
        "discoverable",
        "indexable",
        "hides_follows",
        "show_media",
        "show_media_replies",
        "show_featured",
        "avatar_url",
        "avatar_alt",
        "header_url",
        "header_alt",
    ):
        value = getattr(change, name)
        if value is not None:
            values[name] = value
    if change.attribution_domains is not None:
        values["attribution_domains"] = json.dumps(_domains(change.attribution_domains))
    if change.bot is not None:
        values["bot"] = change.bot
        values["actor_type"] = "Service" if change.bot else "Person"
    if "display_name" in values or "note_html" in values or "fields" in values:
        shown = " ".join(
            str(values.get(name, getattr(row, name))) for name in ("display_name", "note_source", "fields")
        )
        values["emojis"] = emojis.stored(conn, emoji_shortcodes(shown))
    values = {name: value for name, value in values.items() if getattr(row, name) != value}
    replaced = [getattr(row, name) for name in ("avatar_url", "header_url") if name in values]
    unused = [key for key in map(server.media.key_of, replaced) if key is not None]
    if unused:
        plan(conn, "delete_files", {"keys": unused})
    if values:
        accounts.change(conn, account_id, **values)
        server.publish.profile_updated(conn, account_id, was_found=row.discoverable)
    if "fields" in values:
        plan(conn, "verify_links", {"account_id": account_id}, key=str(account_id))
    preferences = {
        name: getattr(change, name)
        for name in ("default_visibility", "default_sensitive", "default_language", "default_quote_policy")
        if getattr(change, name) is not None
    }
    if preferences:
        conn.execute(update(user).where(user.c.account_id == account_id).values(**preferences))


def rich_text(conn: Connection, server: Server, text: str) -> str:
    """A biography or a field as HTML: addresses, mentions of known accounts and hashtags become links."""
    known = mentions.known(conn, server, find_mentions(text))
    return sanitise_bio(
        render_plain(text, mentions.targets(known), lambda name: server.uris.tag(tag_key(name))).html
    )


async def add_alias(server: Server, member: Member, handle: str) -> AccountRow:
    """Say that an account elsewhere is the member's too, so that it can move here. Raises Invalid, NotFound, Conflict."""
    target_id = await _find(server, handle)
    return await server.db.write(_add_alias, server, member.account_id, target_id)


def _add_alias(conn: Connection, server: Server, account_id: int, target_id: int) -> AccountRow:
    row, target = accounts.by_id(conn, account_id), accounts.by_id(conn, target_id)
    assert row is not None
    if target is None or target.id == row.id:
        raise Invalid({"handle": "must be another account of yours"})
    aliases = json.loads(row.also_known_as)
    if target.uri not in aliases:
        if len(aliases) >= ALIASES_MAX:
            raise Conflict(f"You can name {ALIASES_MAX} other accounts. Remove one first.")
        accounts.change(conn, account_id, also_known_as=json.dumps([*aliases, target.uri]))
        server.publish.profile_updated(conn, account_id)
    return target


async def remove_alias(server: Server, member: Member, uri: str) -> None:
    """Nothing happens when it was none."""
    await server.db.write(_remove_alias, server, member.account_id, uri)


def _remove_alias(conn: Connection, server: Server, account_id: int, uri: str) -> None:
    row = accounts.by_id(conn, account_id)
    assert row is not None
    aliases = json.loads(row.also_known_as)
    if uri in aliases:
        aliases.remove(uri)
        accounts.change(conn, account_id, also_known_as=json.dumps(aliases))
        server.publish.profile_updated(conn, account_id)


async def move(server: Server, member: Member, handle: str) -> AccountRow:
    """Move to another account, which must name this one as its own: followers are asked to follow it instead.

    Raises Invalid, NotFound, Conflict. The account here stays readable and cannot post any more.
    """
    target_id = await _find(server, handle, refresh=True)
    return await server.db.write(_move, server, member.account_id, target_id)


def _move(conn: Connection, server: Server, account_id: int, target_id: int) -> AccountRow:
    row, target = accounts.by_id(conn, account_id), accounts.by_id(conn, target_id)
    assert row is not None
    if target is None or target.id == row.id:
        raise Invalid({"handle": "must be another account of yours"})
    if row.uri not in json.loads(target.also_known_as):
        raise Invalid(
            {"handle": f"does not name {row.uri} as another account of yours yet. Set the alias there first"}
        )
    if row.moved_at is not None and row.moved_at > now_ms() - MOVES_EVERY_MS:
        raise Conflict("You can move once in seven days.")
    accounts.change(conn, account_id, moved_to_id=target.id, moved_at=now_ms())
    server.publish.profile_updated(conn, account_id)
    server.publish.moved(conn, account_id, target.id)
    return target


async def _find(server: Server, handle: str, *, refresh: bool = False) -> int:
    name, at, domain = handle.strip().removeprefix("@").partition("@")
    if at and not mentions.is_ours(server, domain):
        try:
            parsed = parse_handle(handle)
        except Malformed as error:
            raise Invalid({"handle": "must look like @name@server.example"}) from error
        found = await fetch.account_by_handle(server, parsed.username, parsed.host, refresh=refresh)
    else:
        row = await server.db.read(accounts.local, name)
        found = row.id if row is not None and not row.hidden else None
    if found is None:
        raise NotFound(f"There is no account {handle}.")
    return found


def _fields(
    conn: Connection, server: Server, row: AccountRow, wanted: Sequence[tuple[str, str]]
) -> list[dict[str, Any]]:
    """As stored: name, HTML value, source, and when a link was last seen to lead back (kept while the value stays)."""
    verified = {one.get("source"): one.get("verified_at") for one in json.loads(row.fields)}
    return [
        {
            "name": clean_line(name),
            "value": rich_text(conn, server, value),
            "source": value,
            "verified_at": verified.get(value),
        }
        for name, value in wanted
        if name.strip() or value.strip()
    ]


def _domains(typed: Sequence[str]) -> list[str]:
    """Names of sites, however they were typed, each once. Raises Invalid for what is none."""
    found: dict[str, None] = {}
    for one in typed:
        text = one.strip().lower()
        if not text:
            continue
        name = normal_host((text.partition("://")[2] or text.removeprefix("*.")).partition("/")[0])
        if name is None or "." not in name:
            raise Invalid({"attribution_domains": f"has {one[:100]!r}, which is no domain"})
        found[name] = None
    if len(found) > ATTRIBUTION_DOMAINS_MAX:
        raise Invalid({"attribution_domains": f"can be {ATTRIBUTION_DOMAINS_MAX} at the most"})
    return list(found)


def _check(change: ProfileChange) -> None:
    problems: dict[str, str] = {}
    if change.display_name is not None and len(change.display_name) > NAME_CHARACTERS_MAX:
        problems["display_name"] = f"is longer than {NAME_CHARACTERS_MAX} characters"
    if change.note is not None and len(change.note) > NOTE_CHARACTERS_MAX:
        problems["note"] = f"is longer than {NOTE_CHARACTERS_MAX} characters"
    if change.fields is not None:
        if len(change.fields) > FIELDS_MAX:
            problems["fields_attributes"] = f"can be {FIELDS_MAX} at the most"
        if any(
            len(name) > FIELD_CHARACTERS_MAX or len(value) > FIELD_CHARACTERS_MAX
            for name, value in change.fields
        ):
            problems["fields_attributes"] = f"can each be {FIELD_CHARACTERS_MAX} characters long"
    if change.default_visibility is not None and change.default_visibility not in (
        "public",
        "unlisted",
        "followers",
        "direct",
    ):
        problems["source[privacy]"] = "must be public, unlisted, private or direct"
    if change.default_language and language_tag(change.default_language) is None:
        problems["source[language]"] = "is not a language code such as en or pt-BR"
    if change.default_quote_policy not in (None, "public", "followers", "nobody"):
        problems["source[quote_policy]"] = "must be public, followers or nobody"
    if problems:
        raise Invalid(problems)
