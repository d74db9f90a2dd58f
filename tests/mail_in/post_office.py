"""A mail server for the tests: takes mails by SMTP, and puts those to the community's domain into a mailbox of Dovecot.

Both listen on free ports of loopback; everything lies in a folder of its own and ends with the test.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import imaplib
import os
import pwd
import shutil
import signal
import smtplib
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.running import free_port
from tests.waiting import eventually, until

DOMAIN = "mail.trainers.example"
USER, PASSWORD = "community", "two/brown:foxes"
STOP_SECONDS_MAX = 20


class Missing(Exception):
    """Dovecot is not installed."""


class PostOffice:
    """See the module. `received` are the mails to everybody else, as they came."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.smtp_port, self.imap_port = free_port(), free_port()
        self.received: list[EmailMessage] = []
        self._smtp = Controller(self, hostname="127.0.0.1", port=self.smtp_port)
        self._dovecot: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, str]:
        """Settings of a server that uses it."""
        return {
            "mail": f"smtp://127.0.0.1:{self.smtp_port}",
            "mail_from": "noreply@trainers.example",
            "mail_in_address": f"reply@{DOMAIN}",
            "mail_in": f"imap://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.imap_port}/INBOX",
            "mail_in_seconds": "1",
        }

    def start(self) -> None:
        program = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin")
        if program is None:
            raise Missing("Dovecot is missing (on Debian: apt-get install dovecot-imapd)")
        self._smtp.start()
        settings = self.folder / "dovecot.conf"
        settings.write_text(self._dovecot_settings())
        self._dovecot = subprocess.Popen(
            [program, "-F", "-c", str(settings)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        eventually(self._answers, "that Dovecot answers", self._log)

    def stop(self) -> None:
        self._smtp.stop()
        if self._dovecot is not None:
            self._dovecot.terminate()
            try:
                self._dovecot.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                os.killpg(self._dovecot.pid, signal.SIGKILL)
                self._dovecot.wait()

    def _dovecot_settings(self) -> str:
        me = pwd.getpwuid(os.getuid())
        # Dovecot opens no mailbox as root.
        owner = pwd.getpwnam("mail") if me.pw_uid == 0 else me
        home = self.folder / "home"
        home.mkdir()
        os.chown(home, owner.pw_uid, owner.pw_gid)
        self.folder.chmod(0o755)
        inner = (
            ""
            if me.pw_uid == 0
            else f"default_internal_user = {me.pw_name}\ndefault_login_user = {me.pw_name}\n"
        )
        inner += (
            "" if me.pw_uid == 0 else "service anvil {\n chroot =\n}\nservice imap-login {\n chroot =\n}\n"
        )
        return f"""
protocols = imap
listen = 127.0.0.1
base_dir = {self.folder}/run
log_path = {self.folder}/log
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = maildir:~/Maildir
{inner}
service imap-login {{
  inet_listener imap {{
    port = {self.imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={owner.pw_uid} gid={owner.pw_gid} home={home}
}}
"""

    def _answers(self) -> bool:
        try:
            with self._mailbox():
                return True
        except OSError:
            return False

    def _log(self) -> str:
        log = self.folder / "log"
        return log.read_text()[-2000:] if log.exists() else "it wrote no log"

    @contextmanager
    def _mailbox(self) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4("127.0.0.1", self.imap_port, timeout=20) as client:
            client.login(USER, PASSWORD)
            client.select("INBOX")
            yield client

    # -- what mail programs do

    def send(self, message: EmailMessage, to: str) -> None:
        """Send a mail as a member's program does."""
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=20) as client:
            client.send_message(message, from_addr="bo@mail.example", to_addrs=[to])

    def deliver(self, raw: bytes) -> None:
        """Put a mail into the community's mailbox."""
        with self._mailbox() as client:
            client.append("INBOX", "", imaplib.Time2Internaldate(0), raw)

    def left(self) -> list[tuple[str, bytes]]:
        """(flags, head) of what is in the community's mailbox."""
        with self._mailbox() as client:
            numbers = client.search(None, "ALL")[1][0].decode().replace(" ", ",")
            if not numbers:
                return []
            found = client.fetch(numbers, "(FLAGS BODY.PEEK[HEADER])")[1]
            return [(part[0].decode(), part[1]) for part in found if isinstance(part, tuple)]

    async def mails(self, count: int) -> list[EmailMessage]:
        """The mails to everybody else, once there are so many."""
        await until(lambda: len(self.received) >= count, f"that {count} mails come")
        return self.received

    # -- aiosmtpd's handler

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        raw = envelope.original_content or b""
        for recipient in envelope.rcpt_tos:
            if recipient.endswith(f"@{DOMAIN}"):
                await asyncio.to_thread(self.deliver, b"Delivered-To: " + recipient.encode() + b"\r\n" + raw)
            else:
                self.received.append(email.message_from_bytes(raw, policy=email.policy.default))
        return "250 OK"


@contextmanager
def post_office() -> Iterator[PostOffice]:
    """One that runs. Raises Missing without Dovecot."""
    # Not in the test's folder: the names of its sockets would be too long.
    folder = Path(tempfile.mkdtemp(prefix="post-office-"))
    office = PostOffice(folder)
    try:
        office.start()
        yield office
    finally:
        office.stop()
        shutil.rmtree(folder, ignore_errors=True)
