"""Texts that moderators use again, in the languages of their members: messages to whom it concerns, answers to who
reported. ``{name}``, ``{handle}``, ``{server}`` and ``{rules}`` in them stand for what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from fedserver.content.text import clean_line, clean_text, language_tag
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.moderation import audit, people
from fedserver.moderation.permissions import Permission, require
from fedserver.viewer import Member
from storage import strikes
from storage.strikes import PresetRow

KINDS: Final = ("message", "answer")
TITLE_CHARS_MAX: Final = 100
TEXT_CHARS_MAX: Final = 5_000
PRESETS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Wording:
    """A text with its title, its language ("" for any) and whom it is for (see `KINDS`)."""

    title: str
    text: str
    language: str = ""
    kind: str = "message"


async def all_of_them(server: Server, member: Member) -> list[PresetRow]:
    """Every text, by title. Raises Forbidden."""
    people.require_sight(member)
    return await server.db.read(strikes.presets)


async def for_language(server: Server, member: Member, language: str) -> list[PresetRow]:
    """Every text, those of a language (and of its variants) first. Raises Forbidden."""
    wanted = language.split("-")[0]
    found = await all_of_them(server, member)
    return sorted(found, key=lambda one: bool(one.language) and one.language.split("-")[0] != wanted)


async def put(server: Server, member: Member, wording: Wording, *, preset_id: int | None = None) -> int:
    """Keep a new text, or another wording of one; its id. Raises Forbidden, NotFound, Invalid."""
    require(member, Permission.MANAGE_SETTINGS)
    title, text = clean_line(wording.title), clean_text(wording.text)
    problems = {}
    if not title or len(title) > TITLE_CHARS_MAX:
        problems["title"] = f"must have 1 to {TITLE_CHARS_MAX} characters"
    if not text or len(text) > TEXT_CHARS_MAX:
        problems["text"] = f"must have 1 to {TEXT_CHARS_MAX} characters"
    if wording.kind not in KINDS:
        problems["kind"] = f"must be one of {', '.join(KINDS)}"
    language = language_tag(wording.language) if wording.language.strip() else ""
    if language is None:
        problems["language"] = "must be a language, such as en or pt-BR"
    if problems:
        raise Invalid(problems)

    def unit(conn: Connection) -> int:
        if preset_id is not None and strikes.preset(conn, preset_id) is None:
            raise NotFound("Record not found")
        if preset_id is None and len(strikes.presets(conn)) >= PRESETS_MAX:
            raise Invalid({"title": f"is one too many: there are {PRESETS_MAX} texts"})
        kept = strikes.put_preset(
            conn, title=title, text=text, language=language or "", kind=wording.kind, preset_id=preset_id
        )
        audit.note(conn, member, "update" if preset_id else "create", ("preset", kept, title))
        return kept

    return await server.db.write(unit)


async def remove(server: Server, member: Member, preset_id: int) -> None:
    """Forget a text; what was sent with it stays. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_SETTINGS)

    def unit(conn: Connection) -> None:
        row = strikes.preset(conn, preset_id)
        if row is None:
            raise NotFound("Record not found")
        strikes.remove_preset(conn, preset_id)
        audit.note(conn, member, "destroy", ("preset", preset_id, row.title))

    await server.db.write(unit)
