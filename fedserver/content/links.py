"""Finds addresses, mentions and hashtags in what a member wrote, and counts its length.

One scanner serves the search, the rendering and the count, so they cannot disagree. It reads text only:
`plain` and `markdown` decide which parts of a post are text and make HTML of what is found here.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

URL_CHARACTERS = 23
"""What an address counts for, however long it is (Mastodon's `characters_reserved_per_url`)."""

URL_CHARS_MAX = 2_000  # Longer ones stay text: no page people share needs them, and some servers refuse them.
HASHTAG_CHARS_MAX = 100

# Punctuation that ends an address although a URI could contain it, and the fullwidth forms of CJK text.
_URL_CHAR = (
    r"[^\s<>\"`\x00-\x20\x7f-\xa0\u200b\u2028-\u202f\u2066-\u2069、。，！？；：「」『』（）【】《》〈〉]"
)
_FOUND = re.compile(
    rf"(?P<url>(?<![A-Za-z0-9_])https?://{_URL_CHAR}{{1,{URL_CHARS_MAX}}})"
    r"|(?<![\w@/=])@(?P<username>[A-Za-z0-9_]++(?:[.-]++[A-Za-z0-9_]++)*+)(?!\w)"
    r"(?:@(?P<domain>(?:\w++(?:-++\w++)*+\.)*\w++(?:-++\w++)*+(?::[0-9]{2,5}(?![0-9]))?))?"
    r"|(?<![\w#/&)=])[#＃](?P<tag>[^\s!-/:-@\[-^`{-~#＃]+)",
    re.IGNORECASE,
)
_AUTHORITY = re.compile(
    r"https?://((?:[\w-]+\.)*[\w-]+\.?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?=[/?#]|$)", re.IGNORECASE
)
_TRAILING = ".,:;!?'\"*_~)]}"
_CLOSES = {")": "(", "]": "[", "}": "{"}
_TAG_JOINERS = "_·・‧\u200c\u200d"


_NOT_IN_TAGS = re.compile(r"[^\w]+")


class Kind(Enum):
    """What a piece of text is."""

    TEXT = "text"
    URL = "url"
    MENTION = "mention"
    HASHTAG = "hashtag"


@dataclass(frozen=True, slots=True)
class Handle:
    """A mentioned name: `@username` or `@username@domain[:port]`, as typed."""

    username: str
    domain: str | None

    @property
    def key(self) -> str:
        """What the `mentions` given to a renderer are looked up by: lower case, without the first `@`."""
        return str(self).lower()

    def __str__(self) -> str:
        return self.username if self.domain is None else f"{self.username}@{self.domain}"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text; joined together, the pieces give the text back."""

    kind: Kind
    text: str
    handle: Handle | None = None


def scan(text: str) -> Iterator[Piece]:
    """The text in pieces, in linear time. Addresses are http and https; a hashtag has a letter in it."""
    position = start = 0
    while (match := _FOUND.search(text, position)) is not None:
        piece = _piece(match)
        if piece is None:
            # Not the whole match: a mention may follow an address that is none.
            position = match.start() + 1 if match["url"] is None else match.start() + len("http://")
            continue
        if match.start() > start:
            yield Piece(Kind.TEXT, text[start : match.start()])
        yield piece
        position = start = match.start() + len(piece.text)
    if start < len(text):
        yield Piece(Kind.TEXT, text[start:])


def _piece(match: re.Match[str]) -> Piece | None:
    if match["url"] is not None:
        url = _trim(match["url"])
        # A user name before the host is how `https://bank.example@evil.example` is made: left as text.
        if len(match["url"]) >= URL_CHARS_MAX or _AUTHORITY.match(url) is None:
            return None
        return Piece(Kind.URL, url)
    if match["username"] is not None:
        domain = match["domain"]
        return Piece(Kind.MENTION, match[0], Handle(match["username"], domain.lower() if domain else None))
    name = _tag_name(match["tag"])
    return None if name is None else Piece(Kind.HASHTAG, match[0][0] + name)


def _trim(url: str) -> str:
    """Without the punctuation of the sentence around it; a bracket stays when it was opened inside."""
    surplus = {close: url.count(close) - url.count(opened) for close, opened in _CLOSES.items()}
    end = len(url)
    while end and url[end - 1] in _TRAILING:
        last = url[end - 1]
        if last in surplus:
            if surplus[last] <= 0:
                break
            surplus[last] -= 1
        end -= 1
    return url[:end]


def _tag_name(run: str) -> str | None:
    """The longest hashtag the run begins with. Marks count, or no tag in Hindi or Thai would be whole."""
    end = 0
    for character in run:
        if not (
            character.isalnum() or character in _TAG_JOINERS or unicodedata.category(character)[0] == "M"
        ):
            break
        end += 1
    name = run[:end].rstrip("·・‧\u200c\u200d")
    if len(name) > HASHTAG_CHARS_MAX or not any(character.isalpha() for character in name):
        return None
    return name


def find_mentions(text: str) -> list[Handle]:
    """Who is mentioned in plain text, in order, each once."""
    return mentions_of(scan(text))


def find_hashtags(text: str) -> list[str]:
    """The hashtags of plain text as typed, without `#`, in order, each (by `tag_key`) once."""
    return hashtags_of(scan(text))


def find_urls(text: str) -> list[str]:
    """The http and https addresses in plain text, in order, each once."""
    return urls_of(scan(text))


def mentions_of(pieces: Iterable[Piece]) -> list[Handle]:
    """The handles among scanned pieces, each once."""
    found: dict[str, Handle] = {}
    for piece in pieces:
        if piece.handle is not None:
            found.setdefault(piece.handle.key, piece.handle)
    return list(found.values())


def hashtags_of(pieces: Iterable[Piece]) -> list[str]:
    """The hashtags among scanned pieces, each once."""
    found: dict[str, str] = {}
    for piece in pieces:
        if piece.kind is Kind.HASHTAG:
            found.setdefault(tag_key(piece.text), piece.text[1:])
    return list(found.values())


def urls_of(pieces: Iterable[Piece]) -> list[str]:
    """The addresses among scanned pieces, each once."""
    return list(dict.fromkeys(piece.text for piece in pieces if piece.kind is Kind.URL))


def tag_key(name: str) -> str:
    """What makes two hashtags the same: NFKC and case folded, without `#`. Used in addresses of tags."""
    folded = unicodedata.normalize("NFKC", name).casefold().lstrip("#")
    return unicodedata.normalize("NFKC", folded)


def keyword_tags(keywords: Iterable[str]) -> dict[str, str]:
    """Keywords as hashtags, key to name: ``data management`` is ``#DataManagement``."""
    found: dict[str, str] = {}
    for words in keywords:
        pieces = [one for one in _NOT_IN_TAGS.split(words) if one]
        name = pieces[0] if len(pieces) == 1 else "".join(one[:1].upper() + one[1:] for one in pieces)
        if len(name) <= HASHTAG_CHARS_MAX and any(one.isalpha() for one in name):
            found.setdefault(tag_key(name), name)
    return found


def character_count(text: str) -> int:
    """The length of a post as a person counts it.

    An address counts 23, a mention only its local part with the `@` (both as in Mastodon); accents,
    skin tones, joined emoji and flags count as the one character they look like.
    """
    count = 0
    for piece in scan(text):
        if piece.kind is Kind.URL:
            count += URL_CHARACTERS
        elif piece.handle is not None:
            count += 1 + len(piece.handle.username)
        else:
            count += _characters(piece.text)
    return count


def _characters(text: str) -> int:
    if text.isascii():
        return len(text) - text.count("\r\n")
    count = 0
    joined = False
    flags = 0
    for character in unicodedata.normalize("NFC", text):
        if "\U0001f1e6" <= character <= "\U0001f1ff":  # two regional indicators are one flag
            flags += 1
            count += flags % 2
            joined = False
            continue
        flags = 0
        if character == "\u200d":
            joined = True
            continue
        if _extends(character):
            continue
        if not joined:
            count += 1
        joined = False
    return count


def _extends(character: str) -> bool:
    """Whether it only changes how the character before it looks (marks, selectors, skin tones, tags)."""
    if character.isascii():
        return False
    return (
        unicodedata.category(character) in ("Mn", "Me", "Mc")
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
    )


def host_of(url: str) -> str | None:
    """The host a browser would go to, in lower case ASCII (IDNA), or None when there is none."""
    try:
        host = urlsplit(url.strip().replace("\\", "/")).hostname
    except ValueError:
        return None
    if not host:
        return None
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return host
