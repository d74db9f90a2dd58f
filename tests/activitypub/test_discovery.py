"""Handles, WebFinger, host-meta and NodeInfo."""

import pytest

from activitypub.discovery import (
    Handle,
    NodeInfo,
    build_host_meta,
    build_jrd,
    build_nodeinfo,
    build_nodeinfo_index,
    instance_actor_of,
    loops_back,
    parse_handle,
    parse_resource,
    read_host_meta,
    read_jrd,
    read_nodeinfo,
    read_nodeinfo_index,
)
from activitypub.errors import Malformed
from activitypub.identifiers import Uris
from activitypub.names import is_activitypub_media_type

URIS = Uris("https://a.example")
ALICE = URIS.actor_uris("alice")


@pytest.mark.parametrize(
    ("text", "handle"),
    [
        ("alice@a.example", "alice@a.example"),
        ("@Alice@A.Example", "Alice@a.example"),
        ("acct:alice@a.example", "alice@a.example"),
        ("ACCT:@alice@a.example.", "alice@a.example"),
        ("acct:alice%40a.example", "alice@a.example"),
        ("alice@bücher.example", "alice@xn--bcher-kva.example"),
        ("alice@a.example:8443", "alice@a.example:8443"),
        ("alice@a.example:443", "alice@a.example"),
        ("a.example@a.example", "a.example@a.example"),
        ("günther@a.example", "günther@a.example"),
    ],
)
def test_handles_in_every_spelling(text, handle):
    assert str(parse_handle(text)) == handle


@pytest.mark.parametrize(
    "text",
    [
        *("", "alice", "@alice", "alice@", "@@a.example", "a b@a.example", "alice@a example"),
        *("alice@a.example/x", "alice@a.example?x", "alice@a.example:0", "alice@a.example:99999"),
        *("alice@a..example", "a@b@c.example"),
    ],
)
def test_what_is_no_handle(text):
    with pytest.raises(Malformed):
        parse_handle(text)


def test_a_resource_is_a_handle_or_an_address():
    assert parse_resource("acct:alice@a.example") == Handle("alice", "a.example")
    assert parse_resource("https://a.example/users/alice") == "https://a.example/users/alice"
    with pytest.raises(Malformed):
        parse_resource("mailto:alice@a.example?x")


def test_our_webfinger_answer_loops_back():
    handle = Handle("alice", "example.org")
    document = build_jrd(handle, ALICE, subscribe_template=URIS.interact())
    jrd = read_jrd(document)
    assert document["subject"] == "acct:alice@example.org"
    assert (jrd.self_uri, jrd.profile_page) == (ALICE.id, ALICE.page)
    assert jrd.subscribe_template == "https://a.example/authorize_interaction?uri={uri}"
    assert loops_back(jrd, ALICE.id, Handle("ALICE", "example.org"))
    assert not loops_back(jrd, ALICE.id + "/", handle)
    assert not loops_back(jrd, ALICE.id, Handle("alice", "a.example"))


@pytest.mark.parametrize(
    "media_type",
    [
        "application/activity+json",
        "Application/Activity+JSON; charset=utf-8",
        'application/ld+json; profile="https://www.w3.org/ns/activitystreams"',
        "application/ld+json;profile=https://www.w3.org/ns/activitystreams",
        'application/ld+json; charset=utf-8; profile="https://x.example https://www.w3.org/ns/activitystreams"',
    ],
)
def test_activitypub_media_types(media_type):
    assert is_activitypub_media_type(media_type)
    link = {"rel": "self", "type": media_type, "href": ALICE.id}
    assert read_jrd({"subject": "acct:alice@a.example", "links": link}).self_uri == ALICE.id


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/ld+json", "text/html", "", "application/activity+json2"]
)
def test_other_media_types_vouch_for_nothing(media_type):
    assert not is_activitypub_media_type(media_type)
    link = {"rel": "self", "type": media_type, "href": ALICE.id}
    with pytest.raises(Malformed):
        read_jrd({"subject": "acct:alice@a.example", "links": [link]})


def test_our_host_meta_is_read_back():
    assert read_host_meta(build_host_meta(URIS).encode()) == URIS.webfinger()


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY e "x">]><XRD><Link rel="lrdd" template="https://a.example/?r={uri}"/></XRD>',
        b'<XRD><!-- <Link rel="lrdd" template="https://a.example/?r={uri}"/> --></XRD>',
        b'<XRD><Link rel="lrdd" template="https://a.example/"/></XRD>',
        b'<XRD><Link rel="lrdd" template="file:///{uri}"/></XRD>',
        b'<XRD><Link rel="other" template="https://a.example/?r={uri}"/></XRD>',
        '<XRD><Link rel="lrdd" template="https://a.example/?r={uri}"/></XRD>'.encode("utf-16"),
        b'<XRD><!-- <Link rel="lrdd" template="https://a.example/?r={uri}"/></XRD>',
        b'<XRD><Link rel="lrdd" template="https://a.example/?r={uri}"/></XRD>' + b" " * 70_000,
        b"",
    ],
)
def test_host_meta_without_a_safe_template_is_refused(body):
    with pytest.raises(Malformed):
        read_host_meta(body)


def test_nodeinfo_is_read_back_and_found():
    index = build_nodeinfo_index(URIS)
    assert read_nodeinfo_index(index) == "https://a.example/nodeinfo/2.1"
    assert instance_actor_of(index) == URIS.instance_actor()
    info = NodeInfo(
        software="fedserver",
        version="0.1.0",
        users=214,
        active_month=61,
        local_posts=7,
        name="Trainers",
        repository="r",
    )
    assert read_nodeinfo(build_nodeinfo(info, version="2.1", metadata={"faspBaseUrl": "x"})) == info
    old = build_nodeinfo(info, version="2.0")
    assert (old["version"], set(old["software"])) == ("2.0", {"name", "version"})
    with pytest.raises(ValueError, match="not served"):
        build_nodeinfo(info, version="3.0")
