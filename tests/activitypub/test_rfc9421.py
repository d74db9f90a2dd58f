"""RFC 9421: the vectors, a second implementation, structured fields, coverage."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import http_message_signatures as oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.errors import KeyUnusable, SignatureError, SignatureMalformed, SignatureMismatch
from activitypub.signatures import PrivateKey, RequestFacts, read_signature, rfc9421, sign_request
from activitypub.signatures.structured import (
    InnerList,
    Item,
    Token,
    parse_dictionary,
    serialize_inner_list,
    serialize_item,
)
from tests.activitypub.shared_vectors import facts_of, key_of, needs_vectors, vector, vector_names

INBOX = "https://b.example/inbox"
NOW = 1_795_294_800
OWNER = "https://a.example/users/alice"
RSA = PrivateKey.generate_rsa(key_id=f"{OWNER}#main-key", owner_uri=OWNER)
ED25519 = PrivateKey.generate_ed25519(key_id=f"{OWNER}#ed25519-key", owner_uri=OWNER)
BODY = b'{"type":"Follow"}'


def only(signature_input: str, signature: str) -> rfc9421.MessageSignature:
    [parsed] = rfc9421.parse(signature_input, signature)
    if isinstance(parsed, SignatureMalformed):
        raise parsed
    return parsed


@needs_vectors
@pytest.mark.parametrize("name", vector_names("rfc9421-"))
def test_the_vectors_of_appendix_b(name):
    data = vector(name)
    parsed = only(data["signature_input"], data["signature"])
    facts = facts_of(data)
    key = key_of(data, parsed.key_id)
    assert rfc9421.signature_base(parsed, facts).decode() == data["signature_base"]
    rfc9421.check_signature(parsed, facts, key)
    rfc9421.check_body(parsed, facts)
    elsewhere = RequestFacts("GET", "https://b.example/?Pet=cat", facts_headers(data) | {"date": "x"}, b"y")
    if "b21" in name:  # It covers nothing but its own parameters.
        rfc9421.check_signature(parsed, elsewhere, key)
    else:
        with pytest.raises(SignatureMismatch):
            rfc9421.check_signature(parsed, elsewhere, key)
    if "b23" not in name:  # The only one that covers what an inbox wants.
        with pytest.raises(SignatureMalformed):
            rfc9421.check_coverage(parsed, facts)


def facts_headers(data: dict) -> dict[str, str]:
    return dict(data["message"]["headers"])


@needs_vectors
@pytest.mark.parametrize("name", vector_names("gen-rfc9421-"))
def test_the_signature_base_of_the_mastodon_profile(name):
    data = vector(name)
    base = rfc9421.signature_base(only(data["signature_input"], data["signature"]), facts_of(data)).decode()
    assert (base == data["signature_base"]) is ("path-tampered" not in name)


class OracleKeys(oracle.HTTPSignatureKeyResolver):
    def __init__(self, key: PrivateKey) -> None:
        self.key = key

    def resolve_public_key(self, key_id: str):
        return self.key.public_key._key

    def resolve_private_key(self, key_id: str):
        return self.key._key


ORACLES = [
    (RSA, oracle.algorithms.RSA_V1_5_SHA256),
    (RSA, oracle.algorithms.RSA_PSS_SHA512),
    (ED25519, oracle.algorithms.ED25519),
]


@pytest.mark.parametrize(("key", "algorithm"), [ORACLES[0], ORACLES[2]], ids=["rsa", "ed25519"])
@pytest.mark.parametrize(("method", "body"), [("GET", None), ("POST", BODY)])
def test_another_implementation_verifies_what_we_sign(key, algorithm, method, body):
    now = datetime.now(UTC)
    headers = sign_request("rfc9421", method, f"{INBOX}?page=1", body, key, now)
    message = SimpleNamespace(method=method, url=f"{INBOX}?page=1", headers=headers)
    verifier = oracle.HTTPMessageVerifier(signature_algorithm=algorithm, key_resolver=OracleKeys(key))
    [result] = verifier.verify(message, max_age=timedelta(hours=1))
    assert result.parameters["keyid"] == key.key_id
    message.url = INBOX
    with pytest.raises(oracle.HTTPMessageSignaturesException):
        verifier.verify(message, max_age=timedelta(hours=1))


@pytest.mark.parametrize(("key", "algorithm"), ORACLES, ids=["rsa-v1_5", "rsa-pss", "ed25519"])
@pytest.mark.parametrize("include_alg", [True, False])
def test_we_verify_what_another_implementation_signs(key, algorithm, include_alg):
    url = "https://b.example:8443/inbox?a=1&b=x%20y%7E*z"
    message = SimpleNamespace(
        method="POST", url=url, headers={"Content-Type": "application/activity+json", "X-A": "1"}
    )
    signer = oracle.HTTPMessageSigner(signature_algorithm=algorithm, key_resolver=OracleKeys(key))
    signer.sign(
        message,
        key_id=key.key_id,
        created=datetime.fromtimestamp(NOW, UTC),
        nonce="n-1",
        tag="fediverse",
        include_alg=include_alg,
        covered_component_ids=(
            "@method",
            "@target-uri",
            "@authority",
            "@scheme",
            "@request-target",
            "@path",
            "@query",
            '"@query-param";name="b"',
            "content-type",
            "x-a",
        ),
        body=BODY,
    )
    claim = read_signature(RequestFacts("POST", url, message.headers, BODY))
    assert claim.scheme == "rfc9421"
    claim.verify(key.public_key, now=NOW)
    for tampered in (
        RequestFacts("PUT", url, message.headers, BODY),
        RequestFacts("POST", url.replace("b=x", "b=y"), message.headers, BODY),
        RequestFacts("POST", url.replace("8443", "443"), message.headers, BODY),
        RequestFacts("POST", url, message.headers | {"X-A": "2"}, BODY),
        RequestFacts("POST", url, message.headers, BODY + b" "),
    ):
        with pytest.raises(SignatureError):
            read_signature(tampered).verify(key.public_key, now=NOW)


PARAMETERS = ';created=1795294800;keyid="k"'


@pytest.mark.parametrize(
    ("method", "covered", "enough"),
    [
        ("POST", '"@method" "@target-uri" "content-digest"', True),
        ("POST", '"@method" "@path" "@authority" "@query" "content-digest"', True),
        ("POST", '"@method" "@request-target" "@authority" "content-digest"', True),
        ("POST", '"@method" "@path" "@authority" "content-digest"', False),
        ("POST", '"@method" "@target-uri"', False),
        ("POST", '"@target-uri" "content-digest"', False),
        ("POST", '"@method" "@path" "content-digest"', False),
        ("POST", '"@method" "@authority" "content-digest"', False),
        ("POST", '"@method" "@target-uri" "content-digest";req', False),
        ("GET", '"@method" "@path" "@authority"', True),
        ("GET", '"@method" "@target-uri"', True),
        ("GET", '"@method" "@authority"', False),
    ],
)
def test_everything_that_matters_must_be_covered(method, covered, enough):
    parsed = only(f"s=({covered}){PARAMETERS}", "s=:AAAA:")
    facts = RequestFacts(method, f"{INBOX}?x=1", {})
    if enough:
        rfc9421.check_coverage(parsed, facts)
    else:
        with pytest.raises(SignatureMalformed):
            rfc9421.check_coverage(parsed, facts)


@pytest.mark.parametrize(
    "signature_input",
    [
        's=("@method" "@target-uri");keyid="k"',
        's=("@method" "@target-uri");created=1',
        's=("@method" "@target-uri");created="1";keyid="k"',
        's=("@method" "@target-uri");created=1.5;keyid="k"',
        's=("@method" "@target-uri");created=?1;keyid="k"',
        's=("@method" "@target-uri");created=1;keyid=k',
        's=("@method" "@target-uri");created=1;keyid="k";alg="hmac-sha256"',
        's=("@method" "@target-uri");created=1;keyid="k";alg="none"',
        's=("@method" "@target-uri" "@target-uri");created=1;keyid="k"',
        's=("@method" "@target-uri" "@status");created=1;keyid="k"',
        's=("@method" "@target-uri" "@unknown");created=1;keyid="k"',
        's=("@method" "@target-uri" "x-absent");created=1;keyid="k"',
        's=("@method" "@target-uri" "X-A");created=1;keyid="k"',
        's=("@method" "@target-uri" "x-a";sf);created=1;keyid="k"',
        's=("@method" "@target-uri" "x-a";bs);created=1;keyid="k"',
        's=("@method" "@target-uri" "x-a";key="a");created=1;keyid="k"',
        's=("@method" "@target-uri" "@query-param");created=1;keyid="k"',
        's=("@method" "@target-uri" "@query-param";name="twice");created=1;keyid="k"',
        's=("@method" "@target-uri" "@query-param";name="none");created=1;keyid="k"',
        's=("@method" "@target-uri" method);created=1;keyid="k"',
        's="@method";created=1;keyid="k"',
        't=("@method" "@target-uri");created=1;keyid="k"',
        's=("@method" "@target-uri" "@signature-params");created=1;keyid="k"',
    ],
)
def test_a_label_we_cannot_wholly_check_is_not_used(signature_input):
    headers = {"Signature-Input": signature_input, "Signature": "s=:AAAA:", "X-A": "a=1"}
    with pytest.raises(SignatureMalformed):
        read_signature(RequestFacts("GET", f"{INBOX}?twice=1&twice=2", headers))


def test_the_first_label_that_covers_enough_is_the_one():
    good = sign_request("rfc9421", "GET", INBOX, None, ED25519, NOW)
    headers = {
        "Signature-Input": f'proxy=("@method");created=1;keyid="p", {good["Signature-Input"]}',
        "Signature": f"proxy=:AAAA:, {good['Signature']}",
    }
    claim = read_signature(RequestFacts("GET", INBOX, headers))
    assert claim.key_id == ED25519.key_id
    claim.verify(ED25519.public_key, now=NOW)


def test_an_algorithm_that_does_not_go_with_the_key_is_refused():
    facts = RequestFacts("GET", INBOX, {})
    for alg, key in (("ed25519", RSA), ("rsa-v1_5-sha256", ED25519), ("rsa-pss-sha512", ED25519)):
        parsed = only(f's=("@method" "@target-uri"){PARAMETERS};alg="{alg}"', "s=:AAAA:")
        with pytest.raises(KeyUnusable):
            rfc9421.check_signature(parsed, facts, key.public_key)


def test_what_we_send_is_the_profile_of_mastodon():
    headers = sign_request("rfc9421", "POST", INBOX, BODY, RSA, NOW)
    assert headers["Signature-Input"] == (
        f'sig1=("@method" "@target-uri" "content-digest");created={NOW};keyid="{OWNER}#main-key"'
    )
    assert set(headers) == {"Host", "Content-Type", "Content-Digest", "Signature-Input", "Signature"}


def test_structured_fields_are_read_and_written_canonically():
    parsed = parse_dictionary('a=1 ,\t b;x;y=?0, c=("d" e;f=-2.50  :AA==:);g="\\"q\\\\", *h=:YQ:')
    assert parsed == {
        "a": Item(1),
        "b": Item(True, {"x": True, "y": False}),
        "c": InnerList((Item("d"), Item(Token("e"), {"f": Decimal("-2.50")}), Item(b"\0")), {"g": '"q\\'}),
        "*h": Item(b"a"),
    }
    assert isinstance(parsed["c"], InnerList)
    assert serialize_inner_list(parsed["c"]) == '("d" e;f=-2.5 :AA==:);g="\\"q\\\\"'


@pytest.mark.parametrize(
    "text",
    [
        "a=1,",
        "a=1,,b=2",
        "a=1 b=2",
        "a=1,a=2",
        "A=1",
        "a=",
        "a=(1",
        'a=("x""y")',
        'a="x',
        "a=1;b=1;b=2",
        "a=:*:",
        "a=:A:",
        "a=?2",
        "a=1.",
        "a=1.2345",
        "a=1234567890123456",
        "a=@1",
        'a="é"',
        "a=1;",
        "=1",
        ",a",
    ],
)
def test_what_is_not_exactly_a_dictionary_is_refused(text):
    with pytest.raises(SignatureMalformed):
        parse_dictionary(text)


def test_structured_fields_are_bounded():
    many = [
        ", ".join(f"a{i}" for i in range(100)),
        "a=(" + " ".join(["1"] * 100) + ")",
        "a" + "".join(f";p{i}" for i in range(100)),
        'a="' + "x" * 20_000 + '"',
    ]
    for text in many:
        with pytest.raises(SignatureMalformed):
            parse_dictionary(text)


@given(
    st.booleans()
    | st.integers(-(10**15) + 1, 10**15 - 1)
    | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
    | st.binary(max_size=30)
)
def test_any_value_written_is_read_back(value):
    assert parse_dictionary(f"a={serialize_item(Item(value, {'p': value}))}") == {
        "a": Item(value, {"p": value})
    }
