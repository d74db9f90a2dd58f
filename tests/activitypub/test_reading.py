"""The forms that other software sends for one and the same thing."""

import pytest

from activitypub.activities import describe, read_activity
from activitypub.audience import Visibility, visibility_of
from activitypub.errors import Malformed, Unsupported
from activitypub.names import PUBLIC
from activitypub.values import normalise
from activitypub.vocabulary import read_actor, read_collection, read_keys, read_post

BOB = "https://b.example/users/bob"
POST = "https://b.example/posts/1"


def actor(**changes):
    document = {"id": BOB, "type": "Person", "inbox": f"{BOB}/inbox", "preferredUsername": "bob"} | changes
    return read_actor(normalise({name: value for name, value in document.items() if value is not ...}))


def post(**changes):
    document = {"id": POST, "type": "Note", "attributedTo": BOB, "content": "<p>hi</p>"} | changes
    return read_post(normalise({name: value for name, value in document.items() if value is not ...}))


# --- actors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "icon",
    [
        "https://b.example/a.png",
        {"type": "Image", "url": "https://b.example/a.png"},
        [{"type": "Image", "url": "javascript:x"}, {"url": [{"href": "https://b.example/a.png"}]}],
        {"type": "Link", "href": "https://b.example/a.png"},
    ],
)
def test_an_avatar_in_every_form(icon):
    assert actor(icon=icon).icon.url == "https://b.example/a.png"


@pytest.mark.parametrize("icon", [None, [], {}, 7, [None], {"type": "Image", "url": None}])
def test_no_avatar_in_every_form(icon):
    assert actor(icon=icon).icon is None


def test_the_page_is_the_html_link():
    links = [
        {"type": "Link", "href": "https://b.example/feed", "mediaType": "application/atom+xml"},
        {"type": "Link", "href": "https://b.example/@bob", "mediaType": "text/html"},
    ]
    assert actor(url=links).url == "https://b.example/@bob"
    assert actor(url=links[:1]).url == "https://b.example/feed"
    assert actor(url=[BOB]).url == BOB


def test_keys_in_a_list_with_owner_or_controller():
    keys = [
        {"id": f"{BOB}#k1", "owner": BOB, "publicKeyPem": "1"},
        {"id": f"{BOB}#k2", "controller": BOB, "publicKeyPem": "2"},
        {"id": f"{BOB}#k3", "publicKeyPem": "3"},
        {"id": f"{BOB}#empty", "owner": BOB},
        {"owner": BOB, "publicKeyPem": "nameless"},
    ]
    found = actor(publicKey=keys, assertionMethod={"id": f"{BOB}#e", "publicKeyMultibase": "z6Mk"})
    assert [(key.pem, key.owner) for key in found.public_keys] == [("1", BOB), ("2", BOB), ("3", BOB)]
    assert [(key.multibase, key.controller) for key in found.multikeys] == [("z6Mk", BOB)]


def test_a_key_of_somebody_else_keeps_its_owner():
    (key,) = actor(
        publicKey={"id": f"{BOB}#k", "owner": "https://c.example/u", "publicKeyPem": "1"}
    ).public_keys
    assert key.owner == "https://c.example/u"


def test_a_bare_key_is_read_with_its_owner():
    (key,), _ = read_keys({"id": f"{BOB}/main-key", "type": "Key", "owner": BOB, "publicKeyPem": "1"})
    assert (key.id, key.owner) == (f"{BOB}/main-key", BOB)


def test_at_most_ten_keys_are_read():
    keys = [{"id": f"{BOB}#{number}", "owner": BOB, "publicKeyPem": "1"} for number in range(30)]
    assert len(actor(publicKey=keys).public_keys) == 10


@pytest.mark.parametrize("kind", ["PropertyValue", "schema:PropertyValue", "http://schema.org#PropertyValue"])
def test_profile_fields_whatever_the_prefix(kind):
    fields = actor(attachment={"type": kind, "name": "ORCID", "value": "<a>0</a>"}).fields
    assert [(field.name, field.value_html) for field in fields] == [("ORCID", "<a>0</a>")]


def test_names_may_be_missing_or_in_a_map():
    assert actor(name=None).name is None
    assert actor(nameMap={"de": "Robert"}, summaryMap={"de": "<p>x</p>"}).summary_html == "<p>x</p>"
    assert actor(preferredUsername=..., webfinger="acct:bob@example.org").preferred_username == "bob"
    assert len(actor(name="x" * 5000).name) == 2048


def test_shared_inbox_and_flags_where_others_put_them():
    assert actor(sharedInbox="https://b.example/inbox").shared_inbox == "https://b.example/inbox"
    assert actor(endpoints=None).shared_inbox is None
    assert actor(discoverable=False).discoverable is False
    assert actor(discoverable="yes").discoverable is None
    assert actor(type="Group", attributedTo=f"{BOB}/mods").moderators == f"{BOB}/mods"
    assert actor(attributedTo=f"{BOB}/mods").moderators is None


def test_an_unknown_type_with_inbox_and_outbox_is_an_actor():
    assert actor(type="Feed", outbox=f"{BOB}/outbox").kind == "Feed"
    with pytest.raises(Unsupported):
        actor(type="Feed")
    with pytest.raises(Unsupported):
        actor(type="Note", outbox=f"{BOB}/outbox")


@pytest.mark.parametrize("missing", ["id", "inbox", "preferredUsername"])
def test_the_indispensable_of_an_actor(missing):
    with pytest.raises(Malformed, match="an actor without"):
        actor(**{missing: ...})


# --- posts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "quote"),
    [
        ({"quote": "https://c.example/1", "_misskey_quote": "https://c.example/2"}, "https://c.example/1"),
        ({"_misskey_quote": "https://c.example/2", "quoteUrl": "https://c.example/3"}, "https://c.example/2"),
        ({"quoteUrl": "https://c.example/3", "quoteUri": "https://c.example/4"}, "https://c.example/3"),
        ({"quoteUri": "https://c.example/4"}, "https://c.example/4"),
        (
            {
                "tag": {
                    "type": "Link",
                    "mediaType": 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"',
                    "rel": ["x", "https://misskey-hub.net/ns#_misskey_quote"],
                    "href": "https://c.example/5",
                }
            },
            "https://c.example/5",
        ),
        ({"tag": {"type": "Link", "mediaType": "text/html", "href": "https://c.example/6"}}, None),
        ({"quote": "nonsense"}, None),
    ],
)
def test_quotes_in_mastodons_order(changes, quote):
    assert post(**changes).quote == quote


def test_alt_text_in_name_or_summary():
    files = [
        {"type": "Document", "url": "https://b.example/1.png", "name": "one"},
        {"type": "Image", "url": "https://b.example/2.png", "summary": "two"},
    ]
    assert [file.alt for file in post(attachment=files).attachments] == ["one", "two"]
    assert [file.url for file in post(attachment=files[0]).attachments] == ["https://b.example/1.png"]


def test_attachments_without_a_usable_address_are_dropped():
    files = ["https://b.example/x", {"type": "Document"}, {"url": "data:image/png;base64,AA"}, None, 7]
    assert [file.url for file in post(attachment=files).attachments] == ["https://b.example/x"]


@pytest.mark.parametrize("point", [[0, 0.5], {"@list": [0, 0.5]}])
def test_a_focal_point_in_both_forms(point):
    file = {"url": "https://b.example/1.png", "focalPoint": point}
    assert post(attachment=file).attachments[0].focus == (0.0, 0.5)


@pytest.mark.parametrize("point", [[0], ["a", "b"], None, [True, 0]])
def test_a_broken_focal_point_is_none(point):
    file = {"url": "https://b.example/1.png", "focalPoint": point}
    assert post(attachment=file).attachments[0].focus is None


def test_tags_are_sorted_out():
    tags = [
        {"type": "Mention", "href": BOB, "name": "@bob"},
        {"type": "Mention", "href": BOB},
        {"type": "Hashtag", "name": "#FAIR"},
        {"type": "as:Hashtag", "name": "fair"},
        {"type": "Hashtag", "name": "#"},
        {"type": "toot:Emoji", "name": ":blob:", "icon": {"url": "https://b.example/blob.png"}},
        "nonsense",
    ]
    read = post(tag=tags)
    assert [mention.href for mention in read.mentions] == [BOB]
    assert [tag.name for tag in read.hashtags] == ["FAIR"]
    assert [emoji.shortcode for emoji in read.emojis] == ["blob"]


@pytest.mark.parametrize(
    ("changes", "language"),
    [
        ({"contentMap": {"de": "<p>hi</p>"}}, "de"),
        ({"language": {"identifier": "fr", "name": "Français"}}, "fr"),
        ({"inLanguage": "it"}, "it"),
        ({"content": None, "nameMap": {"es": "x"}}, "es"),
        ({}, None),
    ],
)
def test_the_language_where_others_say_it(changes, language):
    assert post(**changes).language == language


@pytest.mark.parametrize("closed", [True, "2026-11-21T20:00:00Z", {"id": "x"}])
def test_a_poll_is_closed_in_every_form(closed):
    poll = post(type="Question", oneOf=[{"name": "A"}, {"name": "B"}], closed=closed).poll
    assert (poll.closed, poll.multiple, [option.votes for option in poll.options]) == (
        True,
        False,
        [None, None],
    )


@pytest.mark.parametrize("closed", [False, None, []])
def test_a_poll_is_open_in_every_form(closed):
    assert not post(type="Question", anyOf={"name": "A"}, closed=closed).poll.closed


VOTE = {"name": "A", "inReplyTo": "https://a.example/posts/1", "to": "https://a.example/users/alice"}


@pytest.mark.parametrize("content", [..., None, "<br>", "A"])
def test_a_vote_is_known_by_its_name_not_by_missing_content(content):
    assert post(**VOTE, content=content).is_vote


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "Article"},
        {"name": None},
        {"inReplyTo": None},
        {"to": PUBLIC},
        {"cc": ["as:Public"]},
        {"attachment": {"url": "https://b.example/1.png"}},
    ],
)
def test_what_only_looks_like_a_vote(changes):
    assert not post(**VOTE | changes).is_vote


def test_a_video_brings_its_files():
    links = [
        {"type": "Link", "mediaType": "text/html", "href": "https://b.example/w/1"},
        {
            "type": "Link",
            "mediaType": "application/x-mpegURL",
            "href": "https://b.example/1.m3u8",
            "tag": [
                {"type": "Link", "mediaType": "video/mp4", "href": "https://b.example/1.mp4", "height": 720}
            ],
        },
    ]
    owners = [{"type": "Person", "id": BOB}, {"type": "Group", "id": "https://b.example/c/1"}]
    video = post(type="Video", url=links, attributedTo=owners)
    assert (video.url, video.attributed_to) == ("https://b.example/w/1", BOB)
    assert [(file.url, file.height) for file in video.attachments] == [("https://b.example/1.mp4", 720)]


@pytest.mark.parametrize("location", ["Room 1", {"name": "Room 1"}, [{"name": "Room 1"}], None])
def test_an_event_is_read_as_a_post(location):
    event = post(type="Event", name="Workshop", startTime="2027-03-12T09:00:00+01:00", location=location)
    assert (event.kind, event.name) == ("Event", "Workshop")


def test_what_is_missing_comes_from_the_activity_around():
    document = {"id": POST, "type": "Note"}
    read = read_post(document, author=BOB, to=[PUBLIC], cc=["x"])
    assert (read.attributed_to, read.to, read.cc) == (BOB, (PUBLIC,), ("x",))
    assert read_post({**document, "to": "y"}, author=BOB, to=[PUBLIC]).to == ("y",)


def test_nobody_writes_at_another_origin():
    with pytest.raises(Malformed, match="another origin"):
        post(attributedTo="https://evil.example/users/bob")
    with pytest.raises(Malformed, match="another origin"):
        read_post({"id": POST, "type": "Note"}, author="https://evil.example/users/bob")


@pytest.mark.parametrize("kind", ["Person", "Create", "Collection", "Mention", "Tombstone", None])
def test_what_is_no_post(kind):
    with pytest.raises(Unsupported):
        post(type=kind)


def test_an_unknown_type_is_a_post():
    assert post(type=["https://x.example/Recipe", "Recipe"]).kind == "https://x.example/Recipe"
    assert post(type=["https://x.example/Recipe", "Article"]).kind == "Article"


# --- collections, activities, audience --------------------------------------------------------


def test_collections_in_every_form():
    assert read_collection([POST, {"id": BOB}, None]).item_ids == (POST, BOB)
    assert read_collection({"type": "OrderedCollection", "items": POST}).item_ids == (POST,)
    inline = read_collection(
        {
            "type": "Collection",
            "id": POST,
            "first": {"type": "CollectionPage", "items": [BOB], "next": f"{POST}?2"},
        }
    )
    assert (inline.first_page.item_ids, inline.first_page.next, inline.total) == ((BOB,), f"{POST}?2", None)
    assert read_collection({"type": "Collection", "totalItems": 0}).total == 0
    assert read_collection({"type": "Collection", "id": POST, "totalItems": -1}).total is None
    with pytest.raises(Malformed):
        read_collection({"type": "Collection"})
    with pytest.raises(Unsupported):
        read_collection({"type": "Note"})


def test_an_activity_in_its_two_forms():
    embedded = read_activity(
        {"type": "Like", "id": POST, "actor": {"id": BOB}, "object": [{"id": POST, "type": "Note"}]}
    )
    bare = read_activity({"type": "Like", "id": POST, "actor": [BOB], "object": POST})
    assert embedded.object_id == bare.object_id == POST
    assert embedded.actor_uri == bare.actor_uri == BOB
    assert (embedded.object_type, bare.object_type) == ("Note", None)
    assert (embedded.embedded, bare.embedded) == ({"id": POST, "type": "Note"}, None)
    assert str(bare.origin) == "https://b.example"


def test_reactions_and_bans_where_others_say_them():
    assert (
        read_activity({"type": "Like", "actor": BOB, "object": POST, "_misskey_reaction": "🔥"}).content
        == "🔥"
    )
    assert (
        read_activity({"type": "Block", "actor": BOB, "object": POST, "expires": "2027-01-01"}).end_time.year
        == 2027
    )


def test_an_activity_needs_an_actor_but_no_known_type():
    assert read_activity({"type": "Bite", "actor": BOB, "object": POST}).type == "Bite"
    with pytest.raises(Malformed):
        read_activity({"type": "Like", "object": POST})
    with pytest.raises(Unsupported):
        read_activity({"type": "Note", "content": "x"})


def test_a_wrapped_activity_is_described_to_its_core():
    document = {
        "type": "Announce",
        "actor": BOB,
        "to": "as:Public",
        "object": {"type": "Create", "id": POST, "object": {"type": "Note", "content": "hi"}},
    }
    assert describe(document) == ("activity", "Announce/Create/Note", BOB, POST, Visibility.PUBLIC, "hi")


@pytest.mark.parametrize(
    ("to", "cc", "visibility"),
    [
        ([PUBLIC], [], "public"),
        ([f"{BOB}/followers"], ["as:Public"], "unlisted"),
        ([f"{BOB}/followers"], [], "followers"),
        ([], [f"{BOB}/followers"], "followers"),
        (["https://a.example/users/alice"], [], "direct"),
        ([], [], "direct"),
    ],
)
def test_visibility_is_in_the_addressing(to, cc, visibility):
    assert visibility_of(to, cc) == visibility
    assert visibility_of(to, cc, f"{BOB}/followers") == visibility


def test_somebody_elses_followers_are_not_the_authors():
    assert visibility_of(["https://c.example/followers"], [], f"{BOB}/followers") is Visibility.DIRECT
