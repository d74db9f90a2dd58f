"""Plain text to HTML, in the markup Mastodon's clients and servers recognise.

Mentions are looked up by the caller between `links.find_mentions` and rendering: only known people
become links, so nothing a member types can point a mention at somebody else.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from html import escape

from fedserver.content.links import Kind, Piece, scan, tag_key
from fedserver.content.text import clean_text

LINK_REL = "nofollow noopener noreferrer"
LINK_CHARS_SHOWN = 30  # Mastodon shows this much of an address after the scheme.

_SCHEME = re.compile(r"https?://(?:www\.)?", re.IGNORECASE)
_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")
_AUTHORITY_END = re.compile(r"[/?#]")


@dataclass(frozen=True, slots=True)
class MentionTarget:
    """Whom a handle means: the actor's URI, the address of the profile page, and `name` or `name@domain`."""

    uri: str
    url: str
    acct: str


@dataclass(slots=True)
class Rendered:
    """Safe HTML and what it refers to, each once and in order."""

    html: str = ""
    mentions: list[MentionTarget] = field(default_factory=list)
    hashtags: list[str] = field(default_factory=list)
    """As typed, without `#`; `links.tag_key` gives the key."""


class Linker:
    """Makes links of scanned pieces and remembers which mentions and hashtags were used."""

    def __init__(self, mentions: Mapping[str, MentionTarget], tag_url: Callable[[str], str]) -> None:
        self._targets = mentions
        self._tag_url = tag_url
        self._mentions: dict[str, MentionTarget] = {}
        self._hashtags: dict[str, str] = {}

    def html(self, pieces: Iterable[Piece]) -> str:
        """The pieces as HTML, everything escaped that is not a link of ours."""
        return "".join(map(self._piece, pieces))

    def finish(self, html: str) -> Rendered:
        """The result with all that was linked on the way."""
        return Rendered(html, list(self._mentions.values()), list(self._hashtags.values()))

    def _piece(self, piece: Piece) -> str:
        if piece.kind is Kind.URL:
            return url_link(piece.text)
        if piece.kind is Kind.HASHTAG:
            key = tag_key(piece.text)
            name = self._hashtags.setdefault(key, piece.text[1:])
            return hashtag_link(piece.text[1:], self._tag_url(name))
        target = None if piece.handle is None else self._targets.get(piece.handle.key)
        if target is None:
            return escape(piece.text, quote=False)
        self._mentions.setdefault(target.uri, target)
        return mention_link(target)


def url_link(url: str) -> str:
    """A link that shows the host and the beginning of the path, and copies as the whole address."""
    scheme = _SCHEME.match(url)
    hidden = url[: scheme.end()] if scheme else ""
    rest = url[len(hidden) :]
    # The host is always shown whole: what is cut from it could be the part that matters (CVE-2023-36462).
    host_end = _AUTHORITY_END.search(rest)
    shown_chars = max(LINK_CHARS_SHOWN, host_end.start() if host_end else len(rest))
    shown, cut = rest[:shown_chars], rest[shown_chars:]
    parts = [f'<a href="{escape(url)}" rel="{LINK_REL}">']
    if hidden:
        parts.append(f'<span class="invisible">{escape(hidden)}</span>')
    if cut:
        parts.append(
            f'<span class="ellipsis">{escape(shown)}</span><span class="invisible">{escape(cut)}</span>'
        )
    else:
        parts.append(f"<span>{escape(shown)}</span>")
    parts.append("</a>")
    return "".join(parts)


def mention_link(target: MentionTarget) -> str:
    """`@name`, linked to the profile (CLIENT_API: clients find the account by this address)."""
    name = target.acct.split("@", 1)[0]
    return (
        f'<span class="h-card"><a href="{escape(target.url)}" class="u-url mention">'
        f"@<span>{escape(name)}</span></a></span>"
    )


def hashtag_link(name: str, url: str) -> str:
    """`#name`, linked to its page here."""
    return f'<a href="{escape(url)}" class="mention hashtag" rel="tag">#<span>{escape(name)}</span></a>'


def render_plain(text: str, mentions: Mapping[str, MentionTarget], tag_url: Callable[[str], str]) -> Rendered:
    """Plain text as HTML: blank lines part paragraphs, other line ends break the line.

    `mentions` maps `Handle.key` to the account; a handle not in it stays text. `tag_url` is called
    with the hashtag's name as first typed. Custom emoji stay `:shortcode:`.
    """
    linker = Linker(mentions, tag_url)
    paragraphs = [part for part in _PARAGRAPHS.split(clean_text(text)) if part]
    html = "".join(f"<p>{linker.html(scan(part)).replace(chr(10), '<br>')}</p>" for part in paragraphs)
    return linker.finish(html)
