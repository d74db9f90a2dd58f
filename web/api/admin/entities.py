"""The shapes of the admin API, as https://docs.joinmastodon.org/entities/ has them under `Admin_…`."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from fedserver.settings import Wording
from web.api.entities import Account, MediaAttachment, Role, ScheduledParams, Status, Tag


class Ip(Struct):
    """A network address that a member came from."""

    ip: str
    used_at: str


class AdminAccount(Struct):
    """An account with what only those who moderate see. Of accounts elsewhere nothing is known of a user."""

    id: str
    username: str
    domain: str | None
    created_at: str
    email: str
    ip: str | None
    ips: list[Ip]
    locale: str
    invite_request: str | None
    role: Role
    confirmed: bool
    approved: bool
    disabled: bool
    sensitized: bool
    silenced: bool
    suspended: bool
    account: Account
    # Ours: whether the member has been granted the right to make groups.
    may_create_groups: bool
    # How far they are trusted: new, member or trusted; null for accounts elsewhere.
    trust: str | None
    # Who gave them the link by which they came; left out for who came by themselves.
    invited_by_account_id: str | UnsetType = UNSET


class AdminRule(Struct):
    """A rule that a report names."""

    id: str
    text: str
    hint: str
    translations: dict[str, Wording]


class AdminReport(Struct):
    """A report with everybody concerned."""

    id: str
    action_taken: bool
    action_taken_at: str | None
    category: str
    comment: str
    forwarded: bool
    created_at: str
    updated_at: str
    account: AdminAccount
    target_account: AdminAccount
    assigned_account: AdminAccount | None
    action_taken_by_account: AdminAccount | None
    statuses: list[Status]
    rules: list[AdminRule]


class DomainAllow(Struct):
    """A server that is allowed where only allowed ones are."""

    id: str
    domain: str
    created_at: str


class AdminDomainBlock(Struct):
    """A server that is kept out in some way. `digest` is the SHA-256 of its name."""

    id: str
    domain: str
    digest: str
    created_at: str
    severity: str
    reject_media: bool
    reject_reports: bool
    private_comment: str | None
    public_comment: str | None
    obfuscate: bool
    # Ours: when it ends by itself.
    expires_at: str | None


class DomainBlockExists(Struct):
    """Why a rule was not made."""

    error: str
    existing_domain_block: AdminDomainBlock


class History(Struct):
    """What happened on a day, which began at this second."""

    day: str
    accounts: str
    uses: str


class EmailDomainBlock(Struct):
    """A domain whose addresses do not sign up, and how often some tried."""

    id: str
    domain: str
    created_at: str
    history: list[History]
    allow_with_approval: bool


class CanonicalEmailBlock(Struct):
    """An address that does not sign up, as the SHA-256 of its canonical form."""

    id: str
    canonical_email_hash: str


class IpBlock(Struct):
    """A network from which not everything can be done."""

    id: str
    ip: str
    severity: str
    comment: str
    created_at: str
    expires_at: str | None


class MeasureData(Struct):
    """A number on a day."""

    date: str
    value: str


class MeasureEntity(Struct):
    """A number over a span of days, and over the one before."""

    key: str
    unit: str | None
    total: str
    data: list[MeasureData]
    human_value: str | UnsetType = UNSET
    previous_total: str | UnsetType = UNSET


class DimensionData(Struct):
    """One value of a dimension."""

    key: str
    human_key: str
    value: str
    unit: str | UnsetType = UNSET
    human_value: str | UnsetType = UNSET


class DimensionEntity(Struct):
    """What there is most of."""

    key: str
    data: list[DimensionData]


class CohortData(Struct):
    """How many of a cohort were here in a period or later, and which share that is."""

    date: str
    rate: float
    value: str


class CohortEntity(Struct):
    """Those who signed up in a period."""

    period: str
    frequency: str
    data: list[CohortData]


class AdminTag(Tag, kw_only=True):
    """A hashtag with what moderators decided about it."""

    trendable: bool
    usable: bool
    listable: bool
    requires_review: bool


class Publisher(Struct):
    """A site whose pages are linked to."""

    id: str
    domain: str
    trendable: bool | None
    requires_review: bool


class Nothing(Struct):
    """``{}``"""


class AdminCase(Struct):
    """What is reported about an account and waits, in numbers; `id` is the account's."""

    id: str
    account: AdminAccount
    reports_count: int
    reporters_count: int
    handed_up: bool
    assigned_account_id: str | None
    opened_at: str
    last_report_at: str
    last_report_id: str


class AdminEvidence(Struct):
    """A post as it was when it was first reported. `content` is null where it is not for everybody and was not opened."""

    id: str
    uri: str
    created_at: str
    visibility: str
    spoiler_text: str
    content: str | None
    deleted: bool
    edited: bool
    sensitive: bool


class AdminCaseReport(Struct):
    """A report as a case lists it; `account_id` is null for one in the name of another server."""

    id: str
    account_id: str | None
    domain: str | None
    category: str
    comment: str
    created_at: str
    action_taken_at: str | None
    handed_up_at: str | None
    handed_up_note: str
    forwarded: bool


class AdminNote(Struct):
    """What a moderator noted for colleagues. `subject_type` is account, report or instance."""

    id: str
    account_id: str | None
    subject_type: str
    subject: str
    text: str
    created_at: str


class AdminStrike(Struct):
    """A decision about an account; the same `ruling_id` for all that was decided at once. `appeal` is pending, approved
    or rejected."""

    id: str
    ruling_id: str | None
    account_id: str
    action: str
    text: str
    status_ids: list[str]
    created_at: str
    expires_at: str | None
    undone_at: str | None
    decided_by_account_id: str | None
    appeal: str | None


class AdminCaseFile(Struct):
    """Everything about one account for those who decide."""

    account: AdminAccount
    assigned_account_id: str | None
    reports: list[AdminCaseReport]
    evidence: list[AdminEvidence]
    notes: list[AdminNote]
    strikes: list[AdminStrike]


class AdminPlan(Struct):
    """What a ruling would do to an account; with `problem` it does nothing."""

    account_id: str
    measures: list[str]
    report_ids: list[str]
    status_ids: list[str]
    expires_at: str | None
    subject: str
    mail: str
    reporters_told: int
    problem: str | None


class AdminOutcome(Struct):
    """What came of a ruling about one of several accounts; `problem` is null where it was done."""

    account_id: str
    problem: str | None


class AdminAppeal(Struct):
    """An appeal, with the decision it is against. `state` is pending, approved or rejected; `may_decide` says whether
    whoever asks may settle it."""

    id: str
    state: str
    text: str
    created_at: str
    strike: AdminStrike
    may_decide: bool


class InviteGroup(Struct):
    """A group that a link leads into."""

    id: str
    name: str
    title: str


class AdminInvite(Struct):
    """A link by which people come in: ours, for Mastodon has no such entity. `state` says whether it still holds: open,
    used, expired, revoked, or idle while its inviter may invite nobody."""

    id: str
    code: str
    url: str
    note: str
    created_by_account_id: str
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    max_uses: int | None
    uses: int
    state: str
    role: Role
    groups: list[InviteGroup]
    accounts: list[Account]


class JoinAnswer(Struct):
    """What somebody was asked and answered."""

    question: str
    answer: str


class JoinRefusal(Struct):
    """That the same address was refused before: when, why, and by whom (None once that account is gone)."""

    created_at: str
    reason: str
    by_account_id: str | None


class AdminJoin(Struct):
    """Somebody who asks to join, with everything they answered."""

    id: str
    account: AdminAccount
    answers: list[JoinAnswer]
    refusals: list[JoinRefusal]


class AdminListedDomain(Struct):
    """What a row of a list would change: new, stricter, there, allowed, partner, ours; and what ties members to that server."""

    domain: str
    severity: str
    change: str
    accounts_count: int
    following_count: int
    followers_count: int
    members_count: int
    public_comment: str


class AdminDomainListChange(Struct):
    """A rule that a followed list would make, change or take back (new, changed, gone). `key` names it where it is settled;
    `costs_members` says that members would lose somebody. Severities are null for no rule."""

    key: str
    domain: str
    change: str
    severity: str | None
    severity_before: str | None
    reject_media: bool
    reject_reports: bool
    public_comment: str
    costs_members: bool
    members_count: int
    following_count: int
    followers_count: int


class AdminDomainList(Struct):
    """A list of servers that is followed. `state` is new (nothing has been done yet), active, paused or ending; `changes`, the
    first 1,000 that wait, come with a single list."""

    id: str
    url: str
    title: str
    priority: int
    severest: str
    mode: str
    state: str
    created_at: str
    read_at: str | None
    due_at: str
    problem: str | None
    shrunk: bool
    domains_count: int
    rules_count: int
    changes_count: int
    changes: list[AdminDomainListChange] | UnsetType = UNSET


class AdminHeldStatus(Struct):
    """A post of a new member that waits, with what was sent; `reason` says what it was found by."""

    id: str
    created_at: str
    reason: str
    account: Account
    params: ScheduledParams
    media_attachments: list[MediaAttachment]


class PublishedStatus(Struct):
    """The status that a held post has become."""

    status_id: str


class AdminServerRule(Struct):
    """A rule that holds for a server, its own or that of a domain above it; `list_id` is the followed list it comes from."""

    domain: str
    severity: str
    reject_media: bool
    reject_reports: bool
    public_comment: str | None
    private_comment: str | None
    created_at: str | None
    expires_at: str | None
    list_id: str | None


class AdminServer(Struct):
    """Another server. `federated` says whether anything is exchanged with it; `partner` how one stands to it as a partner. Numbers
    of reports are null for who does not work on reports."""

    domain: str
    software: str | None
    first_seen_at: str | None
    last_delivered_at: str | None
    last_heard_at: str | None
    failing_since_at: str | None
    last_error: str | None
    accounts_count: int
    statuses_count: int
    deliveries_waiting: int
    deliveries_failed: int
    members_count: int
    following_count: int
    followers_count: int
    federated: bool
    partner: str | None
    rules: list[AdminServerRule]
    reports_waiting: int | None
    reports_settled: int | None
    reports_made: int | None
