"""Write, edit and delete posts; and what a new post sets in motion, wherever it was written.

A local post is one unit: row, mentions, tags, attachments, poll, home timelines, notifications and planned
deliveries are durable together or not at all. A post from elsewhere is stored by
`fedserver.federation.posts`, which then calls `distribute`, `edited` or `erase`.
"""

# Long because writing, editing and deleting share every step, and what they set in motion is told in one place.

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from sqlalchemy import Connection, delete, insert, select, update

from activitypub.identifiers import Uris
from fedserver import (
    conversations,
    email_subscriptions,
    mentions,
    notifications,
    polls,
    previews,
    quotes,
    remote_media,
    search_index,
    trust,
    uploads,
    visibility,
)
from fedserver.content import markdown, plain
from fedserver.content.links import Handle, character_count, find_mentions, find_urls, tag_key
from fedserver.content.plain import Rendered
from fedserver.content.text import emoji_shortcodes, language_tag
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound, Unreachable
from fedserver.events import keeping as events
from fedserver.federation import fetch
from fedserver.federation.publish import KIND_NAMES, Publisher
from fedserver.groups import posting
from fedserver.groups.posting import Place
from fedserver.moderation import marking
from fedserver.opportunities import keeping as opportunities
from fedserver.resources import keeping
from fedserver.streams.gone import signal_gone
from fedserver.viewer import Member
from storage import accounts, collections, emojis, groups, inbox, posts, relationships, timelines, users
from storage.accounts import AccountRow
from storage.posts import PostRow
from storage.signals import signal
from storage.tables import idempotency, media
from storage.types import new_id, now_ms
from storage.users import UserRow

log = logging.getLogger("fedserver.posts")

CHARACTERS_MAX: Final = 5_000
SUMMARY_CHARACTERS_MAX: Final = 500
TITLE_CHARACTERS_MAX: Final = 200
MEDIA_MAX: Final = 4
MENTIONS_MAX: Final = 50
ADDRESSES_LOOKED_UP_MAX: Final = 20
POLL_OPTIONS_MIN: Final = 2
POLL_OPTIONS_MAX: Final = 8
POLL_OPTION_CHARACTERS_MAX: Final = 100
POLL_S_MIN: Final = 300
POLL_S_MAX: Final = 2_629_746
IDEMPOTENCY_KEPT_MS: Final = 3_600_000
TEXT_TYPES: Final = ("text/plain", "text/markdown")


@dataclass(frozen=True, slots=True)
class PollDraft:
    """A poll as its author asks for it; open for `expires_in_s` seconds."""

    options: Sequence[str]
    expires_in_s: int
    multiple: bool = False
    hide_totals: bool = False


@dataclass(frozen=True, slots=True)
class MediaChange:
    """An attachment's new alt text and focus, given while editing the post."""

    media_id: int
    description: str | None = None
    focus: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a member wants to post. With a title it becomes an article, and `summary` its abstract."""

    text: str
    media_type: str = "text/plain"
    visibility: str = "public"
    title: str = ""
    summary: str = ""
    sensitive: bool = False
    language: str = ""
    in_reply_to_id: int | None = None
    group_id: int | None = None  # begins a discussion in this group
    topics: Sequence[str] | None = None  # of the group; None: none, or as they are
    media_ids: Sequence[int] = ()
    media_changes: Sequence[MediaChange] = ()
    poll: PollDraft | None = None
    quoted_id: int | None = None
    quote_policy: str | None = None  # None: as the member prefers, or as it is
    app_id: int | None = None
    idempotency_key: str | None = None


class Beside(Protocol):
    """What a post of some kind is beside a post, for whoever publishes such: what its text says in full, whom it concerns,
    and the rows of its own, which are there before anybody is told."""

    def address(self, uris: Uris, post_id: int) -> str | None:
        """Its URI, and the address of its page; None for those that posts have."""

    def says(self, html: str) -> Mapping[str, Any]:
        """Columns of the post, out of its text as HTML."""

    def hashtags(self) -> Mapping[str, str]:
        """Hashtags beside those of its text, key to name."""

    def concerned(self, conn: Connection) -> Collection[int]:
        """Accounts that hear of it beside those whom the text names."""

    def differs(self, conn: Connection, row: PostRow) -> bool:
        """Whether an edit changes what is kept beside the post."""

    def put(self, conn: Connection, row: PostRow, html: str) -> None:
        """Keep it; `html` is the text alone."""


KINDS_WITH_MORE: Final = frozenset({"resource", "event", "opportunity"})
"""What a post is that cannot be edited as a post alone."""


async def create(server: Server, member: Member, draft: Draft) -> int:
    """Post; the id. With an `idempotency_key` used within the last hour, the id of the post made then.

    Raises Invalid, NotFound (the post that is answered), Forbidden, RateLimited; `fedserver.trust.Held` where it is kept
    for a moderator to look at.
    """
    check(draft)
    await find_strangers(server, draft)
    try:
        return await server.db.write(create_unit, server, member.account_id, draft)
    except trust.ToHold as found:
        await server.db.write(trust.keep, member.account_id, draft, found.why)
        raise trust.Held from found


def create_unit(
    conn: Connection,
    server: Server,
    account_id: int,
    draft: Draft,
    *,
    at_ms: int | None = None,
    beside: Beside | None = None,
    quiet: bool = False,
    vetted: bool = False,
) -> int:
    """The unit of `create`, for whoever posts as a part of something larger, or more than a post; `at_ms` dates it back.

    What is brought in from elsewhere is posted `quiet`: it is there for whoever looks for it, but nobody is mentioned or told,
    no timeline shows it, no mail and no delivery goes out. What a moderator has looked at is `vetted`: the limits of those
    who are new do not hold for it.
    """
    now = now_ms() if at_ms is None else min(at_ms, now_ms())
    if draft.idempotency_key:
        earlier = posted_before(conn, account_id, draft.idempotency_key, now)
        if earlier is not None:
            return earlier
    author = accounts.by_id(conn, account_id)
    assert author is not None
    if author.moved_to_id is not None:
        raise Forbidden("This account has moved and cannot post any more.")
    parent = _parent(conn, draft, account_id)
    target = quotes.quotable(conn, draft.quoted_id, account_id)
    post_id = new_id(now)
    private = _private_groups(conn, account_id, draft)
    rendered, named = _rendered(conn, server, draft, target, private=private, quiet=quiet)
    place = posting.place_of(
        conn,
        account_id,
        group_id=draft.group_id,
        parent=parent,
        wanted=draft.visibility,
        named=named.values(),
    )
    here_id = place.group.account_id if place else 0
    if any(one.hidden and one.id != here_id for one in named.values()):
        rendered, named = _rendered(conn, server, draft, target, private=(here_id,))
    posting.check_answer(conn, parent, draft.visibility, named.values())
    user = users.by_id(conn, account_id)
    if user is not None and not vetted and not quiet:
        trust.check(
            conn, server.config, user, draft, list(named.values()),
            answered_id=None if parent is None else parent.account_id, is_more=beside is not None,
        )  # fmt: skip
    shown_to = quotes.narrowed(_narrowed(draft.visibility, parent, place), target)
    named_ids = [named[one.uri].id for one in rendered.mentions if one.uri in named]
    if place is not None and parent is not None and parent.account_id not in (account_id, *named_ids):
        # In a forum whoever is answered hears of it, without being named in the text.
        named_ids.append(parent.account_id)
    says, address = _says(conn, draft, rendered), None
    if beside is not None:
        says, address = {**says, **beside.says(rendered.html)}, beside.address(server.uris, post_id)
        concerned = () if quiet else beside.concerned(conn)
        named_ids += [one for one in concerned if one not in (account_id, *named_ids)]
    quotes.check_mentioned(target, shown_to, account_id, named_ids)
    row = posts.insert_post(
        conn,
        post_id=post_id,
        uri=address or server.uris.post(post_id),
        url=address or server.uris.post_page(author.username, post_id),
        account_id=account_id,
        visibility=shown_to,
        **marking.of_new(author, says),
        in_reply_to_id=parent.id if parent else None,
        in_reply_to_account_id=parent.account_id if parent else None,
        in_reply_to_uri=parent.uri if parent else "",
        thread_id=parent.thread_id if parent else post_id,
        context_uri=(parent.context_uri if parent else "")
        or server.uris.context(parent.thread_id if parent else post_id),
        group_id=place.group.account_id if place else None,
        quote_uri=target.uri if target else "",
        quote_policy=_quote_policy(user, draft, shown_to),
        app_id=draft.app_id,
        local=True,
        created_at=now,
    )
    topics = posting.topic_names(conn, place.group, draft.topics) if place and draft.topics else {}
    if beside is not None:
        topics = {**beside.hashtags(), **topics}
    tags = _put_parts(conn, row, rendered, named_ids, target, draft.text, topics, new=True)
    _attach(conn, row, draft, new=True)
    if draft.poll:
        posts.put_poll(
            conn, post_id, options=[(title.strip(), 0) for title in draft.poll.options], multiple=draft.poll.multiple,
            hide_totals=draft.poll.hide_totals, expires_at=now + draft.poll.expires_in_s * 1000,
        )  # fmt: skip
        polls.plan_end(conn, post_id, now + draft.poll.expires_in_s * 1000)
    if draft.idempotency_key:
        conn.execute(
            insert(idempotency).values(
                account_id=account_id, key=draft.idempotency_key, post_id=post_id, created_at=now
            )
        )
    if target is not None:
        quotes.attach(conn, server, row, target)
    if beside is not None:
        beside.put(conn, row, rendered.html)
    search_index.add(conn, row, tags=tags, has_media=bool(draft.media_ids))
    if quiet:
        accounts.posted(conn, account_id, now)
        return post_id
    if author.mails_posts:
        email_subscriptions.posted(conn, row)
    distribute(conn, row, addresses_somebody=bool(named_ids) or target is not None)
    server.publish.post_created(conn, post_id, known=(row, author))
    if place is not None:
        posting.begun(conn, server, row, place)
    return post_id


def check_unit(conn: Connection, account_id: int, draft: Draft) -> None:
    """Raise what `create_unit` would raise now, for whoever posts later."""
    parent = _parent(conn, draft, account_id)
    target = quotes.quotable(conn, draft.quoted_id, account_id)
    place = posting.place_of(
        conn, account_id, group_id=draft.group_id, parent=parent, wanted=draft.visibility, named=()
    )
    shown_to = quotes.narrowed(_narrowed(draft.visibility, parent, place), target)
    _quote_policy(users.by_id(conn, account_id), draft, shown_to)
    _attachable(conn, account_id, draft)


async def edit(server: Server, member: Member, post_id: int, draft: Draft) -> None:
    """Change a post of one's own; what it said before is kept. Visibility and parent stay as they are.

    Raises Invalid, NotFound, Forbidden.
    """
    check(draft)
    await find_strangers(server, draft)
    await server.db.write(edit_unit, server, member.account_id, post_id, draft)


def edit_unit(
    conn: Connection,
    server: Server,
    account_id: int,
    post_id: int,
    draft: Draft,
    *,
    beside: Beside | None = None,
    quiet: bool = False,
) -> bool:
    """The unit of `edit`, for whoever changes more than a post; whether anything is different now. `quiet` as for
    `create_unit`."""
    row = own(conn, post_id, account_id)
    if row.kind in KINDS_WITH_MORE and beside is None:
        raise Conflict(f"A {row.kind} is more than its text: change it on its own page, {row.url}")
    target = quotes.quoted_by(conn, row)
    rendered, named = _rendered(conn, server, draft, target, private=(row.group_id or 0,), quiet=quiet)
    posting.check_edit(conn, row)
    parent = posts.by_id(conn, row.in_reply_to_id)
    posting.check_answer(conn, parent, row.visibility, named.values())
    user = users.by_id(conn, account_id)
    if user is not None and not quiet:
        trust.check(
            conn, server.config, user, replace(draft, visibility=row.visibility), list(named.values()),
            answered_id=row.in_reply_to_account_id, is_more=beside is not None, is_edit=True,
        )  # fmt: skip
    says = _says(conn, draft, rendered)
    if beside is not None:
        says |= beside.says(rendered.html)
    elif row.kind in keeping.KINDS_OF_ANSWERS:
        says |= keeping.answer_says(conn, row, rendered.html)
    says = marking.of_edited(row, says)
    if draft.quote_policy is not None:
        says["quote_policy"] = quotes.policy_of(draft.quote_policy, row.visibility)
    if not _says_something_new(conn, row, says, draft) and not (beside and beside.differs(conn, row)):
        return False
    keep_revision(conn, row)
    posts.change(conn, post_id, **says, edited_at=now_ms())
    named_ids = [named[one.uri].id for one in rendered.mentions if one.uri in named]
    if posting.is_in_group(row) and row.in_reply_to_account_id not in (None, account_id, *named_ids):
        named_ids.append(row.in_reply_to_account_id)
    topics = posting.topics_kept(conn, row, draft.topics)
    if beside is not None:
        topics = {**beside.hashtags(), **topics}
        concerned = () if quiet else beside.concerned(conn)
        named_ids += [one for one in concerned if one not in (account_id, *named_ids)]
    _put_parts(conn, row, rendered, named_ids, target, draft.text, topics)
    _attach(conn, row, draft)
    _change_poll(conn, row, draft.poll)
    changed = posts.by_id(conn, post_id)
    assert changed is not None
    if beside is not None:
        beside.put(conn, changed, rendered.html)
    if quiet:
        search_index.change(conn, changed)
        signal(conn, "status.update", str(post_id))
        return True
    edited(conn, changed)
    posting.edited(conn, row, changed)
    server.publish.post_updated(conn, post_id)
    return True


async def delete_post(server: Server, member: Member, post_id: int, *, media_too: bool = False) -> PostRow:
    """Delete a post of one's own for good, or undo a boost; the row as it was. Raises NotFound, Forbidden.

    Its attachments are free for another post for a day, or with `media_too` go at once.
    """
    return await server.db.write(_delete, server.publish, member.account_id, post_id, media_too)


def _delete(conn: Connection, publish: Publisher, account_id: int, post_id: int, media_too: bool) -> PostRow:
    row = own(conn, post_id, account_id)
    if row.boost_of_id is not None:
        from fedserver import interactions

        publish.boost_undone(conn, row)
        interactions.remove_boost(conn, row)
    else:
        publish.post_deleted(conn, row)
        attached = posts.media_of(conn, [row.id]).get(row.id, []) if media_too else []
        erase(conn, row)
        if attached:
            uploads.forget(conn, attached)
    return row


def own(conn: Connection, post_id: int, account_id: int) -> PostRow:
    """The author's own post. Raises NotFound for one they cannot see, Forbidden for somebody else's."""
    row = posts.by_id(conn, post_id)
    if row is None or not visibility.may_see(conn, row, account_id):
        raise NotFound
    if row.account_id != account_id:
        raise Forbidden("This post is somebody else's.")
    return row


# -- what a post sets in motion, wherever it was written


def distribute(conn: Connection, row: PostRow, *, addresses_somebody: bool = True) -> None:
    """A new post is stored with its mentions, tags, attachments and poll: show it to whom it concerns.

    Whoever knows that it has no mentions at all says that it `addresses_somebody` not.
    """
    among_members = row.visibility == "group"
    if not among_members:
        accounts.posted(conn, row.account_id, row.created_at)
    # Nobody can have answered a post of ours before it was written.
    if not row.local and posts.adopt_orphans(conn, row) and row.visibility == "direct":
        conversations.rethreaded(conn, row)
    if not among_members:
        timelines.fan_out(conn, row, own=row.local)
    if row.local and (row.visibility == "direct" or among_members):
        # Members of a group have its discussions from the group.
        timelines.put_home(conn, row.account_id, row.id)
    named = posts.mentioned(conn, [row.id]).get(row.id, []) if addresses_somebody else []
    local_ids = [one.id for one in named if not one.domain]
    for one in named:
        if (
            not one.domain
            and row.visibility == "direct"
            and relationships.is_following(conn, one.id, row.account_id)
        ):
            timelines.put_home(conn, one.id, row.id)
    heard = _tell_named(conn, row, named)
    if row.visibility == "direct":
        conversations.told(conn, row, named, heard)
    if row.visibility != "direct" and not among_members and row.in_reply_to_id is None:
        notifications.notify_of_new_post(conn, row.account_id, row.id, row.thread_id, except_for=local_ids)
    previews.attach(conn, row)
    signal(conn, "post", str(row.id))


def edited(conn: Connection, row: PostRow) -> None:
    """A post has changed: tell those who boosted it, and who is mentioned now."""
    search_index.change(conn, row)
    named = posts.mentioned(conn, [row.id]).get(row.id, [])
    heard = _tell_named(conn, row, named)
    if row.visibility == "direct":
        conversations.told(conn, row, named, heard, new=False)
    quotes.tell_of_edit(conn, row)
    for booster_id in posts.local_boosters(conn, row.id):
        notifications.notify(
            conn, booster_id, "update", row.account_id, post_id=row.id, thread_id=row.thread_id
        )
    previews.attach(conn, row)
    signal(conn, "status.update", str(row.id))


def _tell_named(conn: Connection, row: PostRow, named: Sequence[Any]) -> list[int]:
    """Tell the members whom a post names; those who see it now."""
    return [
        one.id
        for one in named
        if not one.domain
        and not one.silent
        # Whom a group does not let read it hears nothing of what it says of them.
        and (row.visibility != "group" or visibility.may_see(conn, row, one.id))
        and notifications.notify(
            conn, one.id, "mention", row.account_id, post_id=row.id, thread_id=row.thread_id
        )
    ]


def erase(conn: Connection, row: PostRow) -> None:
    """A post is gone, and so are its boosts, likes, notifications and attachments; its URI stays taken."""
    if row.visibility == "direct":
        conversations.erased(conn, row)
    signal_gone(conn, row)
    for boost in posts.boosts_of(conn, row.id):
        signal_gone(conn, boost)
        posts.remove(conn, boost)
    forget(conn, row)
    inbox.bury_posts(conn, [(row.uri, KIND_NAMES.get(row.kind, row.kind.capitalize()))])


def forget(conn: Connection, row: PostRow) -> None:
    """A post that nobody has boosted is here no more, though its author has not deleted it: nobody is told, and it may
    come again."""
    posting.gone(conn, row)
    keeping.gone(conn, row)
    events.gone(conn, row)
    opportunities.gone(conn, row)
    if not row.local:
        remote_media.forget_of_posts(conn, [row.id])
        # Files that are here came with an archive, and go as those of a member's post do.
        conn.execute(delete(media).where(media.c.post_id == row.id, media.c.store_key == ""))
    conn.execute(update(media).where(media.c.post_id == row.id).values(post_id=None, position=0))
    posts.remove(conn, row)
    posting.counted_anew(conn, row)


def keep_revision(conn: Connection, row: PostRow) -> None:
    """Remember what a post says now, before it is changed."""
    shown = [
        {
            "id": str(one.id),
            "url": one.url,
            "preview_url": one.preview_url,
            "type": one.type,
            "description": one.description,
        }
        for one in posts.media_of(conn, [row.id]).get(row.id, [])
    ]
    options = [one.title for one in posts.poll_options_of(conn, [row.id]).get(row.id, [])]
    posts.add_revision(conn, row, media_shown=shown, poll_options=options)


# -- steps


def check(draft: Draft) -> None:
    """Raise Invalid for what can be seen of the draft alone."""
    problems: dict[str, str] = {}
    if not draft.text.strip() and not draft.media_ids and draft.poll is None and draft.quoted_id is None:
        raise Invalid({}, "Validation failed: Text can't be blank")
    if character_count(draft.text) + len(draft.summary if not draft.title else "") > CHARACTERS_MAX:
        raise Invalid({}, f"Validation failed: Text character limit of {CHARACTERS_MAX} exceeded")
    if len(draft.summary) > SUMMARY_CHARACTERS_MAX:
        problems["spoiler_text"] = f"is longer than {SUMMARY_CHARACTERS_MAX} characters"
    if len(draft.title) > TITLE_CHARACTERS_MAX:
        problems["title"] = f"is longer than {TITLE_CHARACTERS_MAX} characters"
    if draft.visibility not in visibility.VISIBILITIES:
        problems["visibility"] = "must be public, unlisted, followers, members or direct"
    if draft.media_type not in TEXT_TYPES:
        problems["content_type"] = "must be text/plain or text/markdown"
    if draft.language and language_tag(draft.language) is None:
        problems["language"] = "is not a language code such as en or pt-BR"
    if len(draft.media_ids) > MEDIA_MAX:
        problems["media_ids"] = f"can be {MEDIA_MAX} at the most"
    if draft.media_ids and draft.poll:
        problems["poll"] = "cannot go together with attachments"
    if problems:
        raise Invalid(problems)
    if draft.poll:
        _check_poll(draft.poll)


def _check_poll(poll: PollDraft) -> None:
    titles = [title.strip() for title in poll.options]
    if not POLL_OPTIONS_MIN <= len(titles) <= POLL_OPTIONS_MAX:
        raise Invalid({"poll[options]": f"must be {POLL_OPTIONS_MIN} to {POLL_OPTIONS_MAX} choices"})
    if any(not title or len(title) > POLL_OPTION_CHARACTERS_MAX for title in titles):
        raise Invalid({"poll[options]": f"must each be 1 to {POLL_OPTION_CHARACTERS_MAX} characters long"})
    if len(set(titles)) != len(titles):
        raise Invalid({"poll[options]": "must differ from one another"})
    if not POLL_S_MIN <= poll.expires_in_s <= POLL_S_MAX:
        raise Invalid({"poll[expires_in]": f"must be {POLL_S_MIN} to {POLL_S_MAX} seconds"})


async def find_strangers(server: Server, draft: Draft) -> None:
    """Before the unit: look up the people mentioned whom this server has not met, so that the post can name and reach them.

    One who cannot be found stays text, as if they did not exist.
    """
    handles = _handles(draft)[:MENTIONS_MAX]
    elsewhere = [
        handle for handle in handles if handle.domain and not mentions.is_ours(server, handle.domain)
    ]
    if not elsewhere or not server.config.federates:
        return
    known = await server.db.read(mentions.known, server, elsewhere)
    for handle in elsewhere:
        if handle.key in known or not handle.domain:
            continue
        try:
            await fetch.account_by_handle(server, handle.username, handle.domain)
        except Unreachable as error:
            log.info("A mention could not be looked up: %s (%s)", handle.key, error.reason)


def _handles(draft: Draft) -> list[Handle]:
    finder = markdown.find_mentions if draft.media_type == "text/markdown" else find_mentions
    return finder(draft.text)


def _private_groups(conn: Connection, account_id: int, draft: Draft) -> Sequence[int]:
    """The private groups into which naming them may put what a member posts."""
    return groups.private_of(conn, account_id) if "@" in draft.text else ()


def _rendered(
    conn: Connection,
    server: Server,
    draft: Draft,
    target: PostRow | None,
    *,
    private: Collection[int],
    quiet: bool = False,
) -> tuple[Rendered, dict[str, AccountRow]]:
    """The text as HTML, with a line that names what it quotes; and by URI the accounts it names, of `private` groups only
    these; nobody where it is `quiet`."""
    handles = () if quiet else _handles(draft)[:MENTIONS_MAX]
    known = mentions.known(conn, server, handles, private=private) if handles else {}
    render = markdown.render_markdown if draft.media_type == "text/markdown" else plain.render_plain
    rendered = render(draft.text, mentions.targets(known), lambda name: server.uris.tag(tag_key(name)))
    rendered.html = quotes.with_fallback(rendered.html, target)
    return rendered, {row.uri: row for row in known.values()}


def _says(conn: Connection, draft: Draft, rendered: Rendered) -> dict[str, Any]:
    """The columns that hold what is said, and as what."""
    shortcodes = emoji_shortcodes(f"{draft.text} {draft.summary} {draft.title}")
    return {
        "kind": "question" if draft.poll else "article" if draft.title else "note",
        "content_html": rendered.html,
        "source_text": draft.text,
        "source_type": draft.media_type,
        "title": draft.title.strip(),
        "summary": draft.summary.strip(),
        "sensitive": draft.sensitive or (bool(draft.summary.strip()) and not draft.title),
        "language": language_tag(draft.language) or "" if draft.language else "",
        "emojis": emojis.stored(conn, shortcodes),
    }


def preview_unit(conn: Connection, server: Server, text: str) -> str:
    """What a text in Markdown would look like, as HTML; nothing is kept."""
    return _rendered(conn, server, Draft(text, "text/markdown"), None, private=())[0].html


def _quote_policy(member: UserRow | None, draft: Draft, shown_to: str) -> int:
    name = draft.quote_policy
    if name is None:
        name = "public" if member is None else member.default_quote_policy
    return quotes.policy_of(name, shown_to)


def _says_something_new(conn: Connection, row: PostRow, says: dict[str, Any], draft: Draft) -> bool:
    """Whether an edit changes anything: one that does not leaves no trace."""
    if any(getattr(row, name) != value for name, value in says.items()):
        return True
    shown = {one.id: one for one in posts.media_of(conn, [row.id]).get(row.id, [])}
    if list(shown) != list(dict.fromkeys(draft.media_ids)):
        return True
    for change in draft.media_changes:
        one = shown.get(change.media_id)
        if one is not None and (
            (
                change.description is not None
                and uploads.checked_description(change.description) != one.description
            )
            or change.focus not in (None, (one.focus_x, one.focus_y))
        ):
            return True
    return draft.poll is not None and not _is_same_poll(conn, row.id, draft.poll)


def _is_same_poll(conn: Connection, post_id: int, wanted: PollDraft) -> bool:
    known = posts.polls_of(conn, [post_id]).get(post_id)
    if known is None:
        return False
    titles = [one.title for one in posts.poll_options_of(conn, [post_id])[post_id]]
    return titles == [title.strip() for title in wanted.options] and known.multiple == wanted.multiple


def _put_parts(
    conn: Connection,
    row: PostRow,
    rendered: Rendered,
    mentioned: Sequence[int],
    target: PostRow | None,
    text: str,
    topics: Mapping[str, str],
    *,
    new: bool = False,
) -> Sequence[Any]:
    """Whom the post names, its hashtags (with the topics of its group, key to name) and collections; the rows of the
    hashtags."""
    # Who is quoted may read it, to see what for.
    silent = [target.account_id] if target is not None and target.account_id != row.account_id else []
    if not new and row.visibility in visibility.FOR_EVERYBODY:
        # Whom an earlier edition named elsewhere has the post: they hear what becomes of it.
        silent += [one.id for one in posts.mentioned(conn, [row.id]).get(row.id, ()) if one.domain]
    posts.put_mentions(conn, row.id, mentioned, silent, new=new)
    tags = posts.put_tags(
        conn, row.id, {tag_key(name): name for name in rendered.hashtags} | dict(topics), new=new
    )
    addresses = find_urls(text)[:ADDRESSES_LOOKED_UP_MAX]
    if addresses or not new:
        known = collections.by_uris(conn, addresses)
        collections.put_tagged(conn, row.id, (one.id for one in known.values()), new=new)
    return tags


def _parent(conn: Connection, draft: Draft, account_id: int) -> PostRow | None:
    if draft.in_reply_to_id is None:
        return None
    parent = posts.by_id(conn, draft.in_reply_to_id)
    if parent is not None and parent.boost_of_id is not None:
        parent = posts.by_id(conn, parent.boost_of_id)
    if parent is None or not visibility.may_see(conn, parent, account_id):
        raise NotFound("The post you are answering does not exist any more, or you may not see it.")
    if relationships.either_blocks(conn, account_id, parent.account_id):
        raise Forbidden("You cannot answer this post.")
    return parent


def _narrowed(wanted: str, parent: PostRow | None, place: Place | None) -> str:
    """An answer never reaches further than the group or the members it was said among."""
    if place is not None and parent is None:
        return place.visibility
    if parent is not None and parent.visibility in ("group", "members") and wanted != "direct":
        return str(parent.visibility)
    if wanted == "group":
        raise Invalid({"visibility": "is group only for posts in a group"})
    return wanted


def _attachable(conn: Connection, account_id: int, draft: Draft, post_id: int | None = None) -> list[int]:
    """The ids of the draft's attachments: the author's own, ready, not in use elsewhere. Raises Invalid."""
    wanted = list(dict.fromkeys(draft.media_ids))
    found = (
        {one.id: one for one in conn.execute(select(media).where(media.c.id.in_(wanted)))} if wanted else {}
    )
    for media_id in wanted:
        one = found.get(media_id)
        taken = one is not None and (one.post_id not in (None, post_id) or one.scheduled_id is not None)
        if one is None or one.account_id != account_id or taken:
            raise Invalid({"media_ids": "must be your own and not in another post"})
        if one.state != "ready":
            raise Invalid({}, "Cannot attach files that have not finished processing. Try again in a moment!")
    return wanted


def _attach(conn: Connection, row: PostRow, draft: Draft, *, new: bool = False) -> None:
    """Exactly these attachments, in this order."""
    wanted = _attachable(conn, row.account_id, draft, row.id)
    if not new:
        conn.execute(
            update(media).where(media.c.post_id == row.id, media.c.id.not_in(wanted)).values(post_id=None)
        )
    for position, media_id in enumerate(wanted):
        conn.execute(update(media).where(media.c.id == media_id).values(post_id=row.id, position=position))
    for change in draft.media_changes:
        values: dict[str, Any] = {}
        if change.description is not None:
            values["description"] = uploads.checked_description(change.description)
        if change.focus is not None:
            values["focus_x"], values["focus_y"] = change.focus
        if values and change.media_id in wanted:
            conn.execute(update(media).where(media.c.id == change.media_id).values(**values))


def _change_poll(conn: Connection, row: PostRow, wanted: PollDraft | None) -> None:
    """Votes survive an edit that leaves the choices alone."""
    known = posts.polls_of(conn, [row.id]).get(row.id)
    if wanted is None:
        if known is not None:
            posts.remove_poll(conn, row.id)
        return
    titles = [title.strip() for title in wanted.options]
    if known is not None:
        if _is_same_poll(conn, row.id, wanted):
            return
        if known.closed_at is not None:
            raise Conflict("The poll is over and cannot be changed.")
    expires_at = now_ms() + wanted.expires_in_s * 1000
    posts.put_poll(
        conn, row.id, options=[(title, 0) for title in titles], multiple=wanted.multiple, hide_totals=wanted.hide_totals,
        expires_at=expires_at,
    )  # fmt: skip
    polls.plan_end(conn, row.id, expires_at)


def posted_before(conn: Connection, account_id: int, key: str, now: int) -> int | None:
    conn.execute(delete(idempotency).where(idempotency.c.created_at < now - IDEMPOTENCY_KEPT_MS))
    found = conn.scalar(
        select(idempotency.c.post_id).where(idempotency.c.account_id == account_id, idempotency.c.key == key)
    )
    return int(found) if found is not None else None
