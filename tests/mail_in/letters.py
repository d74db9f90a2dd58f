"""Mails as programs send them, made up for the tests."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d494844520000000100000001080600000"
    "01f15c4890000000a49444154789c63000100000500010d0a2db40000000049454e44ae426082"
)


def letter(text: str = "Yes, in May.", *, html: str = "", **headers: str) -> EmailMessage:
    """A mail by Bo; `headers` are further ones, with _ for -."""
    message = EmailMessage(policy=SMTP)
    wanted = {
        "From": "Bo Berg <bo@mail.example>",
        "To": "reply@trainers.example",
        "Subject": "Re: [Trainers] May",
    }
    wanted |= {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in wanted.items():
        if value:
            message[name] = value
    if text:
        message.set_content(text)
    if html and text:
        message.add_alternative(html, subtype="html")
    elif html:
        message.set_content(html, subtype="html")
    return message


def raw(headers: dict[str, Any], body: bytes) -> bytes:
    """Bytes with these headers and that body, however wrong."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return head.encode("utf-8", "surrogateescape") + b"\r\n" + body
