"""A resource in words: the HTML that stands alone wherever its post is shown, and the card that apps show with it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Final

from activitypub.vocabulary.resource import RATING_MAX, Report
from fedserver.content.plain import LINK_REL, url_link
from fedserver.resources import licences
from fedserver.resources.identifiers import doi_address
from fedserver.resources.records import Details, Person

NAMES_MAX: Final = 6
CARD_CHARS_MAX: Final = 300


def whole_html(abstract: str, text_html: str, details: Details, *, withdrawn: str | None = None) -> str:
    """Abstract, description, facts and address as HTML. Apps show nothing else of a resource than its title and this."""
    parts = [f"<p>{escape(part, quote=False)}</p>" for part in abstract.split("\n\n") if part.strip()]
    if withdrawn is not None:
        parts.insert(0, f"<p><strong>Withdrawn.</strong> {escape(withdrawn, quote=False)}</p>")
    parts.append(text_html)
    facts = facts_html(details)
    if facts:
        parts.append(f"<p>{facts}</p>")
    if details.url or details.doi:
        parts.append(f"<p>{url_link(details.url or doi_address(details.doi))}</p>")
    return "".join(parts)


def summary_html(abstract: str, details: Details, *, withdrawn: str | None = None) -> str:
    """The abstract with licence, level and authors: Mastodon shows this, the title and a link of a `Page`, and no more."""
    return whole_html(
        abstract, "", Details(**{**_fields(details), "url": "", "doi": ""}), withdrawn=withdrawn
    )


def facts_html(details: Details) -> str:
    """Types, level, duration, licence and authors, in one line."""
    words = [one.replace("-", " ") for one in (*details.types, details.level) if one]
    facts = [escape(", ".join(words)[:1].upper() + ", ".join(words)[1:], quote=False)] if words else []
    if details.time_required_minutes:
        facts.append(duration_words(details.time_required_minutes))
    if details.licence:
        address = licences.address(details.licence)
        name = escape(details.licence, quote=False)
        facts.append(f'<a href="{escape(address)}" rel="{LINK_REL}">{name}</a>' if address else name)
    if details.authors:
        facts.append(f"by {escape(names(details.authors), quote=False)}")
    return " · ".join(facts)


def report_html(report: Report, note_html: str, *, title: str, url: str) -> str:
    """An answer that tells of the use of a resource, or reviews it, in words that stand alone: apps know nothing of the rest."""
    named = f'<a href="{escape(url)}" rel="{LINK_REL}">{escape(title, quote=False)}</a>'
    if report.version:
        named += f" ({escape(report.version, quote=False)})"
    if report.kind == "use":
        first = f"Used {named}"
        if report.used_in:
            first += f" in {escape(report.used_in, quote=False)}"
        if report.used_on:
            first += f", {report.used_on}"
    else:
        first = f"Review of {named}"
        if report.rating is not None:
            first += f": {'★' * report.rating}{'☆' * (RATING_MAX - report.rating)} ({report.rating} of {RATING_MAX})"
    parts = [f"<p>{first}</p>", note_html]
    for label, text in (("Changed", report.changed), ("What worked", report.worked)):
        if text:
            lines = escape(text, quote=False).replace("\n", "<br>")
            parts.append(f"<p>{label}: {lines}</p>")
    return "".join(parts)


def names(people: Sequence[Person]) -> str:
    """``A. Doe, E. Roe and 3 others``."""
    shown = [one.name for one in people[:NAMES_MAX]]
    others = len(people) - len(shown)
    if others:
        return (
            f"{', '.join(shown)} and {others} others" if others > 1 else f"{', '.join(shown)} and one other"
        )
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def duration_words(minutes: int) -> str:
    """``1 h 30 min``."""
    hours, rest = divmod(minutes, 60)
    return " ".join(one for one in (f"{hours} h" if hours else "", f"{rest} min" if rest else "") if one)


def card(
    title: str, abstract: str, details: Details, *, url: str, language: str, provider: str, published_at: int
) -> dict[str, Any]:
    """The columns of the preview that goes with the post."""
    return {
        "url": url,
        "type": "link",
        "title": title,
        "description": abstract[:CARD_CHARS_MAX],
        "language": language,
        "author_name": names(details.authors) if details.authors else "",
        "provider_name": provider,
        "published_at": published_at,
    }


def _fields(details: Details) -> dict[str, Any]:
    return {name: getattr(details, name) for name in Details.__struct_fields__}
