"""What is asked of the calendar, read from an address: the same for the API, pages and feeds.

``?q=&group=&topic=&kind=&language=&instance=&network=&how=``; of `topic`, `kind`, `language` and `instance` there may be
several (``topic=a&topic=b`` or ``topic[]=a``), and any of them will do.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from aiohttp import web

from fedserver.events.finding import Wanted
from web import forms

SEVERAL = ("topic", "kind", "language", "instance")


def wanted(request: web.Request) -> Wanted:
    """What is asked for. `space` and `online` are other names, which programs know, of `group` and `how`."""
    params = forms.query(request)
    how = params.text("how").strip()
    online = params.text("online").strip()
    if online and not how:
        how = "online" if params.flag("online") else "not-online"
    topics, kinds, languages, hosts = (_values(request, name) for name in SEVERAL)
    return Wanted(
        q=params.text("q").strip(),
        group=(params.text("group") or params.text("space")).strip(),
        topics=tuple(one.lstrip("#") for one in topics),
        kinds=kinds,
        languages=languages,
        hosts=hosts,
        how=how,
        network=params.text("network").strip(),
    )


def pairs(asked: Wanted) -> list[tuple[str, str]]:
    """The same as an address says it, in one order."""
    found = [(name, value) for name, value in (("q", asked.q), ("group", asked.group)) if value]
    values = zip(SEVERAL, (asked.topics, asked.kinds, asked.languages, asked.hosts), strict=True)
    found += [(name, value) for name, several in values for value in several]
    return found + [
        (name, value) for name, value in (("network", asked.network), ("how", asked.how)) if value
    ]


def _values(request: web.Request, name: str) -> tuple[str, ...]:
    query = request.rel_url.query
    found = [*query.getall(name, ()), *query.getall(f"{name}[]", ())]
    return tuple(dict.fromkeys(one.strip() for one in found if one.strip()))


def as_query(found: Iterable[tuple[str, str]]) -> str:
    """What comes behind the path of an address: ``?topic=a``, or nothing."""
    query = urlencode(list(found))
    return f"?{query}" if query else ""
