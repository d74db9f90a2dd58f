"""What an admin can change while the server runs, and which of it the settings file has locked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import Connection

import storage.settings
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid
from fedserver.viewer import Member

RULES_MAX: Final = 50

Registrations = Literal["closed", "approval", "open", "invite"]
FeedAccess = Literal["public", "authenticated", "disabled"]


class Rule(Struct, frozen=True):
    """A rule of the community. `id` stays when the text changes, because reports refer to it."""

    id: Annotated[str, Meta(pattern=r"^[0-9]{1,9}$")]
    text: Annotated[str, Meta(min_length=1, max_length=1_000)]
    hint: Annotated[str, Meta(max_length=2_000)] = ""


class InstanceSettings(Struct, frozen=True, kw_only=True):
    """The settings in force: the panel's, or the file's where that names them, or the defaults."""

    title: Annotated[str, Meta(min_length=1, max_length=100)] = "fedserver"
    description: Annotated[str, Meta(max_length=1_000)] = ""
    extended_description: Annotated[str, Meta(max_length=50_000)] = ""
    contact_email: Annotated[str, Meta(max_length=254)] = ""
    contact_username: Annotated[str, Meta(max_length=30)] = ""
    rules: Annotated[tuple[Rule, ...], Meta(max_length=RULES_MAX)] = ()
    privacy_policy: Annotated[str, Meta(max_length=100_000)] = ""
    terms: Annotated[str, Meta(max_length=100_000)] = ""
    registrations: Registrations = "approval"
    registrations_message: Annotated[str, Meta(max_length=2_000)] = ""
    join_question: Annotated[str, Meta(max_length=500)] = "Why do you want to join?"
    federation_mode: Literal["open", "allowlist", "closed"] = "open"
    secure_mode: bool = True
    local_live_feed_access: FeedAccess = "public"
    remote_live_feed_access: FeedAccess = "public"
    local_topic_feed_access: Literal["public", "authenticated"] = "public"
    remote_topic_feed_access: FeedAccess = "public"
    profile_directory: bool = True
    trends: bool = True
    # Handles that are suggested to everybody.
    featured_accounts: Annotated[tuple[Annotated[str, Meta(max_length=300)], ...], Meta(max_length=100)] = ()
    language: Annotated[str, Meta(min_length=2, max_length=16)] = "en"
    time_zone: Annotated[str, Meta(min_length=1, max_length=64)] = "UTC"


NAMES: Final = InstanceSettings.__struct_fields__


def in_force(conn: Connection, config: Config) -> InstanceSettings:
    """The settings that hold now; for units."""
    stored = {name: value for name, value in storage.settings.stored(conn).items() if name in NAMES}
    values = _from_config(config)
    for name, value in stored.items():
        if name not in config.given:
            values[name] = value
    return msgspec.convert(values, InstanceSettings)


async def current(server: Server) -> InstanceSettings:
    """The settings that hold now, remembered until one changes."""
    server.remembered.listen(server.bus)

    async def load() -> InstanceSettings:
        return await server.db.read(in_force, server.config)

    settings: InstanceSettings = await server.remembered.settings.get("settings", load)
    return settings


def locked(config: Config) -> frozenset[str]:
    """Names that file or environment set, which the panel shows but does not change."""
    return frozenset(NAMES) & config.given


async def change(server: Server, member: Member, values: Mapping[str, Any]) -> InstanceSettings:
    """Change some settings and return all. Admins only: Forbidden; Invalid for locked or unusable values."""
    if not member.administers:
        raise Forbidden("Only admins may change the settings of this server.")
    changed = await server.db.write(store, server.config, values)
    server.remembered.forget_settings()
    return changed


def store(conn: Connection, config: Config, values: Mapping[str, Any]) -> InstanceSettings:
    """Change some settings within a unit; Invalid as for `change`."""
    problems = {name: "is not a setting" for name in values if name not in NAMES}
    problems |= {
        name: "is set in the settings file or the environment" for name in values if name in locked(config)
    }
    now = msgspec.to_builtins(in_force(conn, config))
    for name, value in values.items():
        if name in problems:
            continue
        try:
            msgspec.convert({**now, name: value}, InstanceSettings)
        except msgspec.ValidationError as error:
            problems[name] = _sentence_part(error)
    if problems:
        raise Invalid(problems)
    for name, value in values.items():
        storage.settings.put(conn, name, msgspec.to_builtins(value))
    return in_force(conn, config)


def next_rule_id(settings: InstanceSettings) -> str:
    """An id for a new rule, which none of the present ones has."""
    return str(max((int(rule.id) for rule in settings.rules), default=0) + 1)


def _from_config(config: Config) -> dict[str, Any]:
    return {name: getattr(config, name) for name in NAMES if hasattr(config, name)}


def _sentence_part(error: msgspec.ValidationError) -> str:
    text = str(error).partition(" - at ")[0]
    return "cannot be used: " + text[:1].lower() + text[1:]
