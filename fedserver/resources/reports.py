"""Members tell that they used a resource, and review it: answers with more beside them.

Each is a post that answers the resource, so it is in the thread, can be answered, liked and reported, and is deleted like
any other; on the wire it is a `Note` with `net:use` or `net:review`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy import Connection

from activitypub.identifiers import Uris
from activitypub.vocabulary.resource import RATING_MAX, Report
from fedserver import editions, posts, visibility
from fedserver.beside import VISIBILITIES
from fedserver.content.text import clean_line, clean_text
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound
from fedserver.fields import is_date
from fedserver.posts import Draft
from fedserver.resources import keeping, publishing, reading, saying
from fedserver.viewer import Member
from storage import accounts, resource_reports, resources
from storage import posts as stored_posts
from storage.accounts import AccountRow
from storage.paging import Window
from storage.posts import PostRow
from storage.resource_reports import ReportRow
from storage.resources import ResourceRow
from storage.signals import signal

__all__ = ["Report", "ReportRow"]

PLACE_CHARS_MAX: Final = 300
TEXT_CHARS_MAX: Final = 2_000
NOTE_CHARS_MAX: Final = 3_000
_SAME_AS_RESOURCE: Final = frozenset({"public", "unlisted", "members", "group"})


@dataclass(frozen=True, slots=True)
class Told:
    """What a member tells: the facts, and in their own words `note`. `event_id` is of the event at which it was used,
    `shown_to` a visibility ("": that of the resource, as far as it goes)."""

    report: Report
    note: str = ""
    event_id: int | None = None
    shown_to: str = ""
    language: str = ""
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """A report as its viewer sees it, with who gave it."""

    row: ReportRow
    account: AccountRow


class _Beside:
    """What such an answer is beside a post; see `fedserver.posts.Beside`."""

    def __init__(self, about: ResourceRow, report: Report) -> None:
        self._about, self._report = about, report

    def address(self, uris: Uris, post_id: int) -> str | None:
        return None

    def says(self, html: str) -> Mapping[str, Any]:
        about = self._about
        content = saying.report_html(self._report, html, title=about.title, url=about.url or about.uri)
        return {"kind": self._report.kind, "content_html": content}

    def hashtags(self) -> Mapping[str, str]:
        return {}

    def concerned(self, conn: Connection) -> Collection[int]:
        """Whose resource it is hears of it."""
        return [self._about.account_id]

    def differs(self, conn: Connection, row: PostRow) -> bool:
        known = resource_reports.by_posts(conn, [row.id]).get(row.id)
        return known is None or keeping.report_of(known) != self._report

    def put(self, conn: Connection, row: PostRow, html: str) -> None:
        report = self._report
        resource_reports.put(
            conn, row.id, self._about.id, row.account_id, report.kind, **keeping.report_columns(report)
        )
        signal(conn, "resource", str(self._about.id))


async def tell(server: Server, member: Member, resource_id: int, told: Told) -> Given:
    """Record a use, or a review: of one version a member's second review replaces the first.

    Raises Invalid (by field), NotFound (resource, event), Conflict (a withdrawn resource), Forbidden (reviewing what is
    one's own, answering who blocks one).
    """
    kept = _checked(told)
    if not kept.language:
        kept = _with_language(kept, (await editions.defaults(server, member)).language)
    await posts.find_strangers(server, Draft(kept.note))

    def unit(conn: Connection) -> Given:
        post_id = _tell(conn, server, member, resource_id, kept)
        row, account = resource_reports.told(conn, post_id), accounts.by_id(conn, member.account_id)
        assert account is not None
        if row is None:  # the key was used for a post of another kind
            raise Conflict("This Idempotency-Key was used for something else.")
        return Given(row, account)

    return await server.db.write(unit)


def _tell(conn: Connection, server: Server, member: Member, resource_id: int, told: Told) -> int:
    about = reading.visible(conn, resource_id, member.account_id)
    report = _of_version(conn, about, _at_event(conn, member.account_id, told))
    if report.kind == "review" and about.account_id == member.account_id:
        raise Forbidden("Nobody reviews what is their own.")
    draft = Draft(
        text=told.note,
        visibility=_visibility(about, told.shown_to),
        language=told.language,
        in_reply_to_id=about.id,
        app_id=member.app_id,
        idempotency_key=told.idempotency_key,
    )
    beside = _Beside(about, report)
    if report.kind == "review":
        resource_reports.lock(conn, about.id)
        known = resource_reports.review_of(conn, about.id, member.account_id, report.version)
        if known is not None:
            attached = [one.id for one in stored_posts.media_of(conn, [known.post_id]).get(known.post_id, ())]
            draft = Draft(told.note, language=told.language, media_ids=attached)
            posts.edit_unit(conn, server, member.account_id, known.post_id, draft, beside=beside)
            return int(known.post_id)
    if about.withdrawn_at is not None:
        raise Conflict("This resource was withdrawn: nobody should use it any more.")
    return posts.create_unit(conn, server, member.account_id, draft, beside=beside)


def _at_event(conn: Connection, account_id: int, told: Told) -> Report:
    """The report, with the event where it was used named in it."""
    if told.event_id is None:
        return told.report
    event = stored_posts.by_id(conn, told.event_id)
    if event is None or event.kind != "event" or not visibility.may_see(conn, event, account_id):
        raise NotFound("The event does not exist, or you may not see it.")
    named = told.report.used_in or event.title
    place = f"{named} ({event.url or event.uri})"
    if len(place) > PLACE_CHARS_MAX:
        place = named[:PLACE_CHARS_MAX]
    return replace(told.report, used_in=place)


def _of_version(conn: Connection, about: ResourceRow, report: Report) -> Report:
    """The report, of the version that is meant: the newest, unless another is named."""
    number = report.version or about.version
    if number != about.version and resources.version(conn, about.id, number) is None:
        raise Invalid({"version": "is no version of this resource"})
    return replace(report, version=number)


def _visibility(about: ResourceRow, wanted: str) -> str:
    """As far as the resource itself is seen, or less far. What is for a few is told to its author alone."""
    if about.visibility not in _SAME_AS_RESOURCE:
        return "direct"
    return wanted or str(about.visibility)


def _with_language(told: Told, language: str) -> Told:
    return Told(told.report, told.note, told.event_id, told.shown_to, language, told.idempotency_key)


def _checked(told: Told) -> Told:
    """What was told in the form in which it is kept. Raises Invalid with every field that is wrong."""
    problems: dict[str, str] = {}
    said = told.report
    note_name = "note" if said.kind == "use" else "text"

    def text(name: str, value: str, chars_max: int, *, one_line: bool = False) -> str:
        kept = clean_line(value) if one_line else clean_text(value).strip()
        if len(kept) > chars_max:
            problems[name] = f"is longer than {chars_max:,} characters"
        return kept

    report = Report(
        kind=said.kind,
        version=text("version", said.version, publishing.NUMBER_CHARS_MAX, one_line=True),
        used_in=text("used_in", said.used_in, PLACE_CHARS_MAX, one_line=True),
        changed=text("changed", said.changed, TEXT_CHARS_MAX),
        worked=text("worked", said.worked, TEXT_CHARS_MAX),
        used_on=said.used_on.strip(),
        rating=said.rating,
    )
    note = text(note_name, told.note, NOTE_CHARS_MAX)
    if report.used_on and not is_date(report.used_on, partial=True):
        problems["used_on"] = "must be a date such as 2026-11-29"
    elif report.used_on > _tomorrow()[: len(report.used_on)]:
        problems["used_on"] = "cannot be in the future"
    if report.rating is not None and not 1 <= report.rating <= RATING_MAX:
        problems["rating"] = f"must be a whole number from 1 to {RATING_MAX}"
    if report.kind == "review" and report.rating is None and not note:
        problems["rating"] = "is needed where there is no text"
    if told.shown_to and told.shown_to not in VISIBILITIES:
        problems["visibility"] = "must be public, unlisted or members"
    try:
        posts.check(Draft(note or "-", language=told.language))
    except Invalid as invalid:
        problems |= invalid.fields
    if problems:
        raise Invalid(problems)
    return Told(report, note, told.event_id, told.shown_to, told.language, told.idempotency_key)


def _tomorrow() -> str:
    """The latest date that it is anywhere on Earth."""
    return (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d")


# -- reading


async def listed(
    server: Server, viewer_id: int | None, resource_id: int, kind: str, window: Window
) -> list[Given]:
    """What was told of a resource (`kind` use or review) that the viewer may see, the latest first. Raises NotFound."""

    def unit(conn: Connection) -> Sequence[Given]:
        reading.visible(conn, resource_id, viewer_id)
        rows = resource_reports.of_resource(conn, resource_id, kind, window, visibility.predicate(viewer_id))
        people = accounts.by_ids(conn, {row.account_id for row in rows})
        return [Given(row, people[row.account_id]) for row in rows]

    return list(await server.db.read(unit))
