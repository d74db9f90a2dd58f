"""Filters that members make: what they look for, where, what they do with what they find, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web

from fedserver import filters, reading
from fedserver.errors import Invalid
from fedserver.filters import CONTEXTS, Filter, FilterChange
from fedserver.reading import cursors
from fedserver.timelines import now_ms
from web import forms, keys
from web.pages import page
from web.params import Params

HERE: Final = "/settings/filters"
_ONE: Final = HERE + "/{id:[0-9]{1,19}}"
KEPT: Final = "kept"
NAMES: Final = {"context": "contexts", "filter_action": "action", "keyword": "whole", "keywords": "whole"}


@dataclass(frozen=True, slots=True)
class Written:
    """The form as it is filled in. `whole` and `parts` have keywords, one per line, that are looked for as whole words
    or within longer ones too. `expires` is a number of seconds, "" for never, or `KEPT`; a `day` counts before it.
    """

    title: str = ""
    whole: str = ""
    parts: str = ""
    contexts: tuple[str, ...] = CONTEXTS
    action: str = "warn"
    expires: str = ""
    day: str = ""

    @classmethod
    def sent(cls, params: Params) -> Written:
        """As it was sent."""
        return cls(
            title=params.text("title"),
            whole=params.text("whole"),
            parts=params.text("parts"),
            contexts=tuple(params.texts("contexts")),
            action=params.text("action"),
            expires=params.text("expires"),
            day=params.text("day"),
        )

    @classmethod
    def of(cls, found: Filter) -> Written:
        """For changing a filter there is."""
        lines = [(" ".join(one.keyword.split()), one.whole_word) for one in found.keywords]
        return cls(
            title=found.title,
            whole="\n".join(text for text, whole in lines if whole),
            parts="\n".join(text for text, whole in lines if not whole),
            contexts=found.contexts,
            action=found.action,
            expires=KEPT if found.expires_at else "",
        )


async def own(request: web.Request) -> web.StreamResponse:
    """The member's filters."""
    found = await filters.listed(keys.server(request), page.member(request))
    most = filters.FILTERS_MAX
    return await page.show(request, "settings/filters.html", found=found, now=now_ms(), most=most)


async def ask(request: web.Request) -> web.StreamResponse:
    """The form for a new one."""
    page.member(request)
    return await page.show(request, "settings/filter.html", problems={}, **_form(request, Written()))


async def create(request: web.Request) -> web.StreamResponse:
    """Make a filter."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    written = Written.sent(params)
    try:
        await filters.create(server, member, _wanted(written, _zone(request)))
    except page.MENDABLE as error:
        return await page.show_again(request, "settings/filter.html", error, NAMES, **_form(request, written))
    return page.go(f"{HERE}?done=filter-made")


async def show(request: web.Request) -> web.StreamResponse:
    """A filter, to change or to delete it, and the posts it names."""
    found = await filters.one(keys.server(request), page.member(request), forms.path_id(request))
    context = await _context(request, found, Written.of(found))
    return await page.show(request, "settings/filter.html", problems={}, **context)


async def change(request: web.Request) -> web.StreamResponse:
    """Change a filter."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    found = await filters.one(server, member, forms.path_id(request))
    written = Written.sent(params)
    try:
        wanted = _wanted(written, _zone(request), names_posts=bool(found.posts))
        await filters.change(server, member, found.id, wanted)
    except page.MENDABLE as error:
        context = await _context(request, found, written)
        return await page.show_again(request, "settings/filter.html", error, NAMES, **context)
    return page.go(f"{HERE}?done=saved")


async def remove(request: web.Request) -> web.StreamResponse:
    """Delete a filter."""
    await filters.remove(keys.server(request), page.member(request), forms.path_id(request))
    return page.go(f"{HERE}?done=filter-removed")


async def let_out(request: web.Request) -> web.StreamResponse:
    """Have a filter name a post no longer."""
    server, member = keys.server(request), page.member(request)
    named = await filters.filtered_post(server, member, forms.path_id(request))
    await filters.remove_post(server, member, named.id)
    return page.go(f"{HERE}/{named.filter_id}?done=filter-lets-out")


# -- what is asked


def _wanted(written: Written, zone: ZoneInfo, *, names_posts: bool = False) -> FilterChange:
    """What the form asks for. Raises Invalid with all that is wrong at once."""
    problems: dict[str, str] = {}
    words: list[tuple[str, bool]] = []
    for name, lines, whole in (("whole", written.whole, True), ("parts", written.parts, False)):
        found = [" ".join(line.split()) for line in lines.splitlines() if line.strip()]
        words += [(text, whole) for text in found]
        long = next((text for text in found if len(text) > filters.KEYWORD_CHARACTERS_MAX), None)
        if long is not None:
            most = filters.KEYWORD_CHARACTERS_MAX
            problems[name] = f"has a line of more than {most} characters, which begins with “{long[:40]}”"
    if not words and not names_posts:
        problems["whole"] = "has nothing to look for: write a word here or below"
    expires_at = None
    try:
        expires_at = _ends_at(written, zone)
    except Invalid as error:
        problems |= error.fields
    wanted = FilterChange(
        title=written.title,
        contexts=written.contexts,
        action=written.action,
        sets_expiry=bool(written.day) or written.expires != KEPT,
        expires_at=expires_at,
        words=words,
    )
    try:
        filters.check(wanted)
    except Invalid as error:
        problems |= error.fields
    if "context" in problems:
        problems["context"] = "needs a tick: choose where the filter applies"
    if problems:
        raise Invalid(problems)
    return wanted


def _ends_at(written: Written, zone: ZoneInfo) -> int | None:
    """When the filter ends by what was chosen now. Raises Invalid."""
    now = now_ms()
    if written.day:
        try:
            end = datetime.combine(date.fromisoformat(written.day) + timedelta(days=1), time.min, zone)
            ends_at = int(end.timestamp() * 1000)
        except (ValueError, OverflowError) as error:
            raise Invalid({"day": "is not a day such as 2026-12-05"}) from error
        if not now < ends_at <= now + filters.EXPIRY_SECONDS_MAX * 1000:
            raise Invalid({"day": "must be today or later, and within a hundred years"})
        return ends_at
    if written.expires == KEPT:
        return None
    seconds = Params({"expires": written.expires}).integer(
        "expires", least=1, most=filters.EXPIRY_SECONDS_MAX
    )
    return None if seconds is None else now + seconds * 1000


# -- what is shown


def _form(request: web.Request, given: Written, found: Filter | None = None) -> dict[str, Any]:
    zone = _zone(request)
    ends = ""
    if found is not None and found.expires_at:
        ends = f"{datetime.fromtimestamp(found.expires_at / 1000, zone):%-d %b %Y, %H:%M}"
    return {"given": given, "found": found, "ends": ends, "zone": zone.key, "now": now_ms()}


async def _context(request: web.Request, found: Filter, given: Written) -> dict[str, Any]:
    """The form with the posts that the filter names, the last one named first."""
    window = page.window(request)
    rows = found.posts[::-1]
    if window.min_id is not None:
        rows = [one for one in rows if one.id > window.min_id][-window.limit :]
    elif window.max_id is not None:
        rows = [one for one in rows if one.id < window.max_id]
    rows = rows[: window.limit]
    newer, older = cursors(window, [one.id for one in rows])
    cards = await reading.some(keys.server(request), page.member(request), [one.post_id for one in rows])
    shown = {card.boost_id or card.id: card for card in cards}
    return {
        **_form(request, given, found),
        "named": [(one.id, shown.get(one.post_id)) for one in rows],
        "leaf": {"newer": newer, "older": older},
    }


def _zone(request: web.Request) -> ZoneInfo:
    return ZoneInfo(request[keys.SETTINGS].time_zone)


routes: Final[list[web.RouteDef]] = [
    web.get(HERE, own),
    web.post(HERE, create),
    web.get(HERE + "/new", ask),
    web.get(_ONE, show),
    web.post(_ONE, change),
    web.post(_ONE + "/remove", remove),
    web.post(HERE + "/posts/{id:[0-9]{1,19}}/remove", let_out),
]
