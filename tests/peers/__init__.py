"""Servers that others wrote, which the tests talk to. `python -m tests.peers` installs them."""
