"""A member brings along whom they followed: from the command line, on one server, with people of the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.federation.walk import Friends, enrol, stands
from tests.waiting import eventually

pytestmark = pytest.mark.xdist_group("two-servers")


def test_whom_a_member_followed_elsewhere_is_followed_from_here(friends: Friends, tmp_path: Path) -> None:
    (mover,), (ann, ben) = enrol(friends.here_server, "mover"), enrol(friends.there_server, "ann", "ben")
    following = tmp_path / "following_accounts.csv"
    following.write_text(
        f"Account address,Show boosts\n{ann.handle},false\n{ben.handle},true\nno@{friends.there_server.domain},true\nx,true\n"
    )
    (tmp_path / "lists.csv").write_text(f"Friends,{ann.handle}\n")
    command = ("import", "mastodon", str(tmp_path), "--as", mover.username)
    told = friends.here_server.command_json(*command, "--dry-run")
    assert [(one["kind"], one["new"], one["known"]) for one in told["files"]] == [
        ("following", 3, 0),
        ("lists", 1, 0),
    ]
    assert [line for line, *_ in told["files"][0]["unread"]] == [5]
    assert mover.me["following_count"] == 0
    friends.here_server.command_json(*command)
    for one in (ann, ben):
        known = mover.find_account(one.handle)["id"]
        stands(mover, known, following=True, showing_reblogs=one is ben)
        stands(one, one.find_account(mover.handle)["id"], followed_by=True)
    (made,) = eventually(lambda: mover.get("/api/v1/lists"), "the list")
    listed = eventually(lambda: mover.get(f"/api/v1/lists/{made['id']}/accounts"), "somebody in it")
    assert [one["uri"] for one in listed] == [ann.me["uri"]]
    again = friends.here_server.command_json(*command, "--overwrite", "--dry-run")
    assert [(one["new"], one["known"], one["removed"]) for one in again["files"]] == [(1, 2, 0), (0, 1, 0)]
    with pytest.raises(AssertionError, match="no member named"):
        friends.here_server.command("import", "mastodon", str(following), "--as", "nobody")
