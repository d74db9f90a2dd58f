"""Members inside the test process: an account, a token, and requests to the application that serves them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp.test_utils import TestClient

from fedserver import oauth, signup
from fedserver.context import Server
from fedserver.viewer import PAGE_SCOPES, Member, Role
from tests.client import ApiError


@dataclass
class Person:
    """A member who asks through the client API, or nobody, when there is no token. Answers are plain JSON."""

    client: TestClient[Any, Any]
    username: str = ""
    account_id: int = 0
    token: str = ""
    role: Role = "member"

    @property
    def id(self) -> str:
        """The account's id as the client API writes it."""
        return str(self.account_id)

    @property
    def member(self) -> Member:
        """The same one as fedserver's functions know them, with every scope."""
        return Member(self.account_id, self.username, self.role, PAGE_SCOPES)

    async def get(self, path: str, **query: Any) -> Any:
        return await self.ask("GET", path, params=query)

    async def post(self, path: str, form: Any = None, **more: Any) -> Any:
        return await self.ask("POST", path, **_body(form, more))

    async def put(self, path: str, form: Any = None, **more: Any) -> Any:
        return await self.ask("PUT", path, **_body(form, more))

    async def patch(self, path: str, form: Any = None, **more: Any) -> Any:
        return await self.ask("PATCH", path, **_body(form, more))

    async def delete(self, path: str, **query: Any) -> Any:
        return await self.ask("DELETE", path, params=query)

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        """The JSON of the answer; ApiError if the server refuses."""
        async with await self.raw(method, path, **more) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise ApiError(method, path, answer.status, text)
            return await answer.json(content_type=None) if text else None

    async def raw(self, method: str, path: str, **more: Any) -> Any:
        """The answer as it stands, whatever its status."""
        headers = {
            **({"authorization": f"Bearer {self.token}"} if self.token else {}),
            **more.pop("headers", {}),
        }
        return await self.client.request(method, path, headers=headers, allow_redirects=False, **more)


async def make(server: Server, client: TestClient[Any, Any], username: str, role: Role = "member") -> Person:
    """Make a member who is let in, and a token with every scope."""
    account_id = await signup.make_user(
        server.db, server.uris, server.keys, username=username, email=f"{username}@members.example", role=role
    )
    scopes = "read write follow push" + (" admin:read admin:write" if role != "member" else "")
    issued = await server.db.write(oauth.issue, account_id, scopes)
    return Person(client, username, account_id, issued.access_token, role)


def _body(form: Any, more: dict[str, Any]) -> dict[str, Any]:
    return more if "data" in more else {"json": form if form is not None else {}, **more}
