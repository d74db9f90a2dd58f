"""Accounts and posts put straight into the database, for tests of what stands on them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert

from storage import accounts, posts, tables
from storage.types import new_id, now_ms

ORIGIN = "https://here.example"


def add_member(conn: Connection, name: str, **columns: Any) -> int:
    """A member of this server; the account's id."""
    account_id = new_id()
    accounts.insert_local(
        conn,
        account_id,
        uri=f"{ORIGIN}/users/{name}",
        url=f"{ORIGIN}/@{name}",
        username=name,
        actor_type="Person",
        followers_uri=f"{ORIGIN}/users/{name}/followers",
        **columns,
    )
    now = now_ms()
    conn.execute(
        insert(tables.user).values(
            account_id=account_id,
            email=f"{name}@mail.example",
            email_key=f"{name}@mail.example",
            created_at=now,
            confirmed_at=now,
            approved_at=now,
        )
    )
    return account_id


def add_stranger(conn: Connection, name: str, domain: str = "there.example", **columns: Any) -> int:
    """An account of another server; its id."""
    uri = f"https://{domain}/users/{name}"
    return accounts.upsert_remote(
        conn,
        accounts.RemoteAccount(
            uri=uri,
            url=f"https://{domain}/@{name}",
            username=name,
            domain=domain,
            host=domain,
            actor_type="Person",
            inbox_uri=f"{uri}/inbox",
            shared_inbox_uri=f"https://{domain}/inbox",
            followers_uri=f"{uri}/followers",
            **columns,
        ),
    )


def add_post(conn: Connection, author_id: int, visibility: str = "public", **columns: Any) -> int:
    """A post of the author; its id."""
    post_id = columns.pop("post_id", None) or new_id()
    posts.insert_post(
        conn,
        post_id=post_id,
        uri=f"{ORIGIN}/posts/{post_id}",
        url=f"{ORIGIN}/posts/{post_id}",
        account_id=author_id,
        kind=columns.pop("kind", "note"),
        visibility=visibility,
        content_html=columns.pop("content_html", "<p>Text</p>"),
        thread_id=columns.pop("thread_id", post_id),
        local=columns.pop("local", True),
        created_at=columns.pop("created_at", None) or now_ms(),
        **columns,
    )
    return post_id


def add_follow(conn: Connection, account_id: int, target_id: int, *, accepted: bool = True) -> None:
    """`account_id` follows `target_id`."""
    conn.execute(
        insert(tables.follow).values(
            id=new_id(),
            uri=f"{ORIGIN}/f/{account_id}/{target_id}",
            account_id=account_id,
            target_id=target_id,
            accepted=accepted,
        )
    )
