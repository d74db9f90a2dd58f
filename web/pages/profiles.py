"""A profile with its posts and people, and what a member can do about somebody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from fedserver import profiles, reading, relationships
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.groups import pages
from fedserver.profiles import Profile
from fedserver.reading import AccountPosts
from fedserver.resources import cards
from fedserver.viewer import Member
from web import forms, keys, replies
from web.federation import objects
from web.kept import for_strangers
from web.pages import page

Act = Callable[[Server, Member, int], Awaitable[None]]

_SHOWN: Final[dict[str, AccountPosts]] = {
    "": AccountPosts(exclude_replies=True),
    "replies": AccountPosts(),
    "media": AccountPosts(only_media=True),
}
_ACTS: Final[dict[str, Act]] = {
    "follow": relationships.follow,
    "unfollow": relationships.unfollow,
    "block": relationships.block,
    "unblock": relationships.unblock,
    "unmute": relationships.unmute,
    "remove": relationships.remove_follower,
}
MUTE_SECONDS: Final = ("0", "3600", "86400", "604800", "2592000")


@for_strangers
async def profile(request: web.Request) -> web.StreamResponse:
    """Who somebody is, and what they posted."""
    handle = request.match_info["handle"]
    if replies.wants_activity(request) and "@" not in handle:
        return await objects.profile(request, handle)
    found = await _found(request)
    server, viewer = keys.server(request), request[keys.VIEWER]
    if found.person.kind == "Group" and await pages.is_group(server, found.person.id):
        return page.go(f"/groups/{found.person.handle}")
    shown = request.match_info.get("shown", "")
    window = page.window(request)
    leaf = await reading.of_account(server, viewer, found.person.id, window, _SHOWN[shown])
    pinned = []
    if not shown and window.max_id is None and window.min_id is None:
        pinned = await reading.pinned(server, viewer, found.person.id)
    return await page.show(
        request, "profile/profile.html", profile=found, leaf=leaf, pinned=pinned, shown=shown
    )


async def shared(request: web.Request) -> web.StreamResponse:
    """What somebody put into the library."""
    found = await _found(request)
    window = page.window(request)
    listed = await cards.shared(
        keys.server(request), request[keys.VIEWER], window, account_id=found.person.id
    )
    newer, older = reading.cursors(window, [one.id for one in listed])
    return await page.show(
        request, "profile/resources.html", profile=found, listed=listed, newer=newer, older=older
    )


async def followers(request: web.Request) -> web.StreamResponse:
    """Who follows somebody."""
    found = await _found(request)
    window = page.window(request, page.PEOPLE_PER_PAGE)
    listed = await profiles.followers(keys.server(request), request[keys.VIEWER], found, window)
    return await page.show(request, "profile/followers.html", profile=found, listed=listed)


async def following(request: web.Request) -> web.StreamResponse:
    """Whom somebody follows."""
    found = await _found(request)
    window = page.window(request, page.PEOPLE_PER_PAGE)
    listed = await profiles.following(keys.server(request), request[keys.VIEWER], found, window)
    return await page.show(request, "profile/following.html", profile=found, listed=listed)


async def ask_block(request: web.Request) -> web.StreamResponse:
    """Mute or block: what each means, and the buttons."""
    page.member(request)
    found = await _found(request)
    if found.mine:
        return page.go(found.person.path)
    return await page.show(request, "profile/block.html", profile=found)


async def act(request: web.Request) -> web.StreamResponse:
    """Follow, block and so on; then back to where the button was."""
    member, found = page.member(request), await _found(request)
    params = await forms.params(request)
    await _ACTS[request.match_info["act"]](keys.server(request), member, found.person.id)
    return page.go_back(params, found.person.path)


async def mute(request: web.Request) -> web.StreamResponse:
    """Hide somebody's posts, for a time or for good."""
    member, found = page.member(request), await _found(request)
    params = await forms.params(request)
    await relationships.mute(
        keys.server(request),
        member,
        found.person.id,
        hides_notifications=params.flag("notifications"),
        duration_s=params.integer("seconds", 0, least=0, most=365 * 86_400),
    )
    return page.go_back(params, f"{found.person.path}?done=muted")


async def rss(request: web.Request) -> web.StreamResponse:
    """The address under which readers of feeds look first."""
    raise web.HTTPMovedPermanently(f"/@{request.match_info['handle']}/feed.atom")


async def _found(request: web.Request) -> Profile:
    handle = request.match_info["handle"]
    found = await profiles.by_handle(keys.server(request), request[keys.VIEWER], handle)
    if found.person.kind == "Application":
        raise NotFound
    if found.person.handle != handle and request.method == "GET":
        # One address for each page: here without our domain, with the letters as they were chosen.
        rest = request.rel_url.path.removeprefix(f"/@{handle}")
        page.divert(f"{found.person.path}{rest}")
    return found


_HANDLE: Final = "/@{handle:[^/]+}"

routes = [
    web.get("/@{handle:[^/]+}.rss", rss),
    web.get(_HANDLE, profile),
    web.get(_HANDLE + "/{shown:replies|media}", profile),
    web.get(_HANDLE + "/resources", shared),
    web.get(_HANDLE + "/followers", followers),
    web.get(_HANDLE + "/following", following),
    web.get(_HANDLE + "/block", ask_block),
    web.post(_HANDLE + "/mute", mute),
    web.post(_HANDLE + "/{act:" + "|".join(_ACTS) + "}", act),
]
