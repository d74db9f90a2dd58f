"""The shapes of the admin API, as https://docs.joinmastodon.org/entities/ has them under `Admin_…`."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from web.api.entities import Account, Role, Status, Tag


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


class AdminRule(Struct):
    """A rule that a report names."""

    id: str
    text: str
    hint: str
    translations: dict[str, dict[str, str]]


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
