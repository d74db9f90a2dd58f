"""What is said of a resource, as values, and the words that lists choose from.

The parts are those that travel (`activitypub.vocabulary.resource`): what is kept beside a post is its `Details` as JSON.
Names follow schema.org's LearningResource and Bioschemas' TrainingMaterial 1.0 where they have one.
"""

from __future__ import annotations

from typing import Final

import msgspec

from activitypub.vocabulary.resource import Details, Funder, Identifier, Person, Source, Topic

__all__ = ["Details", "Funder", "Identifier", "Person", "Source", "Topic"]

TYPES: Final = (
    "slides", "lesson", "guide", "tutorial", "exercise", "handout", "template", "checklist", "course",
    "curriculum", "video", "podcast", "case-study", "dataset", "software", "game", "other",
)  # fmt: skip
LEVELS: Final = ("beginner", "intermediate", "advanced")
STATUSES: Final = ("active", "under-development", "archived")
RELATIONS: Final = ("adaptation", "translation", "version", "part")


class Described(Details, frozen=True, kw_only=True, omit_defaults=True):
    """All that a member says of a resource. `abstract` is plain text that stands alone, `text` Markdown, `language` a tag of
    BCP 47."""

    title: str = ""
    abstract: str = ""
    text: str = ""
    language: str = ""

    def details(self) -> Details:
        """Without what the post itself says."""
        return Details(**{name: getattr(self, name) for name in Details.__struct_fields__})


encode: Final = msgspec.json.Encoder().encode
decode_details: Final = msgspec.json.Decoder(Details).decode
decode_described: Final = msgspec.json.Decoder(Described).decode
