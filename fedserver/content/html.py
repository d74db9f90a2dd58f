"""HTML from elsewhere, made safe once when it enters; and HTML to text.

`nh3` parses and filters as a browser would. One walk over its well-formed result then does what needs
more than one element: honest links, bounded depth, classes only where they mean what they say. It never
meets MathML: `formulas` reads and writes that.
"""

import re
from collections.abc import Collection, Iterator
from html import escape, unescape

import nh3

from fedserver.content.formulas import Formulas, as_tex, shown
from fedserver.content.links import host_of
from fedserver.content.plain import LINK_REL, url_link
from fedserver.content.text import without_overrides
from fedserver.errors import TooLarge

NOTE_CHARS_MAX = 100_000  # A long note in ten languages fits; with it, a stored row stays under 200 kB.
ARTICLE_CHARS_MAX = 512_000  # A chapter of a handbook with its markup.
TAGS_MAX = 8_000
"""Tags in one document. Parsing costs their number times their depth; this keeps the worst below a second."""
DEPTH_MAX = 40  # Deeper elements lose their tags and keep their text.


def _names(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_URL_SCHEMES = {"http", "https", "mailto"}
_BIO_TAGS = _names(
    "p br span a abbr del s pre blockquote code b strong u sub sup i em h1 h2 h3 h4 h5 h6 ul ol li ruby rt rp kbd"
)
_NOTE_TAGS = _BIO_TAGS | _names("hr table caption thead tbody tfoot tr th td")
_ARTICLE_TAGS = _NOTE_TAGS | _names("dl dt dd figure figcaption")
# Their text was never meant to be read.
_DROPPED_WHOLE = _names(
    "script style title template noscript iframe noembed noframes svg math textarea select object audio video"
)
_ATTRIBUTES = {
    "a": {"href", "rel"},
    "ol": {"start", "reversed"},
    "li": {"value"},
    "abbr": {"title"},
    "th": {"colspan", "rowspan", "scope"},
    "td": {"colspan", "rowspan"},
}
_LINK_CLASSES = {"mention", "hashtag", "u-url"}
_SPAN_CLASSES = {"h-card", "invisible", "ellipsis", "quote-inline", "mention", "hashtag"}
_CLASSES = {"a": _LINK_CLASSES, "span": _SPAN_CLASSES, "p": {"quote-inline"}}


def _cleaner(tags: frozenset[str]) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(tags),
        clean_content_tags=set(_DROPPED_WHOLE),
        attributes={name: kept for name, kept in _ATTRIBUTES.items() if name in tags},
        allowed_classes=_CLASSES,
        url_schemes=_URL_SCHEMES,
        url_relative="deny",
        link_rel=None,
    )


_bio = _cleaner(_BIO_TAGS)
_note = _cleaner(_NOTE_TAGS)
_article = _cleaner(_ARTICLE_TAGS)

# nh3 escapes < and > in attribute values, so a tag of its result ends at the first ">".
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)([^>]*)>")
_ATTRIBUTE = re.compile(r'([a-z]+)="([^"]*)"')
_VOID = frozenset({"br", "hr"})
# A parser reopens every formatting element that is still open in each new block. Without attributes it
# keeps at most three of a kind (HTML, "Noah's Ark clause"); with them a small input becomes gigabytes.
_FORMATTING = re.compile(
    r"<(b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/])[^<>]*>", re.IGNORECASE
)
# Space for those who strip the tags of a table: its cells and rows stay apart. To all others it is nothing.
_CELL_ENDS = re.compile(r"(?<=</t[dh]>)(?=<t[dh][\s>])")
_ROW_ENDS = re.compile(r"(?<=</tr>)(?=<)")
_SCHEME_PREFIX = re.compile(r"https?://(?:www\.)?", re.IGNORECASE)
# What reads as an address: with a scheme, or a host name with or without a path and nothing else.
_ADDRESS_TEXT = re.compile(
    r"\s*(?P<scheme>https?://)?(?P<authority>[^\s/?#]+)(?:[/?#]\S*)?\s*", re.IGNORECASE
)
_HOST_NAME = re.compile(r"(?:[\w-]+\.)+(?P<last>[^\W\d_]{2,})", re.IGNORECASE)
# Last labels that are far more often the end of a file name or a product than of a host: `Node.js`.
_FILE_ENDINGS = _names("cc css csv gz html js json md ml php pl ps py rb rs sh so tex ts txt xml yml zip")


def sanitise(html: str, *, tagged: Collection[str] | None = None) -> str:
    """A remote note as safe HTML: Mastodon's subset of elements, tables, rules and formulas.

    `tagged` holds the addresses that the object's tag list vouches for (actors' ids and profile pages,
    pages of hashtags). When given, other links lose the classes `mention` and `hashtag`.
    Raises TooLarge beyond NOTE_CHARS_MAX or TAGS_MAX.
    """
    return _safe(_note, html, NOTE_CHARS_MAX, tagged=tagged)


def sanitise_article(html: str, *, tagged: Collection[str] | None = None) -> str:
    """Long-form HTML: as `sanitise`, with definition lists and figures, up to ARTICLE_CHARS_MAX."""
    return _safe(_article, html, ARTICLE_CHARS_MAX, tagged=tagged)


def sanitise_bio(html: str) -> str:
    """A profile's text or field: as `sanitise`, but `rel="me"` stays, by which links are verified; without
    tables and rules, and with formulas as their TeX.
    """
    return as_tex(_safe(_bio, html, NOTE_CHARS_MAX, keep_me=True))


def _safe(
    cleaner: nh3.Cleaner,
    html: str,
    chars_max: int,
    *,
    tagged: Collection[str] | None = None,
    keep_me: bool = False,
) -> str:
    if len(html) > chars_max:
        raise TooLarge(f"This text is too long: more than {chars_max} characters with its formatting.")
    formulas = Formulas()
    if "<math" in html:
        html = formulas.taken_from(html)
    if html.count("<") > TAGS_MAX:
        raise TooLarge(f"This text has too much formatting: more than {TAGS_MAX} tags.")
    clean = cleaner.clean(_FORMATTING.sub(r"<\1>", html))
    safe = _walk(clean, formulas, tagged=tagged, keep_me=keep_me)
    return _ROW_ENDS.sub("\n", _CELL_ENDS.sub(" ", safe)) if "<table" in safe else safe


def _walk(html: str, formulas: Formulas, *, tagged: Collection[str] | None, keep_me: bool) -> str:
    """nh3's result with the rules that span elements. Every element in it is closed, in order."""
    if not html.isascii():
        html = without_overrides(html)
    # Formulas go back between tags alone: within one they would end the attribute that their mark stands in.
    if not formulas and "<a" not in html and "<span" not in html and html.count("<") <= DEPTH_MAX:
        return html
    out: list[str] = []
    kept: list[bool] = []
    link: _Link | None = None
    position = 0
    for tag in _TAG.finditer(html):
        if tag.start() > position:
            out.extend(formulas.put_back(html[position : tag.start()]))
        position = tag.end()
        closing, name, attributes = tag.groups()
        if name in _VOID:
            out.append(tag[0])
        elif closing:
            if kept.pop():
                if name == "a" and link is not None:
                    link.close(out)
                    link = None
                out.append(tag[0])
        else:
            # Only its own tags could nest a link in a link (through a table); browsers would not.
            keep = len(kept) < DEPTH_MAX and not (
                name == "a" and (link is not None or "href=" not in attributes)
            )
            kept.append(keep)
            if not keep:
                continue
            if name == "a":
                link = _Link(dict(_ATTRIBUTE.findall(attributes)), start=len(out) + 1)
                out.append(link.opening(tagged=tagged, keep_me=keep_me))
            elif name == "span":
                out.append(_span(attributes, inside_link=link is not None))
            else:
                out.append(tag[0])
    out.extend(formulas.put_back(html[position:]))
    return "".join(out)


def _span(attributes: str, *, inside_link: bool) -> str:
    """`invisible` and `ellipsis` hide or change text: outside a link they have nothing to shorten."""
    classes = [name for _, value in _ATTRIBUTE.findall(attributes) for name in value.split()]
    if not inside_link:
        classes = [name for name in classes if name not in ("invisible", "ellipsis")]
    return f'<span class="{" ".join(classes)}">' if classes else "<span>"


class _Link:
    """One link while its content is walked."""

    def __init__(self, attributes: dict[str, str], *, start: int) -> None:
        self._attributes = attributes
        self._start = start

    def opening(self, *, tagged: Collection[str] | None, keep_me: bool) -> str:
        href = self._attributes["href"]
        classes = self._attributes.get("class", "").split()
        rels = self._attributes.get("rel", "").lower().split()
        if tagged is not None and unescape(href) not in tagged:
            classes = [name for name in classes if name == "u-url"]
        rel = LINK_REL
        if "hashtag" in classes:
            rel = f"tag {rel}"
        if keep_me and "me" in rels:
            rel = f"me {rel}"
        marked = f' class="{" ".join(classes)}"' if classes else ""
        return f'<a href="{href}"{marked} rel="{rel}">'

    def close(self, out: list[str]) -> None:
        """Make the text tell the truth about the target: nothing hidden that matters, no other address."""
        href = unescape(self._attributes["href"])
        pieces = out[self._start :]
        if any('class="' in piece and "invisible" in piece for piece in pieces if piece.startswith("<span")):
            seen, whole = _visible(pieces)
            if not _abbreviates(seen, whole, href):
                out[self._start :] = [_reveal(piece) for piece in pieces]
                pieces = out[self._start :]
        text = "".join(_said(piece) for piece in pieces if _says(piece))
        if _claims_elsewhere(text, href):
            out[self._start :] = [_link_text(href)]


def _says(piece: str) -> bool:
    """Whether it is text or a formula: all others are tags."""
    return not piece.startswith("<") or piece.startswith("<math")


def _said(piece: str) -> str:
    return shown(piece) if piece.startswith("<math") else unescape(piece)


def _visible(pieces: list[str]) -> tuple[str, str]:
    """The text a reader sees, and the text with what `invisible` hides."""
    seen: list[str] = []
    whole: list[str] = []
    hidden: list[bool] = []
    for piece in pieces:
        if _says(piece):
            text = _said(piece)
            whole.append(text)
            if not any(hidden):
                seen.append(text)
        elif piece.startswith("</"):
            hidden.pop()
        elif piece[1:3] not in ("br", "hr"):
            hidden.append("invisible" in piece)
    return "".join(seen), "".join(whole)


def _abbreviates(seen: str, whole: str, href: str) -> bool:
    """Whether the text is the address itself, cut only before the host and after it (CVE-2023-36462)."""
    scheme = _SCHEME_PREFIX.match(href)
    if scheme is None or whole.rstrip("/") != href.rstrip("/"):
        return False
    rest = href[scheme.end() :]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return seen.startswith(authority) and rest.startswith(seen)


def _reveal(piece: str) -> str:
    return "<span>" if piece.startswith("<span") and ("invisible" in piece or "ellipsis" in piece) else piece


def _claims_elsewhere(text: str, href: str) -> bool:
    """Whether the text reads as an address of another host than the link leads to."""
    address = _ADDRESS_TEXT.fullmatch(text)
    if address is None or not href.lower().startswith(("http://", "https://")):
        return False
    authority = address["authority"]
    if address["scheme"] is None:
        name = _HOST_NAME.fullmatch(authority)
        if name is None or name["last"].lower() in _FILE_ENDINGS:
            return False
    elif "@" in authority:
        return True
    claimed, actual = host_of(f"https://{authority}"), host_of(href)
    if claimed is None or actual is None:
        return True
    claimed, actual = claimed.removeprefix("www."), actual.removeprefix("www.")
    return actual != claimed and not actual.endswith(f".{claimed}")


def _link_text(href: str) -> str:
    """The content of the link we would have made of this address."""
    link = url_link(href)
    return link[link.index(">") + 1 : -len("</a>")]


def without_inline_quote(html: str) -> str:
    """Sanitised HTML without its `quote-inline` part: for posts whose quote is shown as a card."""
    if "quote-inline" not in html:
        return html
    out: list[str] = []
    depth = dropped_at = 0
    position = 0
    for tag in _TAG.finditer(html):
        if not dropped_at:
            out.append(html[position : tag.start()])
        position = tag.end()
        closing, name, attributes = tag.groups()
        if name in _VOID:
            pass
        elif closing:
            depth -= 1
            if dropped_at > depth:
                dropped_at = 0
                continue
        else:
            depth += 1
            if not dropped_at and "quote-inline" in attributes:
                dropped_at = depth
        if not dropped_at:
            out.append(tag[0])
    out.append(html[position:])
    return "".join(out).strip()


def links(html: str) -> Iterator[str]:
    """Where sanitised HTML leads, without mentions, hashtags and the line that names a quoted post."""
    for tag in _TAG.finditer(without_inline_quote(html)):
        closing, name, attributes = tag.groups()
        if name != "a" or closing:
            continue
        values = dict(_ATTRIBUTE.findall(attributes))
        href = unescape(values.get("href", ""))
        classes = values.get("class", "").split()
        is_tag = "tag" in values.get("rel", "").split()
        if (
            href.startswith(("https://", "http://"))
            and not is_tag
            and not _LINK_CLASSES.intersection(classes)
        ):
            yield href


_BLOCKS = _names("p pre blockquote h1 h2 h3 h4 h5 h6 ul ol dl table figure")
_LINES = _names("li tr dt dd caption figcaption")
_SPACES = re.compile(r"[ \t\r\n\f]+")
_LIST_ITEM = re.compile(r"^- \s+", re.MULTILINE)
_MANY_BREAKS = re.compile(r"\n{3,}")


def to_text(html: str) -> str:
    """Sanitised HTML as plain text: paragraphs apart, line breaks kept, links as their full text, formulas as
    their TeX.

    For search, filters, notifications, mail and previews. The result is text: escape it before it
    becomes HTML again.
    """
    out = _LIST_ITEM.sub("- ", "".join(_text_pieces(as_tex(html))))
    lines = [
        line.strip(" \t") if "\x00" not in line else line.replace("\x00", "") for line in out.split("\n")
    ]
    return _MANY_BREAKS.sub("\n\n", "\n".join(lines)).strip("\n")


def _text_pieces(html: str) -> Iterator[str]:
    preformatted = 0
    position = 0
    cell_ended = False
    for tag in _TAG.finditer(html):
        piece = html[position : tag.start()]
        yield _text(piece.lstrip() if cell_ended else piece, preformatted)
        position = tag.end()
        closing, name, _ = tag.groups()
        cell_ended = bool(closing) and name in ("td", "th")
        if name == "pre":
            preformatted += -1 if closing else 1
        if name == "br":
            yield "\n"
        elif name in _BLOCKS or name == "hr":
            yield "\n\n"
        elif name in _LINES and not closing:
            yield "\n- " if name == "li" else "\n"
        elif cell_ended:
            yield " "
    yield _text(html[position:], preformatted)


def _text(piece: str, preformatted: int) -> str:
    text = unescape(piece).replace("\x00", "").replace("\xa0", " ")
    if preformatted > 0:
        # A NUL, which no text contains, marks lines whose indentation is meant.
        return "\n".join(f"\x00{line}" if line.startswith(" ") else line for line in text.split("\n"))
    return _SPACES.sub(" ", text)


def excerpt(html: str, chars: int) -> str:
    """The beginning of sanitised HTML as one line of text, at most `chars` long, cut between words."""
    return shorten(to_text(html), chars)


def shorten(text: str, chars: int) -> str:
    """One line of at most `chars` characters; an ellipsis says that something was cut."""
    line = " ".join(text.split())
    if len(line) <= chars:
        return line
    cut = line[: chars - 1]
    head, space, _ = cut.rpartition(" ")
    # Languages without spaces, or one long word: cut where it falls.
    return (head if space and len(head) > chars // 2 else cut).rstrip(" ,;:.-–") + "…"


def from_text(text: str) -> str:
    """Foreign plain text (`mediaType: text/plain`) as HTML, nothing linked."""
    paragraphs = re.split(r"\n\s*\n", without_overrides(text.replace("\r\n", "\n")).strip())
    return "".join(
        f"<p>{escape(part, quote=False).replace(chr(10), '<br>')}</p>" for part in paragraphs if part
    )
