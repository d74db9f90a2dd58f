"""Rows become JSON, a list at a time and never by a query for each item.

The part of a post or account that is the same for all is made once for each version and kept as bytes
(`fedserver.rendered`); counts, poll, author and what the viewer did are spliced in. A list is a join of bytes.
"""

# Long because whatever is shown of accounts and posts is made from the same rows in one place.

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from html import escape
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web
from msgspec import UNSET, Raw

from activitypub.identifiers import Uris
from fedserver import filters, oembed, quoted
from fedserver.collections import Collection as ShownCollection
from fedserver.collections import feature_approval
from fedserver.content.formulas import as_tex
from fedserver.context import Server
from fedserver.filters import Match, words_of
from fedserver.media import remote_urls
from fedserver.rendered import Shelf
from fedserver.timelines import (
    KINDS_WITH_POLL,
    AccountLine,
    Batch,
    Card,
    Content,
    PollCard,
    PostLine,
    Standing,
    now_ms,
)
from web.api.entities import (
    AccountBody,
    Application,
    Collection,
    CollectionItem,
    CustomEmoji,
    FeatureApproval,
    Field,
    Filter,
    FilterResult,
    MediaAttachment,
    Mention,
    Poll,
    PollOption,
    PreviewCard,
    PreviewCardAuthor,
    StatusBody,
    StatusItem,
    StatusTag,
    StatusThread,
)

VISIBILITY_SHOWN: Final = {
    "public": "public",
    "unlisted": "unlisted",
    "followers": "private",
    "members": "private",
    "group": "private",
    "direct": "direct",
}
ITEMS: Final = frozenset({"resource", "event", "opportunity"})
AVATAR: Final = "avatar.png"
HEADER: Final = "header.png"
DAY_MS: Final = 86_400_000
MADE_MAX: Final = 3_000  # about 3 kB each

_Key = TypeVar("_Key")
_encode: Final = msgspec.json.Encoder().encode
_UNKNOWN_STANDING: Final = Standing()


def instant(at_ms: int) -> str:
    """``2026-11-21T20:54:43.979Z``: three decimals and a Z, because some clients read nothing else."""
    seconds, ms = divmod(at_ms, 1000)
    return f"{_second(seconds)}.{ms:03d}Z"


@lru_cache(4096)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def maybe_instant(at_ms: int | None) -> str | None:
    """The same, or None."""
    return None if at_ms is None else instant(at_ms)


@lru_cache(4096)
def _day(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%d")


def date(at_ms: int) -> str:
    """``2026-11-21``."""
    return _day(at_ms // DAY_MS)


def joined(parts: Iterable[bytes]) -> bytes:
    """A JSON array of things that are JSON already."""
    return b"[" + b",".join(parts) + b"]"


class Renderer:
    """Makes entities for one application. Everything here is synchronous: the rows have been fetched."""

    def __init__(self, server: Server, avatar_url: str, header_url: str) -> None:
        self._config = server.config
        self._uris = server.uris
        self._avatar_url = avatar_url
        self._header_url = header_url
        self.shelf = Shelf()
        self._made: dict[tuple[PostLine, AccountLine], bytes] = {}

    # -- accounts

    def account(self, row: Any, *, moved: Any = None, more: bytes = b"") -> bytes:
        """An account of its full row; `more` are further members of the object, each after a comma."""
        body = self.shelf.account(row.id, row.version)
        if body is None:
            body = self._make_account(row)
        if moved is not None:
            more += b',"moved":' + self.account(moved)
        return body + _account_tail(row, more) + b"}"

    def _make_account(self, row: Any) -> bytes:
        body = _encode(self.account_body(row))[:-1]
        self.shelf.put_account(row.id, row.version, body)
        return body

    def account_body(self, row: Any) -> AccountBody:
        """What an account shows to everybody; nothing but the name when it has been suspended."""
        suspended = row.suspended_at is not None
        avatar = (not suspended and remote_urls.avatar(self._config, row)) or self._avatar_url
        header = (not suspended and remote_urls.header(self._config, row)) or self._header_url
        return AccountBody(
            id=str(row.id),
            username=row.username,
            acct=acct(row),
            url=row.url or row.uri,
            uri=row.uri,
            display_name="" if suspended else row.display_name,
            note="" if suspended else row.note_html,
            avatar=avatar,
            avatar_static=avatar,
            avatar_description="" if suspended else row.avatar_alt,
            header=header,
            header_static=header,
            header_description="" if suspended else row.header_alt,
            locked=bool(row.locked),
            fields=[] if suspended else fields(row),
            emojis=[] if suspended else self.emojis(row.emojis, row.uri),
            bot=bool(row.bot) or row.actor_type in ("Service", "Application"),
            group=row.actor_type == "Group",
            discoverable=bool(row.discoverable),
            indexable=bool(row.indexable),
            noindex=not row.indexable,
            created_at=instant(row.created_at // DAY_MS * DAY_MS),
            hide_collections=bool(row.hides_follows),
            memorial=True if row.memorial else UNSET,
            show_media=bool(row.show_media),
            show_media_replies=bool(row.show_media_replies),
            show_featured=bool(row.show_featured),
            feature_approval=FeatureApproval(*feature_approval(row)),
            email_subscriptions=bool(row.mails_posts) if self._config.email_subscriptions else UNSET,
        )

    def _author(self, line: AccountLine, batch: Batch) -> bytes:
        body = batch.account_bodies.get(line.id)
        if body is None:
            body = self.shelf.account(line.id, line.version) or self._make_account(batch.profiles[line.id])
        moved = batch.moved.get(line.moved_to_id) if line.moved_to_id is not None else None
        more = b"" if moved is None else b',"moved":' + self.account(moved)
        return body + _account_tail(line, more) + b"}"

    def emojis(self, stored: str, owner_uri: str) -> list[CustomEmoji]:
        """The custom emoji that come with a text of the post or account with this id."""
        if stored == "[]":
            return []
        return [
            CustomEmoji(
                one["shortcode"],
                remote_urls.emoji(self._config, owner_uri, one["shortcode"], one["url"]),
                remote_urls.emoji(
                    self._config, owner_uri, one["shortcode"], one.get("static_url") or one["url"]
                ),
            )
            for one in json.loads(stored)
        ]

    def attachment(self, row: Any) -> MediaAttachment:
        """A row of the media table."""
        ready = row.state == "ready"
        url, preview_url = remote_urls.attachment(self._config, row)
        meta = json.loads(row.meta) if row.meta else {}
        if ready and row.type != "audio":
            meta["focus"] = {"x": float(row.focus_x), "y": float(row.focus_y)}
        return MediaAttachment(
            id=str(row.id),
            type=row.type,
            url=url or None if ready else None,
            # Of a sound without a cover there is none; what is no picture may still stand for itself.
            preview_url=(preview_url or (url if row.type != "audio" else "") or None) if ready else None,
            remote_url=row.remote_url or None,
            preview_remote_url=row.preview_url or None if row.remote_url else None,
            meta=meta if ready else None,
            description=row.description or None,
            blurhash=row.blurhash or None,
        )

    def line(self, line: AccountLine, batch: Batch) -> bytes:
        """An account of its line, out of a batch."""
        return self._author(line, batch)

    def collection(self, found: ShownCollection) -> Collection:
        """A collection with those of its items that are shown."""
        return collection_entity(found, self._uris)

    # -- posts

    def statuses(self, batch: Batch) -> bytes:
        """The JSON array of a batch."""
        return self.array(batch.cards, batch)

    def array(self, cards: Sequence[Card], batch: Batch) -> bytes:
        """The JSON array of some cards of a batch."""
        return joined(self.status(card, batch) for card in cards)

    def status(self, card: Card, batch: Batch, *, more: bytes = b"", rewriting: bool = False) -> bytes:
        """One status; `more` are further members of the object, each after a comma. An author who is `rewriting`
        it is told what it quotes however that stands."""
        usual = not more and _is_usual(card, batch)
        if usual and card.usual is not None:
            return card.usual
        reblog = b"null"
        if card.original is not None and card.original_author is not None:
            reblog = self._status(card.original, card.original_author, batch, b"null", b"")
        made = self._status(
            card.post, card.author, batch, reblog, more, of=card.original, rewriting=rewriting
        )
        if usual and _is_same_for_all(card, batch):
            card.usual = made
        return made

    def _status(
        self,
        line: PostLine,
        author: AccountLine,
        batch: Batch,
        reblog: bytes,
        more: bytes,
        *,
        of: PostLine | None = None,
        is_quoted: bool = False,
        rewriting: bool = False,
    ) -> bytes:
        standing = batch.standing
        shown = of or line
        marks = b""
        if standing is not None:
            marks = _marks(standing.get(shown.id, _UNKNOWN_STANDING), batch.filtered.get(line.id))
        marks += _approval_of(shown.quote_policy, quoted.approval(shown, batch))
        plain = of is None and _is_plain(line, author, batch)
        if plain:
            known = self._made.get((line, author))
            if known is not None:
                return b"%b%b%b}" % (known, marks, more)
        quote = self.quote(line, batch, is_quoted=is_quoted, rewriting=rewriting)
        made = self._status_text(line, author, batch, reblog, of, quote)
        if plain:
            _keep(self._made, (line, author), made)
        return b"%b%b%b}" % (made, marks, more)

    def quote(
        self, line: PostLine, batch: Batch, *, is_quoted: bool = False, rewriting: bool = False
    ) -> bytes:
        """What a post quotes, as its viewer may see it; of a post that `is_quoted` itself no more than the id."""
        card = batch.quotes.get(line.id) if line.quote_uri else None
        quote = None if card is None else quoted.shown(card, rewriting=rewriting)
        if card is None or quote is None:
            return b"null"
        inner, author = quote.quoted, card.quoted_author
        if is_quoted:
            return b'{"state":"%b","quoted_status_id":%b}' % (
                quote.state.encode(),
                _quoted(None if inner is None else inner.id),
            )
        status = b"null"
        if inner is not None and author is not None:
            status = self._status(inner, author, batch, b"null", b"", is_quoted=True)
        return b'{"state":"%b","quoted_status":%b}' % (quote.state.encode(), status)

    def _status_text(
        self,
        line: PostLine,
        author: AccountLine,
        batch: Batch,
        reblog: bytes,
        of: PostLine | None,
        quote: bytes = b"null",
    ) -> bytes:
        """Everything but what the viewer did with it, and the end."""
        made = batch.post_bodies.get(line.id) or self.shelf.post(line.id, line.version)
        body = made.body if made is not None else self._make_status(line, batch.contents[line.id])
        # A boost shows the counts, and the viewer's marks, of what it boosts.
        shown = of or line
        poll = batch.polls.get(line.id)
        known = batch.standing is not None
        tail = (
            b',"account":%b,"in_reply_to_id":%b,"in_reply_to_account_id":%b,"replies_count":%d,"reblogs_count":%d,"favourites_count":%d,"quotes_count":%d,"quote":%b,"reblog":%b,"poll":%b,"card":%b'
            % (
                self._author(author, batch),
                _quoted(line.in_reply_to_id),
                _quoted(line.in_reply_to_account_id),
                shown.replies_count,
                shown.boosts_count,
                shown.likes_count,
                shown.quotes_count,
                quote,
                reblog,
                b"null" if poll is None else _encode(poll_entity(line.id, poll, known)),
                b"null" if line.preview_id is None else self.card(line.preview_id, batch),
            )
        )
        return body + tail

    def card(self, preview_id: int, batch: Batch) -> bytes:
        """What the page that a post links to says about itself; null when it is known no more."""
        body = batch.preview_bodies.get(preview_id) or self.shelf.preview(preview_id)
        if body is not None:
            return body
        row, writer = batch.previews.get(preview_id), batch.writers.get(preview_id)
        if row is None:
            return b"null"
        body = _encode(self.preview_card(row, writer))
        if writer is None:
            self.shelf.put_preview(preview_id, body)
        return body

    def preview_card(self, row: Any, writer: Any = None) -> PreviewCard:
        """A row of the preview table; `writer` is the account of who wrote the page."""
        image = remote_urls.card(self._config, row.id, row.image_url) or None
        authors = []
        if writer is not None or row.author_name:
            authors = [
                PreviewCardAuthor(
                    name=row.author_name or writer.display_name or writer.username,
                    url=row.author_url or ("" if writer is None else writer.url),
                    account=None if writer is None else Raw(self.account(writer)),
                )
            ]
        return PreviewCard(
            url=row.url,
            title=row.title,
            description=row.description,
            language=row.language or None,
            type=row.type,
            authors=authors,
            author_name=row.author_name,
            author_url=row.author_url,
            provider_name=row.provider_name,
            provider_url=row.provider_url,
            html=oembed.frame(row.player_url, row.width, row.height) if row.type == "video" else "",
            width=row.width,
            height=row.height,
            image=image,
            image_description=row.image_alt,
            embed_url=(image or "") if row.type == "photo" else "",
            blurhash=None,
            published_at=maybe_instant(row.published_at),
        )

    def _make_status(self, line: PostLine, content: Content) -> bytes:
        body = _encode(self.status_body(content))[:-1]
        self.shelf.put_post(line.id, line.version, body, words_of(content))
        return body

    def status_body(self, content: Content) -> StatusBody:
        """What a post shows to everybody."""
        row = content.row
        return StatusBody(
            id=str(row.id),
            uri=row.uri,
            url=row.url or row.uri,
            created_at=instant(row.created_at),
            edited_at=maybe_instant(row.edited_at),
            content=content_html(row.title, row.content_html),
            visibility=VISIBILITY_SHOWN[row.visibility],  # type: ignore[arg-type]
            sensitive=bool(row.sensitive),
            # With a title the summary is an abstract, unless it says what is sensitive.
            spoiler_text=row.summary if row.sensitive or not row.title else "",
            language=row.language or None,
            media_attachments=[self.attachment(one) for one in content.media],
            mentions=[Mention(str(one.id), one.username, one.url, acct(one)) for one in content.mentions],
            tags=[StatusTag(one.name, self._uris.tag(one.key)) for one in content.tags],
            tagged_collections=[self.collection(ShownCollection(*one)) for one in content.collections],
            emojis=self.emojis(row.emojis, row.uri),
            application=UNSET
            if content.app is None
            else Application(content.app.name, content.app.website or None),
            thread=UNSET if row.group_id is None or row.thread_title is None else _thread_of(row),
            item=StatusItem(row.kind, str(row.id), row.url or row.uri) if row.kind in ITEMS else UNSET,
        )


def _is_usual(card: Card, batch: Batch) -> bool:
    """Whether a member is looking who did not write what is shown, nor do anything with it, nor filters it."""
    shown = card.original or card.post
    standing, filtered = batch.standing, batch.filtered
    return (
        standing is not None
        and shown.id not in standing
        and shown.account_id != batch.viewer_id
        and not (filtered and (shown.id in filtered or card.post.id in filtered))
    )


def _is_same_for_all(card: Card, batch: Batch) -> bool:
    """Whether a card shows the same to all those members, as long as it is the same."""
    original, author = card.original, card.original_author
    return (
        _is_plain(card.post, card.author, batch)
        and (original is None or author is None or _is_plain(original, author, batch))
        and not quoted.depends_on_ties(original or card.post)
    )


def _is_plain(line: PostLine, author: AccountLine, batch: Batch) -> bool:
    """Without a poll, a quote or a move nothing else is looked at, and the same lines make the same text."""
    return (
        line.kind not in KINDS_WITH_POLL
        and not line.quote_uri
        and author.moved_to_id is None
        and line.preview_id not in batch.writers
    )


def _keep(kept: dict[_Key, bytes], key: _Key, made: bytes) -> None:
    if len(kept) >= MADE_MAX:
        kept.clear()
    kept[key] = made


RENDERER: Final[web.AppKey[Renderer]] = web.AppKey("renderer", Renderer)


def renderer(request: web.Request) -> Renderer:
    """The renderer of this application."""
    return request.app[RENDERER]


# -- parts


def acct(row: Any) -> str:
    """``name`` here, ``name@domain`` elsewhere."""
    return f"{row.username}@{row.domain}" if row.domain else str(row.username)


def fields(row: Any, *, source: bool = False) -> list[Field]:
    """The rows of a profile, as shown or as typed."""
    return [
        Field(
            one.get("name", ""),
            (one.get("source") or "") if source else one.get("value", ""),
            maybe_instant(one.get("verified_at")),
        )
        for one in json.loads(row.fields)
    ]


def collection_entity(found: ShownCollection, uris: Uris) -> Collection:
    """A collection with those of its items that are shown."""
    row, items = found.row, found.items
    return Collection(
        id=str(row.id),
        account_id=str(row.account_id),
        uri=row.uri,
        url=row.url or row.uri,
        name=row.name,
        description=row.description,
        language=row.language or None,
        local=bool(row.local),
        sensitive=bool(row.sensitive),
        discoverable=bool(row.discoverable),
        tag=None if row.tag_key is None else StatusTag(row.tag_name, uris.tag(row.tag_key)),
        created_at=instant(row.created_at),
        updated_at=instant(row.updated_at),
        item_count=len(items),
        items=[collection_item(one) for one in items],
    )


def collection_item(row: Any) -> CollectionItem:
    """Somebody in a collection; not named once they have refused or left."""
    return CollectionItem(
        id=str(row.id),
        state=row.state,
        created_at=instant(row.created_at),
        account_id=str(row.account_id) if row.state in ("pending", "accepted") else UNSET,
    )


def _thread_of(row: Any) -> StatusThread:
    return StatusThread(
        id=str(row.thread_id),
        group_id=str(row.group_id),
        title=row.thread_title,
        locked=row.thread_locked_at is not None,
        answered=row.thread_answer_id is not None,
    )


def content_html(title: str, html: str) -> str:
    """The text with its title, for clients that know no titles, and its formulas as TeX."""
    html = as_tex(html)
    return f"<p><strong>{escape(title, quote=False)}</strong></p>{html}" if title else html


@lru_cache(2_000)
def filter_results(matches: tuple[Match, ...]) -> bytes:
    """``Status.filtered``: what of the viewer's filters a post matches."""
    return _encode(
        [
            FilterResult(
                filter=filter_entity(one.filter),
                keyword_matches=list(one.keywords) or None,
                status_matches=[str(post_id) for post_id in one.post_ids] or None,
            )
            for one in matches
        ]
    )


def filter_entity(found: filters.Filter) -> Filter:
    """A filter without what is in it."""
    return Filter(
        id=str(found.id),
        title=found.title,
        context=list(found.contexts),
        expires_at=maybe_instant(found.expires_at),
        filter_action=found.action,  # type: ignore[arg-type]
    )


def poll_entity(post_id: int, poll: PollCard, known: bool) -> Poll:
    """A poll; `known` says whether somebody who could vote is looking."""
    expired = poll.closed_at is not None or (poll.expires_at is not None and poll.expires_at <= now_ms())
    hidden = poll.hide_totals and not expired
    votes = sum(option.votes_count for option in poll.options)
    chosen = [position for position, option in enumerate(poll.options) if option.chosen]
    return Poll(
        id=str(post_id),
        expires_at=maybe_instant(poll.expires_at),
        expired=expired,
        multiple=poll.multiple,
        votes_count=votes,
        voters_count=poll.voters_count,
        options=[PollOption(one.title, None if hidden else one.votes_count) for one in poll.options],
        voted=bool(chosen) if known else UNSET,
        own_votes=chosen if known else UNSET,
    )


def _quoted(row_id: int | None) -> bytes:
    return b"null" if row_id is None else b'"%d"' % row_id


def _account_tail(line: Any, more: bytes) -> bytes:
    last = b"null" if line.last_posted_at is None else b'"%b"' % date(line.last_posted_at).encode()
    if line.suspended_at is not None:
        more = b',"suspended":true' + more
    if line.limited_at is not None:
        more = b',"limited":true' + more
    return b',"followers_count":%d,"following_count":%d,"statuses_count":%d,"last_status_at":%b%b' % (
        line.followers_count,
        line.following_count,
        line.posts_count,
        last,
        more,
    )


_BOOL: Final = (b"false", b"true")


def _marks(standing: Standing, matches: tuple[Match, ...] | None) -> bytes:
    if matches is not None:
        return _marks_of(standing, filter_results(matches))
    return _NO_MARKS if standing is _UNKNOWN_STANDING else _marks_of(standing)


def _marks_of(standing: Standing, filtered: bytes = b"[]") -> bytes:
    return b',"favourited":%b,"reblogged":%b,"muted":%b,"bookmarked":%b,"pinned":%b,"filtered":%b' % (
        _BOOL[standing.liked],
        _BOOL[standing.boosted],
        _BOOL[standing.muted],
        _BOOL[standing.bookmarked],
        _BOOL[standing.pinned],
        filtered,
    )


_NO_MARKS: Final = _marks_of(_UNKNOWN_STANDING)


@lru_cache(256)
def _approval_of(policy: int, current: quoted.Approval) -> bytes:
    return b',"quote_approval":' + _encode({**quoted.words(policy), "current_user": current})
