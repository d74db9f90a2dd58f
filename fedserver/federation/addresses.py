"""Which URLs and which addresses this server may contact. Pure rules: nothing here looks up or dials.

One parser (yarl, the one aiohttp dials with) reads a URL, so that what is checked is what is used.
"""

import re
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from yarl import URL

from fedserver.errors import Refused

Network = IPv4Network | IPv6Network

URL_CHARS_MAX = 4096  # Longer ids exist only in attacks; a browser's limit is near 2,000.

# IANA special-purpose registry (RFC 6890 and its updates), written out because the tables inside
# Python's ipaddress differ between patch releases.
_FORBIDDEN_V4 = tuple(
    IPv4Network(net)
    for net in (
        "0.0.0.0/8",  # "this network", and the unspecified address
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; some clouds keep their metadata service here
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host agent: routed like a public address, answers only from inside
        "169.254.0.0/16",  # link-local, metadata services
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and the broadcast address
    )
)
# Only global unicast can be public. That leaves out ::, ::1, IPv4-mapped and IPv4-compatible
# addresses, NAT64, discard-only, unique local, link-local, site-local and multicast at one stroke.
_GLOBAL_V6 = IPv6Network("2000::/3")
_FORBIDDEN_V6 = tuple(
    IPv6Network(net)
    for net in (
        "2001::/23",  # IETF protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 carries an IPv4 address of the sender's choice
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)

# Ports from 1024 up on which something else than a web server is at home (Fetch standard, "bad port",
# and the usual databases). Below 1024 only 80 and 443 are allowed.
_FORBIDDEN_PORTS = frozenset(
    {1719, 1720, 1723, 2049, 3306, 3659, 4045, 4190, 5060, 5061, 5432, 6000, 6379, 6566, 6665, 6666, 6667}
    | {6668, 6669, 6679, 6697, 10080, 11211, 27017}
)

# Letters, digits, hyphen, and the underscore that some real hosts have (RFC 1123 section 2.1).
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
# WHATWG URL, "ends in a number": a host whose last label is numeric is some spelling of an IPv4 address.
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)\Z")
# Everything that two URL parsers could read differently.
_CONFUSING = re.compile(r"[\x00-\x20\x7f\\]")


@lru_cache(maxsize=8192)
def may_be_dialled(address: str, allow_nets: tuple[Network, ...] = ()) -> bool:
    """Say whether an IP address (canonical text, as a resolver or a socket gives it) may be contacted."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.scope_id is not None:
        return False
    if any(ip in net for net in allow_nets if net.version == ip.version):
        return True
    if isinstance(ip, IPv4Address):
        return not any(ip in net for net in _FORBIDDEN_V4)
    return ip in _GLOBAL_V6 and not any(ip in net for net in _FORBIDDEN_V6)


def networks(cidrs: tuple[str, ...]) -> tuple[Network, ...]:
    """Parse CIDRs such as `127.0.0.0/8`. Raises ValueError when host bits are set or the text is no network."""
    return tuple(ip_network(cidr) for cidr in cidrs)


def literal_ip(host: str) -> str | None:
    """Return the canonical text when the host of a URL is an IP address in its one plain spelling."""
    try:
        return str(ip_address(host))
    except ValueError:
        return None


def check_url(
    url: str | URL, *, allow_http: bool = False, allow_nets: tuple[Network, ...] = (), any_port: bool = False
) -> URL:
    """Read a URL we are about to ask for and return it in the form that goes on the wire, without fragment.

    Raises Refused with reason `url` (not a plain absolute URL), `scheme`, `blocked_port` or
    `blocked_address` (a literal address outside the public ranges; names are checked when dialled).
    """
    text = str(url)
    if len(text) > URL_CHARS_MAX or _CONFUSING.search(text):
        raise Refused("The address is not a plain web address.", reason="url")
    try:
        parsed = URL(text)
        host, port = parsed.raw_host, parsed.port
    except ValueError as error:
        raise Refused("The address is not a plain web address.", reason="url") from error
    if parsed.scheme != "https" and not (parsed.scheme == "http" and allow_http):
        raise Refused("Only https addresses are allowed.", reason="scheme")
    if not host or port is None or parsed.raw_user is not None or parsed.raw_password is not None:
        raise Refused("The address is not a plain web address.", reason="url")
    if "@" in parsed.raw_authority:  # an empty user name
        raise Refused("The address is not a plain web address.", reason="url")
    _check_host(host, allow_nets)
    if not any_port and ((port < 1024 and port not in (80, 443)) or port in _FORBIDDEN_PORTS):
        raise Refused(f"Port {port} is not used for web pages.", reason="blocked_port")
    return parsed.with_fragment(None)


def join_url(base: URL, location: str) -> URL:
    """Resolve a reference, such as a Location header, against the URL it came from. Not checked further.

    Raises Refused with reason `url` when the text can be read in more than one way or not at all.
    """
    if len(location) > URL_CHARS_MAX or _CONFUSING.search(location):
        raise Refused("The address is not a plain web address.", reason="url")
    try:
        return base.join(URL(location))
    except ValueError as error:
        raise Refused("The address is not a plain web address.", reason="url") from error


def _check_host(host: str, allow_nets: tuple[Network, ...]) -> None:
    literal = literal_ip(host)
    if literal is not None:
        if not may_be_dialled(literal, allow_nets):
            raise Refused("This server contacts public addresses only.", reason="blocked_address")
        return
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.match(label) for label in labels) or _NUMERIC.match(labels[-1]):
        raise Refused("The address does not name a host.", reason="url")
