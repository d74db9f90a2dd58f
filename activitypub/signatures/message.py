"""The facts of one received request that a signature can speak about."""

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Final, NamedTuple

from activitypub.errors import SignatureMalformed

URL_CHARS_MAX = 8_192
NOTHING_MORE: Final[Mapping[str, str]] = MappingProxyType({})
METHODS_WITHOUT_BODY = frozenset({"GET", "HEAD"})

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}")
# Printable ASCII only, so that nothing in a URL can start a second line of what is signed.
_URL = re.compile(
    r"(https?)://([A-Za-z0-9.\-_~:\[\]]+)(/[!-\"$->@-~]*)?(\?[!-\"$-~]*)?(?:#[!-~]*)?", re.IGNORECASE
)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class UrlParts(NamedTuple):
    """A URL as signatures see it: the authority in lower case and without its default port."""

    scheme: str
    authority: str
    path: str
    """Never empty; "/" stands for no path (RFC 9421 §2.2.6)."""
    query: str | None
    """Without the question mark; None when the URL has none."""

    @property
    def request_target(self) -> str:
        """The path and, after "?", the query (origin form, RFC 9112 §3.2.1)."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    @property
    def target_uri(self) -> str:
        """The whole URL, normalised as above, without a fragment (RFC 9421 §2.2.2)."""
        return f"{self.scheme}://{self.authority}{self.request_target}"


def normal_authority(scheme: str, authority: str) -> str:
    """Lower-case an authority and drop the port that its scheme implies (RFC 9421 §2.2.3)."""
    return authority.lower().removesuffix(_DEFAULT_PORTS.get(scheme, ""))


def split_url(url: str) -> UrlParts:
    """Take an absolute http(s) URL apart without decoding anything, or raise SignatureMalformed.

    The URL is percent-encoded ASCII, host in punycode, as it goes over the wire.
    """
    match = _URL.fullmatch(url) if len(url) <= URL_CHARS_MAX else None
    if match is None:
        raise SignatureMalformed("the target is not an absolute http URL in ASCII")
    scheme, authority, path, query = match.groups()
    scheme = scheme.lower()
    return UrlParts(scheme, normal_authority(scheme, authority), path or "/", query[1:] if query else None)


class RequestFacts:
    """One received request: its method, target, header fields and body bytes as they arrived.

    ``target_uri`` is the configured public origin followed by the raw path and query of the request
    line. It must not be built from Host or X-Forwarded-* headers: whoever sends those chooses them.
    ``headers`` is a mapping (a multi-mapping gives every line) or pairs; names in any case.
    ``body`` is None when the request has none.
    """

    def __init__(
        self,
        method: str,
        target_uri: str,
        headers: Mapping[str, str] | Iterable[tuple[str, str]],
        body: bytes | None = None,
    ) -> None:
        self.method = method.upper()
        self.target_uri = target_uri
        self.body = body
        self._lines: dict[str, list[str]] = {}
        for name, value in headers.items() if isinstance(headers, Mapping) else headers:
            self._lines.setdefault(name.lower(), []).append(value.strip(" \t"))

    def lines(self, name: str) -> list[str]:
        """Every line of the field with this lower-case name, in order; empty when it is absent."""
        return self._lines.get(name, [])

    def field(self, name: str) -> str:
        """The lines of a field joined by ", " (RFC 9421 §2.1), or SignatureMalformed when there is none."""
        lines = self._lines.get(name)
        if lines is None:
            raise SignatureMalformed(f"the signed header {name[:64]!r} is not in the request")
        value = ", ".join(lines)
        if "\n" in value or "\r" in value or "\0" in value:
            raise SignatureMalformed(f"the header {name[:64]!r} holds a line break")
        return value

    @cached_property
    def url(self) -> UrlParts:
        """The target taken apart; SignatureMalformed when it is no http URL or the method is no token."""
        if not _METHOD.fullmatch(self.method):
            raise SignatureMalformed("the method is not a token")
        return split_url(self.target_uri)

    @cached_property
    def host(self) -> str:
        """What the sender wrote as Host when that is us; else our authority, which a proxy may have hidden."""
        lines = self.lines("host")
        if len(lines) == 1 and normal_authority(self.url.scheme, lines[0]) == self.url.authority:
            return lines[0]
        return self.url.authority

    @property
    def needs_digest(self) -> bool:
        """Whether a signature must cover the body too: always, unless it is a GET or HEAD without one."""
        return self.method not in METHODS_WITHOUT_BODY or bool(self.body)

    @cached_property
    def body_sha256(self) -> bytes:
        """SHA-256 of the body, computed once."""
        return sha256(self.body or b"").digest()
