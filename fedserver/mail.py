"""Mails to members: planned in the unit that causes them, written and sent by a job, so none is sent for what
was rolled back and none is lost."""

from __future__ import annotations

from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import mail_links, mail_wordings, settings, visibility
from fedserver.config import Config
from fedserver.content.html import to_text
from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.groups import mailing
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.mail_compose import Envelope, compose
from fedserver.mail_links import Purpose
from fedserver.mail_out import Mailer, hand_over, open_mailer
from storage import accounts, groups, mail_preferences, posts, relationships, subscriptions, users
from storage.posts import PostRow
from storage.types import new_id
from storage.users import UserRow

__all__ = ["KINDS", "Mailer", "open_mailer", "plan_mail", "plan_notification_mail", "send_mail"]

EXCERPT_CHARS_MAX: Final = 1_500

# The kinds of notification that a member may want by mail, in the words that follow "hear of".
KINDS: Final[dict[str, str]] = {
    "mention": "posts that mention you",
    "reply": "answers to your posts",
    "follow": "new followers",
    "follow_request": "requests to follow you",
}
_MINTED: Final[dict[str, Purpose]] = {
    "confirm": "confirm",
    "confirm_change": "confirm",
    "reset": "reset",
    "decision": "appeal",
    "claim_name": "claim",
    "inquiry": "inquiry",
}


def plan_mail(
    conn: Connection, account_id: int, template: str, context: Mapping[str, Any] | None = None
) -> None:
    """Have a mail of this template written to a member. `context` is JSON: its ``to`` replaces the member's
    address, its ``link_detail`` is what a link in it is about, ``answers`` the Message-ID of the mail that it is about,
    ``language`` that of the community's own words where the member is gone by then; the rest are the template's
    values; no secret belongs into it."""
    payload = {"account_id": account_id, "template": template, "context": dict(context or {}), "id": new_id()}
    plan(conn, "mail", payload)


def plan_notification_mail(
    conn: Connection, account_id: int, type_: str, post_id: int | None, from_account_id: int
) -> None:
    """Have a member told by mail of what a notification says, if they want mails of that kind.

    Whether they may still see it is asked again when the mail is written.
    """
    if type_ not in ("mention", "follow", "follow_request"):
        return
    member = users.by_id(conn, account_id)
    if member is None or not member.is_let_in:
        return
    kind = type_
    post = posts.by_id(conn, post_id) if type_ == "mention" and post_id is not None else None
    if post is not None and post.in_reply_to_account_id == account_id:
        kind = "reply"
    if kind not in member.wants_mail or (post is not None and not _mails_mentions(conn, account_id, post)):
        return
    about = {"kind": kind, "post_id": post_id, "from_account_id": from_account_id}
    plan(
        conn,
        "mail",
        {"account_id": account_id, "template": "notification", "context": about, "id": new_id()},
        key=f"{account_id}:{kind}:{post_id or from_account_id}",
    )


def _mails_mentions(conn: Connection, account_id: int, post: PostRow) -> bool:
    """Whether a member hears by mail of what names them in a post: in a group where they get each post as a mail
    they need no second one, and some want none of a group."""
    if post.group_id is None:
        return True
    level = subscriptions.level_in_thread(conn, account_id, post.group_id, post.thread_id)
    if level == "all":
        preference = mail_preferences.get(conn, account_id)
        return preference is not None and not preference.wants_groups
    return level != "none"


@handles("mail", attempts_max=10)
async def send_mail(server: Server, payload: dict[str, Any]) -> None:
    """Write and send one planned mail: the handler of the job ``mail``."""
    message = await server.db.write(_written, server.config, payload)
    await hand_over(server.mail, message)


def preview(
    conn: Connection, config: Config, account_id: int, template: str, context: Mapping[str, Any] | None = None
) -> tuple[str, str]:
    """Subject and text of what `plan_mail` would have written, for a template whose mail has no secret in it."""
    assert template not in _MINTED, "a link is made only to be sent"
    message = _written(
        conn,
        config,
        {"account_id": account_id, "template": template, "context": dict(context or {}), "id": 0},
    )
    body = None if message is None else message.get_body(("plain",))
    return ("", "") if message is None or body is None else (str(message["Subject"]), body.get_content())


def _written(conn: Connection, config: Config, payload: Mapping[str, Any]) -> EmailMessage | None:
    """The mail, or None if there is nobody to write to, or no reason (any more)."""
    template: str = payload["template"]
    values: dict[str, Any] = dict(payload["context"])
    member = users.by_id(conn, payload["account_id"])
    to = values.pop("to", None) or (member.email if member else "")
    if not to:  # who has left has no address any more
        return None
    site = settings.in_force(conn, config)
    if member is not None:
        values.setdefault("username", member.username)
    values["contact_email"] = site.contact_email
    if template == "notification":
        return None if member is None else _notification(conn, config, site.title, member, values)
    answers = values.pop("answers", "")
    purpose = _MINTED.get(template)
    if purpose is not None:
        if member is None:
            return None
        detail = to if template == "confirm_change" else values.pop("link_detail", "")
        values["url"] = mail_links.mint(conn, config.origin, member.account_id, purpose, detail)
    envelope = Envelope(to=to, message_id=f"{template}.{payload['id']}", kind=template, answers=answers)
    language = values.pop("language", "") or (site.language if member is None else member.locale)
    own = mail_wordings.own(
        conn,
        template,
        language,
        {**values, "title": site.title, "origin": config.origin, "domain": config.domain},
    )
    return compose(config, site.title, template, envelope, values, own=own)


def _notification(
    conn: Connection, config: Config, title: str, member: UserRow, about: Mapping[str, Any]
) -> EmailMessage | None:
    kind, post_id = about["kind"], about["post_id"]
    sender = accounts.by_id(conn, about["from_account_id"])
    if (
        sender is None
        or sender.suspended_at is not None
        or sender.deleted_at is not None
        or not member.is_let_in
        or kind not in member.wants_mail
        or relationships.either_blocks(conn, member.account_id, sender.id)
    ):
        return None
    who = clean_line(sender.display_name) or sender.username
    handle = f"@{sender.username}@{sender.domain or config.domain}"
    excerpt, url = "", f"{config.origin}/notifications"
    references: tuple[str, ...] = ()
    in_group: dict[str, Any] = {}
    if post_id is not None:
        post = posts.by_id(conn, post_id)
        if post is None or not visibility.may_see(conn, post, member.account_id):
            return None
        excerpt = _excerpt(post.summary if post.sensitive and post.summary else to_text(post.content_html))
        url = f"{config.origin}/@{sender.username}{'@' + sender.domain if sender.domain else ''}/{post.id}"
        message_id = f"post.{post.id}.{member.account_id}"
        group = groups.by_id(conn, post.group_id)
        if group is not None:
            if not _mails_mentions(conn, member.account_id, post):
                return None
            message_id, references = mailing.mail_ids(post)
            preference = mail_preferences.ensure(conn, member.account_id)
            in_group["reply_to"] = mailing.reply_to(config, preference, post, group)
            in_group["from_name"] = mailing.sender_name(sender, group)
        elif post.thread_id == post.id:
            message_id = f"thread.{post.id}.{member.account_id}"
        else:
            references = (f"thread.{post.thread_id}.{member.account_id}",)
            if post.in_reply_to_id is not None and post.in_reply_to_id != post.thread_id:
                references += (f"post.{post.in_reply_to_id}.{member.account_id}",)
    else:
        message_id = f"{kind}.{sender.id}.{member.account_id}"
    if kind == "follow_request":
        url = f"{config.origin}/follows/requests"
    elif kind == "follow":
        url = f"{config.origin}/@{sender.username}{'@' + sender.domain if sender.domain else ''}"
    subject, sentence = _words(kind, who, handle)
    unsubscribe = mail_links.mint(conn, config.origin, member.account_id, "unsubscribe", kind)
    return compose(
        config,
        title,
        "notification",
        Envelope(
            to=member.email,
            message_id=message_id,
            kind=kind,
            references=references,
            unsubscribe_url=unsubscribe,
            archive_url=f"{config.origin}/notifications",
            **in_group,
        ),
        {
            "subject": subject,
            "sentence": sentence,
            "excerpt": excerpt,
            "url": url,
            "username": member.username,
            "kind_words": KINDS[kind],
            "can_answer": in_group.get("reply_to") is not None,
        },
    )


def _words(kind: str, who: str, handle: str) -> tuple[str, str]:
    if kind == "reply":
        return f"{who} answered you", f"{who} ({handle}) answered your post:"
    if kind == "mention":
        return f"{who} mentioned you", f"{who} ({handle}) mentioned you:"
    if kind == "follow":
        return f"{who} follows you now", f"{who} ({handle}) follows you now. Their profile:"
    return f"{who} asks to follow you", f"{who} ({handle}) asks to follow you. You can accept or refuse here:"


def _excerpt(text: str) -> str:
    if len(text) > EXCERPT_CHARS_MAX:
        text = text[: EXCERPT_CHARS_MAX - 1].rstrip() + "…"
    return quoted(text)


def quoted(text: str) -> str:
    """A text as a quotation in a template."""
    # Blank lines within would end the quotation.
    return "\n".join(f"> {line}" for line in text.splitlines() if line.strip())
