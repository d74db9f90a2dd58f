"""How single settings are read: origins, addresses to listen on, static names. Only text in, values out."""

import re
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from yarl import URL

PREFIX = "FEDSERVER_"

# A host name as it stands in URLs: labels of letters, digits and hyphens, already in ASCII.
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\Z")


class ConfigError(Exception):
    """A setting cannot be used. The text is one sentence that names the setting and what it should be."""


class Listen(NamedTuple):
    """Where to listen: a TCP host and port, or a unix socket at `path` (then host is empty, port 0)."""

    host: str
    port: int
    path: Path | None


def domain_and_url(domain: str, url: str) -> tuple[str, str]:
    """Complete each from the other and bring both into the one form in which they are compared."""
    if not domain and not url:
        raise ConfigError(
            f"{both_names('domain')} is missing: it is the domain in handles such as @name@example.org."
        )
    shape = "a host name such as example.org, with a port if it has one"
    if domain:
        handle = _split(f"//{domain}", "domain", shape)
        check(not handle.path and not handle.query and not handle.fragment, "domain", shape)
        domain = _authority(handle._replace(scheme="https"), "domain", shape)
    shape = "an origin such as https://example.org, without a path"
    parts = _split(url or f"https://{domain}", "url", shape)
    check(parts.scheme in ("https", "http"), "url", shape)
    check(parts.path in ("", "/") and not parts.query and not parts.fragment, "url", shape)
    authority = _authority(parts, "url", shape)
    return domain or authority, f"{parts.scheme}://{authority}"


def _split(text: str, name: str, shape: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ConfigError(f"{both_names(name)} must be {shape}.") from None
    return parts


def _authority(parts: SplitResult, name: str, shape: str) -> str:
    """Host in lower case and ASCII, and the port unless it is the scheme's own."""
    host = parts.hostname or ""
    if ":" in host:
        check(parses(ip_address, host), name, shape)
        host = f"[{ip_address(host)}]"
    else:
        try:
            host = URL.build(scheme="https", host=host).raw_host or ""
        except ValueError:
            raise ConfigError(f"{both_names(name)} must be {shape}.") from None
        check(parts.username is None and len(host) <= 253 and _HOST.match(host), name, shape)
    standard = {"https": 443, "http": 80}[parts.scheme]
    return host if parts.port in (None, standard) else f"{host}:{parts.port}"


def is_loopback(host: str) -> bool:
    """Say whether a host name or address means this machine."""
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761 section 6.3
        return True
    return parses(ip_address, host) and ip_address(host).is_loopback


def read_listen(text: str) -> Listen:
    """Read HOST:PORT or unix:PATH; ValueError for anything else."""
    if text.startswith("unix:"):
        if text == "unix:":
            raise ValueError(text)
        return Listen("", 0, Path(text.removeprefix("unix:")))
    parts = urlsplit(f"//{text}")
    if not parts.hostname or parts.port is None or parts.path or parts.username is not None:
        raise ValueError(text)
    return Listen(parts.hostname, parts.port, None)


class Mailbox(NamedTuple):
    """A mailbox on a server that speaks IMAP; without `tls` in the clear, on this machine alone."""

    host: str
    port: int
    tls: bool
    user: str
    password: str
    folder: str


def read_mailbox(text: str) -> Mailbox:
    """Read imaps://USER:PASSWORD@HOST:PORT/MAILBOX; ValueError for anything else, and for imap:// to elsewhere."""
    parts = urlsplit(text)
    tls = parts.scheme == "imaps"
    if (
        parts.scheme not in ("imap", "imaps")
        or not parts.hostname
        or not parts.username
        or parts.password is None
        or (not tls and not is_loopback(parts.hostname))
    ):
        raise ValueError(text)
    port = parts.port or (993 if tls else 143)  # RFC 8314 §3.2
    folder = unquote(parts.path.strip("/")) or "INBOX"
    return Mailbox(parts.hostname, port, tls, unquote(parts.username), unquote(parts.password), folder)


def is_address_to_extend(text: str) -> bool:
    """Say whether a code fits into an address: RFC 5321 §4.5.3.1.1 allows 64 octets before the @."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,18}@[^@\s<>+]+", text) is not None


def address_and_port(text: str) -> tuple[str, int]:
    """Read 127.0.0.1:53 or [::1]:53; ValueError for a name or anything else."""
    listen = read_listen(text)
    return str(ip_address(listen.host)), listen.port


def static_host(entry: str) -> tuple[tuple[str, int | None], tuple[str, int]]:
    """Read name[:port]=address:port into (name, port or None), (address, port); else ValueError."""
    name, equals, target = entry.partition("=")
    parts = urlsplit(f"//{name}")
    if not equals or not parts.hostname:
        raise ValueError(entry)
    return (parts.hostname, parts.port), address_and_port(target)


def parses(reader: Callable[[str], Any], text: str) -> bool:
    """Say whether `reader` accepts the text."""
    try:
        reader(text)
    except (ValueError, KeyError, OSError):
        # KeyError: an unknown time zone. OSError: a zone name that is a folder.
        return False
    return True


def check(holds: object, name: str, shape: str) -> None:
    """Raise ConfigError `NAME must be SHAPE.` unless it holds."""
    if not holds:
        raise ConfigError(f"{both_names(name)} must be {shape}.")


def both_names(name: str) -> str:
    """Return a setting\'s name in the file and in the environment, for messages."""
    return f"{name} ({PREFIX}{name.upper().replace('.', '__')})"
