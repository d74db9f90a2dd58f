"""Atom feeds of public groups: their threads, and the posts of one thread."""

from __future__ import annotations

from aiohttp import web

from fedserver.errors import NotFound
from fedserver.groups import page_lists, pages
from web import auth, forms, keys
from web.pages import feeds
from web.pages.feeds import Head
from web.pages.groups.catalogue import GROUP
from web.pages.groups.threads import THREAD


async def of_group(request: web.Request) -> web.StreamResponse:
    """The threads of a public group, the newest first; whoever asks."""
    server = keys.server(request)
    view = await pages.show(server, auth.ANONYMOUS, request.match_info["name"])
    if not view.readable:
        raise NotFound
    cards = await page_lists.newest_threads(server, view, feeds.ENTRIES_MAX)
    head = Head(view.card.uri, view.card.name, view.card.description, view.card.path, view.created_at)
    return feeds.answer(request, head, cards)


async def of_thread(request: web.Request) -> web.StreamResponse:
    """The posts of a thread in a public group, the newest first; whoever asks."""
    server = keys.server(request)
    view = await pages.show(server, auth.ANONYMOUS, request.match_info["name"])
    thread_id = forms.path_id(request)
    title, cards = await page_lists.newest_posts(server, view, thread_id, feeds.ENTRIES_MAX)
    head = Head(
        server.uris.context(str(thread_id)),
        title,
        view.card.name,
        f"{view.card.path}/{thread_id}",
        view.created_at,
    )
    return feeds.answer(request, head, cards)


routes = [
    web.get(GROUP + "/feed.atom", of_group),
    web.get(THREAD + "/feed.atom", of_thread),
]
