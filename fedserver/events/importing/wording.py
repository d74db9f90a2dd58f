"""What calendars say in words, as an event here says it: cut to size, HTML made Markdown, and links to join kept apart.

Whoever can read an event may not see how to join it: a link to a meeting is taken out of every text, and kept where only those
who are in find it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from activitypub.identifiers import origin_of
from fedserver.content.from_html import has_markup, markdown_of, text_of
from fedserver.content.text import clean_line, clean_text, language_tag
from fedserver.errors import TooLarge
from fedserver.events import checking
from fedserver.events.records import Place
from fedserver.resources.importing.receipts import Receipt

KEYWORDS_MAX: Final = 40
UNTITLED: Final = "Untitled event"
_URL: Final = re.compile(r"https?://[^\s<>\"'`]{3,2000}[^\s<>\"'`.,;:!?)\]]", re.IGNORECASE)
_MARKS: Final = re.compile(r"([\\`*_\[\]<>#|~])")
_TOOLS: Final = (
    ("zoom.us", "Zoom"), ("zoom.com", "Zoom"), ("meet.google.com", "Google Meet"), ("teams.microsoft.com", "Teams"),
    ("teams.live.com", "Teams"), ("webex.com", "Webex"), ("meet.jit.si", "Jitsi"), ("whereby.com", "Whereby"),
    ("gotomeeting.com", "GoToMeeting"), ("gotomeet.me", "GoToMeeting"), ("bluejeans.com", "BlueJeans"),
)  # fmt: skip
# Hosts that are one community's own: those whose name says what they are for.
_OWN: Final = re.compile(
    r"(?:meet|meeting|meetings|bbb|jitsi|conference|webconf|zoom|video)\d*\.", re.IGNORECASE
)
_ONLINE: Final = re.compile(
    r"\s*(?:online|virtual|remote|zoom|google meet|teams|microsoft teams|webex|jitsi|video ?call|tba online)\s*",
    re.IGNORECASE,
)
_KINDS: Final = (
    ("office-hours", r"office[- ]hours?|clinic|drop[- ]in|sprechstunde"), ("cowork", r"co-?work\w*|hacky? ?hour"),
    ("workshop", r"workshop|bootcamp|hands-on|hackathon|sprint"), ("webinar", r"webinar|seminar"),
    ("course", r"course|training|lesson|school"), ("conference", r"conference|symposium|congress"),
    ("call", r"calls?|meeting|stand-?up|sync"),
)  # fmt: skip
_KIND_WORDS: Final = tuple((kind, re.compile(rf"\b(?:{words})\b", re.IGNORECASE)) for kind, words in _KINDS)


def line(text: str, chars_max: int) -> str:
    """One line, cut."""
    kept = clean_line(text)
    return kept if len(kept) <= chars_max else kept[: chars_max - 1].rstrip() + "…"


def title(receipt: Receipt, summary: str, text: str, calendar: str) -> str:
    """The title that is said, or else the first words of the text."""
    kept = clean_line(plain(receipt, "title", summary))
    if len(kept) > checking.TITLE_CHARS_MAX:
        receipt.note("repaired", "title", f"It had {len(kept):,} characters, and was cut.")
    kept = line(without_meetings(kept)[0], checking.TITLE_CHARS_MAX)
    if kept:
        return kept
    guess = line(next((one for one in text.splitlines() if one.strip()), ""), 80)
    receipt.note("guessed" if guess else "missing", "title", "It has no title.")
    return guess or UNTITLED


def plain(receipt: Receipt, name: str, text: str) -> str:
    """A text that should have no markup."""
    if ("<" not in text and "&" not in text) or not has_markup(text):
        return text
    try:
        found = text_of(text[:50_000])
    except (TooLarge, RecursionError):
        return text
    if found != text:
        receipt.note("repaired", name, "It was written as HTML, and is plain now.")
    return found


def body(receipt: Receipt, text: str, html: str) -> tuple[str, str]:
    """The text as Markdown, and the link to join that stood in it ("" without one)."""
    found = ""
    if html or ("<" in text and has_markup(text)):
        try:
            found = markdown_of(html or text)
        except (TooLarge, RecursionError):
            receipt.note("left_out", "text", "Its formatting was too much; the words alone were taken.")
        else:
            receipt.note("repaired", "text", "It was written as HTML and has become Markdown.")
    if not found.strip():
        found = as_markdown(clean_text(text))
    return markdown(receipt, clean_text(found))


def markdown(receipt: Receipt, text: str) -> tuple[str, str]:
    """Markdown without links to join, cut; and the first of these links."""
    found, links = without_meetings(text)
    if links:
        receipt.note("left_out", "text", "A link to join stood in it: only those who are in get it.")
    if len(found) > checking.TEXT_CHARS_MAX:
        receipt.note("repaired", "text", f"It had {len(found):,} characters, and was cut.")
        found = found[: checking.TEXT_CHARS_MAX - 1].rstrip() + "…"
    return found, links[0] if links else ""


def as_markdown(text: str) -> str:
    """Plain text as Markdown that says the same. Addresses stay as they are."""
    done, at = [], 0
    for found in _URL.finditer(text):
        done += [_MARKS.sub(r"\\\1", text[at : found.start()]), found[0]]
        at = found.end()
    done.append(_MARKS.sub(r"\\\1", text[at:]))
    return "\n".join(one.lstrip() for one in "".join(done).splitlines())


def without_meetings(text: str) -> tuple[str, list[str]]:
    """The text without links to meetings, and those links."""
    links: list[str] = []

    def cut(found: re.Match[str]) -> str:
        if not is_meeting(found[0]):
            return found[0]
        links.append(found[0])
        return "…"

    return _URL.sub(cut, text), links


def is_meeting(url: str) -> bool:
    """Whether an address lets whoever has it into a meeting."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return False
    if not parts.path.strip("/"):
        return False
    return (
        any(host == name or host.endswith("." + name) for name, _ in _TOOLS) or _OWN.match(host) is not None
    )


def tool_of(url: str) -> str:
    """By which means one joins there, where that is known."""
    host = (urlsplit(url).hostname or "").lower() if url else ""
    return next((tool for name, tool in _TOOLS if host == name or host.endswith("." + name)), "")


def place(receipt: Receipt, location: str) -> tuple[Place, bool, str]:
    """Where it is, whether that is online, and the page or meeting that was named as the place."""
    text = plain(receipt, "place", location)
    found = _URL.search(text)
    website = found[0] if found is not None and origin_of(found[0]) is not None else ""
    rest = clean_line(_URL.sub(" ", text).replace("\n", ", "))
    if found is not None:
        rest = rest.replace("()", "").strip(" ,;|-–:")
    online = bool(website) or _ONLINE.fullmatch(rest) is not None
    if website:
        receipt.note("guessed", "online", "Its place is an address on the web, so it is online.")
    if not rest or _ONLINE.fullmatch(rest):
        return Place(), online, website
    if len(rest) > 200:
        receipt.note("repaired", "place", f"It had {len(rest):,} characters, and was cut.")
    return Place(name=line(rest, 200)), online, website


def kind_of(name: str) -> str:
    """What kind of event a title speaks of."""
    return next((kind for kind, words in _KIND_WORDS if words.search(name)), "meetup")


def keywords(receipt: Receipt, names: Iterable[str]) -> tuple[str, ...]:
    """Each once, few, short."""
    kept = list(dict.fromkeys(line(plain(receipt, "keywords", one), 100) for one in names))
    kept = [one for one in kept if one]
    if len(kept) > KEYWORDS_MAX:
        receipt.note("left_out", "keywords", f"Only the first {KEYWORDS_MAX} were taken, of {len(kept)}.")
    return tuple(kept[:KEYWORDS_MAX])


def language_of(value: Any) -> str:
    """The language that a property says it is in."""
    tag = str(getattr(value, "params", {}).get("LANGUAGE", "")).strip()
    return (language_tag(tag) or "")[:16] if tag else ""
