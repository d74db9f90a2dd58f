"""How each route of the API for moderators is called, as in `tests.contract.calls`. Ada asks, who is an admin."""

from __future__ import annotations

from tests.contract.calls import Call

_DATES = {"start_at": "2026-01-01T00:00:00Z", "end_at": "2026-01-08T00:00:00Z"}

_ACCOUNT, _REPORT = "Admin::Account", "Admin::Report"

ACCOUNTS = [
    Call("GET /api/v1/admin/accounts?local=true", gives=f"[{_ACCOUNT}]"),
    Call("GET /api/v2/admin/accounts?origin=local", gives=f"[{_ACCOUNT}]"),
    Call("GET /api/v1/admin/accounts/{bob}", gives=_ACCOUNT),
    Call(
        "POST /api/v1/admin/accounts/{new.member}/action",
        {"type": "silence", "text": "Please rest"},
        empty="{}",
    ),
    Call("POST /api/v1/admin/accounts/{new.pending}/approve", gives=_ACCOUNT),
    Call("POST /api/v1/admin/accounts/{new.pending}/reject", gives=_ACCOUNT),
    Call("POST /api/v1/admin/accounts/{new.disabled}/enable", gives=_ACCOUNT),
    Call("POST /api/v1/admin/accounts/{new.silenced}/unsilence", gives=_ACCOUNT),
    Call("POST /api/v1/admin/accounts/{new.suspended}/unsuspend", gives=_ACCOUNT),
    Call("POST /api/v1/admin/accounts/{new.sensitized}/unsensitive", gives=_ACCOUNT),
    Call("DELETE /api/v1/admin/accounts/{new.suspended}", gives=_ACCOUNT),
    Call("GET /api/v1/admin/reports", gives=f"[{_REPORT}]"),
    Call("GET /api/v1/admin/reports/{report}", gives=_REPORT),
    Call("PUT /api/v1/admin/reports/{report}", {"category": "other"}, gives=_REPORT),
    Call("POST /api/v1/admin/reports/{report}/assign_to_self", gives=_REPORT),
    Call("POST /api/v1/admin/reports/{report}/unassign", gives=_REPORT),
    Call("POST /api/v1/admin/reports/{report}/resolve", gives=_REPORT),
    Call("POST /api/v1/admin/reports/{report}/reopen", gives=_REPORT),
]

_DOMAIN_BLOCK = {"domain": "{new.name_of_server}", "severity": "silence", "private_comment": "spam"}
_IP_BLOCK = {"ip": "{new.network}", "severity": "sign_up_requires_approval", "comment": "bots"}

RULES = [
    Call("GET /api/v1/admin/domain_allows", gives="[Admin::DomainAllow]"),
    Call("GET /api/v1/admin/domain_allows/{domain_allow}", gives="Admin::DomainAllow"),
    Call("POST /api/v1/admin/domain_allows", {"domain": "{new.name_of_server}"}, gives="Admin::DomainAllow"),
    Call("DELETE /api/v1/admin/domain_allows/{new.domain_allow}", empty="{}"),
    Call("GET /api/v1/admin/domain_blocks", gives="[Admin::DomainBlock]"),
    Call("GET /api/v1/admin/domain_blocks/{domain_block}", gives="Admin::DomainBlock"),
    Call("POST /api/v1/admin/domain_blocks", _DOMAIN_BLOCK, gives="Admin::DomainBlock"),
    Call("PUT /api/v1/admin/domain_blocks/{domain_block}", {"severity": "suspend"}, gives="Admin::DomainBlock"),
    Call("DELETE /api/v1/admin/domain_blocks/{new.domain_block}", empty="{}"),
    Call("GET /api/v1/admin/email_domain_blocks", gives="[Admin::EmailDomainBlock]"),
    Call("GET /api/v1/admin/email_domain_blocks/{email_domain_block}", gives="Admin::EmailDomainBlock"),
    Call("POST /api/v1/admin/email_domain_blocks", {"domain": "{new.name_of_server}"}, gives="Admin::EmailDomainBlock"),
    Call("DELETE /api/v1/admin/email_domain_blocks/{new.email_domain_block}", empty="{}"),
    Call("GET /api/v1/admin/ip_blocks", gives="[Admin::IpBlock]"),
    Call("GET /api/v1/admin/ip_blocks/{ip_block}", gives="Admin::IpBlock"),
    Call("POST /api/v1/admin/ip_blocks", _IP_BLOCK, gives="Admin::IpBlock"),
    Call("PUT /api/v1/admin/ip_blocks/{ip_block}", {"comment": "still bots"}, gives="Admin::IpBlock"),
    Call("DELETE /api/v1/admin/ip_blocks/{new.ip_block}", scopes=("admin:write:ip_blocks",), empty="{}"),
    Call("GET /api/v1/admin/canonical_email_blocks", gives="[Admin::CanonicalEmailBlock]"),
    Call("GET /api/v1/admin/canonical_email_blocks/{email_block}", gives="Admin::CanonicalEmailBlock"),
    Call("POST /api/v1/admin/canonical_email_blocks", {"email": "{new.username}@mail.example"},
         gives="Admin::CanonicalEmailBlock"),
    Call("POST /api/v1/admin/canonical_email_blocks/test", {"email": "somebody@mail.example"},
         empty="nobody is blocked"),
    Call("DELETE /api/v1/admin/canonical_email_blocks/{new.email_block}", empty="{}"),
]  # fmt: skip

NUMBERS = [
    Call("POST /api/v1/admin/measures", {"keys": ["active_users", "new_users"], **_DATES}, gives="[Admin::Measure]"),
    Call("POST /api/v1/admin/dimensions", {"keys": ["languages", "software_versions"], "limit": 5, **_DATES},
         gives="[Admin::Dimension]"),
    Call("POST /api/v1/admin/retention", {"frequency": "day", **_DATES}, gives="[Admin::Cohort]"),
    Call("GET /api/v1/admin/tags", gives="[Admin::Tag]"),
    Call("GET /api/v1/admin/tags/{tag_id}", gives="Admin::Tag"),
    Call("PUT /api/v1/admin/tags/{tag_id}", {"listable": True}, gives="Admin::Tag"),
    Call("GET /api/v1/admin/trends/tags", gives="[Admin::Tag]"),
    Call("POST /api/v1/admin/trends/tags/{tag_id}/approve", gives="Admin::Tag"),
    Call("POST /api/v1/admin/trends/tags/{new.tag_id}/reject", gives="Admin::Tag"),
    Call("GET /api/v1/admin/trends/statuses", needs=("linked_page",), gives="[Status]"),
    Call("POST /api/v1/admin/trends/statuses/{own}/approve", gives="Status"),
    Call("POST /api/v1/admin/trends/statuses/{new.own}/reject", gives="Status"),
    Call("GET /api/v1/admin/trends/links", needs=("linked_page",), gives="[Trends::Link]"),
    Call("POST /api/v1/admin/trends/links/{link_id}/approve", gives="Trends::Link"),
    Call("POST /api/v1/admin/trends/links/{new.link}/reject", gives="Trends::Link"),
    Call("GET /api/v1/admin/trends/links/publishers", empty="no publisher is reviewed"),
]  # fmt: skip

CALLS = [*ACCOUNTS, *RULES, *NUMBERS]
