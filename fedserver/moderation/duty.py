"""What waits, told by mail to those who look after it: at once, every hour, once a day, or never, as each chooses.

One mail tells of everything that is new, and there is none when nothing is. Who has reported something is in none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import digests, settings
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan_many
from fedserver.mail_compose import Envelope, compose
from fedserver.mail_out import hand_over
from fedserver.moderation.permissions import Permission, allows, roles_with
from fedserver.settings import InstanceSettings
from fedserver.viewer import Member
from storage import duty_mail, greeting, users
from storage.duty_mail import News
from storage.types import DAY_MS, HOUR_MS, now_ms

RHYTHMS: Final = ("at_once", "hourly", "daily", "never")
NEWS_MAX_MS: Final = 7 * DAY_MS
"""What became time to do longer ago is told nobody as news."""
HOUR_OF_DAY: Final = 8
LOOK_SECONDS: Final = 300.0
AT_ONCE: Final = 500
NAMES_SHOWN: Final = 10
TOLD: Final = (
    Permission.MANAGE_JOINS
    | Permission.MANAGE_REPORTS
    | Permission.MANAGE_APPEALS
    | Permission.MANAGE_FEDERATION
)
"""Who has one of these has something to hear of."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How often, and at which hour of their day a daily mail comes."""

    rhythm: str = "at_once"
    hour: int = HOUR_OF_DAY


@dataclass(frozen=True, slots=True)
class Line:
    """Something that waits: in words, who it is where that may be told, and where it is dealt with."""

    words: str
    names: str
    path: str


def concerns(member: Member) -> bool:
    """Whether there is anything that the member could be told of."""
    return any(allows(member.role, one) for one in TOLD)


async def show(server: Server, member: Member) -> Choice:
    """What the member has chosen."""
    row = await server.db.read(duty_mail.get, member.account_id)
    return Choice() if row is None else Choice(row.rhythm, row.hour)


async def choose(server: Server, member: Member, *, rhythm: str, hour: int) -> None:
    """Set it. What waits already is told with the next mail. Raises Invalid."""
    if rhythm not in RHYTHMS:
        raise Invalid({"duty_rhythm": f"must be one of {', '.join(RHYTHMS)}"})
    if not 0 <= hour <= 23:
        raise Invalid({"duty_hour": "must be from 0 to 23"})

    def unit(conn: Connection) -> None:
        user = users.by_id(conn, member.account_id)
        zone = "UTC" if user is None else user.time_zone
        due_at = next_due(now_ms(), zone, rhythm, hour)
        duty_mail.change(conn, member.account_id, rhythm=rhythm, hour=hour, due_at=due_at)

    await server.db.write(unit)


def next_due(after_ms: int, zone: str, rhythm: str, hour: int) -> int | None:
    """When the next mail is due, in ms; None for who hears at once or never."""
    if rhythm == "hourly":
        return after_ms + HOUR_MS
    return digests.next_due(after_ms, zone, "daily", hour) if rhythm == "daily" else None


def waits(conn: Connection, permission: Permission) -> None:
    """Something has come that those with this permission decide about: those who want that hear of it at once."""
    staff = users.staff_ids(conn, roles_with(permission))
    _plan(conn, duty_mail.at_once(conn, staff))


def tell(conn: Connection, account_ids: Sequence[int]) -> None:
    """Something has come for these members alone: those who want that hear of it at once."""
    _plan(conn, duty_mail.at_once(conn, account_ids))


def plan_due(conn: Connection, now: int | None = None) -> None:
    """Plan the mails that are due, and note when the next are. A chore."""
    now = now_ms() if now is None else now
    due = duty_mail.due(conn, now, limit=AT_ONCE)
    _plan(conn, [one.account_id for one in due])
    duty_mail.put_due(
        conn, [(one.account_id, next_due(now, one.time_zone, one.rhythm, one.hour)) for one in due]
    )


def _plan(conn: Connection, account_ids: Sequence[int]) -> None:
    # While one is planned, a second would say the same.
    plan_many(conn, "mail_duty", [({"account_id": one}, str(one)) for one in account_ids])


@handles("mail_duty", attempts_max=10)
async def mail_duty(server: Server, payload: dict[str, Any]) -> None:
    """Write and send one such mail, unless there is nothing new."""
    found = await server.db.read(written, server.config, payload["account_id"])
    if found is None:
        return
    message, until = found
    await hand_over(server.mail, message)
    await server.db.write(duty_mail.change, payload["account_id"], told_until_at=until)


def written(conn: Connection, config: Config, account_id: int) -> tuple[EmailMessage, int] | None:
    """The mail, and up to when it tells; None where nothing is new, or for nobody."""
    user, row = users.by_id(conn, account_id), duty_mail.get(conn, account_id)
    if user is None or not user.is_let_in or (row is not None and row.rhythm == "never"):
        return None
    since = row.told_until_at or 0 if row is not None else 0
    site = settings.in_force(conn, config)
    lines, until = _news(conn, site, user.role, account_id, since)
    if not lines:
        return None
    envelope = Envelope(to=user.email, message_id=f"duty.{account_id}.{until}", kind="duty")
    values = {"username": user.username, "summary": ", ".join(one.words for one in lines), "lines": lines}
    return compose(config, site.title, "duty", envelope, values), until


def _left_alone(
    conn: Connection, site: InstanceSettings, account_id: int, since: int
) -> tuple[News, list[str]]:
    """Newcomers for whom it became time after `since`."""
    now, days = now_ms(), site.nudge_days * DAY_MS
    first = max(since - days, now - NEWS_MAX_MS - days)
    found, names = greeting.left_alone(conn, account_id, first, now - days, limit=NAMES_SHOWN)
    return found._replace(latest_at=None if found.latest_at is None else found.latest_at + days), names


def plan_nudges(config: Config, conn: Connection) -> None:
    """Tell those who hear at once of newcomers for whom it became time within the last day. A chore."""
    site, now = settings.in_force(conn, config), now_ms()
    days = site.nudge_days * DAY_MS
    if days and greeting.left_alone(conn, None, now - days - DAY_MS, now - days)[0].number:
        waits(conn, Permission.MANAGE_JOINS)


def _news(
    conn: Connection, site: InstanceSettings, role: Any, account_id: int, since: int
) -> tuple[list[Line], int]:
    lines: list[Line] = []
    until = since

    def add(found: News, one: str, many: str, path: str, names: Sequence[str] = ()) -> None:
        nonlocal until
        if found.number:
            named = ", ".join(f"@{name}" for name in names) + (", …" if len(names) < found.number else "")
            words = f"{found.number} {one if found.number == 1 else many}"
            lines.append(Line(words, named if names else "", path))
            until = max(until, found.latest_at or 0)

    if allows(role, Permission.MANAGE_JOINS):
        found, names = duty_mail.new_joins(conn, since, limit=NAMES_SHOWN)
        add(found, "request to join", "requests to join", "/mod/joins", names)
        found = greeting.given_since(conn, account_id, since)
        add(found, "newcomer given to you to greet", "newcomers given to you to greet", "/mod/joins")
        found = greeting.answered_since(conn, account_id, since)
        add(found, "answer to what was asked back", "answers to what was asked back", "/mod/joins")
        if site.nudge_days:
            found, names = _left_alone(conn, site, account_id, since)
            add(found, "newcomer left alone", "newcomers left alone", "/mod/welcome?of=alone", names)
    if allows(role, Permission.MANAGE_REPORTS):
        found = duty_mail.new_cases(conn, account_id, since)
        add(found, "account reported", "accounts reported", "/mod/reports")
        add(duty_mail.new_held(conn, since), "held post", "held posts", "/mod/held")
    if allows(role, Permission.MANAGE_APPEALS):
        found = duty_mail.new_appeals(conn, account_id, since)
        add(found, "appeal to decide", "appeals to decide", "/mod/appeals")
    if allows(role, Permission.MANAGE_FEDERATION):
        found = duty_mail.new_list_changes(conn, since)
        add(
            found,
            "followed list of servers with changes to decide about",
            "followed lists of servers with changes to decide about",
            "/admin/federation/lists",
        )
        found = duty_mail.new_list_trouble(conn, since)
        add(
            found,
            "followed list of servers in trouble",
            "followed lists of servers in trouble",
            "/admin/federation/lists",
        )
        found = duty_mail.new_failing(conn, max(0, since - DAY_MS), now_ms() - DAY_MS)
        found = found._replace(latest_at=None if found.latest_at is None else found.latest_at + DAY_MS)
        add(
            found,
            "server out of reach for a day",
            "servers out of reach for a day",
            "/admin/federation?which=failing",
        )
    return lines, until
