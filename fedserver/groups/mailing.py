"""Posts in groups as mails, for members who asked for each: as a mailing list sends them, and answered by mail.

`fedserver.groups.telling` has the job of a new post; here it becomes a mail for each reader. Who may read it, and still wants to, is
asked again when the mail is written.
"""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any, Final

from markupsafe import Markup
from sqlalchemy import Connection

from fedserver import mail_codes, settings, visibility
from fedserver.config import Config
from fedserver.content.formulas import as_tex
from fedserver.content.html import links, to_text
from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.groups import rules
from fedserver.groups.rules import Action
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan_many
from fedserver.mail_compose import Envelope, compose
from fedserver.mail_out import hand_over
from storage import accounts, group_threads, groups, mail_preferences, posts, subscriptions, users
from storage.accounts import AccountRow
from storage.groups import GroupRow
from storage.mail_preferences import PreferenceRow
from storage.posts import PostRow

READERS_PER_UNIT: Final = 200
CONTENT_CHARS_MAX: Final = 100_000
_FILE_WORDS: Final = {"image": "Picture", "video": "Video", "gifv": "Moving picture", "audio": "Sound"}


def plan_some(conn: Connection, post_id: int, after_id: int) -> int | None:
    """Plan the mails of some readers of a post, those with ids after this one; where to go on, None at the end."""
    row = posts.by_id(conn, post_id)
    if row is None or row.group_id is None or row.deleted_at is not None:
        return None
    author = accounts.by_id(conn, row.account_id)
    if author is None:
        return None
    readers = subscriptions.mailed(
        conn, row.group_id, row.thread_id, author.id, author.domain, after_id=after_id, limit=READERS_PER_UNIT
    )
    plan_many(
        conn,
        "mail_group_post",
        [({"post_id": post_id, "account_id": one}, f"{post_id} {one}") for one in readers],
    )
    return readers[-1] if len(readers) == READERS_PER_UNIT else None


@handles("mail_group_post", attempts_max=10)
async def mail_group_post(server: Server, payload: dict[str, Any]) -> None:
    """Write and send one post to one reader."""
    message = await server.db.write(_written, server.config, payload["post_id"], payload["account_id"])
    await hand_over(server.mail, message)


def mail_ids(row: PostRow) -> tuple[str, tuple[str, ...]]:
    """The Message-ID of a post in a group and those it refers to, as local parts: the same for all readers, so that
    what they answer each other by mail falls into place."""
    references = [row.thread_id] if row.thread_id != row.id else []
    if row.in_reply_to_id is not None and row.in_reply_to_id != row.thread_id:
        references.append(row.in_reply_to_id)
    return f"post.{row.id}", tuple(f"post.{one}" for one in references)


def sender_name(author: AccountRow, group: GroupRow) -> str:
    """Who a mail is from: the address is ours, so that it is not taken for forged (DMARC)."""
    return f"{name_of(author)} via {name_of(group)}"


def name_of(row: Any) -> str:
    """What an account is called in a mail."""
    return clean_line(row.display_name) or str(row.username)


def reply_to(config: Config, preference: PreferenceRow, row: PostRow, group: GroupRow) -> Address | None:
    """Where an answer to a post goes; None where nobody posts by mail."""
    address = mail_codes.address(config, preference, "reply", row.id)
    return Address(name_of(group), addr_spec=address) if address else None


def _written(conn: Connection, config: Config, post_id: int, account_id: int) -> EmailMessage | None:
    """The mail, or None if there is nobody to write to, or no reason (any more)."""
    member, row = users.by_id(conn, account_id), posts.by_id(conn, post_id)
    if member is None or not member.is_let_in or row is None or row.group_id is None:
        return None
    group, author = groups.by_id(conn, row.group_id), accounts.by_id(conn, row.account_id)
    thread = group_threads.by_id(conn, row.thread_id)
    if (
        group is None
        or author is None
        or not visibility.may_see(conn, row, account_id)
        or account_id
        not in subscriptions.mailed(
            conn, row.group_id, row.thread_id, author.id, author.domain, after_id=account_id - 1, limit=1
        )
    ):
        return None
    preference = mail_preferences.ensure(conn, account_id)
    chosen = subscriptions.of_member(conn, account_id)
    is_of_thread = chosen.get(("thread", row.thread_id)) == "all"
    subject = clean_line(thread.title if thread is not None else row.title) or "…"
    is_first = row.thread_id == row.id
    message_id, references = mail_ids(row)
    end_thread = mail_codes.link(config, preference, "end_thread", row.thread_id)
    end_group = mail_codes.link(config, preference, "end_group", row.group_id)
    reply = reply_to(config, preference, row, group)
    standing = rules.standing_of(conn, row.group_id, account_id)
    may_start = rules.refusal(Action.START, group, standing) is None
    answered = (
        None
        if is_first or row.in_reply_to_account_id is None
        else accounts.by_id(conn, row.in_reply_to_account_id)
    )
    text, html = _content(row)
    envelope = Envelope(
        to=member.email,
        message_id=message_id,
        kind="group",
        references=references,
        unsubscribe_url=end_thread if is_of_thread else end_group,
        archive_url=group.url,
        from_name=sender_name(author, group),
        reply_to=reply,
        list_id=(f"{group.username.lower().replace('_', '-')}.groups", name_of(group)),
        post_address=mail_codes.address(config, preference, "group", row.group_id) if may_start else "",
    )  # fmt: skip
    return compose(
        config,
        settings.in_force(conn, config).title,
        "group_post",
        envelope,
        {
            "subject": f"{'' if is_first else 'Re: '}[{name_of(group)}] {subject}",
            "author": name_of(author),
            "handle": f"@{author.username}@{author.domain or config.domain}",
            "answered": "" if answered is None or answered.id == author.id else name_of(answered),
            "is_first": is_first,
            "content": text,
            "files": _files(conn, row),
            "reply_address": reply is not None,
            "url": page_of(config, row, author),
            "username": member.username,
            "group": name_of(group),
            "asked_for": "this discussion" if is_of_thread else name_of(group),
            "end_thread_url": end_thread,
            "end_group_url": end_group,
        },
        rich={"content": html},
    )


def page_of(config: Config, row: PostRow, author: AccountRow) -> str:
    """The page of a post here."""
    at = f"@{author.domain}" if author.domain else ""
    return f"{config.origin}/@{author.username}{at}/{row.id}"


def _content(row: PostRow) -> tuple[str, Markup]:
    """What a post says, as text and as HTML; of one behind a warning the warning alone."""
    if row.sensitive and row.summary and not row.title:
        text = f"Content warning: {clean_line(row.summary)}"
        return text, Markup('<p style="margin:0 0 16px">{}</p>').format(text)
    html = as_tex(str(row.content_html))
    if row.local and row.source_type == "text/markdown":
        # Markdown was made to be read as it is, with the addresses of its links.
        text = str(row.source_text)
    else:
        text = to_text(html)
        targets = [one for one in dict.fromkeys(links(html)) if one not in text]
        text = "\n\n".join([text, *targets])
    if len(html) > CONTENT_CHARS_MAX:
        text = text[:CONTENT_CHARS_MAX].rstrip() + "…"
        return text, Markup('<p style="margin:0 0 16px;white-space:pre-wrap">{}</p>').format(text)
    # Made safe when it was stored (`fedserver.content.html`).
    shown = Markup('<div class="post" dir="auto"{}>{}</div>')
    language = Markup(' lang="{}"').format(row.language) if row.language else ""
    return text.strip(), shown.format(language, Markup(html))  # noqa: S704


def _files(conn: Connection, row: PostRow) -> list[dict[str, str]]:
    """What is attached, as words and addresses: nothing is loaded when a mail is opened."""
    return [
        {
            "words": ": ".join(
                filter(None, (_FILE_WORDS.get(one.type, "File"), clean_line(one.description)))
            ),
            "url": one.url,
        }
        for one in posts.media_of(conn, [row.id]).get(row.id, [])
    ]
