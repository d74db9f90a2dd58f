"""Our rows as ActivityPub documents: actors, posts and collections, built with one query per kind of row.

Nothing here decides who may read a document: `web/federation` asks `fedserver.visibility` first, `publish`
sends to those who are addressed.
"""

# Long because every document of ours is built from the same rows in one place.

from __future__ import annotations

import html
import json
import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, func, select

from activitypub.audience import Visibility, addressing
from activitypub.builders import activity, actor, note
from activitypub.errors import ProtocolError
from activitypub.identifiers import ActorUris, Uris
from activitypub.names import PUBLIC
from activitypub.values import format_time, parse_json
from fedserver.content.html import excerpt
from fedserver.errors import NotFound
from fedserver.events import leaving as events
from fedserver.events.keeping import KIND as EVENT
from fedserver.events.leaving import Outgoing as OutgoingEvent
from fedserver.opportunities import leaving as opportunities
from fedserver.opportunities.keeping import KIND as OPPORTUNITY
from fedserver.opportunities.leaving import Outgoing as OutgoingOpportunity
from fedserver.resources import keeping, leaving
from fedserver.resources.leaving import Outgoing
from storage import (
    accounts,
    collections,
    groups,
    interactions,
    kept_out,
    posts,
    quotes,
    resources,
    tags,
)
from storage.accounts import AccountRow
from storage.groups import GroupRow
from storage.posts import PostRow
from storage.tables import account, follow, post
from storage.tables.archives import NAMES_DOMAIN

Document = dict[str, Any]

PAGE_ITEMS: Final = 40
REPLIES_INLINE: Final = 5
FEATURED_MAX: Final = 50
ABSTRACT_CHARS: Final = 500
OPEN: Final = ("public", "unlisted")
LEAVES: Final = frozenset({"public", "unlisted", "followers", "direct", "group"})
"""Visibilities of what other servers may get. `members` stays here; `group` is for those of the group's members who are
elsewhere, of which a private group has none."""
_IN_GROUP: Final = (*OPEN, "group")


@dataclass(frozen=True)
class _Parts:
    """Everything about some posts, by post id or account id, from one query each."""

    authors: dict[int, AccountRow]
    mentions: dict[int, list[Row[Any]]]
    tags: dict[int, list[Row[Any]]]
    media: dict[int, list[Row[Any]]]
    polls: dict[int, Row[Any]]
    options: dict[int, list[Row[Any]]]
    quotes: dict[int, Row[Any]]
    collections: dict[int, list[Any]]
    resources: dict[int, Outgoing]
    reports: dict[int, Mapping[str, Any]]
    events: dict[int, OutgoingEvent]
    opportunities: dict[int, OutgoingOpportunity]


@dataclass(frozen=True)
class Documents:
    """Builds documents for the server at `uris`, whose handles end in `domain`."""

    uris: Uris
    domain: str

    # --- actors

    def actor_uris(self, row: AccountRow) -> ActorUris:
        """All addresses of a local account's actor."""
        named = self.uris.parse(row.uri)
        if named is not None and named.kind == "group":
            return self.uris.group_uris(row.username)
        if named is not None and named.kind == "instance_actor":
            return self.uris.instance_uris()
        return self.uris.actor_uris(row.username)

    def actor_document(self, conn: Connection, account_id: int) -> Document:
        """The actor of a local account. NotFound when there is none, or it has been deleted."""
        row = accounts.by_id(conn, account_id)
        if row is None or row.domain or row.deleted_at is not None:
            raise NotFound
        keys = {key.algorithm: key.public_key for key in accounts.keys_of(conn, account_id)}
        moved_to = accounts.by_id(conn, row.moved_to_id) if row.moved_to_id is not None else None
        fields = actor.ActorFields(
            kind=row.actor_type,
            uris=self.actor_uris(row),
            username=row.username,
            handle_host=self.domain,
            public_key_pem=keys.get("rsa", ""),
            ed25519_multibase=keys.get("ed25519"),
            name=row.display_name or row.username,
            summary_html=row.note_html,
            published=_moment(row.created_at),
            icon=self._picture(row.avatar_url, row.avatar_alt),
            image=self._picture(row.header_url, row.header_alt),
            fields=[
                actor.ProfileField(name=one["name"], value_html=one["value"])
                for one in json.loads(row.fields)
            ],
            emojis=self._emojis(row.emojis),
            also_known_as=json.loads(row.also_known_as),
            moved_to=None if moved_to is None else moved_to.uri,
            manually_approves_followers=row.locked,
            discoverable=row.discoverable,
            indexable=row.indexable,
            show_media=row.show_media,
            show_media_replies=row.show_media_replies,
            show_featured=row.show_featured,
            attribution_domains=json.loads(row.attribution_domains),
            can_feature=self._can_feature(row),
            memorial=row.memorial,
            suspended=row.suspended_at is not None,
            group=_group_fields(groups.by_id(conn, account_id)) if row.actor_type == "Group" else None,
            resources=self.actor_uris(row).library if row.actor_type == "Application" else None,
            directory=self.actor_uris(row).directory if row.actor_type == "Application" else None,
            upcoming_events=self.actor_uris(row).upcoming_events if self.lists_events(conn, row) else None,
        )
        if fields.suspended:  # that there is somebody, with no word or picture of theirs
            fields = replace(
                fields, name=row.username, summary_html="", icon=None, image=None, fields=(), emojis=(),
                also_known_as=(), attribution_domains=(),
            )  # fmt: skip
        return actor.instance_actor(fields) if row.actor_type == "Application" else actor.actor(fields)

    def lists_events(self, conn: Connection, row: AccountRow) -> bool:
        """Whether what is to come is listed (FEP-8a8e): of this server, and of a group here that anybody may read."""
        group = groups.by_id(conn, row.id) if row.actor_type == "Group" else None
        return row.actor_type == "Application" or (group is not None and group.access == "public")

    def _can_feature(self, row: AccountRow) -> list[str]:
        """Who may put a member into a collection, as `fedserver.collections.policy_of` decides it."""
        if not row.discoverable:
            return [row.uri]
        return [self.actor_uris(row).followers if row.locked else PUBLIC]

    # --- posts

    def post_document(self, conn: Connection, post_id: int) -> Document:
        """A local post as an object; a boost as its Announce. NotFound when there is none."""
        row = posts.by_id(conn, post_id)
        if row is None or not row.local:
            raise NotFound
        return self.post_documents(conn, [row])[0]

    def post_documents(self, conn: Connection, rows: Sequence[PostRow]) -> list[Document]:
        """Objects of local posts, in the same order, and an Announce for each boost."""
        plain = [row for row in rows if row.boost_of_id is None]
        parts = self._parts(conn, plain)
        announces = self._announces(conn, [row for row in rows if row.boost_of_id is not None])
        return [
            announces[row.id] if row.boost_of_id is not None else self._object(row, parts) for row in rows
        ]

    def create_document(self, row: PostRow, document: Document) -> Document:
        """The Create around a post's object."""
        return activity.create(self.uris.create(row.id), document)

    def addresses(self, conn: Connection, row: PostRow) -> tuple[list[str], list[str]]:
        """`to` and `cc` of a local post that is no boost."""
        return self._addresses(row, self._parts(conn, [row]))

    def _parts(self, conn: Connection, rows: Sequence[PostRow]) -> _Parts:
        ids = [row.id for row in rows]
        questions = [row.id for row in rows if row.kind == "question"]
        people = {row.account_id for row in rows}
        people |= {row.in_reply_to_account_id for row in rows} | {row.group_id for row in rows}
        authors = accounts.by_ids(conn, people - {None})
        return _Parts(
            authors=authors,
            mentions=_who_can_be_told(posts.mentioned(conn, ids)),
            tags=posts.tags_of(conn, ids),
            media=posts.media_of(conn, ids),
            polls=posts.polls_of(conn, questions),
            options=posts.poll_options_of(conn, questions),
            quotes=quotes.of_posts(conn, [row.id for row in rows if row.quote_uri]),
            collections=collections.shown_with(conn, ids),
            resources=leaving.resources_of(
                conn, self.uris, [row for row in rows if row.kind == keeping.KIND]
            ),
            reports=leaving.reports_of(conn, [row for row in rows if row.kind in keeping.KINDS_OF_ANSWERS]),
            events=events.events_of(conn, self.uris, [row for row in rows if row.kind == EVENT], authors),
            opportunities=opportunities.opportunities_of(
                conn, [row for row in rows if row.kind == OPPORTUNITY]
            ),
        )

    def _addresses(self, row: PostRow, parts: _Parts) -> tuple[list[str], list[str]]:
        author = parts.authors[row.account_id]
        followers = self.actor_uris(author).followers
        mentioned = [one.uri for one in parts.mentions.get(row.id, ())]
        parent = parts.authors.get(row.in_reply_to_account_id)
        if parent is not None and parent.domain == NAMES_DOMAIN:
            parent = None
        if parent is not None and parent.id != row.account_id and row.visibility in OPEN:
            # WIRE 10: replies are addressed to the parent's author, or a group never sees them.
            mentioned.append(parent.uri)
        group = parts.authors.get(row.group_id)
        if row.visibility == "group":
            return self._among_members(group), [uri for uri in mentioned if uri != author.uri]
        if row.visibility == "members":
            return [], []  # it goes nowhere, but its author takes it along
        to, cc = addressing(
            Visibility(row.visibility), followers, [uri for uri in mentioned if uri != author.uri]
        )
        if group is not None and row.visibility in OPEN:
            to, cc = ([group.uri, *to], cc) if row.in_reply_to_id is None else (to, [group.uri, *cc])
        return list(dict.fromkeys(to)), list(dict.fromkeys(cc))

    def _among_members(self, group: AccountRow | None) -> list[str]:
        """Whom a post goes to that only the members of its group see."""
        if group is None:
            return []
        return [group.uri, group.followers_uri if group.domain else self.actor_uris(group).followers]

    def _object(self, row: PostRow, parts: _Parts) -> Document:
        author = parts.authors[row.account_id]
        to, cc = self._addresses(row, parts)
        group = parts.authors.get(row.group_id) if row.visibility in _IN_GROUP else None
        titled = row.kind not in ("note", "question") and bool(row.title)
        resource, event = parts.resources.get(row.id), parts.events.get(row.id)
        opportunity = parts.opportunities.get(row.id)
        more: Outgoing | OutgoingEvent | OutgoingOpportunity | None = resource or event or opportunity
        named = [one for one in parts.mentions.get(row.id, ()) if not one.silent]
        # A group is always a mention, so that answers written elsewhere are addressed to it (Lemmy#2218).
        if group is not None and all(one.uri != group.uri for one in named):
            named.append(group)
        fields = note.PostFields(
            uri=row.uri,
            url=row.url,
            attributed_to=author.uri,
            to=to,
            cc=cc,
            published=_instant(row.created_at),
            updated=_moment(row.edited_at),
            content_html=row.content_html,
            name=row.title or None if titled or row.kind == "question" else None,
            summary=more.summary_html if more else _abstract(row) if titled else row.summary or None,
            language=row.language or None,
            source_markdown=row.source_text
            if row.source_type == "text/markdown" and row.source_text
            else None,
            sensitive=row.sensitive,
            in_reply_to=row.in_reply_to_uri or None,
            audience=None if group is None else group.uri,
            mentions=[(one.uri, f"@{one.username}@{one.domain or self.domain}") for one in named],
            hashtags=[(tag.name, self.uris.tag(tag.key)) for tag in parts.tags.get(row.id, ())],
            collections=[(one.uri, one.name) for one, _ in parts.collections.get(row.id, ())],
            emojis=self._emojis(row.emojis),
            attachments=[
                *(more.links if more else ()),
                *(self._attachment(one) for one in parts.media.get(row.id, ())),
            ],
            context=row.context_uri or None,
            replies=self.uris.replies(row.id),
            likes=self.uris.likes(row.id),
            shares=self.uris.shares(row.id),
            quote=row.quote_uri or None,
            quote_authorization=_authorization(parts.quotes.get(row.id)),
            can_quote=self._quoters(row.quote_policy, author),
            resource=resource.document if resource else parts.reports.get(row.id, {}),
            event=event.document if event else {},
            opportunity=opportunity.document if opportunity else {},
        )
        poll = parts.polls.get(row.id)
        if poll is not None:
            return note.question(fields, _poll(poll, parts.options.get(row.id, ())))
        if event is not None:
            return note.event(fields)
        if titled:
            return note.page(fields) if row.kind in ("page", keeping.KIND) else note.article(fields)
        return note.note(fields)

    def _quoters(self, policy: int, author: AccountRow) -> list[str]:
        """Who may quote a post at once, as addresses. For members that is all they can choose."""
        if policy & quotes.Policy.PUBLIC:
            return [PUBLIC]
        return [self.actor_uris(author).followers] if policy & quotes.Policy.FOLLOWERS else []

    def stamp(self, conn: Connection, quote: Row[Any]) -> Document | None:
        """A member's consent to be quoted (FEP-044f); None when it is not given, or either post is gone."""
        rows = posts.by_ids(conn, {quote.post_id, quote.quoted_id} - {None})
        quoting, quoted = rows.get(quote.post_id), rows.get(quote.quoted_id)
        author = accounts.by_id(conn, quote.quoted_account_id) if quoted is not None else None
        if quoting is None or quoted is None or author is None or author.domain:
            return None
        if quote.state != quotes.ACCEPTED or not quote.stamp_uri:
            return None
        return note.stamp(
            quote.stamp_uri, author=author.uri, quoting_post=quoting.uri, quoted_post=quoted.uri
        )

    def _announces(self, conn: Connection, rows: Sequence[PostRow]) -> dict[int, Document]:
        if not rows:
            return {}
        boosted = posts.by_ids(conn, [row.boost_of_id for row in rows])
        people = accounts.by_ids(
            conn, {row.account_id for row in rows} | {one.account_id for one in boosted.values()}
        )
        return {
            row.id: self.announce_document(
                row,
                people[row.account_id],
                boosted[row.boost_of_id],
                people[boosted[row.boost_of_id].account_id],
            )
            for row in rows
            if row.boost_of_id in boosted
        }

    def announce_document(
        self, row: PostRow, booster: AccountRow, boosted: PostRow, author: AccountRow
    ) -> Document:
        """The Announce of a boost."""
        followers = self.actor_uris(booster).followers
        closed = row.visibility not in LEAVES or row.visibility == "group"
        wanted = Visibility.FOLLOWERS if closed else Visibility(row.visibility)
        to, cc = addressing(wanted, followers, [author.uri] if author.id != booster.id else [])
        return activity.announce(
            row.uri, actor=booster.uri, post=boosted.uri, published=_instant(row.created_at), to=to, cc=cc
        )

    def _attachment(self, one: Row[Any]) -> note.FileAttachment:
        size = json.loads(one.meta).get("original", {})
        return note.FileAttachment(
            url=self._absolute(one.url or one.remote_url),
            media_type=one.media_type or _media_type(one.url, "application/octet-stream"),
            alt=one.description or None,
            width=size.get("width"),
            height=size.get("height"),
            blurhash=one.blurhash or None,
            focus=(one.focus_x, one.focus_y) if one.type == "image" else None,
            icon=None if one.type == "image" else self._picture(one.preview_url, ""),
        )

    def _picture(self, url: str, alt: str) -> actor.Media | None:
        if not url:
            return None
        return actor.Media(url=self._absolute(url), media_type=_media_type(url, "image/png"), alt=alt or None)

    def emoji_document(self, row: Row[Any]) -> Document:
        """A custom emoji of ours."""
        return actor.emoji(self._emoji(row.shortcode, row.url, _moment(row.updated_at)))

    def _emojis(self, stored: str) -> list[actor.EmojiTag]:
        return [self._emoji(one["shortcode"], one["url"]) for one in json.loads(stored)]

    def _emoji(self, shortcode: str, url: str, updated: datetime | None = None) -> actor.EmojiTag:
        return actor.EmojiTag(
            shortcode=shortcode,
            uri=self.uris.emoji(shortcode),
            icon=actor.Media(url=self._absolute(url), media_type=_media_type(url, "image/png")),
            updated=updated,
        )

    def _absolute(self, url: str) -> str:
        return f"{self.uris.origin}{url}" if url.startswith("/") else url

    # --- collections of an account

    def outbox(
        self, conn: Connection, row: AccountRow, *, page: bool = False, max_id: int | None = None
    ) -> Document:
        """Public Creates and Announces, newest first; the collection itself, or a page of it."""
        uri = self.actor_uris(row).outbox
        shown = (post.c.account_id == row.id, post.c.visibility.in_(OPEN), post.c.deleted_at.is_(None))
        if not page:
            total = conn.scalar(select(func.count()).select_from(post).where(*shown)) or 0
            return activity.collection(uri, total=total, first=f"{uri}?page=true")
        query = select(post).where(*shown).order_by(post.c.id.desc()).limit(PAGE_ITEMS)
        if max_id is not None:
            query = query.where(post.c.id < max_id)
        rows = list(conn.execute(query))
        items = [
            document if one.boost_of_id is not None else self.create_document(one, document)
            for one, document in zip(rows, self.post_documents(conn, rows), strict=True)
        ]
        return _page(uri, items, [one.id for one in rows], max_id)

    def library(
        self, conn: Connection, *, page: bool = False, before: int | None = None, max_id: int | None = None
    ) -> Document:
        """The public resources of this server, those first that were changed last; the collection itself, or the page of
        those changed `before` an instant (and with a lower id, if just then)."""
        owner = self.uris.instance_uris()
        uri = owner.library
        if not page:
            total = resources.count_in_library(conn)
            return activity.collection(uri, total=total, first=f"{uri}?page=true", attributed_to=owner.id)
        found = resources.library(conn, before, max_id, limit=PAGE_ITEMS + 1)
        items = [one.post for one in found[:PAGE_ITEMS]]
        last = found[PAGE_ITEMS - 1] if len(found) > PAGE_ITEMS else None
        here = "" if before is None else f"&before={before}&max_id={max_id}"
        return activity.collection_page(
            f"{uri}?page=true{here}",
            part_of=uri,
            # Readers refuse documents beyond a measure, which some forty whole resources reach.
            items=[
                {
                    "type": "Page",
                    "id": one.uri,
                    "updated": format_time(_instant(one.edited_at or one.created_at)),
                }
                for one in items
            ],
            next_page=f"{uri}?page=true&before={last.changed_at}&max_id={last.post.id}" if last else None,
        )

    def followers(
        self, conn: Connection, row: AccountRow, *, page: bool = False, max_id: int | None = None
    ) -> Document:
        """Who follows the account; only how many if its member hides them."""
        return self._follows(conn, row, "followers", page=page, max_id=max_id)

    def following(
        self, conn: Connection, row: AccountRow, *, page: bool = False, max_id: int | None = None
    ) -> Document:
        """Whom the account follows; only how many if its member hides them."""
        return self._follows(conn, row, "following", page=page, max_id=max_id)

    def _follows(
        self,
        conn: Connection,
        row: AccountRow,
        which: Literal["followers", "following"],
        *,
        page: bool,
        max_id: int | None,
    ) -> Document:
        uris = self.actor_uris(row)
        uri = uris.followers if which == "followers" else uris.following
        mine, other = (
            (follow.c.target_id, follow.c.account_id)
            if which == "followers"
            else (follow.c.account_id, follow.c.target_id)
        )
        total = row.followers_count if which == "followers" else row.following_count
        group = groups.by_id(conn, row.id) if row.actor_type == "Group" else None
        hides = row.hides_follows or (group is not None and group.access != "public")
        if hides or not page:
            first = None if hides else f"{uri}?page=true"
            return activity.collection(uri, total=total, first=first)
        query = (
            select(follow.c.id, account.c.uri)
            .join_from(follow, account, account.c.id == other)
            .where(mine == row.id, follow.c.accepted, account.c.hidden.is_(False))
            .order_by(follow.c.id.desc())
            .limit(PAGE_ITEMS)
        )
        if max_id is not None:
            query = query.where(follow.c.id < max_id)
        rows = list(conn.execute(query))
        return _page(uri, [one.uri for one in rows], [one.id for one in rows], max_id, total=total)

    def featured(self, conn: Connection, row: AccountRow) -> Document:
        """Pinned posts as complete objects, which Mastodon reads without asking again. What people of other servers
        wrote, as it can be in a group, is there as they sent it."""
        ids = interactions.pinned(conn, row.id)[:FEATURED_MAX]
        found = posts.by_ids(conn, ids)
        authors = accounts.by_ids(conn, {one.account_id for one in found.values()})
        shown = [
            found[one]
            for one in ids
            if one in found
            and found[one].visibility in OPEN
            and authors[found[one].account_id].suspended_at is None
        ]
        local = [one for one in shown if one.local]
        documents = dict(zip((one.id for one in local), self.post_documents(conn, local), strict=True))
        for one in shown:
            sent = None if one.local else _as_sent(posts.source(conn, one.id))
            if sent is not None:
                documents[one.id] = sent
        items = [documents[one.id] for one in shown if one.id in documents]
        return activity.collection(self.actor_uris(row).featured, total=len(items), items=items)

    def moderators(self, conn: Connection, row: AccountRow) -> Document:
        """Who moderates a group (FEP-1b12). NotFound for other actors."""
        if row.actor_type != "Group":
            raise NotFound
        uri = self.actor_uris(row).moderators
        items = [one.uri for one in groups.staff(conn, row.id)]
        return activity.collection(uri, total=len(items), items=items, attributed_to=row.uri)

    def featured_tags(self, conn: Connection, row: AccountRow) -> Document:
        """Hashtags on the profile."""
        items = [
            {"type": "Hashtag", "name": f"#{one.name}", "href": self.uris.tag(one.key)}
            for one in tags.featured(conn, row.id)
        ]
        return activity.collection(self.actor_uris(row).featured_tags, total=len(items), items=items)

    # --- collections of a post

    def replies(
        self, conn: Connection, post_id: int, *, min_id: int | None = None, page: bool = False
    ) -> Document:
        """Ids of open answers written here: the first few inline, the rest by pages, oldest first."""
        uri = self.uris.replies(post_id)
        limit = PAGE_ITEMS if page else REPLIES_INLINE
        query = (
            select(post.c.id, post.c.uri)
            .join(account, account.c.id == post.c.account_id)
            .where(
                post.c.in_reply_to_id == post_id,
                post.c.visibility.in_(OPEN),
                post.c.local,
                post.c.deleted_at.is_(None),
                kept_out.shows(),
            )
            .order_by(post.c.id)
            .limit(limit + 1)
        )
        if min_id is not None:
            query = query.where(post.c.id > min_id)
        rows = list(conn.execute(query))
        shown = rows[:limit]
        following = f"{uri}?page=true&min_id={shown[-1].id}" if len(rows) > limit else None
        if not page:
            return activity.replies(uri, items=[one.uri for one in shown], next_page=following)
        here = f"{uri}?page=true" + (f"&min_id={min_id}" if min_id is not None else "")
        return activity.collection_page(
            here, part_of=uri, items=[one.uri for one in shown], next_page=following
        )

    def context(
        self, conn: Connection, thread_id: int, *, page: bool = False, min_id: int | None = None
    ) -> Document:
        """The open posts of a thread that began here, oldest first (FEP-f228). NotFound for other threads."""
        root = posts.by_id(conn, thread_id)
        if root is None or not root.local or root.visibility not in OPEN:
            raise NotFound
        uri = self.uris.context(thread_id)
        shown = (
            post.c.thread_id == thread_id,
            post.c.visibility.in_(OPEN),
            post.c.deleted_at.is_(None),
            post.c.boost_of_id.is_(None),
            kept_out.shows(),
        )
        written = post.join(account, account.c.id == post.c.account_id)
        if not page:
            owner = accounts.by_id(conn, root.group_id or root.account_id)
            total = conn.scalar(select(func.count()).select_from(written).where(*shown)) or 0
            return activity.collection(
                uri, total=total, first=f"{uri}?page=1", attributed_to=None if owner is None else owner.uri
            )
        query = select(post.c.id, post.c.uri).select_from(written).where(*shown)
        query = query.order_by(post.c.id).limit(PAGE_ITEMS + 1)
        if min_id is not None:
            query = query.where(post.c.id > min_id)
        rows = list(conn.execute(query))
        items = rows[:PAGE_ITEMS]
        following = f"{uri}?page=1&min_id={items[-1].id}" if len(rows) > PAGE_ITEMS else None
        here = f"{uri}?page=1" + (f"&min_id={min_id}" if min_id is not None else "")
        return activity.collection_page(
            here, part_of=uri, items=[one.uri for one in items], next_page=following
        )

    def likes(self, row: PostRow) -> Document:
        """How many like the post; who they are is theirs to tell."""
        return activity.collection(self.uris.likes(row.id), total=row.likes_count)

    def shares(self, row: PostRow) -> Document:
        """How many boosted the post."""
        return activity.collection(self.uris.shares(row.id), total=row.boosts_count)


def moment_of(milliseconds: int) -> datetime:
    """An instant of ours as an aware datetime."""
    return _instant(milliseconds)


def _who_can_be_told(mentions: dict[int, list[Any]]) -> dict[int, list[Any]]:
    """Mentions without the names in archives, of whom no other server has heard."""
    return {
        post_id: [one for one in rows if one.domain != NAMES_DOMAIN] for post_id, rows in mentions.items()
    }


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else _instant(milliseconds)


def _authorization(quote: Row[Any] | None) -> str | None:
    return quote.stamp_uri or None if quote is not None and quote.state == quotes.ACCEPTED else None


def _as_sent(body: bytes | None) -> Document | None:
    """The object in what another server sent: a post, or an activity about one."""
    try:
        document = parse_json(body or b"")
    except ProtocolError:
        return None
    inner = document.get("object")
    return inner if "actor" in document and isinstance(inner, dict) else document


def _group_fields(group: GroupRow | None) -> actor.GroupFields:
    if group is None:
        return actor.GroupFields()
    return actor.GroupFields(
        description=excerpt(group.note_html, 200) or None,
        posting_restricted_to_mods=group.posting == "moderators",
        members_only=group.access != "public",
        downvotes=group.allows_downvotes,
        language=group.language or None,
    )


def _abstract(row: PostRow) -> str:
    """What stands above a titled text elsewhere: its summary, or else how it begins. HTML."""
    text = row.summary or excerpt(row.content_html, ABSTRACT_CHARS) or row.title
    return f"<p>{html.escape(text, quote=False)}</p>"


def _poll(row: Row[Any], options: Iterable[Row[Any]]) -> note.Poll:
    hidden = row.hide_totals and row.closed_at is None
    return note.Poll(
        options=[(one.title, 0 if hidden else one.votes_count) for one in options],
        multiple=row.multiple,
        end_time=_moment(row.expires_at),
        voters_count=row.voters_count or 0,
        closed_at=_moment(row.closed_at),
    )


def _media_type(url: str, otherwise: str) -> str:
    return mimetypes.guess_type(urlsplit(url).path)[0] or otherwise


def _page(
    uri: str,
    items: Sequence[str | Document],
    ids: Sequence[int],
    max_id: int | None,
    *,
    total: int | None = None,
) -> Document:
    here = f"{uri}?page=true" + (f"&max_id={max_id}" if max_id is not None else "")
    following = f"{uri}?page=true&max_id={ids[-1]}" if len(ids) == PAGE_ITEMS else None
    return activity.collection_page(here, part_of=uri, items=items, next_page=following, total=total)
