"""Who may see and do what with an application: one function, asked by everything that shows or changes one.

| who | while it is | may |
|---|---|---|
| leads it | a draft or sent, until the deadline | change, send, invite; always read it; take it back until it is decided |
| takes part | | read it, leave until it is decided |
| was invited | until the deadline | read it, join or decline |
| poster | sent | read it with names and reviews, decide |
| reviewer | sent, once nobody can change it any more | read it, without names where reviews are blind, review until it is decided |
| reviewer with a conflict of interest | | nothing |
| anybody else, moderators and admins too | | nothing |
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from storage.applications import SENT


class Action(StrEnum):
    """What can be done with an application."""

    READ = "read"  # the answers
    NAMES = "names"  # who applies
    EDIT = "edit"
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    INVITE = "invite"
    JOIN = "join"  # or decline
    LEAVE = "leave"
    REVIEW = "review"  # and declare a conflict of interest
    READ_REVIEWS = "read_reviews"  # of all
    DECIDE = "decide"


@dataclass(frozen=True, slots=True)
class Facts:
    """What it depends on. `relations` of the viewer: lead, confirmed, invited, poster, reviewer, conflicted. `is_open`: one can
    apply at this instant; `is_settled`: nobody can change what was sent any more, or that never happens (no deadline)."""

    relations: frozenset[str]
    state: str
    is_open: bool
    is_settled: bool
    is_blind: bool = True
    has_teams: bool = False


_UNDECIDED: Final = ("draft", "submitted", "waitlisted")
_NOTHING: Final = frozenset[Action]()


def allowed(facts: Facts) -> frozenset[Action]:
    """What the viewer may do."""
    found = set[Action]()
    relations, sent = facts.relations, facts.state in SENT
    if relations & {"lead", "confirmed", "invited"}:
        found |= _applying(facts)
    if "poster" in relations and sent:
        found |= {Action.READ, Action.NAMES, Action.READ_REVIEWS, Action.DECIDE}
    # Whoever applies reviews nobody, and whoever knows the applicants too well reads nothing more of it.
    reviews = "reviewer" in relations and not relations & {"conflicted", "lead", "confirmed", "invited"}
    if reviews and sent and facts.is_settled:
        found.add(Action.READ)
        if not facts.is_blind:
            found.add(Action.NAMES)
        if facts.state in ("submitted", "waitlisted"):
            found.add(Action.REVIEW)
    return frozenset(found)


def _applying(facts: Facts) -> frozenset[Action] | set[Action]:
    relations, state = facts.relations, facts.state
    if "lead" in relations:
        found = {Action.READ, Action.NAMES}
        if facts.is_open and state in ("draft", "submitted", "withdrawn"):
            found |= {Action.EDIT, Action.SUBMIT}
            if facts.has_teams and state != "withdrawn":
                found.add(Action.INVITE)
        if state in _UNDECIDED:
            found.add(Action.WITHDRAW)
        return found
    if "confirmed" in relations:
        return {Action.READ, Action.NAMES, *([Action.LEAVE] if state in _UNDECIDED else [])}
    if facts.is_open and state in ("draft", "submitted"):
        return {Action.READ, Action.NAMES, Action.JOIN}
    return _NOTHING
