"""How the community looks: the colour of its links and buttons, its logo, and the small style sheet that says so."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from fedserver import colours, settings
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.jobs.plan import plan
from fedserver.media.pipeline import delete_media, store_picture
from fedserver.moderation.permissions import Permission, require
from fedserver.settings import InstanceSettings, Logo
from fedserver.viewer import Member

_SHEET: Final = """@layer tokens {{
:root {{ --link: {light}; --accent: {light}; --on-accent: {on_light}; --focus: {light}; }}
@media (prefers-color-scheme: dark) {{ :root:not([data-theme="light"]) {{ {dark} }} }}
:root[data-theme="dark"] {{ {dark} }}
}}
"""
_DARK: Final = "--link: {dark}; --accent: {dark}; --on-accent: {on_dark}; --focus: #ffd166;"


def stylesheet(now: InstanceSettings) -> str:
    """The shades of the community's colour, in the layer that the site's own style sheet has them in; "" without."""
    return _sheet(now.accent, now.accent_dark)[0]


def version(now: InstanceSettings) -> str:
    """What tells one style sheet from another in its address; "" where there is none."""
    return _sheet(now.accent, now.accent_dark)[1]


@lru_cache(8)
def _sheet(accent: str, accent_dark: str) -> tuple[str, str]:
    if not accent and not accent_dark:
        return "", ""
    light, dark = _shades(accent, accent_dark)
    told = _DARK.format(dark=dark, on_dark=colours.DARK.on_accent)
    sheet = _SHEET.format(light=light, on_light=colours.LIGHT.on_accent, dark=told)
    return sheet, hashlib.blake2b(sheet.encode(), digest_size=6).hexdigest()


def _shades(accent: str, accent_dark: str) -> tuple[str, str]:
    return (
        colours.shade(accent or accent_dark, colours.LIGHT),
        colours.shade(accent_dark or accent, colours.DARK),
    )


def shades(now: InstanceSettings) -> list[tuple[str, str, float]]:
    """The colours in use, for the panel: the scheme's name, the shade, and the least contrast it has there."""
    if not now.accent and not now.accent_dark:
        return []
    return [
        (scheme.name, shade, colours.readable(shade, scheme))
        for scheme, shade in zip(
            (colours.LIGHT, colours.DARK), _shades(now.accent, now.accent_dark), strict=True
        )
    ]


async def set_logo(server: Server, member: Member, picture: Path) -> None:
    """Take a picture for the community's logo, and a square of it for the icon of tabs. Raises Forbidden, Invalid,
    TooLarge."""
    require(member, Permission.MANAGE_SETTINGS)
    kept = []
    try:
        try:
            logo = await store_picture(picture, store=server.media, processor=server.images)
            kept.append(logo)
            icon = await store_picture(picture, store=server.media, processor=server.images, purpose="avatar")
        except Invalid as error:
            raise Invalid({"logo": str(error)}) from error
        kept.append(icon)
        keys = tuple(dict.fromkeys((*logo.keys, *icon.keys)))
        await _put(server, member, Logo(logo.preview_url, icon.url, keys))
    except BaseException:
        for one in kept:
            await delete_media(one, server.media)
        raise


async def remove_logo(server: Server, member: Member) -> None:
    """Show the name alone again. Raises Forbidden."""
    require(member, Permission.MANAGE_SETTINGS)
    await _put(server, member, Logo())


async def _put(server: Server, member: Member, logo: Logo) -> None:
    def unit(conn: Connection) -> None:
        before = settings.in_force(conn, server.config).logo
        settings.change_unit(conn, server.config, member, {"logo": logo})
        if before.store_keys:
            plan(conn, "delete_files", {"keys": list(before.store_keys)})

    await server.db.write(unit)
    server.remembered.forget_settings()
