"""What tests of events find ready: the inbox of this server, and other servers that send to it."""

from tests.federation.conftest import door, there
from tests.federation.test_inbox import ann
from tests.groups.conftest import make_group

__all__ = ["ann", "door", "make_group", "there"]
