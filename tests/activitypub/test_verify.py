"""Reading and verifying whole requests: every vector, the clock, both schemes, garbage, tampering."""

import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activitypub.errors import (
    KeyUnusable,
    SignatureError,
    SignatureExpired,
    SignatureMalformed,
    SignatureMismatch,
    SignatureMissing,
)
from activitypub.signatures import PrivateKey, RequestFacts, body_digest, read_signature, sign_request
from activitypub.signatures.clock import parse_http_date
from tests.activitypub.shared_vectors import facts_of, key_of, needs_vectors, vector, vector_names

INBOX = "https://b.example/inbox"
NOW = 1_795_294_800
OWNER = "https://a.example/users/alice"
RSA = PrivateKey.generate_rsa(key_id=f"{OWNER}#main-key", owner_uri=OWNER)
ED25519 = PrivateKey.generate_ed25519(key_id=f"{OWNER}#main-key", owner_uri=OWNER)
BODY = b'{"type":"Follow"}'


@needs_vectors
@pytest.mark.parametrize("name", vector_names("gen-"))
def test_every_generated_vector_gives_what_it_expects(name):
    data = vector(name)
    facts = facts_of(data)
    if data["expect"].startswith("valid"):
        claim = read_signature(facts)
        verified = claim.verify(key_of(data, claim.key_id), now=data["verify_at"])
        assert verified.owner_uri == OWNER
    else:
        with pytest.raises(SignatureError):
            read_signature(facts).verify(key_of(data, named_key_id(data)), now=data["verify_at"])


def named_key_id(data: dict) -> str:
    return re.search(r'keyid="([^"]+)"', data.get("signature_header", data.get("signature_input")), re.I)[1]


@needs_vectors
@pytest.mark.parametrize("name", vector_names("cavage-") + vector_names("rfc9421-"))
def test_the_old_published_vectors_are_refused_as_requests(name):
    data = vector(name)
    with pytest.raises(SignatureError):
        read_signature(facts_of(data)).verify(key_of(data, named_key_id(data)), now=NOW)


both_schemes = pytest.mark.parametrize("scheme", ["cavage", "rfc9421"])


def signed_facts(scheme, key=ED25519, **changes) -> RequestFacts:
    headers = sign_request(scheme, "POST", INBOX, BODY, key, NOW)
    facts = {"method": "POST", "target_uri": INBOX, "headers": headers, "body": BODY} | changes
    return RequestFacts(**facts)


@both_schemes
@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
@pytest.mark.parametrize(("method", "body"), [("GET", None), ("POST", BODY), ("POST", b"")])
def test_what_we_sign_we_verify(scheme, key, method, body):
    url = "https://B.example:443/users/bob/outbox?page=true#top"
    headers = sign_request(scheme, method, url, body, key, datetime.fromtimestamp(NOW, UTC))
    facts = RequestFacts(method, "https://b.example/users/bob/outbox?page=true", list(headers.items()), body)
    claim = read_signature(facts)
    claim.check_body()
    verified = claim.verify(key.public_key, now=datetime.fromtimestamp(NOW + 30, UTC))
    assert (verified.scheme, verified.key_id, verified.owner_uri) == (scheme, key.key_id, OWNER)
    assert verified.valid_until == NOW + 65 * 60


@both_schemes
def test_a_digest_computed_once_gives_the_same_request(scheme):
    fresh = sign_request(scheme, "POST", INBOX, BODY, ED25519, NOW)
    assert sign_request(scheme, "POST", INBOX, BODY, ED25519, NOW, digest=body_digest(BODY)) == fresh


def test_an_unsigned_request_says_so():
    with pytest.raises(SignatureMissing):
        read_signature(RequestFacts("POST", INBOX, {"Date": "x"}, BODY))


@both_schemes
def test_the_body_is_checked_before_the_key_is_known(scheme):
    claim = read_signature(signed_facts(scheme, body=BODY + b" "))
    with pytest.raises(SignatureMismatch):
        claim.check_body()


@both_schemes
def test_another_key_is_refused(scheme):
    claim = read_signature(signed_facts(scheme))
    stranger = PrivateKey.generate_ed25519(key_id=ED25519.key_id, owner_uri=OWNER)
    with pytest.raises(SignatureMismatch):
        claim.verify(stranger.public_key, now=NOW)
    with pytest.raises(SignatureError):
        claim.verify(RSA.public_key, now=NOW)
    renamed = PrivateKey("https://c.example/#key", OWNER, "ed25519", ED25519._key)
    with pytest.raises(KeyUnusable):
        claim.verify(renamed.public_key, now=NOW)


@both_schemes
@pytest.mark.parametrize(
    ("minutes", "accepted"), [(-61, False), (-59, True), (0, True), (64, True), (66, False), (13 * 60, False)]
)
def test_a_signature_lives_an_hour_and_five_minutes(scheme, minutes, accepted):
    claim = read_signature(signed_facts(scheme))
    now = datetime.fromtimestamp(NOW, UTC) + timedelta(minutes=minutes)
    if accepted:
        claim.verify(ED25519.public_key, now=now)
    else:
        with pytest.raises(SignatureExpired):
            claim.verify(ED25519.public_key, now=now)


def with_expiry(scheme: str, hours: int, *, covered: bool = True) -> RequestFacts:
    """A GET signed by hand at NOW with an ``expires``."""
    expires = NOW + hours * 3_600
    if scheme == "rfc9421":
        parameters = f'("@method" "@target-uri");created={NOW};expires={expires};keyid="{ED25519.key_id}"'
        base = f'"@method": GET\n"@target-uri": {INBOX}\n"@signature-params": {parameters}'
        signature = b64encode(ED25519.sign(base.encode())).decode()
        headers = {"Signature-Input": f"s={parameters}", "Signature": f"s=:{signature}:"}
    else:
        names = "(request-target) host (created)" + (" (expires)" if covered else "")
        text = f"(request-target): get /inbox\nhost: b.example\n(created): {NOW}"
        text += f"\n(expires): {expires}" if covered else ""
        signature = b64encode(ED25519.sign(text.encode())).decode()
        headers = {
            "Signature": f'keyId="{ED25519.key_id}",algorithm="hs2019",created={NOW},expires="{expires}",'
            f'headers="{names}",signature="{signature}"'
        }
    return RequestFacts("GET", INBOX, headers)


@both_schemes
@pytest.mark.parametrize(("expires", "lives"), [(2, 3), (12, 13), (100, 13)])
def test_expires_prolongs_to_twelve_hours_and_an_hour_of_margin(scheme, expires, lives):
    claim = read_signature(with_expiry(scheme, expires))
    claim.verify(ED25519.public_key, now=NOW + lives * 3_600 - 1)
    with pytest.raises(SignatureExpired):
        claim.verify(ED25519.public_key, now=NOW + lives * 3_600 + 1)


def test_an_uncovered_expires_prolongs_nothing():
    claim = read_signature(with_expiry("cavage", 12, covered=False))
    with pytest.raises(SignatureExpired):
        claim.verify(ED25519.public_key, now=NOW + 66 * 60)


def test_a_naive_time_is_the_callers_mistake():
    with pytest.raises(ValueError, match="time zone"):
        read_signature(signed_facts("cavage")).verify(ED25519.public_key, now=datetime(2026, 11, 21))  # noqa: DTZ001


def test_dates_are_read_in_utc_whatever_their_zone():
    assert parse_http_date("Sat, 21 Nov 2026 21:00:00 GMT") == NOW
    assert parse_http_date("Sat, 21 Nov 2026 22:00:00 +0100") == NOW
    assert parse_http_date("Sat, 21 Nov 2026 21:00:00 -0000") == NOW
    for text in ("", "tomorrow", "Sat, 99 Nov 2026 21:00:00 GMT", "x" * 100):
        with pytest.raises(SignatureMalformed):
            parse_http_date(text)


def both_signatures() -> list[tuple[str, str]]:
    old = sign_request("cavage", "POST", INBOX, BODY, ED25519, NOW)
    new = sign_request("rfc9421", "POST", INBOX, BODY, ED25519, NOW)
    return [
        *old.items(),
        *((name, value) for name, value in new.items() if name not in old or name == "Signature"),
    ]


def test_rfc_9421_goes_first_and_cavage_saves_it():
    headers = both_signatures()
    claim = read_signature(RequestFacts("POST", INBOX, headers, BODY))
    assert claim.verify(ED25519.public_key, now=NOW).scheme == "rfc9421"
    broken = [(name, "sig1=:AAAA:" if value.startswith("sig1=:") else value) for name, value in headers]
    claim = read_signature(RequestFacts("POST", INBOX, broken, BODY))
    assert claim.verify(ED25519.public_key, now=NOW).scheme == "cavage"
    unreadable = [(name, "((" if name == "Signature-Input" else value) for name, value in headers]
    assert read_signature(RequestFacts("POST", INBOX, unreadable, BODY)).scheme == "cavage"


def test_two_cavage_headers_are_refused():
    headers = sign_request("cavage", "POST", INBOX, BODY, ED25519, NOW)
    twice = [*headers.items(), ("signature", headers["Signature"])]
    with pytest.raises(SignatureMalformed):
        read_signature(RequestFacts("POST", INBOX, twice, BODY))


def test_a_covered_header_must_be_there_before_a_key_is_fetched():
    headers = sign_request("cavage", "POST", INBOX, BODY, ED25519, NOW)
    del headers["Content-Type"]
    with pytest.raises(SignatureMalformed):
        read_signature(RequestFacts("POST", INBOX, headers, BODY))


@both_schemes
def test_the_replay_key_names_one_signature(scheme):
    first = read_signature(signed_facts(scheme))
    assert first.replay_key == read_signature(signed_facts(scheme)).replay_key
    other = sign_request(scheme, "POST", INBOX, BODY, ED25519, NOW + 1)
    assert first.replay_key != read_signature(RequestFacts("POST", INBOX, other, BODY)).replay_key


@both_schemes
@given(data=st.data())
def test_changing_anything_covered_fails(scheme, data):
    headers = sign_request(scheme, "POST", INBOX, BODY, ED25519, NOW)
    covered = sorted(name for name in headers if name != "Host")
    if scheme == "rfc9421":
        covered.remove("Content-Type")  # Not in the profile of Mastodon.
    part = data.draw(st.sampled_from([*covered, "method", "target_uri", "body"]))
    facts = {"method": "POST", "target_uri": INBOX, "body": BODY}
    if part == "body":
        facts["body"] = data.draw(st.binary(max_size=30).filter(lambda body: body != BODY))
    elif part == "method":
        facts["method"] = data.draw(st.sampled_from(["PUT", "DELETE", "PATCH", "GET"]))
    elif part == "target_uri":
        facts["target_uri"] = data.draw(
            st.sampled_from(["http://b.example/inbox", "https://c.example/inbox", INBOX + "/", INBOX + "?a"])
        )
        if scheme == "cavage" and facts["target_uri"].startswith("http:"):
            return  # The draft has no way to cover the scheme.
    else:
        value = headers[part]
        start, end = 0, len(value) - 1
        if part == "Signature":
            # The signature itself, up to the digit before last: the last one has bits that say nothing.
            start = value.index(":" if scheme == "rfc9421" else 'signature="') + (
                1 if scheme == "rfc9421" else 11
            )
            end = start + 84
        at = data.draw(st.integers(start, end))
        other = st.characters(min_codepoint=33, max_codepoint=126).filter(
            lambda character: character != value[at]
        )
        headers[part] = value[:at] + data.draw(other) + value[at + 1 :]
    with pytest.raises(SignatureError):
        read_signature(RequestFacts(**facts, headers=headers)).verify(ED25519.public_key, now=NOW)


pieces = st.sampled_from(
    [
        'keyId="k"',
        "keyId=k",
        'headers="',
        "(request-target) host date digest",
        '"',
        ",",
        ";",
        "=",
        "sig1=",
        ":AAAA:",
        "(",
        ")",
        '"@method"',
        '"@target-uri"',
        '"content-digest"',
        ";created=1795294800",
        ';keyid="k"',
        "\\",
        "\n",
        'signature="AAAA"',
        'algorithm="hs2019"',
        "(created)",
        "created=1",
        "SHA-256=AAAA",
        "sha-256=:AAAA:",
        "é",
    ]
)
headers_of_garbage = st.lists(
    st.tuples(
        st.sampled_from(["Signature", "Signature-Input", "Digest", "Content-Digest", "Date", "Host", "X"]),
        st.lists(pieces | st.text(max_size=8), max_size=12).map("".join),
    ),
    max_size=8,
)


@settings(max_examples=300)
@given(
    headers_of_garbage,
    st.sampled_from(["GET", "POST", "", "P\nT", "é"]),
    st.sampled_from([INBOX, "", "/inbox", "https://b.example/é", "https://[", "https://b.example/?a&a=%zz"])
    | st.text(max_size=20),
)
def test_garbage_raises_signature_errors_and_nothing_else(headers, method, target):
    with pytest.raises(SignatureError):
        read_signature(RequestFacts(method, target, headers, BODY)).verify(ED25519.public_key, now=NOW)


@both_schemes
@settings(max_examples=200)
@given(data=st.data())
def test_garbage_in_one_header_of_a_good_request_is_only_a_signature_error(scheme, data):
    headers = sign_request(scheme, "POST", INBOX, BODY, ED25519, NOW)
    name = data.draw(st.sampled_from(sorted(headers)))
    headers[name] = data.draw(st.text(max_size=40) | st.lists(pieces, max_size=12).map("".join))
    try:
        read_signature(RequestFacts("POST", INBOX, headers, BODY)).verify(ED25519.public_key, now=NOW)
    except SignatureError:
        return
    assert name in ("Host", "Content-Type")
