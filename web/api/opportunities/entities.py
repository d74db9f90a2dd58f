"""Entities of opportunities. Instants as in Mastodon's API; wall times as ``2027-03-12T17:00``, or a day, in the `zone`."""

from __future__ import annotations

from msgspec import Struct

from fedserver.events.records import Place
from fedserver.opportunities.records import Form, Organisation, Pay, Question
from web.api.entities import Account


class Opportunity(Struct, kw_only=True):
    """An opportunity. Its id is that of its status, which any client can open, boost, answer and bookmark. `state` is coming,
    open, soon (it closes within seven days) or closed; `zone` an IANA name, or AoE for anywhere on earth. `form` is how members
    apply here; of another server's there is none."""

    id: str
    status_id: str
    uri: str
    url: str
    local: bool
    instance: str
    kind: str
    state: str
    title: str
    abstract: str
    description: str
    text: str
    language: str | None
    visibility: str
    group_id: str | None
    organisation: Organisation
    place: Place
    remote: str
    pay: Pay
    opens: str
    opens_at: str | None
    deadline: str
    deadline_at: str | None
    expires_at: str
    zone: str
    closed_at: str | None
    close_reason: str
    slots: int | None
    eligibility: str
    topics: list[str]
    contact: str
    apply_url: str | None
    website: str | None
    form: Form | None
    uid: str
    sequence: int
    created_at: str
    changed_at: str
    account: Account


class OpportunityChoice(Struct, kw_only=True):
    """A value of a facet: how it is asked for, what it is called, how many there are."""

    value: str
    label: str
    count: int


class OpportunityFacets(Struct, kw_only=True):
    """What there is on a board, each facet counted as if nothing had been chosen of it."""

    kind: list[OpportunityChoice]
    place: list[OpportunityChoice]
    topic: list[OpportunityChoice]
    closing: list[OpportunityChoice]


class Applicant(Struct, kw_only=True):
    """Somebody who applies: `state` is lead, invited, confirmed, declined or removed."""

    account_id: str
    acct: str
    display_name: str
    state: str


class Answer(Struct, kw_only=True):
    """What was answered to a question; `key` is by which it is sent."""

    key: str
    question: Question
    text: str


class Review(Struct, kw_only=True):
    """What a reviewer says: 1 to 5 by criterion. Who declared a conflict of interest says nothing."""

    account_id: str
    acct: str
    display_name: str
    has_conflict: bool
    scores: dict[str, int]
    average: float | None
    comment: str
    changed_at: str


class Application(Struct, kw_only=True):
    """An application as its viewer may see it. `team` and `account_id` are not there for reviewers who see no names, `reviews` are
    those that the viewer may read, `decision` is there for the poster alone until it is told (then it is the `state`). `may` is
    what the viewer can do about it."""

    id: str
    opportunity_id: str
    opportunity_title: str
    number: int
    state: str
    decision: str | None
    account_id: str | None
    team: list[Applicant]
    answers: list[Answer]
    reviews: list[Review]
    average: float | None
    rank: int | None
    may: list[str]
    created_at: str
    changed_at: str
    submitted_at: str | None
    decided_at: str | None


class ApplicationSummary(Struct, kw_only=True):
    """An application in the list of a member's own. `role` is lead, or (in somebody's team) invited or confirmed; `lead` the name
    of who leads it."""

    id: str
    opportunity_id: str
    opportunity_title: str
    state: str
    role: str
    lead: str
    expires_at: str
    submitted_at: str | None
    decided_at: str | None


class Reviewer(Struct, kw_only=True):
    """Somebody who reviews applications."""

    account_id: str
    acct: str
    display_name: str


class DecisionMail(Struct, kw_only=True):
    """A mail as it will be sent, to one person."""

    application_id: str
    number: int
    decision: str
    acct: str
    subject: str
    text: str


class Decisions(Struct, kw_only=True):
    """What is decided and not told yet: the mails that will tell it, one for each person. `mails` are the texts by decision, to be
    changed; `digest` is what sending asks for, so that nothing is sent that was not looked at."""

    mails: dict[str, str]
    preview: list[DecisionMail]
    digest: str


class Sent(Struct, kw_only=True):
    """How many mails went out."""

    sent: int
