"""A mail server that runs, for events."""

from tests.events.conftest import ann, door, there
from tests.mail_in.conftest import office

__all__ = ["ann", "door", "office", "there"]
