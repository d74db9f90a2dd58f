"""The words of the protocol: namespaces, media types, type names and the public collection.

Only constants, and the two questions that need nothing else: is this media type ActivityPub, and
is this address the public.
"""

from typing import Final

AS2: Final = "https://www.w3.org/ns/activitystreams"
SECURITY_V1: Final = "https://w3id.org/security/v1"
DATA_INTEGRITY_V2: Final = "https://w3id.org/security/data-integrity/v2"
MULTIKEY_V1: Final = "https://w3id.org/security/multikey/v1"
WEBFINGER_CONTEXT: Final = "https://purl.archive.org/socialweb/webfinger"
NAMESPACE: Final = "https://w3id.org/fedserver/ns#"
"""Our own JSON-LD namespace."""
PARTNER: Final = f"{NAMESPACE}partner"
"""The ``relationship`` of two servers that share what they have, their libraries to begin with."""

PUBLIC: Final = f"{AS2}#Public"
PUBLIC_ALIASES: Final = frozenset({PUBLIC, "as:Public", "Public"})
"""ActivityPub §5.6 allows all three spellings, because JSON-LD compaction produces them."""

ACTIVITY_JSON: Final = "application/activity+json"
LD_JSON: Final = f'application/ld+json; profile="{AS2}"'
ACTIVITY_CONTENT_TYPE: Final = f"{ACTIVITY_JSON}; charset=utf-8"
ACCEPT: Final = f"{ACTIVITY_JSON}, {LD_JSON}"
JRD_JSON: Final = "application/jrd+json"
XRD_XML: Final = "application/xrd+xml"

ACTOR_TYPES: Final = frozenset({"Person", "Group", "Organization", "Application", "Service"})

ACTIVITY_TYPES: Final = frozenset(
    {
        # ActivityStreams 2.0 vocabulary §3.1
        *("Accept", "Activity", "Add", "Announce", "Arrive", "Block", "Create", "Delete", "Dislike", "Flag"),
        *("Follow", "Ignore", "IntransitiveActivity", "Invite", "Join", "Leave", "Like", "Listen", "Move"),
        *("Offer", "Reject", "Read", "Remove", "TentativeReject", "TentativeAccept", "Travel", "Undo"),
        *("Update", "View"),
        # Litepub and FEP-c0e0
        "EmojiReact",
        # FEP-1b12 as Lemmy and PieFed speak it
        *("Lock", "Resolve", "Warn"),
        # FEP-044f, FEP-7aa9, and GoToSocial's requests that share its shape
        *("QuoteRequest", "FeatureRequest", "LikeRequest", "ReplyRequest", "AnnounceRequest"),
    }
)

COLLECTION_PAGE_TYPES: Final = frozenset({"CollectionPage", "OrderedCollectionPage"})
COLLECTION_TYPES: Final = frozenset({"Collection", "OrderedCollection"}) | COLLECTION_PAGE_TYPES

POST_TYPES: Final = frozenset(
    {"Note", "Article", "Page", "Question", "Event", "Video", "Audio", "Image", "Document", "ChatMessage"}
)
"""What we show as a post of its own; other types are shown by name, summary and address."""

LINK_TYPES: Final = frozenset({"Link", "Mention", "Hashtag"})
KEY_TYPES: Final = frozenset({"Key", "CryptographicKey", "Multikey"})


def is_public(uri: str) -> bool:
    """Whether this address is the public collection, in any of its three spellings."""
    return uri in PUBLIC_ALIASES


def is_activitypub_media_type(content_type: str) -> bool:
    """Whether a ``Content-Type`` or one ``Accept`` item names an ActivityPub document.

    ``application/ld+json`` counts only with the ActivityStreams profile (ActivityPub §3.2), which may
    be one of several and written with or without quotes. A plain ``application/json`` never counts:
    a server that lets members upload files could be made to vouch for one (GHSA-jhrq-qvrm-qr36).
    """
    essence, _, parameters = content_type.partition(";")
    essence = essence.strip().lower()
    if essence == ACTIVITY_JSON:
        return True
    if essence != "application/ld+json":
        return False
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "profile" and AS2 in value.strip().strip('"').split():
            return True
    return False
