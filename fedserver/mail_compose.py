"""From a template and its values to a mail: headers, complete plain text, and the same as simple HTML.

A template is a text. Its first line is the subject; an address on a line of its own becomes a button in the
HTML part; lines that begin with ``>`` are a quotation. Nothing is loaded from anywhere when it is opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final
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
_ADDRESS = re.compile(r"https?://\S+")
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a mail's headers need besides the template.

    `message_id` and `references` are local parts such as ``post.12.7``: the same mail always has the same, and
    the mails of a thread refer to each other. `unsubscribe_url` is both page (GET) and one click (POST).
    """

    to: str
    message_id: str
    kind: str
    references: tuple[str, ...] = ()
    unsubscribe_url: str = ""
    archive_url: str = ""


def compose(
    config: Config, title: str, template: str, envelope: Envelope, values: dict[str, Any]
) -> EmailMessage:
    """The mail, ready to be sent. Raises ValueError for an address that is none."""
    host = urlsplit(f"//{config.domain}").hostname or "localhost"
    title = clean_line(title)
    everything = {
        "title": title,
        "origin": config.origin,
        "domain": config.domain,
        "unsubscribe_url": envelope.unsubscribe_url,
        **values,
    }
    text = _texts.get_template(f"{template}.txt").render(everything)
    subject, _, body = text.partition("\n")
    body = _BLANK_LINES.sub("\n\n", body).strip() + "\n"
    subject = clean_line(subject)[:SUBJECT_CHARS_MAX]
    html = _pages.get_template("layout.html").render(
        everything, subject=subject, body=Markup("").join(map(_block, body.split("\n\n")))
    )

    message = EmailMessage(policy=SMTP)
    message["From"] = Address(title, addr_spec=config.mail_sender)
    message["To"] = Address(addr_spec=envelope.to)
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{envelope.message_id}@{host}>"
    if envelope.references:
        message["In-Reply-To"] = f"<{envelope.references[-1]}@{host}>"
        message["References"] = " ".join(f"<{reference}@{host}>" for reference in envelope.references)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5
    message["X-Auto-Response-Suppress"] = "All"
    message["X-Mail-Kind"] = envelope.kind
    if envelope.unsubscribe_url:
        # RFC 8058: one click, without signing in, by POST to the same address.
        message["List-Unsubscribe"] = f"<{envelope.unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message["List-ID"] = f"<{envelope.kind.replace('_', '-')}.{host}>"  # RFC 2919
        message["Precedence"] = "bulk"
        message["Feedback-ID"] = f"{envelope.kind}:{host}"
    if envelope.archive_url:
        message["List-Archive"] = f"<{envelope.archive_url}>"
    message.set_content(body, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message


def _block(paragraph: str) -> Markup:
    lines = paragraph.strip().splitlines()
    if lines and all(line.startswith(">") for line in lines):
        quoted = Markup("<br>").join(escape(line[1:].strip()) for line in lines)
        return Markup(
            '<blockquote dir="auto" style="margin:0 0 16px;padding:0 0 0 12px;border-left:3px solid '
            '#8a939b">{}</blockquote>'
        ).format(quoted)
    shown = Markup("<br>").join(
        Markup('<a href="{0}" style="color:#0b5a7a">{0}</a>').format(line)
        if _ADDRESS.fullmatch(line)
        else escape(line)
        for line in lines
    )
    return Markup('<p style="margin:0 0 16px">{}</p>').format(shown)
