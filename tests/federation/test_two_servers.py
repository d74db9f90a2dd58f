"""The walk that members of two servers of ours take together, each step seen through the other server's client API."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from tests.client import Api
from tests.federation.walk import Browser, Friends, arrives, becomes, disappears, enrol, hears, same, stands
from tests.waiting import eventually

pytestmark = pytest.mark.xdist_group("two-servers")

DEPTH = 5


def picture() -> bytes:
    """A PNG of 40 times 30 pixels."""
    file = BytesIO()
    Image.new("RGB", (40, 30), (30, 90, 160)).save(file, "PNG")
    return file.getvalue()


# People


def test_a_member_is_found_by_handle_as_they_describe_themselves(friends: Friends) -> None:
    (new,) = enrol(friends.there_server, "thea")
    changes = {"display_name": "Thea of the East", "note": "Teaches FAIR data", "bot": True}
    new.patch("/api/v1/accounts/update_credentials", changes)
    found = friends.here.find_account(new.handle)
    same(new.me, found, ["display_name", "note", "url", "uri", "bot", "locked", "username", "group"])
    assert found["acct"] == new.handle.removeprefix("@")


def test_following_is_answered_and_both_hear_of_it(strangers: Friends) -> None:
    strangers.here.post(f"/api/v1/accounts/{strangers.there_id}/follow")
    stands(strangers.here, strangers.there_id, following=True, requested=False)
    stands(strangers.there, strangers.here_id, followed_by=True, following=False)
    assert strangers.there.notified("follow", strangers.here_id)
    followers = strangers.there.get(f"/api/v1/accounts/{strangers.there.me['id']}/followers")
    assert [account["uri"] for account in followers] == [strangers.here.me["uri"]]
    strangers.here.post(f"/api/v1/accounts/{strangers.there_id}/unfollow")
    stands(strangers.there, strangers.here_id, followed_by=False)


def test_a_locked_account_decides_who_follows(strangers: Friends) -> None:
    strangers.there.patch("/api/v1/accounts/update_credentials", {"locked": True})
    (other,) = enrol(strangers.here_server, "olga")
    other_view = other.find_account(strangers.there.handle)["id"]
    for asking, target_id in ((strangers.here, strangers.there_id), (other, other_view)):
        answer = asking.post(f"/api/v1/accounts/{target_id}/follow")
        assert answer["requested"], "until the other server has answered"
    requests = eventually(
        lambda: len(asked := strangers.there.get("/api/v1/follow_requests")) == 2 and asked,
        "both follow requests",
    )
    assert strangers.there.notified("follow_request", strangers.here_id)
    assert not strangers.here.relationship(strangers.there_id)["following"]
    ids = {account["uri"]: account["id"] for account in requests}
    strangers.there.post(f"/api/v1/follow_requests/{ids[strangers.here.me['uri']]}/authorize")
    strangers.there.post(f"/api/v1/follow_requests/{ids[other.me['uri']]}/reject")
    stands(strangers.here, strangers.there_id, following=True, requested=False)
    stands(other, other_view, following=False, requested=False)


def test_a_changed_profile_reaches_the_followers(new_friends: Friends) -> None:
    new_friends.here.patch("/api/v1/accounts/update_credentials", {"display_name": "Somebody New"})
    becomes(new_friends.there, f"/api/v1/accounts/{new_friends.here_id}", display_name="Somebody New")


def test_a_block_ends_what_was_and_lets_nothing_through(new_friends: Friends) -> None:
    here, there = new_friends.here, new_friends.there
    post, seen = new_friends.says("Soon out of reach")
    here.post(f"/api/v1/accounts/{new_friends.there_id}/block")
    stands(there, new_friends.here_id, following=False, followed_by=False, blocked_by=True)
    there.raw("POST", f"/api/v1/statuses/{seen['id']}/favourite")
    there.raw("POST", f"/api/v1/accounts/{new_friends.here_id}/follow")
    there.post("/api/v1/statuses", {"status": f"{here.handle} listen!"})
    new_friends.let_everything_arrive()
    here.post(f"/api/v1/accounts/{new_friends.there_id}/unblock")
    stands(there, new_friends.here_id, blocked_by=False)
    heard = there.post("/api/v1/statuses", {"status": f"{here.handle} may I?"})
    hears(here, "mention", new_friends.there_id, heard["uri"])
    assert len(here.get("/api/v1/notifications", **{"types[]": "mention"})) == 1
    assert here.get(f"/api/v1/statuses/{post['id']}")["favourites_count"] == 0
    assert not here.relationship(new_friends.there_id)["followed_by"]


def test_a_move_brings_the_followers_along(friends: Friends) -> None:
    follower = friends.there
    (old,) = enrol(friends.here_server, "olaf", with_password=True)
    (new,) = enrol(friends.there_server, "nina", with_password=True)
    old_id = follower.find_account(old.handle)["id"]
    follower.post(f"/api/v1/accounts/{old_id}/follow")
    stands(follower, old_id, following=True)
    Browser(friends.there_server, new).submit("/settings/move", "/settings/move/aliases", alias=old.handle)
    Browser(friends.here_server, old).submit("/settings/move", target=new.handle)
    stands(follower, follower.find_account(new.handle)["id"], following=True)
    stands(follower, old_id, following=False)
    assert follower.get(f"/api/v1/accounts/{old_id}")["moved"]["uri"] == new.me["uri"]


# Posts


def test_a_post_arrives_as_it_was_written(friends: Friends) -> None:
    text = f"Teaching R with #Carpentries and {friends.there.handle}: https://carpentries.org/"
    sent, came = friends.says(text, language="en")
    same(
        sent,
        came,
        ["spoiler_text", "sensitive", "language", "visibility", "created_at", "uri", "url", "edited_at"],
    )
    for words in ("Teaching R with", "https://carpentries.org/"):
        assert words in came["content"], words
    assert [tag["name"] for tag in came["tags"]] == [tag["name"] for tag in sent["tags"]] == ["Carpentries"]
    assert came["account"]["acct"] == friends.here.handle.removeprefix("@")
    (mention,) = came["mentions"]
    assert mention["id"] == friends.there.me["id"]
    hears(friends.there, "mention", friends.here_id, sent["uri"])


def test_an_unlisted_post_is_unlisted_there(friends: Friends) -> None:
    sent, came = friends.says("Not on the wall", visibility="unlisted")
    assert came["visibility"] == "unlisted"
    wall = friends.there_server.nobody().get("/api/v1/timelines/public", limit=40)
    assert sent["uri"] not in [status["uri"] for status in wall]


def test_a_content_warning_comes_along(friends: Friends) -> None:
    sent, came = friends.says("The butler did it", spoiler_text="The end of the film", sensitive=True)
    same(sent, came, ["spoiler_text", "sensitive", "content"])
    assert came["spoiler_text"] == "The end of the film"


def test_a_quote_is_agreed_to_shown_and_taken_back(friends: Friends) -> None:
    here, there = friends.here, friends.there
    sent, quoted = friends.says("Said once, to be quoted")
    assert quoted["quote_approval"]["current_user"] == "automatic"
    quoting = there.post("/api/v1/statuses", {"status": "As she says", "quoted_status_id": quoted["id"]})
    heard = hears(here, "quote", friends.there_id, quoting["uri"])
    for reader, status_id in ((there, quoting["id"]), (here, heard["status"]["id"])):

        def shows_it(reader: Api = reader, status_id: str = status_id) -> bool:
            quote = reader.get(f"/api/v1/statuses/{status_id}")["quote"]
            return bool(quote["state"] == "accepted" and quote["quoted_status"]["uri"] == sent["uri"])

        eventually(shows_it, f"that {reader.handle} sees what is quoted")
    becomes(here, f"/api/v1/statuses/{sent['id']}", quotes_count=1)
    here.post(f"/api/v1/statuses/{sent['id']}/quotes/{heard['status']['id']}/revoke")
    taken_back = {"state": "revoked", "quoted_status": None}
    becomes(there, f"/api/v1/statuses/{quoting['id']}", quote=taken_back)
    assert here.get(f"/api/v1/statuses/{heard['status']['id']}")["quote"] == taken_back


def test_who_may_not_quote_is_refused_by_the_other_server(friends: Friends) -> None:
    sent, quoted = friends.says("Quote me while you may")
    path = f"/api/v1/statuses/{sent['id']}/interaction_policy"
    friends.here.put(path, {"quote_approval_policy": "nobody"})

    def is_closed() -> bool:
        seen = friends.there.get(f"/api/v1/statuses/{quoted['id']}")
        return bool(seen["quote_approval"]["current_user"] == "denied" and seen["edited_at"] is None)

    eventually(is_closed, "that the other server knows the new policy, and takes it for no edit")
    form = {"status": "All the same", "quoted_status_id": quoted["id"]}
    assert friends.there.raw("POST", "/api/v1/statuses", json=form).status_code == 404


def test_a_conversation_is_one_thread_on_both_servers(friends: Friends) -> None:
    start, parent_there = friends.says("Which venue?")
    parent_here, turn, uris = start, friends.turned(), [start["uri"]]
    for level in range(1, DEPTH + 1):
        # `turn.here` answers what it saw; alternating from level to level.
        parent = parent_there if turn.here is friends.there else parent_here
        answer = turn.here.post(
            "/api/v1/statuses",
            {"status": f"{turn.there.handle} answer {level}", "in_reply_to_id": parent["id"]},
        )
        notice = hears(turn.there, "mention", turn.here_id, answer["uri"])
        if turn.here is friends.there:
            parent_there, parent_here = answer, notice["status"]
        else:
            parent_here, parent_there = answer, notice["status"]
        uris.append(answer["uri"])
        turn = turn.turned()
    for reader, last in ((friends.here, parent_here), (friends.there, parent_there)):
        above = reader.get(f"/api/v1/statuses/{last['id']}/context")["ancestors"]
        assert [status["uri"] for status in above] == uris[:-1]
        below = reader.get(f"/api/v1/statuses/{above[0]['id']}/context")["descendants"]
        assert [status["uri"] for status in below] == uris[1:]
        for status, before in zip(below, [*above], strict=True):
            assert status["in_reply_to_id"] == before["id"]
    assert friends.here.get(f"/api/v1/statuses/{start['id']}")["replies_count"] == 1


def test_a_boost_is_seen_counted_and_taken_back(friends: Friends) -> None:
    post, seen = friends.says("Count my boosts")
    # A follower of the booster on the author's own server sees the boost; so does the author's notification.
    (fan,) = enrol(friends.here_server, "fay")
    there_for_fan = fan.find_account(friends.there.handle)["id"]
    fan.post(f"/api/v1/accounts/{there_for_fan}/follow")
    stands(fan, there_for_fan, following=True)
    friends.there.post(f"/api/v1/statuses/{seen['id']}/reblog")
    path = f"/api/v1/statuses/{post['id']}"
    becomes(friends.here, path, reblogs_count=1)
    assert friends.here.notified("reblog", friends.there_id)["status"]["id"] == post["id"]
    boost = arrives(fan, post["uri"])
    assert (boost["account"]["id"], boost["reblog"]["id"]) == (there_for_fan, post["id"])
    boosters = friends.here.get(f"{path}/reblogged_by")
    assert [account["id"] for account in boosters] == [friends.there_id]
    friends.there.post(f"/api/v1/statuses/{seen['id']}/unreblog")
    becomes(friends.here, path, reblogs_count=0)
    disappears(fan, f"/api/v1/statuses/{boost['id']}")


def test_a_like_is_seen_counted_and_taken_back(friends: Friends) -> None:
    post, seen = friends.says("Count my likes")
    path = f"/api/v1/statuses/{post['id']}"
    friends.there.post(f"/api/v1/statuses/{seen['id']}/favourite")
    becomes(friends.here, path, favourites_count=1)
    assert friends.here.notified("favourite", friends.there_id)["status"]["id"] == post["id"]
    likers = friends.here.get(f"{path}/favourited_by")
    assert [account["id"] for account in likers] == [friends.there_id]
    friends.there.post(f"/api/v1/statuses/{seen['id']}/unfavourite")
    becomes(friends.here, path, favourites_count=0)


def test_an_edit_and_a_deletion_follow_the_post(friends: Friends) -> None:
    post, seen = friends.says("Room 1")
    path = f"/api/v1/statuses/{seen['id']}"
    edited = friends.here.put(
        f"/api/v1/statuses/{post['id']}", {"status": "Room 2", "spoiler_text": "the venue"}
    )
    came = becomes(
        friends.there,
        path,
        content=edited["content"],
        spoiler_text="the venue",
        edited_at=edited["edited_at"],
    )
    assert "Room 2" in came["content"]
    versions = [version["content"] for version in friends.there.get(f"{path}/history")]
    assert versions == [post["content"], edited["content"]]
    friends.here.delete(f"/api/v1/statuses/{post['id']}")
    disappears(friends.there, path)
    assert friends.there.in_home(post["uri"]) is None


def test_votes_are_counted_and_the_result_comes_back(friends: Friends) -> None:
    poll = {"options": ["tea", "coffee", "water"], "expires_in": 3600, "multiple": True}
    sent, came = friends.says("Break?", poll=poll)
    same(sent["poll"], came["poll"], ["expires_at", "multiple", "expired", "votes_count"])
    assert [option["title"] for option in came["poll"]["options"]] == poll["options"]
    friends.there.post(f"/api/v1/polls/{came['poll']['id']}/votes", {"choices": [0, 2]})
    counted = becomes(friends.here, f"/api/v1/polls/{sent['poll']['id']}", votes_count=2, voters_count=1)
    assert [option["votes_count"] for option in counted["options"]] == [1, 0, 1]
    # A second voter, so that what comes back was not known there already.
    (other,) = enrol(friends.here_server, "otto")
    other.post(f"/api/v1/polls/{sent['poll']['id']}/votes", {"choices": [0]})
    result = becomes(friends.there, f"/api/v1/polls/{came['poll']['id']}", votes_count=3, voters_count=2)
    assert [option["votes_count"] for option in result["options"]] == [2, 0, 1]
    assert (result["voted"], result["own_votes"]) == (True, [0, 2])


def test_a_picture_arrives_with_its_description(friends: Friends) -> None:
    media = friends.here.upload(picture(), description="A blue field", focus="0.5,-0.25")
    sent, came = friends.says("Look", media_ids=[media["id"]])
    (ours,), (theirs,) = sent["media_attachments"], came["media_attachments"]
    same(ours, theirs, ["type", "description", "blurhash"])
    assert theirs["description"] == "A blue field"
    for size in ("width", "height"):
        assert theirs["meta"]["original"][size] == ours["meta"]["original"][size], size
    assert theirs["meta"]["focus"] == {"x": 0.5, "y": -0.25}
    shown = friends.there.http.get(theirs["url"], headers={"host": theirs["url"].split("/")[2]})
    assert Image.open(BytesIO(shown.content)).size == (40, 30)


def test_a_pinned_post_is_shown_on_the_profile_there(new_friends: Friends) -> None:
    post, seen = new_friends.says("Read me first")
    new_friends.here.post(f"/api/v1/statuses/{post['id']}/pin")
    path = f"/api/v1/accounts/{new_friends.here_id}/statuses"
    eventually(
        lambda: [one["id"] for one in new_friends.there.get(path, pinned="true")] == [seen["id"]],
        "the pinned post",
    )
