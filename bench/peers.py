"""A thousand other servers in one process: inboxes that take everything, some that never answer, and one author.

All names resolve to loopback by the test mode's static table. ``GET /seen`` tells how many posts came and when, at how
many hosts, and how many different activities they brought.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from aiohttp import web

HANGS_S = 3_600


def main(port: int, documents: str) -> None:
    """Serve on loopback until killed. `documents` is a JSON file: path to document."""
    with open(documents, encoding="utf-8") as file:
        known: dict[str, object] = json.load(file)
    arrivals: dict[str, list[float]] = {}
    activities: set[str] = set()
    hanging: set[str] = set()

    async def inbox(request: web.Request) -> web.Response:
        activities.add(json.loads(await request.read())["id"])
        if request.host in hanging:
            await asyncio.sleep(HANGS_S)
        arrivals.setdefault(request.host, []).append(time.time())
        return web.Response(status=202)

    async def control(request: web.Request) -> web.Response:
        arrivals.clear()
        activities.clear()
        hanging.clear()
        hanging.update(await request.json())
        return web.Response(status=204)

    async def seen(_: web.Request) -> web.Response:
        times = sorted(one for each in arrivals.values() for one in each)
        return web.json_response(
            {"count": len(times), "hosts": len(arrivals), "times": times, "activities": len(activities)}
        )

    async def document(request: web.Request) -> web.Response:
        found = known.get(request.path)
        if found is None:
            return web.Response(status=404)
        kind = "application/jrd+json" if "webfinger" in request.path else "application/activity+json"
        return web.Response(body=json.dumps(found).encode(), content_type=kind)

    app = web.Application()
    app.add_routes(
        [
            web.post("/inbox", inbox),
            web.post("/users/{name}/inbox", inbox),
            web.put("/control", control),
            web.get("/seen", seen),
            web.get("/{path:.*}", document),
        ]
    )
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None, backlog=4096)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
