"""How large what a member uploads may be: as the panel says, and never more than the settings file or the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from fedserver.config import Config

if TYPE_CHECKING:
    from fedserver.settings import InstanceSettings

CEILINGS: Final = {
    "largest_picture": "upload_bytes_max",
    "largest_video": "video_bytes_max",
    "largest_audio": "video_bytes_max",
    "largest_document": "resource_file_bytes_max",
}
"""By setting of the panel what bounds it."""


class Limits(NamedTuple):
    """In bytes: pictures (moving ones, too), videos, sound, and files of resources."""

    picture: int
    video: int
    audio: int
    document: int


def in_force(config: Config, site: InstanceSettings) -> Limits:
    """What holds now: what the panel says, 0 for as much as may be."""
    return Limits(*(min(getattr(site, name) or most, most) for name, most in ceilings(config).items()))


def ceilings(config: Config) -> dict[str, int]:
    """By setting of the panel how much it may be at most, in bytes."""
    return {name: getattr(config, bound) for name, bound in CEILINGS.items()}
