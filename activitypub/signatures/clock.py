"""How old a signature may be. Time is always passed in, never asked for.

The window is the one Mastodon runs: a signature lives until its ``expires``, or five minutes, and
twelve hours at the most; an hour of margin forgives clocks and queues.
"""

from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

from activitypub.errors import SignatureExpired, SignatureMalformed

FUTURE_SECONDS_MAX = 60 * 60
LIFETIME_SECONDS_DEFAULT = 5 * 60
LIFETIME_SECONDS_MAX = 12 * 60 * 60
EXPIRY_MARGIN_SECONDS = 60 * 60

HTTP_DATE_CHARS_MAX = 64

Moment = datetime | int | float
"""An aware datetime or seconds since 1970 in UTC."""


def epoch_seconds(moment: Moment) -> float:
    """Give seconds since 1970; a naive datetime is a mistake of the caller (ValueError)."""
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return moment.timestamp()
    return float(moment)


@lru_cache(256)  # those who write much write many in one second
def parse_http_date(text: str) -> float:
    """Read an HTTP date (RFC 9110 §5.6.7, tolerantly) as epoch seconds, or raise SignatureMalformed."""
    if len(text) > HTTP_DATE_CHARS_MAX:
        raise SignatureMalformed("the Date header is too long")
    try:
        parsed = parsedate_to_datetime(text)
        # "-0000" and a missing zone mean UTC here: HTTP knows no other.
        offset = parsed.utcoffset()
        naive = parsed.replace(tzinfo=None)
        return (naive - datetime(1970, 1, 1)).total_seconds() - (offset.total_seconds() if offset else 0.0)  # noqa: DTZ001
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise SignatureMalformed("the Date header cannot be read") from error


def valid_until(created_at: float, expires_at: float | None) -> float:
    """Give the last second (epoch) at which such a signature is accepted, margin included.

    Whoever remembers signatures against replay can forget this one afterwards.
    """
    if expires_at is None:
        expires_at = created_at + LIFETIME_SECONDS_DEFAULT
    return min(expires_at, created_at + LIFETIME_SECONDS_MAX) + EXPIRY_MARGIN_SECONDS


def check_window(created_at: float, expires_at: float | None, *, now: Moment) -> None:
    """Raise SignatureExpired unless ``now`` lies in the time the signature is good for."""
    now_seconds = epoch_seconds(now)
    if created_at > now_seconds + FUTURE_SECONDS_MAX:
        ahead = int(created_at - now_seconds)
        raise SignatureExpired(f"signed {ahead} seconds in the future", reason="signature_from_future")
    if now_seconds > valid_until(created_at, expires_at):
        raise SignatureExpired(f"signed {int(now_seconds - created_at)} seconds ago")
