"""What a web page says about itself: the elements of its head, and where its links lead.

Pages of strangers are read by `nh3`, as a browser would, and never deeper or longer than the limits: a parser
that is fed a million nested elements is busy for minutes.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from html import unescape
from typing import Final, NamedTuple
from urllib.parse import urljoin, urlsplit

import nh3

PAGE_BYTES_MAX: Final = 1 << 20
TAGS_MAX: Final = 8_000
"""Where reading ends. What a page says about itself stands at its beginning."""

_cleaner: Final = nh3.Cleaner(
    tags={"meta", "link", "title", "script", "a"},
    clean_content_tags={"style", "noscript", "template", "svg", "math", "iframe", "textarea"},
    attributes={
        "meta": {"property", "name", "content", "itemprop"},
        "link": {"rel", "href", "type"},
        "script": {"type"},
        "a": {"rel", "href", "class"},
    },
    url_schemes={"http", "https"},
    url_relative="pass_through",
    link_rel=None,
)
# In nh3's result < and > are escaped within attributes, and elements are closed.
_ELEMENT: Final = re.compile(
    r"<(?:(?P<void>meta|link)|(?P<name>title|script|a))(?P<attributes>[^>]*)>"
    r"(?(name)(?P<text>.*?)</(?P=name)>)",
    re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(r'([a-z]+)="([^"]*)"')
_LANGUAGE: Final = re.compile(r"<html\b[^>]{0,1000}?\slang\s*=\s*[\"']?([A-Za-z0-9-]{2,35})", re.IGNORECASE)
_CHARSET: Final = re.compile(
    rb"<meta\b[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE
)
_CHARSET_WITHIN: Final = 4_096
# What Python calls the encodings that browsers know (https://encoding.spec.whatwg.org/#names-and-labels). Others of
# Python's would be busy for hours with a long page (punycode), or refuse to pass over a mistake (idna).
_CHARSETS: Final = frozenset(
    {
        "ascii", "utf-8", "utf-16", "utf-16-le", "utf-16-be", "big5", "big5hkscs", "cp932", "cp949", "euc_jp", "euc_kr",
        "gb18030", "gb2312", "gbk", "iso2022_jp", "shift_jis", "koi8-r", "koi8-u", "mac-cyrillic", "mac-roman", "cp866",
        "cp874", "tis-620", *(f"cp{number}" for number in range(1250, 1259)),
        *(f"iso8859-{number}" for number in range(1, 17)),
    }
)  # fmt: skip


class Element(NamedTuple):
    """One element: its name, its attributes (unescaped), and the text in it ("" for meta and link)."""

    name: str
    attributes: dict[str, str]
    text: str


def decode(body: bytes, content_type: str) -> str:
    """The text of a page, by the charset of its header or its own ``<meta>``, else as UTF-8."""
    named = re.search(r"charset\s*=\s*\"?([\w:.-]+)", content_type, re.IGNORECASE)
    found = _CHARSET.search(body[:_CHARSET_WITHIN])
    name = named[1] if named else found[1].decode() if found else "utf-8"
    try:
        codec = codecs.lookup(name).name
    except LookupError:
        codec = ""
    return body.decode(codec if codec in _CHARSETS else "utf-8", "replace")


def elements(html: str) -> Iterator[Element]:
    """The ``title``, ``meta``, ``link``, ``script`` and ``a`` elements, in order, as far as TAGS_MAX reaches."""
    for match in _ELEMENT.finditer(_cleaner.clean(_beginning(html))):
        attributes = {name: unescape(value) for name, value in _ATTRIBUTE.findall(match["attributes"])}
        name = match["void"] or match["name"]
        text = match["text"] or ""
        yield Element(name, attributes, text if name == "script" else unescape(text))


def absolute(page_url: str, address: str) -> str | None:
    """A page's link as a whole web address; None when it leads nowhere on the web."""
    try:
        joined = urljoin(page_url, address.strip())
        parts = urlsplit(joined)
    except ValueError:
        return None
    return joined if parts.scheme in ("http", "https") and parts.hostname else None


def language(html: str) -> str:
    """What ``<html lang>`` names, or ""."""
    found = _LANGUAGE.search(html, 0, _CHARSET_WITHIN)
    return found[1] if found else ""


def _beginning(html: str) -> str:
    end = -1
    for _ in range(TAGS_MAX):
        end = html.find("<", end + 1)
        if end < 0:
            return html
    return html[:end]
