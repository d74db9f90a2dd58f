"""HTTP Message Signatures of requests (RFC 9421), with the coverage Mastodon 4.5 and later sign.

Of component parameters only ``name`` of ``@query-param`` is read: ``sf``, ``key``, ``bs``, ``tr``
and ``req`` make a signature unusable, since no peer sends them.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote_plus

from activitypub.errors import KeyUnusable, SignatureMalformed, SignatureMismatch
from activitypub.signatures.clock import Moment, epoch_seconds
from activitypub.signatures.digests import body_digest, check_content_digest, content_digest_header
from activitypub.signatures.keys import PrivateKey, PublicKey, SignatureAlgorithm
from activitypub.signatures.message import METHODS_WITHOUT_BODY, NOTHING_MORE, RequestFacts, split_url
from activitypub.signatures.structured import (
    BareItem,
    InnerList,
    Item,
    Token,
    parse_dictionary,
    serialize_bare_item,
    serialize_inner_list,
    serialize_item,
)

KEY_ID_CHARS_MAX = 2_048
QUERY_PARAMETERS_MAX = 256
SIGNATURE_LABEL = "sig1"

_ALGORITHMS: dict[str, SignatureAlgorithm] = {
    "rsa-v1_5-sha256": "rsa-v1_5-sha256",
    "rsa-pss-sha512": "rsa-pss-sha512",
    "ed25519": "ed25519",
}

_DERIVED: dict[str, Callable[[RequestFacts], str]] = {
    "@method": lambda facts: facts.method,
    "@target-uri": lambda facts: facts.url.target_uri,
    "@authority": lambda facts: facts.url.authority,
    "@scheme": lambda facts: facts.url.scheme,
    "@request-target": lambda facts: facts.url.request_target,
    "@path": lambda facts: facts.url.path,
    # RFC 9421 §2.2.7: an absent query is a lone question mark.
    "@query": lambda facts: f"?{facts.url.query or ''}",
}


@dataclass(frozen=True)
class MessageSignature:
    """One label of Signature-Input with its bytes from Signature, well typed."""

    label: str
    components: InnerList
    """The covered components with the signature parameters, in the order they were sent."""
    signature: bytes
    created: int | None
    expires: int | None
    key_id: str | None
    algorithm: str | None

    @property
    def covered(self) -> frozenset[str]:
        """Names of the components covered without any parameter."""
        return frozenset(str(item.value) for item in self.components.items if not item.parameters)


def parse(signature_input: str, signature: str) -> list[MessageSignature | SignatureMalformed]:
    """Read both headers (RFC 9421 §4): one entry a label, in order of Signature-Input.

    A label that makes no sense is an error in the list; headers that cannot be read are raised.
    """
    inputs = parse_dictionary(signature_input)
    values = parse_dictionary(signature)
    parsed: list[MessageSignature | SignatureMalformed] = []
    for label, components in inputs.items():
        try:
            parsed.append(_message_signature(label, components, values.get(label)))
        except SignatureMalformed as error:
            parsed.append(error)
    return parsed


def _message_signature(
    label: str, components: Item | InnerList, value: Item | InnerList | None
) -> MessageSignature:
    if not isinstance(components, InnerList):
        raise SignatureMalformed("a member of Signature-Input is not a list")
    if not isinstance(value, Item) or not isinstance(value.value, bytes) or not value.value:
        raise SignatureMalformed("a label of Signature-Input has no bytes in Signature")
    parameters = components.parameters
    for name in ("nonce", "tag"):
        _string(parameters, name)
    return MessageSignature(
        label=label,
        components=components,
        signature=value.value,
        created=_integer(parameters, "created"),
        expires=_integer(parameters, "expires"),
        key_id=_string(parameters, "keyid"),
        algorithm=_string(parameters, "alg"),
    )


def _integer(parameters: dict[str, BareItem], name: str) -> int | None:
    value = parameters.get(name)
    if value is not None and type(value) is not int:
        raise SignatureMalformed(f"the parameter {name} is not an integer")
    return value


def _string(parameters: dict[str, BareItem], name: str) -> str | None:
    value = parameters.get(name)
    if value is not None and (not isinstance(value, str) or isinstance(value, Token)):
        raise SignatureMalformed(f"the parameter {name} is not a string")
    return value


def check_coverage(parsed: MessageSignature, facts: RequestFacts) -> None:
    """Raise SignatureMalformed unless the label is complete and covers everything that matters.

    Required: ``created``, ``keyid``, an algorithm we know or none; @method; the target, as
    @target-uri or as @authority with @path or @request-target; with a body content-digest. Only a
    GET may leave its query uncovered.
    """
    if parsed.created is None or not parsed.key_id or len(parsed.key_id) > KEY_ID_CHARS_MAX:
        raise SignatureMalformed("created or keyid is missing")
    if parsed.algorithm is not None and parsed.algorithm not in _ALGORITHMS:
        raise SignatureMalformed(f"the algorithm {parsed.algorithm[:32]!r} is not accepted")
    covered = parsed.covered
    missing = [] if "@method" in covered else ["@method"]
    if "@target-uri" not in covered:
        query_matters = facts.url.query is not None and facts.method not in METHODS_WITHOUT_BODY
        path_covered = "@path" in covered and ("@query" in covered or not query_matters)
        if "@authority" not in covered or not (path_covered or "@request-target" in covered):
            missing.append("@target-uri")
    if facts.needs_digest and "content-digest" not in covered:
        missing.append("content-digest")
    if missing:
        raise SignatureMalformed(f"not covered: {' '.join(missing)}", reason="signature_covers_too_little")


def check_body(parsed: MessageSignature, facts: RequestFacts) -> None:
    """Hold a covered Content-Digest against the body (SignatureMismatch, SignatureMalformed)."""
    if "content-digest" in parsed.covered:
        check_content_digest(facts)


def signature_base(parsed: MessageSignature, facts: RequestFacts) -> bytes:
    """Rebuild the text that was signed (RFC 9421 §2.5), or raise SignatureMalformed."""
    lines: list[str] = []
    seen: set[tuple[str, frozenset[tuple[str, BareItem]]]] = set()
    for item in parsed.components.items:
        if not isinstance(item.value, str) or isinstance(item.value, Token):
            raise SignatureMalformed("a component name is not a string")
        identity = (item.value, frozenset(item.parameters.items()))
        if identity in seen:
            raise SignatureMalformed("a component is covered twice")
        seen.add(identity)
        lines.append(f"{serialize_item(item)}: {_component(item.value, item.parameters, facts)}")
    # RFC 9421 §2.5: this line comes last and ends without a newline.
    lines.append(f'"@signature-params": {serialize_inner_list(parsed.components)}')
    try:
        return "\n".join(lines).encode("ascii")
    except UnicodeEncodeError as error:
        raise SignatureMalformed("a signed header is not ASCII") from error


def _component(name: str, parameters: dict[str, BareItem], facts: RequestFacts) -> str:
    if name == "@query-param":
        wanted = parameters.get("name")
        if len(parameters) != 1 or not isinstance(wanted, str):
            raise SignatureMalformed("@query-param needs a name and nothing else")
        return _query_parameter(wanted, facts)
    if parameters:
        raise SignatureMalformed("component parameters are not supported")
    derived = _DERIVED.get(name)
    if derived is not None:
        return derived(facts)
    if name.startswith("@") or name != name.lower():
        raise SignatureMalformed(f"the component {name[:64]!r} does not belong to a request")
    return facts.host if name == "host" else facts.field(name)


def _query_parameter(name: str, facts: RequestFacts) -> str:
    """RFC 9421 §2.2.8: the one value of that name, decoded as a form and encoded afresh."""
    wanted = unquote_plus(name)
    try:
        pairs = parse_qsl(facts.url.query or "", keep_blank_values=True, max_num_fields=QUERY_PARAMETERS_MAX)
    except ValueError as error:
        raise SignatureMalformed("the query has too many parameters") from error
    values = [value for key, value in pairs if key == wanted]
    if len(values) != 1:
        raise SignatureMalformed("a covered query parameter must occur exactly once")
    return quote(values[0], safe="*").replace("~", "%7E")


def check_signature(parsed: MessageSignature, facts: RequestFacts, key: PublicKey) -> None:
    """Check the arithmetic alone: SignatureMismatch unless the key signed this request."""
    data = signature_base(parsed, facts)
    if not any(
        key.verifies(parsed.signature, data, algorithm) for algorithm in _algorithms(parsed.algorithm, key)
    ):
        raise SignatureMismatch("the key did not sign this request")


def _algorithms(label: str | None, key: PublicKey) -> tuple[SignatureAlgorithm, ...]:
    """The key decides; the label may only narrow its choice."""
    if label is not None:
        algorithm = _ALGORITHMS.get(label)
        if algorithm is None or (algorithm == "ed25519") != (key.algorithm == "ed25519"):
            raise KeyUnusable(f"the algorithm {label[:32]!r} does not go with a key of kind {key.algorithm}")
        return (algorithm,)
    if key.algorithm == "ed25519":
        return ("ed25519",)
    return ("rsa-v1_5-sha256", "rsa-pss-sha512")


def sign(
    method: str,
    url: str,
    body: bytes | None,
    key: PrivateKey,
    *,
    now: Moment,
    digest: bytes | None = None,
    content_type: str = "application/activity+json",
    more: Mapping[str, str] = NOTHING_MORE,
) -> dict[str, str]:
    """Sign a request and give the headers to send with it.

    Covers @method and @target-uri, with a body also content-digest; says created and keyid, and no
    alg, which Mastodon takes from the key. ``digest`` is the SHA-256 of the body when known already.
    ``more`` are header fields to send and to cover as well.
    """
    parts = split_url(url)
    headers = {"Host": parts.authority}
    names = '"@method" "@target-uri"'
    lines = f'"@method": {method.upper()}\n"@target-uri": {parts.target_uri}\n'
    if body is not None:
        content_digest = content_digest_header(digest if digest is not None else body_digest(body))
        headers["Content-Digest"] = content_digest
        headers["Content-Type"] = content_type
        names += ' "content-digest"'
        lines += f'"content-digest": {content_digest}\n'
    for name, value in more.items():
        headers[name] = value
        names += f' "{name.lower()}"'
        lines += f'"{name.lower()}": {value}\n'
    parameters = f"({names});created={int(epoch_seconds(now))};keyid={serialize_bare_item(key.key_id)}"
    data = f'{lines}"@signature-params": {parameters}'
    headers["Signature-Input"] = f"{SIGNATURE_LABEL}={parameters}"
    headers["Signature"] = f"{SIGNATURE_LABEL}=:{b64encode(key.sign(data.encode('ascii'))).decode()}:"
    return headers
