"""Mastodon.py as its authors publish it, logged in through the pages; it remembers what of it was called."""

from __future__ import annotations

import html
import inspect
import re
import sys
from typing import Any

import httpx
from mastodon import Mastodon

from tests.running import RunningServer, password_of

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
SCOPES = ["profile", "read", "write", "follow", "push"]
_FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
_CODE = re.compile(r'id="code" name="code" value="([^"]+)"')

METHODS = {name for name, _ in inspect.getmembers(Mastodon, callable) if not name.startswith("_")}


CALLED: set[str] = set()
"""The methods that were asked for from outside of the library."""


def _note(name: str) -> None:
    if name in METHODS and not sys._getframe(2).f_globals["__name__"].startswith("mastodon."):
        CALLED.add(name)


class _Noting(type):
    def __getattribute__(cls, name: str) -> Any:
        _note(name)
        return super().__getattribute__(name)


class Client(Mastodon, metaclass=_Noting):  # type: ignore[misc]
    """Mastodon.py, unchanged but for the notes."""

    def __getattribute__(self, name: str) -> Any:
        _note(name)
        return super().__getattribute__(name)


def log_in(running: RunningServer, name: str) -> Client:
    """Register an app and log a member in through the pages, as a person with a browser would."""
    running.member(name)
    client_id, secret = Client.create_app(
        f"Test of {name}", scopes=SCOPES, redirect_uris=OUT_OF_BAND, api_base_url=running.origin
    )
    app = Client(client_id=client_id, client_secret=secret, api_base_url=running.origin)
    with httpx.Client(follow_redirects=True, trust_env=False, timeout=30) as browser:
        page = browser.get(app.auth_request_url(redirect_uris=OUT_OF_BAND, scopes=SCOPES, allow_http=True))
        page = browser.post(
            f"{running.origin}/oauth/authorize",
            data={**_hidden(page.text), "username": name, "password": password_of(name)},
        )
        page = browser.post(f"{running.origin}/oauth/authorize", data=_hidden(page.text))
    code = _CODE.search(page.text)
    assert code, page.text
    app.log_in(code=html.unescape(code[1]), redirect_uri=OUT_OF_BAND, scopes=SCOPES, allow_http=True)
    return app


def _hidden(page: str) -> dict[str, str]:
    """The hidden fields of the first form of a page."""
    form = page.partition('<form method="post" action="/oauth/authorize"')[2].partition("</form>")[0]
    return {name: html.unescape(value) for name, value in _FIELD.findall(form)}
