"""Somebody with Mastodon.py, which knows nothing of events, answers to one by its poll, is put on the waiting list, and moves up."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from mastodon import MastodonAPIError

from tests.clients.mastodon_py import Client, log_in
from tests.conftest import StartServer
from tests.events.test_events import EVENTS, SECRET, call
from tests.running import RunningServer
from tests.waiting import eventually

GOING, MAYBE, CANNOT = 0, 1, 2


def ask(running: RunningServer, client: Client, method: str, path: str, form: Any = None) -> Any:
    """What Mastodon.py has no words for."""
    headers = {"authorization": f"Bearer {client.access_token}"}
    answer = httpx.request(
        method, running.origin + path, json=form, headers=headers, trust_env=False, timeout=30
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_event_is_answered_by_voting(start_server: StartServer) -> None:
    running = start_server()
    ann, ben, cleo = (log_in(running, name) for name in ("ev_ann", "ev_ben", "ev_cleo"))
    headers = {"authorization": f"Bearer {running.member('ev_org').token}"}
    made = httpx.post(
        running.origin + EVENTS, json=call(capacity=1), headers=headers, trust_env=False, timeout=30
    ).json()

    (status,) = [one for one in ann.timeline_public() if str(one.id) == made["id"]]
    assert [one.title for one in status.poll.options] == ["Going", "Maybe", "Can't go"]
    assert (status.poll.voted, status.poll.expired, status.card.title) == (False, False, "Cohort call")
    voted = ann.poll_vote(status.poll, GOING)
    assert (voted.voted, voted.own_votes, voted.options[GOING].votes_count) == (True, [GOING], 1)
    assert ann.status(status.id).poll.own_votes == [GOING]

    # The event is full: the vote is taken, and a notification says that there is something to see.
    assert ben.poll_vote(status.poll, [GOING]).own_votes == [GOING]
    (told,) = ben.notifications(types=["update"])
    assert str(told.status.id) == made["id"]
    at = f"{EVENTS}/{made['id']}"
    assert ask(running, ben, "GET", at)["occurrences"][0]["rsvp"]["state"] == "waiting"
    assert cleo.poll_vote(status.poll, MAYBE).own_votes == [MAYBE]

    # A second vote is to think better of it; whoever waited moves up and is told.
    ben.notifications_clear()
    assert ann.poll_vote(status.poll, CANNOT).own_votes == [CANNOT]
    assert ask(running, ben, "GET", at)["occurrences"][0]["rsvp"]["state"] == "in"
    eventually(lambda: len(ben.notifications(types=["update"])) == 1, "that ben is told")
    assert [one.votes_count for one in cleo.poll(status.poll).options] == [1, 1, 1]
    assert SECRET not in str(ben.status(status.id)) + str(ben.status_context(status.id))
    with pytest.raises(MastodonAPIError):
        ann.poll_vote(status.poll, [GOING, MAYBE])
