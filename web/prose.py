"""Texts of members within a page: pictures for ``:shortcodes:``, headings below those of the page, and links
between footnotes and their places.

The pictures go into text alone: never into a tag, an attribute, code or a formula.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Protocol

from markupsafe import Markup, escape

_TOKEN: Final = re.compile(r"<(/?)([a-z][a-z0-9]*)[^>]*>|:([A-Za-z0-9_]{2,64}):", re.IGNORECASE)
_HEADING: Final = re.compile(r"<(/?)h([1-6])>")
HEADING_FIRST: Final = 3  # below the page's own and those of its parts
_VERBATIM: Final = frozenset({"code", "pre", "kbd", "math"})
# Footnotes as `fedserver.content.markdown` writes them: the last thing of a text.
_NOTES: Final = "<hr><ol>"
_NOTES_END: Final = "</ol>"
_NOTE_REF: Final = re.compile(r"<a [^>]*>.*?</a>|<sup>\[([1-9][0-9]{0,2})\]</sup>", re.DOTALL)
_TAG: Final = re.compile(r"<(/?)([a-z][a-z0-9]*)[^>]*>")
_VOID: Final = frozenset({"br", "hr"})


class Emoji(Protocol):
    """What is needed of an emoji; `url` is a web address."""

    @property
    def shortcode(self) -> str: ...

    @property
    def url(self) -> str: ...


def prose(html: str, emojis: Sequence[Emoji], anchor: str = "") -> Markup:
    """Safe HTML with the emojis put in and its headings in their place among those of the page: the highest
    comes next below them, whatever its author called it.

    With an `anchor`, which no other text of the page has, footnotes and their places in the text are linked.
    """
    if anchor and _NOTES in html:
        html = _notes_linked(html, anchor)
    highest = min((int(level) for _, level in _HEADING.findall(html)), default=1)

    def lower(heading: re.Match[str]) -> str:
        return f"<{heading[1]}h{min(6, int(heading[2]) - highest + HEADING_FIRST)}>"

    return in_html(_HEADING.sub(lower, html), emojis)


def _notes_linked(html: str, anchor: str) -> str:
    text, _, notes = html.rpartition(_NOTES)
    items = _items(notes.removesuffix(_NOTES_END)) if notes.endswith(_NOTES_END) else []
    named: set[int] = set()

    def linked(found: re.Match[str]) -> str:
        number = int(found[1] or 0)
        if not 1 <= number <= len(items):
            return found[0]
        place = "" if number in named else f' id="{anchor}-ref-{number}"'
        named.add(number)
        return f'<sup><a href="#{anchor}-note-{number}"{place} role="doc-noteref">[{number}]</a></sup>'

    text = _NOTE_REF.sub(linked, text)
    out = [text, _NOTES]
    for number, item in enumerate(items, start=1):
        if number in named:
            end = item.rindex("</p></li>") if item.endswith("</p></li>") else item.rindex("</li>")
            back = f' <a href="#{anchor}-ref-{number}" role="doc-backlink">↩</a>'
            out.append(f'<li id="{anchor}-note-{number}">{item[len("<li>") : end]}{back}{item[end:]}')
        else:
            out.append(item)
    return "".join([*out, _NOTES_END]) if named else html


def _items(html: str) -> list[str]:
    """The items that a list consists of, or nothing when it holds something else."""
    items: list[str] = []
    depth = start = 0
    for tag in _TAG.finditer(html):
        if tag[2] in _VOID:
            continue
        depth += -1 if tag[1] else 1
        if depth < 0 or (depth == 0 and tag[2] != "li"):
            return []
        if depth == 0:
            items.append(html[start : tag.end()])
            start = tag.end()
    return items if start == len(html) and all(one.startswith("<li>") for one in items) else []


def in_html(html: str, emojis: Sequence[Emoji]) -> Markup:
    """Safe HTML with the emojis put in."""
    if not emojis:
        return Markup(html)  # noqa: S704 - made safe when it entered
    pictures = {one.shortcode: one.url for one in emojis}
    verbatim = 0

    def replaced(match: re.Match[str]) -> str:
        nonlocal verbatim
        if match[2] is not None:
            if match[2].lower() in _VERBATIM:
                verbatim += -1 if match[1] else 1
            return match[0]
        url = pictures.get(match[3])
        if url is None or verbatim > 0:
            return match[0]
        return (
            f'<img class="emoji" src="{escape(url)}" alt=":{match[3]}:" title=":{match[3]}:" loading="lazy">'
        )

    return Markup(_TOKEN.sub(replaced, html))  # noqa: S704 - as above; what is added is escaped


def in_text(text: str, emojis: Sequence[Emoji]) -> Markup:
    """Plain text as HTML with the emojis put in."""
    return in_html(str(escape(text)), emojis)
