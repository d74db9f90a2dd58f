"""An opportunity in words: what stands alone wherever its post is shown. Never how one applies here."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from fedserver.content.plain import url_link
from fedserver.opportunities import times
from fedserver.opportunities.records import Details, Pay

KINDS: Final = {
    "job": "Job",
    "grant": "Grant",
    "call": "Call",
    "fellowship": "Fellowship",
    "volunteer": "Voluntary work",
    "microgrant": "Microgrant",
}
_PERIODS: Final = {
    "hour": " an hour", "day": " a day", "week": " a week", "month": " a month", "year": " a year", "once": "",
}  # fmt: skip
_CLOSED: Final = {"filled": "Closed: it is filled.", "withdrawn": "Withdrawn.", "closed": "Closed."}


def amount(value: float) -> str:
    """``52,000`` or ``13.50``."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def pay(said: Pay) -> str:
    """``EUR 50,000–60,000 a year (TV-L E13)``."""
    parts = []
    if said.least is not None and said.most is not None and said.least != said.most:
        parts.append(f"{said.currency} {amount(said.least)}–{amount(said.most)}")
    elif said.most is not None:
        upto = "" if said.least == said.most else "up to "
        parts.append(f"{upto}{said.currency} {amount(said.most)}")
    elif said.least is not None:
        parts.append(f"from {said.currency} {amount(said.least)}")
    text = "".join(parts) + (_PERIODS.get(said.period, "") if parts else "")
    return f"{text} ({said.note})" if text and said.note else text or said.note


def where(details: Details) -> str:
    """``Uppsala, Sweden, or remote``."""
    place = details.place.line()
    if details.remote == "yes":
        return f"Remote ({place})" if place else "Remote"
    return (
        f"{place}, partly remote"
        if place and details.remote == "partly"
        else place or ("Partly remote" if details.remote == "partly" else "")
    )


def until(details: Details) -> str:
    """Until when one may apply."""
    if not details.deadline:
        return "open until filled"
    return f"apply until {times.words(details.deadline, details.zone)}"


def closed(reason: str | None) -> str:
    """That it is closed, and why; "" for what is not (None)."""
    return "" if reason is None else _CLOSED.get(reason, _CLOSED["closed"])


def line(kind: str, details: Details, *, closed_as: str | None = None) -> str:
    """What it is, who offers it, where, for how much, until when: plain text in one line."""
    opens = f"opens {times.words(details.opens, details.zone)}" if details.opens else ""
    parts = [
        closed(closed_as), KINDS.get(kind, kind), details.organisation.name, where(details), pay(details.pay), opens,
        until(details),
    ]  # fmt: skip
    return " · ".join(one for one in parts if one)


def summary(kind: str, details: Details, abstract: str, *, closed_as: str | None = None) -> str:
    """Plain text that stands alone, in paragraphs."""
    return "\n\n".join(one for one in (line(kind, details, closed_as=closed_as), abstract) if one)


def summary_html(
    kind: str, details: Details, abstract: str, url: str, *, closed_as: str | None = None
) -> str:
    """The same with where one applies: of an `Article` Mastodon shows this, the title and a link, and no more."""
    text = summary(kind, details, abstract, closed_as=closed_as)
    paragraphs = [f"<p>{escape(one, quote=False)}</p>" for one in text.split("\n\n") if one.strip()]
    return "".join([*paragraphs, f"<p>{url_link(details.apply_url or url)}</p>"])


def whole_html(
    kind: str, details: Details, abstract: str, text_html: str, *, closed_as: str | None = None
) -> str:
    """All that is said of it as HTML."""
    parts = [f"<p><strong>{escape(line(kind, details, closed_as=closed_as), quote=False)}</strong></p>"]
    parts += [f"<p>{escape(one, quote=False)}</p>" for one in abstract.split("\n\n") if one.strip()]
    parts.append(text_html)
    for label, said in (("For whom", details.eligibility), ("Contact", details.contact)):
        if said:
            parts.append(f"<p><strong>{label}:</strong> {escape(said, quote=False)}</p>")
    addresses = (details.apply_url, details.website, details.organisation.url)
    parts += [f"<p>{url_link(one)}</p>" for one in dict.fromkeys(one for one in addresses if one)]
    return "".join(parts)


def card(
    kind: str,
    details: Details,
    *,
    title: str,
    abstract: str,
    language: str,
    url: str,
    provider: str,
    published_at: int,
    closed_as: str | None = None,
) -> dict[str, Any]:
    """The columns of the preview that goes with the post."""
    return {
        "url": url,
        "type": "link",
        "title": title,
        "description": summary(kind, details, abstract, closed_as=closed_as)[:300],
        "language": language,
        "author_name": details.organisation.name,
        "provider_name": provider,
        "published_at": published_at,
    }
