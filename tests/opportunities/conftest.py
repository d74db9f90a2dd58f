"""What tests of opportunities find ready: the inbox of this server, and other servers that send to it."""

from tests.federation.conftest import door, there
from tests.federation.test_inbox import ann

__all__ = ["ann", "door", "there"]
