"""YAML files of others as plain values: no tags, no anchors, bounded."""

from __future__ import annotations

from typing import Any, Final

import yaml
from yaml.events import AliasEvent

from fedserver.errors import Invalid, TooLarge

CHARS_MAX: Final = 5_000_000


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Text, numbers, lists and mappings. What is written once and meant many times could be endless; dates stay texts."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(AliasEvent):
            raise yaml.YAMLError("anchors are not read")
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in pairs
        if tag in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:null")
    ]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(text: str, name: str) -> Any:
    """The value of the file `name`: numbers and dates as the texts they are written as. Raises Invalid, TooLarge."""
    if len(text) > CHARS_MAX:
        raise TooLarge(f"{name} has more than {CHARS_MAX:,} characters.")
    try:
        return yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)
    except RecursionError as error:
        raise Invalid({}, f"{name} is nested too deeply.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
        raise Invalid({}, f"{name} is not YAML: {error.problem}{at}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise Invalid({}, f"{name} is not YAML that can be read here: {error}.") from error
