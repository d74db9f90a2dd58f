"""The ``@context`` of everything we send, and JSON-LD processing with bundled contexts only.

The contexts are written by hand, one for each kind of document, and never computed: every key we send
that ActivityStreams does not define is defined here, or JSON-LD processors drop it. ``expand`` and
``compact`` serve the proof of that and the import of catalogues; ordinary traffic never needs them.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final, cast

from activitypub.errors import Unsupported
from activitypub.names import (
    AS2,
    DATA_INTEGRITY_V2,
    MULTIKEY_V1,
    NAMESPACE,
    SECURITY_V1,
    WEBFINGER_CONTEXT,
)

Context = str | list[Any]

_TOOT: Final = {"toot": "http://joinmastodon.org/ns#"}
_EMOJI: Final = {**_TOOT, "Emoji": "toot:Emoji", "Hashtag": "as:Hashtag", "sensitive": "as:sensitive"}
_FOCAL_POINT: Final = {"@id": "toot:focalPoint", "@container": "@list"}


def _reference(name: str) -> dict[str, str]:
    return {"@id": name, "@type": "@id"}


ACTOR_CONTEXT: Final[Context] = [
    AS2,
    # Strict readers lose the key without it (bonfire-app#1597).
    SECURITY_V1,
    WEBFINGER_CONTEXT,
    {
        **_EMOJI,
        # Readers compare with Mastodon's spelling of schema.org, so it is also ours on actors.
        "schema": "http://schema.org#",
        "PropertyValue": "schema:PropertyValue",
        "value": "schema:value",
        "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
        "discoverable": "toot:discoverable",
        "indexable": "toot:indexable",
        "memorial": "toot:memorial",
        "suspended": "toot:suspended",
        "featured": _reference("toot:featured"),
        "featuredTags": _reference("toot:featuredTags"),
        "focalPoint": _FOCAL_POINT,
        "movedTo": _reference("as:movedTo"),
        "alsoKnownAs": _reference("as:alsoKnownAs"),
        "assertionMethod": {
            "@id": "https://w3id.org/security#assertionMethod",
            "@type": "@id",
            "@container": "@set",
        },
        "Multikey": "https://w3id.org/security#Multikey",
        "controller": _reference("https://w3id.org/security#controller"),
        "publicKeyMultibase": "https://w3id.org/security#publicKeyMultibase",
        "lemmy": "https://join-lemmy.org/ns#",
        "postingRestrictedToMods": "lemmy:postingRestrictedToMods",
        "description": "schema:description",
        "membersOnly": f"{NAMESPACE}membersOnly",
        "downvotes": f"{NAMESPACE}downvotes",
        "language": "schema:inLanguage",
        "identifier": "schema:identifier",
        "upcomingEvents": _reference("https://w3id.org/fep/8a8e/upcomingEvents"),
        "resources": _reference(f"{NAMESPACE}resources"),
        "directory": _reference(f"{NAMESPACE}directory"),
        "attributionDomains": {"@id": "toot:attributionDomains", "@container": "@set"},
        "showFeatured": "toot:showFeatured",
        "showMedia": "toot:showMedia",
        "showRepliesInMedia": "toot:showRepliesInMedia",
        "featuredCollections": _reference("https://w3id.org/fep/7aa9#featuredCollections"),
        "gts": "https://gotosocial.org/ns#",
        "interactionPolicy": _reference("gts:interactionPolicy"),
        "canFeature": _reference("https://w3id.org/fep/7aa9#canFeature"),
        "automaticApproval": _reference("gts:automaticApproval"),
        "manualApproval": _reference("gts:manualApproval"),
        "implements": {"@id": "https://w3id.org/fep/844e/implements", "@type": "@id", "@container": "@list"},
    },
]

POST_CONTEXT: Final[Context] = [
    AS2,
    {
        **_EMOJI,
        "blurhash": "toot:blurhash",
        "focalPoint": _FOCAL_POINT,
        "votersCount": "toot:votersCount",
        "ostatus": "http://ostatus.org#",
        "conversation": "ostatus:conversation",
        "commentsEnabled": "https://joinpeertube.org/ns#commentsEnabled",
        "quote": _reference("https://w3id.org/fep/044f#quote"),
        "quoteAuthorization": _reference("https://w3id.org/fep/044f#quoteAuthorization"),
        "QuoteRequest": "https://w3id.org/fep/044f#QuoteRequest",
        "FeaturedCollection": "https://w3id.org/fep/7aa9#FeaturedCollection",
        "quoteUri": "http://fedibird.com/ns#quoteUri",
        "quoteUrl": "as:quoteUrl",
        "_misskey_quote": "https://misskey-hub.net/ns#_misskey_quote",
        "gts": "https://gotosocial.org/ns#",
        "interactionPolicy": _reference("gts:interactionPolicy"),
        "canQuote": _reference("gts:canQuote"),
        "automaticApproval": _reference("gts:automaticApproval"),
        "manualApproval": _reference("gts:manualApproval"),
    },
]

RESOURCE_CONTEXT: Final[Context] = [
    *POST_CONTEXT,
    {
        # Unlike on actors, where readers compare with Mastodon's spelling of schema.org.
        "schema": "https://schema.org/",
        "dct": "http://purl.org/dc/terms/",
        "net": NAMESPACE,
        "learningResource": {"@id": "net:learningResource"},
    },
]

OPPORTUNITY_CONTEXT: Final[Context] = [
    *POST_CONTEXT,
    {"schema": "https://schema.org/", "net": NAMESPACE, "opportunity": {"@id": "net:opportunity"}},
]

_EVENT: Final = "https://w3id.org/fep/8a8e/"
EVENT_CONTEXT: Final[Context] = [
    *POST_CONTEXT,
    {
        "schema": "https://schema.org/",
        "net": NAMESPACE,
        "ev": _EVENT,
        "mz": "https://joinmobilizon.org/ns#",
        "address": "schema:address",
        "PostalAddress": "schema:PostalAddress",
        "streetAddress": "schema:streetAddress",
        "postalCode": "schema:postalCode",
        "addressLocality": "schema:addressLocality",
        "addressRegion": "schema:addressRegion",
        "addressCountry": "schema:addressCountry",
        "VirtualLocation": "schema:VirtualLocation",
        "inLanguage": "schema:inLanguage",
        "maximumAttendeeCapacity": "schema:maximumAttendeeCapacity",
        "remainingAttendeeCapacity": "schema:remainingAttendeeCapacity",
        "timezone": "ev:timezone",
        "joinMode": "ev:joinMode",
        "externalParticipationUrl": "ev:externalParticipationUrl",
        "organizers": _reference("ev:organizers"),
        "attendees": _reference("ev:attendees"),
        "eventStatus": {"@id": "ev:eventStatus", "@type": "@vocab"},
        **{
            name: f"ev:{name}"
            for name in (
                *(
                    "EventScheduled",
                    "EventTentative",
                    "EventPostponed",
                    "EventRescheduled",
                    "EventMovedOnline",
                ),
                "EventCancelled",
            )
        },
        "displayEndTime": "ev:displayEndTime",
        "category": "ev:category",
        "participantCount": "mz:participantCount",
        "isOnline": "mz:isOnline",
        "anonymousParticipationEnabled": "mz:anonymousParticipationEnabled",
        "status": "http://www.w3.org/2002/12/cal/ical#status",
        "onlineLink": "net:onlineLink",
        "anonymousParticipation": "net:anonymousParticipation",
        "buyTicketsLink": "net:buyTicketsLink",
        "feeCurrency": "net:feeCurrency",
        "feeAmount": "net:feeAmount",
        "series": "net:series",
    },
]

STAMP_CONTEXT: Final[Context] = [
    AS2,
    {
        "gts": "https://gotosocial.org/ns#",
        "QuoteAuthorization": "https://w3id.org/fep/044f#QuoteAuthorization",
        "interactingObject": _reference("gts:interactingObject"),
        "interactionTarget": _reference("gts:interactionTarget"),
    },
]

FEATURED_CONTEXT: Final[Context] = [
    AS2,
    {
        **_EMOJI,
        "discoverable": "toot:discoverable",
        "FeaturedCollection": "https://w3id.org/fep/7aa9#FeaturedCollection",
        "FeaturedItem": "https://w3id.org/fep/7aa9#FeaturedItem",
        "FeatureRequest": "https://w3id.org/fep/7aa9#FeatureRequest",
        "FeatureAuthorization": "https://w3id.org/fep/7aa9#FeatureAuthorization",
        "topic": _reference("https://w3id.org/fep/7aa9#topic"),
        "featuredObject": _reference("https://w3id.org/fep/7aa9#featuredObject"),
        "featureAuthorization": _reference("https://w3id.org/fep/7aa9#featureAuthorization"),
        "gts": "https://gotosocial.org/ns#",
        "interactingObject": _reference("gts:interactingObject"),
        "interactionTarget": _reference("gts:interactionTarget"),
    },
]

REACTION_CONTEXT: Final[Context] = [AS2, {**_EMOJI}]

ACTIVITY_CONTEXT: Final[Context] = AS2
COLLECTION_CONTEXT: Final[Context] = AS2

_BUNDLED: Final[Mapping[str, str]] = {
    AS2: "activitystreams.jsonld",
    SECURITY_V1: "security-v1.jsonld",
    DATA_INTEGRITY_V2: "data-integrity-v2.jsonld",
    MULTIKEY_V1: "multikey-v1.jsonld",
    WEBFINGER_CONTEXT: "webfinger.jsonld",
}


@cache
def bundled_context(address: str) -> dict[str, Any]:
    """The context document published at this address; raises ``Unsupported`` for one we do not carry."""
    name = _BUNDLED.get(address)
    if name is None:
        raise Unsupported(f"the context {address} is not bundled")
    text = resources.files("activitypub").joinpath("contexts", name).read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


def _load(address: str, _options: dict[str, Any]) -> dict[str, Any]:
    return {
        "contentType": "application/ld+json",
        "contextUrl": None,
        "documentUrl": address,
        "document": bundled_context(address),
    }


def expand(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The JSON-LD expanded form (JSON-LD 1.1 API §5.1), which takes milliseconds.

    Raises ``Unsupported`` when the document cannot be processed or names a context we do not carry.
    """
    # Imported here: it costs a tenth of a second, and a serving process never needs it.
    from pyld import jsonld

    try:
        expanded = jsonld.expand(document, {"documentLoader": _load})
    except jsonld.JsonLdError as error:
        raise Unsupported(f"JSON-LD: {error}") from error
    return cast("list[dict[str, Any]]", expanded)


def compact(document: dict[str, Any] | list[dict[str, Any]], context: Context) -> dict[str, Any]:
    """The compacted form under ``context`` (JSON-LD 1.1 API §5.6); raises as ``expand`` does."""
    from pyld import jsonld

    try:
        compacted = jsonld.compact(document, {"@context": context}, {"documentLoader": _load})
    except jsonld.JsonLdError as error:
        raise Unsupported(f"JSON-LD: {error}") from error
    return cast("dict[str, Any]", compacted)
