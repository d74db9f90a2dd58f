"""Who signed this request, with which key, and how long ago.

Two steps, because finding the key takes a database and perhaps the network, which do not live here::

    claim = read_signature(facts)      # which key is claimed; coverage is checked
    claim.check_body()                 # cheap, before anything is fetched
    ...                                # the caller finds the key claim.key_id of its owner
    verified = claim.verify(public_key, now=now)
"""

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Literal

from activitypub.errors import KeyUnusable, SignatureError, SignatureMalformed, SignatureMissing
from activitypub.signatures import cavage, clock, rfc9421
from activitypub.signatures.clock import Moment
from activitypub.signatures.keys import PublicKey
from activitypub.signatures.message import RequestFacts

Scheme = Literal["cavage", "rfc9421"]


@dataclass(frozen=True)
class Verified:
    """A request that holds. The owner of the key is ``owner_uri``, as whoever found the key said."""

    scheme: Scheme
    key_id: str
    owner_uri: str
    replay_key: str
    """Hex hash of the key id and the signature: the same twice is the same request twice."""
    valid_until: float
    """Epoch seconds after which the signature is refused anyway, so its replay_key can be forgotten."""


@dataclass(frozen=True)
class SignatureClaim:
    """A readable signature that covers enough, not yet believed."""

    scheme: Scheme
    key_id: str
    created_at: float
    """Epoch seconds, from what the signature covers."""
    expires_at: float | None
    _parsed: cavage.CavageSignature | rfc9421.MessageSignature = field(repr=False)
    _facts: RequestFacts = field(repr=False)
    _fallback: "SignatureClaim | None" = field(default=None, repr=False)

    @cached_property
    def replay_key(self) -> str:
        """Hex SHA-256 of key id and signature."""
        return sha256(self.key_id.encode() + b"\0" + self._parsed.signature).hexdigest()

    @property
    def valid_until(self) -> float:
        """Epoch seconds after which this signature is refused."""
        return clock.valid_until(self.created_at, self.expires_at)

    def check_window(self, now: Moment) -> None:
        """Raise SignatureExpired when signed too long ago or in the future."""
        clock.check_window(self.created_at, self.expires_at, now=now)

    def check_body(self) -> None:
        """Raise SignatureMismatch when the body is not the one whose digest was signed."""
        if isinstance(self._parsed, cavage.CavageSignature):
            cavage.check_body(self._parsed, self._facts)
        else:
            rfc9421.check_body(self._parsed, self._facts)

    def verify(self, public_key: PublicKey, *, now: Moment) -> Verified:
        """Check time, body and signature with the key that goes by ``key_id``, or raise a SignatureError.

        When the request was also signed in the other scheme with the same key, that one is tried second.
        """
        try:
            return self._verify(public_key, now)
        except SignatureError:
            if self._fallback is None or self._fallback.key_id != self.key_id:
                raise
            return self._fallback.verify(public_key, now=now)

    def _verify(self, public_key: PublicKey, now: Moment) -> Verified:
        if public_key.key_id != self.key_id:
            raise KeyUnusable("this is not the key that was named")
        self.check_window(now)
        self.check_body()
        if isinstance(self._parsed, cavage.CavageSignature):
            cavage.check_signature(self._parsed, self._facts, public_key)
        else:
            rfc9421.check_signature(self._parsed, self._facts, public_key)
        return Verified(self.scheme, self.key_id, public_key.owner_uri, self.replay_key, self.valid_until)


def read_signature(facts: RequestFacts) -> SignatureClaim:
    """Find the signature of a request: RFC 9421 when there is one, then cavage.

    Raises SignatureMissing when neither header is there, SignatureMalformed when what is there
    cannot be read or covers less than it must.
    """
    signatures, inputs = facts.lines("signature"), facts.lines("signature-input")
    if not signatures and not inputs:
        raise SignatureMissing("the request is not signed")
    if not inputs:
        return _cavage_claim(signatures, facts)
    of_cavage = [line for line in signatures if cavage.looks_like(line)]
    try:
        message_claim = _rfc9421_claim(inputs, [line for line in signatures if line not in of_cavage], facts)
    except SignatureError:
        if not of_cavage:
            raise
        return _cavage_claim(of_cavage, facts)
    if not of_cavage:
        return message_claim
    try:
        fallback = _cavage_claim(of_cavage, facts)
    except SignatureError:
        return message_claim  # One signature that holds is enough.
    return SignatureClaim(
        message_claim.scheme,
        message_claim.key_id,
        message_claim.created_at,
        message_claim.expires_at,
        message_claim._parsed,
        facts,
        fallback,
    )


def _cavage_claim(lines: list[str], facts: RequestFacts) -> SignatureClaim:
    if len(lines) != 1:
        raise SignatureMalformed("there is more than one Signature header")
    parsed = cavage.parse(lines[0])
    cavage.check_coverage(parsed, facts)
    cavage.signing_string(parsed, facts)  # Every covered header must be there before a key is fetched.
    return SignatureClaim(
        "cavage",
        parsed.key_id,
        cavage.created_at(parsed, facts),
        cavage.expires_at(parsed),
        parsed,
        facts,
    )


def _rfc9421_claim(inputs: list[str], signatures: list[str], facts: RequestFacts) -> SignatureClaim:
    first_error: SignatureMalformed | None = None
    for parsed in rfc9421.parse(", ".join(inputs), ", ".join(signatures)):
        try:
            if isinstance(parsed, SignatureMalformed):
                raise parsed
            rfc9421.check_coverage(parsed, facts)
            rfc9421.signature_base(parsed, facts)  # As above: whole before a key is fetched.
            assert parsed.key_id is not None
            assert parsed.created is not None
            return SignatureClaim(
                "rfc9421",
                parsed.key_id,
                float(parsed.created),
                None if parsed.expires is None else float(parsed.expires),
                parsed,
                facts,
            )
        except SignatureMalformed as error:
            first_error = first_error or error
    raise first_error or SignatureMalformed("Signature-Input is empty")
