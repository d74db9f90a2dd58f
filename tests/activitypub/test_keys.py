"""Keys: what comes in, what goes out, what is refused."""

from base64 import encodebytes

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from activitypub.errors import KeyUnusable
from activitypub.signatures.keys import (
    PrivateKey,
    PublicKey,
    base58btc_decode,
    base58btc_encode,
)

NAMES = {"key_id": "https://a.example/users/alice#main-key", "owner_uri": "https://a.example/users/alice"}
RSA = PrivateKey.generate_rsa(**NAMES)
ED25519 = PrivateKey.generate_ed25519(**NAMES)


def public_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@pytest.mark.parametrize(
    ("key", "algorithm"), [(RSA, "rsa-v1_5-sha256"), (ED25519, "ed25519")], ids=["rsa", "ed25519"]
)
def test_a_key_survives_pem_and_multibase(key, algorithm):
    signature = PrivateKey.from_own_pem(key.to_pem(), **NAMES).sign(b"text")
    from_pem = PublicKey.from_pem(key.public_key.to_pem(), **NAMES)
    from_multibase = PublicKey.from_multibase(key.public_key.to_multibase(), **NAMES)
    for public_key in (key.public_key, from_pem, from_multibase):
        assert public_key.verifies(signature, b"text", algorithm)
        assert not public_key.verifies(signature, b"other", algorithm)
        assert public_key.key_id == NAMES["key_id"]
        assert public_key.owner_uri == NAMES["owner_uri"]


def test_new_ed25519_keys_look_like_fep_521a_says():
    assert ED25519.public_key.to_multibase().startswith("z6Mk")


def test_a_key_of_one_kind_never_verifies_another_algorithm():
    assert not RSA.public_key.verifies(RSA.sign(b"x"), b"x", "ed25519")
    assert not ED25519.public_key.verifies(ED25519.sign(b"x"), b"x", "rsa-v1_5-sha256")
    assert not RSA.public_key.verifies(RSA.sign(b"x"), b"x", "rsa-pss-sha512")
    with pytest.raises(KeyUnusable):
        ED25519.sign_pss_sha512(b"x")


def test_secrets_do_not_show_in_a_traceback():
    assert "_key" not in repr(RSA)


@pytest.mark.parametrize(
    "pem",
    [
        public_pem(ec.generate_private_key(ec.SECP256R1())),
        public_pem(ec.generate_private_key(ec.SECP256K1())),
        "",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        "ключ",
        "A" * 20_000,
    ],
    ids=["P-256", "secp256k1", "empty", "broken", "not ASCII", "too long"],
)
def test_a_public_key_of_another_kind_is_refused(pem):
    with pytest.raises(KeyUnusable):
        PublicKey.from_pem(pem, **NAMES)


@pytest.mark.parametrize("bits", [512, 1_008, 8_200])
def test_rsa_keys_of_unfit_size_are_refused(bits):
    # A modulus need not be a product of primes to be read: generating 8200 bits would take minutes.
    numbers = rsa.RSAPublicNumbers(65_537, (1 << (bits - 1)) | 1)
    with pytest.raises(KeyUnusable):
        PublicKey.from_pem(pem_of(numbers), **NAMES)


def test_an_rsa_key_with_a_huge_exponent_is_refused():
    with pytest.raises(KeyUnusable):
        PublicKey.from_pem(pem_of(rsa.RSAPublicNumbers((1 << 60) | 1, (1 << 2_047) | 1)), **NAMES)


def pem_of(numbers: rsa.RSAPublicNumbers) -> bytes:
    """Write the numbers by hand as PKCS#1, since the library itself declines to hold some of them."""

    def integer(value: int) -> bytes:
        return tlv(2, value.to_bytes(value.bit_length() // 8 + 1))

    def tlv(tag: int, data: bytes) -> bytes:
        length = len(data)
        if length < 128:
            return bytes([tag, length]) + data
        size = (length.bit_length() + 7) // 8
        return bytes([tag, 128 + size]) + length.to_bytes(size) + data

    der = tlv(0x30, integer(numbers.n) + integer(numbers.e))
    return b"-----BEGIN RSA PUBLIC KEY-----\n" + encodebytes(der) + b"-----END RSA PUBLIC KEY-----\n"


def test_the_handwritten_pem_of_these_tests_is_readable():
    numbers = RSA._key.public_key().public_numbers()
    assert PublicKey.from_pem(pem_of(numbers), **NAMES).verifies(RSA.sign(b"x"), b"x", "rsa-v1_5-sha256")


@given(st.binary(max_size=80))
def test_base58btc_reads_what_it_wrote(data):
    assert base58btc_decode(base58btc_encode(data)) == data


def test_base58btc_knows_the_vectors_of_its_draft():
    # draft-msporny-base58-03 §5
    assert base58btc_encode(b"Hello World!") == "2NEpo7TZRRrLZSi2U"
    assert base58btc_encode(bytes.fromhex("0000287fb4cd")) == "11233QC4"
    with pytest.raises(ValueError, match="base58"):
        base58btc_decode("0OIl")


@given(st.text(max_size=200) | st.binary(max_size=80).map(lambda data: "z" + base58btc_encode(data)))
def test_garbage_is_unusable_and_nothing_else(text):
    with pytest.raises(KeyUnusable):
        PublicKey.from_multibase(text, **NAMES)
    with pytest.raises(KeyUnusable):
        PublicKey.from_pem(text, **NAMES)
    with pytest.raises(KeyUnusable):
        PrivateKey.from_own_pem(text.encode("utf-8", "replace"), **NAMES)


@given(st.binary(min_size=1, max_size=300))
def test_a_multikey_with_garbage_behind_its_prefix_is_unusable(data):
    with pytest.raises(KeyUnusable):
        PublicKey.from_multibase("z" + base58btc_encode(b"\x85\x24" + data), **NAMES)
    if len(data) != 32:
        with pytest.raises(KeyUnusable):
            PublicKey.from_multibase("z" + base58btc_encode(b"\xed\x01" + data), **NAMES)
