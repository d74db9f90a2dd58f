"""The data to measure on: two members who follow 50 people of 2,000 posts, one of whom sorts and filters them, a thread
of 100 replies, followers elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert

from activitypub.identifiers import Uris
from activitypub.signatures import PrivateKey
from storage import accounts, filters, lists, posts, relationships, tables, timelines
from storage.types import new_id, now_ms

AUTHORS = 50
POSTS = 2_000
REPLIES = 100
HOSTS = 1_000
TEXT = (
    "<p>Today we planned the second half of the course: fewer slides, more exercises, and a longer break. "
    * 3
    + "</p>"
)


@dataclass
class World:
    """Names and ids that the workloads need."""

    reader: str
    lonely: str
    popular: str
    famous: str
    thread_id: int
    one_post_id: int
    remote_key: PrivateKey
    remote_uri: str
    documents: dict[str, Any]


def host_name(number: int) -> str:
    """The name of one of the other servers."""
    return f"h{number}.bench.example"


def fill(conn: Connection, uris: Uris, members: dict[str, int], peers_port: int) -> World:
    """`members` has the ids of reader, sorter, lonely, popular and famous, made by the server's own commands."""
    reader, popular, famous = members["reader"], members["popular"], members["famous"]
    authors = [_add_author(conn, uris, number) for number in range(AUTHORS)]
    for author in authors:
        _follow(conn, reader, author)
        _follow(conn, members["sorter"], author)
    _arrange(conn, members["sorter"], authors)
    now = now_ms()
    thread_id = 0
    for number in range(POSTS):
        author = authors[number % AUTHORS]
        at = now - (POSTS - number) * 60_000
        post_id = _add_post(conn, uris, author, at)
        row = posts.by_id(conn, post_id)
        assert row is not None
        timelines.fan_out(conn, row)
        thread_id = post_id
        if number % 4 == 0:
            _notify(conn, reader, author, post_id, number)
    parent = thread_id
    for number in range(REPLIES):
        reply = _add_post(
            conn, uris, authors[number % AUTHORS], now - 1000 + number, parent=parent, thread_id=thread_id
        )
        parent = reply if number % 3 else thread_id
    for number in range(500):
        _follow(conn, _add_member(conn, uris, f"fan{number}"), popular)
    key = PrivateKey.generate_rsa(key_id="", owner_uri="")
    remote = f"http://{host_name(0)}:{peers_port}/users/wanda"
    key = PrivateKey.from_own_pem(key.to_pem(), key_id=f"{remote}#main-key", owner_uri=remote)
    for number in range(HOSTS):
        _follow(conn, _add_remote(conn, host_name(number), peers_port), famous)
    return World(
        reader="reader",
        lonely="lonely",
        popular="popular",
        famous="famous",
        thread_id=thread_id,
        one_post_id=thread_id,
        remote_key=key,
        remote_uri=remote,
        documents=_documents(remote, f"{host_name(0)}:{peers_port}", key),
    )


def _arrange(conn: Connection, member: int, authors: list[int]) -> None:
    """Filters of 50 keywords, one of which is in every post; five lists of everybody followed, one of ten of them
    exclusive; mutes, some of them over."""
    for number in range(10):
        filter_id = filters.add(
            conn, member, title=f"Filter {number}", contexts=["home"], action="warn", expires_at=None
        )
        for word in range(5):
            text = "exercises" if number == word == 0 else f"word{number}{word}"
            filters.add_keyword(conn, filter_id, text, whole_word=bool(word % 2))
    follows = lists.follows(conn, member, authors)
    for number in range(5):
        exclusive = number == 4
        list_id = lists.add(conn, member, title=f"List {number}", replies_policy="list", exclusive=exclusive)
        for author in authors[:10] if exclusive else authors:
            lists.add_account(conn, list_id, author, follows[author][0])
    for number, author in enumerate(authors[10:20]):
        over = now_ms() - 1 if number % 2 else None
        relationships.put_mute(conn, member, author, hides_notifications=True, expires_at=over)


def add_members(conn: Connection, uris: Uris, count: int) -> None:
    """Members who follow nobody: what a post must not have to pay for."""
    for number in range(count):
        _add_member(conn, uris, f"idle{number}")


def _add_author(conn: Connection, uris: Uris, number: int) -> int:
    return _add_member(
        conn, uris, f"author{number}", display_name=f"Author {number}", note_html="<p>Trainer.</p>"
    )


def _add_member(conn: Connection, uris: Uris, name: str, **columns: Any) -> int:
    account_id = new_id()
    accounts.insert_local(
        conn, account_id, uri=uris.actor(name), url=uris.profile(name), username=name, actor_type="Person",
        followers_uri=uris.followers(name), **columns,
    )  # fmt: skip
    now = now_ms()
    conn.execute(
        insert(tables.user).values(
            account_id=account_id, email=f"{name}@bench.invalid", email_key=f"{name}@bench.invalid", created_at=now,
            confirmed_at=now, approved_at=now, mail_kinds="[]",
        )
    )  # fmt: skip
    return account_id


def _add_remote(conn: Connection, host: str, port: int) -> int:
    uri = f"http://{host}:{port}/users/remote"
    return accounts.upsert_remote(
        conn,
        accounts.RemoteAccount(
            uri=uri, url=uri, username="remote", domain=f"{host}:{port}", host=f"{host}:{port}", actor_type="Person",
            inbox_uri=f"{uri}/inbox", shared_inbox_uri=f"http://{host}:{port}/inbox", followers_uri=f"{uri}/followers",
        ),
    )  # fmt: skip


def _add_post(
    conn: Connection,
    uris: Uris,
    author: int,
    at: int,
    *,
    parent: int | None = None,
    thread_id: int | None = None,
) -> int:
    post_id = new_id(at)
    posts.insert_post(
        conn, post_id=post_id, uri=uris.post(post_id), url=uris.post(post_id), account_id=author, kind="note",
        visibility="public", content_html=TEXT, language="en", in_reply_to_id=parent,
        in_reply_to_account_id=author if parent else None, thread_id=thread_id or post_id, local=True, created_at=at,
    )  # fmt: skip
    return post_id


def _follow(conn: Connection, account_id: int, target_id: int) -> None:
    follow_id = new_id()
    conn.execute(
        insert(tables.follow).values(
            id=follow_id,
            uri=f"urn:follow:{follow_id}",
            account_id=account_id,
            target_id=target_id,
            accepted=True,
        )
    )


def _notify(conn: Connection, account_id: int, from_id: int, post_id: int, number: int) -> None:
    conn.execute(
        insert(tables.notification).values(
            id=new_id(), account_id=account_id, type="mention", from_account_id=from_id, post_id=post_id,
            dedupe=f"bench:{number}",
        )
    )  # fmt: skip


def _documents(uri: str, authority: str, key: PrivateKey) -> dict[str, Any]:
    path = uri.partition(authority)[2]
    actor = {
        "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
        "id": uri,
        "type": "Person",
        "preferredUsername": "wanda",
        "inbox": f"{uri}/inbox",
        "outbox": f"{uri}/outbox",
        "followers": f"{uri}/followers",
        "endpoints": {"sharedInbox": f"http://{authority}/inbox"},
        "publicKey": {"id": f"{uri}#main-key", "owner": uri, "publicKeyPem": key.public_key.to_pem()},
    }
    finger = {
        "subject": f"acct:wanda@{authority}",
        "links": [{"rel": "self", "type": "application/activity+json", "href": uri}],
    }
    return json.loads(json.dumps({path: actor, "/.well-known/webfinger": finger}))
