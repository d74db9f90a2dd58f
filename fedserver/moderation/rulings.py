"""Deciding about accounts: several measures at once, with one message, settling the reports they are about.

What will happen is worked out by `_plan` alone, for the page that asks whether it should and for doing it. Every measure
is kept as a strike; those of one ruling are appealed against and taken back together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, get_args

from sqlalchemy import Connection

from fedserver import settings
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Conflict, FedError, Invalid, NotFound
from fedserver.mail_compose import Envelope, compose
from fedserver.moderation import actions, audit, outcomes, people, said
from fedserver.moderation.actions import Lasting, handle_of, report_posts
from fedserver.moderation.people import Overseen
from fedserver.moderation.permissions import Permission, require, require_any
from fedserver.viewer import Member
from storage import cases, groups, posts, reports, strikes
from storage.groups import GroupRow
from storage.posts import PostRow
from storage.reports import ReportRow
from storage.types import new_id, now_ms

Measure = Literal["warn", "mark_posts", "delete_posts", "ban", "sensitive", "silence", "disable", "suspend"]
MEASURES: Final[tuple[Measure, ...]] = get_args(Measure)
"""From the lightest to the weightiest."""
_LASTING: Final[dict[Measure, Lasting]] = {
    "sensitive": "sensitive",
    "silence": "silence",
    "disable": "disable",
    "suspend": "suspend",
}
_ON_POSTS: Final = ("mark_posts", "delete_posts")
_FOR_MEMBERS_ONLY: Final = ("warn", "disable")
_ENDING: Final = ("ban", *_LASTING)
STRIKE_ACTIONS: Final[dict[Measure, str]] = {
    "warn": "none",
    "mark_posts": actions.MARKED_POSTS,
    "delete_posts": "delete_statuses",
    "ban": actions.BANNED,
    **_LASTING,
}
TEXT_CHARACTERS_MAX: Final = 10_000
YEARS_S_MAX: Final = 10 * 366 * 86_400
AT_ONCE_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Ruling:
    """What to decide; without `measures` reports are only settled. `report_ids` are settled by it, `post_ids` and
    `group_ids` are what measures on posts and bans are about. `text`, after that of the preset, goes to the member;
    `answer` to whoever reported, if `tells_reporters`."""

    measures: Sequence[Measure] = ()
    report_ids: Sequence[int] = ()
    post_ids: Sequence[int] = ()
    group_ids: Sequence[int] = ()
    text: str = ""
    preset_id: int | None = None
    by_mail: bool = True
    expires_in_s: int | None = None
    tells_reporters: bool = True
    answer: str = ""
    answer_preset_id: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a ruling does to one account; with `problem` it does nothing. `mail` is the subject and text of what the
    member gets, "" for none; `told` how many people who reported hear of it by mail."""

    subject: Overseen
    measures: tuple[Measure, ...] = ()
    reports: tuple[ReportRow, ...] = ()
    posts: tuple[PostRow, ...] = ()
    groups: tuple[GroupRow, ...] = ()
    expires_at: int | None = None
    text: str = ""
    answer: str = ""
    told: tuple[int, ...] = ()
    mail: tuple[str, str] = ("", "")
    problem: str = ""


def measures_of(names: Sequence[str]) -> tuple[Measure, ...]:
    """Measures of these names, from the lightest to the weightiest. Raises Invalid."""
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        raise Invalid({"measures": f"must be among {', '.join(MEASURES)}"})
    return tuple(one for one in MEASURES if one in names)


async def preview(server: Server, member: Member, account_ids: Sequence[int], ruling: Ruling) -> list[Plan]:
    """What a ruling would do to each of these accounts. Raises Forbidden, Invalid."""
    checked = _checked(member, account_ids, ruling)

    def unit(conn: Connection) -> list[Plan]:
        known = people.some(conn, account_ids)
        found = []
        for account_id in dict.fromkeys(account_ids):
            if account_id not in known:
                continue
            try:
                found.append(_previewed(conn, server, _plan(conn, server, member, account_id, checked)))
            except FedError as error:
                if isinstance(error, Invalid) and len(account_ids) == 1:
                    raise
                found.append(Plan(known[account_id], problem=str(error)))
        return found

    return await server.db.read(unit)


async def decide(
    server: Server, member: Member, account_ids: Sequence[int], ruling: Ruling
) -> list[tuple[int, str]]:
    """Decide about each of these accounts, each in a unit of its own; the id of each with what kept it from being done.
    Raises Forbidden, Invalid, and for a single account what kept it from being done."""
    checked = _checked(member, account_ids, ruling)
    done: list[tuple[int, str]] = []
    for account_id in dict.fromkeys(account_ids):
        try:
            await server.db.write(rule, server, member, account_id, checked)
            done.append((account_id, ""))
        except FedError as error:
            if len(account_ids) == 1:
                raise
            done.append((account_id, str(error)))
        server.remembered.forget_member(account_id)
    return done


def rule(conn: Connection, server: Server, member: Member, account_id: int, ruling: Ruling) -> int | None:
    """Decide about one account, within a unit; the id of the weightiest strike. Raises as `decide`."""
    plan = _plan(conn, server, member, account_id, ruling)
    row, user = plan.subject.row, plan.subject.user
    ruling_id, strike_id = new_id(), None
    for measure in plan.measures:
        strike_ids = _take(conn, server, member, plan, measure, ruling_id)
        strike_id = strike_ids[-1]
        audit.note(
            conn,
            member,
            measure,
            ("account", account_id, handle_of(row)),
            after={
                "strike_id": str(strike_id),
                "expires_in": ruling.expires_in_s,
                "reports": [str(one.id) for one in plan.reports],
                **({"posts": [str(one.id) for one in plan.posts]} if measure in _ON_POSTS else {}),
                **({"groups": [one.username for one in plan.groups]} if measure == "ban" else {}),
            },
        )
    _settle(conn, member, plan, ruling)
    if not plan.measures and plan.reports:
        settled = {"reports": [str(one.id) for one in plan.reports]}
        audit.note(conn, member, "dismiss", ("account", account_id, handle_of(row)), after=settled)
    if user is not None and strike_id is not None:
        actions.tell(conn, user, strike_id, by_mail=ruling.by_mail)
    return strike_id


# -- working it out


def _checked(member: Member, account_ids: Sequence[int], ruling: Ruling) -> Ruling:
    require_any(member, people.SIGHT)
    if not ruling.measures or ruling.report_ids:
        require(member, Permission.MANAGE_REPORTS)
    if not account_ids:
        raise Invalid({"account_ids": "must name an account"})
    if len(account_ids) > AT_ONCE_MAX:
        raise Invalid({"account_ids": f"can be {AT_ONCE_MAX} at the most"})
    for name, text in (("text", ruling.text), ("answer", ruling.answer)):
        if len(text) > TEXT_CHARACTERS_MAX:
            raise Invalid({name: f"is too long (at most {TEXT_CHARACTERS_MAX} characters)"})
    if ruling.expires_in_s is not None and not 0 < ruling.expires_in_s <= YEARS_S_MAX:
        raise Invalid({"expires_in": "must be a number of seconds, ten years at the most"})
    if not ruling.measures and not ruling.report_ids:
        raise Invalid({"measures": "must say what to do"})
    if len(ruling.measures) > 1 and "warn" in ruling.measures:
        # The message goes with whatever else is decided.
        return replace(ruling, measures=[one for one in ruling.measures if one != "warn"])
    return ruling


def _plan(conn: Connection, server: Server, member: Member, account_id: int, ruling: Ruling) -> Plan:
    row, user = actions.decidable(conn, member, account_id, deleted=bool(ruling.report_ids))
    if row.deleted_at is not None and ruling.measures:
        raise Conflict(
            "This account is deleted. What is reported about it can be settled, and nothing else done."
        )
    subject = people.some(conn, [account_id])[account_id]
    measures = measures_of(ruling.measures)
    if user is None and (impossible := [one for one in measures if one in _FOR_MEMBERS_ONLY]):
        raise Invalid({"measures": f"{impossible[0]} is not possible for accounts of other servers"})
    found = reports.by_ids(conn, ruling.report_ids)
    about = tuple(one for one in found.values() if one.target_id == account_id)
    if len(ruling.report_ids) > len(found):
        raise NotFound("Record not found")
    if any(one.resolved_at is not None for one in about):
        raise Conflict("A report of this case has been settled in the meantime. Look at the case again.")
    if ruling.report_ids and not about and not measures:
        raise NotFound("Record not found")
    chosen = tuple(
        one
        for one in posts.by_ids(conn, ruling.post_ids).values()
        if one.account_id == account_id and one.deleted_at is None and one.boost_of_id is None
    )
    if not chosen and (wanting := [one for one in measures if one in _ON_POSTS]):
        raise Invalid(
            {"post_ids": "must name a post that is still there"}, f"No post is left to {wanting[0]}."
        )
    barred = tuple(one for one in groups.by_ids(conn, ruling.group_ids).values() if not one.domain)
    if "ban" in measures and not barred:
        raise Invalid({"group_ids": "must name a group of this server"})
    if "disable" in measures or "suspend" in measures:
        actions.check_owner_is_left(conn, user)
    site = settings.in_force(conn, server.config)
    names = {
        "name": row.display_name or row.username,
        "handle": f"@{handle_of(row)}",
        "server": site.title,
        "rules": f"{server.config.origin}/about/rules",
    }
    return Plan(
        subject,
        measures,
        about,
        chosen,
        barred,
        expires_at=None if ruling.expires_in_s is None else now_ms() + ruling.expires_in_s * 1000,
        text=_worded(conn, ruling.text, ruling.preset_id, names),
        answer=_worded(conn, ruling.answer, ruling.answer_preset_id, names),
        told=outcomes.told(conn, member.account_id, about) if ruling.tells_reporters else (),
        mail=("", "" if ruling.by_mail and user and user.confirmed_at and measures else "none"),
    )


def _worded(conn: Connection, text: str, preset_id: int | None, names: Mapping[str, str]) -> str:
    """A text after that of a preset, in which names in braces stand for what they say."""
    parts = [text]
    if preset_id is not None:
        preset = strikes.preset(conn, preset_id)
        if preset is None:
            raise NotFound("Record not found")
        worded = preset.text
        for name, value in names.items():
            worded = worded.replace(f"{{{name}}}", value)
        parts.insert(0, worded)
    return "\n\n".join(part for part in map(clean_text, parts) if part)


def _previewed(conn: Connection, server: Server, plan: Plan) -> Plan:
    user = plan.subject.user
    if plan.mail[1] or user is None:
        return replace(plan, mail=("", ""))
    values = {
        **told_of(plan.measures, plan.groups, plan.expires_at),
        "text": plan.text,
        "username": user.username,
        "contact_email": server.config.contact_email,
        "url": f"{server.config.origin}/disputes/…",
    }
    title = settings.in_force(conn, server.config).title
    mail = compose(server.config, title, "decision", Envelope(user.email, "preview", "decision"), values)
    body = mail.get_body(("plain",))
    return replace(plan, mail=(str(mail["Subject"]), "" if body is None else body.get_content()))


def told_of(
    measures: Sequence[Measure], barred: Sequence[GroupRow], expires_at: int | None
) -> dict[str, Any]:
    """What a mail about a ruling says was done."""
    return {
        "action": STRIKE_ACTIONS[measures[-1]],
        "actions": [STRIKE_ACTIONS[one] for one in reversed(measures)],
        "groups": [one.display_name or one.username for one in barred] if "ban" in measures else [],
        "until": actions.day_of(expires_at),
    }


# -- doing it


def _take(
    conn: Connection, server: Server, member: Member, plan: Plan, measure: Measure, ruling_id: int
) -> list[int]:
    """Take one measure; the ids of its strikes, one for each group of a ban."""
    row, user = plan.subject.row, plan.subject.user
    lasting = _LASTING.get(measure)
    if lasting is not None:
        actions.impose(conn, server, row, user, lasting)
    elif measure == "mark_posts":
        said.mark(conn, server, plan.posts)
    elif measure == "delete_posts":
        said.delete(conn, server, plan.posts)
    places: list[int | None] = [None]
    if measure == "ban":
        places = [one.account_id for one in plan.groups]
        for one in plan.groups:
            said.ban(conn, server, one.account_id, row.id, plan.expires_at)
    named = plan.posts or [
        one for report in plan.reports for one in posts.by_ids(conn, report_posts(report)).values()
    ]
    return [
        strikes.add(
            conn,
            row.id,
            actor_id=member.account_id,
            action=STRIKE_ACTIONS[measure],
            text=plan.text,
            report_id=plan.reports[0].id if plan.reports else None,
            post_ids=[one.id for one in named],
            expires_at=plan.expires_at if measure in _ENDING else None,
            ruling_id=ruling_id,
            group_id=group_id,
        )
        for group_id in places
    ]


def _settle(conn: Connection, member: Member, plan: Plan, ruling: Ruling) -> None:
    if not plan.reports:
        return
    outcome = ("acted" if plan.measures else "nothing") if ruling.tells_reporters else ""
    reports.change_many(
        conn,
        [one.id for one in plan.reports],
        resolved_at=now_ms(),
        resolved_by_id=member.account_id,
        outcome=outcome,
        answer=plan.answer if ruling.tells_reporters else "",
    )
    outcomes.tell(conn, plan.told, handle_of(plan.subject.row), outcome, plan.answer)


# -- a single measure, as Mastodon's admin API has it


async def act(server: Server, member: Member, account_id: int, decision: actions.Decision) -> int:
    """Decide about an account; the strike's id. Raises Forbidden, NotFound, Invalid, Conflict (the only owner)."""

    def unit(conn: Connection) -> int:
        report = None if decision.report_id is None else reports.by_id(conn, decision.report_id)
        if decision.report_id is not None and (report is None or report.target_id != account_id):
            raise NotFound("Record not found")
        # A warning settles the report it is about; anything stronger all that wait.
        waiting = cases.waiting(conn, [account_id])
        settled = [one for one in waiting if decision.action != "none" or one.id == decision.report_id]
        ruling = Ruling(
            measures=["warn" if decision.action == "none" else decision.action],
            report_ids=[one.id for one in settled],
            text=decision.text,
            preset_id=decision.preset_id,
            by_mail=decision.by_mail,
            expires_in_s=decision.expires_in_s,
        )
        strike_id = rule(conn, server, member, account_id, _checked(member, [account_id], ruling))
        assert strike_id is not None
        return strike_id

    strike_id = await server.db.write(unit)
    server.remembered.forget_member(account_id)
    return strike_id
