"""Messages to push services: encrypted for the app alone, signed with this server's key. No I/O.

Two encodings are spoken. `standard` is that of the RFCs (8188, 8291, 8292); the other is the draft before them
(draft-ietf-webpush-encryption-04, draft-ietf-webpush-vapid-01), which the relays and notification extensions of
apps on iPhones read to this day.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SALT_BYTES: Final = 16
KEY_BYTES: Final = 16
NONCE_BYTES: Final = 12
POINT_BYTES: Final = 65
SECRET_BYTES: Final = 16
RECORD_BYTES: Final = 4_096
PLAINTEXT_BYTES_MAX: Final = 3_900  # with all that is added, what every service takes (RFC 8030 §7.2)
TOKEN_SECONDS: Final = 12 * 3_600  # at most a day (RFC 8292 §2)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where an app is reached and how to encrypt for it: its P-256 point and its secret, as bytes."""

    endpoint: str
    p256dh: bytes = field(repr=False)
    auth: bytes = field(repr=False)
    standard: bool


@dataclass(frozen=True, slots=True)
class Sender:
    """This server as push services know it: its key, and how to reach who runs it (``mailto:`` or ``https:``)."""

    key: EllipticCurvePrivateKey = field(repr=False)
    contact: str


@dataclass(frozen=True, slots=True)
class Request:
    """What is POSTed to the endpoint."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def public_point(data: bytes) -> EllipticCurvePublicKey:
    """The key of an app. Raises ValueError for what is no uncompressed point of P-256."""
    if len(data) != POINT_BYTES:
        raise ValueError("a P-256 key has 65 bytes")
    return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), data)


def request(
    receiver: Receiver, sender: Sender, plaintext: bytes, *, now_s: int, ttl_s: int, topic: str
) -> Request:
    """The message, ready to be sent. `topic` replaces an earlier one that still waits (RFC 8030 §5.4).

    Raises ValueError for keys of the receiver's that are none, and for more than `PLAINTEXT_BYTES_MAX`.
    """
    token = _token(receiver.endpoint, sender, now_s)
    server_key = _text(_point(sender.key))
    headers = {
        "Content-Type": "application/octet-stream",
        "TTL": str(ttl_s),
        "Urgency": "normal",
        "Topic": topic,
    }
    if receiver.standard:
        body = encrypt(plaintext, receiver)
        headers["Content-Encoding"] = "aes128gcm"
        headers["Authorization"] = f"vapid t={token},k={server_key}"  # RFC 8292 §3
        return Request(headers, body)
    older = encrypt_as_draft(plaintext, receiver)
    headers["Content-Encoding"] = "aesgcm"
    headers["Encryption"] = f"salt={_text(older.salt)}"
    headers["Crypto-Key"] = f"dh={_text(older.public_key)};p256ecdsa={server_key}"
    headers["Authorization"] = f"WebPush {token}"
    return Request(headers, older.body)


def encrypt(
    plaintext: bytes,
    receiver: Receiver,
    *,
    salt: bytes | None = None,
    key: EllipticCurvePrivateKey | None = None,
) -> bytes:
    """aes128gcm (RFC 8291 §3, §4), as one record. `salt` and `key` are new each time unless given."""
    _check_size(plaintext)
    salt, key = salt or os.urandom(SALT_BYTES), key or generate_private_key(SECP256R1())
    theirs, ours = public_point(receiver.p256dh), _point(key)
    secret = key.exchange(ECDH(), theirs)
    keying = _hkdf(receiver.auth, secret, b"WebPush: info\0" + receiver.p256dh + ours, 32)
    content_key = _hkdf(salt, keying, b"Content-Encoding: aes128gcm\0", KEY_BYTES)
    nonce = _hkdf(salt, keying, b"Content-Encoding: nonce\0", NONCE_BYTES)
    # RFC 8188 §2: the octet 2 ends the last record, before any padding.
    sealed = AESGCM(content_key).encrypt(nonce, plaintext + b"\x02", None)
    return salt + RECORD_BYTES.to_bytes(4, "big") + bytes([len(ours)]) + ours + sealed


@dataclass(frozen=True, slots=True)
class Older:
    """What the draft sends in the body, and what in headers."""

    body: bytes
    salt: bytes
    public_key: bytes


def encrypt_as_draft(
    plaintext: bytes,
    receiver: Receiver,
    *,
    salt: bytes | None = None,
    key: EllipticCurvePrivateKey | None = None,
) -> Older:
    """aesgcm (draft-ietf-webpush-encryption-04 §3, draft-ietf-httpbis-encryption-encoding-03), as one record."""
    _check_size(plaintext)
    salt, key = salt or os.urandom(SALT_BYTES), key or generate_private_key(SECP256R1())
    theirs, ours = public_point(receiver.p256dh), _point(key)
    secret = key.exchange(ECDH(), theirs)
    keying = _hkdf(receiver.auth, secret, b"Content-Encoding: auth\0", 32)
    context = b"P-256\0" + b"".join(
        len(point).to_bytes(2, "big") + point for point in (receiver.p256dh, ours)
    )
    content_key = _hkdf(salt, keying, b"Content-Encoding: aesgcm\0" + context, KEY_BYTES)
    nonce = _hkdf(salt, keying, b"Content-Encoding: nonce\0" + context, NONCE_BYTES)
    # Two octets say how much padding follows them: none.
    return Older(AESGCM(content_key).encrypt(nonce, b"\0\0" + plaintext, None), salt, ours)


def _token(endpoint: str, sender: Sender, now_s: int) -> str:
    """Who we are, for this push service alone (RFC 8292 §2)."""
    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": now_s + TOKEN_SECONDS,
        "sub": sender.contact,
    }
    import jwt  # loaded by who pushes alone

    return jwt.encode(claims, sender.key, algorithm="ES256")


def _check_size(plaintext: bytes) -> None:
    if len(plaintext) > PLAINTEXT_BYTES_MAX:
        raise ValueError(f"a push message has at most {PLAINTEXT_BYTES_MAX} bytes")


def _hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


def _point(key: EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
