"""Signatures of requests (cavage, RFC 9421) and of documents (FEP-8b32), without any input or output."""

from activitypub.signatures.clock import Moment
from activitypub.signatures.digests import body_digest
from activitypub.signatures.keys import PrivateKey, PublicKey
from activitypub.signatures.message import RequestFacts
from activitypub.signatures.proofs import ProofClaim, read_proof, verify_proof, with_proof
from activitypub.signatures.sign import sign_request
from activitypub.signatures.verify import Scheme, SignatureClaim, Verified, read_signature

__all__ = [
    "Moment",
    "PrivateKey",
    "ProofClaim",
    "PublicKey",
    "RequestFacts",
    "Scheme",
    "SignatureClaim",
    "Verified",
    "body_digest",
    "read_proof",
    "read_signature",
    "sign_request",
    "verify_proof",
    "with_proof",
]
