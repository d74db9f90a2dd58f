"""What AMB asks of a document, in our own words: each rule a function that tells what is wrong, and where.

https://w3id.org/kim/amb/. A document may say more than the profile knows; what it knows has to have the shape it asks for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

# Tells what is wrong with a value at a place (``creator[0].name``): sentences without the place's name before them.
Rule = Callable[[str, Any], Iterator[str]]

PROBLEMS_MAX: Final = 100
_LANGUAGES_TEXT: Final = (
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz "
    "ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii "
    "ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi "
    "mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw "
    "sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk "
    "ur uz ve vi vo wa wo xh yi yo za zh zu"
)
LANGUAGES: Final = frozenset(_LANGUAGES_TEXT.split())
_TYPES_TEXT: Final = (
    "3DModel AmpStory Article Atlas Audiobook AudioObject Blog Book BookSeries Chapter Clip Collection "
    "ComicStory Comment Conversation Course CreativeWorkSeason CreativeWorkSeries DataDownload Diet "
    "DigitalDocument Drawing Episode ExercisePlan FAQPage Game Guide HowTo ImageGallery ImageObject "
    "LearningResource LegislationObject Manuscript Map MathSolver MediaGallery MediaObject Message "
    "MobileApplication Movie MovieClip MovieSeries MusicAlbum MusicComposition MusicPlaylist MusicRecording "
    "MusicRelease MusicVideoObject NewsArticle Painting Periodical Photograph Play PodcastEpisode "
    "PodcastSeason PodcastSeries Poster PresentationDigitalDocument PublicationIssue PublicationVolume "
    "Quotation Quiz RadioClip RadioEpisode RadioSeason RadioSeries Recipe Review Report ScholarlyArticle "
    "Sculpture SheetMusic ShortStory SoftwareApplication SoftwareSourceCode SpreadsheetDigitalDocument "
    "TVClip TVEpisode TVSeason TVSeries Thesis TextDigitalDocument VideoGallery VideoGame VideoGameClip "
    "VideoGameSeries VideoObject VisualArtwork WebApplication WebContent WebPage"
)
TYPES: Final = frozenset(_TYPES_TEXT.split())
LICENCES: Final = (
    re.compile(r"https?://creativecommons\.org/(?:licen[sc]es|publicdomain)/"),
    re.compile(r"https?://www\.gnu\.org/licenses/"),
    re.compile(r"https?://www\.apache\.org/licenses/"),
    re.compile(r"https?://opensource\.org/licenses/MIT"),
    re.compile(r"https?://www\.opensource\.org/licenses/BSD"),
)
# RFC 3986: a scheme, a colon, and none of the characters that never stand in an address.
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>\"{}|\\^`]*")
_DURATION: Final = r"-?P(?=\d|T\d)(?:\d+Y)?(?:\d+M)?(?:\d+[DW])?(?:T(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?"
# RFC 3339; the profile's own examples leave the zone out.
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)?")
_MEDIA_TYPE: Final = (
    r"(?:application|audio|example|font|image|message|model|multipart|text|video)/[a-zA-Z0-9\-+_.]+"
)
_KIM: Final = "https://w3id.org/kim/"


def problems(document: Any) -> list[str]:
    """What is wrong with a document: sentences such as ``inLanguage must be a list.``; none for a valid one."""
    found = [f"{sentence}." for sentence in _DOCUMENT("", document)]
    return found[:PROBLEMS_MAX]


# -- rules are made of these


def _text(at: str, value: Any) -> Iterator[str]:
    if type(value) is not str:
        yield f"{at} must be a text"


def _true_or_false(at: str, value: Any) -> Iterator[str]:
    if type(value) is not bool:
        yield f"{at} must be true or false"


def _uri(at: str, value: Any) -> Iterator[str]:
    if type(value) is not str or not _URI.fullmatch(value):
        yield f"{at} must be an address"


def _date(at: str, value: Any) -> Iterator[str]:
    try:
        if type(value) is not str:
            raise ValueError
        if len(value) == len("2026-11-29"):
            date.fromisoformat(value)
        elif not _INSTANT.fullmatch(value):
            raise ValueError
        else:
            datetime.fromisoformat(value)
    except ValueError:
        yield f"{at} must be a date such as 2026-11-29, or an instant such as 2026-11-29T08:00:00Z"


def _fits(pattern: str, what: str) -> Rule:
    compiled = re.compile(pattern)

    def rule(at: str, value: Any) -> Iterator[str]:
        if type(value) is not str or not compiled.fullmatch(value):
            yield f"{at} must be {what}"

    return rule


def _one_of(words: Collection[str], what: str) -> Rule:
    def rule(at: str, value: Any) -> Iterator[str]:
        if type(value) is not str or value not in words:
            yield f"{at} must be {what}"

    return rule


def _list(each: Rule, *, some: Callable[[Any], bool] | None = None, what: str = "") -> Rule:
    """A list of such values; `some` says what at least one of them must be like."""

    def rule(at: str, value: Any) -> Iterator[str]:
        if type(value) is not list:
            yield f"{at} must be a list"
            return
        for index, one in enumerate(value):
            yield from each(f"{at}[{index}]", one)
        if some is not None and not any(some(one) for one in value):
            yield f"{at} must have {what}"

    return rule


def _object(
    fields: Mapping[str, Rule], *, required: tuple[str, ...] = (), any_of: tuple[str, ...] = ()
) -> Rule:
    """An object that has the `required` names and one of `any_of`, whose fields obey their rules."""

    def rule(at: str, value: Any) -> Iterator[str]:
        place = f"{at}." if at else ""
        if type(value) is not dict:
            yield f"{at or 'The document'} must be an object"
            return
        for name in required:
            if name not in value:
                yield f"{place}{name} is missing"
        if any_of and not any(name in value for name in any_of):
            yield f"{at} must have {' or '.join(any_of)}"
        for name, check in fields.items():
            if name in value:
                yield from check(f"{place}{name}", value[name])

    return rule


def _id_begins(*beginnings: str) -> Callable[[Any], bool]:
    return lambda one: type(one) is dict and str(one.get("id", "")).startswith(beginnings)


# -- the profile


def _labels(at: str, value: Any) -> Iterator[str]:
    if type(value) is not dict:
        yield f"{at} must be an object with a text for each language"
        return
    for language, text in value.items():
        if language not in LANGUAGES:
            yield f"{at} has {language!r}, which is no language of ISO 639-1"
        yield from _text(f"{at}.{language}", text)


_CONCEPT_TYPE: Final = _one_of(("Concept",), "Concept")
_TYPE: Final = _list(
    _one_of(TYPES, "a type that AMB knows"),
    some=lambda one: one == "LearningResource",
    what="LearningResource",
)
_LANGUAGE: Final = _one_of(LANGUAGES, "a language of ISO 639-1")


def _concept(identifier: Rule = _uri) -> Rule:
    return _object({"id": identifier, "type": _CONCEPT_TYPE, "prefLabel": _labels}, required=("id",))


def _licence_id(at: str, value: Any) -> Iterator[str]:
    if type(value) is not str or sum(one.match(value) is not None for one in LICENCES) != 1:
        yield f"{at} must be the address of a licence of Creative Commons, GNU, Apache, MIT or BSD"


_LICENCE: Final = _object({"id": _licence_id}, required=("id",))
_AFFILIATION: Final = _object(
    {"type": _one_of(("Organization",), "Organization"), "id": _uri, "name": _text}, required=("name", "type")
)


def _agent(*kinds: str) -> Rule:
    return _object(
        {
            "type": _one_of(kinds, " or ".join(kinds)),
            "id": _uri,
            "name": _text,
            "honorificPrefix": _text,
            "affiliation": _AFFILIATION,
        },
        required=("name", "type"),
    )


_PEOPLE: Final = _list(_agent("Person", "Organization"))
_PROVIDER: Final = _object({"id": _uri, "type": _text, "name": _text}, required=("id",))
_PART: Final = _list(_object({"id": _uri, "type": _TYPE, "name": _text}, required=("id",)))
_OF_MEDIA: Final[Mapping[str, Rule]] = {
    "contentUrl": _uri,
    "embedUrl": _uri,
    "encodingFormat": _fits(_MEDIA_TYPE, "a media type"),
    "contentSize": _fits(r"\d+", "a number of bytes, as text"),
    "sha256": _fits(r"[A-Fa-f0-9]{64}", "a SHA-256 in hexadecimal"),
    "bitrate": _fits(r"\d+", "a number, as text"),
}


def _media(*kinds: str) -> Rule:
    return _object(
        {"type": _one_of(kinds, " or ".join(kinds)), **_OF_MEDIA},
        required=("type",),
        any_of=("contentUrl", "embedUrl"),
    )


def _context(at: str, value: Any) -> Iterator[str]:
    if type(value) is not list:
        yield f"{at} must be a list"
        return
    if f"{_KIM}amb/context.jsonld" not in value:
        yield f"{at} must have {_KIM}amb/context.jsonld"
    if not any(type(one) is dict and one.get("@language") in LANGUAGES for one in value):
        yield f"{at} must have an object with @language, a language of ISO 639-1"


_COMPETENCIES: Final = _list(_object({"id": _uri, "prefLabel": _labels}, required=("id",)))
_BASED_ON: Final = _object(
    {
        "type": _TYPE,
        "id": _uri,
        "name": _text,
        "creator": _PEOPLE,
        "license": _LICENCE,
        "provider": _PROVIDER,
    },
    any_of=("name", "id"),
)
_LRMI: Final = "http://purl.org/dcx/lrmi-vocabs/interactivityType/"
_ACCESS: Final = "http://w3id.org/kim/conditionsOfAccess/"

_DOCUMENT: Final = _object(
    {
        "@context": _context,
        "id": _uri,
        "type": _TYPE,
        "name": _text,
        "description": _text,
        "keywords": _list(_text),
        "creator": _PEOPLE,
        "contributor": _PEOPLE,
        "publisher": _PEOPLE,
        "funder": _list(_agent("Person", "FundingScheme", "Organization")),
        "about": _list(
            _concept(),
            some=_id_begins(f"{_KIM}hochschulfaechersystematik/", "http://w3id.org/kim/schulfaecher/"),
            what="a subject of the Hochschulfächersystematik or of the school subjects",
        ),
        "license": _LICENCE,
        "image": _uri,
        "trailer": _media("VideoObject", "AudioObject"),
        "dateCreated": _date,
        "datePublished": _date,
        "dateModified": _date,
        "duration": _fits(_DURATION, "a duration such as PT1H30M"),
        "inLanguage": _list(_LANGUAGE),
        "learningResourceType": _list(
            _concept(),
            some=_id_begins(f"{_KIM}hcrt/", "http://w3id.org/openeduhub/vocabs/new_lrt/"),
            what="a term of HCRT or of OpenEduHub",
        ),
        "audience": _list(_concept()),
        "educationalLevel": _list(
            _concept(
                _fits(re.escape(f"{_KIM}educationalLevel/") + ".*", "a term of KIM's educational levels")
            )
        ),
        "isBasedOn": _list(_BASED_ON),
        "isPartOf": _PART,
        "hasPart": _PART,
        "mainEntityOfPage": _list(
            _object(
                {
                    "id": _uri,
                    "type": _one_of(("WebContent",), "WebContent"),
                    "provider": _PROVIDER,
                    "dateCreated": _date,
                    "dateModified": _date,
                },
                required=("id",),
            )
        ),
        "encoding": _list(_media("MediaObject")),
        "caption": _list(
            _object(
                {
                    "type": _one_of(("MediaObject",), "MediaObject"),
                    "id": _uri,
                    "encodingFormat": _text,
                    "inLanguage": _LANGUAGE,
                },
                required=("id", "type"),
            )
        ),
        "conditionsOfAccess": _concept(
            _one_of((f"{_ACCESS}no_login", f"{_ACCESS}login"), "login or no_login")
        ),
        "interactivityType": _concept(
            _one_of([_LRMI + one for one in ("active", "expositive", "mixed")], "active, expositive or mixed")
        ),
        "isAccessibleForFree": _true_or_false,
        "assesses": _COMPETENCIES,
        "competencyRequired": _COMPETENCIES,
        "teaches": _COMPETENCIES,
    },
    required=("@context", "id", "name", "type"),
)
