"""Posts of other servers as rows: text made safe once, parts bounded, nothing decided about who is told.

Both the inbox and `fetch` store through here; whether the document may be believed they have asked before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection

from activitypub.errors import Malformed
from activitypub.identifiers import host_of, same_origin
from activitypub.vocabulary import Attachment, Poll, Post
from fedserver import search_index, visibility
from fedserver.content import html
from fedserver.content.links import HASHTAG_CHARS_MAX, tag_key
from fedserver.content.plain import url_link
from fedserver.content.text import clean_line, clean_text, language_tag
from fedserver.events import arriving as arriving_events
from fedserver.federation import remote_quotes
from fedserver.federation.actors import as_json, emoji_rows, instant, usable_uri
from fedserver.groups.posting import Place
from fedserver.jobs.plan import plan
from fedserver.moderation import marking
from fedserver.opportunities import arriving as arriving_opportunities
from fedserver.opportunities.keeping import KIND as OPPORTUNITY
from fedserver.resources import arriving, keeping
from storage import accounts, collections, emojis, inbox, instances, posts
from storage.accounts import AccountRow
from storage.groups import GroupRow
from storage.posts import PostRow
from storage.types import new_id, now_ms

TITLE_CHARS_MAX: Final = 500
SUMMARY_CHARS_MAX: Final = 20_000
LANGUAGE_CHARS_MAX: Final = 16
MENTIONS_MAX: Final = 50  # more people in one post are a crowd, not a conversation
TAGS_MAX: Final = 40
MEDIA_MAX: Final = 16
PAGES_MAX: Final = 4
POLL_OPTIONS_MAX: Final = 100
POLL_OPTION_CHARS_MAX: Final = 500
COUNT_MAX: Final = (1 << 31) - 1  # what an integer column of PostgreSQL holds
ALT_TEXT_CHARS_MAX: Final = 10_000
BLURHASH_CHARS_MAX: Final = 200
URL_CHARS_MAX: Final = 2_000

_KINDS: Final = {
    "Note": "note",
    "ChatMessage": "note",
    "Question": "question",
    "Article": "article",
    "Page": "page",
    "Event": "event",
    "Video": "video",
    "Audio": "audio",
    "Image": "image",
    "Document": "document",
}
_SHORT_KINDS: Final = frozenset({"note", "question", *keeping.KINDS_OF_ANSWERS})
_MEDIA_FAMILIES: Final = frozenset({"image", "video", "audio"})
_FAMILY_OF_ENDING: Final = {
    **dict.fromkeys(("jpg", "jpeg", "png", "gif", "webp", "avif"), "image"),
    **dict.fromkeys(("mp4", "webm", "mov", "m4v"), "video"),
    **dict.fromkeys(("mp3", "ogg", "oga", "opus", "flac", "m4a", "wav"), "audio"),
}


class Addressing(NamedTuple):
    """Who of those we know is mentioned, and who is addressed without being named."""

    named_ids: list[int]
    silent_ids: list[int]


def insert(
    conn: Connection,
    post: Post,
    author: AccountRow,
    body: bytes,
    *,
    parent: PostRow | None,
    place: Place | None = None,
) -> PostRow:
    """Store a post that is not known yet, with its parts; the caller has it distributed. `place` is where in a group.

    `body` is the object as its origin sent it. Raises Malformed for one that cannot be kept, TooLarge for a
    text beyond every measure.
    """
    check(post, author)
    post = as_kept(conn, post, author.host)
    now = now_ms()
    created_at = min(instant(post.published) or now, now)
    post_id = new_id(created_at)
    edited_at = instant(post.updated)
    row = posts.insert_post(
        conn,
        post_id=post_id,
        uri=post.id,
        url=_page_of(post),
        account_id=author.id,
        visibility="group"
        if place is not None and place.visibility == "group"
        else str(post.visibility(author.followers_uri or None)),
        group_id=place.group.account_id if place is not None else None,
        **marking.of_new(author, texts(post)),
        in_reply_to_id=parent.id if parent else None,
        in_reply_to_account_id=parent.account_id if parent else None,
        in_reply_to_uri=_kept(post.in_reply_to),
        thread_id=parent.thread_id if parent else post_id,
        context_uri=_kept(post.context) or _kept(post.conversation) or (parent.context_uri if parent else ""),
        quote_uri=_kept(post.quote) if post.quote != post.id else "",
        quote_policy=remote_quotes.policy_of(post, author),
        local=False,
        created_at=created_at,
        edited_at=edited_at if edited_at is not None and created_at < edited_at <= now else None,
        fetched_at=now,
    )
    # In a forum whoever is answered hears of it, without being named in the text.
    answered = [parent.account_id] if place is not None and parent is not None and parent.local else []
    put_parts(conn, row.id, author.id, post, also_named=[*answered, *_written_to(conn, row, post)])
    if post.poll is not None:
        put_poll(conn, row.id, post.poll)
    if row.kind == keeping.KIND:
        arriving.put(conn, row, post)
    elif row.kind == "event":
        arriving_events.put(conn, row, post)
    elif row.kind == OPPORTUNITY:
        arriving_opportunities.put(conn, row, post)
    elif post.report is not None and row.kind in keeping.KINDS_OF_ANSWERS:
        arriving.put_report(conn, row, post.report)
    search_index.add(conn, row)
    posts.put_source(conn, row.id, body)
    remote_quotes.read(conn, row, post)
    return row


def change(conn: Connection, row: PostRow, post: Post, body: bytes) -> PostRow:
    """Store what a known post says now, `post` being `as_kept`; the caller has kept what it said before."""
    now = now_ms()
    posts.change(
        conn,
        row.id,
        url=_page_of(post),
        **marking.of_edited(row, texts(post)),
        edited_at=min(instant(post.updated) or now, now),
        fetched_at=now,
    )
    put_parts(conn, row.id, row.account_id, post, also_named=_written_to(conn, row, post), replacing=True)
    posts.put_source(conn, row.id, body)
    changed = posts.by_id(conn, row.id)
    assert changed is not None
    return changed


def _written_to(conn: Connection, row: PostRow, post: Post) -> list[int]:
    """Whom a private message is for that names nobody in its text, as Lemmy and chats write them."""
    return addressing(conn, post).silent_ids if row.visibility == "direct" and not post.mentions else []


def check(post: Post, author: AccountRow) -> None:
    """Raise Malformed unless the post may be kept as this author's."""
    if post.attributed_to != author.uri or not same_origin(post.id, author.uri):
        raise Malformed("a post that is not its author's")
    if not usable_uri(post.id) or post.id == author.uri:
        raise Malformed("a post whose id cannot be used")


def as_kept(conn: Connection, post: Post, host: str) -> Post:
    """The post without its pictures, recordings and emoji, if we take none from this host."""
    if (post.attachments or post.emojis) and instances.rules(conn, host).rejects_media:
        return msgspec.structs.replace(post, attachments=(), emojis=())
    return post


def texts(post: Post) -> dict[str, Any]:
    """The columns that hold what is said.

    On a note or question the summary is a warning, on everything else an abstract. Pages that are attached, which is how
    Lemmy posts a link, are linked below the text; what has neither shows its address.
    """
    more = arriving.kind_of(post) or arriving_opportunities.kind_of(post)
    kind = more or _KINDS.get(post.kind, "article")
    short = kind in _SHORT_KINDS
    tagged = {mention.href for mention in post.mentions} | {tag.href for tag in post.hashtags if tag.href}
    sanitise = html.sanitise if short else html.sanitise_article
    content = sanitise(post.content_html or "", tagged=tagged or None)
    title = "" if kind == "question" else clean_line(post.name or "")[:TITLE_CHARS_MAX]
    summary = clean_text(html.to_text(html.sanitise(post.summary or "")))[:SUMMARY_CHARS_MAX]
    if more == keeping.KIND:
        summary = arriving.abstract_of(post) or summary
    elif more == OPPORTUNITY:
        # What is made for those who read nothing else says again what the rest says.
        summary = arriving_opportunities.abstract_of(post)
    else:
        content += _linked_pages(post, content)
    if not content and not short:
        address = _page_of(post)
        content = f"<p>{url_link(address)}</p>"
    language = language_tag(post.language or "") or ""
    return {
        "kind": kind,
        "content_html": content,
        "title": title,
        "summary": summary,
        "sensitive": post.sensitive or (short and bool(summary)),
        "language": language if len(language) <= LANGUAGE_CHARS_MAX else "",
        "emojis": as_json(emoji_rows(post.emojis)),
    }


def _linked_pages(post: Post, content: str) -> str:
    """Links to the pages that are attached, as far as the text does not lead there and they are no files of its."""
    known = {*html.links(content), *(file.url for file in post.attachments if file.kind != "Link")}
    pages = [one.url for one in post.attachments if one.kind == "Link" and len(one.url) <= URL_CHARS_MAX]
    wanted = [one for one in dict.fromkeys(pages) if one not in known][:PAGES_MAX]
    return "".join(f"<p>{url_link(one)}</p>" for one in wanted)


def parent_of(
    conn: Connection, post: Post, author: AccountRow, *, among: GroupRow | None = None
) -> PostRow | None:
    """The known post that this one answers, if its author may see it; what is said in a group elsewhere is said `among`
    those whom that group alone knows."""
    if post.in_reply_to is None:
        return None
    parent = posts.by_uri(conn, post.in_reply_to)
    if parent is not None and parent.boost_of_id is not None:
        parent = posts.by_id(conn, parent.boost_of_id)
    if parent is not None and among is not None and parent.group_id == among.account_id:
        return parent
    return parent if parent is not None and visibility.may_see(conn, parent, author.id) else None


def put_parts(
    conn: Connection,
    post_id: int,
    author_id: int,
    post: Post,
    *,
    also_named: Sequence[int] = (),
    replacing: bool = False,
) -> None:
    """Mentions, hashtags and attachments; `replacing` those that were there."""
    addressed = addressing(conn, post)
    named_ids = list(dict.fromkeys((*addressed.named_ids, *also_named)))
    if named_ids or addressed.silent_ids or replacing:
        posts.put_mentions(
            conn,
            post_id,
            [one for one in named_ids if one != author_id],
            [one for one in addressed.silent_ids if one != author_id and one not in also_named],
            new=not replacing,
        )
    tags = {tag_key(tag.name): clean_line(tag.name) for tag in post.hashtags[:TAGS_MAX]}
    tags = {key: name for key, name in tags.items() if key and name and len(key) <= HASHTAG_CHARS_MAX}
    if tags or replacing:
        posts.put_tags(conn, post_id, tags, new=not replacing)
    if post.emojis:
        emojis.see(conn, host_of(post.id) or "", emoji_rows(post.emojis))
    if post.collections or replacing:
        _put_collections(conn, post_id, post.collections)
    kept = _media_rows(post)
    if kept or replacing:
        inbox.put_remote_media(conn, post_id, author_id, kept)


def _put_collections(conn: Connection, post_id: int, uris: Sequence[str]) -> None:
    known = collections.by_uris(conn, uris)
    collections.put_tagged(conn, post_id, (row.id for row in known.values()))
    for uri in uris:
        if uri not in known and usable_uri(uri):
            plan(conn, "fetch_tagged_collection", {"post_id": post_id, "uri": uri}, key=f"{post_id} {uri}")


def files_of(post: Post) -> list[tuple[str, str]]:
    """Address and alt text of each attachment that is kept."""
    return [(file["remote_url"], file["description"]) for file in _media_rows(post)]


def addressing(conn: Connection, post: Post) -> Addressing:
    """A mention needs the tag and the address (WIRE 7). Nobody is fetched only because a post names them."""
    addressed = set(post.to) | set(post.cc)
    named = [mention.href for mention in post.mentions if mention.href in addressed][:MENTIONS_MAX]
    others = [uri for uri in (*post.to, *post.cc) if uri not in named][:MENTIONS_MAX]
    known = accounts.by_uris(conn, [*named, *others]) if named or others else {}
    # Whoever guesses its address must not see by what a post then names that a private group is there.
    known = {uri: row for uri, row in known.items() if not row.hidden}
    return Addressing(
        [known[uri].id for uri in named if uri in known],
        [known[uri].id for uri in others if uri in known],
    )


def put_poll(conn: Connection, post_id: int, poll: Poll) -> None:
    """The choices and counts as the origin gives them."""
    posts.put_poll(
        conn,
        post_id,
        options=[(title, votes) for title, votes in _options(poll)],
        multiple=poll.multiple,
        expires_at=instant(poll.end_time),
        closed_at=_closed_at(poll),
        voters_count=_count(poll.voters_count),
    )


def count_poll(conn: Connection, post_id: int, poll: Poll) -> bool:
    """Take over counts; False when the choices themselves are others than those we know."""
    known = posts.poll_options_of(conn, [post_id]).get(post_id, [])
    options = _options(poll)
    if [one.title for one in known] != [title for title, _ in options]:
        return False
    posts.set_poll_counts(
        conn,
        post_id,
        [votes for _, votes in options],
        voters_count=_count(poll.voters_count),
        expires_at=instant(poll.end_time),
        closed_at=_closed_at(poll),
    )
    return True


def _options(poll: Poll) -> list[tuple[str, int]]:
    return [
        (clean_line(option.name)[:POLL_OPTION_CHARS_MAX], _count(option.votes) or 0)
        for option in poll.options[:POLL_OPTIONS_MAX]
    ]


def _count(said: int | None) -> int | None:
    return None if said is None else min(said, COUNT_MAX)


def _closed_at(poll: Poll) -> int | None:
    if not poll.closed:
        return None
    return instant(poll.closed_at) or now_ms()


def _page_of(post: Post) -> str:
    """The page people open: of the same origin, or a link text could lead anywhere in the author's name."""
    if post.url is not None and same_origin(post.url, post.id) and len(post.url) <= URL_CHARS_MAX:
        return post.url
    return post.id


def _kept(uri: str | None) -> str:
    return uri if uri is not None and usable_uri(uri) else ""


def _media_rows(post: Post) -> list[dict[str, Any]]:
    files = [_media_row(file) for file in post.attachments if file.kind != "Link"][:MEDIA_MAX]
    return [file for file in files if file is not None]


def _media_row(file: Attachment) -> dict[str, Any] | None:
    if len(file.url) > URL_CHARS_MAX:
        return None
    family = (file.media_type or "").partition("/")[0]
    if family not in _MEDIA_FAMILIES:
        ending = file.url.partition("?")[0].rpartition(".")[2].lower()
        family = _FAMILY_OF_ENDING.get(ending, file.kind.lower())
    focus_x, focus_y = file.focus or (0.0, 0.0)
    size = {"width": file.width, "height": file.height} if file.width and file.height else {}
    icon = file.icon.url if file.icon is not None and len(file.icon.url) <= URL_CHARS_MAX else ""
    return {
        "type": family if family in _MEDIA_FAMILIES else "unknown",
        "state": "ready",
        "media_type": file.media_type or "",
        "url": file.url,
        "preview_url": icon or (file.url if family == "image" else ""),
        "remote_url": file.url,
        "description": clean_text(file.alt or "")[:ALT_TEXT_CHARS_MAX],
        "blurhash": (file.blurhash or "")[:BLURHASH_CHARS_MAX],
        "focus_x": focus_x,
        "focus_y": focus_y,
        "meta": as_json({"original": size} if size else {}),
    }
