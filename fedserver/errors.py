"""What can go wrong in a way somebody can understand. `str(error)` is fit to show to a member.

    FedError                 base; the technical cause is in __cause__ and in the log, never in the text
    ├── NotFound             absent, or hidden from this viewer (never say which)
    ├── Gone                 was here, and was deleted on purpose
    ├── Unauthorized         sign in first
    ├── Forbidden            you may see it, but not do it
    ├── Invalid              the input is wrong; `fields` says where and why
    ├── Conflict             right input at the wrong time: the event is full, the comments are closed
    ├── TooLarge             the upload or the message exceeds a limit of this server
    ├── RateLimited          too often; `retry_after` seconds
    └── Unreachable          another server did not give us what we asked for; `reason` for machines
        ├── Refused          we did not ask: a rule of this server forbids it (address, port, scheme, policy)
        └── BadAnswer        it answered, but with nothing we can use (status, type, size, form)

Features derive their own errors from these (`class EventFull(Conflict)`). What is not a FedError is a
bug or a failure of the machine: it is logged once and shown as nothing more than "something went wrong".
`web/errors.py` alone turns these into HTTP status codes.
"""

from collections.abc import Mapping


class FedError(Exception):
    """Base of everything a caller may be told. The one text argument is a sentence for a member."""

    default = "Something went wrong."

    def __init__(self, message: str | None = None) -> None:
        super().__init__(self.default if message is None else message)


class NotFound(FedError):
    """The thing does not exist, or this viewer may not know that it does."""

    default = "This does not exist, or you may not see it."


class Gone(FedError):
    """The thing existed and was deleted for good; its URI will not be used again."""

    default = "This has been deleted."


class Unauthorized(FedError):
    """Nobody is signed in, or the token or signature is not valid (any more)."""

    default = "Please sign in first."


class Forbidden(FedError):
    """The viewer is known and may not do this."""

    default = "You may not do this."


class Invalid(FedError):
    """The input cannot be used.

    `fields` maps a field's name, as the caller sent it, to a sentence part that follows the name:
    `Invalid({"closes_at": "must be after opens_at"})`. Without a message of its own the text lists them.
    """

    default = "The input is not valid."

    def __init__(self, fields: Mapping[str, str] | None = None, message: str | None = None) -> None:
        self.fields: dict[str, str] = dict(fields or {})
        if message is None and self.fields:
            message = "; ".join(f"{name} {problem}" for name, problem in self.fields.items()) + "."
        super().__init__(message)


class Conflict(FedError):
    """The input is right, but the state of things does not allow it now."""

    default = "This is not possible any more."


class TooLarge(FedError):
    """What was sent to us exceeds a limit. The message names the limit."""

    default = "This is too large."


class RateLimited(FedError):
    """The same caller asks too often. `retry_after` is in whole seconds, at least 1."""

    default = "Too many requests. Please try again later."

    def __init__(self, retry_after: int, message: str | None = None) -> None:
        self.retry_after = max(1, retry_after)
        super().__init__(message)


class Unreachable(FedError):
    """Another server did not give us what we asked for.

    `reason` is one word for logs, counters and decisions:

    - here: `dns`, `refused` (no connection), `timeout`, `tls`, `broken` (not HTTP, or cut off);
    - as Refused: `blocked_address`, `blocked_port`, `scheme`, `url`, `policy`;
    - as BadAnswer: `status`, `redirects`, `content_type`, `encoding`, `too_large`, `json`.

    `status` is the HTTP status where the other server sent one (a 404 or 410 of theirs is an answer
    about the object, not a failure to reach them).
    """

    default = "The other server did not answer."

    def __init__(
        self, message: str | None = None, *, reason: str = "refused", status: int | None = None
    ) -> None:
        self.reason = reason
        self.status = status
        super().__init__(message)


class Refused(Unreachable):
    """We did not ask at all: a rule of this server forbids that target. Trying again will not help."""

    default = "This server may not contact that address."


class BadAnswer(Unreachable):
    """The other server answered with something unusable."""

    default = "The other server's answer cannot be used."
