"""Every file of the platforms of groups and events that others shared with us is part of a conversation that is replayed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.federation import (
    test_platforms_events,
    test_platforms_forums,
    test_platforms_lemmy,
    test_platforms_mbin,
    test_platforms_mitra,
)
from tests.federation.replay import PLATFORMS, REPLAYED, folder_of

SCENES = (
    test_platforms_events, test_platforms_lemmy, test_platforms_forums, test_platforms_mbin, test_platforms_mitra,
)  # fmt: skip


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_file_of_the_platform_is_replayed(platform: str, shared: Path) -> None:
    files = {file.name.removesuffix(".json") for file in folder_of(shared, platform).iterdir()}
    assert files
    assert REPLAYED[platform] == files
