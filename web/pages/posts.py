"""A post with its thread, what a member does with it, and its earlier versions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from fedserver import editions, interactions, page_cards, posts, reading
from fedserver.context import Server
from fedserver.errors import Conflict, Invalid, NotFound
from fedserver.groups import pages
from fedserver.page_cards import PostCard
from fedserver.viewer import Member
from web import forms, keys, replies
from web.auth import ANONYMOUS
from web.federation import objects
from web.kept import for_strangers
from web.pages import page

# Its `frame-ancestors` is what browsers go by, and not X-Frame-Options beside it (CSP 3, 6.4.2).
EMBED_CSP: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data: https:; media-src 'self' https:; base-uri 'self'; "
    "form-action 'none'; frame-ancestors *"
)
POST: Final = "/@{handle:[^/]+}/{id:[0-9]{1,19}}"

Act = Callable[[Server, Member, int], Awaitable[Any]]
_ACTS: Final[dict[str, Act]] = {
    "like": interactions.like,
    "unlike": interactions.unlike,
    "boost": interactions.boost,
    "unboost": interactions.unboost,
    "bookmark": interactions.bookmark,
    "unbookmark": interactions.unbookmark,
    "pin": interactions.pin,
    "unpin": interactions.unpin,
    "mute": interactions.mute_thread,
    "unmute": interactions.unmute_thread,
}


@for_strangers
async def thread(request: web.Request) -> web.StreamResponse:
    """A post between what it answers and what was answered."""
    if replies.wants_activity(request) and "@" not in request.match_info["handle"]:
        return await objects.post(request, request.match_info["id"])
    server, viewer = keys.server(request), request[keys.VIEWER]
    in_group = await pages.place_of(server, viewer, forms.path_id(request))
    if in_group is not None:
        return page.go(in_group)
    view = await reading.thread(server, viewer, forms.path_id(request))
    if request.match_info["handle"] != view.card.author.handle:
        return page.go(view.card.path)
    if view.card.resource is not None:
        return page.go(view.card.resource.path)
    return await page.show(request, "post/thread.html", view=view, card=view.card, indexable=view.indexable)


async def embed(request: web.Request) -> web.StreamResponse:
    """A post alone, for a frame on another site: what everybody may see, whoever is signed in."""
    view = await reading.one(keys.server(request), ANONYMOUS, forms.path_id(request))
    if view.author.handle != request.match_info["handle"] or not view.local:
        raise NotFound
    response = await page.show(request, "post/embed.html", card=view)
    response.headers["Content-Security-Policy"] = EMBED_CSP
    return response


async def history(request: web.Request) -> web.StreamResponse:
    """What a post said before it was edited."""
    card = await card_of(request)
    found = await editions.all_of(keys.server(request), request[keys.VIEWER].account_id, card.id)
    return await page.show(
        request,
        "post/history.html",
        card=card,
        editions=[
            (one, page_cards.emojis_of(keys.server(request).config, one.emojis, found.author.uri))
            for one in reversed(found.editions)
        ],
    )


async def act(request: web.Request) -> web.StreamResponse:
    """Boost, bookmark and so on; then back to where the button was."""
    member, params = page.member(request), await forms.params(request)
    card = await card_of(request)
    await _ACTS[request.match_info["act"]](keys.server(request), member, card.id)
    return page.go_back(params, card.path)


async def vote(request: web.Request) -> web.StreamResponse:
    """Vote in a poll, once."""
    member, params = page.member(request), await forms.params(request)
    card = await card_of(request)
    choices = [int(one) for one in params.texts("choices") if one.isdecimal()]
    try:
        await interactions.vote(keys.server(request), member, card.id, choices)
    except (Invalid, Conflict) as error:
        view = await reading.thread(keys.server(request), member, card.id)
        if isinstance(error, Invalid) and error.fields:
            error = Invalid({}, "Please choose an answer before you vote.")
        return await page.show_again(
            request, "post/thread.html", error, view=view, card=view.card, indexable=False
        )
    return page.go_back(params, card.path)


async def ask_delete(request: web.Request) -> web.StreamResponse:
    """Make sure that deleting is meant."""
    card = await _own(request)
    return await page.show(request, "post/delete.html", card=card)


async def delete(request: web.Request) -> web.StreamResponse:
    """Delete a post for good."""
    server, member, card = keys.server(request), page.member(request), await _own(request)
    in_group = await pages.place_of(server, member, card.id)
    await posts.delete_post(server, member, card.id)
    if in_group is not None:
        thread, _, below = in_group.partition("?")
        return page.go(f"{thread if below else thread.rpartition('/')[0]}?done=deleted")
    return page.go("/home?done=deleted")


async def card_of(request: web.Request) -> PostCard:
    """The post that the address names. Raises NotFound."""
    card = await reading.one(keys.server(request), request[keys.VIEWER], forms.path_id(request))
    if card.author.handle != request.match_info["handle"]:
        raise NotFound
    return card


async def _own(request: web.Request) -> PostCard:
    page.member(request)
    card = await card_of(request)
    if not card.mine:
        page.divert(card.path)
    return card


routes = [
    web.get(POST, thread),
    web.get(POST + "/embed", embed),
    web.get(POST + "/history", history),
    web.get(POST + "/delete", ask_delete),
    web.post(POST + "/delete", delete),
    web.post(POST + "/vote", vote),
    web.post(POST + "/{act:" + "|".join(_ACTS) + "}", act),
]
