"""Secrets that must be had again, kept in the database so that a copy of it gives none of them away.

The key is a file in the data directory, made when it is first needed and readable by the server alone. No
copy of the database alone has it, but a backup of the whole instance (`fedserver.backups`) does; where it is lost, what
was sealed is as if it had never been there. Several servers on one database share the data directory, or each opens only
what it has sealed itself.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fedserver.config import Config

FILE: Final = "sealing.key"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


def seal(config: Config, secret: str, about: str) -> bytes:
    """The secret, sealed; it opens only together with `about`, which says what it is for. Reads a small file."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(_key(config)).encrypt(nonce, secret.encode(), about.encode())


def unseal(config: Config, sealed: bytes, about: str) -> str | None:
    """The secret again; None if it was sealed with another key or about something else."""
    try:
        opened = AESGCM(_key(config)).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about.encode())
    except InvalidTag:
        return None
    return opened.decode()


def digester(config: Config, about: str) -> Callable[[str], bytes]:
    """A keyed digest, by which a value is known again that cannot be had again. Reads a small file."""
    key = HKDF(SHA256(), KEY_BYTES, salt=None, info=f"digest {about}".encode()).derive(_key(config))
    return lambda value: hmac.digest(key, value.encode(errors="surrogatepass"), "sha256")


def _key(config: Config) -> bytes:
    path = config.data_dir / FILE
    with suppress(FileNotFoundError):
        return _checked(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written beside and linked, so that of two processes one wins and neither reads half a key.
    made = path.with_name(f"{FILE}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(KEY_BYTES))
        with suppress(FileExistsError):
            os.link(made, path)
    finally:
        made.unlink()
    return _checked(path)


def _checked(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} is not a key: move it away, and another one is made")
    return key
