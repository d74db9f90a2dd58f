"""A mail server that runs, and groups to write to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.groups.conftest import answer, make_group, start
from tests.mail_in.post_office import Missing, PostOffice, post_office

__all__ = ["answer", "make_group", "office", "start"]


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """A mail server that speaks SMTP and IMAP."""
    try:
        with post_office() as running:
            yield running
    except Missing as missing:
        pytest.skip(f"skipped: {missing}")
