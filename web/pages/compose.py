"""Writing: a new post, a reply, an edit. One form for all three, which keeps everything when something is wrong."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web

from fedserver import editions, posts, reading, scheduled, uploads
from fedserver.errors import FedError, Invalid
from fedserver.page_cards import PostCard
from fedserver.posts import Draft, MediaChange, PollDraft
from fedserver.viewer import Member
from web import forms, keys
from web.forms import Params
from web.pages import page
from web.pages.posts import POST, card_of

POLL_FIELDS: Final = 4
PICTURE_FIELDS: Final = posts.MEDIA_MAX
DURATIONS: Final = (
    (300, "5 minutes"), (3_600, "1 hour"), (21_600, "6 hours"), (86_400, "1 day"), (259_200, "3 days"),
    (604_800, "7 days"), (1_209_600, "14 days"), (2_592_000, "30 days"),
)  # fmt: skip
VISIBILITIES: Final = ("public", "unlisted", "followers", "members", "direct")
# Narrowest last: a reply reaches no further than what it answers.
_REACH: Final = ("public", "unlisted", "followers", "members", "group", "direct")
_FIELDS: Final = {
    "spoiler_text": "summary",
    "media_ids": "picture-0",
    "poll": "poll-0",
    "poll[options]": "poll-0",
    "poll[expires_in]": "expires",
    "description": "picture-0",
    "status": "text",
}


@dataclass(frozen=True)
class Kept:
    """A picture that was uploaded already: in the post that is edited, or before something else was wrong."""

    id: int
    preview_url: str
    description: str


@dataclass(frozen=True)
class Written:
    """What is in the form."""

    text: str = ""
    title: str = ""
    summary: str = ""
    visibility: str = "public"
    language: str = ""
    markdown: bool = False
    sensitive: bool = False
    options: tuple[str, ...] = ()
    multiple: bool = False
    hide_totals: bool = False
    expires: int = 86_400
    kept: list[Kept] = field(default_factory=list)
    key: str = ""
    scheduled_at: str = ""  # as a browser's field for day and time has it, in the community's zone


async def ask(request: web.Request) -> web.StreamResponse:
    """The form for a new post. An address may bring a text, as share buttons do."""
    member = page.member(request)
    preferred = await editions.defaults(keys.server(request), member)
    written = Written(
        text=request.query.get("text", "")[: posts.CHARACTERS_MAX],
        visibility=preferred.visibility,
        language=preferred.language,
        sensitive=preferred.sensitive,
        key=secrets.token_urlsafe(12),
    )
    return await _show(request, written, None)


async def post(request: web.Request) -> web.StreamResponse:
    """Post it."""
    return await _post(request, None)


async def ask_reply(request: web.Request) -> web.StreamResponse:
    """The form for a reply, with those it is for."""
    member = page.member(request)
    card = await card_of(request)
    preferred = await editions.defaults(keys.server(request), member)
    handles = [card.author.handle, *card.mentioned]
    named = dict.fromkeys(handle for handle in handles if handle != member.username)
    reach = max(preferred.visibility, card.visibility, key=_REACH.index)
    written = Written(
        text="".join(f"@{handle} " for handle in named),
        summary="" if card.title else card.summary,
        visibility=reach if reach in VISIBILITIES else "members",
        language=preferred.language,
        key=secrets.token_urlsafe(12),
    )
    return await _show(request, written, card)


async def reply(request: web.Request) -> web.StreamResponse:
    """Post the reply."""
    page.member(request)
    return await _post(request, await card_of(request))


async def ask_edit(request: web.Request) -> web.StreamResponse:
    """The form with what the post says now."""
    member = page.member(request)
    card = await card_of(request)
    current = await editions.current(keys.server(request), member, card.id)
    written = Written(
        text=current.text,
        title=current.title,
        summary=current.summary,
        visibility=current.visibility,
        language=current.language,
        markdown=current.media_type == "text/markdown",
        sensitive=card.sensitive,
        options=tuple(choice.title for choice in card.poll.choices) if card.poll else (),
        multiple=bool(card.poll and card.poll.multiple),
        kept=[Kept(one.id, one.preview_url, one.description) for one in card.pictures],
    )
    return await _show(request, written, None, edited=card)


async def edit(request: web.Request) -> web.StreamResponse:
    """Change the post."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    card = await card_of(request)
    written = _read(params, [Kept(one.id, one.preview_url, one.description) for one in card.pictures])
    try:
        written = await _with_uploads(request, member, params, written)
        await posts.edit(server, member, card.id, _draft(written))
    except page.MENDABLE as error:
        return await _show_again(request, error, written, None, edited=card)
    return page.go(card.path)


async def _post(request: web.Request, answered: PostCard | None) -> web.StreamResponse:
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    written = _read(params, await _uploaded_before(request, member, params))
    try:
        written = await _with_uploads(request, member, params, written)
        draft = replace(_draft(written), in_reply_to_id=answered.id if answered else None)
        if written.scheduled_at:
            at_ms = scheduled.instant_of(written.scheduled_at, ZoneInfo(server.config.time_zone))
            await scheduled.add(server, member, draft, at_ms)
            return page.go("/scheduled?done=scheduled")
        post_id = await posts.create(server, member, draft)
    except page.MENDABLE as error:
        return await _show_again(request, error, written, answered)
    return page.go((await reading.one(server, member, post_id)).path)


def _read(params: Params, known: list[Kept]) -> Written:
    wanted = set(params.ids("media_ids")) - set(params.ids("remove_media"))
    alts = params.nested("alt")
    return Written(
        # Browsers send line ends as CRLF.
        text=params.text("text").replace("\r\n", "\n"),
        title=params.text("title"),
        summary=params.text("summary"),
        visibility=params.text("visibility", "public"),
        language=params.text("language"),
        markdown=params.text("format") == "markdown",
        sensitive=params.flag("sensitive"),
        options=tuple(option for option in params.texts("options") if option.strip()),
        multiple=params.flag("multiple"),
        hide_totals=params.flag("hide_totals"),
        expires=params.integer("expires", 86_400),
        kept=[
            Kept(one.id, one.preview_url, alts.text(str(one.id), one.description))
            for one in known
            if one.id in wanted
        ],
        key=params.text("key", chars_max=64),
        scheduled_at=params.text("scheduled_at", chars_max=64),
    )


async def _uploaded_before(request: web.Request, member: Member, params: Params) -> list[Kept]:
    found = []
    for media_id in params.ids("media_ids", count_max=PICTURE_FIELDS):
        row = await uploads.show(keys.server(request), member, media_id)
        found.append(Kept(row.id, row.preview_url, row.description))
    return found


async def _with_uploads(request: web.Request, member: Member, params: Params, written: Written) -> Written:
    """The form with the pictures that came with it, processed. `written` keeps those that were good."""
    for index in range(PICTURE_FIELDS):
        upload = params.upload(f"picture-{index}")
        if upload is None:
            continue
        if len(written.kept) >= PICTURE_FIELDS:
            raise Invalid({"picture-0": f"can be {PICTURE_FIELDS} at the most"})
        try:
            row = await uploads.attach(
                keys.server(request),
                member,
                upload.path,
                description=params.text(f"alt-{index}"),
                wait_seconds=uploads.WAIT_SECONDS,
            )
        except Invalid as error:
            raise Invalid({f"picture-{index}": str(error)}) from error
        written.kept.append(Kept(row.id, row.preview_url, row.description))
    return written


def _draft(written: Written) -> Draft:
    poll = None
    if written.options:
        poll = PollDraft(
            written.options, written.expires, multiple=written.multiple, hide_totals=written.hide_totals
        )
    return Draft(
        text=written.text,
        media_type="text/markdown" if written.markdown else "text/plain",
        visibility=written.visibility,
        title=written.title,
        summary=written.summary,
        sensitive=written.sensitive,
        language=written.language,
        media_ids=[one.id for one in written.kept],
        media_changes=[MediaChange(one.id, one.description) for one in written.kept],
        poll=poll,
        idempotency_key=f"page:{written.key}" if written.key else None,
    )


async def _show(
    request: web.Request, written: Written, answered: PostCard | None, edited: PostCard | None = None
) -> web.StreamResponse:
    return await page.show(
        request, "post/compose.html", problems={}, **_context(request, written, answered, edited)
    )


async def _show_again(
    request: web.Request,
    error: FedError,
    written: Written,
    answered: PostCard | None,
    edited: PostCard | None = None,
) -> web.StreamResponse:
    return await page.show_again(
        request, "post/compose.html", error, _FIELDS, **_context(request, written, answered, edited)
    )


def _context(
    request: web.Request, written: Written, answered: PostCard | None, edited: PostCard | None
) -> dict[str, Any]:
    return {
        "written": written,
        "answered": answered,
        "edited": edited,
        "durations": DURATIONS,
        "characters_max": posts.CHARACTERS_MAX,
        "accepts": ",".join(uploads.accepted_types(keys.server(request))),
        "picture_fields": max(0, PICTURE_FIELDS - len(written.kept)),
        "poll_fields": max(POLL_FIELDS, len(written.options)),
        "address": request.path,
        "zone": keys.server(request).config.time_zone,
    }


routes = [
    web.get("/compose", ask),
    web.post("/compose", post),
    web.get(POST + "/reply", ask_reply),
    web.post(POST + "/reply", reply),
    web.get(POST + "/edit", ask_edit),
    web.post(POST + "/edit", edit),
]
