"""What a member sets: profile, looks, mails, password and sessions, apps, blocks."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import (
    accounts,
    email_subscriptions,
    mail,
    mail_preferences,
    mail_wordings,
    oauth,
    preferences,
    profiles,
    second_factors,
    sessions,
    unsubscribing,
    uploads,
)
from fedserver.accounts import FIELDS_MAX, ProfileChange
from fedserver.errors import Invalid
from fedserver.events import inviting
from fedserver.events import preferences as event_preferences
from fedserver.events.offsets import OFFSETS
from fedserver.media.pipeline import StoredMedia
from fedserver.moderation import duty
from web import forms, keys
from web.forms import Params
from web.pages import page
from web.pages.events.reminders import read_minutes

_PROFILE_FIELDS: Final = {"fields_attributes": "field-0-name"}


async def index(_: web.Request) -> web.StreamResponse:
    """The first of them."""
    raise web.HTTPFound("/settings/profile")


# --- the profile ----------------------------------------------------------------------------


async def ask_profile(request: web.Request) -> web.StreamResponse:
    """The profile as it is."""
    member = page.member(request)
    profile = await profiles.by_id(keys.server(request), member, member.account_id)
    return await page.show(
        request,
        "settings/profile.html",
        problems={},
        profile=profile,
        fields_max=FIELDS_MAX,
        lines_now=_lines(profile),
    )


async def change_profile(request: web.Request) -> web.StreamResponse:
    """Change the profile."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    stored: list[StoredMedia] = []
    try:
        try:
            pictures = await _pictures(request, params, stored)
            await accounts.change_profile(server, member, ProfileChange(**{**_profile(params), **pictures}))
        except BaseException:
            for picture in stored:
                await uploads.forget_picture(server, picture)
            raise
    except page.MENDABLE as error:
        profile = await profiles.by_id(server, member, member.account_id)
        return await page.show_again(
            request,
            "settings/profile.html",
            error,
            _PROFILE_FIELDS,
            profile=profile,
            fields_max=FIELDS_MAX,
            lines_now=_lines(profile),
            entered=_profile(params),
        )
    return page.go("/settings/profile?done=saved")


def _profile(params: Params) -> dict[str, Any]:
    return {
        "display_name": params.text("display_name"),
        "note": params.text("note").replace("\r\n", "\n"),
        "fields": [
            (one.text("name"), one.text("value")) for one in params.children("fields", count_max=FIELDS_MAX)
        ],
        "avatar_alt": params.text("avatar_alt", chars_max=500),
        "header_alt": params.text("header_alt", chars_max=500),
        **{
            name: params.flag(name)
            for name in ("locked", "bot", "discoverable", "indexable", "hides_follows")
        },
    }


def _lines(profile: profiles.Profile) -> list[tuple[str, str]]:
    return [(one.name, one.source) for one in profile.fields]


async def _pictures(request: web.Request, params: Params, stored: list[StoredMedia]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in ("avatar", "header"):
        upload = params.upload(name)
        if upload is not None:
            try:
                picture = await uploads.profile_picture(
                    keys.server(request), upload.path, "avatar" if name == "avatar" else "header"
                )
            except Invalid as error:
                raise Invalid({name: str(error)}) from error
            stored.append(picture)
            found[f"{name}_url"] = picture.url
        elif params.flag(f"remove_{name}"):
            found[f"{name}_url"] = ""
    return found


# --- looks and mails ------------------------------------------------------------------------


async def ask_appearance(request: web.Request) -> web.StreamResponse:
    """How pages look and posts begin."""
    row = await profiles.own_user(keys.server(request), page.member(request))
    return await page.show(request, "settings/appearance.html", problems={}, user=row)


async def change_appearance(request: web.Request) -> web.StreamResponse:
    """Set both."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    try:
        await preferences.choose(
            server,
            member,
            appearance=params.text("appearance"),
            visibility=params.text("visibility"),
            sensitive=params.flag("sensitive"),
            language=params.text("language"),
            quote_policy=params.maybe_text("quote_policy"),
        )
    except page.MENDABLE as error:
        row = await profiles.own_user(server, member)
        return await page.show_again(request, "settings/appearance.html", error, user=row)
    return page.go("/settings/appearance?done=saved")


async def ask_mails(request: web.Request) -> web.StreamResponse:
    """What to be told of by mail."""
    return await page.show(request, "settings/email.html", problems={}, **await _mails(request))


async def change_mails(request: web.Request) -> web.StreamResponse:
    """Choose the kinds of mail, and how often a digest comes."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    try:
        await mail_preferences.choose(
            server,
            member,
            wants_groups=params.flag("groups"),
            rhythm=params.text("rhythm"),
            time_zone=params.maybe_text("time_zone"),
        )
        language = params.maybe_text("mail_language")
        if language is not None:
            await mail_wordings.choose_language(server, member, language)
        await unsubscribing.choose(server, member, params.texts("kinds", count_max=len(mail.KINDS)))
        await event_preferences.choose(server, member, invites_by_mail=params.flag("invites"))
    except page.MENDABLE as error:
        return await page.show_again(request, "settings/email.html", error, **await _mails(request))
    return page.go("/settings/email?done=saved")


async def change_duty(request: web.Request) -> web.StreamResponse:
    """Choose how often a mail tells of what waits."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    try:
        hour = params.integer("duty_hour", duty.HOUR_OF_DAY)
        await duty.choose(server, member, rhythm=params.text("duty_rhythm"), hour=hour)
    except page.MENDABLE as error:
        return await page.show_again(request, "settings/email.html", error, **await _mails(request))
    return page.go("/settings/email?done=saved")


async def change_reminders(request: web.Request) -> web.StreamResponse:
    """Choose when and how to be reminded of events."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    texts = params.texts("reminders", count_max=len(OFFSETS))
    try:
        await event_preferences.choose(
            server,
            member,
            reminds_here=params.flag("reminds_here"),
            reminds_by_mail=params.flag("reminds_by_mail"),
            minutes=None if params.flag("as_each") else read_minutes(texts),
        )
    except page.MENDABLE as error:
        return await page.show_again(request, "settings/email.html", error, **await _mails(request))
    return page.go("/settings/email?done=saved")


async def renew_addresses(request: web.Request) -> web.StreamResponse:
    """End the addresses by which the member posts by mail."""
    await mail_preferences.renew_addresses(keys.server(request), page.member(request))
    return page.go("/settings/email?done=new-addresses")


async def _mails(request: web.Request) -> dict[str, Any]:
    server, member = keys.server(request), page.member(request)
    user = await profiles.own_user(server, member)
    own = await mail_wordings.languages(server)
    shown: dict[str, Any] = {
        "kinds": mail.KINDS,
        "user": user,
        "languages": [(tag, tag) for tag in sorted({*own, "en", user.locale})] if own else [],
        "groups": await mail_preferences.show(server, member),
        "groups_words": mail_preferences.GROUPS_WORDS,
        "events": await event_preferences.show(server, member),
        "invites_words": inviting.WORDS,
        "offsets": OFFSETS,
    }
    if duty.concerns(member):
        shown["duty"] = await duty.show(server, member)
        shown["hours"] = [(hour, f"{hour}:00") for hour in range(24)]
    if server.config.email_subscriptions:
        shown["readers"] = await email_subscriptions.readers(server, member)
    return shown


# --- password, address, sessions, apps ------------------------------------------------------


async def ask_security(request: web.Request) -> web.StreamResponse:
    """Password, address, and where the member is signed in."""
    return await page.show(request, "settings/security.html", problems={}, **await of_security(request))


async def change_password(request: web.Request) -> web.StreamResponse:
    """Change the password and sign out everywhere else."""
    params = await forms.params(request)
    try:
        await sessions.change_password(
            keys.server(request),
            page.member(request),
            old=params.text("current_password"),
            new=params.text("password"),
        )
    except page.MENDABLE as error:
        return await page.show_again(request, "settings/security.html", error, **await of_security(request))
    return page.go("/settings/security?done=new-password")


async def change_email(request: web.Request) -> web.StreamResponse:
    """Ask for another address."""
    params = await forms.params(request)
    names = {"current_password": "email_password"}
    try:
        await sessions.change_email(
            keys.server(request),
            page.member(request),
            password=params.text("email_password"),
            email=params.text("email"),
        )
    except page.MENDABLE as error:
        return await page.show_again(
            request, "settings/security.html", error, names, **await of_security(request)
        )
    return page.go("/settings/security?done=mail-sent")


async def end_session(request: web.Request) -> web.StreamResponse:
    """Sign out in one other browser."""
    await sessions.end(keys.server(request), page.member(request), forms.path_id(request))
    return page.go("/settings/security?done=ended")


async def end_others(request: web.Request) -> web.StreamResponse:
    """Sign out everywhere else."""
    await sessions.end_others(keys.server(request), page.member(request))
    return page.go("/settings/security?done=others-ended")


async def apps(request: web.Request) -> web.StreamResponse:
    """Which apps may use the account."""
    grants = await oauth.grants(keys.server(request), page.member(request))
    return await page.show(request, "settings/apps.html", grants=grants)


async def end_grant(request: web.Request) -> web.StreamResponse:
    """End the access of an app."""
    await oauth.end_grant(keys.server(request), page.member(request), forms.path_id(request))
    return page.go("/settings/apps?done=revoked")


async def blocks(request: web.Request) -> web.StreamResponse:
    """Whom the member blocks and mutes."""
    server, member = keys.server(request), page.member(request)
    window = page.window(request, page.PEOPLE_PER_PAGE)
    muted = request.match_info["shown"] == "mutes"
    people = await (profiles.muted if muted else profiles.blocked)(server, member, window)
    return await page.show(request, "settings/blocks.html", listed=people, muted=muted)


_BROWSERS: Final = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS: Final = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)  # fmt: skip


def _browser(user_agent: str) -> str:
    """What a browser says it is, as people call it; its own words where we do not know it."""
    name = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return (f"{name} on {system}" if name and system else name or user_agent[:60]) or "Unknown browser"


async def of_security(request: web.Request) -> dict[str, Any]:
    """What the page of password, second factors and sessions shows."""
    server, member = keys.server(request), page.member(request)
    return {
        "factors": await second_factors.of_account(server, member.account_id),
        "browser": _browser,
        "since": sessions.begun_at,
        "wanted": second_factors.is_missing(request[keys.SETTINGS], member),
        "user": await profiles.own_user(server, member),
        "sessions": await sessions.of_member(server, member),
        "present": member.session_id,
    }


routes = [
    web.get("/settings", index),
    web.get("/settings/profile", ask_profile),
    web.post("/settings/profile", change_profile),
    web.get("/settings/appearance", ask_appearance),
    web.post("/settings/appearance", change_appearance),
    web.get("/settings/email", ask_mails),
    web.post("/settings/email", change_mails),
    web.post("/settings/email/addresses", renew_addresses),
    web.post("/settings/email/duty", change_duty),
    web.post("/settings/reminders", change_reminders),
    web.get("/settings/security", ask_security),
    web.post("/settings/security/password", change_password),
    web.post("/settings/security/email", change_email),
    web.post("/settings/security/others", end_others),
    web.post("/settings/security/sessions/{id:[0-9]{1,19}}", end_session),
    web.get("/settings/apps", apps),
    web.post("/settings/apps/{id:[0-9]{1,19}}", end_grant),
    web.get("/settings/{shown:blocks|mutes}", blocks),
]
