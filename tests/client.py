"""A client of the client API for tests: answers are plain JSON, and a refusal says everything there is to know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

SECONDS_MAX = 30


class ApiError(AssertionError):
    """The server refused. `status` and `body` say how."""

    def __init__(self, method: str, path: str, status: int, body: str) -> None:
        super().__init__(f"{method} {path} answered {status}: {body[:4000]}")
        self.status = status
        self.body = body


class Api:
    """Somebody who uses the server at `origin`: with `token` a member, without one nobody."""

    def __init__(
        self,
        origin: str,
        token: str | None = None,
        *,
        username: str = "",
        domain: str = "",
        address: str = "",
        log_end: Callable[[], str] = lambda: "",
    ) -> None:
        """`domain` is the one in handles if not that of `origin`; `address` is where it listens, if elsewhere.

        `log_end` tells what the server has logged, to explain failures of its own.
        """
        self.log_end = log_end
        self.origin = origin
        self.token = token
        self.username = username
        authority = origin.partition("://")[2]
        self.domain = domain or authority
        headers = {"host": authority, **({"authorization": f"Bearer {token}"} if token else {})}
        self.http = httpx.Client(
            base_url=address or origin, headers=headers, timeout=SECONDS_MAX, trust_env=False
        )

    @property
    def handle(self) -> str:
        """@name@domain"""
        return f"@{self.username}@{self.domain}"

    @property
    def me(self) -> dict[str, Any]:
        """The member's own account, with what only they see."""
        account: dict[str, Any] = self.get("/api/v1/accounts/verify_credentials")
        return account

    def get(self, path: str, **query: Any) -> Any:
        return self._ask("GET", path, params=query)

    def post(self, path: str, form: Any = None, **more: Any) -> Any:
        return self._ask("POST", path, json=form if form is not None else {}, **more)

    def put(self, path: str, form: Any = None, **more: Any) -> Any:
        return self._ask("PUT", path, json=form if form is not None else {}, **more)

    def patch(self, path: str, form: Any = None, **more: Any) -> Any:
        return self._ask("PATCH", path, json=form if form is not None else {}, **more)

    def delete(self, path: str, **query: Any) -> Any:
        return self._ask("DELETE", path, params=query)

    def upload(self, data: bytes, name: str = "picture.png", kind: str = "image/png", **fields: str) -> Any:
        """Upload a file; its media attachment, processed."""
        return self._ask("POST", "/api/v2/media", files={"file": (name, data, kind)}, data=fields)

    def raw(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The answer as it stands, whatever its status."""
        return self.http.request(method, path, **more)

    def close(self) -> None:
        self.http.close()

    # What nearly every test of federation does.

    def find_account(self, query: str) -> dict[str, Any]:
        """The account of a handle or address, fetched from its server if need be."""
        found = self.get("/api/v2/search", q=query, resolve="true", type="accounts")["accounts"]
        assert found, f"{query} is not found"
        account: dict[str, Any] = found[0]
        return account

    def find_status(self, uri: str) -> dict[str, Any]:
        """The status with this address, fetched from its server if need be."""
        found = self.get("/api/v2/search", q=uri, resolve="true", type="statuses")["statuses"]
        assert found, f"{uri} is not found"
        status: dict[str, Any] = found[0]
        return status

    def in_home(self, uri: str) -> dict[str, Any] | None:
        """The status with this address, or the boost of it, in the home timeline."""
        for status in self.get("/api/v1/timelines/home", limit=40):
            if uri in (status["uri"], (status["reblog"] or {}).get("uri")):
                found: dict[str, Any] = status
                return found
        return None

    def notified(self, kind: str, account_id: str | None = None) -> dict[str, Any] | None:
        """The newest notification of this type, about this account if named."""
        for notification in self.get("/api/v1/notifications", **{"types[]": kind}):
            if account_id in (None, notification["account"]["id"]):
                found: dict[str, Any] = notification
                return found
        return None

    def relationship(self, account_id: str) -> dict[str, Any]:
        """How this member stands to an account."""
        found: dict[str, Any] = self.get("/api/v1/accounts/relationships", **{"id[]": account_id})[0]
        return found

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        answer = self.http.request(method, path, **more)
        if answer.status_code >= 400:
            log = self.log_end() if answer.status_code >= 500 else ""
            raise ApiError(method, path, answer.status_code, answer.text + log)
        return answer.json() if answer.content else None
