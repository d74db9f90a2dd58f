"""One mail of an archive: its head, its text, what is attached. Written for what mail programs of thirty years sent,
so nothing here fails for a header or a charset: what cannot be read is read as well as can be.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message as Mail
from email.parser import BytesHeaderParser, BytesParser
from email.policy import compat32
from email.utils import mktime_tz, parsedate_tz
from functools import partial
from pathlib import Path
from typing import Any, Final

from fedserver.archives.records import (
    EXTERNAL_ID_CHARS_MAX,
    FILE_BYTES_MAX,
    File,
    LeftOut,
    Message,
    NotAnArchive,
    Person,
    fitting,
)
from fedserver.content.html import sanitise_article, to_text
from fedserver.content.text import clean_line, clean_text
from fedserver.errors import TooLarge
from storage.types import now_ms

PARTS_MAX: Final = 200
SIGNATURE_LINES_MAX: Final = 20
_EARLIEST_MS: Final = 31_536_000_000  # 1971: before that there are only clocks that were never set
_TOMORROW_MS: Final = 86_400_000
HEADER_CHARS_MAX: Final = 1_000
"""Of one header: longer ones are made to keep whoever reads them busy."""
REFERENCES_CHARS_MAX: Final = 50_000
_MESSAGE_ID: Final = re.compile(r"<([^<>\s]+)>")
# In the languages whose mail programs translate it. "Re[2]:" is The Bat's, "Antw:" Dutch and old German.
_ANSWER_MARK: Final = re.compile(
    r"(?:re|aw|antw|antwort|sv|vs|rif|ref|res|enc|odp|atb|ynt|回复|答复)(?:\[\d+\])?\s*[:：]\s*",
    re.IGNORECASE,
)
_LIST_MARK: Final = re.compile(r"\[[^\[\]]{1,60}\]\s*")
_VIA: Final = re.compile(r"(.+?)\s+(?:via|über|por)\s+\S.*")
_SPELT_AT: Final = re.compile(r"^(\S+) (?:at|\(at\)|\[at\]) (\S+)", re.IGNORECASE)
_NAME_AND_ADDRESS: Final = re.compile(r"(?P<name>[^<]*)<(?P<address>[^<>\s]*)>")
_ADDRESS_AND_NAME: Final = re.compile(r"(?P<address>\S+@\S+) *\((?P<name>[^()]*)\)")
_ADDRESS: Final = re.compile(r"(?P<address>[^\s@,;]+@[^\s@,;]+)")
_ASCTIME: Final = re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} \d{1,2}:\d{2}.*")  # RFC 4155, appendix A
_SIGNATURE: Final = re.compile(r"^-- ?$", re.MULTILINE)  # RFC 3676 §4.3; some programs lose the blank
_LIST_FOOTER: Final = re.compile(
    r"\n_{30,}\n[^\n]{1,200}(?:mailing list|Mailingliste|liste de diffusion|lista de correo)\b[^\n]*\n.{0,1000}\Z",
    re.DOTALL | re.IGNORECASE,
)
_QUOTED: Final = re.compile(r"^>[ >]*")
# RFC 1556: how right-to-left text is laid out; the letters are the same.
_DIRECTION: Final = re.compile(r"\A(iso-8859-[68])-[ei]\Z", re.IGNORECASE)


@dataclass(slots=True)
class Heading:
    """What the head of a mail says about its place among others."""

    external_id: str
    at_ms: int | None
    subject_key: str
    is_answer: bool
    references: list[str] = field(default_factory=list)
    """Nearest first."""


# -- the head


def heading(head: bytes, separator: bytes = b"") -> Heading:
    """Read the lines above a mail's first empty one; `separator` is the line that begins it in an mbox file."""
    mail = BytesHeaderParser(policy=compat32).parsebytes(head)
    subject = text_of(mail, "Subject")
    key, is_answer = subject_key(subject)
    references = _ids(text_of(mail, "References", chars_max=REFERENCES_CHARS_MAX))[::-1]
    answered = _ids(text_of(mail, "In-Reply-To"))
    # RFC 5322 §3.6.4: In-Reply-To is the parent; where there are several or none, the last reference is.
    nearest = answered if len(answered) == 1 else []
    references = list(dict.fromkeys([*nearest, *references, *answered]))
    own = _ids(text_of(mail, "Message-ID"))
    external_id = own[0] if own else f"sha256:{hashlib.sha256(head).hexdigest()}"
    return Heading(
        external_id=external_id,
        at_ms=date_of(mail, separator),
        subject_key=key,
        is_answer=is_answer or bool(references),
        references=[one for one in references if one != external_id],
    )


def _ids(text: str) -> list[str]:
    return [_bounded_id(one) for one in _MESSAGE_ID.findall(text)]


def _bounded_id(text: str) -> str:
    if len(text) <= EXTERNAL_ID_CHARS_MAX:
        return text
    return f"sha256:{hashlib.sha256(text.encode(errors='replace')).hexdigest()}"


def date_of(mail: Mail, separator: bytes = b"") -> int | None:
    """When it was sent, in ms: by its Date, else by the first server that took it, else by the separator. None when
    all of them are nonsense."""
    received = mail.get_all("Received") or []
    texts = [
        text_of(mail, "Date"),
        *(str(one).rpartition(";")[2] for one in reversed(received)),
        *_ASCTIME.findall(separator.decode("latin-1")),
    ]
    for text in texts:
        parsed = parsedate_tz(" ".join(text.split()))
        if parsed is None:
            continue
        try:
            datetime(*parsed[:6])  # noqa: DTZ001  only whether there is such a day
            at_ms = int(mktime_tz(parsed)) * 1000
        except (ValueError, OverflowError):
            continue
        if _EARLIEST_MS <= at_ms <= now_ms() + _TOMORROW_MS:
            return min(at_ms, now_ms())
    return None


def text_of(mail: Mail, name: str, *, chars_max: int = HEADER_CHARS_MAX) -> str:
    """A header as one line of text, whatever it was encoded in; "" without it."""
    for key, value in mail.raw_items():
        if key.lower() == name.lower():
            return decoded(str(value)[:chars_max])
    return ""


def decoded(value: Any) -> str:
    """A header's value with its encoded words read (RFC 2047), and bytes that should not be there as text."""
    raw = " ".join(str(value).splitlines())
    try:
        pieces = decode_header(raw)
    except (HeaderParseError, ValueError):
        pieces = [(raw, None)]
    found = []
    for piece, charset in pieces:
        if isinstance(piece, str) and any("\udc80" <= letter <= "\udcff" for letter in piece):
            piece = piece.encode("utf-8", "surrogateescape")
        found.append(piece if isinstance(piece, str) else text_in(piece, charset or ""))
    return clean_line("".join(found))


def subject_key(subject: str) -> tuple[str, bool]:
    """What the subjects of a thread have in common, and whether this one says that it answers."""
    shown, is_answer = _without_marks(subject)
    return shown.casefold(), is_answer


def title_of(subject: str) -> str:
    """The subject as the title of a thread: without the list's name and without "Re:"."""
    return _without_marks(subject)[0]


def _without_marks(subject: str) -> tuple[str, bool]:
    text, position, is_answer = subject.strip(), 0, False
    while True:
        mark = _ANSWER_MARK.match(text, position)
        if mark is not None:
            is_answer = True
        else:
            mark = _LIST_MARK.match(text, position)
        if mark is None or mark.end() == len(text):
            return text[position:], is_answer
        position = mark.end()


# -- who wrote it


def author_of(mail: Mail) -> Person | None:
    """Who wrote it; None where it does not say. Lists that write in the name of others are seen through."""
    name, address = _mailbox(text_of(mail, "From"))
    via = _VIA.fullmatch(name)
    if via is not None:
        real_name, real_address = _mailbox(text_of(mail, "X-Original-From") or text_of(mail, "Reply-To"))
        name = via[1].strip("'\" ")
        address = real_address or address
        name = real_name or name
    if not address and not name:
        return None
    name = clean_line(name.strip("'\" ")) or address.partition("@")[0]
    key = address.casefold() or f"name:{name.casefold()}"
    return Person(external_id=_bounded_id(key), name=name[:200], email=address)


def _mailbox(text: str) -> tuple[str, str]:
    """Name and address of the first mailbox in a header; archives on the web spell "@" as " at "."""
    text = _SPELT_AT.sub(r"\1@\2", text.strip())
    for shape in (_NAME_AND_ADDRESS, _ADDRESS_AND_NAME, _ADDRESS):
        found = shape.match(text)
        if found is not None:
            parts = found.groupdict(default="")
            local, at, domain = parts["address"].strip().rpartition("@")
            name = parts.get("name", "").replace("\\", "").strip("'\" ")
            return name, f"{local}@{domain.lower()}" if at and local and domain else ""
    return text.strip("'\" "), ""


# -- the whole mail


def message(
    source: bytes,
    *,
    where: str,
    external_id: str,
    at_ms: int,
    ancestors: list[str],
    again: Callable[[], bytes],
) -> Message | LeftOut:
    """A mail as a message; `again` reads its source once more, when a file of it is wanted."""
    mail = BytesParser(policy=compat32).parsebytes(source)
    author = author_of(mail)
    if author is None:
        return LeftOut(where, "It does not say who wrote it.")
    text, files = _contents(mail, again)
    subject = title_of(text_of(mail, "Subject"))
    text = fitting(tidied(text))
    if not text and not files:
        if not subject:
            return LeftOut(where, "It is empty.")
        text = subject
    return Message(
        external_id=external_id,
        author=author,
        at_ms=at_ms,
        text=text,
        title=subject,
        ancestors=ancestors,
        files=files,
    )


def _contents(mail: Mail, again: Callable[[], bytes]) -> tuple[str, list[File]]:
    texts: list[str] = []
    files: list[File] = []
    for number, (part, is_text) in enumerate(_parts(mail)):
        if number >= PARTS_MAX:
            break
        if is_text:
            texts.append(_text(part))
        else:
            files.append(File(file_name(part), save=partial(_save, again, number)))
    return "\n\n".join(one for one in texts if one.strip()), files


def _parts(mail: Mail) -> Iterator[tuple[Mail, bool]]:
    """The parts that are shown, and whether each is part of the text; always in the same order."""
    kind = mail.get_content_type()
    if kind == "multipart/alternative":
        parts: Any = mail.get_payload() if mail.is_multipart() else []
        best = next((one for one in parts if _is_readable(one, "text/plain")), None)
        best = best or next((one for one in reversed(parts) if _is_readable(one, "text/html")), None)
        if best is not None:
            yield from _parts(best)
        elif parts:
            yield from _parts(parts[-1])
    elif mail.is_multipart() and kind != "message/rfc822":
        for part in mail.get_payload():
            if isinstance(part, Mail):
                yield from _parts(part)
    elif kind in (
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
    ):
        return
    else:
        attached = mail.get_content_disposition() == "attachment"
        yield mail, kind in ("text/plain", "text/html") and not attached


def _is_readable(part: Mail, kind: str) -> bool:
    """Whether there is a part of this type in it that has anything to say."""
    return any(
        one.get_content_type() == kind and bool(bytes_of(one).strip())
        for one in part.walk()
        if not one.is_multipart()
    )


def _text(part: Mail) -> str:
    text = text_in(bytes_of(part), part.get_content_charset("") or "")
    if part.get_content_type() == "text/html":
        try:
            return to_text(sanitise_article(text))
        except TooLarge:
            return to_text(re.sub(r"<[^<>]{0,10000}>", " ", text))
    text = clean_text(text)
    if parameter(part, "format").lower() == "flowed":
        return unflowed(text, deletes_blanks=parameter(part, "delsp").lower() == "yes")
    return text


def parameter(part: Mail, name: str) -> str:
    """A parameter of its Content-Type; "" without."""
    try:
        found = part.get_param(name, "")
    except (ValueError, LookupError):
        return ""
    return str(found[2] if isinstance(found, tuple) else found)


def bytes_of(part: Mail) -> bytes:
    """The content of a part, its transfer encoding undone; of a mail within the mail, the whole of it."""
    if part.get_content_type() == "message/rfc822":
        return part.as_bytes()
    try:
        found = part.get_payload(decode=True)
    except (ValueError, LookupError):
        found = None
    return found if isinstance(found, bytes) else b""


def file_name(part: Mail) -> str:
    """What an attachment is called; by its type where it has no name."""
    try:
        name = decoded(part.get_filename() or "")
    except (ValueError, LookupError):
        name = ""
    name = name.replace("\\", "/").rpartition("/")[2]
    return name[:200] or f"{part.get_content_type().replace('/', '.')}"


def _save(again: Callable[[], bytes], wanted: int, path: Path) -> None:
    mail = BytesParser(policy=compat32).parsebytes(again())
    for number, (part, _) in enumerate(_parts(mail)):
        if number == wanted:
            content = bytes_of(part)
            if len(content) > FILE_BYTES_MAX:
                raise NotAnArchive(message=f"It is larger than {FILE_BYTES_MAX >> 20} MB.")
            path.write_bytes(content)
            return
    raise NotAnArchive(message="It cannot be read.")


# -- text


def text_in(content: bytes, charset: str) -> str:
    """Bytes as text: in the charset that is named if they are in it, else UTF-8, else what Western Windows wrote."""
    charset = _DIRECTION.sub(r"\1", charset)
    for name in (charset, "utf-8", "cp1252"):
        try:
            return content.decode(codecs.lookup(name).name) if name else content.decode("ascii")
        except (LookupError, ValueError):
            continue
    return content.decode("latin-1")


def tidied(text: str) -> str:
    """The text as it was meant for others: what was quoted stays; the list's footer and the signature go."""
    text = _LIST_FOOTER.sub("", "\n" + clean_text(text)).lstrip("\n")
    marks = list(_SIGNATURE.finditer(text))
    if marks and text[marks[-1].end() :].count("\n") <= SIGNATURE_LINES_MAX:
        kept = text[: marks[-1].start()].rstrip()
        # Who writes below the signature of the mail they answer has more to say than its author's address.
        if kept and not any(_QUOTED.match(line) for line in text[marks[-1].end() :].splitlines()):
            return kept
    return text.rstrip()


def unflowed(text: str, *, deletes_blanks: bool = False) -> str:
    """Text of ``format=flowed`` with its paragraphs whole again (RFC 3676 §4)."""
    out: list[list[str]] = []
    depth_before, soft = 0, False
    for line in text.split("\n"):
        quoted = re.match(r">*", line)
        depth = quoted.end() if quoted else 0
        rest = line[depth:].removeprefix(" ")
        is_signature = rest == "-- "
        if soft and depth == depth_before and not is_signature:
            out[-1].append(rest)
        else:
            out.append([f"{'>' * depth} {rest}" if depth else rest])
        soft = rest.endswith(" ") and not is_signature
        if soft and deletes_blanks:
            out[-1][-1] = out[-1][-1][:-1]
        depth_before = depth
    lines = ("".join(parts) for parts in out)
    return "\n".join(line.rstrip() if line.rstrip() != "--" else "-- " for line in lines)
