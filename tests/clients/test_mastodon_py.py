"""Mastodon.py, as its authors publish it, does here what it does elsewhere: from registering an app to logging out."""

from __future__ import annotations

import html
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from mastodon import Mastodon, MastodonNotFoundError, MastodonUnauthorizedError

from tests.api.uploads import picture
from tests.running import RunningServer, password_of
from tests.waiting import eventually

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
SCOPES = ["read", "write", "follow", "push"]
_FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
_CODE = re.compile(r'id="code" name="code" value="([^"]+)"')


def log_in(running: RunningServer, name: str) -> Mastodon:
    """Register an app and log a member in through the pages, as a person with a browser would."""
    running.member(name)
    client_id, secret = Mastodon.create_app(
        f"Test of {name}", scopes=SCOPES, redirect_uris=OUT_OF_BAND, api_base_url=running.origin
    )
    app = Mastodon(client_id=client_id, client_secret=secret, api_base_url=running.origin)
    with httpx.Client(follow_redirects=True, trust_env=False, timeout=30) as browser:
        page = browser.get(app.auth_request_url(redirect_uris=OUT_OF_BAND, scopes=SCOPES, allow_http=True))
        page = browser.post(
            f"{running.origin}/oauth/authorize",
            data={**hidden(page.text), "username": name, "password": password_of(name)},
        )
        page = browser.post(f"{running.origin}/oauth/authorize", data=hidden(page.text))
    code = _CODE.search(page.text)
    assert code, page.text
    app.log_in(code=html.unescape(code[1]), redirect_uri=OUT_OF_BAND, scopes=SCOPES, allow_http=True)
    return app


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the first form of a page."""
    form = page.partition('<form method="post" action="/oauth/authorize"')[2].partition("</form>")[0]
    return {name: html.unescape(value) for name, value in _FIELD.findall(form)}


@pytest.fixture(scope="module")
def pair(running_server: RunningServer) -> tuple[Mastodon, Mastodon]:
    return log_in(running_server, "mpy_ann"), log_in(running_server, "mpy_ben")


def test_the_server_is_understood(pair: tuple[Mastodon, Mastodon]) -> None:
    ann, _ = pair
    assert (ann.mastodon_major, ann.mastodon_minor) == (4, 6)
    assert ann.app_verify_credentials().name == "Test of mpy_ann"
    instance = ann.instance_v2()
    assert instance.configuration.statuses.max_characters == 5000
    assert ann.instance_v1().configuration.polls.max_options == 8
    assert ann.instance_rules() == ann.instance_peers() == ann.custom_emojis() == []
    assert len(ann.instance_activity()) == 12
    assert ann.instance_nodeinfo().software.name == "fedserver"
    assert isinstance(ann.instance_extended_description().content, str)


def test_accounts(pair: tuple[Mastodon, Mastodon], tmp_path: Path) -> None:
    ann, ben = pair
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


def test_statuses(pair: tuple[Mastodon, Mastodon]) -> None:
    ann, ben = pair
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


def test_timelines_and_notifications(pair: tuple[Mastodon, Mastodon]) -> None:
    ann, ben = pair
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
    assert ann.search("walkingalo").hashtags[0].name == "walkingalong"


def test_what_is_empty_here(pair: tuple[Mastodon, Mastodon]) -> None:
    ann, _ = pair
    me = ann.me().id
    empty: list[Any] = [
        ann.lists(), ann.filters(), ann.filters_v2(), ann.conversations(), ann.announcements(),
        ann.followed_tags(), ann.featured_tags(), ann.endorsements(), ann.suggestions(), ann.trending_tags(),
        ann.trending_statuses(), ann.trending_links(), ann.directory(), ann.scheduled_statuses(),
        ann.domain_blocks(), ann.account_featured_tags(me), ann.account_lists(me), ann.notification_requests(),
    ]  # fmt: skip
    assert all(one == [] for one in empty)


def test_push_subscription(pair: tuple[Mastodon, Mastodon]) -> None:
    ann, _ = pair
    private, public = ann.push_subscription_generate_keys()
    assert private["privkey"]
    made = ann.push_subscription_set(
        "https://push.example/1", public, follow_events=True, mention_events=True
    )
    assert made.alerts["follow"]
    assert not made.alerts["poll"]
    assert made.server_key == ann.instance_v2().configuration.vapid.public_key
    assert ann.push_subscription_update(poll_events=True).alerts["poll"]
    assert ann.push_subscription().endpoint == "https://push.example/1"
    ann.push_subscription_delete()
    with pytest.raises(MastodonNotFoundError):
        ann.push_subscription()


def test_logging_out(running_server: RunningServer) -> None:
    gone = log_in(running_server, "mpy_gone")
    token = gone.access_token
    gone.revoke_access_token(allow_http=True)
    again = Mastodon(access_token=token, api_base_url=running_server.origin)

    def refused() -> bool:
        try:
            again.me()
        except MastodonUnauthorizedError:
            return True
        return False

    eventually(refused, "that the token opens nothing any more")
