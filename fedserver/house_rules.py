"""The rules of the community, one by one: written, reworded, translated, put in order, taken away.

A rule keeps its id for good, because reports refer to it, and no rule gets an id that another had.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from msgspec.structs import replace
from sqlalchemy import Connection

from fedserver import settings
from fedserver.content.text import clean_text, language_tag
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.moderation.permissions import Permission, require
from fedserver.settings import RULES_MAX, TRANSLATIONS_MAX, InstanceSettings, Rule, Wording
from fedserver.viewer import Member
from storage import settings as stored

LAST_ID: Final = "last_rule_id"  # no name of `fedserver.settings`: nobody sets it
TEXT_CHARS_MAX: Final = 1_000
HINT_CHARS_MAX: Final = 2_000

Rules = tuple[Rule, ...]


async def add(server: Server, member: Member, text: str, hint: str = "") -> None:
    """Write another rule, the last of all. Raises Forbidden, Invalid."""
    worded = _checked(text, hint)

    def unit(conn: Connection, now: InstanceSettings) -> Rules:
        if len(now.rules) >= RULES_MAX:
            raise Invalid({"text": f"is one too many: {RULES_MAX} rules are the most"})
        last = max(int(stored.stored(conn).get(LAST_ID, 0)), int(settings.next_rule_id(now)) - 1)
        stored.put(conn, LAST_ID, last + 1)
        return (*now.rules, Rule(str(last + 1), worded.text, worded.hint))

    await _change(server, member, unit)


async def reword(server: Server, member: Member, rule_id: str, text: str, hint: str = "") -> None:
    """Say a rule in other words. Raises Forbidden, Invalid, NotFound."""
    worded = _checked(text, hint)
    await _change_one(server, member, rule_id, lambda rule: replace(rule, text=worded.text, hint=worded.hint))


async def translate(
    server: Server, member: Member, rule_id: str, language: str, text: str, hint: str = ""
) -> None:
    """Say a rule in another language, or with empty texts no more. Raises Forbidden, Invalid, NotFound."""
    tag = language_tag(language)
    if tag is None:
        raise Invalid({"language": "is not a language such as fr or pt-BR"})
    worded = _checked(text, hint) if text.strip() or hint.strip() else None

    def change(rule: Rule) -> Rule:
        others = {name: one for name, one in rule.translations.items() if name != tag}
        if worded is None:
            return replace(rule, translations=others)
        if len(others) >= TRANSLATIONS_MAX:
            raise Invalid({"language": f"is one too many: {TRANSLATIONS_MAX} are the most"})
        return replace(rule, translations=dict(sorted({**others, tag: worded}.items())))

    await _change_one(server, member, rule_id, change)


async def move(server: Server, member: Member, rule_id: str, way: Literal["up", "down"]) -> None:
    """Change places with the rule before or after it, if there is one. Raises Forbidden, NotFound."""

    def unit(_: Connection, now: InstanceSettings) -> Rules:
        rules = list(now.rules)
        place = _place(now, rule_id)
        other = place + (-1 if way == "up" else 1)
        if 0 <= other < len(rules):
            rules[place], rules[other] = rules[other], rules[place]
        return tuple(rules)

    await _change(server, member, unit)


async def remove(server: Server, member: Member, rule_id: str) -> None:
    """Take a rule away. Reports that refer to it stay. Raises Forbidden, NotFound."""

    def unit(conn: Connection, now: InstanceSettings) -> Rules:
        place = _place(now, rule_id)
        last = max(int(stored.stored(conn).get(LAST_ID, 0)), int(settings.next_rule_id(now)) - 1)
        stored.put(conn, LAST_ID, last)
        return now.rules[:place] + now.rules[place + 1 :]

    await _change(server, member, unit)


async def _change_one(server: Server, member: Member, rule_id: str, change: Callable[[Rule], Rule]) -> None:
    def unit(_: Connection, now: InstanceSettings) -> Rules:
        place = _place(now, rule_id)
        return (*now.rules[:place], change(now.rules[place]), *now.rules[place + 1 :])

    await _change(server, member, unit)


async def _change(
    server: Server, member: Member, change: Callable[[Connection, InstanceSettings], Rules]
) -> None:
    require(member, Permission.MANAGE_RULES)

    def unit(conn: Connection) -> None:
        rules = change(conn, settings.in_force(conn, server.config))
        settings.change_unit(conn, server.config, member, {"rules": rules})

    await server.db.write(unit)
    server.remembered.forget_settings()


def _place(now: InstanceSettings, rule_id: str) -> int:
    for place, rule in enumerate(now.rules):
        if rule.id == rule_id:
            return place
    raise NotFound("There is no such rule.")


def _checked(text: str, hint: str) -> Wording:
    said, more = clean_text(text).strip(), clean_text(hint).strip()
    problems = {}
    if not said:
        problems["text"] = "can't be blank"
    if len(said) > TEXT_CHARS_MAX:
        problems["text"] = f"is longer than {TEXT_CHARS_MAX} characters"
    if len(more) > HINT_CHARS_MAX:
        problems["hint"] = f"is longer than {HINT_CHARS_MAX} characters"
    if problems:
        raise Invalid(problems)
    return Wording(said, more)
