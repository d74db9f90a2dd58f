"""Where other servers' pictures, videos and sound are shown from: addresses of ours that lead to a bounded copy.

An address names the row that has the original's, and ends in a digest of it: it cannot be made up without knowing
the original, it changes when that does, and it leads nowhere once the row is gone. Nothing is looked up or written
to make one. `fedserver.remote_media` answers them.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

from activitypub.identifiers import host_of
from fedserver.config import Config

PATH: Final = "/media/remote"
DIGEST_CHARS: Final = 32
_KNOWN_MAX: Final = 8_192


def attachment(config: Config, row: Any) -> tuple[str, str]:
    """Where a row of the media table is shown from: the file, and the small picture; "" where there is none.

    Files of unknown kind are not copied: their address is the original's.
    """
    if not row.remote_url or row.type == "unknown":
        return row.url or row.remote_url, row.preview_url
    url = row.url or row.remote_url
    shown = _address(config, "attachment", row.id, url)
    if row.preview_url == url:
        return shown, shown
    return shown, _address(config, "preview", row.id, row.preview_url)


def avatar(config: Config, row: Any) -> str:
    """Where an account's picture is shown from; "" when it has none."""
    return _address(config, "avatar", row.id, row.avatar_url) if row.domain else str(row.avatar_url)


def header(config: Config, row: Any) -> str:
    """Where an account's wide picture is shown from; "" when it has none."""
    return _address(config, "header", row.id, row.header_url) if row.domain else str(row.header_url)


def emoji(config: Config, owner_uri: str, shortcode: str, url: str) -> str:
    """Where a custom emoji is shown from that a post or account with this id has."""
    host = host_of(owner_uri)
    if host is None or not config.remote_media_bytes_max or _is_ours(config, url):
        return url
    if owner_uri.startswith(f"{config.origin}/"):
        return url
    return f"{config.origin}{PATH}/emoji/{quote(host, safe='')}/{quote(shortcode)}/{digest(url)}"


def card(config: Config, preview_id: int, image_url: str) -> str:
    """Where the picture of a page's preview is shown from; "" when it has none."""
    return _address(config, "card", preview_id, image_url)


@lru_cache(_KNOWN_MAX)
def digest(url: str) -> str:
    """What an address of ours says of the original."""
    return sha256(url.encode()).hexdigest()[:DIGEST_CHARS]


def key_of(url: str) -> str:
    """The key under which a copy is remembered."""
    return sha256(url.encode()).hexdigest()


def _address(config: Config, what: str, row_id: int, url: str) -> str:
    if not url or not config.remote_media_bytes_max or _is_ours(config, url):
        return url
    return f"{config.origin}{PATH}/{what}/{row_id}/{digest(url)}"


def _is_ours(config: Config, url: str) -> bool:
    return url.startswith(f"{config.origin}/")
