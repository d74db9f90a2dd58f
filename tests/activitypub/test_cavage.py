"""draft-cavage-12: the arithmetic, the header, the coverage."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from activitypub.errors import KeyUnusable, SignatureError, SignatureMalformed, SignatureMismatch
from activitypub.signatures import PrivateKey, RequestFacts, cavage
from tests.activitypub.shared_vectors import facts_of, key_of, needs_vectors, vector, vector_names

INBOX = "https://b.example/inbox"
NOW = 1_795_294_800
OWNER = "https://a.example/users/alice"
RSA = PrivateKey.generate_rsa(key_id=f"{OWNER}#main-key", owner_uri=OWNER)
ED25519 = PrivateKey.generate_ed25519(key_id=f"{OWNER}#ed25519-key", owner_uri=OWNER)


@needs_vectors
@pytest.mark.parametrize("name", vector_names("cavage-") + vector_names("gen-cavage-"))
def test_the_signing_string_of_every_vector(name):
    data = vector(name)
    if name.endswith("created-with-rsa-sha256"):
        with pytest.raises(SignatureMalformed):
            cavage.parse(data["signature_header"])
        return
    parsed = cavage.parse(data["signature_header"])
    with_query = data["expect"] != "valid-after-retry-without-query"
    assert (
        cavage.signing_string(parsed, facts_of(data), with_query=with_query).decode()
        == data["signing_string"]
    )


@needs_vectors
@pytest.mark.parametrize("name", ["cavage-all", "cavage-default"])
def test_the_signatures_of_the_draft(name):
    data = vector(name)
    parsed = cavage.parse(data["signature_header"])
    cavage.check_signature(parsed, facts_of(data), key_of(data, "Test"))
    if name == "cavage-default":
        with pytest.raises(SignatureMalformed):
            cavage.check_coverage(parsed, facts_of(data))


@pytest.mark.parametrize(
    "header",
    [
        'keyId="k",algorithm="rsa-sha256",headers="(request-target) host date",signature="AAAA"',
        'Signature keyId="k",algorithm="RSA-SHA256",headers="(request-target) Host Date",signature="AAAA"',
        ' signature = "AAAA" , keyid="k", headers="(request-target) host date",algorithm=rsa-sha256,x="y" ',
    ],
)
def test_the_form_is_read_leniently(header):
    parsed = cavage.parse(header)
    assert (parsed.key_id, parsed.signature, parsed.algorithm) == ("k", b"\0\0\0", "rsa-sha256")
    assert parsed.covered == ("(request-target)", "host", "date")


def test_without_a_list_of_headers_the_algorithm_decides_what_is_covered():
    assert cavage.parse('keyId="k",algorithm="rsa-sha256",signature="AAAA"').covered == ("date",)
    assert cavage.parse('keyId="k",created=1,signature="AAAA"').covered == ("(created)",)
    assert cavage.parse('keyId="k",created="1",algorithm=hs2019,signature="AAAA"').created == "1"


@pytest.mark.parametrize(
    "header",
    [
        "garbage",
        "",
        'keyId="",headers="date",signature="AAAA"',
        'keyId="k",keyId="l",headers="date",signature="AAAA"',
        'keyId="k",headers="date date",signature="AAAA"',
        'keyId="k",headers="",signature="AAAA"',
        'keyId="k",headers="(secret)",signature="AAAA"',
        'keyId="k",headers="date",signature="*"',
        'keyId="k",headers="date",signature=""',
        'keyId="k,headers="date",signature="AAAA"',
        'keyId="k",headers="(created)",signature="AAAA"',
        'keyId="k",created=soon,headers="(created)",signature="AAAA"',
        f'keyId="{"k" * 1_048_576}",headers="date",signature="AAAA"',
        f'keyId="{"k" * 3_000}",headers="date",signature="AAAA"',
        f'keyId="k",headers="{" ".join(f"x{i}" for i in range(1_000))}",signature="AAAA"',
        f'keyId="k",headers="date",signature="AAAA",{",".join(f"x{c}=1" for c in "abcdefghijklmnop")}',
        *(
            f'keyId="k",algorithm="{name}",headers="date",signature="AAAA"'
            for name in ("hmac-sha256", "none", "rsa-sha1", "ecdsa-sha256")
        ),
    ],
)
def test_what_cannot_be_read_without_doubt_is_refused(header):
    with pytest.raises(SignatureMalformed):
        cavage.parse(header)


@pytest.mark.parametrize(
    ("method", "covered", "enough"),
    [
        ("POST", "(request-target) host date digest", True),
        ("POST", "(request-target) host date content-digest", True),
        ("POST", "(request-target) host date", False),
        ("POST", "host date digest", False),
        ("POST", "(request-target) date digest", False),
        ("POST", "(request-target) host digest", False),
        ("PUT", "(request-target) host date", False),
        ("GET", "(request-target) host date", True),
        ("GET", "(request-target) host", False),
        ("GET", "(request-target) date", False),
        ("GET", "host date", False),
    ],
)
def test_everything_that_matters_must_be_covered(method, covered, enough):
    parsed = cavage.parse(f'keyId="k",headers="{covered}",signature="AAAA"')
    facts = RequestFacts(method, INBOX, {})
    if enough:
        cavage.check_coverage(parsed, facts)
    else:
        with pytest.raises(SignatureMalformed):
            cavage.check_coverage(parsed, facts)


def signed(key: PrivateKey, label: str, data: bytes) -> cavage.CavageSignature:
    return cavage.CavageSignature(key.key_id, key.sign(data), ("host",), label)


def test_the_key_decides_and_the_label_only_narrows():
    facts = RequestFacts("GET", INBOX, {})
    data = b"host: b.example"
    for key, label in ((RSA, "rsa-sha256"), (RSA, "hs2019"), (ED25519, "hs2019"), (ED25519, "ed25519")):
        cavage.check_signature(signed(key, label, data), facts, key.public_key)
    with pytest.raises(SignatureMismatch):
        cavage.check_signature(signed(RSA, "rsa-sha512", data), facts, RSA.public_key)
    for key, label in ((RSA, "ed25519"), (ED25519, "rsa-sha256")):
        with pytest.raises(KeyUnusable):
            cavage.check_signature(signed(key, label, data), facts, key.public_key)


def test_hs2019_with_rsa_is_also_read_with_sha512():
    signature = RSA._key.sign(b"host: b.example", padding.PKCS1v15(), hashes.SHA512())
    for label in ("hs2019", None, "rsa-sha512"):
        parsed = cavage.CavageSignature(RSA.key_id, signature, ("host",), label)
        cavage.check_signature(parsed, RequestFacts("GET", INBOX, {}), RSA.public_key)


def test_only_a_get_may_leave_its_query_out():
    url = "https://b.example/users/bob/outbox?page=true"
    headers = cavage.sign("GET", url, None, RSA, now=NOW, with_query=False)
    parsed = cavage.parse(headers["Signature"])
    cavage.check_signature(parsed, RequestFacts("GET", url, headers), RSA.public_key)
    headers = cavage.sign("POST", url, b"{}", RSA, now=NOW, with_query=False)
    with pytest.raises(SignatureMismatch):
        cavage.check_signature(
            cavage.parse(headers["Signature"]), RequestFacts("POST", url, headers), RSA.public_key
        )


def test_the_host_is_ours_whatever_a_proxy_or_a_sender_writes():
    headers = cavage.sign("GET", "https://other.example/inbox", None, RSA, now=NOW)
    parsed = cavage.parse(headers["Signature"])
    with pytest.raises(SignatureMismatch):
        cavage.check_signature(parsed, RequestFacts("GET", INBOX, headers), RSA.public_key)
    headers = cavage.sign("GET", INBOX, None, RSA, now=NOW) | {"Host": "127.0.0.1:8080"}
    parsed = cavage.parse(headers["Signature"])
    cavage.check_signature(parsed, RequestFacts("GET", INBOX, headers), RSA.public_key)


@pytest.mark.parametrize("target", ["//inbox", "/./inbox", "/%69nbox", "/inbox?x=1", "/Inbox"])
def test_another_spelling_of_the_path_is_another_request(target):
    headers = cavage.sign("POST", INBOX, b"{}", RSA, now=NOW)
    facts = RequestFacts("POST", f"https://b.example{target}", headers, b"{}")
    with pytest.raises(SignatureMismatch):
        cavage.check_signature(cavage.parse(headers["Signature"]), facts, RSA.public_key)


@pytest.mark.parametrize("digest", ["MD5=AAAA", "SHA-256=***", "", ",".join(["SHA-256=AAAA"] * 9)])
def test_a_digest_of_no_use_is_refused(digest):
    parsed = cavage.CavageSignature("k", b"x", ("digest",))
    with pytest.raises(SignatureError):
        cavage.check_body(parsed, RequestFacts("POST", INBOX, {"Digest": digest}, b"{}"))


def test_every_digest_we_know_must_agree():
    good = cavage.sign("POST", INBOX, b"{}", RSA, now=NOW)["Digest"]
    parsed = cavage.CavageSignature("k", b"x", ("digest",))
    cavage.check_body(parsed, RequestFacts("POST", INBOX, {"digest": good.lower()[:8] + good[8:]}, b"{}"))
    cavage.check_body(parsed, RequestFacts("POST", INBOX, {"digest": f"md5=AAAA, {good}"}, b"{}"))
    other = cavage.sign("POST", INBOX, b"other", RSA, now=NOW)["Digest"]
    for digest in (other, f"{good},{other}", f"{other},{good}"):
        with pytest.raises(SignatureMismatch):
            cavage.check_body(parsed, RequestFacts("POST", INBOX, {"digest": digest}, b"{}"))


def test_what_we_send_is_what_strict_readers_want():
    headers = cavage.sign("POST", INBOX, b"{}", RSA, now=NOW)
    assert headers["Date"] == "Sat, 21 Nov 2026 21:00:00 GMT"
    assert headers["Signature"].startswith(
        f'keyId="{OWNER}#main-key",algorithm="rsa-sha256",headers="(request-target) host date digest content-type",'
    )
    get = cavage.sign("GET", INBOX, None, RSA, now=NOW)
    assert set(get) == {"Host", "Date", "Signature"}
    assert 'headers="(request-target) host date"' in get["Signature"]


def test_a_url_that_could_smuggle_a_line_is_not_signed():
    for url in (
        "https://b.example/in\nbox",
        "https://b.example/in box",
        "https://u@b.example/",
        "ftp://b.example/",
    ):
        with pytest.raises(SignatureMalformed):
            cavage.sign("POST", url, b"{}", RSA, now=NOW)
