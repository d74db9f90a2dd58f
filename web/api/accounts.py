"""Accounts of the client API: looking at them, and one's own."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from aiohttp import web

from fedserver import accounts, oauth, people, search, signup, tags, timelines, uploads
from fedserver.accounts import ProfileChange
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid, NotFound, Unauthorized
from fedserver.people import ACCOUNTS_ASKED_MAX, OwnAccount
from fedserver.signup import SignUp
from fedserver.timelines import AccountPosts
from fedserver.viewer import Member, require_scope
from web import auth, forms, keys, replies
from web.api.entities import Preferences, Profile, Source
from web.api.paging import ACCOUNTS, STATUSES, account_page, status_page, window
from web.api.render import VISIBILITY_SHOWN, fields, joined, renderer
from web.api.roles import ROLES
from web.api.statuses import VISIBILITY_MEANT
from web.api.tags import featured_entity
from web.forms import Params
from web.kept import for_strangers
from web.verbs import put_or_patch


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/accounts/:id``"""
    viewer = auth.viewer(request, "read:accounts")
    found = await people.one(keys.server(request), viewer.account_id, forms.path_id(request))
    return replies.json(renderer(request).account(found.row, moved=found.moved))


async def several(request: web.Request) -> web.Response:
    """``GET /api/v1/accounts?id[]=…``"""
    viewer = auth.viewer(request, "read:accounts")
    ids = forms.query(request).ids("id")[:ACCOUNTS_ASKED_MAX]
    render = renderer(request)
    rows = await people.some(keys.server(request), viewer.account_id, ids)
    return replies.json(joined(render.account(row) for row in rows))


async def lookup(request: web.Request) -> web.Response:
    """``GET /api/v1/accounts/lookup?acct=``: a known account, without asking elsewhere."""
    viewer = auth.viewer(request, "read:accounts")
    row = await people.by_handle(keys.server(request), viewer.account_id, forms.query(request).text("acct"))
    if row is None:
        raise NotFound("Record not found")
    return replies.json(renderer(request).account(row))


async def find(request: web.Request) -> web.Response:
    """``GET /api/v1/accounts/search``"""
    member = auth.member(request, "read:accounts")
    params = forms.query(request)
    rows = await search.accounts_named(
        keys.server(request),
        params.text("q"),
        limit=params.limit(*ACCOUNTS),
        offset=params.integer("offset", 0, least=0, most=10_000),
        resolve=params.flag("resolve"),
        only_followed=params.flag("following"),
        viewer_id=member.account_id,
    )
    render = renderer(request)
    return replies.json(joined(render.account(row) for row in rows))


@for_strangers
async def statuses(request: web.Request) -> web.Response:
    """``GET /api/v1/accounts/:id/statuses``"""
    viewer = auth.viewer(request, "read:statuses")
    params = forms.query(request)
    asked = window(params, STATUSES)
    server, shelf = keys.server(request), renderer(request).shelf
    account_id = forms.path_id(request)
    if params.flag("pinned"):
        await people.one(server, viewer.account_id, account_id)
        batch = await timelines.pinned(server, viewer.account_id, account_id, shelf)
        return replies.json(renderer(request).statuses(batch))
    wanted = AccountPosts(
        only_media=params.flag("only_media"),
        exclude_replies=params.flag("exclude_replies"),
        exclude_boosts=params.flag("exclude_reblogs"),
        tag=params.text("tagged"),
    )
    batch = await timelines.of_account(server, viewer.account_id, account_id, asked, shelf, wanted)
    return status_page(request, batch, asked)


async def followers(request: web.Request) -> web.Response:
    """``GET /api/v1/accounts/:id/followers``"""
    viewer = auth.viewer(request, "read:accounts")
    asked = window(forms.query(request), ACCOUNTS)
    rows = await people.followers(keys.server(request), viewer.account_id, forms.path_id(request), asked)
    return account_page(request, rows, asked)


async def following(request: web.Request) -> web.Response:
    """``GET /api/v1/accounts/:id/following``"""
    viewer = auth.viewer(request, "read:accounts")
    asked = window(forms.query(request), ACCOUNTS)
    rows = await people.following(keys.server(request), viewer.account_id, forms.path_id(request), asked)
    return account_page(request, rows, asked)


async def familiar_followers(request: web.Request) -> web.Response:
    """``GET /api/v1/accounts/familiar_followers?id[]=…``"""
    member = auth.member(request, "read:follows")
    ids = (await forms.params(request)).ids("id")[:ACCOUNTS_ASKED_MAX]
    found = await people.familiar_followers(keys.server(request), member, ids)
    render = renderer(request)
    return replies.json(
        joined(
            b'{"id":"%d","accounts":%b}' % (account_id, joined(render.account(row) for row in rows))
            for account_id, rows in found.items()
        )
    )


# -- one's own


async def verify_credentials(request: web.Request) -> web.Response:
    """``GET /api/v1/accounts/verify_credentials``"""
    member = _self(request)
    return await _credentials(request, member)


async def update_credentials(request: web.Request) -> web.Response:
    """``PATCH /api/v1/accounts/update_credentials``"""
    member = auth.member(request, "write:accounts")
    await _change(request, member)
    return await _credentials(request, member)


async def profile(request: web.Request) -> web.Response:
    """``GET /api/v1/profile``"""
    member = _self(request)
    return await _own_profile(request, member)


async def update_profile(request: web.Request) -> web.Response:
    """``PATCH /api/v1/profile``"""
    member = auth.member(request, "write:accounts")
    await _change(request, member)
    return await _own_profile(request, member)


async def remove_avatar(request: web.Request) -> web.Response:
    """``DELETE /api/v1/profile/avatar``"""
    member = auth.member(request, "write:accounts")
    await accounts.change_profile(keys.server(request), member, ProfileChange(avatar_url="", avatar_alt=""))
    return await _credentials(request, member)


async def remove_header(request: web.Request) -> web.Response:
    """``DELETE /api/v1/profile/header``"""
    member = auth.member(request, "write:accounts")
    await accounts.change_profile(keys.server(request), member, ProfileChange(header_url="", header_alt=""))
    return await _credentials(request, member)


async def preferences(request: web.Request) -> web.Response:
    """``GET /api/v1/preferences``"""
    member = auth.member(request, "read:accounts")
    user = (await people.own(keys.server(request), member)).user
    return replies.json(
        Preferences(
            visibility=VISIBILITY_SHOWN[user.default_visibility],  # type: ignore[arg-type]
            sensitive=bool(user.default_sensitive),
            language=user.default_language or None,
            quote_policy=user.default_quote_policy,  # type: ignore[arg-type]
        )
    )


async def register(request: web.Request) -> web.Response:
    """``POST /api/v1/accounts``: sign up through an app, which gets a token that works once the address is confirmed. Its
    ``reason`` answers the first question of the community; ``invite_code`` is of a link."""
    asking = auth.viewer(request)
    if asking.app_id is None and not isinstance(asking, Member):
        raise Unauthorized(auth.INVALID_TOKEN)
    if isinstance(asking, Member):
        raise Forbidden("This method requires an app token")
    require_scope(asking, "write:accounts")
    params = await forms.params(request)
    form = SignUp(
        username=params.text("username"),
        email=params.text("email"),
        password=params.text("password"),
        reason=params.text("reason"),
        invite_code=params.text("invite_code"),
        agreed=params.flag("agreement"),
        locale=params.text("locale", "en"),
        time_zone=params.text("time_zone", "UTC"),
    )
    server = keys.server(request)
    try:
        signed_up = await signup.sign_up(server, form, ip=request[keys.CLIENT])
    except Invalid as error:
        problems = ", ".join(f"{name.capitalize()} {problem}" for name, problem in error.fields.items())
        raise Invalid(error.fields, f"Validation failed: {problems or error}") from error
    issued = await server.db.write(
        oauth.issue, signed_up.account_id, " ".join(sorted(asking.scopes)), app_id=asking.app_id
    )
    return replies.json(
        {
            "access_token": issued.access_token,
            "token_type": issued.token_type,
            "scope": issued.scope,
            "created_at": issued.created_at,
        }
    )


def _self(request: web.Request) -> Member:
    member = auth.member(request)
    if "profile" not in member.scopes:
        require_scope(member, "read:accounts")
    return member


async def _credentials(request: web.Request, member: Member) -> web.Response:
    own = await people.own(keys.server(request), member)
    more = b',"source":%b,"role":%b' % (
        msgspec.json.encode(_source(own)),
        msgspec.json.encode(ROLES[member.role]),
    )
    return replies.json(renderer(request).account(own.row, moved=own.moved, more=more))


def _source(own: OwnAccount) -> Source:
    row, user = own.row, own.user
    return Source(
        note=row.note_source,
        fields=fields(row, source=True),
        privacy=VISIBILITY_SHOWN[user.default_visibility],  # type: ignore[arg-type]
        sensitive=bool(user.default_sensitive),
        language=user.default_language,
        follow_requests_count=own.follow_requests_count,
        hide_collections=bool(row.hides_follows),
        discoverable=bool(row.discoverable),
        indexable=bool(row.indexable),
        quote_policy=user.default_quote_policy,  # type: ignore[arg-type]
        attribution_domains=msgspec.json.decode(row.attribution_domains),
    )


async def _own_profile(request: web.Request, member: Member) -> web.Response:
    own = await people.own(keys.server(request), member)
    row = own.row
    shown = renderer(request).account_body(row)
    featured = await tags.featured(keys.server(request), row.id, row.id)
    return replies.json(
        Profile(
            id=str(row.id),
            display_name=row.display_name,
            note=row.note_source,
            fields=fields(row, source=True),
            avatar=row.avatar_url or None,
            avatar_static=row.avatar_url or None,
            avatar_description=row.avatar_alt,
            header=row.header_url or None,
            header_static=row.header_url or None,
            header_description=row.header_alt,
            locked=bool(row.locked),
            bot=bool(row.bot),
            hide_collections=bool(row.hides_follows),
            discoverable=bool(row.discoverable),
            indexable=bool(row.indexable),
            show_media=bool(row.show_media),
            show_media_replies=bool(row.show_media_replies),
            show_featured=bool(row.show_featured),
            attribution_domains=msgspec.json.decode(row.attribution_domains),
            featured_tags=[featured_entity(request, one) for one in featured],
            formatted_note=shown.note,
            formatted_fields=shown.fields,
        )
    )


async def _change(request: web.Request, member: Member) -> None:
    params = await forms.params(request)
    server = keys.server(request)
    source = params.nested("source")
    privacy = source.maybe_text("privacy")
    change: dict[str, Any] = {
        "display_name": params.maybe_text("display_name"),
        "note": params.maybe_text("note"),
        "fields": _fields(params),
        "locked": params.maybe_flag("locked"),
        "bot": params.maybe_flag("bot"),
        "discoverable": params.maybe_flag("discoverable"),
        "indexable": params.maybe_flag("indexable"),
        "hides_follows": params.maybe_flag("hide_collections"),
        "show_media": params.maybe_flag("show_media"),
        "show_media_replies": params.maybe_flag("show_media_replies"),
        "show_featured": params.maybe_flag("show_featured"),
        "attribution_domains": _attribution_domains(params),
        "avatar_alt": params.maybe_text("avatar_description"),
        "header_alt": params.maybe_text("header_description"),
        "default_visibility": VISIBILITY_MEANT.get(privacy, privacy) if privacy is not None else None,
        "default_sensitive": source.maybe_flag("sensitive"),
        "default_language": source.maybe_text("language"),
        "default_quote_policy": source.maybe_text("quote_policy"),
    }
    await _with_pictures(server, member, params, change)


async def _with_pictures(server: Server, member: Member, params: Params, change: dict[str, Any]) -> None:
    """Store the pictures, and take them away again if the rest cannot be changed."""
    stored = []
    try:
        for name in ("avatar", "header"):
            upload = params.upload(name)
            if upload is not None:
                picture = await uploads.profile_picture(server, upload.path, name)
                stored.append(picture)
                change[f"{name}_url"] = picture.url
            elif params.get(name) == "":
                change[f"{name}_url"] = ""
        await accounts.change_profile(server, member, ProfileChange(**change))
    except BaseException:
        for picture in stored:
            await uploads.forget_picture(server, picture)
        raise


def _attribution_domains(params: Params) -> list[str] | None:
    if "attribution_domains" not in params:
        return None
    return params.texts("attribution_domains", count_max=accounts.ATTRIBUTION_DOMAINS_MAX)


def _fields(params: Params) -> list[tuple[str, str]] | None:
    if "fields_attributes" not in params:
        return None
    return [
        (one.text("name"), one.text("value"))
        for one in params.children("fields_attributes", count_max=accounts.FIELDS_MAX)
    ]


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/accounts", several),
    web.post("/api/v1/accounts", register),
    web.get("/api/v1/accounts/lookup", lookup),
    web.get("/api/v1/accounts/search", find),
    web.get("/api/v1/accounts/verify_credentials", verify_credentials),
    *put_or_patch("/api/v1/accounts/update_credentials", update_credentials),
    web.get("/api/v1/accounts/familiar_followers", familiar_followers),
    web.get("/api/v1/profile", profile),
    *put_or_patch("/api/v1/profile", update_profile),
    web.delete("/api/v1/profile/avatar", remove_avatar),
    web.delete("/api/v1/profile/header", remove_header),
    web.get("/api/v1/preferences", preferences),
]

# After the routes of `relations`, which have fixed names where these have ids.
routes_by_id: Final[list[web.RouteDef]] = [
    web.get("/api/v1/accounts/{id}", show),
    web.get("/api/v1/accounts/{id}/statuses", statuses),
    web.get("/api/v1/accounts/{id}/followers", followers),
    web.get("/api/v1/accounts/{id}/following", following),
]
