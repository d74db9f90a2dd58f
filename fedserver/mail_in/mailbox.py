"""The mailbox that members' mails come to, read over IMAP: at once where its server tells of new mails, else now and then.

What was taken is removed from it once it is durable here; what is not for us stays there, marked as read. Several
processes may read it at the same time: a mail is taken once.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from fedserver.config import Config
from fedserver.config_values import Mailbox, is_loopback, read_mailbox
from fedserver.context import Server
from fedserver.mail_in.arrivals import HEAD_BYTES_MAX, Outcome, take_in

if TYPE_CHECKING:
    from imapclient import IMAPClient

log = logging.getLogger("fedserver.mail")

CONNECT_SECONDS_MAX: Final = 20
ANSWER_SECONDS_MAX: Final = 120
KEEP_SECONDS_MAX: Final = 60
IDLE_SECONDS_MAX: Final = 600
"""RFC 2177 allows 29 minutes; routers between forget a connection sooner."""

AT_ONCE: Final = 50
STEP_SECONDS: Final = 0.5
AGAIN_SECONDS_MAX: Final = 900.0
_SEEN, _DELETED = rb"\Seen", rb"\Deleted"


def connect(config: Config) -> IMAPClient:
    """Sign in and open the mailbox. Blocks; raises IMAPClientError, OSError. Nothing is sent in the clear but to this
    machine."""
    from imapclient import IMAPClient, SocketTimeout  # loaded where there is a mailbox alone

    wanted = read_mailbox(config.mail_in)
    context = ssl.create_default_context()
    if config.testing.ca:
        context.load_verify_locations(config.testing.ca)
    client = IMAPClient(
        wanted.host,
        wanted.port,
        ssl=wanted.tls,
        ssl_context=context if wanted.tls else None,
        timeout=SocketTimeout(CONNECT_SECONDS_MAX, ANSWER_SECONDS_MAX),
    )
    try:
        _sign_in(client, wanted, context)
    except BaseException:
        client.shutdown()
        raise
    return client


def _sign_in(client: IMAPClient, wanted: Mailbox, context: ssl.SSLContext) -> None:
    if not wanted.tls and not is_loopback(wanted.host):
        client.starttls(context)
    client.login(wanted.user, wanted.password)
    client.select_folder(wanted.folder)


class MailboxReader:
    """Reads the mailbox for as long as the server runs; a connection that is lost is opened again, later each time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stopping = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mailbox")
        self._task: asyncio.Task[None] | None = None
        self._worked = False

    async def start(self) -> None:
        self._task = asyncio.create_task(self._repeat(), name="mailbox")

    async def stop(self) -> None:
        self._stopping.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown(wait=False)

    async def _repeat(self) -> None:
        loop = asyncio.get_running_loop()
        seconds = float(self._server.config.mail_in_seconds)
        failures = 0
        while not self._stopping.is_set():
            self._worked = False
            try:
                await loop.run_in_executor(self._thread, self._session, loop)
                continue
            except Exception as error:
                failures = 1 if self._worked else failures + 1
                log.warning("The mailbox could not be read: %s: %s", type(error).__name__, error)
            wait = min(seconds * 2 ** min(failures - 1, 10), max(AGAIN_SECONDS_MAX, seconds))
            await loop.run_in_executor(self._thread, self._stopping.wait, wait)

    # -- in the thread

    def _session(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read until the connection ends or the server stops."""
        client = connect(self._server.config)
        failed: set[int] = set()
        try:
            self._worked = True
            while not self._stopping.is_set():
                waits = self._read(client, loop, failed)
                self._wait(client, waits)
        except BaseException:
            client.shutdown()
            raise
        client.logout()

    def _read(self, client: IMAPClient, loop: asyncio.AbstractEventLoop, failed: set[int]) -> bool:
        """Take in what is new; whether something was left for later."""
        waits = False
        unread = [uid for uid in client.search(["UNSEEN", "UNDELETED"]) if uid not in failed]
        for start in range(0, len(unread), AT_ONCE):
            sizes = client.fetch(unread[start : start + AT_ONCE], ["RFC822.SIZE"])
            for uid, known in sizes.items():
                if self._stopping.is_set():
                    return False
                try:
                    outcome = self._take(client, loop, uid, int(known[b"RFC822.SIZE"]))
                except (OSError, client.AbortError):
                    raise
                except Exception:
                    # One mail's fault is its own: it stays unread, and is tried again with the next connection.
                    log.exception("A mail in the mailbox (UID %d) could not be taken in.", uid)
                    failed.add(uid)
                    continue
                waits = waits or outcome is Outcome.LATER
        return waits

    def _take(
        self, client: IMAPClient, loop: asyncio.AbstractEventLoop, uid: int, size: int
    ) -> Outcome | None:
        is_large = size > self._server.config.mail_in_bytes_max
        part = f"BODY.PEEK[]<0.{HEAD_BYTES_MAX}>" if is_large else "BODY.PEEK[]"
        raw = _body(client.fetch([uid], [part]).get(uid, {}))
        if raw is None:  # another process was faster
            return None
        work = take_in(self._server.db, self._server.config, raw, is_large=is_large)
        outcome = asyncio.run_coroutine_threadsafe(work, loop).result(KEEP_SECONDS_MAX)
        if outcome in (Outcome.TAKEN, Outcome.KNOWN):
            client.add_flags([uid], [_SEEN, _DELETED], silent=True)
            if client.has_capability("UIDPLUS"):
                client.uid_expunge([uid])
            else:
                client.expunge()
        elif outcome is not Outcome.LATER:
            client.add_flags([uid], [_SEEN], silent=True)
        return outcome

    def _wait(self, client: IMAPClient, waits: bool) -> None:
        """Until there may be new mails."""
        seconds = self._server.config.mail_in_seconds
        if waits or not client.has_capability("IDLE"):
            self._stopping.wait(seconds)
            client.noop()
            return
        client.idle()
        try:
            # What came while other commands were answered may have been told then: so not for ever.
            waited = 0.0
            while waited < min(seconds, IDLE_SECONDS_MAX) and not self._stopping.is_set():
                if any(_tells_of_mail(one) for one in client.idle_check(timeout=STEP_SECONDS)):
                    break
                waited += STEP_SECONDS
        finally:
            client.idle_done()


def _body(found: dict[bytes, Any]) -> bytes | None:
    return next((bytes(value) for name, value in found.items() if name.startswith(b"BODY[]")), None)


def _tells_of_mail(response: tuple[Any, ...]) -> bool:
    return len(response) > 1 and response[1] in (b"EXISTS", b"RECENT")
