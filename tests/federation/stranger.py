"""Somebody of another server, what she did here, and every address at which something of her could be shown."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from tests.groups.test_privacy import ALTERNATIVES, LEFT_OUT, PARAMETER
from web.app import ROUTES
from web.gate import is_place


@dataclass
class Stranger:
    """`ids` are of what she wrote here ("plain", "resource", "event") and where it stands ("ours": a post of ours that she
    answered, "list", "group"). `words` are what tells that something is of her."""

    name: str
    host: str
    uri: str
    account_id: int
    ids: dict[str, str]
    words: tuple[str, ...]

    def marks(self, text: str, path: str) -> list[str]:
        """What of her is in an answer, but for what was asked for."""
        # What a member wrote stays as it is, with the address of what they quote.
        low, asked = re.sub(r"RE: .*?</p>", "", text).lower(), path.lower()
        return [one for one in map(str.lower, self.words) if one in low and one not in asked]

    def paths(self) -> list[str]:
        """Every address for all, and for members, with her, her posts, and what she answered in it."""
        found: dict[str, None] = {}
        handle = f"{self.name}@{self.host}"
        for route in ROUTES:
            if route.method not in ("GET", "*") or route.path.startswith(LEFT_OUT) or is_place(route.path):
                continue
            if route.path.endswith("/") and route.path != "/":
                continue
            values = [
                self._values(route.path, name, pattern, handle)
                for name, pattern in PARAMETER.findall(route.path)
            ]
            few = values if len(values) < 2 else [one[:3] for one in values]
            for chosen in itertools.product(*few):
                rest = iter(chosen)
                found[PARAMETER.sub(lambda _, rest=rest: next(rest), route.path)] = None
        for at in (
            "/api/v2/search?q=",
            "/search?q=",
            "/api/v1/accounts/search?q=",
            "/api/v1/accounts/lookup?acct=",
        ):
            found.update(dict.fromkeys(f"{at}{word}" for word in (*self.words, handle, self.uri)))
        found[f"/.well-known/webfinger?resource=acct:{handle}"] = None
        found[f"/interact?uri={self.uri}"] = None
        found["/api/v1/timelines/public?remote=true"] = None
        found["/api/v1/directory?local=false"] = None
        return list(found)

    def at(self) -> list[str]:
        """Where she is found first."""
        name, word = self.name, self.words[1]
        post, her = f"/api/v1/statuses/{self.ids['plain']}", f"/api/v1/accounts/{self.account_id}"
        return [
            "/api/v1/timelines/public", f"/api/v1/timelines/tag/hush?{name[0]}", post, her, f"/@{name}@{self.host}?{name[0]}",
            "/api/v1/timelines/home", f"/api/v1/timelines/list/{self.ids['list']}", "/api/v1/notifications", "/api/v1/conversations",
            f"/api/v1/statuses/{self.ids['ours']}/context", f"/api/v1/statuses/{self.ids['ours']}/favourited_by",
            "/api/v1/bookmarks", "/api/v1/favourites", "/api/v1/directory", f"/api/v2/search?q={word[:-1]}", "/home", "/notifications",
            f"{post}/reblogged_by", f"{her}/statuses",
        ]  # fmt: skip

    def _values(self, path: str, name: str, pattern: str, handle: str) -> list[str]:
        if ALTERNATIVES.fullmatch(pattern):
            return pattern.split("|")
        if name in ("tag", "hashtag"):
            return ["hush"]
        if name in ("username", "acct", "handle", "actor", "name"):
            return [handle, "alice", "python"]
        if name in ("account_id", "account"):
            return [str(self.account_id)]
        for word in ("resource", "event", "list", "group"):
            if word in path:
                return [self.ids[word]]
        return [self.ids["plain"], self.ids["ours"], str(self.account_id)]
