"""Install peers and clients ahead of the tests, or say why their tests will be skipped."""

from collections.abc import Callable
from typing import Any

from tests.clients import javascript, toot_suite
from tests.peers import node

INSTALLERS: dict[str, Callable[[], Any]] = {
    "another server": node.install,
    "clients in JavaScript": javascript.install,
    "toot": toot_suite.install,
}

for what, install in INSTALLERS.items():
    try:
        install()
    except node.Missing as missing:
        print(f"Tests with {what} will be skipped: {missing}.")
