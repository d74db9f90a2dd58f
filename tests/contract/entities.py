"""Compares answers with the description of Mastodon's entities: types, what may be null, what may be absent."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
DATE = re.compile(r"\d{4}-\d\d-\d\d")
SIZES = {f"configuration.media_attachments.{kind}_size_limit" for kind in ("audio", "document")}
# Ours, or of others whom clients read too.
ALSO_ALLOWED = {
    "Instance": {
        *SIZES,
        "configuration.statuses.supported_mime_types",
        "api_versions.fedserver",
        "configuration.groups",
    },
    "Admin::Account": {"may_create_groups", "trust"},
    "Admin::DomainBlock": {"expires_at"},
    "Status": {"item"},
    "Search": {"resources", "events", "opportunities"},
    "V1::Instance": {
        *SIZES,
        "configuration.statuses.supported_mime_types",
        "configuration.media_attachments.description_limit",
        *(
            f"configuration.accounts.{name}"
            for name in (
                "max_display_name_length",
                "max_note_length",
                "max_avatar_description_length",
                "max_header_description_length",
                "max_pinned_statuses",
                "max_profile_fields",
                "profile_field_name_limit",
                "profile_field_value_limit",
            )
        ),
    },
    "MediaAttachment": {"meta.original", "meta.small"},
    "Trends::Link": {"id", "requires_review"},  # for moderators
    "ScheduledStatus": {"params.quoted_status_id", "params.quote_approval_policy"},
    # Taken and given by Mastodon, though its documentation stops at those before.
    "WebPushSubscription": {
        f"alerts.{name}"
        for name in (
            *("severed_relationships", "moderation_warning", "quote", "quoted_update"),
            *("added_to_collection", "collection_update", "event_reminder"),
        )
    },
}
# Where the description differs from Mastodon's code, which apps decode.
CORRECTIONS: dict[tuple[str, str], dict[str, Any]] = {
    # The only id that is a number.
    ("NotificationGroup", "most_recent_notification_id"): {"type": "Integer"},
    ("Admin::Cohort", "data"): {"type": "Array of Admin::Cohort::Data"},
    ("Admin::Tag", "listable"): {"type": "Boolean"},
    ("Admin::EmailDomainBlock", "allow_with_approval"): {"type": "Boolean"},
    # Empty where there is none.
    **{
        ("PreviewCard", name): {"type": "String"}
        for name in ("author_url", "provider_url", "embed_url", "image_description")
    },
    ("PreviewCard", "published_at"): {"type": "String (Datetime)", "nullable": True},
    ("Translation", "poll"): {"type": "Translation::Poll", "nullable": True},
    # The names of measures, not fields of one.
    **{
        ("Admin::Measure", name): {"removed": True}
        for name in (
            "active_users",
            "new_users",
            "interactions",
            "opened_reports",
            "resolved_reports",
            "tag_accounts",
            "tag_uses",
            "tag_servers",
            "instance_accounts",
            "instance_media_attachments",
            "instance_reports",
            "instance_statuses",
            "instance_follows",
            "instance_followers",
        )
    },
}
COLLECTED = ["added_to_collection", "collection_update"]
for _name in ("Notification", "NotificationGroup"):
    CORRECTIONS[_name, "collection"] = {"type": "Collection", "optional": True}


class Entities:
    """The described entities of the file `entities.json`."""

    def __init__(self, file: Path) -> None:
        self._entities: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        for (name, path), rule in CORRECTIONS.items():
            self._entities[name][path] = {"nullable": False, **rule}
        for name in ("Notification", "NotificationGroup"):
            self._entities[name]["type"]["enum"] += [
                one for one in COLLECTED if one not in self._entities[name]["type"]["enum"]
            ]

    @property
    def names(self) -> list[str]:
        return [name for name in self._entities if not name.startswith("_")]

    @cache  # noqa: B019 - one for a test run
    def fields(self, name: str) -> dict[str, dict[str, Any]]:
        described = dict(self._entities[name])
        extends = described.pop("_extends", None)
        return {**(self.fields(extends) if extends else {}), **described}

    def problems(self, name: str, value: Any) -> list[str]:
        """What of `value` is not as the entity `name` is described."""
        found: list[str] = []
        self._entity(name, value, name, found)
        return found

    def _entity(self, name: str, value: Any, place: str, found: list[str]) -> None:
        if not isinstance(value, dict):
            found.append(f"{place} is no object")
            return
        self._object(name, "", value, place, found)

    def _object(self, name: str, prefix: str, value: dict[str, Any], place: str, found: list[str]) -> None:
        known = set()
        for path, rule in self.fields(name).items():
            if rule.get("removed") or not path.startswith(prefix):
                continue
            field = path[len(prefix) :]
            if field in value or "." not in field or ":" in field:
                known.add(field)
                self._field(name, path, rule, value, field, f"{place}.{field}", found)
            else:
                known.add(field.partition(".")[0])
        if not self._is_free(name, prefix):
            extras = {prefix + extra for extra in set(value) - known} - ALSO_ALLOWED.get(name, set())
            found.extend(f"{place}: {extra} is not described" for extra in sorted(extras))

    def _is_free(self, name: str, prefix: str) -> bool:
        """Whether nothing is said of the parts of this object."""
        return bool(prefix) and not any(path.startswith(prefix) for path in self.fields(name))

    def _field(
        self,
        name: str,
        path: str,
        rule: dict[str, Any],
        value: dict[str, Any],
        field: str,
        place: str,
        found: list[str],
    ) -> None:
        if field not in value:
            if not rule.get("optional"):
                found.append(f"{place} is missing")
            return
        inner = value[field]
        if inner is None:
            if not rule.get("nullable"):
                found.append(f"{place} is null")
            return
        self._value(name, path, rule, inner, place, found)

    def _value(
        self, name: str, path: str, rule: dict[str, Any], value: Any, place: str, found: list[str]
    ) -> None:
        kind = rule["type"]
        entity = next((one for one in (kind, kind.partition(",")[0]) if one in self._entities), None)
        if kind.startswith("Array of "):
            if not isinstance(value, list):
                found.append(f"{place} is no list")
                return
            of = kind.removeprefix("Array of ").partition(" (")[0]
            for index, one in enumerate(value):
                self._value(
                    name, path, {**rule, "type": of.rstrip("s") if of == "Strings" else of}, one,
                    f"{place}[{index}]", found,
                )  # fmt: skip
        elif entity is not None:
            self._entity(entity, value, place, found)
        elif kind.startswith("Hash"):
            if not isinstance(value, dict):
                found.append(f"{place} is no object")
            else:
                # The parts of what a list has are written with two dots.
                listed = any(one.startswith(f"{path}..") for one in self.fields(name))
                self._object(name, path + (".." if listed else "."), value, place, found)
        elif kind.startswith(("Integer", "integer")):
            _must(type(value) is int, f"{place} is no whole number: {value!r}", found)
        elif kind.startswith(("Float", "Number")):
            _must(type(value) in (int, float), f"{place} is no number: {value!r}", found)
        elif kind.startswith("Boolean"):
            _must(type(value) is bool, f"{place} is no boolean: {value!r}", found)
        else:
            _text(kind, rule, value, place, found)


def _text(kind: str, rule: dict[str, Any], value: Any, place: str, found: list[str]) -> None:
    if not isinstance(value, str):
        found.append(f"{place} is no text: {value!r}")
    elif "Datetime" in kind:
        _must(bool(DATETIME.fullmatch(value)), f"{place} is no instant: {value!r}", found)
    elif "(Date)" in kind:
        _must(bool(DATE.fullmatch(value)), f"{place} is no date: {value!r}", found)
    elif "(URL)" in kind:
        _must(
            value.startswith(("http://", "https://", "ws://", "wss://")),
            f"{place} is no address: {value!r}",
            found,
        )
    elif "cast from an integer" in kind and "UNIX" not in kind:
        _must(value.lstrip("-").isdigit(), f"{place} is no id: {value!r}", found)
    elif rule.get("enum"):
        _must(value in rule["enum"], f"{place} is none of {rule['enum']}: {value!r}", found)


def _must(holds: bool, problem: str, found: list[str]) -> None:
    if not holds:
        found.append(problem)
