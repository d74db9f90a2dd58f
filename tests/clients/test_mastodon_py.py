"""Every method of Mastodon.py does here what it does elsewhere: from registering an app to logging out."""

# Long because it calls every method there is, in the order in which somebody would.

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from mastodon import (
    MastodonNotFoundError,
    MastodonUnauthorizedError,
    StreamListener,
)

from tests.api.uploads import picture
from tests.clients.mastodon_py import CALLED, METHODS, OUT_OF_BAND, SCOPES, Client, log_in
from tests.conftest import StartServer
from tests.federation.hosts import listening
from tests.running import RunningServer, password_of
from tests.waiting import SECONDS_MAX, eventually

# What is not called, and why.
LEFT_OUT = {
    "follows": "Mastodon 3.0 took the route away",
    "reports": "Mastodon 2.5 took the route away",
    "search_v1": "Mastodon 3.0 took the route away",
    "oauth_userinfo": "insists on https, which the tests do not speak",
    "instance_health": "/livez says it here",
    **dict.fromkeys(("decode_blurhash", "get_status_length"), "asks no server"),
    **dict.fromkeys(
        ("annual_report", "annual_report_generate", "annual_report_read"), "we write no yearly reviews"
    ),
    **dict.fromkeys(
        ("await_async_refresh", "get_async_refresh_info", "get_async_refresh_status"),
        "nothing here is refreshed behind the client's back",
    ),
}


@dataclass
class World:
    """Two members with their apps, an admin, a folder, and a web server elsewhere that keeps what it is sent."""

    running: RunningServer
    ann: Client
    ben: Client
    ada: Client
    folder: Path
    elsewhere: str
    posted: queue.Queue[tuple[dict[str, str], bytes]]


@pytest.fixture
def world(start_server: StartServer, tmp_path: Path) -> Iterator[World]:
    running = start_server()
    posted: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()

    async def elsewhere(request: web.Request) -> web.Response:
        if request.method == "POST":
            posted.put((dict(request.headers), await request.read()))
            return web.Response(status=201)
        return web.Response(text="<title>News</title><p>All of it", content_type="text/html")

    with listening(elsewhere) as port:
        token = running.member("mpy_ada", role="admin").token
        yield World(
            running,
            log_in(running, "mpy_ann"),
            log_in(running, "mpy_ben"),
            Client(access_token=token, api_base_url=running.origin),
            tmp_path,
            f"http://127.0.0.1:{port}",
            posted,
        )


def test_every_method(world: World) -> None:
    for part in (
        the_server, accounts, statuses, timelines_and_notifications, lists_and_filters, tags_and_collections,
        quotes_and_what_is_scheduled, notifications_in_groups, what_is_announced, what_is_talked_about,
        streams, push, moderation, rules_of_moderators, signing_up_and_logging_out,
    ):  # fmt: skip
        part(world)
    assert sorted(METHODS - CALLED - set(LEFT_OUT)) == []
    assert sorted(CALLED & set(LEFT_OUT)) == []


def the_server(world: World) -> None:
    ann = world.ann
    assert (ann.mastodon_major, ann.mastodon_minor) == (4, 6)
    assert ann.app_verify_credentials().name == "Test of mpy_ann"
    instance = ann.instance_v2()
    assert instance.configuration.statuses.max_characters == 5000
    assert ann.instance_v1().configuration.polls.max_options == 8
    assert ann.instance_rules() == ann.instance_peers() == ann.custom_emojis() == []
    assert len(ann.instance_activity()) == 12
    assert ann.instance_nodeinfo().software.name == "fedserver"
    assert isinstance(ann.instance_extended_description().content, str)
    assert ann.instance().domain
    assert ann.retrieve_mastodon_version().startswith("4.6")
    assert ann.verify_minimum_version("4.6.0")
    assert Client.get_supported_version() >= "4"
    assert ann.get_approx_server_time().year >= 2026
    assert ann.instance_domain_blocks() == []
    assert ann.instance_languages()[0].code == "en"
    assert ann.instance_translation_languages() == {}
    with pytest.raises(MastodonNotFoundError):
        ann.instance_terms_of_service()
    assert ann.oauth_authorization_server_info().code_challenge_methods_supported == ["S256"]
    assert ann.annual_reports().annual_reports == []
    assert ann.annual_report_state(2026).state == "ineligible"
    assert ann.stream_healthy()
    assert ann.timeline_is_available("public")
    assert ann.persistable_login_credentials()
    ann.set_language("en")
    ann.clear_caches()


def accounts(world: World) -> None:
    ann, ben, tmp_path = world.ann, world.ben, world.folder
    me = ann.account_verify_credentials()
    other = ben.me()
    assert (me.username, me.source.privacy) == ("mpy_ann", "public")
    assert isinstance(ann.account(other.id).created_at, datetime)
    assert ann.account_lookup("mpy_ben").id == other.id
    assert [one.id for one in ann.account_search("mpy_b")] == [other.id]
    portrait = tmp_path / "me.png"
    portrait.write_bytes(picture())
    changed = ann.account_update_credentials(
        display_name="Ann", note="Hello", avatar=str(portrait), fields=[("Web", "https://ann.example")]
    )
    assert (changed.display_name, changed.fields[0].name) == ("Ann", "Web")
    assert ann.account_follow(other.id).following
    assert [one.id for one in ann.account_following(me.id)] == [other.id]
    assert [one.id for one in ann.account_followers(other.id)] == [me.id]
    relationship = ben.account_relationships(me.id)[0]
    assert relationship.followed_by
    assert not relationship.following
    assert ben.account_remove_from_followers(me.id).followed_by is False
    assert ann.account_mute(other.id, duration=60).muting
    assert ann.mutes()[0].mute_expires_at is not None
    assert not ann.account_unmute(other.id).muting
    assert ann.account_block(other.id).blocking
    assert [one.id for one in ann.blocks()] == [other.id]
    assert not ann.account_unblock(other.id).blocking
    ben.account_update_credentials(locked=True)
    assert ann.account_follow(other.id).requested
    assert [one.id for one in ben.follow_requests()] == [me.id]
    ben.follow_request_authorize(me.id)
    assert ann.account_relationships(other.id)[0].following
    ben.account_update_credentials(locked=False)
    assert not ann.account_unfollow(other.id).following
    assert ann.preferences()["posting:default:visibility"] == "public"
    assert ann.account_familiar_followers(other.id)[0].accounts == []
    assert {one.id for one in ann.accounts([me.id, other.id])} == {me.id, other.id}
    assert ann.account_note_set(other.id, "met at the course").note == "met at the course"
    ann.account_follow(other.id)
    assert ann.account_endorse(other.id).endorsed
    assert [one.id for one in ann.endorsements()] == [other.id]
    assert not ann.account_unendorse(other.id).endorsed
    assert ann.account_pin(other.id).endorsed
    assert not ann.account_unpin(other.id).endorsed
    ann.account_unfollow(other.id)
    ben.account_update_credentials(locked=True)
    ann.account_follow(other.id)
    assert not ben.follow_request_reject(me.id).followed_by
    ben.account_update_credentials(locked=False)
    assert ann.profile().display_name == "Ann"
    assert ann.profile_update(display_name="Ann A.").display_name == "Ann A."
    assert "/static/" in ann.account_delete_avatar().avatar
    assert "/static/" in ann.account_delete_header().header
    ann.domain_block("unwanted.example")
    assert ann.domain_blocks() == ["unwanted.example"]
    ann.domain_unblock("unwanted.example")
    assert isinstance(ann.directory(local=True), list)
    assert isinstance(ann.suggestions(), list)
    assert isinstance(ann.suggestions_v1(), list)
    assert isinstance(ann.suggestions_v2(), list)
    ann.suggestion_delete(other.id)


def statuses(world: World) -> None:
    ann, ben = world.ann, world.ben
    media = ann.media_post(picture(), mime_type="image/png", description="grey", focus=(0.1, 0.2))
    media = ann.media_update(media.id, description="a gradient")
    status = ann.status_post(
        "Hello @mpy_ben #mastodonpy", media_ids=[media], spoiler_text="hi", language="en", idempotency_key="k"
    )
    assert status.media_attachments[0].description == "a gradient"
    assert ann.status_post("Hello @mpy_ben #mastodonpy", idempotency_key="k").id == status.id
    assert ben.status(status.id).id == status.id
    assert [one.id for one in ben.statuses([status.id])] == [status.id]
    edited = ann.status_update(status.id, "Hello again @mpy_ben #mastodonpy", media_ids=[media])
    assert edited.edited_at is not None
    assert ann.status_source(status.id).text == "Hello again @mpy_ben #mastodonpy"
    assert len(ben.status_history(status.id)) == 2
    reply = ben.status_reply(status, "And to you")
    assert [one.id for one in ann.status_context(status.id).descendants] == [reply.id]
    assert ben.status_favourite(status.id).favourited
    assert [one.username for one in ann.status_favourited_by(status.id)] == ["mpy_ben"]
    assert [one.id for one in ben.favourites()] == [status.id]
    assert ben.status_reblog(status.id).reblog.id == status.id
    assert [one.username for one in ann.status_reblogged_by(status.id)] == ["mpy_ben"]
    assert ben.status_bookmark(status.id).bookmarked
    assert [one.id for one in ben.bookmarks()] == [status.id]
    assert ann.status_pin(status.id).pinned
    assert [one.id for one in ben.account_statuses(status.account.id, pinned=True)] == [status.id]
    assert not ann.status_unpin(status.id).pinned
    assert ben.status_mute(status.id).muted
    assert not ben.status_unmute(status.id).muted
    assert not ben.status_unbookmark(status.id).bookmarked
    assert not ben.status_unreblog(status.id).reblogged
    assert not ben.status_unfavourite(status.id).favourited
    asked = ann.status_post("Which?", poll=ann.make_poll(["a", "b"], expires_in=600, multiple=True))
    assert ben.poll_vote(asked.poll, [0, 1]).own_votes == [0, 1]
    assert ann.poll(asked.poll.id).votes_count == 2
    assert ben.report(status.account, status_ids=[status], comment="only a test").comment == "only a test"
    ben.status_delete(reply)
    with pytest.raises(MastodonNotFoundError):
        ben.status(reply.id)
    spare = ann.media_post(picture(), mime_type="image/png")
    assert ann.media(spare.id).id == spare.id
    changes = ann.generate_media_edit_attributes(media.id, description="grey again")
    edited = ann.status_update(status.id, "Hello @mpy_ben", media_attributes=[changes])
    assert edited.media_attachments[0].description == "grey again"
    assert ann.toot("Good morning").content == "<p>Good morning</p>"
    assert ann.status_card(status.id) is None
    with pytest.raises(MastodonNotFoundError):
        ann.status_translate(status.id, "de")


def timelines_and_notifications(world: World) -> None:
    ann, ben = world.ann, world.ben
    ben.account_follow(ann.me().id)
    written = [ann.status_post(f"{number} #walkingalong") for number in range(5)][::-1]
    ids = [one.id for one in written]
    for first in (
        ann.timeline_home(limit=2),
        ben.timeline_home(limit=2),
        ann.timeline_public(limit=2),
        ann.timeline_local(limit=2),
        ann.timeline_hashtag("walkingalong", limit=2),
        ann.account_statuses(ann.me().id, limit=2),
    ):
        assert [one.id for one in first] == ids[:2]
        second = ann.fetch_next(first)
        assert [one.id for one in second] == ids[2:4]
        assert [one.id for one in ann.fetch_previous(second)] == ids[:2]
    assert [one.id for one in ann.timeline_hashtag("walkingalong")] == ids
    ann.markers_set(["home"], [ids[0]])
    assert ann.markers_get(["home"])["home"].last_read_id == ids[0]
    mention = ben.status_post("@mpy_ann are you there?")
    told = next(one for one in ann.notifications(types=["mention"]) if one.status.id == mention.id)
    assert ann.notifications(id=told.id).status.id == mention.id
    assert ann.notifications_unread_count()["count"] > 0
    ann.notifications_dismiss(told.id)
    ann.notifications_clear()
    assert ann.notifications() == []
    found = ann.search("mpy_be", result_type="accounts")
    assert [one.username for one in found.accounts] == ["mpy_ben"]
    assert ann.search(written[0].url, resolve=True).statuses[0].id == ids[0]
    assert ann.search("walkingalong").hashtags[0].name == "walkingalong"
    assert ann.search("walkingalo", exclude_unreviewed=False).hashtags[0].name == "walkingalong"
    assert ann.search_v2("mpy_be").accounts[0].username == "mpy_ben"
    first = ann.timeline("tag/walkingalong", limit=2)
    assert [one.id for one in ann.fetch_remaining(first)] == ids
    assert [one.id for one in ann.pagination_iterator(first)] == ids
    assert [len(page) for page in ann.pagination_page_iterator(first)] == [2, 2, 1]
    assert ann.get_pagination_info(first, "next") is not None
    ben.account_unfollow(ann.me().id)


def lists_and_filters(world: World) -> None:
    ann, ben = world.ann, world.ben
    ann.account_follow(ben.me().id)
    made = ann.list_create("Friends", replies_policy="list", exclusive=False)
    ann.list_accounts_add(made, [ben.me().id])
    assert ann.list(made).title == "Friends"
    assert [one.id for one in ann.account_lists(ben.me().id)] == [made.id]
    assert [one.username for one in ann.list_accounts(made)] == ["mpy_ben"]
    said = ben.status_post("to those who list me")
    assert ann.timeline_list(made)[0].id == said.id
    assert ann.list_update(made, "Good friends").title == "Good friends"
    assert [one.title for one in ann.lists()] == ["Good friends"]
    ann.list_accounts_delete(made, [ben.me().id])
    ann.list_delete(made)
    assert ann.lists() == []
    found = ann.create_filter_v2(
        "Noise", ["home"], "warn", keywords_attributes=[{"keyword": "noise", "whole_word": True}]
    )
    assert [one.keyword for one in ann.filter_keywords_v2(found)] == ["noise"]
    keyword = ann.add_filter_keyword_v2(found, "din")
    entry = ann.add_filter_status_v2(found, said)
    assert ann.filter_status_v2(entry).status_id == said.id
    assert [one.id for one in ann.filter_statuses_v2(found)] == [entry.id]
    assert ann.update_filter_v2(found.id, title="Much noise", context=["home"]).title == "Much noise"
    assert ann.filter_v2(found).title == "Much noise"
    assert len(ann.filters_v2()) == 1
    noisy = ben.status_post("such a din")
    home = ann.timeline_home()
    assert [one.filtered[0].filter.title for one in home if one.id in (noisy.id, said.id)] == [
        "Much noise"
    ] * 2
    ann.delete_filter_status_v2(entry)
    ann.delete_filter_keyword_v2(keyword)
    ann.delete_filter_v2(found)
    old = ann.filter_create("din", ["home"], whole_word=True)
    assert ann.filter(old.id).phrase == "din"
    assert [one.id for one in ann.filters_apply(home[:2], ann.filters(), "home")] == [said.id]
    assert ann.filter_update(old.id, phrase="more din", context=["home"]).phrase == "more din"
    ann.filter_delete(old.id)
    assert ann.filters() == []


def tags_and_collections(world: World) -> None:
    ann, ben = world.ann, world.ben
    assert ann.tag("walkingalong").name == "walkingalong"
    assert ann.tag_follow("walkingalong").following
    assert [one.name for one in ann.followed_tags()] == ["walkingalong"]
    assert not ann.tag_unfollow("walkingalong").following
    assert ann.tag_feature("walkingalong").featuring
    assert [one.name for one in ann.featured_tags()] == ["walkingalong"]
    assert [one.name for one in ben.account_featured_tags(ann.me().id)] == ["walkingalong"]
    assert not ann.tag_unfeature("walkingalong").featuring
    ann.featured_tag_delete(ann.featured_tag_create("mornings"))
    assert ann.featured_tags() == []
    assert ann.featured_tag_suggestions()[0].name
    ben.account_update_credentials(discoverable=True)
    made = ann.collection_create("Speakers", description="Who spoke", discoverable=True).collection
    item = ann.collection_item_add(made.id, ben.me().id).collection_item
    assert [one.username for one in ann.collection(made.id).accounts] == ["mpy_ann", "mpy_ben"]
    assert ann.collection_update(made.id, name="All speakers").collection.name == "All speakers"
    assert [one.id for one in ben.account_collections(ann.me().id).collections] == [made.id]
    assert [one.id for one in ben.account_in_collections(ben.me().id).collections] == [made.id]
    ben.collection_item_revoke(made.id, item.id)
    assert ben.account_in_collections(ben.me().id).collections == []
    ben.account_update_credentials(locked=False)
    again = ann.collection_create("Guests", account_ids=[]).collection
    ann.collection_delete(again.id)
    ann.collection_item_delete(
        made.id, ann.collection_item_add(made.id, world.ada.me().id).collection_item.id
    )


def quotes_and_what_is_scheduled(world: World) -> None:
    ann, ben = world.ann, world.ben
    quoted = ann.status_post("Quote me", quote_approval_policy="public")
    quoting = ben.status_post("As she says", quoted_status_id=quoted.id)
    assert quoting.quote.quoted_status.id == quoted.id
    assert [one.id for one in ann.status_quotes(quoted.id)] == [quoting.id]
    assert ann.status_quote_revoke(quoted.id, quoting.id).quote.state == "revoked"
    changed = ann.status_update_quote_approval_policy(quoted.id, "followers")
    assert changed.quote_approval.automatic == ["followers"]
    later = datetime.now(UTC) + timedelta(days=2)
    planned = ann.status_post("Later", scheduled_at=later)
    assert ann.scheduled_status(planned).params.text == "Later"
    moved = ann.scheduled_status_update(planned, later + timedelta(days=1))
    assert moved.scheduled_at > later
    assert [one.id for one in ann.scheduled_statuses()] == [planned.id]
    ann.scheduled_status_delete(planned)
    assert ann.scheduled_statuses() == []
    ben.status_post("@mpy_ann between us", visibility="direct")
    conversation = ann.conversations()[0]
    assert conversation.unread
    assert not ann.conversations_read(conversation.id).unread


def notifications_in_groups(world: World) -> None:
    ann, ben, ada = world.ann, world.ben, world.ada
    status = ann.status_post("like me")
    for fan in (ben, ada):
        fan.status_favourite(status)
    found = ann.grouped_notifications()
    group = found.notification_groups[0]
    assert (group.type, group.notifications_count) == ("favourite", 2)
    assert ann.grouped_notification(group.group_key).notification_groups[0].group_key == group.group_key
    assert len(ann.grouped_notification_accounts(group.group_key)) == 2
    assert ann.unread_grouped_notifications_count() > 0
    ann.dismiss_grouped_notification(group.group_key)
    assert ann.notifications_policy().for_not_following == "accept"
    strict = ann.update_notifications_policy(for_not_following="filter")
    assert strict.for_not_following == "filter"
    strangers = [world.running.member(f"mpy_stranger{number}") for number in range(4)]
    for stranger in strangers:
        stranger.post("/api/v1/statuses", {"status": "@mpy_ann do you know me?"})
    requests = ann.notification_requests()
    assert [one.account.username for one in requests] == [one.username for one in strangers[::-1]]
    assert ann.notification_request(requests[0].id).id == requests[0].id
    ann.accept_notification_request(requests[0].id)
    ann.dismiss_notification_request(requests[1].id)
    ann.accept_multiple_notification_requests([requests[2].id])
    ann.dismiss_multiple_notification_requests([requests[3].id])
    assert ann.notification_requests() == []
    eventually(ann.notifications_merged, "accepted notifications are merged")
    ann.update_notifications_policy(for_not_following="accept")


def what_is_announced(world: World) -> None:
    ann = world.ann
    world.running.command("announcement", "add", "Welcome **all**")
    made = eventually(ann.announcements, "there is an announcement")[0]
    ann.announcement_reaction_create(made.id, "🎉")
    assert [(one.name, one.me) for one in ann.announcements()[0].reactions] == [("🎉", True)]
    ann.announcement_reaction_delete(made.id, "🎉")
    ann.announcement_dismiss(made.id)
    assert ann.announcements()[0].read


def what_is_talked_about(world: World) -> None:
    ann, ben, ada = world.ann, world.ben, world.ada
    page = f"{world.elsewhere}/page"
    posts = [one.status_post(f"#mpytrend {page}") for one in (ann, ben)]
    for status in posts:
        eventually(lambda status=status: ann.status(status).card, "a link has a card")
        for one in (ann, ben, ada):
            one.status_favourite(status)
            one.status_reblog(status)
    tag = ada.tag("mpytrend")
    # Deciding has everything counted anew.
    assert ada.admin_approve_trending_tag(tag.id).trendable
    eventually(lambda: "mpytrend" in [one.name for one in ann.trends()], "a hashtag trends")
    assert "mpytrend" in [one.name for one in ann.trending_tags()]
    assert "mpytrend" in [one.name for one in ada.admin_trending_tags()]
    assert {one.id for one in ann.trending_statuses()} & {one.id for one in posts}
    assert [one.url for one in ann.trending_links()] == [page]
    assert {one.id for one in ann.timeline_link(page)} == {one.id for one in posts}
    link = ada.admin_trending_links()[0]
    assert ada.admin_approve_trending_link(link.id).url == page
    assert ada.admin_reject_trending_link(link.id).url == page
    status = ada.admin_trending_statuses()[0]
    assert ada.admin_approve_trending_status(status.id).id == status.id
    assert ada.admin_reject_trending_status(status.id).id == status.id
    assert not ada.admin_reject_trending_tag(tag.id).trendable


class Ear(StreamListener):  # type: ignore[misc]
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: queue.Queue[tuple[str, Any]] = queue.Queue()

    def on_any_event(self, name: str, data: Any = None, for_stream: Any = None) -> None:
        self.heard.put((name, data))

    def next(self, name: str, is_meant: Callable[[Any], bool]) -> Any:
        """What the next event of this name tells that is meant: what was said before may still be on its way."""
        while True:
            found, data = self.heard.get(timeout=SECONDS_MAX)
            if found == name and is_meant(data):
                return data


def streams(world: World) -> None:
    ann, ben = world.ann, world.ben
    made = ann.list_create("Heard")
    ann.list_accounts_add(made, [ben.me().id])
    open_: dict[str, Callable[..., Any]] = {
        "user": ann.stream_user,
        "notifications": ann.stream_user_notifications,
        "public": ann.stream_public,
        "local": ann.stream_local,
        "tag": lambda ear, **more: ann.stream_hashtag("mpystream", ear, **more),
        "list": lambda ear, **more: ann.stream_list(made.id, ear, **more),
        "direct": ann.stream_direct,
    }
    socket = ann.stream_open_websocket()
    for more in ({"run_async": True}, {"websocket_handle": socket}):
        ears = {name: Ear() for name in open_}
        handles = [open_[name](ear, **more) for name, ear in ears.items()]
        for handle in handles:
            eventually(handle.is_receiving, "a stream is open")
        said = ben.status_post("@mpy_ann hear #mpystream")
        for name in ("user", "public", "local", "tag", "list"):
            ears[name].next("update", lambda heard, of=said.id: heard.id == of)
        ears["notifications"].next("notification", lambda heard, of=said.id: heard.status.id == of)
        ben.status_update(said, "@mpy_ann listen #mpystream")
        edited = ears["user"].next("status.update", lambda heard, of=said.id: heard.id == of)
        assert edited.content.endswith("#<span>mpystream</span></a></p>")
        secret = ben.status_post("@mpy_ann hush", visibility="direct")
        ears["direct"].next("conversation", lambda heard, of=secret.id: heard.last_status.id == of)
        ben.status_delete(said)
        ears["user"].next("delete", lambda heard, of=said.id: str(heard) == str(of))
        # A stream is let go when the next thing comes over it.
        with ThreadPoolExecutor(len(handles)) as closing:
            closed = [closing.submit(handle.close) for handle in handles]
            while not all(one.done() for one in closed):
                ben.status_post("@mpy_ann goodbye #mpystream")
                ben.status_post("@mpy_ann goodbye", visibility="direct")
    socket.close()
    ann.list_delete(made)


def push(world: World) -> None:
    ann, ben = world.ann, world.ben
    private, public = ann.push_subscription_generate_keys()
    made = ann.push_subscription_set(
        f"{world.elsewhere}/push", public, follow_events=True, mention_events=True
    )
    assert made.alerts["follow"]
    assert not made.alerts["poll"]
    assert made.server_key == ann.instance_v2().configuration.vapid.public_key
    said = ben.status_post("@mpy_ann wake up")
    headers, body = world.posted.get(timeout=SECONDS_MAX)
    assert headers["Content-Encoding"] == "aesgcm"
    told = ann.push_subscription_decrypt_push(body, private, headers["Encryption"], headers["Crypto-Key"])
    assert (told.notification_type, told.title) == ("mention", "mpy_ben mentioned you")
    assert str(told.notification_id) == str(ann.notifications(types=["mention"])[0].id)
    assert said.id
    assert ann.push_subscription_update(poll_events=True).alerts["poll"]
    assert ann.push_subscription().endpoint == f"{world.elsewhere}/push"
    ann.push_subscription_delete()
    with pytest.raises(MastodonNotFoundError):
        ann.push_subscription()


def moderation(world: World) -> None:
    ann, ada = world.ann, world.ada
    bad = world.running.member("mpy_bad")
    status = bad.post("/api/v1/statuses", {"status": "spam spam"})
    report = ann.report(status["account"]["id"], status_ids=[status["id"]], comment="look", category="spam")
    found = ada.admin_report(report.id)
    assert (found.comment, found.target_account.username) == ("look", "mpy_bad")
    assert report.id in [one.id for one in ada.admin_reports(unresolved=True)]
    assert ada.admin_report_assign(report.id).assigned_account.username == "mpy_ada"
    assert ada.admin_report_unassign(report.id).assigned_account is None
    assert ada.admin_report_resolve(report.id).action_taken
    assert not ada.admin_report_reopen(report.id).action_taken
    account_id = found.target_account.id
    assert ada.admin_account(account_id).email == "mpy_bad@members.example"
    for found_by in (
        ada.admin_accounts(username="mpy_bad"),
        ada.admin_accounts_v1(username="mpy_bad"),
        ada.admin_accounts_v2(username="mpy_bad", origin="local"),
    ):
        assert [str(one["id"]) for one in found_by] == [str(account_id)]
    for action, field, undo in (
        ("disable", "disabled", ada.admin_account_enable),
        ("sensitive", "sensitized", ada.admin_account_unsensitive),
        ("silence", "silenced", ada.admin_account_unsilence),
        ("suspend", "suspended", ada.admin_account_unsuspend),
    ):
        ada.admin_account_moderate(account_id, action, text="Please stop", send_email_notification=False)
        assert ada.admin_account(account_id)[field]
        assert not undo(account_id)[field]
    ada.admin_account_moderate(account_id, "suspend")
    assert ada.admin_account_delete(account_id).account.username == "mpy_bad"
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    assert ada.admin_measures(begin, end, active_users=True, new_users=True)[0].key == "active_users"
    assert ada.admin_dimensions(begin, end, languages=True)[0].key == "languages"
    assert ada.admin_retention(begin, end)[0].frequency == "day"


def rules_of_moderators(world: World) -> None:
    ada = world.ada
    allowed = ada.admin_create_domain_allow("mpy-good.example")
    assert ada.admin_domain_allow(allowed.id).domain == "mpy-good.example"
    assert allowed.id in [one.id for one in ada.admin_domain_allows()]
    ada.admin_delete_domain_allow(allowed.id)
    block = ada.admin_create_domain_block("mpy-bad.example", severity="silence", private_comment="spam")
    assert ada.admin_domain_blocks(block.id).private_comment == "spam"
    assert ada.admin_update_domain_block(block.id, severity="suspend").severity == "suspend"
    assert block.id in [one.id for one in ada.admin_domain_blocks()]
    ada.admin_delete_domain_block(block.id)
    mail = ada.admin_create_email_domain_block("mpy-mail.example")
    assert ada.admin_email_domain_block(mail.id).domain == "mpy-mail.example"
    assert mail.id in [one.id for one in ada.admin_email_domain_blocks()]
    ada.admin_delete_email_domain_block(mail.id)
    network = ada.admin_create_ip_block("192.0.2.77", "no_access", comment="bots")
    assert ada.admin_ip_block(network.id).severity == "no_access"
    assert ada.admin_update_ip_block(network.id, comment="still bots").comment == "still bots"
    assert network.id in [one.id for one in ada.admin_ip_blocks()]
    ada.admin_delete_ip_block(network.id)
    troll = ada.admin_create_canonical_email_block(email="mpy.troll@mail.example")
    assert ada.admin_canonical_email_block(troll.id).canonical_email_hash == troll.canonical_email_hash
    assert [one.id for one in ada.admin_test_canonical_email_block("mpytroll+1@mail.example")]
    assert troll.id in [one.id for one in ada.admin_canonical_email_blocks()]
    ada.admin_delete_canonical_email_block(troll.id)


def signing_up_and_logging_out(world: World) -> None:
    running, ada = world.running, world.ada
    for name, decide in (("mpy_new", ada.admin_account_approve), ("mpy_no", ada.admin_account_reject)):
        client_id, secret = Client.create_app(
            "Newcomers", scopes=SCOPES, redirect_uris=OUT_OF_BAND, api_base_url=running.origin
        )
        newcomer = Client(client_id=client_id, client_secret=secret, api_base_url=running.origin)
        email = f"{name}@mail.example"
        newcomer.create_account(
            name, password_of(name), email, agreement=True, reason="To teach", scopes=SCOPES
        )
        newcomer.email_resend_confirmation()
        account = next(one for one in ada.admin_accounts_v2(status="pending") if one.username == name)
        assert decide(account.id).username == name
    gone = log_in(running, "mpy_gone")
    token = gone.access_token
    gone.revoke_access_token(allow_http=True)
    again = Client(access_token=token, api_base_url=running.origin)

    def refused() -> bool:
        try:
            again.me()
        except MastodonUnauthorizedError:
            return True
        return False

    eventually(refused, "that the token opens nothing any more")
