"""What we send: read back by ourselves, kept whole by a JSON-LD processor, fit for strict readers."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from activitypub import jsonld
from activitypub.activities import read_activity
from activitypub.audience import Visibility, addressing, visibility_of
from activitypub.builders import activity as act
from activitypub.builders import actor as people
from activitypub.builders import note as posts
from activitypub.errors import Unsupported
from activitypub.identifiers import Uris
from activitypub.names import PUBLIC
from activitypub.values import normalise
from activitypub.vocabulary import read_actor, read_collection, read_post, read_tombstone

URIS = Uris("https://a.example")
ALICE = URIS.actor_uris("alice")
BOB = "https://b.example/users/bob"
WHEN = datetime(2026, 11, 21, 20, tzinfo=UTC)
AVATAR = people.Media(url="https://a.example/media/a.png", media_type="image/png", alt="Alice")
BLOB = people.EmojiTag(shortcode="blob", uri="https://a.example/emoji/1", icon=AVATAR, updated=WHEN)

PERSON = people.ActorFields(
    kind="Person",
    uris=ALICE,
    username="alice",
    handle_host="example.org",
    public_key_pem="-----BEGIN PUBLIC KEY-----\nAA\n-----END PUBLIC KEY-----\n",
    ed25519_multibase="z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2",
    name="Alice",
    summary_html="<p>Trainer</p>",
    source_markdown="Trainer",
    published=WHEN,
    updated=WHEN,
    icon=AVATAR,
    image=AVATAR,
    fields=[people.ProfileField(name="ORCID", value_html="<a>0000</a>")],
    emojis=[BLOB],
    hashtags=[("FAIR", URIS.tag("fair"))],
    also_known_as=[BOB],
    moved_to=BOB,
    manually_approves_followers=True,
    discoverable=True,
    memorial=True,
    suspended=True,
    upcoming_events=f"{ALICE.id}/upcoming",
    resources=f"{ALICE.id}/resources",
)
GROUP = replace(
    PERSON,
    kind="Group",
    uris=URIS.group_uris("python"),
    username="python",
    group=people.GroupFields(description="All about Python", posting_restricted_to_mods=True),
)
POST = posts.PostFields(
    uri=URIS.post(1),
    url=URIS.post_page("alice", 1),
    attributed_to=ALICE.id,
    to=[PUBLIC],
    cc=[ALICE.followers, BOB],
    published=WHEN,
    updated=WHEN,
    content_html="<p>Hi</p>",
    summary="careful",
    language="en",
    source_markdown="Hi",
    sensitive=True,
    in_reply_to="https://b.example/posts/9",
    audience=URIS.group("python"),
    mentions=[(BOB, "@bob@b.example")],
    hashtags=[("training", URIS.tag("training"))],
    emojis=[BLOB],
    attachments=[
        posts.FileAttachment(
            url="https://a.example/media/1.png",
            media_type="image/png",
            alt="Alt",
            width=8,
            height=6,
            blurhash="LKO2",
            focus=(0.0, 0.2),
        ),
        posts.LinkAttachment(href="https://example.org/", name="Lesson"),
    ],
    image=AVATAR,
    context=URIS.context(1),
    replies=URIS.replies(1),
    likes=URIS.likes(1),
    shares=URIS.shares(1),
    quote="https://b.example/posts/7",
    quote_authorization="https://b.example/stamps/7",
    can_quote=[ALICE.followers],
    can_quote_after_approval=[PUBLIC],
    comments_enabled=False,
)
TITLED = replace(POST, name="Teaching <decorators>", summary="<p>Short.</p>", in_reply_to=None)
POLL = posts.Poll(
    options=[("Mon", 3), ("Tue", 0)], multiple=True, end_time=WHEN, voters_count=3, closed_at=WHEN
)

NOTE = posts.note(POST)
LIKE = act.react(
    URIS.activity(2),
    actor=ALICE.id,
    post=BOB + "/1",
    author=BOB,
    emoji=":blob:",
    emoji_tag=people.emoji_tag(BLOB),
)
FOLLOW = act.follow(URIS.activity(3), actor=ALICE.id, target=BOB)
PLEA = act.echo("https://b.example/f/1", kind="Follow", actor=BOB, target=ALICE.id)

DOCUMENTS = {
    "person": people.actor(PERSON),
    "group": people.actor(GROUP),
    "instance actor": people.instance_actor(replace(PERSON, kind="Application", uris=URIS.instance_uris())),
    "note": NOTE,
    "article": posts.article(TITLED),
    "page": posts.page(TITLED),
    "question": posts.question(replace(POST, name="When?"), POLL),
    "vote": posts.vote(
        URIS.post(5), voter=ALICE.id, poll=BOB + "/q", poll_author=BOB, choice="Mon", published=WHEN
    ),
    "tombstone": posts.tombstone(URIS.post(1), former_type="Note", deleted=WHEN),
    "stamp": posts.stamp(URIS.stamp(1), author=ALICE.id, quoting_post=BOB + "/1", quoted_post=URIS.post(1)),
    "create": act.create(URIS.create(1), NOTE),
    "update": act.update(URIS.update(1, 7), NOTE),
    "update actor": act.update_actor(URIS.activity(4), people.actor(PERSON), cc=[ALICE.followers]),
    "delete": act.delete(
        URIS.delete(1), actor=ALICE.id, post=URIS.post(1), former_type="Note", to=[PUBLIC], deleted=WHEN
    ),
    "delete actor": act.delete_actor(URIS.activity(5), actor=ALICE.id),
    "like": act.like(URIS.activity(6), actor=ALICE.id, post=BOB + "/1", author=BOB),
    "reaction": LIKE,
    "undo reaction": act.undo(URIS.activity(7), LIKE),
    "announce": act.announce(
        URIS.activity(8),
        actor=ALICE.id,
        post=BOB + "/1",
        published=WHEN,
        to=[PUBLIC],
        cc=[ALICE.followers, BOB],
    ),
    "follow": FOLLOW,
    "accept": act.accept(URIS.activity(9), actor=ALICE.id, request=PLEA, result=URIS.stamp(1)),
    "reject": act.reject(URIS.activity(10), actor=ALICE.id, request=PLEA),
    "block": act.block(URIS.activity(11), actor=ALICE.id, target=BOB),
    "flag": act.flag(
        URIS.activity(12),
        instance_actor=URIS.instance_actor(),
        reported=BOB,
        posts=[BOB + "/1"],
        comment="spam",
    ),
    "move": act.move(URIS.activity(13), actor=ALICE.id, target=BOB, followers=ALICE.followers),
    "add": act.add(URIS.activity(14), actor=ALICE.id, item=URIS.post(1), target=ALICE.featured, to=[PUBLIC]),
    "remove": act.remove(URIS.activity(15), actor=ALICE.id, item=NOTE, target=ALICE.featured, to=[PUBLIC]),
    "quote accepted": act.accept(
        URIS.activity(17),
        actor=ALICE.id,
        request=act.quote_echo(BOB + "/q", actor=BOB, quoted_post=URIS.post(1), quoting_post=BOB + "/1"),
        result=URIS.stamp(1),
    ),
    "quote revoked": act.delete_stamp(
        URIS.activity(18),
        posts.stamp(URIS.stamp(1), author=ALICE.id, quoting_post=BOB + "/1", quoted_post=URIS.post(1)),
    ),
    "quote request": act.quote_request(
        URIS.activity(16), actor=ALICE.id, quoted_post=BOB + "/1", author=BOB, quoting_post=NOTE
    ),
    "collection": act.collection(
        ALICE.outbox,
        total=2,
        first=f"{ALICE.outbox}?page=1",
        last=f"{ALICE.outbox}?page=2",
        attributed_to=ALICE.id,
    ),
    "collection page": act.collection_page(
        f"{ALICE.outbox}?page=1",
        part_of=ALICE.outbox,
        items=[
            act.like(URIS.activity(6), actor=ALICE.id, post=BOB, author=BOB),
            act.create(URIS.create(1), NOTE),
        ],
        next_page=f"{ALICE.outbox}?page=2",
        prev_page=f"{ALICE.outbox}?page=0",
        total=2,
    ),
    "replies": act.replies(URIS.replies(1), items=[BOB + "/1"], next_page=f"{URIS.replies(1)}?page=1"),
}
every_document = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())


def names_in(value):
    """All member names with something in them; JSON-LD drops null and the empty list."""
    if isinstance(value, list):
        return {name for item in value for name in names_in(item)}
    if not isinstance(value, dict):
        return set()
    found = {name for name, inner in value.items() if inner not in (None, [])} - {"@context"}
    return found.union(*(names_in(inner) for name, inner in value.items() if name != "@context"))


def expanded_names(value):
    if isinstance(value, list):
        return {name for item in value for name in expanded_names(item)}
    if not isinstance(value, dict):
        return set()
    return set(value).union(*(expanded_names(inner) for inner in value.values()))


@every_document
def test_a_json_ld_processor_keeps_every_key(document):
    expanded = jsonld.expand(document)
    assert not [
        name
        for name in expanded_names(expanded)
        if name.startswith("_:") or (name[0] != "@" and ":" not in name)
    ]
    compacted = jsonld.compact(document, document["@context"])
    assert names_in(compacted) == names_in(document)


def test_the_test_above_can_fail():
    lossy = {**NOTE, "nobodyKnowsThis": 1}
    assert any(name.startswith("_:") for name in expanded_names(jsonld.expand(lossy)))


def test_contexts_are_never_fetched():
    with pytest.raises(Unsupported, match=r"evil\.example"):
        jsonld.expand({"@context": "https://evil.example/context", "id": "x"})


@every_document
def test_lists_are_lists_and_the_context_comes_once_and_first(document):
    def check(node, top):
        if isinstance(node, list):
            for item in node:
                check(item, False)
        elif isinstance(node, dict):
            assert top or "@context" not in node
            for name in ("to", "cc", "tag", "attachment", "alsoKnownAs"):
                assert isinstance(node.get(name, []), list)
            for name, inner in node.items():
                if name != "@context":
                    check(inner, False)

    assert next(iter(document)) == "@context"
    check(document, True)


@every_document
def test_our_own_door_lets_it_in(document):
    normalise(document)


def test_a_person_is_read_back():
    actor = read_actor(normalise(DOCUMENTS["person"]))
    assert (actor.id, actor.preferred_username, actor.webfinger) == (ALICE.id, "alice", "alice@example.org")
    assert (actor.shared_inbox, actor.featured) == (ALICE.shared_inbox, ALICE.featured)
    assert [(key.id, key.owner) for key in actor.public_keys] == [(ALICE.main_key, ALICE.id)]
    assert [(key.id, key.controller) for key in actor.multikeys] == [(ALICE.ed25519_key, ALICE.id)]
    assert [(field.name, field.value_html) for field in actor.fields] == [("ORCID", "<a>0000</a>")]
    assert [emoji.shortcode for emoji in actor.emojis] == ["blob"]
    assert (actor.moved_to, actor.also_known_as, actor.memorial, actor.suspended) == (BOB, (BOB,), True, True)
    assert (actor.published, actor.icon.alt) == (WHEN, "Alice")


def test_a_group_names_its_moderators_collection():
    group = read_actor(normalise(DOCUMENTS["group"]))
    assert group.moderators == URIS.group_uris("python").moderators
    assert group.posting_restricted_to_mods
    assert group.description == "All about Python"


def test_a_note_is_read_back():
    post = read_post(normalise(NOTE))
    assert (post.id, post.url, post.attributed_to) == (POST.uri, POST.url, ALICE.id)
    assert (post.content_html, post.language, post.source) == ("<p>Hi</p>", "en", "Hi")
    assert (post.summary, post.sensitive, post.in_reply_to) == ("careful", True, POST.in_reply_to)
    assert (post.published, post.updated) == (WHEN, WHEN)
    assert post.visibility(ALICE.followers) is Visibility.PUBLIC
    assert [mention.href for mention in post.mentions] == [BOB]
    assert [tag.name for tag in post.hashtags] == ["training"]
    picture, link = post.attachments
    assert (picture.alt, picture.width, picture.height, picture.focus) == ("Alt", 8, 6, (0.0, 0.2))
    assert (link.kind, link.url, link.alt) == ("Link", "https://example.org/", "Lesson")
    assert (post.quote, post.quote_authorization) == (POST.quote, POST.quote_authorization)
    assert (post.quote_automatic, post.quote_manual) == ((ALICE.followers,), (PUBLIC,))
    assert not post.comments_enabled
    assert (post.context, post.conversation, post.replies) == (POST.context, POST.context, POST.replies)


def test_without_a_policy_only_the_author_may_quote():
    post = read_post(normalise(posts.note(replace(POST, can_quote=[], can_quote_after_approval=[]))))
    assert (post.quote_automatic, post.quote_manual) == ((ALICE.id,), ())


def test_a_language_map_has_exactly_the_content():
    assert NOTE["contentMap"] == {"en": NOTE["content"]}


def test_a_title_makes_an_article_and_an_article_needs_a_summary():
    with pytest.raises(ValueError, match="article"):
        posts.note(TITLED)
    with pytest.raises(ValueError, match="summary"):
        posts.article(replace(TITLED, summary=None))
    article = posts.article(replace(TITLED, name="x" * 300))
    assert len(article["name"]) == posts.TITLE_CHARS_MAX
    assert "<decorators>" not in DOCUMENTS["article"]["preview"]["content"]


def test_a_poll_is_read_back():
    poll = read_post(normalise(DOCUMENTS["question"])).poll
    assert [(option.name, option.votes) for option in poll.options] == [("Mon", 3), ("Tue", 0)]
    assert (poll.multiple, poll.end_time, poll.closed, poll.closed_at) == (True, WHEN, True, WHEN)
    assert poll.voters_count == 3


def test_a_vote_has_no_content_and_goes_to_the_author_alone():
    vote = DOCUMENTS["vote"]
    assert "content" not in vote
    assert vote["to"] == [BOB]
    assert read_post(normalise(vote)).is_vote


def test_a_tombstone_is_read_back():
    tombstone = read_tombstone(normalise(DOCUMENTS["tombstone"]))
    assert (tombstone.id, tombstone.former_type, tombstone.deleted) == (POST.uri, "Note", WHEN)


def test_the_wrapper_of_a_post_has_its_addressing_and_time():
    create = DOCUMENTS["create"]
    for name in ("to", "cc", "published", "audience"):
        assert create[name] == NOTE[name]
    activity = read_activity(normalise(create))
    assert (activity.type, activity.actor_uri, activity.object_id) == ("Create", ALICE.id, POST.uri)
    assert create["object"] == {name: value for name, value in NOTE.items() if name != "@context"}


def test_undo_and_accept_carry_what_they_are_about():
    undo = read_activity(normalise(DOCUMENTS["undo reaction"]))
    assert (undo.object_id, undo.object_type) == (LIKE["id"], "Like")
    accept = DOCUMENTS["accept"]
    assert accept["object"] == {
        "id": "https://b.example/f/1",
        "type": "Follow",
        "actor": BOB,
        "object": ALICE.id,
    }
    assert accept["to"] == [BOB]
    assert accept["result"] == URIS.stamp(1)


def test_a_report_names_everything_and_nobody():
    flag = read_activity(normalise(DOCUMENTS["flag"]))
    assert flag.object_ids == (BOB, BOB + "/1")
    assert ALICE.id not in str(DOCUMENTS["flag"])


def test_building_does_not_change_what_it_is_given():
    before = dict(NOTE)
    act.create(URIS.create(1), NOTE)
    act.collection_page("x", part_of="y", items=[NOTE])
    assert before == NOTE


def test_a_page_of_a_collection_is_read_back():
    page = read_collection(normalise(DOCUMENTS["collection page"]))
    assert page.is_page
    assert page.item_ids == (URIS.activity(6), URIS.create(1))
    assert (page.next, page.prev, page.part_of, page.total) == (
        f"{ALICE.outbox}?page=2",
        f"{ALICE.outbox}?page=0",
        ALICE.outbox,
        2,
    )


@pytest.mark.parametrize("visibility", ["public", "unlisted", "followers", "direct"])
def test_visibility_survives_its_addressing(visibility):
    to, cc = addressing(Visibility(visibility), ALICE.followers, [BOB, BOB])
    assert visibility_of(to, cc, ALICE.followers) == visibility
    assert (*to, *cc).count(BOB) == 1


@pytest.mark.parametrize("visibility", [Visibility.GROUP, Visibility.MEMBERS])
def test_local_visibilities_have_no_addressing(visibility):
    with pytest.raises(ValueError, match="not addressed"):
        addressing(visibility, ALICE.followers)
