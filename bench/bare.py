"""The handler to compare with: aiohttp, and bytes that are ready. Run as a process of its own.

``PUT /{name}`` keeps a body, ``GET`` and ``POST /{name}`` answer with it, 404 before there is one.
"""

from __future__ import annotations

import sys

from aiohttp import web


def main(port: int) -> None:
    """Serve on loopback until killed."""
    kept: dict[str, bytes] = {}

    async def put(request: web.Request) -> web.Response:
        kept[request.match_info["name"]] = await request.read()
        return web.Response(status=204)

    async def answer(request: web.Request) -> web.Response:
        if request.body_exists:
            await request.read()
        body = kept.get(request.match_info["name"])
        if body is None:
            raise web.HTTPNotFound
        return web.Response(body=body, content_type="application/json")

    app = web.Application(client_max_size=8_000_000)
    app.add_routes([web.put("/{name}", put), web.get("/{name}", answer), web.post("/{name}", answer)])
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
