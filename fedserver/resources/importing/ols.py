"""The library of Open Seeds, the programme of OLS: ``library.yaml`` with its talks, ``people.yaml`` with who gave them.

https://github.com/open-life-science/open-life-science.github.io/tree/main/_data
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from fedserver.errors import Invalid
from fedserver.resources.importing import files, yaml_files
from fedserver.resources.importing.gathering import Gathered
from fedserver.resources.importing.receipts import Read, quoted
from fedserver.resources.keeping import title_key

COLLECTION: Final = "ols:"
LICENCE: Final = "CC-BY-4.0"
TALKS_MAX: Final = 20_000
_COHORT: Final = re.compile(r"[\w.-]{1,40}")
_KNOWN: Final = frozenset({"title", "speakers", "slides", "recording", "date", "cohort"})


def read_folder(path: Path) -> Read:
    """The library in a folder that has both files. Raises Invalid, TooLarge. Blocks."""
    library, people = path / "library.yaml", path / "people.yaml"
    if not library.is_file():
        raise Invalid({}, f"There is no library.yaml in {path}.")
    return read(files.text_of(library), files.text_of(people) if people.is_file() else "")


def read(library: str, people: str) -> Read:
    """The talks of the library as resources; `people` is the other file, "" without one. Raises Invalid, TooLarge."""
    tree = yaml_files.load(library, "library.yaml")
    known = yaml_files.load(people, "people.yaml") if people.strip() else {}
    if type(tree) is not dict or type(known) is not dict:
        raise Invalid({}, "library.yaml must have talks by tag and subtag, people.yaml people by name.")
    done = Read()
    by_key: dict[str, _Talk] = {}
    for tag, subtag, about, talk in _talks(tree, done):
        one = _Talk(talk, known)
        earlier = by_key.get(one.key)
        if earlier is None:
            if len(by_key) >= TALKS_MAX:
                done.leave_out("library.yaml", f"Only the first {TALKS_MAX:,} talks were read.")
                break
            by_key[one.key] = one
        else:
            done.leave_out(one.title, "The same talk stands there a second time: " + earlier.differences(one))
        by_key[one.key].file_under(tag, subtag, about)
    for one in by_key.values():
        if one.title:
            done.found.append(one.found())
        else:
            done.leave_out(quoted(one.said.get("slides") or ""), "A talk without a title.")
    return done


def _talks(tree: dict[Any, Any], done: Read) -> Iterator[tuple[str, str, str, dict[Any, Any]]]:
    for tag, subtags in tree.items():
        for subtag, inner in subtags.items() if type(subtags) is dict else ():
            talks = inner.get("talks") if type(inner) is dict else None
            for talk in talks if type(talks) is list else ():
                if type(talk) is dict:
                    about = inner.get("description")
                    yield str(tag), str(subtag), about if type(about) is str else "", talk
                else:
                    done.leave_out(f"{tag}: {subtag}", "An entry is no talk.")


class _Talk:
    """One talk, which may stand under several tags."""

    def __init__(self, said: dict[Any, Any], people: dict[Any, Any]) -> None:
        self.said, self._people = said, people
        self.into = Gathered("library.yaml")
        self.title = self.into.plain("title", said.get("title"))
        self.into.issued(said.get("date"))
        cohort = str(said.get("cohort") or "")
        self.cohort = cohort if _COHORT.fullmatch(cohort) else ""
        self.speakers = [str(one) for one in _list(said.get("speakers")) if one]
        self.issued = self.into.said("issued")
        self.key = "/".join((self.cohort, self.issued, title_key(self.title), ",".join(self.speakers)))
        self._tags: dict[str, None] = {}
        self._about = ""

    def file_under(self, tag: str, subtag: str, about: str) -> None:
        for one in (tag, subtag):
            if one not in ("Not sorted", "Not tagged"):
                self._tags.setdefault(one)
        self._about = self._about or about

    def differences(self, other: _Talk) -> str:
        """What the other entry for the same talk says otherwise, for people."""
        names = [name for name in sorted(_KNOWN) if self.said.get(name) != other.said.get(name)]
        return f"it differs in {', '.join(names)}; the first counts." if names else "word for word."

    def found(self) -> Any:
        into, said = self.into, self.said
        into.title(said.get("title"))
        into.note(
            "guessed", "licence", f"The library as a whole is under {LICENCE}; the talk itself says nothing."
        )
        into.licence(LICENCE)
        into.note(
            "guessed", "language", "The talks of this programme are in English; the talk itself says nothing."
        )
        into.language("en")
        for name in self.speakers:
            self._speaker(name)
        self._links()
        for tag in self._tags:
            into.topic(tag)
        into.keywords([one for one in ("Open Seeds", self.cohort) if one])
        into.abstract(self._abstract())
        others = [str(name) for name in said if name not in _KNOWN]
        if others:
            into.note("left_out", "", f"There is no place here for: {', '.join(others)[:200]}.")
        return into.found(source_uri=f"{COLLECTION}library/{self.key}", collection=COLLECTION)

    def _speaker(self, name: str) -> None:
        person = self._people.get(name)
        if type(person) is not dict:
            self.into.note(
                "missing", "authors", f"{quoted(name)} is not in people.yaml; the name is kept as it stands."
            )
            self.into.author(self.into.person(name))
            return
        called = " ".join(str(one) for one in (person.get("first-name"), person.get("last-name")) if one)
        self.into.author(
            self.into.person(
                called or name, orcid=person.get("orcid") or "", affiliation=person.get("affiliation") or ""
            )
        )

    def _links(self) -> None:
        """The recording tells one talk from another; slides are commonly shown again by somebody else."""
        into, said = self.into, self.said
        slides, recording = said.get("slides"), said.get("recording")
        if slides:
            into.kind("slides")
            into.link(slides, "Slides")
        if recording:
            into.kind("video")
            into.link(recording, "Recording")
        if not slides and not recording:
            into.note("missing", "url", "There are neither slides nor a recording.")
        into.url(recording or slides)
        into.doi(slides, quietly=True)

    def _abstract(self) -> str:
        self.into.note("guessed", "abstract", "It was put together from tags, cohort and date.")
        where = f"cohort {self.cohort} of Open Seeds" if self.cohort else "Open Seeds"
        when = f", {self.issued}" if self.issued else ""
        about = f" {self._about.rstrip('.')}." if self._about else ""
        under = f" Filed under {', '.join(self._tags)}." if self._tags else ""
        return f"A talk in {where}{when}.{under}{about}"


def _list(value: Any) -> list[Any]:
    return value if type(value) is list else [value] if value else []
