"""Everything this package can refuse, as one family.

::

    ProtocolError                what another server sent cannot be used; str(error) says why
    ├── Malformed                not JSON, not an object, over a limit, or without what makes it usable
    ├── Unsupported              well formed, but of a kind we do not speak
    └── NotTrusted               well formed, but not believed; ``reason`` is a short stable word
        ├── WrongOrigin          speaks for an origin that is not its own (FEP-fe34)
        └── SignatureError       the proof of who sent it does not hold
            ├── SignatureMissing     nothing was signed
            ├── SignatureMalformed   the signature headers or the proof cannot be read
            ├── SignatureExpired     too old, or from the future
            ├── SignatureMismatch    the bytes are not what the key signed
            └── KeyUnusable          the key is missing, of an unknown kind, or not the actor's

Callers turn ``Malformed`` and ``Unsupported`` into 400 and ``NotTrusted`` into 401. The texts may
quote what was received, so they are for the log and the sender, never for a page.
"""

from typing import ClassVar


class ProtocolError(Exception):
    """What another server sent cannot be used."""


class Malformed(ProtocolError):
    """Not JSON, not an object, over a limit, or without what makes it usable."""


class Unsupported(ProtocolError):
    """Well formed, but of a kind we do not speak."""


class NotTrusted(ProtocolError):
    """Well formed, but not believed. ``reason`` is a short stable word for counters and logs."""

    default_reason: ClassVar[str] = "not_trusted"

    def __init__(self, message: str = "", *, reason: str | None = None) -> None:
        super().__init__(message or (reason or self.default_reason))
        self.reason = reason or self.default_reason


class WrongOrigin(NotTrusted):
    """Speaks for an origin that is not its own (FEP-fe34)."""

    default_reason = "wrong_origin"


class SignatureError(NotTrusted):
    """The proof of who sent it does not hold."""

    default_reason = "signature"


class SignatureMissing(SignatureError):
    """Nothing was signed."""

    default_reason = "signature_missing"


class SignatureMalformed(SignatureError):
    """The signature headers or the proof cannot be read."""

    default_reason = "signature_malformed"


class SignatureExpired(SignatureError):
    """Too old, or from the future."""

    default_reason = "signature_expired"


class SignatureMismatch(SignatureError):
    """The bytes are not what the key signed."""

    default_reason = "signature_mismatch"


class KeyUnusable(SignatureError):
    """The key is missing, of an unknown kind, or not the actor's."""

    default_reason = "key_unusable"
