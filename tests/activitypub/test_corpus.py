"""Documents that other servers really send, read one by one.

Every payload yields its kind, actor, object id, visibility and text, or the refusal named here, with no
catch-all that would hide a failure. What is expected is worked out from the raw JSON by a second, much
simpler reading that shares no code with the package.
"""

import json
import os
import re
from pathlib import Path

import pytest

from activitypub.activities import describe, read_activity
from activitypub.discovery import parse_handle, read_host_meta, read_jrd, read_nodeinfo, read_nodeinfo_index
from activitypub.errors import Malformed, ProtocolError, Unsupported
from activitypub.values import normalise, parse_json
from activitypub.vocabulary import read_actor, read_collection, read_keys, read_post, read_tombstone

SHARED = os.environ.get("FEDSERVER_TEST_SHARED")
if SHARED is None:
    pytest.skip("skipped: FEDSERVER_TEST_SHARED is not set", allow_module_level=True)

FEDERATION = Path(SHARED) / "data" / "federation"
AS2_TEST = Path(SHARED) / "data" / "conformance" / "as2-test"
INDEX = json.loads((FEDERATION / "index.json").read_bytes())

REFUSED = {
    "mastodon/http-activitypub-feed.json": "not JSON",
    "webfinger/http-host-meta.json": "not JSON",
    "webfinger/http-redirected.host-meta.json": "not JSON",
    "bookwyrm/bw_search.json": "not a JSON object",
    "gotosocial/docs-interaction_policy-02-subsequent-replies--scope-widening.json": "not a JSON object",
    "gotosocial/docs-interaction_policy-03-subsequent-replies--scope-widening.json": "not a JSON object",
    "contexts/fep-0499-fep-0499.json": "@graph",
    "contexts/fep-1985-fep-1985.json": "@graph",
    "contexts/fep-7502-fep-7502.json": "@graph",
    "contexts/fep-888d-fep-888d.json": "@graph",
    "contexts/fep-8a8e-fep-8a8e.json": "@graph",
    "contexts/fedify-schemaorg.json": "members",
}

# The index calls these objects; by their type, or by actor and object, they are activities.
ACTIVITIES_FILED_AS_OBJECTS = {
    "w3c-as2/vocabulary-ex182-jsonld.json": "Travel",
    "w3c-as2/vocabulary-ex3-jsonld.json": "Activity/Note",
    "fep/fep-0391-03-showing-inclusion-in-context-collections.json": "Activity",
    "fep/fep-d8c2-08-open-farm-game.json": "Create/farm:Crop",
}

PUBLIC = {"https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"}


def entries(*kinds):
    return [
        pytest.param(entry, id=entry["path"])
        for entry in INDEX
        if entry["kind"] in kinds and entry["path"] not in REFUSED and entry["path"].endswith(".json")
    ]


def body_of(path):
    body = (FEDERATION / path).read_bytes()
    recorded = json.loads(body)
    if isinstance(recorded, dict) and "status_and_headers" in recorded:
        inner = recorded["body"]
        return inner.encode() if isinstance(inner, str) else json.dumps(inner).encode()
    return body


def read(entry):
    body = body_of(entry["path"])
    return normalise(parse_json(body)), json.loads(body)


# --- the second reading: a handful of lines per question --------------------------------------


def raw_id(value):
    if isinstance(value, list):
        value = next((item for item in value if item is not None), None)
    if isinstance(value, dict):
        value = value.get("id") or value.get("@id") or value.get("href")
    return value if isinstance(value, str) and value else None


def raw_ids(document, *names):
    found = []
    for name in names:
        value = document.get(name)
        found += [raw_id(item) for item in (value if isinstance(value, list) else [value])]
    return [uri for uri in found if uri]


def authority(uri):
    """``host[:port]`` of an http(s) address, or ``None``: templates and other schemes have none."""
    found = re.match(r"https?://([\w.-]+(?::\d+)?)(?:[/?#]|$)", uri or "")
    return found and found[1]


def raw_visibility(*documents):
    for document in documents:
        to, cc = raw_ids(document, "to", "bto"), raw_ids(document, "cc", "bcc")
        if not to and not cc:
            continue
        if PUBLIC & set(to):
            return "public"
        if PUBLIC & set(cc):
            return "unlisted"
        return "followers" if any(uri.rstrip("/").endswith("/followers") for uri in to + cc) else "direct"
    return None


def raw_text(*documents):
    """The first readable of content, summary and name, as a set of what a reader may choose from."""
    for document in documents:
        for name in ("content", "summary", "name"):
            value = document.get(name)
            values = value if isinstance(value, list) else [value]
            values = [item.get("@value") if isinstance(item, dict) else item for item in values]
            texts = [text for text in values if isinstance(text, str) and text]
            if texts:
                return texts[0]
            translations = document.get(f"{name}Map")
            if isinstance(translations, dict):
                texts = [text for text in translations.values() if isinstance(text, str) and text]
                if texts:
                    return texts[0]
    return None


def nested(document, depth):
    """The document and the objects inside it, one for each type the index names."""
    found = [document]
    while len(found) < depth:
        inner = found[-1].get("object")
        inner = inner[0] if isinstance(inner, list) else inner
        if not isinstance(inner, dict):
            break
        found.append(inner)
    return found


# --- what must hold ---------------------------------------------------------------------------


@pytest.mark.parametrize("entry", entries("activity"))
def test_an_activity_says_what_the_index_says(entry):
    document, raw = read(entry)
    description = describe(document)
    types = entry["t"].removesuffix("/uri").removesuffix("/list")
    assert (description.kind, description.type) == ("activity", types)
    chain = nested(raw, types.count("/") + 1)
    assert description.actor == raw_id(raw.get("actor"))
    assert description.object_id == raw_id(raw.get("object"))
    assert description.visibility == raw_visibility(*chain)
    assert description.text == raw_text(*reversed(chain))
    if authority(description.actor) is None:
        with pytest.raises(Malformed, match="without actor"):
            read_activity(document)
        return
    activity = read_activity(document)
    assert (activity.type, activity.actor_uri) == (types.partition("/")[0], description.actor)
    assert activity.object_id == description.object_id
    assert list(activity.to) == list(dict.fromkeys(map(public, raw_ids(raw, "to", "bto"))))


def public(uri):
    return "https://www.w3.org/ns/activitystreams#Public" if uri in PUBLIC else uri


@pytest.mark.parametrize("entry", entries("actor"))
def test_an_actor_says_who_it_is_or_what_it_lacks(entry):
    document, raw = read(entry)
    description = describe(document)
    assert (description.kind, description.type, description.text) == ("actor", entry["t"], raw_text(raw))
    assert description.object_id == description.actor == raw_id(raw)
    named = raw.get("preferredUsername") or raw.get("webfinger")
    usable = authority(raw_id(raw)) and authority(raw_id(raw.get("inbox"))) and named
    if not usable:
        with pytest.raises(Malformed, match="an actor without"):
            read_actor(document)
        return
    actor = read_actor(document)
    assert (actor.id, actor.inbox) == (raw["id"], raw_id(raw["inbox"]))
    assert actor.preferred_username == (raw.get("preferredUsername") or raw["webfinger"].partition("@")[0])
    # Kroeg gives the address of its endpoints instead of the object.
    endpoints = raw.get("endpoints") if isinstance(raw.get("endpoints"), dict) else {}
    assert actor.shared_inbox == (endpoints.get("sharedInbox") or raw.get("sharedInbox"))
    keys = raw.get("publicKey") or []
    keys = keys if isinstance(keys, list) else [keys]
    # An old Bridgy names its keys by handle, and no signature can point there.
    pems = {key["publicKeyPem"] for key in keys if "publicKeyPem" in key and authority(key.get("id"))}
    assert {key.pem for key in actor.public_keys} == pems


def test_a_stub_of_gotosocial_names_its_key_and_owner():
    document, raw = read({"path": "gotosocial/docs-http_signatures-01-quirks.json"})
    (key,), multikeys = read_keys(document)
    assert (key.id, key.owner) == (raw["publicKey"]["id"], raw["publicKey"]["owner"])
    assert multikeys == ()


@pytest.mark.parametrize("entry", entries("object"))
def test_an_object_says_what_it_is_or_why_it_is_no_post(entry):
    document, raw = read(entry)
    description = describe(document)
    types = ACTIVITIES_FILED_AS_OBJECTS.get(entry["path"])
    if types is not None:
        assert (description.kind, description.type) == ("activity", types)
        return
    assert (description.kind, description.type) == ("object", entry["t"])
    assert description.object_id == raw_id(raw)
    assert description.visibility == raw_visibility(raw)
    assert description.text == raw_text(raw)
    if entry["t"] == "Tombstone":
        if raw_id(raw) is None:
            with pytest.raises(Malformed, match="without id"):
                read_tombstone(document)
        else:
            assert read_tombstone(document).id == raw_id(raw)
        return
    if entry["t"] in ("Link", "Multikey", "Hashtag"):
        with pytest.raises(Unsupported, match="is not a post"):
            read_post(document)
        return
    uri, author = raw_id({"id": raw.get("id")}), raw_id(raw.get("attributedTo")) or raw_id(raw.get("actor"))
    if authority(uri) is None:
        with pytest.raises(Malformed, match="without id"):
            read_post(document)
        return
    if authority(author) is None:
        with pytest.raises(Malformed, match="without attributedTo"):
            read_post(document)
        post = read_post(document, author=uri)
    elif authority(uri) != authority(author):
        with pytest.raises(Malformed, match="another origin"):
            read_post(document)
        return
    else:
        post = read_post(document)
        assert post.attributed_to == author
    assert (post.id, post.kind, post.in_reply_to) == (uri, entry["t"], raw_id(raw.get("inReplyTo")))
    expected_content = raw_text({"content": raw.get("content"), "contentMap": raw.get("contentMap")})
    assert post.content_html == expected_content


@pytest.mark.parametrize("entry", entries("collection"))
def test_a_collection_keeps_its_items_and_links(entry):
    document, raw = read(entry)
    assert describe(document)[:2] == ("collection", entry["t"])
    collection = read_collection(document)
    items = [
        item
        for name in ("orderedItems", "items")
        for item in (raw.get(name) if isinstance(raw.get(name), list) else [raw.get(name)])
    ]
    assert len(collection.items) == len([item for item in items if isinstance(item, str | dict)])
    assert collection.total == raw.get("totalItems")
    assert collection.next == raw_id(raw.get("next"))
    assert (collection.first or collection.first_page) is not None or not raw.get("first")


@pytest.mark.parametrize(
    "entry", entries("fragment", "other", "context", "nodeinfo", "webfinger", "signature-vector")
)
def test_every_other_document_is_at_least_described(entry):
    document, _ = read(entry)
    assert describe(document).kind


@pytest.mark.parametrize(("path", "why"), REFUSED.items())
def test_what_is_refused_is_refused_for_the_reason_named(path, why):
    with pytest.raises(Malformed, match=why):
        normalise(parse_json(body_of(path)))


@pytest.mark.parametrize("entry", entries("webfinger"))
def test_webfinger_names_the_actor_or_lacks_it(entry):
    document, raw = read(entry)
    selves = [
        link["href"]
        for link in raw.get("links", [])
        if link.get("rel") == "self"
        and ("activity+json" in link.get("type", "") or "activitystreams" in link.get("type", ""))
    ]
    subject = raw.get("subject", "")
    if "@" not in subject or not selves or authority(selves[0]) is None:
        with pytest.raises(Malformed):
            read_jrd(document)
        return
    jrd = read_jrd(document)
    assert jrd.self_uri == selves[0]
    assert jrd.subject == parse_handle(subject)


@pytest.mark.parametrize(
    "path", sorted(FEDERATION.glob("webfinger/*host-meta.xml")), ids=lambda path: path.name
)
def test_host_meta_gives_a_template_or_is_refused(path):
    if "{{domain}}" in path.read_text():
        with pytest.raises(Malformed, match="without an lrdd template"):
            read_host_meta(path.read_bytes())
    else:
        assert read_host_meta(path.read_bytes()).endswith("{uri}")


def test_a_recorded_host_meta_prefers_the_template_for_json():
    template = read_host_meta(body_of("webfinger/http-host-meta.json"))
    assert template == "https://quitter.no/.well-known/webfinger?resource={uri}"


@pytest.mark.parametrize("entry", entries("nodeinfo"))
def test_nodeinfo_names_its_software_or_its_documents(entry):
    document, raw = read(entry)
    if "links" in raw:
        assert read_nodeinfo_index(document) in [link["href"] for link in raw["links"]]
    else:
        assert read_nodeinfo(document).software == raw["software"]["name"].lower()


@pytest.mark.parametrize("path", sorted(AS2_TEST.glob("*.json")), ids=lambda path: path.name)
def test_good_activitystreams_documents_are_described(path):
    if path.name == "vocabulary-ex196-jsonld.json":
        # Filed as good, but it has a line break inside a string.
        with pytest.raises(Malformed, match="not JSON"):
            parse_json(path.read_bytes())
        return
    document = normalise(parse_json(path.read_bytes()))
    raw = json.loads(path.read_bytes())
    kind = raw.get("type") or raw.get("@type")
    first_type = (kind[0] if isinstance(kind, list) else kind or "").removeprefix("as:")
    description = describe(document)
    assert (description.type or "").startswith(first_type)
    assert description.kind != "unknown" or not first_type


@pytest.mark.parametrize("path", sorted((AS2_TEST / "fail").glob("*.json")), ids=lambda path: path.name)
def test_bad_activitystreams_documents_are_refused_or_read_without_the_bad_part(path):
    if path.name in (
        "array-at-top.json",
        "number-at-top.json",
        "string-at-top.json",
        "bad-character-set.json",
    ):
        with pytest.raises(ProtocolError):
            parse_json(path.read_bytes())
        return
    description = describe(normalise(parse_json(path.read_bytes())))
    assert all(value is None or isinstance(value, str) for value in description)
