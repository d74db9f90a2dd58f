"""What may be shown among what is talked about: hashtags, pages, sites and posts, allowed or rejected; and what may be done
with a hashtag."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import reading, settings
from fedserver.errors import FedError
from fedserver.moderation import review
from fedserver.moderation.permissions import Permission
from fedserver.tags import ShownTag
from web import auth, forms, gate, keys
from web.pages import page
from web.pages.panel import frame
from web.verbs import Handler

HERE: Final = "/mod/tags"
ONE: Final = HERE + "/{id:[0-9]{1,19}}"
PER_PAGE: Final = 20
PAGES_MAX: Final = 50
TABS: Final = (
    (HERE, "Hashtags"), (f"{HERE}/links", "Links"), (f"{HERE}/sites", "Sites"), (f"{HERE}/posts", "Posts"),
    (f"{HERE}/rejected", "Rejected"), (f"{HERE}/all", "All hashtags"),
)  # fmt: skip
_NAMES: Final = {"display_name": "name"}


# -- hashtags


async def tags(request: web.Request) -> web.StreamResponse:
    """The hashtags that most people used of late."""
    found = await review.busy_tags(keys.server(request), auth.member(request), **_part(request))
    return await _show(request, "panel/tags.html", found, [_summed(one) for one in found])


async def all_tags(request: web.Request) -> web.StreamResponse:
    """Every hashtag, the newest first."""
    window = page.window(request, page.PEOPLE_PER_PAGE)
    found = await review.tags(keys.server(request), auth.member(request), window)
    newer, older = reading.cursors(window, [one.row.id for one in found])
    leaf = {"newer": newer, "older": older}
    return await _listed(request, "panel/tags.html", found=[_summed(one) for one in found], leaf=leaf)


async def tag(request: web.Request) -> web.StreamResponse:
    """One hashtag, and what may be done with it."""
    return await _tag(request)


async def change(request: web.Request) -> web.StreamResponse:
    """Change that, or in which capitals it is written."""
    params, tag_id = await forms.params(request), forms.path_id(request)
    given = {
        "name": params.text("name").strip().removeprefix("#"),
        **{name: params.flag(name) for name in ("usable", "listable", "trendable")},
    }
    try:
        await review.change_tag(
            keys.server(request),
            auth.member(request),
            tag_id,
            display_name=str(given["name"]),
            usable=bool(given["usable"]),
            listable=bool(given["listable"]),
            trendable=bool(given["trendable"]),
        )
    except page.MENDABLE as error:
        return await _tag(request, error, given)
    return page.go(f"{HERE}/{tag_id}?done=saved")


async def _tag(
    request: web.Request, error: FedError | None = None, given: dict[str, Any] | None = None
) -> web.Response:
    found = await review.tag(keys.server(request), auth.member(request), forms.path_id(request))
    row: Any = found.row
    # What nobody has decided about is shown.
    trendable = row.trendable is None or bool(row.trendable)
    kept = {"name": row.name, "usable": row.usable, "listable": row.listable, "trendable": trendable}
    context: dict[str, Any] = {"one": _summed(found), "given": given or kept}
    if error is None:
        return await frame.show(request, "panel/tag.html", **context)
    return await frame.show_again(request, "panel/tag.html", error, _NAMES, **context)


def _summed(found: ShownTag) -> tuple[Any, int, int]:
    """A hashtag, how often it was used within seven days, and by how many on the day when it was most."""
    row: Any = found.row
    return row, sum(uses for _, uses, _ in found.history), max(people for _, _, people in found.history)


def _let(trendable: bool) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        await review.change_tag(
            keys.server(request), auth.member(request), forms.path_id(request), trendable=trendable
        )
        return await _back(request, HERE, trendable)

    return handler


# -- links, sites, posts


async def links(request: web.Request) -> web.StreamResponse:
    """The pages that are linked to most."""
    found = await review.links(keys.server(request), auth.member(request), **_part(request))
    shown = [(one.preview, sum(uses for _, uses, _ in one.history), allowed) for one, allowed in found]
    return await _show(request, "panel/trending_links.html", found, shown)


async def sites(request: web.Request) -> web.StreamResponse:
    """The sites that are linked to most."""
    found = await review.publishers(keys.server(request), auth.member(request), **_part(request))
    return await _show(request, "panel/trending_sites.html", found, list(found))


async def posts(request: web.Request) -> web.StreamResponse:
    """The posts that are read most."""
    server, member = keys.server(request), auth.member(request)
    batch = await review.busy_posts(server, member, reading.NOTHING_HELD, **_part(request))
    cards = await reading.of_batch(server, member, batch)
    decided = await review.decided(server, member, "post", [str(one.id) for one in cards])
    shown = [(one, decided.get(str(one.id))) for one in cards]
    return await _show(request, "panel/trending_posts.html", batch.cards, shown)


async def rejected(request: web.Request) -> web.StreamResponse:
    """Links, sites and posts that were rejected, which are in the other lists no more."""
    server, member = keys.server(request), auth.member(request)
    found = await review.rejected(server, member, **_part(request))
    cards = await reading.some(server, member, [int(one.subject) for one in found if one.kind == "post"])
    by_id = {str(one.id): one for one in cards}
    shown = [(one, by_id.get(one.subject) if one.kind == "post" else None) for one in found]
    return await _show(request, "panel/trends_rejected.html", found, shown)


def _decide(kind: review.Kind, back: str, allowed: bool) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        if kind == "publisher":
            subject = (await forms.params(request)).text("site", chars_max=253)
        else:
            subject = str(forms.path_id(request))
        await review.decide(keys.server(request), auth.member(request), kind, subject, allowed=allowed)
        return await _back(request, back, allowed)

    return handler


# -- all of them


async def _back(request: web.Request, default: str, allowed: bool) -> web.Response:
    """To the list where it was decided, which says what was."""
    back = forms.safe_next((await forms.params(request)).text("next"), default)
    return page.go(
        f"{back}{'&' if '?' in back else '?'}done={'trend-allowed' if allowed else 'trend-rejected'}"
    )


def _number(request: web.Request) -> int:
    return forms.query(request).integer("page", 1, least=1, most=PAGES_MAX)


def _part(request: web.Request) -> dict[str, int]:
    return {"offset": (_number(request) - 1) * PER_PAGE, "limit": PER_PAGE}


async def _show(request: web.Request, template: str, read: Any, found: list[Any]) -> web.Response:
    """A list that is counted through; `read` is what it was made from."""
    number = _number(request)
    more = len(read) == PER_PAGE and number < PAGES_MAX
    return await _listed(request, template, found=found, number=number, more=more)


async def _listed(request: web.Request, template: str, **context: Any) -> web.Response:
    wanted = (await settings.current(keys.server(request))).trends
    return await frame.show(request, template, tabs=TABS, wanted=wanted, **context)


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.MANAGE_TAXONOMIES,
    web.get(HERE, tags),
    web.get(f"{HERE}/all", all_tags),
    web.get(f"{HERE}/links", links),
    web.get(f"{HERE}/sites", sites),
    web.get(f"{HERE}/posts", posts),
    web.get(f"{HERE}/rejected", rejected),
    web.get(ONE, tag),
    web.post(ONE, change),
    web.post(f"{ONE}/approve", _let(True)),
    web.post(f"{ONE}/reject", _let(False)),
    web.post(HERE + "/links/{id:[0-9]{1,19}}/approve", _decide("link", f"{HERE}/links", True)),
    web.post(HERE + "/links/{id:[0-9]{1,19}}/reject", _decide("link", f"{HERE}/links", False)),
    web.post(HERE + "/posts/{id:[0-9]{1,19}}/approve", _decide("post", f"{HERE}/posts", True)),
    web.post(HERE + "/posts/{id:[0-9]{1,19}}/reject", _decide("post", f"{HERE}/posts", False)),
    web.post(f"{HERE}/sites/approve", _decide("publisher", f"{HERE}/sites", True)),
    web.post(f"{HERE}/sites/reject", _decide("publisher", f"{HERE}/sites", False)),
)
