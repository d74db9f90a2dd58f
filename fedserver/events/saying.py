"""An event in words: what stands alone wherever its post is shown. Times with their zone, never with the link to join."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Final

from fedserver.content.plain import url_link
from fedserver.events import series
from fedserver.events.records import Described, Details

SHOWN_MAX: Final = 3
_STATUS: Final = {
    "tentative": "Tentative",
    "postponed": "Postponed",
    "rescheduled": "Rescheduled",
    "moved-online": "Moved online",
    "cancelled": "Cancelled",
}


def when(details: Details, spans: Sequence[tuple[str, int, int]]) -> str:
    """``Fri 12 Mar 2027, 15:00–16:30 (Europe/Stockholm)``; of a series the first and how often."""
    if not spans:
        return ""
    zone, all_day = details.schedule.zone, details.schedule.all_day
    _, begins, ends = spans[0]
    first, last = series.wall_time(begins, zone), series.wall_time(ends - (1 if all_day else 0), zone)
    text = f"{first:%a} {first.day} {first:%b %Y}"
    if all_day:
        if last.date() != first.date():
            text += f" – {last:%a} {last.day} {last:%b %Y}"
    elif last.date() == first.date():
        text += f", {first:%H:%M}–{last:%H:%M} ({zone})"
    else:
        text += f", {first:%H:%M} – {last:%a} {last.day} {last:%b %Y}, {last:%H:%M} ({zone})"
    if len(spans) > 1:
        end = series.wall_time(spans[-1][1], zone)
        text += f", and {len(spans) - 1} more until {end.day} {end:%b %Y}"
    return text


def where(details: Details) -> str:
    """``Room 3, Heidelberg and online``."""
    place = details.place.line()
    online = f"online ({details.tool})" if details.tool else "online"
    if place and details.online:
        return f"{place}, and {online}"
    return place or (online[:1].upper() + online[1:] if details.online else "")


def line(said: Described, spans: Sequence[tuple[str, int, int]]) -> str:
    """When, where, what it costs: plain text in one line."""
    parts = [
        _STATUS.get(said.status, ""), when(said, spans), where(said), said.cost, " ".join(said.languages),
    ]  # fmt: skip
    return " · ".join(one for one in parts if one)


def summary(said: Described, spans: Sequence[tuple[str, int, int]]) -> str:
    """Plain text that stands alone: Mastodon shows it, the title and a link of an `Event`, and no more."""
    return "\n\n".join(one for one in (line(said, spans), said.abstract) if one)


def whole_html(said: Described, text_html: str, spans: Sequence[tuple[str, int, int]]) -> str:
    """When and where, abstract, description, agenda and website as HTML."""
    parts = [f"<p><strong>{escape(line(said, spans), quote=False)}</strong></p>"]
    parts += [f"<p>{escape(one, quote=False)}</p>" for one in said.abstract.split("\n\n") if one.strip()]
    parts.append(text_html)
    if said.agenda:
        items = (
            escape(one.title, quote=False)
            + (f" ({escape(', '.join(one.speakers), quote=False)})" if one.speakers else "")
            for one in said.agenda
        )
        parts.append("<ul>" + "".join(f"<li>{one}</li>" for one in items) + "</ul>")
    for address in dict.fromkeys(one for one in (said.website, said.external_url) if one):
        parts.append(f"<p>{url_link(address)}</p>")
    return "".join(parts)


def card(
    said: Described, spans: Sequence[tuple[str, int, int]], *, url: str, provider: str, published_at: int
) -> dict[str, Any]:
    """The columns of the preview that goes with the post."""
    return {
        "url": url,
        "type": "link",
        "title": said.title,
        "description": summary(said, spans)[:300],
        "language": said.language,
        "author_name": ", ".join(said.organisers),
        "provider_name": provider,
        "published_at": published_at,
    }
