"""Posts and people as pages show them: every value a template needs, and nothing to look up while it is filled in.

The names of those who are answered are the one thing a page shows that the client API does not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection

from fedserver import filters, quoted
from fedserver.config import Config
from fedserver.content.html import without_inline_quote
from fedserver.media import remote_urls
from fedserver.resources import cards as resource_cards
from fedserver.resources.cards import ResourceCard
from fedserver.timelines import Batch, Content, PollCard, PostLine, Standing
from storage import accounts
from storage.accounts import AccountRow
from storage.types import now_ms

NO_STANDING: Final = Standing()


@dataclass(frozen=True, slots=True)
class Emoji:
    """A picture that stands for ``:shortcode:``."""

    shortcode: str
    url: str
    static_url: str


@dataclass(frozen=True, slots=True)
class Person:
    """An account as a list shows it. `handle` is a name here and name@domain elsewhere; `path` is its page."""

    id: int
    handle: str
    full_handle: str
    name: str
    path: str
    uri: str
    url: str
    avatar: str
    avatar_alt: str
    emojis: tuple[Emoji, ...]
    local: bool
    bot: bool
    locked: bool
    kind: str

    @property
    def initials(self) -> str:
        """One or two letters for those who have no picture."""
        words = [word for word in self.name.split() if word[0].isalnum()] or [self.handle]
        return "".join(word[0] for word in (words[:1] if len(words) == 1 else [words[0], words[-1]])).upper()


@dataclass(frozen=True, slots=True)
class Picture:
    """An attachment. `type` is image, gifv, video, audio or unknown; `url` is "" while it is not to be had."""

    id: int
    type: str
    url: str
    preview_url: str
    remote_url: str
    description: str
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class PollChoice:
    """One choice. `percent` and `votes` are None while the result is not to be seen."""

    position: int
    title: str
    votes: int | None
    percent: int | None
    chosen: bool


@dataclass(frozen=True, slots=True)
class Poll:
    """A poll as the viewer sees it. `voters` counts people where that is known, else votes."""

    multiple: bool
    closed: bool
    closes_at: int | None
    voters: int
    voted: bool
    may_vote: bool
    choices: tuple[PollChoice, ...]


@dataclass(frozen=True, slots=True)
class LinkedPage:
    """What the page says that a post links to; texts are "" where it says nothing."""

    url: str
    title: str
    description: str
    provider: str
    language: str
    image: str
    image_alt: str


@dataclass(frozen=True, slots=True)
class QuotedCard:
    """What a post quotes, as its viewer may see it: `state` is the client API's word for how the quote stands. A card
    that `is_hidden` is of somebody the viewer blocks or mutes."""

    state: str
    card: PostCard | None

    @property
    def is_hidden(self) -> bool:
        return self.state != "accepted"


@dataclass(frozen=True, slots=True)
class PostCard:
    """A post as a page shows it. For a boost this is the post boosted, with `boosted_by` and `boost_id`.
    `mentioned` are handles as `Person.handle`; `answers` is whose post it replies to; `resource` is what there is in the
    library of it.
    """

    id: int
    uri: str
    url: str
    path: str
    author: Person
    boosted_by: Person | None
    boost_id: int | None
    kind: str
    visibility: str
    title: str
    summary: str
    sensitive: bool
    language: str
    html: str
    emojis: tuple[Emoji, ...]
    pictures: tuple[Picture, ...]
    poll: Poll | None
    preview: LinkedPage | None
    answers: Person | None
    mentioned: tuple[str, ...]
    in_reply_to_id: int | None
    is_reply: bool
    local: bool
    app_name: str
    created_at: int
    edited_at: int | None
    replies_count: int
    boosts_count: int
    likes_count: int
    standing: Standing
    mine: bool
    group_id: int | None
    quote: QuotedCard | None = None
    # Those of the viewer's filters that want a warning before it, and before its pictures.
    filtered_by: tuple[filters.Filter, ...] = ()
    blurred_by: tuple[filters.Filter, ...] = ()
    resource: ResourceCard | None = None

    @property
    def may_be_boosted(self) -> bool:
        """Whether the viewer could show it to others."""
        return self.visibility in ("public", "unlisted") or (self.mine and self.visibility == "followers")


# -- making them


def person_of(config: Config, row: AccountRow) -> Person:
    """An account's row as a page shows it."""
    local = not row.domain
    handle = row.username if local else f"{row.username}@{row.domain}"
    return Person(
        id=row.id,
        handle=handle,
        full_handle=f"{row.username}@{row.domain or config.domain}",
        name=row.display_name.strip() or row.username,
        path=f"/@{handle}",
        uri=row.uri,
        url=row.url or row.uri,
        avatar=remote_urls.avatar(config, row),
        avatar_alt=row.avatar_alt,
        emojis=emojis_of(config, row.emojis, row.uri),
        local=local,
        bot=bool(row.bot),
        locked=bool(row.locked),
        kind=row.actor_type,
    )


def emojis_of(config: Config, stored: str, owner_uri: str) -> tuple[Emoji, ...]:
    """The emojis that the row of a post or account names; those with no web address are left out."""
    return tuple(
        Emoji(
            one["shortcode"],
            remote_urls.emoji(config, owner_uri, one["shortcode"], one["url"]),
            remote_urls.emoji(config, owner_uri, one["shortcode"], one.get("static_url") or one["url"]),
        )
        for one in json.loads(stored)
        if str(one.get("url", "")).startswith(("https://", "http://"))
    )


def cards_of(
    conn: Connection, config: Config, viewer_id: int | None, batch: Batch, context: str = ""
) -> list[PostCard]:
    """The posts of a batch that was fetched with nothing held, in order: one statement more at the most, and
    one where there are resources among them.

    `context` is where they are shown, in the words of filters: those of the viewer's that apply there hide posts,
    cover them, or their pictures.
    """
    answered = {
        line.in_reply_to_account_id
        for card in batch.cards
        for line in (card.post, card.original)
        if line is not None and line.in_reply_to_account_id is not None
    }
    rows = dict(batch.profiles)
    rows |= accounts.by_ids(conn, answered - rows.keys())
    people = {account_id: person_of(config, row) for account_id, row in rows.items()}
    lines = (card.original or card.post for card in batch.cards)
    library = resource_cards.of_posts(conn, {line.id for line in lines if line.kind == "resource"})
    found = []
    for card in batch.cards:
        line = card.original or card.post
        content = batch.contents.get(line.id)
        if content is None or line.account_id not in people:
            continue  # it went between two statements
        matches = batch.filtered.get(line.id, ())
        if filters.withholds(matches, context):
            continue
        boosted = card.original is not None
        made = _card(
            config,
            line,
            content,
            people,
            viewer_id=viewer_id,
            standing=(batch.standing or {}).get(line.id, NO_STANDING),
            poll=batch.polls.get(line.id),
            preview=batch.previews.get(line.preview_id or 0),
            quote=_quote(config, line, people, batch),
            boosted_by=people.get(card.post.account_id) if boosted else None,
            boost_id=card.post.id if boosted else None,
        )
        if matches:
            made = replace(
                made,
                filtered_by=filters.warnings(matches, context),
                blurred_by=filters.blurs(matches, context),
            )
        if line.id in library:
            made = replace(made, resource=library[line.id])
        found.append(made)
    return found


def _card(
    config: Config,
    line: PostLine,
    content: Content,
    people: dict[int, Person],
    *,
    viewer_id: int | None,
    standing: Standing,
    poll: PollCard | None,
    preview: Any,
    quote: QuotedCard | None,
    boosted_by: Person | None,
    boost_id: int | None,
) -> PostCard:
    row = content.row
    author = people[line.account_id]
    mine = viewer_id == line.account_id
    return PostCard(
        id=line.id,
        uri=row.uri,
        url=row.url or row.uri,
        path=f"{author.path}/{line.id}",
        author=author,
        boosted_by=boosted_by,
        boost_id=boost_id,
        kind=line.kind,
        visibility=line.visibility,
        title=row.title,
        summary=row.summary,
        sensitive=bool(row.sensitive),
        language=row.language,
        html=row.content_html if quote is None else without_inline_quote(row.content_html),
        emojis=emojis_of(config, row.emojis, row.uri),
        pictures=tuple(_picture(config, one) for one in content.media),
        poll=_poll(poll, viewer_id=viewer_id, mine=mine) if poll else None,
        preview=None if preview is None else _linked_page(config, preview),
        answers=people.get(line.in_reply_to_account_id or 0),
        mentioned=tuple(
            f"{one.username}@{one.domain}" if one.domain else one.username for one in content.mentions
        ),
        in_reply_to_id=line.in_reply_to_id,
        is_reply=bool(row.in_reply_to_uri),
        local=bool(row.local),
        app_name=content.app.name if content.app is not None else "",
        created_at=row.created_at,
        edited_at=row.edited_at,
        replies_count=line.replies_count,
        boosts_count=line.boosts_count,
        likes_count=line.likes_count,
        standing=standing,
        mine=mine,
        group_id=row.group_id,
        quote=quote,
    )


def _quote(config: Config, line: PostLine, people: dict[int, Person], batch: Batch) -> QuotedCard | None:
    """What a post quotes; of what that one quotes in turn nothing is shown."""
    known = batch.quotes.get(line.id)
    found = None if known is None else quoted.shown(known)
    if found is None:
        return None
    inner = found.quoted
    content = None if inner is None else batch.contents.get(inner.id)
    if inner is None or content is None or inner.account_id not in people:
        return QuotedCard(found.state, None)
    card = _card(
        config,
        inner,
        content,
        people,
        viewer_id=batch.viewer_id,
        standing=NO_STANDING,
        poll=batch.polls.get(inner.id),
        preview=None,
        quote=None,
        boosted_by=None,
        boost_id=None,
    )
    return QuotedCard(found.state, replace(card, html=without_inline_quote(card.html)))


def _linked_page(config: Config, row: Any) -> LinkedPage:
    return LinkedPage(
        url=row.url,
        title=row.title,
        description=row.description,
        provider=row.provider_name or (urlsplit(row.url).hostname or ""),
        language=row.language,
        image=remote_urls.card(config, row.id, row.image_url),
        image_alt=row.image_alt,
    )


def _picture(config: Config, row: Any) -> Picture:
    url, preview_url = remote_urls.attachment(config, row)
    size = json.loads(row.meta).get("original") or {}
    return Picture(
        id=row.id,
        type=row.type if row.state == "ready" else "unknown",
        url=url,
        preview_url=preview_url or url,
        remote_url=row.remote_url,
        description=row.description,
        width=size.get("width"),
        height=size.get("height"),
    )


def _poll(poll: PollCard, *, viewer_id: int | None, mine: bool) -> Poll:
    closed = poll.closed_at is not None or (poll.expires_at is not None and poll.expires_at <= now_ms())
    voted = any(option.chosen for option in poll.options)
    shown = closed or not poll.hide_totals
    votes = sum(option.votes_count for option in poll.options)
    # Of several choices each is a share of the people, where they were counted.
    whole = (poll.voters_count or votes) if poll.multiple else votes
    return Poll(
        multiple=poll.multiple,
        closed=closed,
        closes_at=poll.expires_at or poll.closed_at,
        voters=poll.voters_count if poll.voters_count is not None else votes,
        voted=voted,
        may_vote=viewer_id is not None and not (closed or voted or mine),
        choices=tuple(
            PollChoice(
                position,
                option.title,
                option.votes_count if shown else None,
                min(100, round(100 * option.votes_count / whole))
                if shown and whole
                else 0
                if shown
                else None,
                option.chosen,
            )
            for position, option in enumerate(poll.options)
        ),
    )
