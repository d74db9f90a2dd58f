"""Reading the mails a server has sent, and following their links."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from email.message import EmailMessage

from tests.waiting import SECONDS_MAX, STEP_SECONDS

Mailbox = Callable[[], list[EmailMessage]]


async def mails(mailbox: Mailbox, count: int) -> list[EmailMessage]:
    """The mails, once there are so many."""
    for _ in range(int(SECONDS_MAX / STEP_SECONDS)):
        found = mailbox()
        if len(found) >= count:
            return found
        await asyncio.sleep(STEP_SECONDS)
    raise AssertionError(f"{count} mails did not come, but {[message['Subject'] for message in mailbox()]}")


def text_of(message: EmailMessage) -> str:
    """The plain text of a mail."""
    body = message.get_body(("plain",))
    assert body is not None
    content: str = body.get_content()
    return content


def link_in(message: EmailMessage, path: str) -> str:
    """The secret at the end of the link to `path` in a mail."""
    found = re.search(rf"{path}(\S+)", text_of(message))
    assert found, text_of(message)
    return found[1]
