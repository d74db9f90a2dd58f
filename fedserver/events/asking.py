"""People of other servers are asked whether they come: by one public reply to the event, a `Question` that Mastodon shows as a poll.

It is no post here, where members see the same poll on the event's own status (`polling`): it is built when it is sent or asked
for. It goes out with a public event that everybody may answer, unless the organiser wants none, and ends with the event.
"""

from __future__ import annotations

from html import escape
from typing import Any, Final

from sqlalchemy import Connection

from activitypub.builders import activity, note
from activitypub.builders.note import PostFields
from activitypub.names import PUBLIC
from activitypub.values import format_time
from fedserver.context import Server
from fedserver.errors import Conflict, FedError, Forbidden, NotFound
from fedserver.events import answers, notes, saying
from fedserver.events.records import decode_details
from fedserver.federation.documents import Document, moment_of
from fedserver.groups import rules
from fedserver.groups.rules import Action
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from storage import accounts, cards, event_polls, events, groups, posts
from storage.accounts import AccountRow
from storage.events import EventRow
from storage.types import new_id, now_ms

FORMER_TYPE: Final = "Question"
_ANSWERS: Final = {words: answer for answer, words in event_polls.CHOICES}


def refresh(
    conn: Connection, server: Server, post_id: int, *, before: Document | None = None, edited: bool = True
) -> None:
    """Bring what others know of the poll into line with the event: ask, tell what has changed, or end it. Nothing is told
    when it is as it was `before`; as an edit, unless only counts and the end are new."""
    row, now = events.by_id(conn, post_id), now_ms()
    if row is None or not row.local or row.deleted_at is not None:
        return
    closes_at = _closes_at(row)
    wanted = _is_wanted(row) and closes_at > now
    if row.asked_at is None and not wanted:
        return
    ended_at = None if wanted else row.asking_ended_at or now
    events.change(
        conn, post_id, asked_at=row.asked_at or now, asking_ended_at=ended_at, asking_counted_at=now
    )
    if wanted:
        plan(conn, "end_asking", {"post_id": post_id}, key=f"{post_id}:{closes_at}", not_before_ms=closes_at)
    question = document(conn, server, post_id)
    organiser = accounts.by_id(conn, row.account_id)
    if question is None or question == before or organiser is None or organiser.suspended_at is not None:
        return
    if row.asked_at is None:
        said = activity.create(f"{question['id']}#create", question)
    else:
        if edited:
            question["updated"] = format_time(moment_of(now))
        said = activity.update(f"{question['id']}#updates/{now}", question)
    server.publish.to_followers(conn, organiser, said, topic=question["id"], asks=True)
    if row.asked_at is None:
        _show_in_group(conn, server, row, organiser, question["id"])


def _is_wanted(row: EventRow) -> bool:
    return bool(
        row.asks_elsewhere
        and row.visibility == "public"
        and row.rsvp_mode in event_polls.SIGN_UP_MODES
        and row.status != "cancelled"
    )


def _closes_at(row: EventRow) -> int:
    return int(row.ends_at if row.rsvp_closes_at is None else min(row.rsvp_closes_at, row.ends_at))


def _show_in_group(
    conn: Connection, server: Server, row: EventRow, organiser: AccountRow, question_uri: str
) -> None:
    """Those who follow the public group that the event is in, and not its organiser, see the poll as a boost by the group."""
    group = groups.by_id(conn, row.group_id)
    account = None if group is None else accounts.by_id(conn, group.account_id)
    if group is None or account is None or group.domain or group.hidden or group.access != "public":
        return
    said = activity.announce(
        server.uris.activity(new_id()), actor=account.uri, post=question_uri, published=moment_of(now_ms()),
        to=[PUBLIC], cc=[account.followers_uri, organiser.uri],
    )  # fmt: skip
    server.publish.to_followers(conn, account, said, topic=question_uri, asks=True)


def document(conn: Connection, server: Server, post_id: int) -> Document | None:
    """The poll as others see it; None where it has never gone out."""
    row, post = events.by_id(conn, post_id), posts.by_id(conn, post_id)
    organiser = None if row is None else accounts.by_id(conn, row.account_id)
    poll = cards.polls_of(conn, [post_id], None).get(post_id)
    if row is None or post is None or organiser is None or row.asked_at is None:
        return None
    uri = server.uris.event_question(post_id)
    fields = PostFields(
        uri=uri,
        url=row.url,
        attributed_to=organiser.uri,
        to=[PUBLIC],
        cc=[organiser.followers_uri],
        published=moment_of(row.asked_at),
        content_html=_text(conn, row),
        language="en",
        in_reply_to=row.uri,
        context=post.context_uri or None,
    )
    counts = [(words, 0) for _, words in event_polls.CHOICES]
    if poll is not None:
        counts = [(one.title, one.votes_count) for one in poll.options]
    return note.question(
        fields,
        note.Poll(
            options=counts,
            multiple=False,
            end_time=moment_of(_closes_at(row)),
            voters_count=sum(votes for _, votes in counts),
            closed_at=None if row.asking_ended_at is None else moment_of(row.asking_ended_at),
        ),
    )


def _text(conn: Connection, row: EventRow) -> str:
    details = decode_details(row.details)
    times = [
        (one.key, one.starts_at, one.ends_at)
        for one in events.occurrences(conn, row.id)
        if one.status != "cancelled"
    ]
    line = " · ".join(one for one in (saying.when(details, times), saying.where(details)) if one)
    every = " Your answer is for all of them." if len(times) > 1 else ""
    return (
        f'<p>Will you come? <a href="{escape(row.url)}">{escape(row.title, quote=False)}</a></p>'
        f"<p>{escape(line, quote=False)}</p>"
        f"<p>Vote to answer.{every} You get a private message with the calendar file, and a link to change your mind.</p>"
    )


# -- what is answered


def receive_vote(conn: Connection, server: Server, person: AccountRow, post_id: int, title: str) -> bool:
    """Somebody elsewhere votes, which is to answer; they are told what has become of it. Whether it counted."""
    row = events.by_id(conn, post_id)
    status = _ANSWERS.get(title)
    if row is None or status is None or row.asked_at is None or row.asking_ended_at is not None:
        return False
    group = groups.by_id(conn, row.group_id)
    if group is not None and rules.refusal(
        Action.VOTE, group, rules.standing_of(conn, group.account_id, person.id)
    ):
        return False
    before = _stands(conn, row, person.id)
    try:
        kept = answers.answer_unit(conn, server, person.id, post_id, status)
    except NotFound:
        return False
    except (Conflict, Forbidden) as error:
        _refused(conn, server, row, person, error)
        return True
    if _stands(conn, row, person.id) != before:
        notes.answered(conn, server, row, person, kept)
    return True


def _refused(conn: Connection, server: Server, row: EventRow, person: AccountRow, error: FedError) -> None:
    if isinstance(error, Conflict):
        notes.refused(conn, server, row, person, str(error))


def _stands(conn: Connection, row: EventRow, account_id: int) -> Any:
    every = [one.id for one in events.occurrences(conn, row.id)]
    return {
        occurrence_id: (one.answer, one.state)
        for occurrence_id, one in events.answers_of(conn, account_id, every).items()
    }


# -- counts, and the end


@handles("asking_counts")
async def tell_counts(server: Server, payload: dict[str, Any]) -> None:
    """Send followers elsewhere the counts that have changed since they last heard."""
    await server.db.write(refresh, server, payload["post_id"], edited=False)


@handles("end_asking")
async def end(server: Server, payload: dict[str, Any]) -> None:
    """The event is over, or it is too late to answer: so is the poll; nothing happens when it was put off."""

    def unit(conn: Connection) -> None:
        row = events.by_id(conn, payload["post_id"])
        if row is not None and row.asking_ended_at is None and _closes_at(row) <= now_ms():
            refresh(conn, server, row.id, edited=False)

    await server.db.write(unit)
