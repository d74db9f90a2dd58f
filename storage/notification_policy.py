"""How a member has notifications sifted: by kinds of sender, and whom they let through whatever the kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, exists, insert, literal_column, select, update

from storage.hot import Hot, insert_row
from storage.tables import mention, notification_permission, notification_policy, post

ANCESTORS_MAX: Final = 100


class Policy(NamedTuple):
    """What is done with notifications from each kind of sender: accept, filter or drop."""

    for_not_following: str = "accept"
    for_not_followers: str = "accept"
    for_new_accounts: str = "accept"
    for_private_mentions: str = "accept"
    for_limited_accounts: str = "filter"
    for_bots: str = "accept"


DEFAULT: Final = Policy()


def policy_of(conn: Connection, account_id: int) -> Policy:
    """The member's policy, the default unless they chose."""
    row = conn.execute(
        select(*(notification_policy.c[name] for name in Policy._fields)).where(
            notification_policy.c.account_id == account_id
        )
    ).first()
    return DEFAULT if row is None else Policy._make(row)


def change_policy(conn: Connection, account_id: int, choices: Mapping[str, str]) -> None:
    """Set some of the choices."""
    insert_row(conn, notification_policy, {"account_id": account_id}, unless_there=True)
    if choices:
        conn.execute(
            update(notification_policy)
            .where(notification_policy.c.account_id == account_id)
            .values(**choices)
        )


def permit(conn: Connection, account_id: int, from_account_ids: list[int]) -> None:
    """Let everything of these senders through from now on."""
    permitted = select(notification_permission.c.from_account_id).where(
        notification_permission.c.account_id == account_id,
        notification_permission.c.from_account_id.in_(from_account_ids),
    )
    missing = set(from_account_ids) - set(conn.scalars(permitted))
    if missing:
        conn.execute(
            insert(notification_permission),
            [{"account_id": account_id, "from_account_id": one} for one in missing],
        )


def answers_private_mention(conn: Connection, post_id: int, recipient_id: int, sender_id: int) -> bool:
    """Whether, above this post, the recipient wrote to the sender directly: then they began it."""
    return bool(
        _answers.run(
            conn, post_id=post_id, recipient_id=recipient_id, sender_id=sender_id, depth=ANCESTORS_MAX
        )
    )


def _select_answers() -> Any:
    above = (
        select(post.c.in_reply_to_id.label("id"), literal_column("1").label("depth"))
        .where(post.c.id == bindparam("post_id"))
        .cte("above", recursive=True)
    )
    above = above.union_all(
        select(post.c.in_reply_to_id, above.c.depth + literal_column("1")).where(
            post.c.id == above.c.id, above.c.depth < bindparam("depth")
        )
    )
    return (
        select(post.c.id)
        .join(above, above.c.id == post.c.id)
        .where(
            post.c.account_id == bindparam("recipient_id"),
            post.c.visibility == "direct",
            exists().where(
                mention.c.post_id == post.c.id,
                mention.c.account_id == bindparam("sender_id"),
                ~mention.c.silent,
            ),
        )
        .limit(1)
    )


_answers: Hot[Any] = Hot(_select_answers, tuple)
