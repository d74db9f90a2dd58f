"""draft-cavage-http-signatures-12, as the fediverse speaks it.

Reading is lenient about form and strict about what is covered. This module knows nothing of clocks
and bodies; :mod:`activitypub.signatures.verify` joins the checks.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate

from activitypub.errors import KeyUnusable, SignatureMalformed, SignatureMismatch
from activitypub.signatures.clock import Moment, epoch_seconds, parse_http_date
from activitypub.signatures.digests import body_digest, check_content_digest, check_digest, digest_header
from activitypub.signatures.keys import PrivateKey, PublicKey, SignatureAlgorithm
from activitypub.signatures.message import METHODS_WITHOUT_BODY, NOTHING_MORE, RequestFacts, split_url

HEADER_CHARS_MAX = 8_192
KEY_ID_CHARS_MAX = 2_048
PARAMETERS_MAX = 16
COVERED_NAMES_MAX = 64

ALGORITHMS = frozenset({"rsa-sha256", "rsa-sha512", "hs2019", "ed25519"})

_PREFIX = re.compile(r"\s*(?:Signature\s+(?=[A-Za-z]))?", re.IGNORECASE)
_PARAMETER = re.compile(r'([A-Za-z_]{1,32})\s*=\s*(?:"([^"\\]*)"|([^\s,"\\]+))\s*(?:,\s*|$)')
_LOOKS_LIKE = re.compile(r'(?:^|[\s,])keyid\s*=\s*["\w]', re.IGNORECASE)
_KEY_ID = re.compile(r"[!-~]+")
_COVERED_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+|\((?:request-target|created|expires)\)")
_CREATED = re.compile(r"[0-9]{1,12}")
_EXPIRES = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")


@dataclass(frozen=True)
class CavageSignature:
    """One parsed Signature header. ``algorithm`` is lower-case, None when it was left out."""

    key_id: str
    signature: bytes
    covered: tuple[str, ...]
    algorithm: str | None = None
    created: str | None = None
    """As written, in seconds: the text itself is what was signed."""
    expires: str | None = None


def looks_like(header: str) -> bool:
    """Whether a Signature header line is of this draft and not of RFC 9421."""
    return len(header) <= HEADER_CHARS_MAX and _LOOKS_LIKE.search(header) is not None


def parse(header: str) -> CavageSignature:
    """Read a Signature header, or raise SignatureMalformed.

    Forgiven: a leading "Signature ", numbers in quotes or not, any case of names, a missing
    algorithm, unknown parameters. Refused: a parameter or a covered name that occurs twice.
    """
    if len(header) > HEADER_CHARS_MAX:
        raise SignatureMalformed("the Signature header is too long")
    parameters = _parameters(header)
    key_id = parameters.get("keyid", "")
    if len(key_id) > KEY_ID_CHARS_MAX or not _KEY_ID.fullmatch(key_id):
        raise SignatureMalformed("keyId is missing or unreadable")
    try:
        signature = b64decode(parameters.get("signature", ""), validate=True)
    except ValueError as error:
        raise SignatureMalformed("the signature is not base64") from error
    if not signature:
        raise SignatureMalformed("the signature is empty")
    algorithm = parameters["algorithm"].lower() if parameters.get("algorithm") else None
    if algorithm is not None and algorithm not in ALGORITHMS:
        raise SignatureMalformed(f"the algorithm {algorithm[:32]!r} is not accepted")
    created, expires = parameters.get("created"), parameters.get("expires")
    if created is not None and not _CREATED.fullmatch(created):
        raise SignatureMalformed("created is not a number of seconds")
    if expires is not None and not _EXPIRES.fullmatch(expires):
        raise SignatureMalformed("expires is not a number of seconds")
    covered = _covered_names(parameters.get("headers"), algorithm)
    # Draft §2.3: the two pseudo headers belong to hs2019 and need their parameter.
    if algorithm in ("rsa-sha256", "rsa-sha512") and ("(created)" in covered or "(expires)" in covered):
        raise SignatureMalformed(f"(created) and (expires) do not go with {algorithm}")
    if ("(created)" in covered and created is None) or ("(expires)" in covered and expires is None):
        raise SignatureMalformed("(created) or (expires) is covered but not given")
    return CavageSignature(key_id, signature, covered, algorithm, created, expires)


def _parameters(header: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    prefix = _PREFIX.match(header)
    position = prefix.end() if prefix else 0
    header = header.rstrip()
    while position < len(header):
        match = _PARAMETER.match(header, position)
        if match is None:
            raise SignatureMalformed(f"the Signature header cannot be read at {position}")
        name = match[1].lower()
        if name in parameters or len(parameters) == PARAMETERS_MAX:
            raise SignatureMalformed("a parameter occurs twice or there are too many")
        parameters[name] = match[2] if match[2] is not None else match[3]
        position = match.end()
    return parameters


def _covered_names(headers: str | None, algorithm: str | None) -> tuple[str, ...]:
    if headers is None:
        return ("(created)",) if algorithm in (None, "hs2019") else ("date",)
    names = headers.lower().split()
    if not names or len(names) > COVERED_NAMES_MAX:
        raise SignatureMalformed("no header is covered, or too many")
    if len(set(names)) != len(names):
        raise SignatureMalformed("a covered header is named twice")
    if not all(_COVERED_NAME.fullmatch(name) for name in names):
        raise SignatureMalformed("a covered header has an unknown kind of name")
    return tuple(names)


def check_coverage(parsed: CavageSignature, facts: RequestFacts) -> None:
    """Raise SignatureMalformed unless everything that matters is covered.

    Always (request-target), host and a time; with a body its digest too.
    """
    required = ["(request-target)", "host"]
    missing = [name for name in required if name not in parsed.covered]
    if "date" not in parsed.covered and "(created)" not in parsed.covered:
        missing.append("date")
    if facts.needs_digest and "digest" not in parsed.covered and "content-digest" not in parsed.covered:
        missing.append("digest")
    if missing:
        raise SignatureMalformed(f"not covered: {' '.join(missing)}", reason="signature_covers_too_little")


def check_body(parsed: CavageSignature, facts: RequestFacts) -> None:
    """Hold the covered digests against the body (SignatureMismatch, SignatureMalformed)."""
    if "digest" in parsed.covered:
        check_digest(facts)
    if "content-digest" in parsed.covered:
        check_content_digest(facts)


def created_at(parsed: CavageSignature, facts: RequestFacts) -> float:
    """When it was signed, in epoch seconds: the covered (created), else the covered Date header."""
    if "(created)" in parsed.covered and parsed.created is not None:
        return float(parsed.created)
    if "date" not in parsed.covered:
        raise SignatureMalformed("no time is covered")
    return parse_http_date(facts.field("date"))


def expires_at(parsed: CavageSignature) -> float | None:
    """When its sender wants it to end, if that is covered; an uncovered word is anybody's."""
    if "(expires)" in parsed.covered and parsed.expires is not None:
        return float(parsed.expires)
    return None


def signing_string(parsed: CavageSignature, facts: RequestFacts, *, with_query: bool = True) -> bytes:
    """Rebuild the text that was signed (draft §2.3), or raise SignatureMalformed for an absent header."""
    lines: list[str] = []
    for name in parsed.covered:
        if name == "(request-target)":
            target = facts.url.request_target if with_query else facts.url.path
            value = f"{facts.method.lower()} {target}"
        elif name == "(created)":
            value = parsed.created or ""
        elif name == "(expires)":
            value = parsed.expires or ""
        elif name == "host":
            value = facts.host
        else:
            value = facts.field(name)
        lines.append(f"{name}: {value}")
    try:
        return "\n".join(lines).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise SignatureMalformed("a signed header is not text") from error


def check_signature(parsed: CavageSignature, facts: RequestFacts, key: PublicKey) -> None:
    """Check the arithmetic alone: SignatureMismatch unless the key signed this request.

    A GET is also tried without its query, which some servers leave out of (request-target).
    """
    algorithms = _algorithms(parsed.algorithm, key)
    strings = [signing_string(parsed, facts)]
    if facts.url.query is not None and facts.method in METHODS_WITHOUT_BODY:
        strings.append(signing_string(parsed, facts, with_query=False))
    for data in strings:
        for algorithm in algorithms:
            if key.verifies(parsed.signature, data, algorithm):
                return
    raise SignatureMismatch("the key did not sign this request")


def _algorithms(label: str | None, key: PublicKey) -> tuple[SignatureAlgorithm, ...]:
    """The key decides; the label may only narrow its choice."""
    if key.algorithm == "ed25519":
        if label in (None, "hs2019", "ed25519"):
            return ("ed25519",)
    elif label == "rsa-sha256":
        return ("rsa-v1_5-sha256",)
    elif label == "rsa-sha512":
        return ("rsa-v1_5-sha512",)
    elif label in (None, "hs2019"):
        # The draft says RSASSA-PSS here; what is sent is PKCS#1 v1.5, mostly with SHA-256.
        return ("rsa-v1_5-sha256", "rsa-v1_5-sha512")
    raise KeyUnusable(f"the algorithm {label} does not go with a key of kind {key.algorithm}")


def sign(
    method: str,
    url: str,
    body: bytes | None,
    key: PrivateKey,
    *,
    now: Moment,
    digest: bytes | None = None,
    content_type: str = "application/activity+json",
    with_query: bool = True,
    more: Mapping[str, str] = NOTHING_MORE,
) -> dict[str, str]:
    """Sign a request and give the headers to send with it.

    A request with a body covers ``(request-target) host date digest content-type``, one without
    ``(request-target) host date``. ``digest`` is the SHA-256 of the body when it is known already.
    ``with_query`` false leaves the query out of (request-target), for servers that verify so.
    ``more`` are header fields to send and to cover as well.
    """
    parts = split_url(url)
    target = parts.request_target if with_query else parts.path
    date = formatdate(epoch_seconds(now), usegmt=True)
    headers = {"Host": parts.authority, "Date": date}
    names = "(request-target) host date"
    data = f"(request-target): {method.lower()} {target}\nhost: {parts.authority}\ndate: {date}"
    if body is not None:
        headers["Digest"] = digest_header(digest if digest is not None else body_digest(body))
        headers["Content-Type"] = content_type
        names += " digest content-type"
        data += f"\ndigest: {headers['Digest']}\ncontent-type: {content_type}"
    for name, value in more.items():
        headers[name] = value
        names += f" {name.lower()}"
        data += f"\n{name.lower()}: {value}"
    # Some readers refuse hs2019, and nobody refuses the plain name.
    algorithm = "rsa-sha256" if key.algorithm == "rsa" else "ed25519"
    signature = b64encode(key.sign(data.encode("ascii"))).decode()
    headers["Signature"] = (
        f'keyId="{key.key_id}",algorithm="{algorithm}",headers="{names}",signature="{signature}"'
    )
    return headers
