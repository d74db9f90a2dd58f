"""What is in the form of a post: text, pictures, poll. It keeps everything when something is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from fedserver import posts, uploads
from fedserver.errors import Invalid
from fedserver.page_cards import PostCard
from fedserver.posts import Draft, MediaChange, PollDraft
from fedserver.viewer import Member
from web import keys
from web.forms import Params

POLL_FIELDS: Final = 4
PICTURE_FIELDS: Final = posts.MEDIA_MAX
DURATIONS: Final = (
    (300, "5 minutes"), (3_600, "1 hour"), (21_600, "6 hours"), (86_400, "1 day"), (259_200, "3 days"),
    (604_800, "7 days"), (1_209_600, "14 days"), (2_592_000, "30 days"),
)  # fmt: skip

# By the names that errors have.
FIELDS: Final = {
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


def read(params: Params, known: list[Kept]) -> Written:
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


async def uploaded_before(request: web.Request, member: Member, params: Params) -> list[Kept]:
    found = []
    for media_id in params.ids("media_ids", count_max=PICTURE_FIELDS):
        row = await uploads.show(keys.server(request), member, media_id)
        found.append(Kept(row.id, row.preview_url, row.description))
    return found


async def with_uploads(request: web.Request, member: Member, params: Params, written: Written) -> Written:
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


def draft_of(written: Written) -> Draft:
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


def kept_of(card: PostCard) -> list[Kept]:
    """The attachments of a post, as its form has them."""
    return [Kept(one.id, one.preview_url, one.description) for one in card.pictures]


def around(request: web.Request, written: Written) -> dict[str, Any]:
    """What the parts of the form that are for pictures and polls need besides."""
    return {
        "written": written,
        "durations": DURATIONS,
        "characters_max": posts.CHARACTERS_MAX,
        "accepts": ",".join(uploads.accepted_types(keys.server(request))),
        "picture_fields": max(0, PICTURE_FIELDS - len(written.kept)),
        "poll_fields": max(POLL_FIELDS, len(written.options)),
    }
