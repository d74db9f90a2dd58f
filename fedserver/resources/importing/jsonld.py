"""JSON-LD of schema.org and Bioschemas, and AMB, as it is found in files and pages.

It is read plainly, by the usual spellings of its names, and no processor ever sees it: no context is fetched, and what
leads to itself is not followed. https://bioschemas.org/profiles/TrainingMaterial, https://dini-ag-kim.github.io/amb/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from activitypub.identifiers import origin_of
from fedserver.errors import FedError, Invalid
from fedserver.resources import identifiers
from fedserver.resources.importing.gathering import Gathered
from fedserver.resources.importing.mending import Mending, mended
from fedserver.resources.importing.nodes import RESOURCES_MAX, Document, Node, kind_of, local, profile_of
from fedserver.resources.importing.receipts import Found, Note, Read, quoted
from fedserver.resources.records import Person

SCRIPTS_MAX: Final = 20

_SAYS_NOTHING: Final = frozenset({"@context", "@type", "type", "@id", "id", "conformsTo", "@graph"})


def read(text: str, *, source: str = "") -> Read:
    """The resources of one JSON-LD document, broken as it may be; `source` is its address or the name of its file.

    Raises Invalid, TooLarge.
    """
    value, mendings = mended(text)
    return read_value(value, source=source, mendings=mendings)


def read_value(value: Any, *, source: str = "", mendings: Sequence[Mending] = ()) -> Read:
    """The same for a value that has been decoded."""
    document = Document(value)
    done = Read()
    for node in document.tops:
        kind = kind_of(node)
        name = node.text("name", "headline", "title") or node.id or source
        if kind == "resource":
            if len(done.found) >= RESOURCES_MAX:
                done.leave_out(source, f"Only the first {RESOURCES_MAX:,} resources were read.")
                break
            done.found.append(_Reading(node, source, mendings).found())
        elif kind == "event":
            done.leave_out(name, "It is an event: events belong into the calendar, not into the library.")
        elif kind:
            done.leave_out(name, f"It is a {kind}, which is no resource.")
    if not done.found and mendings:
        done.repaired = [
            Note(field=source[:200], sentence=one.sentence, line=one.line, column=one.column)
            for one in mendings
        ]
    return done


def read_scripts(texts: Sequence[str], *, source: str) -> Read:
    """The resources in the JSON-LD of a page, which may be in several scripts; one that cannot be read spoils no other."""
    done = Read()
    for text in texts[:SCRIPTS_MAX]:
        try:
            one = read(text, source=source)
        except FedError as error:
            done.leave_out(source, f"JSON-LD of the page could not be read: {error}")
            continue
        done.found += one.found
        done.left_out += one.left_out
        done.repaired += one.repaired
    return done


class _Reading:
    """One resource of a document."""

    def __init__(self, node: Node, source: str, mendings: Sequence[Mending]) -> None:
        self._node = node
        self._into = Gathered(source)
        for one in mendings:
            self._into.receipt.note("repaired", "", one.sentence, line=one.line, column=one.column)

    def found(self) -> Found:
        node, into = self._node, self._into
        into.title(node.text("name", "headline", "title"))
        if node.every("abstract") and node.every("description"):
            into.abstract(node.text("abstract"))
        into.description(node.text("description", "abstract"))
        self._types()
        self._people()
        for value in node.every("license"):
            self._licence(value)
        self._identifiers()
        for text in node.texts("inLanguage"):
            into.language(self._language(text))
        for text in node.texts("educationalLevel", "skillLevel", "difficultyLevel"):
            into.level(text)
        into.lines("audience", node.texts("audience"), split=True)
        into.duration(node.text("timeRequired", "duration"))
        into.lines("teaches", node.texts("teaches"))
        into.lines("prerequisites", node.texts("competencyRequired", "coursePrerequisites"))
        self._topics()
        into.keywords(node.texts("keywords"))
        if node.text("accessibilitySummary"):
            into.accessibility(node.text("accessibilitySummary"))
        into.status(node.text("creativeWorkStatus"))
        self._sources()
        for value in node.every("funder", "funding"):
            self._funder(value)
        self._dates()
        into.version(node.text("version"))
        for value in node.every("encoding", "associatedMedia", "distribution"):
            inner = node.node(value)
            if inner is not None and inner.text("contentUrl"):
                into.link(inner.text("contentUrl"), inner.text("name"))
        self._left_out()
        return into.found(source_uri=self._source_uri())

    def _types(self) -> None:
        node, into = self._node, self._into
        for value in node.every("learningResourceType"):
            inner = node.node(value)
            if inner is None or not (inner.id and into.kind(inner.id, quietly=True)):
                into.kind(node.document.text(value))
        profiled = profile_of(node)
        if profiled == "Course" and "Course" not in node.types:
            into.note(
                "guessed",
                "types",
                f"It is called {quoted(', '.join(node.types))}, but its profile is that of a course.",
            )
        if not into.has("types"):
            for name in (profiled, *node.types):
                if name not in ("", "LearningResource", "CreativeWork", "MediaObject", "TrainingMaterial"):
                    into.kind(name, quietly=True)
        if not node.types:
            into.note(
                "guessed",
                "types",
                "It does not say of what type it is; it was taken for a learning resource.",
            )

    def _people(self) -> None:
        node, into = self._node, self._into
        for value in node.every("author", "creator"):
            into.author(self._person(value, "authors"))
        if node.inner.get("author") and node.inner.get("creator"):
            for value in node.every("creator"):
                into.contributor(self._person(value, "contributors"))
        for value in node.every("contributor"):
            into.contributor(self._person(value, "contributors"))
        for name, role in (("editor", "editor"), ("translator", "translation"), ("provider", "provider")):
            for value in node.every(name):
                person = self._person(value, "contributors", role=role)
                into.contributor(person)

    def _person(self, value: Any, field: str, *, role: str = "") -> Person | None:
        node, into = self._node, self._into
        inner = node.node(value)
        if inner is None:
            return into.person(value, field=field, role=role)
        if inner.types == ["Role"] and type(inner.inner.get("author")) is dict:
            return self._person(inner.inner["author"], field, role=role or inner.text("roleName"))
        name = inner.text("name") or " ".join(
            filter(None, (inner.text("givenName"), inner.text("familyName")))
        )
        if not name and inner.id:
            into.note("left_out", field, f"{quoted(inner.id)} has no name.")
            return None
        affiliation = next((node.node(one) or one for one in inner.every("affiliation", "worksFor")), None)
        orcid = next(
            (
                one
                for one in (inner.id, *inner.texts("orcid", "identifier", "sameAs", "url"))
                if "orcid" in one.lower()
            ),
            inner.inner.get("orcid", ""),
        )
        of_affiliation = affiliation.id if isinstance(affiliation, Node) else ""
        own = next((one for one in (inner.id, *inner.texts("identifier", "sameAs")) if "ror.org/" in one), "")
        return into.person(
            name,
            field=field,
            orcid=orcid,
            affiliation=affiliation.text("name") if isinstance(affiliation, Node) else affiliation or "",
            ror=own or (of_affiliation if "ror.org/" in of_affiliation else ""),
            url=inner.text("url") if "orcid.org" not in inner.text("url") else "",
            role=role or inner.text("roleName"),
            organisation=any("Organization" in one or "University" in one for one in inner.types),
        )

    def _licence(self, value: Any) -> None:
        inner = self._node.node(value)
        if inner is None:
            self._into.licence(value)
        else:
            self._into.licence(inner.address() or inner.text("name", "identifier"))

    def _language(self, text: str) -> str:
        return text.rpartition("/")[2] if "://" in text else text

    def _identifiers(self) -> None:
        node, into = self._node, self._into
        addresses = [one for one in (*node.texts("url"), node.id) if origin_of(one) is not None]
        for value in node.every("identifier", "doi"):
            inner = node.node(value)
            text = (
                (inner.text("value") or inner.text("url") or inner.id)
                if inner is not None
                else str(value or "")
            )
            scheme = inner.text("propertyID").rpartition("/")[2] if inner is not None else ""
            if not into.doi(text, quietly=True) and text and text not in addresses:
                into.identifier(text, scheme or ("url" if "://" in text else "local"))
        for text in node.texts("sameAs"):
            if not into.doi(text, quietly=True) and origin_of(text) is not None:
                into.identifier(text)
        for text in addresses:
            if identifiers.doi(text) is None:
                into.url(text)
            else:
                into.doi(text)
        if not addresses and node.text("url"):
            into.url(node.text("url"))

    def _topics(self) -> None:
        node, into = self._node, self._into
        bare: list[str] = []
        for value in node.every("about"):
            inner = node.node(value)
            if inner is None:
                into.topic(value if "://" not in str(value) else "", value)
                continue
            address = inner.id or inner.text("url")
            name = inner.text("name", "prefLabel")
            if name:
                into.topic(name, address)
            else:
                bare.append(address or inner.text("termCode"))
        for address in bare:
            into.topic("", address) if "://" in address else into.topic(address)

    def _sources(self) -> None:
        node, into = self._node, self._into
        for name, relation in (
            ("isBasedOn", "adaptation"),
            ("translationOfWork", "translation"),
            ("isPartOf", "part"),
        ):
            for value in node.every(name):
                inner = node.node(value)
                if inner is None:
                    into.source(value, relation)
                else:
                    licence = next(iter(inner.texts("license")), "")
                    into.source(
                        inner.address() or inner.text("identifier"),
                        relation,
                        title=inner.text("name"),
                        licence=licence,
                    )

    def _funder(self, value: Any) -> None:
        inner = self._node.node(value)
        if inner is None:
            self._into.funder(value)
            return
        body = (
            next((self._node.node(one) for one in inner.every("funder") if type(one) is dict), None) or inner
        )
        grant = inner.text("identifier") if body is not inner else ""
        self._into.funder(body.text("name"), ror=body.id if "ror.org/" in body.id else "", grant=grant)

    def _dates(self) -> None:
        node, into = self._node, self._into
        into.issued(node.text("datePublished"))
        created = node.text("dateCreated")
        if created and not into.has("issued"):
            into.issued(
                created, guess="The day on which it was made stands for the day on which it came out."
            )

    def _left_out(self) -> None:
        """Whatever else is said has no place here."""
        inner = self._node.inner
        names = [
            name
            for name in list(inner)[:100]
            if name not in self._node.read
            and local(name) not in _SAYS_NOTHING
            and inner[name] not in (None, "", [], {})
        ]
        if names:
            shown = ", ".join(local(one)[:40] for one in names[:30])
            self._into.note("left_out", "", f"There is no place here for: {shown}.")

    def _source_uri(self) -> str:
        """By what it is found again: what it calls itself, as far as that is told apart from others everywhere."""
        node = self._node
        for text in (node.id, *node.texts("url")):
            if origin_of(text) is not None:
                return text
        return ""


def nothing_found(done: Read) -> Invalid:
    """What to say where nothing could be read."""
    why = f" {done.left_out[0].sentence}" if done.left_out else ""
    return Invalid({}, f"There is no resource in this.{why}")
