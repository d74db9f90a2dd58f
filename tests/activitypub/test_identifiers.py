"""Whose address is this, and what of ours does it name?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.identifiers import LocalName, Uris, host_of, origin_of, same_origin

URIS = Uris("https://A.example/")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.example/x", "https://A.EXAMPLE:443/y#z"),
        ("https://a.example/x", "https://a.example./y"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("http://a.example:80/", "http://a.example/"),
        ("https://[::1]:8443/", "https://[::1]:8443/x"),
    ],
)
def test_one_origin_in_several_spellings(one, other):
    assert same_origin(one, other)


@pytest.mark.parametrize(
    "other",
    [
        "http://a.example/x",
        "https://a.example:8443/x",
        "https://b.a.example/x",
        "https://a.example.evil/x",
        None,
    ],
)
def test_scheme_host_and_port_must_all_agree(other):
    assert not same_origin("https://a.example/x", other)


@pytest.mark.parametrize(
    "uri",
    [
        "https://user@a.example/",
        "https://a.example@evil.example/",
        "https://a.example\\@evil.example/",
        "https://a.example/\nx",
        "https://a.example /",
        "https:///x",
        "https://a.example:/",
        "https://a.example:0/",
        "https://a.example:99999/",
        "https://a..example/",
        "https://a.example%2eevil/",
        "ftp://a.example/",
        "javascript:alert(1)",
        "acct:alice@a.example",
        "#main-key",
        "/users/alice",
        "",
        "https://[::1/",
        "https://a.example/" + "x" * 3000,
    ],
)
def test_addresses_that_two_parsers_could_read_differently_have_no_origin(uri):
    assert origin_of(uri) is None
    assert not same_origin(uri, uri)


@given(st.text(max_size=80), st.sampled_from(["", "https://", "http://a.example", "https://a.example:"]))
def test_any_text_has_an_origin_or_none(text, prefix):
    origin = origin_of(prefix + text)
    assert origin is None or origin_of(str(origin)) == origin


def test_the_host_keeps_a_port_of_its_own():
    assert host_of("https://a.example:443/x") == "a.example"
    assert host_of("http://127.0.0.1:8000/x") == "127.0.0.1:8000"


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        (URIS.actor("alice"), ("actor", "alice")),
        (URIS.group("py.thon"), ("group", "py.thon")),
        (URIS.group_uris("py.thon").moderators, ("moderators", "py.thon")),
        (URIS.instance_actor(), ("instance_actor", "")),
        (URIS.instance_uris().main_key, ("main_key", "")),
        (URIS.instance_uris().inbox, ("inbox", "")),
        (URIS.inbox("alice"), ("inbox", "alice")),
        (URIS.outbox("alice"), ("outbox", "alice")),
        (URIS.followers("alice"), ("followers", "alice")),
        (URIS.following("alice"), ("following", "alice")),
        (URIS.featured("alice"), ("featured", "alice")),
        (URIS.featured_tags("alice"), ("featured_tags", "alice")),
        (URIS.followers_synchronization("alice"), ("followers_synchronization", "alice")),
        (URIS.main_key("alice"), ("main_key", "alice")),
        (URIS.ed25519_key("alice"), ("ed25519_key", "alice")),
        (URIS.profile("alice"), ("profile", "alice")),
        (URIS.shared_inbox(), ("shared_inbox", "")),
        (URIS.post(7), ("post", "7")),
        (URIS.post_page("alice", 7), ("post_page", "7")),
        (URIS.replies(7), ("replies", "7")),
        (URIS.likes(7), ("likes", "7")),
        (URIS.shares(7), ("shares", "7")),
        (URIS.create(7), ("post_activity", "7")),
        (URIS.update(7, 1795294800000), ("post_activity", "7")),
        (URIS.delete(7), ("post_activity", "7")),
        (URIS.context(7), ("context", "7")),
        (URIS.activity(7), ("activity", "7")),
        (URIS.event(7), ("event", "7")),
        (URIS.event_attendees(7), ("event_attendees", "7")),
        (URIS.resource(7), ("resource", "7")),
        (URIS.place(7), ("place", "7")),
        (URIS.stamp(7), ("stamp", "7")),
        (URIS.tag("größe/x"), ("tag", "größe/x")),
        (URIS.media("ab/c d.png"), ("media", "ab/c d.png")),
    ],
)
def test_what_is_minted_is_parsed_back(uri, name):
    assert URIS.parse(uri) == LocalName(*name)
    assert URIS.parse(uri.replace("a.example", "b.example")) is None


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/users/",
        "/users/alice/",
        "/users/alice/nothing",
        "/users/alice#key",
        "/users/../x",
        "/posts/7?x=1",
    ],
)
def test_addresses_never_minted_name_nothing(path):
    assert URIS.parse(f"https://a.example{path}") is None


@pytest.mark.parametrize(
    "origin", ["a.example", "https://a.example/path", "https://u@a.example", "https://a.example?x"]
)
def test_a_server_has_an_origin(origin):
    with pytest.raises(ValueError, match="not an origin"):
        Uris(origin)
