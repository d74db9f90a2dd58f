"""Applying through the client API: drafts, sending until the deadline, taking back; teams; blind reviews; decisions that are told
once; and who may see and do what of all that."""

from __future__ import annotations

import asyncio
import csv
import io
import itertools
import json
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from typing import Any

import pytest

from fedserver.context import Server
from fedserver.opportunities import forgetting
from fedserver.opportunities.permissions import Action, Facts, allowed
from tests.conftest import MakeMember
from tests.counting import fewest_statements
from tests.described import described
from tests.mailing import mails
from tests.members import Person
from tests.opportunities.made import OPPORTUNITIES, call, job, refused, set_clock, wall

ANSWERS = {"Why you?": "I teach.\n\nA lot.", "Your project": "Zebrafish", "Track": "Advanced"}
ONE = f"{OPPORTUNITIES}/applications"
DAY_MS = 86_400_000


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


async def applied(who: Person, made: dict[str, Any], **answers: str) -> dict[str, Any]:
    """What somebody has sent to it."""
    sent: dict[str, Any] = await who.post(
        f"{OPPORTUNITIES}/{made['id']}/apply", {"answers": {**ANSWERS, **answers}, "submit": True}
    )
    return sent


def close(monkeypatch: pytest.MonkeyPatch, made: dict[str, Any], after_ms: int = 0) -> None:
    """The deadline has passed."""
    set_clock(monkeypatch, ms(made["deadline_at"]) + after_ms)


# -- alone


async def test_a_draft_becomes_an_application_that_can_be_changed_until_the_deadline(
    alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await alice.post(OPPORTUNITIES, call())
    at = f"{OPPORTUNITIES}/{made['id']}"
    draft = await bob.post(f"{at}/apply", {"answers": {"Your project": "Zebrafish"}})
    described(f"{OPPORTUNITIES}/{{id}}/apply", "post").validate(draft)
    assert draft["state"] == "draft"
    assert await alice.get(f"{at}/applications") == []
    assert (await alice.raw("GET", f"{ONE}/{draft['id']}")).status == 404
    code, text = await refused(bob, f"{at}/apply", {"answers": {}, "submit": True})
    assert (code, "cannot be empty" in text) == (422, True)
    for wrong in (
        {"Track": "Expert"},
        {"Website": "javascript:alert(1)"},
        {"Your project": "x" * 501},
        {"Age?": "7"},
    ):
        assert (await refused(bob, f"{at}/apply", {"answers": wrong}))[0] == 422, wrong
    sent = await applied(bob, made)
    assert (sent["state"], sent["id"]) == ("submitted", draft["id"])
    assert [one["text"] for one in sent["answers"]] == ["I teach.\n\nA lot.", "Zebrafish", "Advanced", ""]
    # What was sent stays complete, and is never a draft again.
    assert (await refused(bob, f"{at}/apply", {"answers": {"Why you?": ""}}))[0] == 422
    deadline = ms(made["deadline_at"])
    set_clock(monkeypatch, deadline - 1)
    assert (await bob.post(f"{at}/apply", {"answers": {"Your project": "Yeast"}}))["state"] == "submitted"
    set_clock(monkeypatch, deadline)
    assert (await refused(bob, f"{at}/apply", {"answers": {"Your project": "Mice"}}))[0] == 409
    (seen,) = await alice.get(f"{at}/applications")
    described(f"{OPPORTUNITIES}/{{id}}/applications").validate([seen])
    assert seen["answers"][1]["text"] == "Yeast"
    assert [one["state"] for one in await bob.get(ONE)] == ["submitted"]


async def test_nobody_applies_before_it_opens_after_it_closes_twice_or_to_themselves(
    alice: Person, bob: Person, nobody: Person
) -> None:
    later = await alice.post(OPPORTUNITIES, call(opens=wall(3)))
    made = await alice.post(OPPORTUNITIES, call())
    elsewhere = await alice.post(OPPORTUNITIES, job())
    form = {"answers": ANSWERS, "submit": True}
    assert (await refused(bob, f"{OPPORTUNITIES}/{later['id']}/apply", form))[0] == 409
    assert (await refused(bob, f"{OPPORTUNITIES}/{elsewhere['id']}/apply", form))[0] == 409
    assert (await refused(alice, f"{OPPORTUNITIES}/{made['id']}/apply", form))[0] == 403
    assert (await refused(nobody, f"{OPPORTUNITIES}/{made['id']}/apply", form))[0] == 401
    await asyncio.gather(
        *(bob.raw("POST", f"{OPPORTUNITIES}/{made['id']}/apply", json=form) for _ in range(4))
    )
    assert len(await alice.get(f"{OPPORTUNITIES}/{made['id']}/applications")) == 1
    await alice.post(f"{OPPORTUNITIES}/{made['id']}/close")
    assert (await refused(bob, f"{OPPORTUNITIES}/{made['id']}/apply", form))[0] == 409
    await alice.post(f"{OPPORTUNITIES}/{later['id']}/close")
    await bob.post(f"/api/v1/accounts/{alice.id}/block")
    blocked = await alice.post(OPPORTUNITIES, call())
    assert (await refused(bob, f"{OPPORTUNITIES}/{blocked['id']}/apply", form))[0] in (403, 404)


async def test_what_is_taken_back_is_the_applicants_alone(alice: Person, bob: Person) -> None:
    made = await alice.post(OPPORTUNITIES, call())
    at = f"{OPPORTUNITIES}/{made['id']}"
    sent = await applied(bob, made)
    await bob.delete(f"{at}/application")
    assert await alice.get(f"{at}/applications") == []
    assert (await alice.raw("GET", f"{ONE}/{sent['id']}")).status == 404
    assert (await bob.get(f"{at}/application"))["state"] == "withdrawn"
    assert (await applied(bob, made))["state"] == "submitted"
    # What was asked stays, once somebody has answered.
    form = {**made["form"], "questions": [{"label": "Something else"}]}
    assert (await refused(alice, at, {"form": form}, "PATCH"))[0] == 409
    assert (await refused(alice, at, {"form": {**made["form"], "blind": False}}, "PATCH"))[0] == 409
    assert (await alice.patch(at, {"title": "Another title"}))["title"] == "Another title"


# -- teams


async def test_a_team_is_asked_joins_and_applies(
    alice: Person, bob: Person, member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    carol, dave, erin = await member("carol"), await member("dave"), await member("erin")
    made = await alice.post(OPPORTUNITIES, call())
    at = f"{OPPORTUNITIES}/{made['id']}"
    sent = await applied(bob, made)
    for name, status in (("alice", 422), ("nobody-here", 422), ("bob", 422), ("", 422)):
        assert (await refused(bob, f"{at}/application/team", {"account": name}))[0] == status, name
    asked = await bob.post(f"{at}/application/team", {"account": "@carol"})
    assert [(one["acct"], one["state"]) for one in asked["team"]] == [("bob", "lead"), ("carol", "invited")]
    await bob.post(f"{at}/application/team", {"account": dave.id})
    assert (await refused(bob, f"{at}/application/team", {"account": "erin"}))[0] == 409  # three at most
    assert (await carol.get(f"{ONE}/{sent['id']}"))["may"] == ["join", "names", "read"]
    assert (await refused(erin, f"{ONE}/{sent['id']}/join"))[0] == 404
    joined = await carol.post(f"{ONE}/{sent['id']}/join")
    assert [one["state"] for one in joined["team"]] == ["lead", "confirmed", "invited"]
    assert [one["role"] for one in await carol.get(ONE)] == ["confirmed"]
    assert (await refused(carol, f"{at}/apply", {"answers": ANSWERS, "submit": True}))[0] == 409
    await dave.post(f"{ONE}/{sent['id']}/decline")
    await applied(dave, made)
    (of_bob, _) = await alice.get(f"{at}/applications")
    assert [one["acct"] for one in of_bob["team"] if one["state"] == "confirmed"] == ["carol"]
    await bob.post(f"{at}/application/team", {"account": "erin"})
    close(monkeypatch, made)
    assert (await refused(erin, f"{ONE}/{sent['id']}/join"))[0] in (404, 409)
    assert (await refused(carol, f"{ONE}/{sent['id']}/review"))[0] == 403
    await carol.post(f"{ONE}/{sent['id']}/decline")
    assert (await carol.raw("GET", f"{ONE}/{sent['id']}")).status == 404


# -- reviews


async def test_reviewers_see_answers_without_names_and_rank_them(
    alice: Person, bob: Person, member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    carol, rita, rob = await member("carol"), await member("rita"), await member("rob")
    made = await alice.post(OPPORTUNITIES, call())
    at = f"{OPPORTUNITIES}/{made['id']}"
    first, second = await applied(bob, made), await applied(carol, made, **{"Your project": "Yeast"})
    for who in (rita, rob):
        await alice.post(f"{at}/reviewers", {"account": who.username})
    assert (await refused(alice, f"{at}/reviewers", {"account": "bob"}))[0] == 422  # he applies
    assert (await refused(rita, f"{at}/apply", {"answers": ANSWERS, "submit": True}))[0] == 403
    assert (await refused(rita, f"{at}/reviewers", {"account": "carol"}))[0] == 403
    assert await rita.get(f"{at}/applications") == []  # until nobody can change them any more
    assert (await refused(rita, f"{ONE}/{first['id']}/review", {"scores": {}}))[0] in (403, 404)
    close(monkeypatch, made)
    seen = await rita.get(f"{at}/applications")
    assert [one["number"] for one in seen] == [1, 2]
    assert [one["answers"][1]["text"] for one in seen] == ["Zebrafish", "Yeast"]
    for one in seen:
        assert (one["account_id"], one["team"], one["reviews"], one["average"], one["decision"]) == (
            None,
            [],
            [],
            None,
            None,
        )
        for name in ("bob", "carol", bob.id, carol.id):
            assert f'"{name}"' not in json.dumps(one)
    for wrong in (
        {"scores": {"Idea": 5}},
        {"scores": {"Idea": 6, "Feasibility": 1}},
        {"scores": {"Idea": 1, "Feasibility": 1, "X": 1}},
    ):
        assert (await refused(rita, f"{ONE}/{first['id']}/review", wrong))[0] == 422, wrong
    await rita.post(
        f"{ONE}/{first['id']}/review", {"scores": {"Idea": 3, "Feasibility": 2}, "comment": "Hm <b>."}
    )
    await rita.post(f"{ONE}/{second['id']}/review", {"scores": {"Idea": 5, "Feasibility": 4}})
    # He knows her: he says so, and sees nothing of it any more, nor does what he said count.
    await rob.post(f"{ONE}/{second['id']}/review", {"scores": {"Idea": 1, "Feasibility": 1}})
    told = await rob.post(f"{ONE}/{second['id']}/review", {"conflict": True})
    assert (told["answers"], told["may"], told["reviews"][0]["has_conflict"]) == ([], [], True)
    assert (await refused(rob, f"{ONE}/{second['id']}/review", {"scores": {"Idea": 1, "Feasibility": 1}}))[
        0
    ] == 403
    ranked = await alice.get(f"{at}/applications")
    assert [(one["rank"], one["average"], one["account_id"]) for one in ranked] == [
        (1, 4.5, carol.id),
        (2, 2.5, bob.id),
    ]
    assert [one["comment"] for one in ranked[1]["reviews"]] == ["Hm <b>."]
    # A reviewer reads their own review alone; those who apply read none.
    assert next(one["reviews"] for one in await rob.get(f"{at}/applications")) == []
    assert (await bob.get(f"{ONE}/{first['id']}"))["reviews"] == []
    assert (await refused(alice, at, {"form": {**made["form"], "criteria": ["Other"]}}, "PATCH"))[0] == 409
    await alice.delete(f"{at}/reviewers/{rita.id}")
    assert (await rita.raw("GET", f"{at}/applications")).status == 404
    assert [one["average"] for one in await alice.get(f"{at}/applications")] == [None, None]


# -- decisions


@pytest.mark.jobs
async def test_decisions_are_looked_at_and_told_once(
    server: Server,
    alice: Person,
    bob: Person,
    member: MakeMember,
    mailbox: Callable[[], list[EmailMessage]],
) -> None:
    carol, dave = await member("carol"), await member("dave")
    made = await alice.post(OPPORTUNITIES, call(deadline=""))
    at = f"{OPPORTUNITIES}/{made['id']}"
    first, second, third = [await applied(who, made) for who in (bob, carol, dave)]
    await mails(mailbox, 3)
    for one, decision in ((first, "accepted"), (second, "waitlisted"), (third, "declined")):
        assert (await alice.post(f"{ONE}/{one['id']}/decision", {"decision": decision}))[
            "decision"
        ] == decision
    assert (await refused(bob, f"{ONE}/{first['id']}/decision", {"decision": "accepted"}))[0] in (403, 404)
    assert (await refused(alice, f"{ONE}/{first['id']}/decision", {"decision": "perhaps"}))[0] == 422
    # Nobody knows yet.
    assert (
        (await bob.get(f"{ONE}/{first['id']}"))["state"],
        (await bob.get(f"{ONE}/{first['id']}"))["decision"],
    ) == ("submitted", None)
    found = await alice.put(
        f"{at}/decisions", {"mails": {"accepted": "Dear {name}, {title}: yes! {unknown} <b>"}}
    )
    described(f"{OPPORTUNITIES}/{{id}}/decisions").validate(found)
    assert found["preview"][0]["text"] == "Dear bob, Cohort call: yes! {unknown} <b>"
    assert (await refused(alice, f"{at}/decisions/send", {"digest": "0"}))[0] == 409
    assert (await refused(bob, f"{at}/decisions/send", {"digest": found["digest"]}))[0] == 403
    # What changes after it was looked at is not sent.
    await alice.post(f"{ONE}/{third['id']}/decision", {"decision": ""})
    assert (await refused(alice, f"{at}/decisions/send", {"digest": found["digest"]}))[0] == 409
    await alice.post(f"{ONE}/{third['id']}/decision", {"decision": "declined"})
    digest = (await alice.get(f"{at}/decisions"))["digest"]
    answers = await asyncio.gather(
        *(alice.raw("POST", f"{at}/decisions/send", json={"digest": digest}) for _ in range(4))
    )
    assert sorted(one.status for one in answers) == [200, 409, 409, 409]
    told = {one["To"]: one for one in (await mails(mailbox, 6))[3:]}
    assert set(told) == {f"{name}@members.example" for name in ("bob", "carol", "dave")}
    assert "Dear bob, Cohort call: yes!" in told["bob@members.example"].get_body(("plain",)).get_content()
    assert "<b>" not in told["bob@members.example"].get_body(("html",)).get_content()
    assert (await bob.get(f"{ONE}/{first['id']}"))["state"] == "accepted"
    # Who waited is accepted later, and hears of that once more.
    await alice.post(f"{ONE}/{second['id']}/decision", {"decision": "accepted"})
    digest = (await alice.get(f"{at}/decisions"))["digest"]
    assert await alice.post(f"{at}/decisions/send", {"digest": digest}) == {"sent": 1}
    assert "accepted" in (await mails(mailbox, 7))[-1]["Subject"]
    assert (await refused(bob, f"{at}/application", method="DELETE"))[0] == 409


async def test_inj_01_a_table_for_the_poster_is_no_formula(alice: Person, bob: Person) -> None:
    made = await alice.post(
        OPPORTUNITIES, call(form={"questions": [{"label": "=cmd()", "required": True}, {"label": "B"}]})
    )
    await bob.post(
        f"{OPPORTUNITIES}/{made['id']}/apply",
        {"answers": {"=cmd()": "=HYPERLINK(1)", "B": 'a,"b"'}, "submit": True},
    )
    answer = await alice.raw("GET", f"{OPPORTUNITIES}/{made['id']}/applications.csv")
    assert (answer.content_type, "attachment" in answer.headers["Content-Disposition"]) == ("text/csv", True)
    header, line = list(csv.reader(io.StringIO(await answer.text())))
    assert header[-2:] == ["'=cmd()", "B"]
    assert line[-2:] == ["'=HYPERLINK(1)", 'a,"b"']
    assert not [cell for cell in (*header, *line) if cell.startswith(("=", "+", "-", "@"))]
    assert (await bob.raw("GET", f"{OPPORTUNITIES}/{made['id']}/applications.csv")).status == 403


async def test_applications_are_forgotten_in_time(
    server: Server, alice: Person, bob: Person, member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    carol, dave = await member("carol"), await member("dave")
    made = await alice.post(OPPORTUNITIES, call(form={"kept_days": 30}))
    at = f"{OPPORTUNITIES}/{made['id']}"
    decided, undecided = await applied(bob, made), await applied(carol, made)
    draft = await dave.post(f"{at}/apply", {"answers": {}})
    await alice.post(f"{ONE}/{decided['id']}/decision", {"decision": "declined"})
    close(monkeypatch, made)
    await alice.post(f"{at}/decisions/send", {"digest": (await alice.get(f"{at}/decisions"))["digest"]})

    async def left() -> set[str]:
        await server.db.write(forgetting.forget)
        people = ((bob, decided), (carol, undecided), (dave, draft))
        return {
            who.username for who, one in people if (await who.raw("GET", f"{ONE}/{one['id']}")).status == 200
        }

    for days, expected in ((29.9, {"bob", "carol", "dave"}), (31, {"carol"}), (364, {"carol"}), (366, set())):
        close(monkeypatch, made, int(days * DAY_MS))
        assert await left() == expected, days


async def test_a_list_of_applications_costs_as_much_for_six_as_for_two(
    server: Server, alice: Person, member: MakeMember
) -> None:
    made = await alice.post(OPPORTUNITIES, call())
    people = [await member(f"person{number}") for number in range(6)]

    async def look() -> None:
        await alice.get(f"{OPPORTUNITIES}/{made['id']}/applications")
        await alice.get(f"{OPPORTUNITIES}/{made['id']}/decisions")

    for who in people[:2]:
        await applied(who, made)
    of_two = await fewest_statements(server, look)
    for who in people[2:]:
        await applied(who, made)
    assert await fewest_statements(server, look) <= of_two


# -- who may what

RELATIONS = ("lead", "confirmed", "invited", "poster", "reviewer", "conflicted")
STATES = ("draft", "submitted", "withdrawn", "accepted", "waitlisted", "declined")


def test_the_permission_matrix() -> None:
    """Of all that can be, what must never be, and what must."""
    for state, is_open, is_settled, is_blind, teams in itertools.product(STATES, *([(True, False)] * 4)):

        def may(*relations: str) -> frozenset[Action]:
            return allowed(Facts(frozenset(relations), state, is_open, is_settled, is_blind, teams))  # noqa: B023

        sent = state in ("submitted", "accepted", "waitlisted", "declined")
        undecided = state in ("submitted", "waitlisted")
        assert may() == frozenset()
        assert may("reviewer", "conflicted") == frozenset()
        # Nobody else sees what was not sent, or was taken back.
        assert (may("poster") == frozenset()) == (not sent)
        assert (may("reviewer") == frozenset()) == (not sent or not is_settled)
        # Names are hidden from reviewers, and reviews are never seen by those who apply.
        assert (Action.NAMES in may("reviewer")) == (sent and is_settled and not is_blind)
        assert (Action.REVIEW in may("reviewer")) == (undecided and is_settled)
        for relation in ("lead", "confirmed", "invited", "reviewer"):
            assert not may(relation) & {Action.READ_REVIEWS, Action.DECIDE}, relation
        # Whoever applies reviews nothing.
        for relation in ("lead", "confirmed", "invited"):
            assert Action.REVIEW not in may(relation, "reviewer"), relation
            assert Action.DECIDE not in may(relation), relation
        # Nothing is changed after the deadline or once it is decided.
        changes = {Action.EDIT, Action.SUBMIT, Action.INVITE, Action.JOIN}
        for relations in itertools.combinations(RELATIONS, 2):
            if not is_open or state in ("accepted", "waitlisted", "declined"):
                assert not may(*relations) & changes, relations
        assert (Action.WITHDRAW in may("lead")) == (state in ("draft", "submitted", "waitlisted"))
        assert (Action.INVITE in may("lead")) == (is_open and teams and state in ("draft", "submitted"))
        assert Action.READ in may("lead")
        assert (Action.JOIN in may("invited")) == (is_open and state in ("draft", "submitted"))


async def test_nobody_else_sees_or_does_anything(
    alice: Person, bob: Person, admin: Person, moderator: Person, nobody: Person, member: MakeMember
) -> None:
    carol = await member("carol")
    made = await alice.post(OPPORTUNITIES, call(deadline=""))
    at, secret = f"{OPPORTUNITIES}/{made['id']}", "zebrafish-7"
    sent = await applied(bob, made, **{"Your project": secret})
    reads = (
        f"{ONE}/{sent['id']}", f"{at}/applications", f"{at}/applications.csv", f"{at}/application", f"{at}/reviewers",
        f"{at}/decisions", ONE, f"/opportunities/applications/{sent['id']}", f"/opportunities/{made['id']}/applications", at,
        f"/api/v1/statuses/{made['id']}", f"/api/v1/statuses/{made['id']}/context", "/api/v2/search?q=zebrafish-7&resolve=false",
        f"/opportunities/{made['id']}", "/opportunities.atom", "/opportunities.ics", "/api/v1/notifications",
    )  # fmt: skip
    writes = (
        (f"{ONE}/{sent['id']}/review", {"scores": {}}), (f"{ONE}/{sent['id']}/decision", {"decision": "accepted"}),
        (f"{ONE}/{sent['id']}/join", {}), (f"{ONE}/{sent['id']}/decline", {}), (f"{at}/reviewers", {"account": "carol"}),
        (f"{at}/decisions/send", {"digest": "x"}), (f"{at}/application/team", {"account": "carol"}),
    )  # fmt: skip
    for who in (carol, admin, moderator, nobody):
        for path in reads:
            text = await (await who.raw("GET", path)).text()
            assert secret not in text.replace("q=zebrafish-7", ""), (who.username, path)
        for path, form in writes:
            assert (await who.raw("POST", path, json=form)).status in (401, 403, 404, 409), (
                who.username,
                path,
            )
        assert (await who.raw("PUT", f"{at}/decisions", json={"mails": {}})).status in (401, 403)
    assert (await bob.get(f"{ONE}/{sent['id']}"))["state"] == "submitted"
    assert (await alice.get(f"{at}/applications"))[0]["answers"][1]["text"] == secret


async def test_what_goes_with_an_opportunity_and_with_an_account(alice: Person, bob: Person) -> None:
    made = await alice.post(OPPORTUNITIES, call())
    sent = await applied(bob, made)
    await alice.delete(f"{OPPORTUNITIES}/{made['id']}")
    assert (await bob.raw("GET", f"{ONE}/{sent['id']}")).status == 404
    assert await bob.get(ONE) == []
