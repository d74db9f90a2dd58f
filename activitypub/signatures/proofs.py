"""Proofs inside a document: FEP-8b32 with the cryptosuite ``eddsa-jcs-2022``, and no other.

A proof covers the exact JSON values, so documents go in and out as plain parsed JSON: never put a
model in between, and forward what was received unchanged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import rfc8785

from activitypub.errors import (
    KeyUnusable,
    SignatureExpired,
    SignatureMalformed,
    SignatureMismatch,
    SignatureMissing,
)
from activitypub.signatures.clock import FUTURE_SECONDS_MAX, Moment, epoch_seconds
from activitypub.signatures.keys import PrivateKey, PublicKey, base58btc_decode, base58btc_encode

CRYPTOSUITE = "eddsa-jcs-2022"
PROOFS_MAX = 8
PROOF_VALUE_CHARS_MAX = 96  # "z" and the base58btc of 64 bytes, with room.
VERIFICATION_METHOD_CHARS_MAX = 2_048
DATE_CHARS_MAX = 64

Json = Mapping[str, Any]


@dataclass(frozen=True)
class ProofClaim:
    """A readable proof of a document, not yet believed."""

    verification_method: str
    """Id of the key: the caller finds it in the ``assertionMethod`` of its owner's actor document."""
    created_at: float | None
    """Epoch seconds; None when the proof does not say."""
    expires_at: float | None
    _signature: bytes = field(repr=False)
    _hash_data: bytes = field(repr=False)

    def verify(self, public_key: PublicKey, *, now: Moment) -> None:
        """Raise a SignatureError unless this key made the proof.

        A proof does not age, so that a document can be forwarded years later; it may only not come
        from the future or be past its own ``expires``. Whether the owner of the key may speak for
        the document is for the caller to ask.
        """
        if public_key.key_id != self.verification_method:
            raise KeyUnusable("this is not the key that was named")
        if public_key.algorithm != "ed25519":
            raise KeyUnusable(f"{CRYPTOSUITE} needs an Ed25519 key")
        now_seconds = epoch_seconds(now)
        if self.created_at is not None and self.created_at > now_seconds + FUTURE_SECONDS_MAX:
            raise SignatureExpired("the proof is from the future", reason="signature_from_future")
        if self.expires_at is not None and self.expires_at < now_seconds:
            raise SignatureExpired("the proof has expired")
        if not public_key.verifies(self._signature, self._hash_data, "ed25519"):
            raise SignatureMismatch("the key did not sign this document")


def read_proof(document: Json) -> ProofClaim:
    """Find the first proof of a document that we can check.

    Raises SignatureMissing without any proof, SignatureMalformed when none is of our kind: type
    DataIntegrityProof, eddsa-jcs-2022, purpose assertionMethod, whole and readable.
    """
    proofs = document.get("proof")
    if proofs is None or proofs == []:
        raise SignatureMissing("the document has no proof")
    candidates = proofs if isinstance(proofs, list) else [proofs]
    if len(candidates) > PROOFS_MAX:
        raise SignatureMalformed("the document has too many proofs")
    first_error: SignatureMalformed | None = None
    for proof in candidates:
        try:
            return _claim(document, proof)
        except SignatureMalformed as error:
            first_error = first_error or error
    raise first_error or SignatureMalformed("the document has no proof")


def verify_proof(document: Json, public_key: PublicKey, *, now: Moment) -> None:
    """Read and verify in one step, for callers that know the key; raises a SignatureError."""
    read_proof(document).verify(public_key, now=now)


def _claim(document: Json, proof: object) -> ProofClaim:
    if not isinstance(proof, Mapping):
        raise SignatureMalformed("a proof is not an object")
    for name, expected in (
        ("type", "DataIntegrityProof"),
        ("cryptosuite", CRYPTOSUITE),
        ("proofPurpose", "assertionMethod"),
    ):
        if proof.get(name) != expected:
            raise SignatureMalformed(f"{name} of the proof is not {expected}")
    if "previousProof" in proof:
        raise SignatureMalformed("chains of proofs are not supported")
    method = proof.get("verificationMethod")
    if not isinstance(method, str) or not 0 < len(method) <= VERIFICATION_METHOD_CHARS_MAX:
        raise SignatureMalformed("verificationMethod of the proof is missing")
    value = proof.get("proofValue")
    if not isinstance(value, str) or not value.startswith("z") or len(value) > PROOF_VALUE_CHARS_MAX:
        raise SignatureMalformed("proofValue is not base58btc")
    try:
        signature = base58btc_decode(value[1:])
    except ValueError as error:
        raise SignatureMalformed("proofValue is not base58btc") from error
    return ProofClaim(
        verification_method=method,
        created_at=_instant(proof, "created"),
        expires_at=_instant(proof, "expires"),
        _signature=signature,
        _hash_data=_hash_data(document, proof),
    )


def _instant(proof: Json, name: str) -> float | None:
    text = proof.get(name)
    if text is None:
        return None
    try:
        if not isinstance(text, str) or len(text) > DATE_CHARS_MAX:
            raise ValueError("not a date")
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return moment.timestamp()
    except (ValueError, OverflowError) as error:
        raise SignatureMalformed(f"{name} of the proof is not a moment with a time zone") from error


def _hash_data(document: Json, proof: Json) -> bytes:
    """Data Integrity EdDSA §3.3.4: the hash of the proof options, then the hash of the document."""
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    # Mastodon removes an LD signature before it checks a proof, and adds one after it made one.
    unsecured = {name: value for name, value in document.items() if name not in ("proof", "signature")}
    if "@context" in options:
        # §3.3.2: the document may have gained contexts at the end, not at the start.
        signed, present = _as_list(options["@context"]), _as_list(unsecured.get("@context"))
        if present[: len(signed)] != signed:
            raise SignatureMalformed("the context of the proof is not the start of the document's")
        unsecured["@context"] = options["@context"]
    try:
        return sha256(rfc8785.dumps(options)).digest() + sha256(rfc8785.dumps(unsecured)).digest()
    except (ValueError, RecursionError) as error:
        raise SignatureMalformed("the document has no canonical form") from error


def _as_list(value: object) -> list[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def with_proof(document: Json, key: PrivateKey, *, now: Moment) -> dict[str, Any]:
    """Give the document with a proof by this Ed25519 key added.

    Only for public documents: a proof lets every reader show to others who wrote it. Raises
    ValueError for a document that already has a proof, KeyUnusable for another kind of key.
    """
    if "proof" in document:
        raise ValueError("the document already has a proof")
    if key.algorithm != "ed25519":
        raise KeyUnusable(f"{CRYPTOSUITE} needs an Ed25519 key")
    created = datetime.fromtimestamp(int(epoch_seconds(now)), UTC)
    proof: dict[str, Any] = {"@context": document["@context"]} if "@context" in document else {}
    proof |= {
        "type": "DataIntegrityProof",
        "cryptosuite": CRYPTOSUITE,
        "created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "proofPurpose": "assertionMethod",
        "verificationMethod": key.key_id,
    }
    proof["proofValue"] = "z" + base58btc_encode(key.sign(_hash_data(document, proof)))
    return {**document, "proof": proof}
