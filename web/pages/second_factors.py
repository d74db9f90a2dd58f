"""A member's second factors: codes of an app, passkeys, recovery codes. Forms that change how one signs in ask for the
password; `web.fresh` asks for what has no such field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from aiohttp import web
from markupsafe import Markup

from fedserver import passkeys, second_factors, sessions
from fedserver.errors import FedError
from fedserver.later import Later
from web import forms, keys
from web.pages import page
from web.pages.settings import of_security

if TYPE_CHECKING:
    import segno
else:
    segno = Later("segno")

HERE: Final = "/settings/security"
TOTP: Final = f"{HERE}/totp"


async def begin(request: web.Request) -> web.StreamResponse:
    """Begin with an app for codes."""
    try:
        await _check_password(request, "totp_password")
        await second_factors.begin_totp(keys.server(request), page.member(request))
    except page.MENDABLE as error:
        return await _again(request, error)
    return page.go(TOTP)


async def ask_code(request: web.Request) -> web.StreamResponse:
    """What the app needs, and the form for its first code."""
    return await _setup(request, None)


async def confirm(request: web.Request) -> web.StreamResponse:
    """The app has shown a code. The answer is the recovery codes, this once."""
    params = await forms.params(request)
    try:
        codes = await second_factors.confirm_totp(
            keys.server(request), page.member(request), params.text("code", chars_max=100)
        )
    except page.MENDABLE as error:
        return await _setup(request, error)
    return await _codes(request, codes, is_new=True)


async def remove_totp(request: web.Request) -> web.StreamResponse:
    """No codes of an app any more."""
    try:
        await _check_password(request, "remove_password")
        await second_factors.remove_totp(keys.server(request), page.member(request))
    except page.MENDABLE as error:
        return await _again(request, error)
    return page.go(f"{HERE}?done=second-factor-gone")


async def renew_codes(request: web.Request) -> web.StreamResponse:
    """Ten new recovery codes, shown this once."""
    try:
        await _check_password(request, "codes_password")
        codes = await second_factors.renew_codes(keys.server(request), page.member(request))
    except page.MENDABLE as error:
        return await _again(request, error)
    return await _codes(request, codes, is_new=False)


async def passkey_options(request: web.Request) -> web.StreamResponse:
    """What a browser needs to make a passkey."""
    options = await passkeys.to_add(keys.server(request), page.member(request))
    return web.Response(text=options, content_type="application/json")


async def add_passkey(request: web.Request) -> web.StreamResponse:
    """Keep the passkey that the browser has made."""
    params = await forms.params(request)
    try:
        await passkeys.add(
            keys.server(request), page.member(request), params.text("passkey"), params.text("passkey_name")
        )
    except page.MENDABLE as error:
        return await _again(request, error)
    return page.go(f"{HERE}?done=passkey-added#second")


async def remove_passkey(request: web.Request) -> web.StreamResponse:
    """Forget a passkey."""
    await passkeys.remove(keys.server(request), page.member(request), forms.path_id(request))
    return page.go(f"{HERE}?done=second-factor-gone")


async def _check_password(request: web.Request, field: str) -> None:
    params = await forms.params(request)
    await sessions.check_password(keys.server(request), page.member(request), params.text(field), field=field)


async def _again(request: web.Request, error: FedError) -> web.Response:
    return await page.show_again(request, "settings/security.html", error, **await of_security(request))


async def _setup(request: web.Request, error: FedError | None) -> web.Response:
    found = await second_factors.setup(keys.server(request), page.member(request))
    if found is None:
        return page.go(HERE)
    code = segno.make(found.uri, micro=False)
    shown: dict[str, Any] = {
        "secret": " ".join(found.secret[at : at + 4] for at in range(0, len(found.secret), 4)),
        "picture": Markup(code.svg_inline(scale=5, border=4, dark="#000", light="#fff", omitsize=False)),  # noqa: S704
        "uri": found.uri,
    }
    if error is not None:
        return await page.show_again(request, "settings/totp.html", error, **shown)
    return await page.show(request, "settings/totp.html", problems={}, **shown)


async def _codes(request: web.Request, codes: list[str], *, is_new: bool) -> web.Response:
    server = keys.server(request)
    text = f"{server.config.domain}, @{page.member(request).username}\r\n\r\n" + "\r\n".join(codes) + "\r\n"
    return await page.show(
        request,
        "settings/codes.html",
        headers={"Cache-Control": "no-store"},
        codes=codes,
        is_new=is_new,
        file=f"data:text/plain;charset=utf-8,{quote(text)}",
    )


routes = [
    web.post(TOTP, begin),
    web.get(TOTP, ask_code),
    web.post(f"{TOTP}/confirm", confirm),
    web.post(f"{TOTP}/remove", remove_totp),
    web.post(f"{HERE}/codes", renew_codes),
    web.post(f"{HERE}/passkey-options", passkey_options),
    web.post(f"{HERE}/passkeys", add_passkey),
    web.post(f"{HERE}/passkeys/{{id:[0-9]{{1,19}}}}/remove", remove_passkey),
]
