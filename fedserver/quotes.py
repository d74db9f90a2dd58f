"""Quoting with consent (FEP-044f): who may quote a post, what a new quote sets in motion, and taking consent back.

A quote of a member's post is agreed to or refused at once, by the policy of the post. One of a post elsewhere
waits until its author's server has answered (`fedserver.federation.quotes`). How quotes are shown is in
`fedserver.quoted`.
"""

from __future__ import annotations

from html import escape
from typing import Final, Literal, cast, get_args

from sqlalchemy import Connection

from fedserver import notifications, quoted, visibility
from fedserver.content.plain import url_link
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid, NotFound
from fedserver.federation.documents import LEAVES
from fedserver.rendered import Shelf
from fedserver.viewer import Member
from storage import posts, quotes, relationships
from storage.accounts import AccountRow
from storage.cards import Batch
from storage.paging import Window
from storage.posts import PostRow
from storage.quotes import Policy, QuoteRow
from storage.signals import signal
from storage.types import new_id

PolicyName = Literal["public", "followers", "nobody"]

POLICIES: Final[dict[str, Policy]] = {
    "public": Policy.PUBLIC,
    "followers": Policy.FOLLOWERS,
    "nobody": Policy(0),
}
# Narrowest last: what may be quoted by its author alone is never said to more people than it was said to.
_UNQUOTABLE: Final = "The post you are trying to quote does not appear to exist."


def policy_of(name: str, shown_to: str) -> int:
    """The policy of this name for a post of ours. What is not for everybody is quoted by its author alone.

    Raises Invalid.
    """
    if name not in POLICIES:
        raise Invalid({"quote_approval_policy": f"must be one of {', '.join(get_args(PolicyName))}"})
    return int(POLICIES[name]) if shown_to in visibility.FOR_EVERYBODY else 0


def policy_name(row: PostRow) -> PolicyName:
    """The other way round, of a post of ours."""
    found = {int(policy): name for name, policy in POLICIES.items()}
    return cast("PolicyName", found.get(row.quote_policy, "nobody"))


def may_quote(conn: Connection, row: PostRow, account_id: int) -> quoted.Approval:
    """Whether this account (here or elsewhere) may quote a post: at once, or if the author agrees, or not at all."""
    if (
        row.boost_of_id is not None
        or row.visibility in ("direct", "group")
        or not visibility.may_see(conn, row, account_id)
    ):
        return "denied"
    if row.account_id == account_id:
        return "automatic"
    if row.visibility not in visibility.FOR_EVERYBODY or relationships.either_blocks(
        conn, account_id, row.account_id
    ):
        return "denied"
    return quoted.allowed(
        row.quote_policy,
        follows=relationships.is_following(conn, account_id, row.account_id),
        is_followed=relationships.is_following(conn, row.account_id, account_id),
    )


# -- a member quotes


def quotable(conn: Connection, quoted_id: int | None, account_id: int) -> PostRow | None:
    """The post that a new one is to quote. Raises NotFound where it may not be, or is not there."""
    if quoted_id is None:
        return None
    row = posts.by_id(conn, quoted_id)
    if row is not None and row.boost_of_id is not None:
        row = posts.by_id(conn, row.boost_of_id)
    if row is None or may_quote(conn, row, account_id) == "denied":
        raise NotFound(_UNQUOTABLE)
    return row


def quoted_by(conn: Connection, row: PostRow) -> PostRow | None:
    """The post that this one quotes, as far as it is known."""
    quote = quotes.of_post(conn, row.id) if row.quote_uri else None
    return None if quote is None or quote.quoted_id is None else posts.by_id(conn, quote.quoted_id)


def narrowed(wanted: str, target: PostRow | None) -> str:
    """Who a post is shown to that quotes `target`: what was not for everybody is repeated to nobody else.

    Raises Invalid where that would show it to others than those for whom it is meant.
    """
    if target is None or target.visibility in visibility.FOR_EVERYBODY:
        return wanted
    if wanted in ("direct", target.visibility):
        return wanted
    if wanted not in visibility.FOR_EVERYBODY:
        raise Invalid({"visibility": "must be that of the quoted post, or direct"})
    return str(target.visibility)


def check_mentioned(
    target: PostRow | None, row_visibility: str, account_id: int, named_ids: list[int]
) -> None:
    """In a direct post only somebody who is named in it can be quoted. Raises Invalid."""
    if target is None or row_visibility != "direct" or target.account_id in (account_id, *named_ids):
        return
    raise Invalid({}, "Validation failed: Cannot quote a non-mentioned user in a Private Mention post.")


def with_fallback(html: str, target: PostRow | None) -> str:
    """The text with a line in front that names the quoted post, for readers that know no quotes."""
    if target is None:
        return html
    address = target.url or target.uri
    if escape(address) in html:
        return html
    return f'<p class="quote-inline">RE: {url_link(address)}</p>{html}'


def attach(conn: Connection, server: Server, row: PostRow, target: PostRow) -> None:
    """A member's new post quotes another: one of ours is asked by its policy, one elsewhere by a QuoteRequest."""
    quote_id = new_id()
    own = target.account_id == row.account_id
    here = bool(target.local)
    quote = quotes.add(
        conn,
        quote_id=quote_id,
        state="accepted" if own or here else "pending",
        post_id=row.id,
        account_id=row.account_id,
        quoted_id=target.id,
        quoted_account_id=target.account_id,
        quoted_uri=target.uri,
        request_uri="" if own or here else server.uris.activity(new_id()),
        stamp_uri=server.uris.stamp(quote_id) if here and not own else "",
    )
    if own:
        return
    if here:
        notifications.quoted(conn, row, target)
    elif row.visibility in LEAVES:
        server.publish.quote_requested(conn, quote)
    else:
        raise Invalid({"visibility": "must let the author of the quoted post, on another server, see it"})


def tell_of_edit(conn: Connection, row: PostRow) -> None:
    """A post was edited: those members who quote it may want to look again at what they said."""
    if row.quotes_count:
        found = quotes.by_members(conn, row.id)
        notifications.quoted_post_changed(conn, row, [(one.account_id, one.post_id) for one in found])


# -- the author of a quoted post


async def revoke(server: Server, member: Member, quoted_id: int, quoting_id: int) -> None:
    """Take back one's consent to a quote. Raises NotFound, Forbidden when one is not the quoted author."""
    await server.db.write(_revoke, server, member.account_id, quoted_id, quoting_id)


def _revoke(conn: Connection, server: Server, account_id: int, quoted_id: int, quoting_id: int) -> None:
    target = posts.by_id(conn, quoted_id)
    quote = quotes.of_post(conn, quoting_id)
    if target is None or not visibility.may_see(conn, target, account_id):
        raise NotFound
    if quote is None or quote.quoted_id != quoted_id:
        raise NotFound
    if target.account_id != account_id:
        raise Forbidden("Only the author of a quoted post can do this.")
    withdraw(conn, server, quote)


def withdraw(conn: Connection, server: Server, quote: QuoteRow) -> None:
    """The quoted author, who is a member, agrees no longer."""
    if quote.state not in ("accepted", "pending"):
        return
    # Before the state changes, by which it is known whether there was a stamp to take back.
    server.publish.quote_revoked(conn, quote)
    settle(conn, server, quote, "revoked")


def settle(
    conn: Connection, server: Server, quote: QuoteRow, state: quotes.State, *, stamp_uri: str | None = None
) -> QuoteRow:
    """How a quote stands has been decided, here or by the quoted author's server: keep it, and show it everywhere."""
    columns = {} if stamp_uri is None else {"stamp_uri": stamp_uri}
    changed = quotes.change(conn, quote, state=state, **columns)
    if changed.state != quote.state:
        signal(conn, "status.update", str(quote.post_id))
        server.publish.post_refreshed(conn, quote.post_id)
    return changed


async def choose_policy(server: Server, member: Member, post_id: int, name: str) -> None:
    """Say who may quote a post of one's own from now on; quotes there are stay. Raises NotFound, Forbidden, Invalid."""
    await server.db.write(_choose_policy, server, member.account_id, post_id, name)


def _choose_policy(conn: Connection, server: Server, account_id: int, post_id: int, name: str) -> None:
    row = posts.by_id(conn, post_id)
    if row is None or row.boost_of_id is not None or not visibility.may_see(conn, row, account_id):
        raise NotFound
    if row.account_id != account_id:
        raise Forbidden("This action is not allowed")
    policy = policy_of(name, row.visibility)
    if policy == row.quote_policy:
        return
    posts.change(conn, post_id, quote_policy=policy)
    signal(conn, "status.update", str(post_id))
    server.publish.post_refreshed(conn, post_id)


# -- who quotes a post


async def listed(
    server: Server, viewer_id: int | None, post_id: int, window: Window, shelf: Shelf
) -> tuple[list[int], Batch]:
    """The posts that quote this one: ids of the quotes (the cursors), and those posts the viewer may see.

    Others than the author of the post are not shown quotes by people they block or mute. Raises NotFound.
    """
    from fedserver import timelines

    def unit(conn: Connection) -> tuple[list[int], Batch]:
        row = posts.by_id(conn, post_id)
        if row is None or not visibility.may_see(conn, row, viewer_id):
            raise NotFound
        found = quotes.page(conn, row.boost_of_id or row.id, window)
        batch = timelines.batch_of(conn, viewer_id, [one.post_id for one in found], shelf)
        if viewer_id is not None and viewer_id != row.account_id:
            hidden = relationships.hidden_from(conn, viewer_id)
            batch.cards = [card for card in batch.cards if card.author.id not in hidden]
        return [one.relation_id for one in found], batch

    return await server.db.read(unit)


# -- what arrives from elsewhere


def answer(
    conn: Connection, server: Server, actor: AccountRow, target: PostRow, row: PostRow, uri: str
) -> bool:
    """Somebody elsewhere asks to quote a member's post with `row`: agree, as the policy says, or refuse.

    Whether it was agreed to. Asked again, the answer is the same; what a member has taken back stays so.
    """
    quote = quotes.of_post(conn, row.id)
    if quote is None or quote.quoted_id != target.id or row.account_id != actor.id:
        return False
    if quote.state == "revoked" or may_quote(conn, target, actor.id) != "automatic":
        return False
    quote = quotes.change(conn, quote, request_uri=uri, stamp_uri=server.uris.stamp(quote.id))
    if quote.state != "accepted":
        settle(conn, server, quote, "accepted")
        notifications.quoted(conn, row, target)
    server.publish.quote_accepted(conn, quote)
    return True
