"""The ways a mail leaves the server: SMTP, a folder of .eml files, or the log."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib

from fedserver.config import Config, ConfigError

log = logging.getLogger("fedserver.mail")

SMTP_SECONDS_MAX: Final = 60
SMTP_AT_ONCE: Final = 4
_SUBMISSION: Final = 587
_SUBMISSIONS: Final = 465


class MailRefused(Exception):
    """The mail server will never take this mail; the text is its answer."""


class Mailer(Protocol):
    """Hands over one composed mail, and returns what was answered. MailRefused if that is final, any other error if it
    may work later."""

    async def send(self, message: EmailMessage) -> str: ...


async def hand_over(mailer: Mailer, message: EmailMessage | None) -> None:
    """Send a mail, if there is one, from a job that is tried again after any other error. One that is refused is not:
    trying again would get the same answer, and a bad name among mail servers. Its Message-ID says in the log what it was."""
    if message is None:
        return
    try:
        await mailer.send(message)
    except MailRefused as error:
        log.warning("The mail %s was refused: %s", message["Message-ID"], error)


def open_mailer(config: Config) -> Mailer:
    """The mailer that the setting `mail` names; ConfigError if it names none."""
    scheme, _, rest = config.mail.partition(":")
    if scheme == "log":
        return LogMailer()
    if scheme == "dir" and rest:
        return FolderMailer(config.data_dir / rest.removeprefix("//"))
    if scheme in ("smtp", "smtps"):
        return SmtpMailer(config.mail, ca_file=config.testing.ca or None)
    raise ConfigError("The setting mail must be smtp[s]://USER:PASSWORD@HOST:PORT, dir:PATH or log:")


class LogMailer:
    """Writes to the log whom a mail was for and what it was about, and the text: for trying things out."""

    async def send(self, message: EmailMessage) -> str:
        body = message.get_body(("plain",))
        log.info("Mail to %s: %s\n%s", message["To"], message["Subject"], body.get_content() if body else "")
        return "It was written to the log: no mail leaves this server."


class FolderMailer:
    """Writes each mail as a file of its own, complete the moment it has its name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def send(self, message: EmailMessage) -> str:
        target = await asyncio.to_thread(self._write, message)
        return f"It was written to the file {target.name}: no mail leaves this server."

    def _write(self, message: EmailMessage) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The same mail sent twice to somebody, because a job was repeated, is one file.
        name = sha256(f"{message['Message-ID']} {message['To']}".encode()).hexdigest()[:12]
        template = re.sub(r"[^a-z_]", "", str(message["X-Mail-Kind"] or "mail"))
        target = self.folder / f"{template}-{name}.eml"
        temporary = target.with_suffix(".part")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(message.as_bytes(policy=SMTP))
        temporary.replace(target)
        return target


class SmtpMailer:
    """Submits to a mail server: ``smtps`` speaks TLS at once, ``smtp`` by STARTTLS, which only a server on this
    machine may lack. A password is never sent in the clear."""

    def __init__(self, url: str, *, ca_file: str | None = None) -> None:
        parts = urlsplit(url)
        if not parts.hostname:
            raise ConfigError("The setting mail names no host.")
        self._tls = parts.scheme == "smtps"
        self._host = parts.hostname
        self._port = parts.port or (_SUBMISSIONS if self._tls else _SUBMISSION)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._context = ssl.create_default_context()
        if ca_file:
            self._context.load_verify_locations(ca_file)
        self._at_once = asyncio.Semaphore(SMTP_AT_ONCE)

    async def send(self, message: EmailMessage) -> str:
        async with self._at_once:
            try:
                return await self._send(message)
            except aiosmtplib.SMTPRecipientsRefused as error:
                codes = [refused.code for refused in error.recipients]
                if all(code >= 500 for code in codes):
                    raise MailRefused(str(error)) from error
                raise
            except aiosmtplib.SMTPResponseException as error:
                # 5yz about this mail; what concerns us (authentication) may be mended by an admin.
                if error.code >= 500 and not isinstance(error, aiosmtplib.SMTPAuthenticationError):
                    raise MailRefused(str(error)) from error
                raise

    async def _send(self, message: EmailMessage) -> str:
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            timeout=SMTP_SECONDS_MAX,
            use_tls=self._tls,
            start_tls=False,
            tls_context=self._context,
        )
        async with client:
            if not self._tls:
                await self._start_tls(client)
            if self._user is not None and self._password is not None:
                await client.login(self._user, self._password)
            _, answer = await client.send_message(message)
        return answer

    async def _start_tls(self, client: aiosmtplib.SMTP) -> None:
        await client.ehlo()
        if client.supports_extension("starttls"):
            await client.starttls(tls_context=self._context)
        elif self._host not in ("localhost", "127.0.0.1", "::1") or self._password is not None:
            raise aiosmtplib.SMTPException("The mail server offers no encryption (STARTTLS).")
