"""A mail as it came, read: for whom it is, whether a person wrote it, what it says, what is attached. No I/O.

Whatever is broken is read as far as it goes. A header proves nothing about who wrote a mail: only the code in our
address does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.errors import MessageError
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from typing import Any, Final

from fedserver.archives import letters
from fedserver.content.from_html import markdown_of
from fedserver.errors import Invalid, TooLarge
from fedserver.mail_in.own_words import own_words, unwrapped

PARTS_MAX: Final = 200
TEXT_CHARS_MAX: Final = 500_000
HEADER_CHARS_MAX: Final = 2_000
ADDRESSES_MAX: Final = 100
DECORATION_BYTES_MAX: Final = 3_000
"""Pictures within the text that are smaller are lines, icons and counters."""

# Where a mail server says for whom a copy is, before what its sender wrote.
_RECIPIENT_HEADERS: Final = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")
_BULK: Final = frozenset({"bulk", "junk", "list", "auto_reply"})
_DAEMONS: Final = frozenset({"mailer-daemon", "postmaster", "noreply", "no-reply"})
_UNREAD: Final = frozenset(
    {
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-keys",
        "application/ms-tnef",
        "text/vcard",
        "text/x-vcard",
        "text/directory",
        "text/calendar",
    }
)
_CALENDARS: Final = ("text/calendar", "application/ics")
CALENDARS_MAX: Final = 1
"""A program that answers says it once, perhaps in two parts."""
_SEALED: Final = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_ENCRYPTED: Final = "This mail is encrypted, and we cannot read it. Please send it again without encryption."
# Where mail programs put what they quote, or a signature, into HTML.
_REST_OF_HTML = re.compile(
    r"<blockquote|divRplyFwdMsg|mail-editor-reference-message|moz-cite-prefix|appendonsend|"
    r"class=\"?[^\">]{0,100}(?:gmail_quote|gmail_signature|moz-signature|yahoo_quoted|protonmail_quote)",
    re.IGNORECASE,
)
_PICTURE_WORDS = re.compile(r"\[(?:image|inline image|cid|bild|grafik)\s?:[^\]\n]{0,200}\]", re.IGNORECASE)
_SIGNED_TEXT = re.compile(
    r"\A\s*-----BEGIN PGP SIGNED MESSAGE-----\n(?:[A-Za-z]+: .*\n)*\n(?P<text>.*?)\n-----BEGIN PGP SIGNATURE-----",
    re.DOTALL,
)


class Unreadable(Invalid):
    """The mail cannot be used; the text says to its sender why."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the headers say. `addresses` are all it may be for, the most reliable first, in lower case."""

    message_id: str
    sender: str
    addresses: tuple[str, ...]
    automatic: str
    """Why nobody wrote this by hand, in two words; "" if somebody did."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came along."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Letter:
    """What somebody wrote, in Markdown, and the files they sent with it."""

    subject: str
    text: str
    attachments: tuple[Attachment, ...]


def read_head(raw: bytes) -> Head:
    """What the headers say; nothing is raised, however broken they are."""
    message = BytesHeaderParser().parsebytes(raw)
    senders = _addresses(message, ("From",))
    return Head(
        message_id=letters.text_of(message, "Message-ID")[:HEADER_CHARS_MAX],
        sender=senders[0] if senders else "",
        addresses=tuple(_addresses(message, _RECIPIENT_HEADERS)),
        automatic=_automatic(message, senders[0] if senders else ""),
    )


def read_letter(raw: bytes, *, ours: Sequence[str] = ()) -> Letter:
    """What somebody wrote. `ours` as for `own_words`. Raises Unreadable, and TooLarge."""
    try:
        message = message_from_bytes(raw)
        parts = list(_parts(message))
        texts, files = _sorted_parts(parts)
    except (RecursionError, MessageError) as error:
        raise Unreadable({}, "This mail is built in a way that we cannot read.") from error
    text = "\n\n".join(filter(None, (_own(part, ours) for part in texts)))
    return Letter(letters.title_of(letters.text_of(message, "Subject")), text, tuple(files))


def read_calendars(raw: bytes) -> list[bytes]:
    """The iCalendar objects in a mail, those among its faces first, each once; nothing is raised."""
    if b"text/calendar" not in (lower := raw.lower()) and b"application/ics" not in lower:
        return []
    try:
        parts = [one for one, _ in zip(message_from_bytes(raw).walk(), range(PARTS_MAX), strict=False)]
        found = [letters.bytes_of(one) for one in parts if one.get_content_type() in _CALENDARS]
    except (RecursionError, MessageError, LookupError, ValueError):
        return []
    return list(dict.fromkeys(found))[:CALENDARS_MAX]


# -- headers


def _addresses(message: Message, names: Sequence[str]) -> list[str]:
    values = [str(value)[: HEADER_CHARS_MAX * 10] for name in names for value in message.get_all(name, [])]
    found = [address.strip().lower() for _, address in getaddresses(values[:ADDRESSES_MAX])]
    return list(dict.fromkeys(one for one in found if "@" in one))[:ADDRESSES_MAX]


def _automatic(message: Message, sender: str) -> str:
    """RFC 3834 §2 and what programs do besides: answers of machines are never answered, nor posted."""
    submitted = letters.text_of(message, "Auto-Submitted").strip().lower()
    if submitted and submitted != "no":
        return "answered automatically"
    if letters.text_of(message, "Precedence").strip().lower() in _BULK:
        return "sent in bulk"
    if any(
        name in message for name in ("X-Autoreply", "X-Autorespond", "X-Failed-Recipients", "X-Mail-Kind")
    ):
        return "answered automatically"
    if any(name in message for name in ("List-Id", "List-Unsubscribe")):
        return "from a list"
    if message.get_content_type() == "multipart/report":
        return "a report"
    if str(message.get("Return-Path", "")).strip() == "<>" or not sender:
        return "without sender"
    if sender.partition("@")[0] in _DAEMONS:
        return "by a machine"
    return ""


# -- parts


def _parts(message: Message) -> Iterator[tuple[Message, bool]]:
    """The leaves that count, in order, each with whether it stands beside HTML that may show it (RFC 2387)."""
    kind = message.get_content_type()
    if kind == "multipart/encrypted" or kind in _SEALED:
        raise Unreadable({}, _ENCRYPTED)
    if not message.is_multipart() or kind == "message/rfc822":
        yield message, False
        return
    children = [one for one in _payload(message)[:PARTS_MAX] if isinstance(one, Message)]
    if kind == "multipart/signed":
        children = children[:1]
    elif kind == "multipart/alternative":
        children = _alternatives(children)
    for index, child in enumerate(children):
        for leaf, related in _parts(child):
            yield leaf, related or (kind == "multipart/related" and index > 0)


def _payload(message: Message) -> list[Any]:
    payload = message.get_payload()
    return payload if isinstance(payload, list) else []


def _alternatives(children: list[Message]) -> list[Message]:
    """The plain text, if it says something, and of the others only the files; else the HTML with its files."""
    plain = [one for one in children if one.get_content_type() == "text/plain" and _text(one).strip()]
    rich = [one for one in children if one.get_content_type() != "text/plain"]
    return [*plain[:1], *rich] if plain else rich or children


def _sorted_parts(parts: Sequence[tuple[Message, bool]]) -> tuple[list[Message], list[Attachment]]:
    """The parts that are the text, and the files."""
    if len(parts) > PARTS_MAX:
        raise Unreadable({}, f"This mail has too many parts: more than {PARTS_MAX}.")
    texts = [one for one, _ in parts if _is_text(one)]
    html = "\n".join(_text(one) for one in texts if one.get_content_type() == "text/html")
    plain = [one for one in texts if one.get_content_type() == "text/plain" and _text(one).strip()]
    files: list[Attachment] = []
    for part, related in parts:
        kind = part.get_content_type()
        if _is_text(part) or kind in _UNREAD or part.get_filename() == "smime.p7s":
            continue
        data = letters.bytes_of(part)
        decorates = part.get_content_maintype() == "image" and _is_decoration(part, related, len(data), html)
        if not data or decorates:
            continue
        files.append(Attachment(letters.file_name(part), kind, data))
    return plain or texts, files


def _is_text(part: Message) -> bool:
    return (
        part.get_content_type() in ("text/plain", "text/html", "text/enriched")
        and part.get_content_disposition() != "attachment"
    )


def _is_decoration(part: Message, related: bool, size: int, html: str) -> bool:
    """Whether a picture belongs to a signature, to what is quoted, or is there for looks."""
    name = str(part.get("Content-ID", "")).strip().strip("<>")
    if part.get_content_disposition() == "attachment" and not related:
        return False
    shown_at = html.find(f"cid:{name}") if name else -1
    if shown_at < 0:
        return related
    rest = _REST_OF_HTML.search(html)
    return size < DECORATION_BYTES_MAX or (rest is not None and shown_at > rest.start())


def _text(part: Message) -> str:
    text = letters.text_in(letters.bytes_of(part), part.get_content_charset("") or "")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


# -- the text


def _own(part: Message, ours: Sequence[str]) -> str:
    text = _text(part)
    if len(text) > TEXT_CHARS_MAX:
        raise TooLarge(f"This mail is too long: its text has more than {TEXT_CHARS_MAX} characters.")
    if part.get_content_type() == "text/html":
        return own_words(_PICTURE_WORDS.sub("", markdown_of(text)), ours=ours)
    if "-----BEGIN PGP MESSAGE-----" in text:
        raise Unreadable({}, _ENCRYPTED)
    signed = _SIGNED_TEXT.match(text)
    if signed:
        text = re.sub(r"^- ", "", signed["text"], flags=re.MULTILINE)
    flowed = letters.parameter(part, "format").lower() == "flowed"
    if flowed:
        text = letters.unflowed(text, deletes_blanks=letters.parameter(part, "delsp").lower() == "yes")
    own = own_words(_PICTURE_WORDS.sub("", text), ours=ours)
    return own if flowed else unwrapped(own)
