"""Notice that a unit has changed something people can see, whoever wrote the unit.

What is remembered of whole pages must go when anything on them changes: a post, a count, a name, a role. Which
units do that is read off their statements, so that no unit has to think of it. Tables are taken to show unless
they are named here.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection

from storage import tables
from storage.signals import signal

SHOWN: Final = "shown"
"""The channel, without payload: something on a page that is open to all may have changed."""

NOT_SHOWN: Final = frozenset(
    table.name
    for table in (
        tables.account_note,
        tables.account_word,
        tables.announcement,
        tables.announcement_reaction,
        tables.announcement_read,
        tables.appeal,
        tables.audit_entry,
        tables.bookmark,
        tables.conversation,
        tables.conversation_post,
        tables.delivery,
        tables.email_subscription,
        tables.erasure,
        tables.filter_keyword,
        tables.filter_post,
        tables.follow,  # what shows of it are the counts of the accounts
        tables.home_entry,
        tables.idempotency,
        tables.inbox_item,
        tables.instance,  # its own channel tells of rules; the rest is whether a server answers
        tables.ip_rule,
        tables.job,
        tables.like,  # what shows of it is the count of the post
        tables.list_account,
        tables.list_entry,
        tables.login_session,
        tables.mail_address_rule,
        tables.mail_domain_rule,
        tables.mail_domain_use,
        tables.mail_token,
        tables.marker,
        tables.member_domain_block,
        tables.member_day,
        tables.member_import,
        tables.member_import_row,
        tables.member_ip,
        tables.member_list,
        tables.message,
        tables.moderation_note,
        tables.mute,
        tables.notification,
        tables.notification_permission,
        tables.notification_policy,
        tables.notification_request,
        tables.oauth_code,
        tables.day_figure,
        tables.policy_consent,
        tables.policy_version,  # pages show it as it is asked for
        tables.post_filter,
        tables.post_words,
        tables.push_subscription,
        tables.remote_file,  # copies: what shows is the address
        tables.report,
        tables.scheduled_post,
        tables.severance,
        tables.strike,
        tables.subscription,
        tables.suggestion_dismissal,
        tables.tag_follow,
        tables.thread_mute,
        tables.thread_read,
        tables.token,
        tables.warning_preset,
    )
)

_WRITES: Final = re.compile(
    r"""\b(?:INSERT(?:\s+OR\s+\w+)?\s+INTO|(?<!FOR\s)(?<!DO\s)UPDATE|DELETE\s+FROM)\s+"?(\w+)"""
)


def note(conn: Connection, text: str) -> None:
    """Take notice of a statement that is about to run."""
    if not text.startswith("SELECT") and shows(text):
        signal(conn, SHOWN)


@lru_cache(2_000)
def shows(text: str) -> bool:
    """Whether this statement writes to a table that shows."""
    return any(name not in NOT_SHOWN for name in _WRITES.findall(text))
