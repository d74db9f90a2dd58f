"""What was asked, in one shape whatever the encoding: a tree of names, read with the type that is wanted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar, overload

from fedserver.errors import Invalid, NotFound, TooLarge

KEYS_MAX: Final = 1000
DEPTH_MAX: Final = 8
KEY_CHARS_MAX: Final = 256
ID_MAX: Final = (1 << 63) - 2  # its neighbours, where a page begins or ends, fit a column too

TRUE_WORDS: Final = frozenset({"1", "true", "t", "on", "yes", "y"})
FALSE_WORDS: Final = frozenset({"0", "false", "f", "off", "no", "n", ""})

T = TypeVar("T")
_SEGMENT = re.compile(r"\[([^\[\]]*)\]")
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,19}\Z")


class Unreadable(Invalid):
    """The request cannot be understood at all: broken JSON, an unknown character set, a stray NUL."""

    default = "The request cannot be read."

    def __init__(self, message: str | None = None, *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(fields, message)


@dataclass(slots=True)
class Upload:
    """A file that was sent, in a temporary file which goes with the request unless it is taken.

    `filename` and `content_type` are what the sender claims and must not be believed.
    """

    filename: str
    content_type: str
    size: int
    path: Path
    taken: bool = field(default=False)

    def take(self) -> Path:
        """Keep the file beyond the request; whoever takes it moves or deletes it."""
        self.taken = True
        return self.path


class Params(Mapping[str, Any]):
    """A tree of parameters. A name that is there with the wrong kind of value raises Invalid, naming it."""

    __slots__ = ("_path", "tree")

    def __init__(self, tree: dict[str, Any], path: str = "") -> None:
        self.tree = tree
        self._path = path

    def __getitem__(self, name: str) -> Any:
        return self.tree[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tree)

    def __len__(self) -> int:
        return len(self.tree)

    def wrong(self, name: str, problem: str) -> Invalid:
        """The error that says what is wrong with `name`: ``raise params.wrong("limit", "must be positive")``."""
        return Invalid({f"{self._path}[{name}]" if self._path else name: problem})

    # --- text

    def text(self, name: str, default: str = "", *, chars_max: int | None = None) -> str:
        """A text; `default` where the name or its value is missing. Invalid beyond `chars_max` characters."""
        value = self.maybe_text(name)
        if value is None:
            return default
        if chars_max is not None and len(value) > chars_max:
            raise self.wrong(name, f"is too long (at most {chars_max} characters)")
        return value

    def maybe_text(self, name: str) -> str | None:
        """A text, or None where it was not sent: an update leaves what is not mentioned."""
        value = self.tree.get(name)
        if value is None or type(value) is str:
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return str(value)
        raise self.wrong(name, "must be a text")

    def required_text(self, name: str) -> str:
        """A text with something in it besides blanks."""
        value = self.text(name)
        if not value.strip():
            raise self.wrong(name, "can't be blank")
        return value

    def texts(self, name: str, *, count_max: int = KEYS_MAX) -> list[str]:
        """A list of texts; one alone is a list of one, blank entries of forms are left out."""
        entries = self._entries(name)
        if len(entries) > count_max:
            raise self.wrong(name, f"has too many entries (at most {count_max})")
        holder = Params({str(index): entry for index, entry in enumerate(entries)}, name)
        return [text for index in holder if (text := holder.maybe_text(index)) is not None and text != ""]

    # --- numbers, flags, ids

    @overload
    def integer(
        self, name: str, default: int, *, least: int | None = None, most: int | None = None
    ) -> int: ...
    @overload
    def integer(
        self, name: str, default: None = None, *, least: int | None = None, most: int | None = None
    ) -> int | None: ...
    def integer(
        self, name: str, default: int | None = None, *, least: int | None = None, most: int | None = None
    ) -> int | None:
        """A whole number from `least` to `most`; `default` where it is missing or empty."""
        value = self.tree.get(name)
        if value is None or value == "":
            return default
        digits = isinstance(value, str) and _WHOLE.fullmatch(value.strip())
        if digits or (isinstance(value, float) and value.is_integer()):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > ID_MAX:
            raise self.wrong(name, "must be a whole number")
        if least is not None and value < least:
            raise self.wrong(name, f"must be at least {least}")
        if most is not None and value > most:
            raise self.wrong(name, f"must be at most {most}")
        return value

    def limit(self, default: int, most: int) -> int:
        """The ``limit`` of a page: silently capped at `most`; Unreadable (400) when negative or no number."""
        try:
            value = self.integer("limit", default)
        except Invalid as error:
            raise Unreadable(fields={"limit": "must be a whole number"}) from error
        if value < 0:
            raise Unreadable(fields={"limit": "must not be negative"})
        return min(value or default, most)

    def flag(self, name: str, default: bool = False) -> bool:
        """Yes or no, in any of the spellings clients use."""
        value = self.maybe_flag(name)
        return default if value is None else value

    def maybe_flag(self, name: str) -> bool | None:
        """Yes, no, or None where it was not said."""
        value = self.tree.get(name)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, list) and value:
            value = value[-1]  # a hidden "0" before the tick box, as forms send it
        word = str(value).strip().lower()
        if word in TRUE_WORDS:
            return True
        if word in FALSE_WORDS:
            return False
        raise self.wrong(name, "must be true or false")

    def id(self, name: str) -> int | None:
        """An id as our API writes it, a decimal text. NotFound for what can be no id of ours."""
        value = self.maybe_text(name)
        return None if value is None or value == "" else row_id(value)

    def ids(self, name: str, *, count_max: int = KEYS_MAX) -> list[int]:
        """A list of ids, those that can be none of ours left out."""
        return [
            number
            for text in self.texts(name, count_max=count_max)
            if _DIGITS.match(text) and (number := int(text)) <= ID_MAX
        ]

    # --- structure and files

    def nested(self, name: str) -> Params:
        """What is below `name`; empty where there is nothing."""
        value = self.tree.get(name)
        if value is None or value == "":
            return Params({}, name)
        if not isinstance(value, dict):
            raise self.wrong(name, "must have parts")
        return Params(value, name)

    def children(self, name: str, *, count_max: int = KEYS_MAX) -> list[Params]:
        """A list of trees, whether it came as a list or as numbered parts (``fields_attributes[0][name]``)."""
        entries = self._entries(name)
        if len(entries) > count_max:
            raise self.wrong(name, f"has too many entries (at most {count_max})")
        if not all(isinstance(entry, dict) for entry in entries):
            raise self.wrong(name, "must be a list of parts")
        return [Params(entry, f"{name}[{index}]") for index, entry in enumerate(entries)]

    def upload(self, name: str) -> Upload | None:
        """The file sent under this name, if one was; an empty file field of a page is none."""
        value = self.tree.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, list) and value:
            value = value[0]
        if not isinstance(value, Upload):
            raise self.wrong(name, "must be a file")
        return value if value.size or value.filename else None

    def uploads(self, name: str) -> list[Upload]:
        """Every file sent under this name."""
        found = [entry for entry in self._entries(name) if isinstance(entry, Upload)]
        return [entry for entry in found if entry.size or entry.filename]

    def _entries(self, name: str) -> list[Any]:
        value = self.tree.get(name)
        if value is None:
            return []
        if isinstance(value, list):
            return value
        if isinstance(value, dict):
            return in_order(value, lambda: self.wrong(name, "must be a list"))
        return [value]


def row_id(text: str) -> int:
    """An id from a path or a parameter. NotFound when it can be none of ours."""
    if _DIGITS.match(text) and (number := int(text)) <= ID_MAX:
        return number
    raise NotFound


def in_order(numbered: dict[str, Any], wrong: Any = None) -> list[Any]:
    """The values of ``{"0": …, "1": …}`` in the order of their numbers; raises ``wrong()`` for other names."""
    if not all(_DIGITS.match(name) for name in numbered):
        raise wrong() if wrong else Unreadable("A list has parts without a number.")
    return [numbered[name] for name in sorted(numbered, key=int)]


def put(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set ``a[b][]`` of a form, as Rails reads it. A later value of a plain name replaces the one before."""
    if len(key) > KEY_CHARS_MAX:
        raise Unreadable("A parameter's name is too long.")
    name, bracket, _ = key.partition("[")
    path = _SEGMENT.findall(key, len(name)) if bracket else []
    if len(path) >= DEPTH_MAX:
        raise Unreadable("The parameters are nested too deep.")
    holder: Any = tree
    for position, part in enumerate([name, *path]):
        following = path[position] if position < len(path) else None
        if isinstance(holder, list):
            holder = _in_list(holder, part, following, path[position + 1 :], value)
            if holder is None:
                return
            continue
        if following is None:
            holder[part] = value
            return
        wanted: type = list if following == "" else dict
        child = holder.get(part)
        if not isinstance(child, wanted):
            child = holder[part] = wanted()
        holder = child


def _in_list(holder: list[Any], part: str, following: str | None, rest: list[str], value: Any) -> Any:
    """One step below ``a[]``: the end of it, or the tree that the next part belongs to."""
    if following is None or (following == "" and not rest):  # Mastodon.py writes a[][] where it means a[]
        holder.append(value)
        return None
    # a[][name]: a name that the last entry has already begins the next one.
    if not holder or not isinstance(holder[-1], dict) or (not rest and following in holder[-1]):
        holder.append({})
    return holder[-1]


def check_count(count: int) -> None:
    """TooLarge beyond `KEYS_MAX` parameters."""
    if count > KEYS_MAX:
        raise TooLarge(f"At most {KEYS_MAX} parameters are read.")
