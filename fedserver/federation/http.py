"""The one door out: every HTTP request this server makes to another goes through GuardedClient.

It contacts public addresses only (checked on the address really dialled), follows redirects by hand and
checks each hop again, and puts a limit on time, headers and the bytes of a body before and after
decompression. What it does not do: decide whom we federate with, sign, or retry.
"""

import asyncio
import functools
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from activitypub import names
from activitypub.errors import Malformed
from activitypub.values import parse_json
from fedserver.config import Config
from fedserver.errors import BadAnswer, Refused, Unreachable
from fedserver.federation.addresses import check_url, join_url, networks
from fedserver.federation.resolve import AddressRefused, GuardedResolver, guarded_socket

Sign = Callable[[str, str, bytes], Mapping[str, str]]
"""Called for each hop with method, URL as it goes on the wire, and body; returns the headers to add."""

JSON_BYTES_MAX: Final = 1 << 20
ANSWER_BYTES_MAX: Final = 64 << 10
REDIRECTS_MAX: Final = 3
CONNECTIONS_MAX: Final = 448  # Hosts that hang hold theirs for a while; see `deliver.SLOW_LANES_MAX`.
CONNECTIONS_PER_HOST_MAX: Final = 2
KEEP_ALIVE_SECONDS: Final = 30
DNS_CACHE_SECONDS: Final = 30
STEP_BYTES: Final = 256 << 10  # A body is unpacked in pieces of this size.

ACTIVITYPUB: Final = frozenset({names.ACTIVITY_JSON, names.LD_JSON})
JRD: Final = frozenset({names.JRD_JSON, "application/json"})
JSON: Final = frozenset({"application/json"})

EVERYWHERE: Final = ("0.0.0.0/0", "::/0")

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, in seconds. `total` covers everything, redirects and name lookups included."""

    connect: float = 5.0
    read: float = 10.0
    total: float = 30.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer read completely. `url` is the one that answered, after redirects; any status may be here."""

    url: str
    status: int
    headers: CIMultiDictProxy[str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def content_type(self) -> str:
        """The media type in lower case without parameters; empty when none was sent."""
        return _essence(self.headers.get("Content-Type", ""))


@dataclass(frozen=True, slots=True)
class FetchedJson(Fetched):
    """A JSON object that came with a 2xx status and one of the media types asked for."""

    json: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back to a POST. `body` is its beginning, at most 64 KiB, and meant for the log."""

    status: int
    headers: CIMultiDictProxy[str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reached:
    """Where an address leads: `url` is the one that answered at last, with `status`; `first_status` is what the address itself
    said, 0 where it said nothing to HEAD."""

    url: str
    status: int
    first_status: int


@dataclass(frozen=True, slots=True)
class Saved:
    """A body that was written to a file: `bytes` of it, with the media type it came with ("" for none)."""

    url: str
    content_type: str
    bytes: int


class GuardedClient:
    """Make one for the process, close it at the end. The connections are opened when first needed.

    One for a service that is the operator's own (`operators_own`) may contact any address, because nobody else
    can name one; all limits hold.

    All methods raise Unreachable or one of its subclasses, with a `reason` (see `fedserver.errors`).
    """

    def __init__(self, config: Config, *, limits: Limits | None = None, operators_own: bool = False) -> None:
        testing = config.testing
        self._limits = limits or Limits()
        self._allow_http = testing.allow_http or operators_own
        self._allow_nets = networks(EVERYWHERE if operators_own else testing.allow_nets)
        self._any_port = testing.enabled or operators_own
        self._static_hosts = testing.static_hosts
        self._dns = testing.dns or None
        self._ca = testing.ca
        self._user_agent = f"fedserver/{version('fedserver')} (+{config.origin}/)"
        self._session: aiohttp.ClientSession | None = None
        self._resolver: GuardedResolver | None = None
        self._closed = False
        # Awaited before a server is asked for anything, and before another is because one leads there: they raise Refused
        # for one we leave alone.
        self.before_asking: Callable[[str], Awaitable[None]] = _anywhere
        self.before_redirect: Callable[[str], Awaitable[None]] = _anywhere

    async def get_json(
        self,
        url: str,
        *,
        sign: Sign | None = None,
        accept: str = names.ACCEPT,
        content_types: frozenset[str] = ACTIVITYPUB,
        max_bytes: int = JSON_BYTES_MAX,
    ) -> FetchedJson:
        """GET one JSON object. A status other than 2xx is BadAnswer with reason `status` and that status.

        The media type is checked before the body is read (GHSA-jhrq-qvrm-qr36): an answer of another type
        than asked for may be a file that a member of that server uploaded.
        """
        async with self._exchange("GET", url, sign=sign, headers={"Accept": accept}) as (response, final):
            _check_status(response, final)
            _check_type(response, content_types)
            body = await _read(response, max_bytes)
        try:
            document = parse_json(body)
        except Malformed as error:
            raise BadAnswer("The other server's answer is not usable JSON.", reason="json") from error
        return FetchedJson(final, response.status, response.headers, body, document)

    async def get(
        self,
        url: str,
        *,
        sign: Sign | None = None,
        accept: str = "*/*",
        headers: Mapping[str, str] | None = None,
        content_types: frozenset[str] | None = None,
        max_bytes: int = JSON_BYTES_MAX,
    ) -> Fetched:
        """GET anything and return it whatever its status. `content_types` is asked of 2xx answers only.

        `headers` go to the origin of `url` and to no other that it redirects to.
        """
        async with self._exchange("GET", url, sign=sign, headers={**(headers or {}), "Accept": accept}) as (
            response,
            final,
        ):
            if content_types is not None and 200 <= response.status < 300:
                _check_type(response, content_types)
            body = await _read(response, max_bytes)
        return Fetched(final, response.status, response.headers, body)

    async def reach(self, url: str) -> Reached:
        """Whether an address leads anywhere: HEAD, and where that is no success GET, whose redirects are followed and whose
        body is not read."""
        first_status = 0
        try:
            async with self._exchange("HEAD", url) as (response, final):
                first_status = response.status
        except Refused:
            raise
        except Unreachable:
            pass  # some cut off whoever sends HEAD
        if 200 <= first_status < 300:
            return Reached(final, first_status, first_status)
        async with self._exchange("GET", url, headers={"Accept": "*/*"}) as (response, final):
            return Reached(final, response.status, first_status)

    async def save(
        self,
        url: str,
        target: Path,
        *,
        accept: str = "*/*",
        content_types: frozenset[str],
        max_bytes: int,
        total_seconds: float | None = None,
    ) -> Saved:
        """GET a file into `target`, in pieces. A status other than 2xx is BadAnswer with reason `status` and it.

        What is larger than `max_bytes` is BadAnswer `too_large`; when it raises, `target` may hold a part.
        """
        async with self._exchange("GET", url, headers={"Accept": accept}, total_seconds=total_seconds) as (
            response,
            final,
        ):
            _check_status(response, final)
            _check_type(response, content_types)
            received = 0
            with await asyncio.to_thread(target.open, "wb") as file:
                async for piece in _in_pieces(_decoded(response, max_bytes)):
                    await asyncio.to_thread(file.write, piece)
                    received += len(piece)
            return Saved(final, _essence(response.headers.get("Content-Type", "")), received)

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        sign: Sign | None = None,
    ) -> Answer:
        """POST bytes and return what came back, whatever its status.

        Redirects are not followed: an inbox that has moved says so in its actor, and a body sent on to a
        place its receiver did not publish could be read there. A 3xx is returned as it is.
        """
        beginning = bytearray()
        begun: aiohttp.ClientResponse | None = None
        try:
            async with self._exchange("POST", url, body=body, sign=sign, headers=headers) as (response, _):
                begun = response
                async for chunk in _decoded(response, ANSWER_BYTES_MAX):
                    beginning += chunk
        except Unreachable:
            # Once the status has arrived it alone decides; the text is for the log.
            if begun is None:
                raise
        return Answer(begun.status, begun.headers, bytes(beginning))

    async def submit(
        self, url: str, body: bytes, headers: Mapping[str, str] | None = None, *, max_bytes: int
    ) -> Fetched:
        """POST bytes for the sake of the answer, which is read completely whatever its status. No redirects."""
        async with self._exchange("POST", url, body=body, headers=headers) as (response, final):
            return Fetched(final, response.status, response.headers, await _read(response, max_bytes))

    async def close(self) -> None:
        """Close every connection. Requests made afterwards are a mistake and raise RuntimeError."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
        if self._resolver is not None:
            await self._resolver.close()

    def load_trust(self) -> ssl.SSLContext:
        """Load whom we trust to vouch for other servers, once: it takes a while, so best before the first request."""
        return _trusted(self._ca)

    def _opened(self) -> aiohttp.ClientSession:
        if self._closed:
            raise RuntimeError("the client is closed")
        if self._session is None:
            trust = self.load_trust()
            self._resolver = GuardedResolver(
                allow_nets=self._allow_nets, static_hosts=self._static_hosts, dns=self._dns
            )
            connector = aiohttp.TCPConnector(
                ssl=trust,
                resolver=self._resolver,
                ttl_dns_cache=DNS_CACHE_SECONDS,
                socket_factory=functools.partial(guarded_socket, self._allow_nets),
                limit=CONNECTIONS_MAX,
                limit_per_host=CONNECTIONS_PER_HOST_MAX,
                keepalive_timeout=KEEP_ALIVE_SECONDS,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                # Decompressed here, in bounded steps, so that the limit holds for what comes out.
                auto_decompress=False,
                headers={"User-Agent": self._user_agent, "Accept-Encoding": "gzip"},
                skip_auto_headers=("Content-Type",),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=self._limits.connect, sock_read=self._limits.read
                ),
                max_line_size=8190,
                max_field_size=8190,
                max_headers=100,
            )
        return self._session

    def _check(self, url: str | URL) -> URL:
        return check_url(
            url, allow_http=self._allow_http, allow_nets=self._allow_nets, any_port=self._any_port
        )

    @asynccontextmanager
    async def _exchange(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        sign: Sign | None = None,
        total_seconds: float | None = None,
    ) -> AsyncIterator[tuple[aiohttp.ClientResponse, str]]:
        """Send, follow a GET's redirects, and yield the last response, unread, with its URL.

        A response whose body was not read to its end is closed with its connection, so nothing more of it
        arrives.
        """
        target = self._check(url)
        if method != "POST":  # who is told something was chosen when it was planned
            await self.before_asking(str(target))
        try:
            async with asyncio.timeout(total_seconds or self._limits.total):
                response, target = await self._follow(method, target, body, headers or {}, sign)
                try:
                    yield response, str(target)
                finally:
                    if response.content.at_eof():
                        response.release()
                    else:
                        response.close()
        except TimeoutError as error:
            raise Unreachable(f"{target.host} did not answer in time.", reason="timeout") from error

    async def _follow(
        self, method: str, target: URL, body: bytes, headers: Mapping[str, str], sign: Sign | None
    ) -> tuple[aiohttp.ClientResponse, URL]:
        session, first_origin, seen = self._opened(), target.origin(), {target}
        while True:
            sent = CIMultiDict(headers)
            if target.origin() != first_origin:
                # What was meant for one server is not shown to another.
                sent = CIMultiDict({"Accept": sent["Accept"]} if "Accept" in sent else {})
            if sign is not None:
                sent.update(sign(method, str(target), body))
            try:
                response = await session.request(
                    method,
                    target,
                    data=body if method == "POST" else None,
                    headers=sent,
                    allow_redirects=False,
                )
            except (aiohttp.ClientError, OSError) as error:
                raise _unreachable(error, target.host or "") from error
            if method != "GET" or response.status not in _REDIRECTS:
                return response, target
            location = response.headers.get("Location", "")
            # The body of a redirect is of no use; reading it would only wait for a stranger.
            response.close()
            came_from, target = target, self._next(target, location, response.status)
            if target.origin() != came_from.origin():
                await self.before_redirect(str(target))
            if target in seen or len(seen) > REDIRECTS_MAX:
                raise BadAnswer("The address leads on and on.", reason="redirects", status=response.status)
            seen.add(target)

    def _next(self, target: URL, location: str, status: int) -> URL:
        if not location:
            raise BadAnswer("The address leads nowhere.", reason="redirects", status=status)
        joined = self._check(join_url(target, location))
        if target.scheme == "https" and joined.scheme == "http":
            raise Refused("The address leads from https to http.", reason="scheme")
        return joined


async def _anywhere(url: str) -> None:
    """What holds for a client that nobody has told with whom we federate."""


@functools.cache
def _trusted(ca: str) -> ssl.SSLContext:
    trust = ssl.create_default_context()
    if ca:
        trust.load_verify_locations(ca)
    return trust


def _unreachable(error: Exception, host: str) -> Unreachable:
    if isinstance(error, TimeoutError):
        return Unreachable(f"{host} did not answer in time.", reason="timeout")
    if isinstance(getattr(error, "os_error", error), AddressRefused):
        return Refused("This server contacts public addresses only.", reason="blocked_address")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Unreachable(f"The name {host} was not found.", reason="dns")
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return Unreachable(f"{host} could not prove who it is (TLS).", reason="tls")
    if isinstance(error, aiohttp.ClientConnectorError):
        return Unreachable(f"{host} accepts no connections.", reason="refused")
    if isinstance(error, aiohttp.InvalidURL):
        return Refused("The address is not a plain web address.", reason="url")
    return Unreachable(f"{host} broke the connection or sent something else than HTTP.", reason="broken")


def _essence(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _check_status(response: aiohttp.ClientResponse, url: str) -> None:
    if not 200 <= response.status < 300:
        raise BadAnswer(
            f"{URL(url).host} answered with status {response.status}.",
            reason="status",
            status=response.status,
        )


def _check_type(response: aiohttp.ClientResponse, allowed: frozenset[str]) -> None:
    types = response.headers.getall("Content-Type", [])
    if len(types) == 1:  # With two, readers could disagree which one holds.
        if _essence(types[0]) in allowed - ACTIVITYPUB:
            return
        if allowed & ACTIVITYPUB and names.is_activitypub_media_type(types[0]):
            return
    raise BadAnswer(
        "The other server's answer is not of the kind asked for.",
        reason="content_type",
        status=response.status,
    )


def _too_large(max_bytes: int) -> BadAnswer:
    return BadAnswer(f"The other server's answer exceeds {max_bytes:,} bytes.", reason="too_large")


async def _decoded(response: aiohttp.ClientResponse, max_bytes: int) -> AsyncIterator[bytes]:
    """Yield the body decompressed, never more than `max_bytes` in all; BadAnswer `too_large` beyond."""
    encoding = ",".join(response.headers.getall("Content-Encoding", [])).strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        # Nested encodings multiply a bomb, and we asked for none but gzip.
        raise BadAnswer("The other server's answer is packed in an unknown way.", reason="encoding")
    if (response.content_length or 0) > max_bytes:
        raise _too_large(max_bytes)
    inflate = None if encoding in ("", "identity") else zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    received = unpacked = 0
    try:
        async for chunk in response.content.iter_any():
            received += len(chunk)
            if received > max_bytes:
                raise _too_large(max_bytes)
            if inflate is None:
                yield chunk
                continue
            packed = chunk
            while packed and not inflate.eof:
                plain = inflate.decompress(packed, STEP_BYTES)
                unpacked += len(plain)
                if unpacked > max_bytes:
                    raise _too_large(max_bytes)
                packed = inflate.unconsumed_tail
                yield plain
    except zlib.error as error:
        raise BadAnswer("The other server's answer is damaged.", reason="encoding") from error
    except (aiohttp.ClientError, OSError) as error:
        raise _unreachable(error, response.url.host or "") from error
    if inflate is not None and received and not inflate.eof:
        raise BadAnswer("The other server's answer is cut off.", reason="encoding")


async def _in_pieces(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes, at least STEP_BYTES at a time: each piece costs a change of threads."""
    pending = bytearray()
    async for chunk in chunks:
        pending += chunk
        if len(pending) >= STEP_BYTES:
            yield bytes(pending)
            pending.clear()
    if pending:
        yield bytes(pending)


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in _decoded(response, max_bytes):
        body += chunk
    return bytes(body)
