"""What an admin can change while the server runs, and which of it the settings file has locked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from zoneinfo import available_timezones

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import Connection

import storage.settings
from fedserver import colours, email_addresses, megabytes, upload_limits
from fedserver.config import Config
from fedserver.content.text import language_tag
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.join_questions import FIRST, QUESTIONS_MAX, JoinQuestion
from fedserver.moderation import audit
from fedserver.moderation.permissions import Permission, require
from fedserver.viewer import Member, Role
from storage import kept_out, users

RULES_MAX: Final = 50
TRANSLATIONS_MAX: Final = 40
BYTES_MAX: Final = 1 << 50
LOGGED_CHARS_MAX: Final = 300

Registrations = Literal["closed", "approval", "open", "invite"]
FeedAccess = Literal["public", "authenticated", "disabled"]
InvitesBy = Literal["admins", "moderators", "trusted"]
StepText = Annotated[str, Meta(min_length=1, max_length=100)]
HeldText = Annotated[str, Meta(min_length=1, max_length=200)]


class Wording(Struct, frozen=True):
    """A rule in another language."""

    text: Annotated[str, Meta(min_length=1, max_length=1_000)]
    hint: Annotated[str, Meta(max_length=2_000)] = ""


class Rule(Struct, frozen=True):
    """A rule of the community, its `translations` by language. `id` stays when the text changes, because reports refer
    to it."""

    id: Annotated[str, Meta(pattern=r"^[0-9]{1,9}$")]
    text: Annotated[str, Meta(min_length=1, max_length=1_000)]
    hint: Annotated[str, Meta(max_length=2_000)] = ""
    translations: Annotated[dict[str, Wording], Meta(max_length=TRANSLATIONS_MAX)] = {}

    def worded(self, language: str) -> Wording:
        """In this language, in another of its kind (pt for pt-BR), or as it was written."""
        found = self.translations.get(language) or self.translations.get(language.partition("-")[0])
        return found or Wording(self.text, self.hint)


class Logo(Struct, frozen=True):
    """The community's picture and a square of it, as addresses and keys of the media store."""

    url: str = ""
    icon_url: str = ""
    store_keys: tuple[str, ...] = ()


class InstanceSettings(Struct, frozen=True, kw_only=True):
    """The settings in force: the panel's, or the file's where that names them, or the defaults."""

    title: Annotated[str, Meta(min_length=1, max_length=100)] = "fedserver"
    description: Annotated[str, Meta(max_length=1_000)] = ""
    extended_description: Annotated[str, Meta(max_length=50_000)] = ""
    contact_email: Annotated[str, Meta(max_length=254)] = ""
    contact_username: Annotated[str, Meta(max_length=30)] = ""
    rules: Annotated[tuple[Rule, ...], Meta(max_length=RULES_MAX)] = ()
    registrations: Registrations = "approval"
    registrations_message: Annotated[str, Meta(max_length=2_000)] = ""
    require_two_factor: Literal["nobody", "staff", "everybody"] = "nobody"
    join_questions: Annotated[tuple[JoinQuestion, ...], Meta(min_length=1, max_length=QUESTIONS_MAX)] = FIRST
    # How many may wait to be let in, and how many may ask within a day; 0 for as many as come.
    joins_waiting_max: Annotated[int, Meta(ge=0, le=100_000)] = 100
    joins_a_day_max: Annotated[int, Meta(ge=0, le=100_000)] = 50
    # For how many days it is remembered that an address was refused; 0 for not at all.
    refusals_days: Annotated[int, Meta(ge=0, le=3_650)] = 180
    invites_by: InvitesBy = "moderators"
    # What greeters do for each newcomer, and after how many days they hear of who was neither greeted nor has posted (0: never).
    welcome_steps: Annotated[tuple[StepText, ...], Meta(max_length=12)] = (
        "Said hello", "Shown a group", "Invited to the next event",
    )  # fmt: skip
    nudge_days: Annotated[int, Meta(ge=0, le=29)] = 3
    # What those who are new may not do yet, and until when they are new.
    new_days: Annotated[int, Meta(ge=0, le=365)] = 3
    new_links_max: Annotated[int, Meta(ge=0, le=1_000)] = 2
    new_media_max: Annotated[int, Meta(ge=0, le=100)] = 1
    new_mentions_max: Annotated[int, Meta(ge=0, le=1_000)] = 2
    new_posts_an_hour: Annotated[int, Meta(ge=1, le=10_000)] = 5
    new_direct: bool = False
    # What their posts are held for until a moderator has looked: words, links to these hosts, so many links (0: never).
    held_words: Annotated[tuple[HeldText, ...], Meta(max_length=500)] = ()
    held_hosts: Annotated[tuple[HeldText, ...], Meta(max_length=500)] = ()
    held_links: Annotated[int, Meta(ge=0, le=1_000)] = 2
    # So many marks by trusted members hold a post of somebody new, too (0: never).
    spam_marks: Annotated[int, Meta(ge=0, le=20)] = 0
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
    accent: Annotated[str, Meta(pattern=r"^(#[0-9a-f]{6})?$")] = ""
    accent_dark: Annotated[str, Meta(pattern=r"^(#[0-9a-f]{6})?$")] = ""
    logo: Logo = Logo()
    member_bytes_max: Annotated[int, Meta(ge=1, le=BYTES_MAX)] = 2_000_000_000
    # What those in a role may have instead, in bytes.
    role_bytes_max: dict[Role, Annotated[int, Meta(ge=1, le=BYTES_MAX)]] = {}
    # The largest picture, video, sound and file of a resource, in bytes; 0 is as much as the settings file allows.
    largest_picture: Annotated[int, Meta(ge=0, le=BYTES_MAX)] = 0
    largest_video: Annotated[int, Meta(ge=0, le=BYTES_MAX)] = 0
    largest_audio: Annotated[int, Meta(ge=0, le=BYTES_MAX)] = 0
    largest_document: Annotated[int, Meta(ge=0, le=BYTES_MAX)] = 0
    remote_media_days: Annotated[int, Meta(ge=1, le=36_500)] = 14
    remote_post_days: Annotated[int, Meta(ge=0, le=36_500)] = 90


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
    """Change some settings and return all; the log says from what to what. Raises Forbidden; Invalid for locked or
    unusable values."""
    require(member, Permission.MANAGE_SETTINGS)
    changed = await server.db.write(change_unit, server.config, member, values)
    server.remembered.forget_settings()
    return changed


def change_unit(
    conn: Connection, config: Config, member: Member, values: Mapping[str, Any]
) -> InstanceSettings:
    """The unit of `change`, for those who have asked whether the member may."""
    before = in_force(conn, config)
    after = store(conn, config, values)
    for name in values:
        was, is_now = getattr(before, name), getattr(after, name)
        if was != is_now:
            audit.note(
                conn,
                member,
                "change",
                ("setting", name, name),
                before={"value": _logged(name, was)},
                after={"value": _logged(name, is_now)},
            )
    return after


def _logged(name: str, value: Any) -> Any:
    """A value as the log keeps it for ever: without addresses of people, and the beginning of what is long."""
    if name == "contact_email":
        return "an address" if value else ""
    if isinstance(value, str) and len(value) > LOGGED_CHARS_MAX:
        return f"{value[:LOGGED_CHARS_MAX]}… ({len(value)} characters)"
    if name == "rules":
        return [rule.text[:LOGGED_CHARS_MAX] for rule in value]
    return msgspec.to_builtins(value)


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
            msgspec.convert({**now, name: msgspec.to_builtins(value)}, InstanceSettings)
        except msgspec.ValidationError as error:
            problems[name] = _sentence_part(error)
        else:
            wrong = _wrong(conn, config, name, value)
            if wrong:
                problems[name] = wrong
    if problems:
        raise Invalid(problems)
    for name, value in values.items():
        storage.settings.put(conn, name, msgspec.to_builtins(value))
    keep_mode(conn, config)
    return in_force(conn, config)


def _wrong(conn: Connection, config: Config, name: str, value: Any) -> str:
    """What the type of a setting cannot say: "" where the value can be used."""
    if value == "" or name not in _SPECIAL:
        return ""
    most = upload_limits.ceilings(config).get(name)
    if most is not None:
        return f"is more than the settings file allows, {megabytes.shown(most)} MB" if value > most else ""
    match name:
        case "contact_email":
            try:
                email_addresses.parse(value)
            except Invalid:
                return "is not an e-mail address that can be written to"
        case "contact_username" if users.by_name(conn, value) is None:
            return "is the name of nobody here"
        case "time_zone" if value not in available_timezones():
            return "is not a time zone such as Europe/Berlin"
        case "language" if language_tag(value) is None:
            return "is not a language such as en or pt-BR"
        case "accent":
            return colours.too_faint(value, colours.LIGHT)
        case "accent_dark":
            return colours.too_faint(value, colours.DARK)
    return ""


_SPECIAL: Final = frozenset(
    {
        "contact_email", "contact_username", "time_zone", "language", "accent", "accent_dark", *upload_limits.CEILINGS,
    }
)  # fmt: skip


def keep_mode(conn: Connection, config: Config) -> None:
    """Have the mode count that is in force, whoever decided it: queries ask for it."""
    kept_out.keep_mode(conn, in_force(conn, config).federation_mode)


def next_rule_id(settings: InstanceSettings) -> str:
    """An id for a new rule, which none of the present ones has."""
    return str(max((int(rule.id) for rule in settings.rules), default=0) + 1)


def _from_config(config: Config) -> dict[str, Any]:
    return {name: getattr(config, name) for name in NAMES if hasattr(config, name)}


def _sentence_part(error: msgspec.ValidationError) -> str:
    text = str(error).partition(" - at ")[0]
    return "cannot be used: " + text[:1].lower() + text[1:]
