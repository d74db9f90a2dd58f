"""RSA and Ed25519 keys, their PEM and Multikey forms, kept loaded and immutable.

Nothing here decides whom a key belongs to: ``owner_uri`` is what the caller established from the
owner's own actor document.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key

from activitypub.errors import KeyUnusable

RSA_BITS_NEW = 2_048
RSA_BITS_MIN = 1_024
RSA_BITS_MAX = 8_192
RSA_EXPONENT_BITS_MAX = 33  # Checking with a longer exponent costs the reader, not the writer.
PEM_CHARS_MAX = 16_384
MULTIBASE_CHARS_MAX = 1_600  # An RSA key of 8192 bits and its prefix.

KeyAlgorithm = Literal["rsa", "ed25519"]
SignatureAlgorithm = Literal["rsa-v1_5-sha256", "rsa-v1_5-sha512", "rsa-pss-sha512", "ed25519"]

_PKCS1_V1_5 = padding.PKCS1v15()
_SHA256 = hashes.SHA256()
_SHA512 = hashes.SHA512()
# RFC 9421 §3.3.1: MGF1 with SHA-512 and a salt of 64 bytes.
_PSS = padding.PSS(mgf=padding.MGF1(_SHA512), salt_length=64)

# Multicodec prefixes (FEP-521a): unsigned varints of 0xed and 0x1205.
_ED25519_PREFIX = b"\xed\x01"
_RSA_PREFIX = b"\x85\x24"

_BASE58_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_VALUES = {character: value for value, character in enumerate(_BASE58_ALPHABET)}


def base58btc_encode(data: bytes) -> str:
    """Write bytes in base58btc, without the multibase prefix "z"."""
    number = int.from_bytes(data)
    digits: list[str] = []
    while number:
        number, remainder = divmod(number, 58)
        digits.append(_BASE58_ALPHABET[remainder])
    leading_zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * leading_zeros + "".join(reversed(digits))


def base58btc_decode(text: str) -> bytes:
    """Read base58btc without the prefix "z"; ValueError for a foreign character.

    The work grows with the square of the length: bound it first.
    """
    number = 0
    for character in text:
        value = _BASE58_VALUES.get(character)
        if value is None:
            raise ValueError("not base58btc")
        number = number * 58 + value
    leading_zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * leading_zeros + number.to_bytes((number.bit_length() + 7) // 8)


@dataclass(frozen=True, eq=False)
class PublicKey:
    """A loaded public key under its id, with the actor it was found to belong to."""

    key_id: str
    owner_uri: str
    algorithm: KeyAlgorithm
    _key: RSAPublicKey | Ed25519PublicKey = field(repr=False)

    @classmethod
    def from_pem(cls, pem: str | bytes, *, key_id: str, owner_uri: str) -> Self:
        """Load SubjectPublicKeyInfo or PKCS#1 in PEM; KeyUnusable for anything but a fit RSA or Ed25519 key."""
        if len(pem) > PEM_CHARS_MAX:
            raise KeyUnusable("the key is too long")
        try:
            data = pem.strip().encode("ascii") if isinstance(pem, str) else pem.strip()
            return cls._of(serialization.load_pem_public_key(data), key_id, owner_uri)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyUnusable("the public key cannot be read") from error

    @classmethod
    def from_multibase(cls, text: str, *, key_id: str, owner_uri: str) -> Self:
        """Load the ``publicKeyMultibase`` of a Multikey (FEP-521a); KeyUnusable as for PEM."""
        if not text.startswith("z") or len(text) > MULTIBASE_CHARS_MAX:
            raise KeyUnusable("a Multikey must be base58btc of a moderate length")
        try:
            data = base58btc_decode(text[1:])
            if data.startswith(_ED25519_PREFIX):
                loaded: object = Ed25519PublicKey.from_public_bytes(data[len(_ED25519_PREFIX) :])
            elif data.startswith(_RSA_PREFIX):
                loaded = serialization.load_der_public_key(data[len(_RSA_PREFIX) :])
                if not isinstance(loaded, RSAPublicKey):
                    raise KeyUnusable("a Multikey is not of the kind it says")
            else:
                raise KeyUnusable("a Multikey of a kind we do not use")
            return cls._of(loaded, key_id, owner_uri)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyUnusable("the Multikey cannot be read") from error

    @classmethod
    def _of(cls, loaded: object, key_id: str, owner_uri: str) -> Self:
        if isinstance(loaded, Ed25519PublicKey):
            return cls(key_id, owner_uri, "ed25519", loaded)
        if not isinstance(loaded, RSAPublicKey):
            raise KeyUnusable("only RSA and Ed25519 keys are used")
        if not RSA_BITS_MIN <= loaded.key_size <= RSA_BITS_MAX:
            raise KeyUnusable(f"an RSA key of {loaded.key_size} bits")
        if loaded.public_numbers().e.bit_length() > RSA_EXPONENT_BITS_MAX:
            raise KeyUnusable("an RSA key with a needlessly large exponent")
        return cls(key_id, owner_uri, "rsa", loaded)

    def verifies(self, signature: bytes, data: bytes, algorithm: SignatureAlgorithm) -> bool:
        """Whether this key made this signature of this data; False too when the key is of another kind."""
        try:
            if isinstance(self._key, Ed25519PublicKey):
                if algorithm != "ed25519":
                    return False
                self._key.verify(signature, data)
            elif algorithm == "rsa-v1_5-sha256":
                self._key.verify(signature, data, _PKCS1_V1_5, _SHA256)
            elif algorithm == "rsa-v1_5-sha512":
                self._key.verify(signature, data, _PKCS1_V1_5, _SHA512)
            elif algorithm == "rsa-pss-sha512":
                self._key.verify(signature, data, _PSS, _SHA512)
            else:
                return False
        except InvalidSignature:
            return False
        return True

    def to_pem(self) -> str:
        """The key as SubjectPublicKeyInfo, for ``publicKeyPem``."""
        return self._key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()

    def to_multibase(self) -> str:
        """The key for ``publicKeyMultibase`` (FEP-521a)."""
        if isinstance(self._key, Ed25519PublicKey):
            data = _ED25519_PREFIX + self._key.public_bytes_raw()
        else:
            data = _RSA_PREFIX + self._key.public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.PKCS1
            )
        return "z" + base58btc_encode(data)


@dataclass(frozen=True, eq=False)
class PrivateKey:
    """A loaded private key of one of our own actors. Load once and keep: loading costs many signatures."""

    key_id: str
    owner_uri: str
    algorithm: KeyAlgorithm
    _key: RSAPrivateKey | Ed25519PrivateKey = field(repr=False)

    @classmethod
    def generate_rsa(cls, *, key_id: str, owner_uri: str) -> Self:
        """Make a new RSA key of 2048 bits: some 100 ms of work, so not on the event loop."""
        return cls(key_id, owner_uri, "rsa", generate_private_key(65_537, RSA_BITS_NEW))

    @classmethod
    def generate_ed25519(cls, *, key_id: str, owner_uri: str) -> Self:
        """Make a new Ed25519 key."""
        return cls(key_id, owner_uri, "ed25519", Ed25519PrivateKey.generate())

    @classmethod
    def from_own_pem(cls, pem: str | bytes, *, key_id: str, owner_uri: str) -> Self:
        """Load a key that this server made itself and wrote with :meth:`to_pem`; else KeyUnusable.

        The arithmetic of an RSA key is not checked again, which would take longer than dozens of
        signatures: never load a key somebody else supplied this way.
        """
        data = pem.encode() if isinstance(pem, str) else pem
        try:
            loaded = serialization.load_pem_private_key(
                data, password=None, unsafe_skip_rsa_key_validation=True
            )
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyUnusable("the private key cannot be read") from error
        if isinstance(loaded, Ed25519PrivateKey):
            return cls(key_id, owner_uri, "ed25519", loaded)
        if isinstance(loaded, RSAPrivateKey) and RSA_BITS_MIN <= loaded.key_size <= RSA_BITS_MAX:
            return cls(key_id, owner_uri, "rsa", loaded)
        raise KeyUnusable("only RSA and Ed25519 keys are used")

    @cached_property
    def public_key(self) -> PublicKey:
        """The public half under the same id."""
        return PublicKey(self.key_id, self.owner_uri, self.algorithm, self._key.public_key())

    def sign(self, data: bytes) -> bytes:
        """Sign with what every peer of this kind of key reads: RSA PKCS#1 v1.5 and SHA-256, or Ed25519."""
        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(data)
        return self._key.sign(data, _PKCS1_V1_5, _SHA256)

    def sign_pss_sha512(self, data: bytes) -> bytes:
        """Sign with RSASSA-PSS and SHA-512 (RFC 9421 §3.3.1); KeyUnusable unless this is an RSA key."""
        if not isinstance(self._key, RSAPrivateKey):
            raise KeyUnusable("RSASSA-PSS needs an RSA key")
        return self._key.sign(data, _PSS, _SHA512)

    def to_pem(self) -> str:
        """The key as unencrypted PKCS#8: a secret, for the database alone."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
