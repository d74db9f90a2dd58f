"""Whole answers for visitors whom nobody knows: made once, sent as bytes, dropped when anything shown changes.

A handler that shows strangers all the same thing is marked with `for_strangers`. A visitor with a cookie or a
token, a page further down a list, and whoever asks for ActivityPub get an answer of their own.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import wraps
from time import monotonic
from typing import Final, NamedTuple

from aiohttp import hdrs, web

from fedserver.live import Bus
from web import keys, replies

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Polls end and other processes write without a word (the command line beside SQLite): nothing is kept longer.
SECONDS: Final = 5.0
ENTRIES_MAX: Final = 300
BYTES_MAX: Final = 200_000  # larger answers are not kept
QUERY_CHARS_MAX: Final = 100
_CURSORS: Final = ("_id=", "offset=", "token=")
_KEPT_HEADERS: Final = (hdrs.CONTENT_TYPE, hdrs.LINK, hdrs.VARY, hdrs.LOCATION)


class Answer(NamedTuple):
    """What is sent: headers as pairs, the ETag among them."""

    body: bytes
    headers: dict[str, str]


class Kept:
    """The answers of one application, those used last kept longest."""

    def __init__(self, bus: Bus) -> None:
        self._answers: OrderedDict[str, tuple[float, Answer]] = OrderedDict()
        self._making: dict[str, asyncio.Future[Answer | None]] = {}
        for channel in ("shown", "instance"):
            bus.subscribe(channel, lambda _: self.forget())

    def forget(self) -> None:
        """Drop everything, and what is being made at this moment from what was read before."""
        self._answers.clear()
        self._making = {}

    def get(self, key: str) -> Answer | None:
        """The answer, if it still holds."""
        found = self._answers.get(key)
        if found is None or found[0] <= monotonic():
            return None
        self._answers.move_to_end(key)
        return found[1]

    async def make(self, key: str, handler: Handler, request: web.Request) -> web.StreamResponse:
        """The handler's answer, kept if it can be. Of those who ask at once one makes it for all."""
        making = self._making
        waiting = making.get(key)
        if waiting is not None:
            answer = await asyncio.shield(waiting)
            return await handler(request) if answer is None else _response(request, answer)
        making[key] = waiting = asyncio.get_running_loop().create_future()
        answer = None
        try:
            response = await handler(request)
            answer = _answer_of(response)
            # After a change `_making` is another, and what was made here may be older than the change.
            if answer is not None and self._making is making:
                self._answers[key] = monotonic() + SECONDS, answer
                self._answers.move_to_end(key)
                if len(self._answers) > ENTRIES_MAX:
                    self._answers.popitem(last=False)
        finally:
            making.pop(key, None)
            waiting.set_result(answer)
        return response if answer is None else _response(request, answer)


def for_strangers(handler: Handler) -> Handler:
    """Mark a handler whose answer to a GET is the same for every visitor whom nobody knows."""

    @wraps(handler)
    async def kept(request: web.Request) -> web.StreamResponse:
        query = request.rel_url.raw_query_string
        if (
            request.method != hdrs.METH_GET
            or hdrs.COOKIE in request.headers
            or hdrs.AUTHORIZATION in request.headers
            or len(query) > QUERY_CHARS_MAX
            or any(name in query for name in _CURSORS)
            or replies.wants_activity(request)
        ):
            return await handler(request)
        store = request.app[keys.KEPT]
        key = f"{request.rel_url.raw_path}?{query}"
        answer = store.get(key)
        if answer is not None:
            return _response(request, answer)
        return await store.make(key, handler, request)

    return kept


def _answer_of(response: web.StreamResponse) -> Answer | None:
    if not isinstance(response, web.Response) or response.status != 200 or response.prepared:
        return None
    body = response.body
    if not isinstance(body, bytes) or len(body) > BYTES_MAX:
        return None
    headers = {str(name): response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    # The same bytes for all, but to be asked for again each time: that is what the tag is for.
    return Answer(body, {**headers, hdrs.CACHE_CONTROL: "no-cache", hdrs.ETAG: replies.etag(body)})


def _response(request: web.Request, answer: Answer) -> web.Response:
    return replies.conditional(request, web.Response(body=answer.body, headers=answer.headers))
