"""FEP-8b32 proofs: vectors, our own, and every way to bend one."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.errors import (
    KeyUnusable,
    SignatureError,
    SignatureExpired,
    SignatureMalformed,
    SignatureMismatch,
    SignatureMissing,
)
from activitypub.signatures import PrivateKey, PublicKey, read_proof, verify_proof, with_proof
from tests.activitypub.shared_vectors import needs_vectors, vector

NOW = 1_795_294_800
OWNER = "https://a.example/users/alice"
KEY = PrivateKey.generate_ed25519(key_id=f"{OWNER}#ed25519-key", owner_uri=OWNER)
OTHER = PrivateKey.generate_ed25519(key_id=KEY.key_id, owner_uri=OWNER)
LIKE = {
    "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/data-integrity/v2"],
    "id": "https://a.example/act/9",
    "type": "Like",
    "actor": OWNER,
    "object": {"id": "https://b.example/notes/7", "latitude": 25.273962, "name": "Ünïcode \N{OWL}"},
}
# The key of every published vector.
VECTOR_KEY = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"


@needs_vectors
@pytest.mark.parametrize("name", ["fep-8b32-02", "fep-c390-02", "vc-di-eddsa-jcs-2022-signedJCS"])
def test_published_proofs_hold(name):
    document = vector(name)
    claim = read_proof(document)
    key = PublicKey.from_multibase(VECTOR_KEY, key_id=claim.verification_method, owner_uri=OWNER)
    claim.verify(key, now=NOW)
    with pytest.raises(SignatureMismatch):
        verify_proof(document | {"extra": 1}, key, now=NOW)


@needs_vectors
def test_the_published_multikeys_are_read():
    [method] = vector("fep-8b32-04")["assertionMethod"]
    key = PublicKey.from_multibase(
        method["publicKeyMultibase"], key_id=method["id"], owner_uri=method["controller"]
    )
    verify_proof(vector("fep-8b32-02"), key, now=NOW)
    rsa = vector("fep-521a-02")["publicKeyMultibase"]
    key = PublicKey.from_multibase(rsa, key_id="k", owner_uri=OWNER)
    assert (key.algorithm, key.to_multibase()) == ("rsa", rsa)


@needs_vectors
@pytest.mark.parametrize("name", ["fep-8b32-01", "fep-c390-01"])
def test_a_document_without_proof_says_so(name):
    with pytest.raises(SignatureMissing):
        read_proof(vector(name))


def test_our_proof_holds_after_a_trip_through_json():
    document = with_proof(LIKE, KEY, now=NOW)
    assert document["proof"]["created"] == "2026-11-21T21:00:00Z"
    assert "proof" not in LIKE
    verify_proof(json.loads(json.dumps(document, sort_keys=True)), KEY.public_key, now=NOW)
    with pytest.raises(SignatureMismatch):
        verify_proof(document, OTHER.public_key, now=NOW)


def test_a_proof_lasts_but_does_not_come_from_the_future():
    document = with_proof(LIKE, KEY, now=NOW)
    verify_proof(document, KEY.public_key, now=NOW + 10 * 365 * 86_400)
    verify_proof(document, KEY.public_key, now=NOW - 3_599)
    with pytest.raises(SignatureExpired):
        verify_proof(document, KEY.public_key, now=NOW - 3_601)


def test_an_ld_signature_beside_the_proof_does_not_count():
    document = with_proof(LIKE, KEY, now=NOW) | {"signature": {"type": "RsaSignature2017"}}
    verify_proof(document, KEY.public_key, now=NOW)


def test_contexts_may_be_added_at_the_end_only():
    document = with_proof(LIKE, KEY, now=NOW)
    document["@context"] = [*LIKE["@context"], {"more": "https://c.example/ns#more"}]
    verify_proof(document, KEY.public_key, now=NOW)
    document["@context"] = ["https://c.example/ns", *LIKE["@context"]]
    with pytest.raises(SignatureMalformed):
        verify_proof(document, KEY.public_key, now=NOW)
    del document["@context"]
    with pytest.raises(SignatureMalformed):
        verify_proof(document, KEY.public_key, now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"type": "Ed25519Signature2020"},
        {"cryptosuite": "eddsa-rdfc-2022"},
        {"cryptosuite": None},
        {"proofPurpose": "authentication"},
        {"verificationMethod": None},
        {"verificationMethod": ["https://a.example/users/alice#ed25519-key"]},
        {"proofValue": "u123"},
        {"proofValue": "z0"},
        {"proofValue": "z" + "1" * 5_000},
        {"created": "yesterday"},
        {"created": "2026-11-21T21:00:00"},
        {"created": 5},
        {"previousProof": "urn:uuid:1"},
    ],
)
def test_another_kind_of_proof_is_refused(change):
    document = with_proof(LIKE, KEY, now=NOW)
    document["proof"] |= change
    with pytest.raises(SignatureMalformed):
        read_proof(document)


@pytest.mark.parametrize(
    "change",
    [
        {"created": "2026-11-21T21:00:01Z"},
        {"verificationMethod": "https://a.example/users/eve#key"},
        {"proofValue": "z1"},
        {"expires": "2030-01-01T00:00:00Z"},
    ],
)
def test_the_proof_covers_its_own_words(change):
    document = with_proof(LIKE, KEY, now=NOW)
    document["proof"] |= change
    claim = read_proof(document)
    key = PublicKey(claim.verification_method, OWNER, "ed25519", KEY.public_key._key)
    with pytest.raises(SignatureMismatch):
        claim.verify(key, now=NOW)


def test_an_expired_proof_is_refused():
    document = with_proof(LIKE, KEY, now=NOW)
    document["proof"]["expires"] = "2026-11-21T21:00:00Z"
    with pytest.raises(SignatureExpired):
        verify_proof(document, KEY.public_key, now=NOW + 1)


def test_the_key_must_be_the_one_that_is_named_and_of_the_right_kind():
    document = with_proof(LIKE, KEY, now=NOW)
    rsa = PrivateKey.generate_rsa(key_id=KEY.key_id, owner_uri=OWNER)
    with pytest.raises(KeyUnusable):
        verify_proof(document, rsa.public_key, now=NOW)
    with pytest.raises(KeyUnusable):
        with_proof(LIKE, rsa, now=NOW)
    elsewhere = PublicKey("https://a.example/other#key", OWNER, "ed25519", KEY.public_key._key)
    with pytest.raises(KeyUnusable):
        verify_proof(document, elsewhere, now=NOW)


def test_the_first_proof_of_our_kind_is_taken_from_a_set():
    document = with_proof(LIKE, KEY, now=NOW)
    document["proof"] = [{"type": "DataIntegrityProof", "cryptosuite": "mldsa44-jcs-2024"}, document["proof"]]
    verify_proof(document, KEY.public_key, now=NOW)
    document["proof"] *= 5
    with pytest.raises(SignatureMalformed):
        read_proof(document)


def test_a_document_is_not_signed_twice():
    with pytest.raises(ValueError, match="already"):
        with_proof(with_proof(LIKE, KEY, now=NOW), KEY, now=NOW)


@pytest.mark.parametrize("value", [2**60, float("nan"), float("inf"), "\ud800"])
def test_what_has_no_canonical_form_is_refused(value):
    document = with_proof(LIKE, KEY, now=NOW) | {"x": value}
    with pytest.raises(SignatureMalformed):
        read_proof(document)


def test_a_bottomless_document_is_refused():
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(SignatureMalformed):
        read_proof(with_proof(LIKE, KEY, now=NOW) | {"x": deep})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, st.sampled_from(["", *with_proof(LIKE, KEY, now=NOW)["proof"]]))
def test_garbage_raises_signature_errors_and_nothing_else(value, name):
    document = with_proof(LIKE, KEY, now=NOW)
    good = copy.deepcopy(document)
    if name:
        document["proof"][name] = value
    else:
        document["proof"] = value
    if document == good:
        return
    with pytest.raises(SignatureError):
        verify_proof(document, KEY.public_key, now=NOW)
