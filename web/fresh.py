"""What stands before a page until somebody has shown who they are: a sign-in that is not too old, and a second factor
where the server wants one. Asked in one place, for all that `WANTED` lists; a form goes on with what was typed.

Only browsers are asked: apps have tokens, which they were given for what they do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from fedserver import profiles, second_factors, sessions
from fedserver.errors import Conflict, Invalid, RateLimited
from fedserver.viewer import Member
from web import forms, gate, keys
from web.errors import status_of
from web.params import Params, Upload

PROOFS: Final = ("proof_password", "proof_code", "proof_passkey")


def _suspends(params: Params) -> bool:
    return "suspend" in params.texts("measures", count_max=20)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Routes that want it, by method and pattern; a pattern that ends in a slash stands for all below, too. With `when`
    only if that holds of the form."""

    method: str
    pattern: str
    why: str
    when: Callable[[Params], bool] | None = None

    def fits(self, pattern: str) -> bool:
        """Whether a route is meant."""
        below = self.pattern.endswith("/") and pattern.startswith(self.pattern)
        return below or pattern == self.pattern.rstrip("/")


WANTED: Final = (
    Wanted(
        "POST",
        "/admin/",
        "Roles, settings, other servers, operations: all that is changed in administration.",
    ),
    Wanted("POST", "/mod/decide", "Suspending an account hides all of it, and erases it later.", _suspends),
    Wanted("POST", "/mod/accounts/{id}/erase", "What is erased does not come back."),
    Wanted(
        "POST", "/mod/accounts/{id}/second-factors/remove", "An account is easier to take over without them."
    ),
    Wanted("POST", "/settings/security/passkeys/", "How one signs in."),
    Wanted("POST", "/settings/export", "Everything that is somebody's."),
    Wanted("GET", "/settings/export/archive", "Everything that is somebody's."),
    Wanted("POST", "/login/again", "Leads back to a page that wants it."),
)
"""Changing one's password or address, codes of an app, recovery codes and leaving for good ask for the password in their own
forms, however fresh the sign-in is."""

OPEN_TO_ALL: Final = (
    "/settings/security", "/login", "/logout", "/password", "/confirm", "/about", "/privacy", "/terms",
)  # fmt: skip
"""Where somebody gets without the second factor that the server wants of everybody."""
SET_UP: Final = "/settings/security?done=second-factor-first"


def wanted_for(method: str, pattern: str) -> Wanted | None:
    """What the table says of a route."""
    plain = pattern.replace("{id:[0-9]{1,19}}", "{id}")
    return next((one for one in WANTED if one.method == method and one.fits(plain)), None)


async def in_the_way(request: web.Request, pattern: str) -> web.StreamResponse | None:
    """The page that comes first; None when nothing does."""
    member = request[keys.VIEWER]
    if not isinstance(member, Member):
        return None
    if second_factors.is_missing(request[keys.SETTINGS], member) and _keeps_out(request, pattern):
        return web.Response(status=303, headers={"Location": SET_UP})
    wanted = wanted_for(request.method, pattern)
    if wanted is None or sessions.is_fresh(member):
        return None
    params = await forms.params(request) if request.method == "POST" else forms.query(request)
    if wanted.when is not None and not wanted.when(params):
        return None
    proofs = {name: params.text(name) for name in PROOFS}
    if request.method != "POST" or not any(proofs.values()):
        return await _ask(request, member, params)
    try:
        await sessions.prove_again(
            keys.server(request),
            member,
            password=proofs["proof_password"],
            code=proofs["proof_code"],
            passkey=proofs["proof_passkey"],
        )
    except (Invalid, Conflict, RateLimited) as error:
        return await _ask(request, member, params, error)
    for name in PROOFS:
        params.tree.pop(name, None)
    return None


def _keeps_out(request: web.Request, pattern: str) -> bool:
    if gate.is_place(pattern):
        return True
    everybody = request[keys.SETTINGS].require_two_factor == "everybody"
    return everybody and not any(pattern == one or pattern.startswith(f"{one}/") for one in OPEN_TO_ALL)


async def _ask(
    request: web.Request,
    member: Member,
    params: Params,
    error: Invalid | Conflict | RateLimited | None = None,
) -> web.StreamResponse:
    server = keys.server(request)
    user = await profiles.own_user(server, member)
    reading = request.method == "GET"
    kept = [("next", request.rel_url.raw_path_qs)] if reading else list(_pairs(params.tree))
    return request.app[keys.PAGES].render(
        request,
        "sign_in/again.html",
        status=200 if error is None else status_of(error),
        headers={"Retry-After": str(error.retry_after)} if isinstance(error, RateLimited) else None,
        me=await profiles.shell(server, member),
        problem="" if error is None else _sentence(error),
        address="/login/again" if reading else request.rel_url.raw_path_qs,
        kept=kept,
        lost_files=any(isinstance(value, Upload) for value in params.tree.values()),
        has_password=bool(user.password_hash),
        factors=await second_factors.of_account(server, member.account_id),
    )


def _sentence(error: Invalid | Conflict | RateLimited) -> str:
    if isinstance(error, Invalid) and error.fields:
        return "That " + next(iter(error.fields.values())).removesuffix(".") + "."
    return str(error)


def _pairs(tree: dict[str, Any], within: str = "") -> Iterator[tuple[str, str]]:
    """The fields of a form again, from what was read of it (see `web.params.put`)."""
    for name, value in tree.items():
        key = f"{within}[{name}]" if within else name
        if not within and name in (*PROOFS, forms.CSRF_FIELD):
            continue
        if isinstance(value, dict):
            yield from _pairs(value, key)
        elif isinstance(value, list):
            for entry in value:
                if isinstance(entry, dict):
                    yield from _pairs(entry, f"{key}[]")
                elif isinstance(entry, str):
                    yield f"{key}[]", entry
        elif isinstance(value, str):
            yield key, value
