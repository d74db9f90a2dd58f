"""Answering from an app that knows nothing of events: the status of an event has a poll, whose votes are answers."""

from __future__ import annotations

from typing import Any

from fedserver.context import Server
from fedserver.events import seats
from tests.conftest import MakeMember
from tests.events.test_events import EVENTS, call, refused, states, wall
from tests.groups.conftest import MakeGroup
from tests.members import Person

WEEKLY = {"rule": {"frequency": "weekly", "count": 3}}
GOING, MAYBE, CANNOT = 0, 1, 2


async def vote(who: Person, event: dict[str, Any], choice: int) -> dict[str, Any]:
    found: dict[str, Any] = await who.post(f"/api/v1/polls/{event['id']}/votes", {"choices": [choice]})
    return found


async def poll_of(who: Person, event: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await who.get(f"/api/v1/statuses/{event['id']}"))["poll"]
    return found


async def test_a_vote_is_an_answer_and_an_answer_is_a_vote(
    alice: Person, bob: Person, member: MakeMember
) -> None:
    carol = await member("carol")
    made = await alice.post(EVENTS, call())
    poll = await poll_of(bob, made)
    assert [one["title"] for one in poll["options"]] == ["Going", "Maybe", "Can't go"]
    assert (poll["voted"], poll["own_votes"], poll["multiple"], poll["expired"]) == (False, [], False, False)
    assert poll["expires_at"] == made["ends_at"]
    voted = await vote(bob, made, GOING)
    assert (voted["voted"], voted["own_votes"], voted["votes_count"]) == (True, [GOING], 1)
    assert states(await bob.get(f"{EVENTS}/{made['id']}")) == ["in"]
    await carol.post(f"{EVENTS}/{made['id']}/rsvp", {"status": "maybe"})
    assert await poll_of(carol, made) == await carol.get(f"/api/v1/polls/{made['id']}")
    assert [one["votes_count"] for one in (await poll_of(alice, made))["options"]] == [1, 1, 0]
    (home,) = [one for one in await alice.get("/api/v1/timelines/home") if one["id"] == made["id"]]
    assert home["poll"] == await poll_of(alice, made)
    assert "bob" not in str(home["poll"])


async def test_minds_are_changed_by_voting_again_without_losing_what_was_said(
    alice: Person, bob: Person
) -> None:
    made = await alice.post(EVENTS, call(guests_max=2, questions=["Diet?"]))
    at = f"{EVENTS}/{made['id']}"
    await bob.post(f"{at}/rsvp", {"status": "going", "guests": 1, "answers": {"Diet?": "none"}})
    await vote(bob, made, GOING)
    (seen,) = await alice.get(f"{at}/rsvps")
    assert (seen["guests"], seen["answers"]) == (1, {"Diet?": "none"})
    assert (await vote(bob, made, CANNOT))["own_votes"] == [CANNOT]
    assert (await bob.get(at))["occurrences"][0]["going_count"] == 0


async def test_a_vote_is_for_the_whole_series_and_shows_what_is_next(alice: Person, bob: Person) -> None:
    made = await alice.post(EVENTS, call(schedule=WEEKLY))
    at = f"{EVENTS}/{made['id']}"
    await vote(bob, made, GOING)
    assert states(await bob.get(at)) == ["in", "in", "in"]
    first = made["occurrences"][0]["key"]
    await bob.post(f"{at}/rsvp", {"status": "declined", "occurrences": [first]})
    assert (await poll_of(bob, made))["own_votes"] == [CANNOT]
    await alice.patch(f"{at}/occurrences/{first}", {"cancelled": True})
    assert (await poll_of(bob, made))["own_votes"] == [GOING]
    await alice.patch(at, {"status": "cancelled"})
    assert (await poll_of(bob, made))["expired"]
    assert (await refused(bob, f"/api/v1/polls/{made['id']}/votes", {"choices": [MAYBE]}))[0] == 422


async def test_who_votes_for_a_full_event_waits_and_is_told(
    alice: Person, bob: Person, member: MakeMember
) -> None:
    carol = await member("carol")
    made = await alice.post(EVENTS, call(capacity=1))
    await vote(bob, made, GOING)
    assert (await vote(carol, made, GOING))["own_votes"] == [GOING]
    assert states(await carol.get(f"{EVENTS}/{made['id']}")) == ["waiting"]
    told = [one for one in await carol.get("/api/v1/notifications") if one["type"] == "update"]
    assert [one["status"]["id"] for one in told] == [made["id"]]


async def test_what_cannot_be_answered_has_no_poll(alice: Person, bob: Person) -> None:
    for mode in (
        {"rsvp_mode": "none"},
        {"rsvp_mode": "invite"},
        {"rsvp_mode": "external", "external_url": "https://x.example/"},
    ):
        made = await alice.post(EVENTS, call(**mode))
        assert await poll_of(bob, made) is None
        assert (await refused(bob, f"/api/v1/polls/{made['id']}/votes", {"choices": [GOING]}))[0] == 404
    late = await alice.post(EVENTS, call(rsvp_closes_at=1_000_000))
    assert (await poll_of(bob, late))["expired"]
    code, text = await refused(bob, f"/api/v1/polls/{late['id']}/votes", {"choices": [GOING]})
    assert (code, "too late" in text) == (422, True)
    full = await alice.post(EVENTS, call(capacity=1, has_waiting_list=False))
    await vote(alice, full, GOING)
    code, text = await refused(bob, f"/api/v1/polls/{full['id']}/votes", {"choices": [GOING]})
    assert (code, "seat is taken" in text) == (422, True)
    for choices in ([], [3], [GOING, MAYBE]):
        assert (await refused(bob, f"/api/v1/polls/{full['id']}/votes", {"choices": choices}))[0] == 422


async def test_a_seat_is_left_with_the_group_it_was_for(
    server: Server, alice: Person, bob: Person, member: MakeMember, make_group: MakeGroup
) -> None:
    carol = await member("carol")
    group_id = await make_group(alice, access="members", join_mode="open")
    for one in (bob, carol):
        await one.post(f"/api/v1/groups/{group_id}/join")
    made = await alice.post(EVENTS, call(capacity=1, group_id=str(group_id)))
    await vote(bob, made, GOING)
    await vote(carol, made, GOING)
    await bob.post(f"/api/v1/groups/{group_id}/leave")
    await seats.give_up_seats(server, {"account_id": bob.account_id, "gone": False})
    assert states(await carol.get(f"{EVENTS}/{made['id']}")) == ["in"]
    open_to_all = await alice.post(EVENTS, call(schedule={"starts": wall(9)}))
    await vote(bob, open_to_all, GOING)
    await seats.give_up_seats(server, {"account_id": bob.account_id, "gone": False})
    assert states(await bob.get(f"{EVENTS}/{open_to_all['id']}")) == ["in"]
