"""Passwords: which are good enough, and argon2 for keeping and comparing them."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from fedserver.errors import Invalid

CHARS_MIN: Final = 10
CHARS_MAX: Final = 256
DIFFERENT_CHARS_MIN: Final = 5
HASHED_AT_ONCE: Final = 2  # 64 MiB each: many sign-ins at a time must wait, not fill the memory

_hasher = PasswordHasher()  # argon2id with the parameters of RFC 9106 §4, low memory
_threads = ThreadPoolExecutor(HASHED_AT_ONCE, thread_name_prefix="argon2")

# The most used passwords of at least ten characters, in lower case: what guessing starts with.
_COMMON_WORDS: Final = """
    1234567890 0123456789 0987654321 9876543210 12345678910 123456789a 123456789q 1q2w3e4r5t
    1q2w3e4r5t6y 1qaz2wsx3edc 1qazxsw23edc zaq12wsxcde3 q1w2e3r4t5 q1w2e3r4t5y6 qwertyuiop qwerty1234
    qwerty12345 qwerty123456 1234qwerasdf asdfghjkl1 asdfghjkl; zxcvbnm123 abcdefghij abcdef1234
    abc1234567 abcd123456 a123456789 aa12345678 aa123456789 password12 password123 password1234
    password12345 password01 password11 passw0rd12 p@ssw0rd12 p@ssw0rd123 p@ssword123 passwordpassword
    mypassword mypassword1 changeme12 changeme123 letmein123 letmein1234 welcome123 welcome1234
    welcome2024 welcome2025 welcome2026 iloveyou12 iloveyou123 ihateyou123 administrator admin12345
    admin123456 adminadmin root123456 test123456 testtest12 testpassword football12 football123
    baseball12 baseball123 basketball superman12 superman123 spiderman1 spiderman123 pokemon123
    starwars12 starwars123 princess12 princess123 sunshine12 sunshine123 butterfly1 chocolate1
    liverpool1 manchester manchester1 barcelona1 juventus12 america123 california australia1 qwertzuiop
    computer12 computer123 internet12 trustno1trustno1 michael123 michelle12 jennifer12 alexander1
    christopher elizabeth1 samsung123 minecraft1 minecraft123 fuckyou123 fuckyou1234 whatever12
    secret1234 default123 temporary1 correcthorsebatterystaple
"""
_COMMON: Final = frozenset(_COMMON_WORDS.split())


def normalise(password: str) -> str:
    """The one form of a password, however a keyboard composes its characters (NIST SP 800-63B §5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def check(password: str, personal: Iterable[str] = (), *, field: str = "password") -> str:
    """The normalised password; Invalid, naming `field`, if it is too easy to guess.

    `personal` are the name, the e-mail address and the like, which are the first guesses.
    """
    if len(password) > CHARS_MAX:
        raise Invalid({field: f"must have at most {CHARS_MAX} characters"})
    password = normalise(password)
    if len(password) < CHARS_MIN:
        raise Invalid({field: f"must have at least {CHARS_MIN} characters"})
    if any(unicodedata.category(character) == "Cc" for character in password):
        raise Invalid({field: "must not contain control characters"})
    folded = password.casefold()
    if folded in _COMMON or len(set(folded)) < DIFFERENT_CHARS_MIN:
        raise Invalid({field: "is among the first that would be guessed; a few unrelated words are better"})
    for guess in personal:
        guess = guess.casefold()
        if guess and (
            folded == guess or folded in {guess * 2, guess * 3} or folded.rstrip("0123456789!.") == guess
        ):
            raise Invalid({field: "must not be your name or e-mail address"})
    return password


async def hash_of(password: str) -> str:
    """The argon2id hash of a checked password, with its salt and parameters."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def matches(password: str, password_hash: str) -> bool:
    """Whether this is the password. Takes as long where there is none to compare with."""
    if len(password) > CHARS_MAX:
        return False
    return await asyncio.get_running_loop().run_in_executor(
        _threads, _verify, normalise(password), password_hash
    )


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def _verify(password: str, password_hash: str) -> bool:
    try:
        _hasher.verify(password_hash or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
    return bool(password_hash)


@lru_cache(maxsize=1)
def _nobodys() -> str:
    """The hash that is compared with when there is no member, so that the answer takes equally long."""
    return _hasher.hash("nobody has this password")
