"""What posts elsewhere quote, and who may quote them (FEP-044f).

Units. What a post claims to be allowed is only remembered here; `fedserver.federation.stamps` asks whether it is
true.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from activitypub.identifiers import same_origin
from activitypub.names import is_public
from activitypub.vocabulary import Post
from fedserver import quotes as own_quotes
from fedserver.context import Server
from fedserver.federation.actors import usable_uri
from fedserver.jobs.plan import plan
from storage import accounts, posts, quotes
from storage.accounts import AccountRow
from storage.posts import PostRow
from storage.quotes import Policy, QuoteRow
from storage.signals import signal

_ASKED_SHIFT: Final = 4  # from the bits of those who may at once to those of whom the author is asked


def policy_of(post: Post, author: AccountRow) -> int:
    """Who may quote a post elsewhere. Without a word about it nobody may, as in Mastodon."""
    automatic = _bits(post.quote_automatic or (), author)
    return int(automatic | Policy(_bits(post.quote_manual or (), author) << _ASKED_SHIFT))


def _bits(uris: tuple[str, ...], author: AccountRow) -> Policy:
    found = Policy(0)
    for uri in uris:
        if is_public(uri):
            found |= Policy.PUBLIC
        elif uri == author.followers_uri:
            found |= Policy.FOLLOWERS
        elif uri == author.following_uri:
            found |= Policy.FOLLOWING
        elif uri != author.uri:  # which only means that nobody else may
            found |= Policy.OTHERS
    return found


def read(conn: Connection, row: PostRow, post: Post) -> None:
    """A post elsewhere has been stored: remember what it quotes, and have it asked whether it may."""
    if not row.quote_uri:
        return
    target = posts.by_uri(conn, row.quote_uri)
    if target is not None and target.boost_of_id is not None:
        return
    own = target is not None and target.account_id == row.account_id
    # A quote of ours waits for a QuoteRequest: what the post says of its being allowed proves nothing.
    stamp_uri = post.quote_authorization if target is None or not target.local else None
    quote = quotes.add(
        conn,
        state="accepted" if own else "pending",
        post_id=row.id,
        account_id=row.account_id,
        quoted_id=None if target is None else target.id,
        quoted_account_id=None if target is None else target.account_id,
        quoted_uri=row.quote_uri,
        legacy=post.quote_is_legacy,
        stamp_uri=stamp_uri if stamp_uri is not None and usable_uri(stamp_uri) else "",
    )
    # Without a stamp only their own post can be quoted by somebody who has asked nobody.
    if quote.stamp_uri or (target is None and same_origin(row.quote_uri, row.uri)):
        _plan_check(conn, quote)


def changed(conn: Connection, server: Server, row: PostRow, post: Post) -> None:
    """A post elsewhere has been sent anew: it may quote something else, or be allowed to by now."""
    author = accounts.by_id(conn, row.account_id)
    assert author is not None
    uri = post.quote if usable_uri(post.quote) else None
    columns = {"quote_policy": policy_of(post, author), "quote_uri": uri or ""}
    if any(getattr(row, name) != value for name, value in columns.items()):
        posts.change(conn, row.id, **columns)
    quote = quotes.of_post(conn, row.id)
    if quote is not None and quote.quoted_uri == uri:
        _again(conn, server, quote, post)
        return
    if quote is not None:
        own_quotes.withdraw(conn, server, quote)
        quotes.remove(conn, quote)
    now = posts.by_id(conn, row.id)
    assert now is not None
    read(conn, now, post)
    if quote is not None or uri is not None:
        signal(conn, "status.update", str(row.id))


def _again(conn: Connection, server: Server, quote: QuoteRow, post: Post) -> None:
    """The same quote, perhaps with another stamp, or with none any more."""
    if server.uris.is_local(quote.quoted_uri) or quote.quoted_account_id == quote.account_id:
        return
    stamp_uri = post.quote_authorization if usable_uri(post.quote_authorization) else None
    if stamp_uri != (quote.stamp_uri or None):
        columns = {"state": "pending"} if quote.state == "accepted" else {}
        quote = quotes.change(conn, quote, stamp_uri=stamp_uri or "", **columns)
        signal(conn, "status.update", str(quote.post_id))
    if stamp_uri is not None and quote.state != "accepted":
        _plan_check(conn, quote)


def _plan_check(conn: Connection, quote: QuoteRow) -> None:
    plan(conn, "verify_quote", {"quote_id": quote.id}, key=f"{quote.id} {quote.stamp_uri}")
