"""Digest (RFC 3230, as cavage peers send it) and Content-Digest (RFC 9530) of a request body."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256, sha512
from hmac import compare_digest

from activitypub.errors import SignatureMalformed, SignatureMismatch
from activitypub.signatures.message import RequestFacts
from activitypub.signatures.structured import Item, parse_dictionary

DIGEST_HEADER_CHARS_MAX = 2_048
DIGEST_VALUES_MAX = 8

_HASHES: dict[str, Callable[[RequestFacts], bytes]] = {
    "sha-256": lambda facts: facts.body_sha256,
    "sha-512": lambda facts: sha512(facts.body or b"").digest(),
}


def body_digest(body: bytes) -> bytes:
    """SHA-256 of a body, 32 bytes: compute it once and hand it to every signing of that body."""
    return sha256(body).digest()


def digest_header(sha256_digest: bytes) -> str:
    """The value of a Digest header."""
    return f"SHA-256={b64encode(sha256_digest).decode()}"


def content_digest_header(sha256_digest: bytes) -> str:
    """The value of a Content-Digest header."""
    return f"sha-256=:{b64encode(sha256_digest).decode()}:"


def check_digest(facts: RequestFacts) -> None:
    """Hold the Digest header against the body.

    Every SHA-256 and SHA-512 value must agree and there must be one; other algorithms say nothing.
    Raises SignatureMismatch when the body is another, SignatureMalformed when the header is no use.
    """
    header = facts.field("digest")
    if len(header) > DIGEST_HEADER_CHARS_MAX:
        raise SignatureMalformed("the Digest header is too long")
    values = header.split(",")
    if len(values) > DIGEST_VALUES_MAX:
        raise SignatureMalformed("the Digest header holds too many values")
    claimed: list[tuple[str, bytes]] = []
    for value in values:
        algorithm, _, encoded = value.strip().partition("=")
        if algorithm.lower() in _HASHES:
            try:
                claimed.append((algorithm.lower(), b64decode(encoded, validate=True)))
            except ValueError as error:
                raise SignatureMalformed("the Digest header is not base64") from error
    _compare(facts, claimed)


def check_content_digest(facts: RequestFacts) -> None:
    """Hold the Content-Digest header against the body; raises as :func:`check_digest` does."""
    header = facts.field("content-digest")
    if len(header) > DIGEST_HEADER_CHARS_MAX:
        raise SignatureMalformed("the Content-Digest header is too long")
    claimed: list[tuple[str, bytes]] = []
    for algorithm, member in parse_dictionary(header, members_max=DIGEST_VALUES_MAX).items():
        if algorithm in _HASHES:
            if not isinstance(member, Item) or not isinstance(member.value, bytes):
                raise SignatureMalformed("a Content-Digest value is not a byte sequence")
            claimed.append((algorithm, member.value))
    _compare(facts, claimed)


def _compare(facts: RequestFacts, claimed: list[tuple[str, bytes]]) -> None:
    if not claimed:
        raise SignatureMalformed("the digest uses no algorithm we know (sha-256, sha-512)")
    for algorithm, digest in claimed:
        if not compare_digest(_HASHES[algorithm](facts), digest):
            raise SignatureMismatch("the body is not the one that was signed", reason="digest_mismatch")
