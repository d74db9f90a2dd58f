"""The command `fedserver` with quick secrets: `python -m tests.quick_server serve`."""

from __future__ import annotations

from fedserver.cli.main import main
from tests import quick_secrets

if __name__ == "__main__":
    quick_secrets.use()
    main()
