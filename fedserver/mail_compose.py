"""From a template and its values to a mail: headers, complete plain text, and the same as simple HTML.

A template is a text. Its first line is the subject; an address on a line of its own becomes a link in the HTML part;
lines that begin with ``>`` are a quotation, a line over one of hyphens a heading, ``**words**`` on a line of their own
the name of something; what follows ``--`` in its paragraph is small print, in which words before an address are a link.
Nothing is loaded from anywhere when it is opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from fedserver.config import Config
from fedserver.content.text import clean_line

SUBJECT_CHARS_MAX: Final = 150

_texts = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("mail_templates")),
    autoescape=False,  # noqa: S701 - plain text; the HTML part is made of its escaped lines
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_texts.filters["line"] = clean_line
_pages = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("mail_templates")),
    autoescape=True,
    undefined=StrictUndefined,
)
_RIGHT_TO_LEFT: Final = frozenset({"ar", "dv", "fa", "he", "ps", "ur", "yi"})
_ADDRESS = re.compile(r"https?://\S+")
_STRONG = re.compile(r"\*\*(.+)\*\*")
_LINKED = re.compile(r"(.{1,200}): (https?://\S+)")
_ENCODED: Final = "=?"  # what an encoded word begins with
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a mail's headers need besides the template.

    `message_id` and `references` are local parts such as ``post.12.7``: the same mail always has the same, and
    the mails of a thread refer to each other. `unsubscribe_url` is both page (GET) and one click (POST). `answers` is
    the Message-ID, in its brackets, of somebody's mail that this one is about. `list_id` (label and title) is for
    mails that go to many: the label is of letters, digits and dots.
    """

    to: str
    message_id: str
    kind: str
    references: tuple[str, ...] = ()
    unsubscribe_url: str = ""
    archive_url: str = ""
    from_name: str = ""
    reply_to: Address | None = None
    list_id: tuple[str, str] | None = None
    post_address: str = ""
    answers: str = ""


class Rendered(NamedTuple):
    """What a mail says: its subject, its text, the paragraphs of the text as HTML, and the language of both."""

    subject: str
    text: str
    html: Markup
    language: str = "en"


class CalendarPart(NamedTuple):
    """What a mail has for calendar programs (RFC 6047): an iCalendar object of this METHOD."""

    method: str
    body: bytes


def host_of(config: Config) -> str:
    """The name that our Message-IDs and List-Ids end with."""
    return urlsplit(f"//{config.domain}").hostname or "localhost"


def compose(
    config: Config,
    title: str,
    template: str,
    envelope: Envelope,
    values: dict[str, Any],
    *,
    rich: Mapping[str, Markup] | None = None,
    calendar: CalendarPart | None = None,
    own: Rendered | None = None,
) -> EmailMessage:
    """The mail, ready to be sent. Raises ValueError for an address that is none.

    `rich` are values that the HTML part shows as HTML (made safe before), by their names; in the template each stands
    in a paragraph of its own. `calendar` goes along as one more face of the mail, and as a file. `own` is what the mail
    says in the community's own words, in place of the template.
    """
    host = host_of(config)
    title = clean_line(title)
    everything = {
        "title": title,
        "origin": config.origin,
        "domain": config.domain,
        "unsubscribe_url": envelope.unsubscribe_url,
        **values,
    }
    said = own or rendered(template, everything, rich=rich)
    subject, body = said.subject, said.text
    html = html_page(title, config.origin, said)

    message = EmailMessage(policy=SMTP)
    message["From"] = Address(header_text(envelope.from_name or title), addr_spec=config.mail_sender)
    message["To"] = Address(addr_spec=envelope.to)
    message["Subject"] = header_text(subject)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{envelope.message_id}@{host}>"
    if envelope.references:
        message["In-Reply-To"] = f"<{envelope.references[-1]}@{host}>"
        message["References"] = " ".join(f"<{reference}@{host}>" for reference in envelope.references)
    if envelope.answers and _ENCODED not in envelope.answers:
        message["In-Reply-To"] = message["References"] = envelope.answers
    if envelope.reply_to is not None:
        name, address = envelope.reply_to.display_name, envelope.reply_to.addr_spec
        message["Reply-To"] = Address(header_text(name), addr_spec=address)
    message["Auto-Submitted"] = "auto-replied" if envelope.answers else "auto-generated"  # RFC 3834 §5
    message["X-Auto-Response-Suppress"] = "All"
    message["X-Mail-Kind"] = envelope.kind
    if envelope.unsubscribe_url:
        # RFC 8058: one click, without signing in, by POST to the same address.
        message["List-Unsubscribe"] = f"<{envelope.unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        label, words = envelope.list_id or (envelope.kind.replace("_", "-"), "")
        message["List-ID"] = f"{_phrase(words)}<{label}.{host}>"  # RFC 2919
        message["Precedence"] = "bulk"
        message["Feedback-ID"] = f"{envelope.kind}:{host}"
    if envelope.archive_url:
        message["List-Archive"] = f"<{header_address(envelope.archive_url)}>"
    if envelope.post_address:
        message["List-Post"] = f"<mailto:{envelope.post_address}>"  # RFC 2369 §3.4
    message.set_content(body, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    if calendar is not None:
        _add_calendar(message, calendar)
    return message


def header_text(text: str) -> str:
    """A text as the header of a mail takes it, on one line.

    `email` reads encoded words (RFC 2047) in whatever it is given, and some versions write what was in them as it is, ends of
    lines included, which begins another header. So nothing looks like one: a word joiner, which nobody sees, parts it.
    """
    return clean_line(text).replace(_ENCODED, "=\u2060?")


def header_address(url: str) -> str:
    """The same for an address, which may be another server's."""
    return url.replace(_ENCODED, "=%3F")


def rendered(
    template: str, everything: Mapping[str, Any], *, rich: Mapping[str, Markup] | None = None
) -> Rendered:
    """What a mail of this template says with these values, title, origin and domain among them."""
    subject, body = built_in(template, everything)
    return Rendered(subject, f"{body}\n", Markup("").join(_blocks(template, body, everything, rich or {})))


def of_text(subject: str, text: str, language: str) -> Rendered:
    """What a mail says that is made of no template."""
    body = _BLANK_LINES.sub("\n\n", text).strip()
    paragraphs = Markup("").join(map(_block, re.split(r"\n{2,}", body)))
    return Rendered(clean_line(subject)[:SUBJECT_CHARS_MAX], f"{body}\n", paragraphs, language)


def built_in(template: str, values: Mapping[str, Any]) -> tuple[str, str]:
    """The subject and the text of a template with these values."""
    text = _texts.get_template(f"{template}.txt").render(values)
    subject, _, body = text.partition("\n")
    return clean_line(subject)[:SUBJECT_CHARS_MAX], _BLANK_LINES.sub("\n\n", body).strip()


def foot_of(template: str, values: Mapping[str, Any]) -> str:
    """What stands below the text whoever words it: the block ``foot`` of the template; "" where it has none."""
    found = _texts.get_template(f"{template}.txt")
    block = found.blocks.get("foot")
    return "" if block is None else "".join(block(found.new_context(dict(values)))).strip()


def html_page(title: str, origin: str, said: Rendered) -> str:
    """The HTML part of a mail that says this, from the community of this name."""
    turned = said.language.partition("-")[0] in _RIGHT_TO_LEFT
    return _pages.get_template("layout.html").render(
        title=title,
        origin=origin,
        subject=said.subject,
        body=said.html,
        language=said.language,
        direction="rtl" if turned else "ltr",
    )


def _add_calendar(message: EmailMessage, calendar: CalendarPart) -> None:
    """Programs that know invitations read the last of the alternatives (RFC 6047 §2.4); others show the file."""
    message.add_alternative(
        calendar.body.decode(),
        subtype="calendar",
        charset="utf-8",
        cte="base64",
        params={"method": calendar.method, "component": "VEVENT"},
    )
    message.add_attachment(
        calendar.body, maintype="application", subtype="ics", filename="invite.ics", cte="base64"
    )


def _phrase(words: str) -> str:
    """A description before an address in brackets, where nothing may end it early."""
    words = header_text(re.sub(r"[<>\"\\]", "", words))[:SUBJECT_CHARS_MAX].strip()
    return f'"{words}" ' if words else ""


def _blocks(
    template: str, body: str, everything: Mapping[str, Any], rich: Mapping[str, Markup]
) -> Iterator[Markup]:
    """The paragraphs of the text as HTML, with what is `rich` in its place."""
    places = {f"\ufdd0{name}\ufdd1": markup for name, markup in rich.items()}  # no text has these characters
    if places:
        marked = dict(zip(rich, places, strict=True))
        text = _texts.get_template(f"{template}.txt").render({**everything, **marked})
        body = text.partition("\n")[2].strip()
    for paragraph in re.split(r"\n{2,}", body):
        yield places.get(paragraph.strip()) or _block(paragraph)


def _block(paragraph: str) -> Markup:
    lines = paragraph.strip().splitlines()
    if lines and all(line.startswith(">") for line in lines):
        quoted = Markup("<br>").join(escape(line[1:].strip()) for line in lines)
        return Markup(
            '<blockquote dir="auto" style="margin:0 0 16px;padding:0 0 0 12px;border-left:3px solid '
            '#8a939b">{}</blockquote>'
        ).format(quoted)
    if len(lines) == 2 and set(lines[1]) == {"-"}:
        return Markup('<h2 style="margin:32px 0 12px;font-size:20px;line-height:1.3">{}</h2>').format(
            lines[0]
        )
    if lines and lines[0].rstrip() == "--":
        return Markup(
            '<p style="margin:32px 0 12px;padding-top:12px;border-top:1px solid #8a939b;font-size:14px">{}</p>'
        ).format(Markup("<br>").join(map(_small, lines[1:])))
    return Markup('<p style="margin:0 0 16px">{}</p>').format(Markup("<br>").join(map(_shown, lines)))


def _small(line: str) -> Markup:
    """A line of the small print, which is ours: words before an address are what its link says."""
    linked = _LINKED.fullmatch(line)
    return _shown(line) if linked is None else Markup('<a href="{}">{}</a>').format(linked[2], linked[1])


def _shown(line: str) -> Markup:
    strong = _STRONG.fullmatch(line)
    if _ADDRESS.fullmatch(line):
        return Markup('<a href="{0}">{0}</a>').format(line)
    return escape(line) if strong is None else Markup("<strong>{}</strong>").format(strong[1])
