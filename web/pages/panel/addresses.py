"""What is kept out of signing up: mail domains, single mail addresses, and networks, those from all of the server if need be."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver.errors import FedError
from fedserver.moderation import addresses, networks, people
from fedserver.moderation.addresses import DAY_MS, MailDomain
from fedserver.moderation.networks import COMMENT_CHARACTERS_MAX, IpRule
from fedserver.moderation.permissions import Permission, allows
from fedserver.reading import cursors
from fedserver.timelines import now_ms
from web import auth, forms, gate, keys
from web.pages import page
from web.pages.panel import frame
from web.params import Params

HERE: Final = "/admin/addresses"
SINGLE: Final = HERE + "/single"
NETWORKS: Final = HERE + "/networks"
NETWORK: Final = NETWORKS + "/{id:[0-9]{1,19}}"
TABS: Final = ((HERE, "Mail domains"), (SINGLE, "Single mail addresses"), (NETWORKS, "Networks"))

SEVERITIES: Final = (
    ("sign_up_requires_approval", "Who signs up there has to be let in"),
    ("sign_up_block", "Nobody signs up there"),
    ("no_access", "Nobody comes here from there at all"),
)
"""In the order and by the names of `networks.SEVERITIES`, in words."""
DAYS: Final = (0, 1, 7, 30, 90, 365, 3 * 365)
AS_BEFORE: Final = "as_before"
_NAMES: Final = {"expires_in": "days", "canonical_email_hash": "email"}


# -- mail domains


async def domains(request: web.Request) -> web.StreamResponse:
    """The rules for mail domains, with how often each was met of late; one that the address names is in the form."""
    return await _domains(request, domain=forms.query(request).text("domain", chars_max=253))


async def add_domain(request: web.Request) -> web.StreamResponse:
    """Keep a mail domain out, or have everybody with an address there let in by somebody."""
    params = await forms.params(request)
    domain, with_approval = params.text("domain"), params.flag("with_approval")
    try:
        await addresses.add_mail_domain(
            keys.server(request), auth.member(request), domain, allows_with_approval=with_approval
        )
    except page.MENDABLE as error:
        return await _domains(request, error, domain=domain, with_approval=with_approval)
    return page.go(f"{HERE}?done=rule-added")


async def remove_domain(request: web.Request) -> web.StreamResponse:
    """Take a rule for a mail domain back."""
    await addresses.remove_mail_domain(keys.server(request), auth.member(request), forms.path_id(request))
    return page.go(f"{HERE}?done=rule-gone")


async def _domains(
    request: web.Request, error: FedError | None = None, *, domain: str = "", with_approval: bool = False
) -> web.Response:
    window = page.window(request, page.PEOPLE_PER_PAGE)
    found = await addresses.mail_domains(keys.server(request), auth.member(request), window)
    return await _show(
        request,
        "panel/mail_domains.html",
        error,
        found=[(one.row, _tries(one)) for one in found],
        leaf=_leaf(window, [one.row.id for one in found]),
        given={"domain": domain, "with_approval": with_approval},
    )


def _tries(found: MailDomain) -> tuple[int, int]:
    """How often somebody was met by a rule today, and in all of the days that are counted."""
    today = now_ms() // DAY_MS
    return sum(one.uses for one in found.uses if one.day == today), sum(one.uses for one in found.uses)


# -- single mail addresses


async def single(request: web.Request) -> web.StreamResponse:
    """The addresses that are kept out, which nobody can read any more."""
    return await _single(request)


async def add_single(request: web.Request) -> web.StreamResponse:
    """Keep an address out."""
    email = (await forms.params(request)).text("email")
    try:
        await addresses.add_address(keys.server(request), auth.member(request), email=email)
    except page.MENDABLE as error:
        return await _single(request, error, email=email)
    return page.go(f"{SINGLE}?done=rule-added")


async def look_up(request: web.Request) -> web.StreamResponse:
    """Say whether an address is kept out, and by which rule."""
    email = (await forms.params(request)).text("email")
    try:
        met = await addresses.matching(keys.server(request), auth.member(request), email)
    except page.MENDABLE as error:
        return await _single(request, error, email=email)
    return await _single(request, email=email, met=met)


async def remove_single(request: web.Request) -> web.StreamResponse:
    """Let an address in again."""
    await addresses.remove_address(keys.server(request), auth.member(request), forms.path_id(request))
    return page.go(f"{SINGLE}?done=rule-gone")


async def _single(
    request: web.Request, error: FedError | None = None, *, email: str = "", met: Any = None
) -> web.Response:
    member, window = auth.member(request), page.window(request, page.PEOPLE_PER_PAGE)
    found = await addresses.addresses(keys.server(request), member, window)
    return await _show(
        request,
        "panel/mail_addresses.html",
        error,
        found=found,
        leaf=_leaf(window, [one.id for one in found]),
        email=email,
        met=met,
        opens_accounts=any(allows(member.role, one) for one in people.SIGHT),
    )


# -- networks


async def listed(request: web.Request) -> web.StreamResponse:
    """The rules for networks; one around an address that is named is in the form."""
    ip = forms.query(request).text("ip", chars_max=64).strip()
    return await _listed(request, given={"ip": networks.around(ip)})


async def add(request: web.Request) -> web.StreamResponse:
    """Make a rule for a network."""
    params = await forms.params(request)
    try:
        await networks.add(
            keys.server(request),
            auth.member(request),
            network=params.text("ip"),
            severity=params.text("severity"),
            comment=params.text("comment"),
            expires_in_s=_seconds(params),
            client=request[keys.CLIENT],
        )
    except page.MENDABLE as error:
        return await _listed(request, error, given=_filled(params))
    return page.go(f"{NETWORKS}?done=rule-added")


async def one(request: web.Request) -> web.StreamResponse:
    """A rule for a network, to be changed."""
    rule = await networks.one(keys.server(request), auth.member(request), forms.path_id(request))
    return await _one(request, rule)


async def change(request: web.Request) -> web.StreamResponse:
    """Change it."""
    server, member, params = keys.server(request), auth.member(request), await forms.params(request)
    rule = await networks.one(server, member, forms.path_id(request))
    days = params.text("days", AS_BEFORE)
    try:
        await networks.change(
            server,
            member,
            rule.id,
            network=params.text("ip"),
            severity=params.text("severity"),
            comment=params.text("comment"),
            expires_in_s=None if days == AS_BEFORE else _seconds(params),
            endless=days == "0",
            client=request[keys.CLIENT],
        )
    except page.MENDABLE as error:
        return await _one(request, rule, error, given=_filled(params))
    return page.go(f"{NETWORKS}?done=saved")


async def remove(request: web.Request) -> web.StreamResponse:
    """Take a rule for a network back."""
    await networks.remove(keys.server(request), auth.member(request), forms.path_id(request))
    return page.go(f"{NETWORKS}?done=rule-gone")


async def _listed(
    request: web.Request, error: FedError | None = None, *, given: dict[str, str]
) -> web.Response:
    window = page.window(request, page.PEOPLE_PER_PAGE)
    found = await networks.page(keys.server(request), auth.member(request), window)
    return await _show(
        request,
        "panel/networks.html",
        error,
        found=found,
        leaf=_leaf(window, [one.id for one in found]),
        given={"ip": "", "severity": networks.SEVERITIES[0], "comment": "", "days": "0", **given},
        **_choices(),
    )


async def _one(
    request: web.Request, rule: IpRule, error: FedError | None = None, *, given: dict[str, str] | None = None
) -> web.Response:
    kept = {"ip": rule.network, "severity": rule.severity, "comment": rule.comment, "days": AS_BEFORE}
    return await _show(request, "panel/network.html", error, rule=rule, given=given or kept, **_choices())


def _choices() -> dict[str, Any]:
    return {
        "severities": SEVERITIES,
        "days": DAYS,
        "comment_max": COMMENT_CHARACTERS_MAX,
        "now": now_ms(),
    }


def _filled(params: Params) -> dict[str, str]:
    return {name: params.text(name) for name in ("ip", "severity", "comment", "days")}


def _seconds(params: Params) -> int | None:
    """The term that was chosen; None for a rule without one."""
    return params.integer("days", 0, least=0) * 86_400 or None


# -- all three


def _leaf(window: Any, ids: list[int]) -> dict[str, Any]:
    newer, older = cursors(window, ids)
    return {"newer": newer, "older": older}


async def _show(request: web.Request, template: str, error: FedError | None, **context: Any) -> web.Response:
    context["tabs"] = TABS
    if error is None:
        return await frame.show(request, template, **context)
    return await frame.show_again(request, template, error, _NAMES, **context)


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.MANAGE_BLOCKS,
    web.get(HERE, domains),
    web.post(HERE, add_domain),
    web.post(HERE + "/{id:[0-9]{1,19}}/delete", remove_domain),
    web.get(SINGLE, single),
    web.post(SINGLE, add_single),
    web.post(f"{SINGLE}/look-up", look_up),
    web.post(SINGLE + "/{id:[0-9]{1,19}}/delete", remove_single),
    web.get(NETWORKS, listed),
    web.post(NETWORKS, add),
    web.get(NETWORK, one),
    web.post(NETWORK, change),
    web.post(f"{NETWORK}/delete", remove),
)
