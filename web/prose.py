"""Texts of members within a page: pictures for ``:shortcodes:``, and headings below those of the page.

The pictures go into text alone: never into a tag, an attribute or code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Protocol

from markupsafe import Markup, escape

_TOKEN: Final = re.compile(r"<(/?)([a-z][a-z0-9]*)[^>]*>|:([A-Za-z0-9_]{2,64}):", re.IGNORECASE)
_HEADING: Final = re.compile(r"<(/?)h([1-6])>")
HEADING_FIRST: Final = 3  # below the page's own and those of its parts
_VERBATIM: Final = frozenset({"code", "pre", "kbd"})


class Emoji(Protocol):
    """What is needed of an emoji; `url` is a web address."""

    @property
    def shortcode(self) -> str: ...

    @property
    def url(self) -> str: ...


def prose(html: str, emojis: Sequence[Emoji]) -> Markup:
    """Safe HTML with the emojis put in and its headings in their place among those of the page."""
    return in_html(_HEADING.sub(_lower, html), emojis)


def _lower(heading: re.Match[str]) -> str:
    return f"<{heading[1]}h{min(6, int(heading[2]) + HEADING_FIRST - 1)}>"


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
