"""Sign what we send. A signature belongs to one attempt: sign when sending, never when queueing."""

from collections.abc import Mapping

from activitypub.signatures import cavage, rfc9421
from activitypub.signatures.clock import Moment
from activitypub.signatures.keys import PrivateKey
from activitypub.signatures.message import NOTHING_MORE
from activitypub.signatures.verify import Scheme


def sign_request(
    scheme: Scheme,
    method: str,
    url: str,
    body: bytes | None,
    key: PrivateKey,
    now: Moment,
    *,
    digest: bytes | None = None,
    content_type: str = "application/activity+json",
    with_query: bool = True,
    more: Mapping[str, str] = NOTHING_MORE,
) -> dict[str, str]:
    """Give the headers to send, Host and the signature among them.

    ``url`` is absolute, percent-encoded ASCII. ``digest`` is the SHA-256 of the body (32 bytes, see
    :func:`~activitypub.signatures.digests.body_digest`) when one body goes to many servers.
    ``with_query`` false is the second knock of a GET at a cavage reader that forgets the query; RFC
    9421 always covers it. ``more`` are header fields to send and to cover as well. Raises SignatureMalformed for a URL that cannot be signed.
    """
    if scheme == "cavage":
        return cavage.sign(
            method,
            url,
            body,
            key,
            now=now,
            digest=digest,
            content_type=content_type,
            with_query=with_query,
            more=more,
        )
    return rfc9421.sign(method, url, body, key, now=now, digest=digest, content_type=content_type, more=more)
