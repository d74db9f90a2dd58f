"""Visitors who have an account elsewhere: where their own server lets them follow or answer somebody here."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from activitypub.discovery import parse_handle
from activitypub.errors import Malformed
from activitypub.identifiers import origin_of
from fedserver import mentions
from fedserver.context import Server
from fedserver.errors import BadAnswer, Invalid
from fedserver.federation import actors

HANDLE_CHARS_MAX: Final = 320
URI_CHARS_MAX: Final = 2_048


async def address_at_home(server: Server, handle: str, uri: str) -> str:
    """Where the server of `handle` lets its member act on `uri`, by the template in its WebFinger answer.

    Raises Invalid for what is no handle of another server, Unreachable, and BadAnswer for a server that names no
    usable place. The place must be https (http only in test mode), whoever names it.
    """
    if len(handle) > HANDLE_CHARS_MAX or len(uri) > URI_CHARS_MAX:
        raise Invalid({"handle": "must look like name@server.example"})
    try:
        asked = parse_handle(handle.strip())
    except Malformed as error:
        raise Invalid({"handle": "must look like name@server.example"}) from error
    if mentions.is_ours(server, asked.host):
        raise Invalid({"handle": "is on this server: please sign in here"})
    if not server.config.federates:
        raise Invalid({"handle": "cannot be looked up, because this server does not talk to others"})
    template = (await actors.webfinger(server, asked)).subscribe_template
    if template is None or "{uri}" not in template:
        raise BadAnswer(
            "That server does not say where you could do this. Search there for the address below."
        )
    target = template.replace("{uri}", quote(uri, safe=""))
    origin = origin_of(target)
    schemes = ("https", "http") if server.config.testing.allow_http else ("https",)
    # The braces could hide in the host, so what is checked is the finished address.
    if origin is None or origin.scheme not in schemes or "{" in target:
        raise BadAnswer("That server names a place we do not send anybody to.")
    return target
