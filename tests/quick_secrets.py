"""Passwords and RSA keys that cost next to nothing to make. Everything else about them is real."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from argon2 import PasswordHasher

from activitypub.signatures.keys import PrivateKey
from fedserver import passwords

# Each actor gets another one in turn; two actors with one key would only be noticed by who compares them.
RSA_KEYS = 16
HOME = Path(gettempdir()) / f"fedserver-tests-{os.getuid()}"

_next_key = itertools.count()
_generate_rsa = PrivateKey.generate_rsa


def use(setattr_: Callable[[Any, str, Any], None] = setattr) -> None:
    """From now on, in this process; `setattr_` may be a monkeypatch's, which takes it back."""
    setattr_(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    setattr_(PrivateKey, "generate_rsa", classmethod(_ready_made))


def _ready_made(cls: type[PrivateKey], *, key_id: str, owner_uri: str) -> PrivateKey:
    pem = _keys()[next(_next_key) % RSA_KEYS]
    return cls.from_own_pem(pem, key_id=key_id, owner_uri=owner_uri)


@cache
def _keys() -> list[str]:
    """The keys, made once on this machine and kept between runs."""
    HOME.mkdir(exist_ok=True)
    path = HOME / "rsa-keys.json"
    if not path.exists():
        made = [_generate_rsa(key_id="", owner_uri="").to_pem() for _ in range(RSA_KEYS)]
        making = path.with_suffix(f".{os.getpid()}")
        making.write_text(json.dumps(made))
        making.rename(path)
    found: list[str] = json.loads(path.read_text())
    return found
