"""A Slack workspace's export (a zip: https://slack.com/help/articles/220556107) as messages, read from the zip a day
at a time.

`channels.json` lists public channels, `groups.json` private ones; each has a folder with a JSON file a day. Private
channels are read only when they are named, direct messages never: nobody who wrote them meant a group to read them.
"""

from __future__ import annotations

import lzma
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from fedserver.archives import mrkdwn
from fedserver.archives.records import (
    FILE_BYTES_MAX,
    File,
    LeftOut,
    Message,
    NotAnArchive,
    Person,
    Source,
    fitting,
)
from fedserver.content.text import clean_line, clean_text

ENTRIES_MAX: Final = 200_000
DAY_BYTES_MAX: Final = 32 << 20
LIST_BYTES_MAX: Final = 64 << 20  # users.json of a workspace of some 20,000
RATIO_MAX: Final = 200
"""JSON shrinks to a tenth. What shrinks to less than this part, and is large, was made to fill a disk."""
RATIO_BYTES_MIN: Final = 4 << 20
CARDS_MAX: Final = 10
_CHUNK_BYTES: Final = 1 << 16
_DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    RuntimeError,
    NotImplementedError,
    EOFError,
)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}\.json")
_TS: Final = re.compile(r"\d{9,11}\.\d{1,6}")

# What people wrote or shared. Slack says with the same rows who came and went and what was renamed.
_WRITTEN: Final = frozenset(
    {"", "me_message", "bot_message", "thread_broadcast", "file_share", "file_comment", "slackbot_response"}
)
_HAPPENED_THERE: Final = """
    join leave topic purpose name archive unarchive posting_permissions convert_to_private convert_to_public
    canvas_updated
"""
_HAPPENED_ELSEWHERE: Final = """
    bot_add bot_remove bot_enable bot_disable pinned_item unpinned_item reminder_add reminder_delete tombstone
    reply_broadcast app_conversation_join app_conversation_leave sh_room_created huddle_thread joiner_notification
    joiner_notification_for_inviter message_deleted tabbed_canvas_updated document_mention
"""
_HAPPENED: Final = frozenset(_HAPPENED_ELSEWHERE.split()) | {
    f"{place}_{what}" for place in ("channel", "group") for what in _HAPPENED_THERE.split()
}


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of the workspace that is taken over."""

    id: str
    name: str
    days: tuple[str, ...]


class SlackExport:
    """A Slack export that is open, with the channels of these names (all public ones without any).

    Raises NotAnArchive for a file that is none or is built to do harm, and for a channel that it does not have.
    Blocks while it counts the messages.
    """

    source: Source = "slack"

    def __init__(self, path: Path, channels: Collection[str] = ()) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise NotAnArchive(
                message="This is no Slack export: it is not a zip file that we can read."
            ) from error
        try:
            self._root = self._checked()
            self._people = {
                person.external_id: person for person in map(_person, self._list("users.json")) if person
            }
            self._channel_names: dict[str, str] = {}
            self.channels = self._chosen({name.removeprefix("#") for name in channels})
            self._counts = [
                (channel, day, len(self._day(day))) for channel in self.channels for day in channel.days
            ]
        except BaseException:
            self._zip.close()
            raise
        self.total = sum(count for _, _, count in self._counts)

    def close(self) -> None:
        self._zip.close()

    def entries(self, start: int = 0) -> Iterator[Message | LeftOut]:
        """Every message of the channels, channel by channel, each by date; answers follow what they answer."""
        place = 0
        for channel, day, count in self._counts:
            if place + count > start:
                for number, row in enumerate(self._day(day)):
                    if place + number >= start:
                        yield self._entry(channel, row)
            place += count

    # -- the zip

    def _checked(self) -> str:
        """The folder that users.json is in: some tools put everything into one."""
        entries = self._zip.infolist()
        if len(entries) > ENTRIES_MAX:
            raise NotAnArchive(message=f"This archive has too many files: more than {ENTRIES_MAX}.")
        for one in entries:
            if one.file_size > max(RATIO_BYTES_MIN, one.compress_size * RATIO_MAX):
                raise NotAnArchive(message="This archive unpacks to far more than it can hold.")
        roots = [one.filename for one in entries if re.fullmatch(r"(?:[^/]+/)?users\.json", one.filename)]
        if not roots:
            raise NotAnArchive(message="This is no Slack export: there is no users.json in it.")
        return min(roots, key=len).removesuffix("users.json")

    def _read(self, name: str, bytes_max: int) -> bytes:
        """A file of the zip; no more of it is unpacked than is let through, whatever its entry says."""
        try:
            with self._zip.open(name) as file:
                content = file.read(bytes_max + 1)
        except KeyError:
            return b""
        except (*_DAMAGED, OSError) as error:
            raise NotAnArchive(message=f"{name} in this archive is damaged or locked.") from error
        if len(content) > bytes_max:
            raise NotAnArchive(message=f"{name} in this archive is larger than {bytes_max >> 20} MB.")
        return content

    def _rows(self, name: str, bytes_max: int) -> list[Mapping[str, Any]]:
        content = self._read(name, bytes_max)
        if not content.strip():
            return []
        try:
            rows = msgspec.json.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NotAnArchive(message=f"{name} in this archive is not JSON.") from error
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    def _list(self, name: str) -> list[Mapping[str, Any]]:
        return self._rows(self._root + name, LIST_BYTES_MAX)

    def _day(self, name: str) -> list[Mapping[str, Any]]:
        return sorted(self._rows(name, DAY_BYTES_MAX), key=lambda row: _ts(row) or "")

    def _chosen(self, wanted: set[str]) -> list[Channel]:
        public, private = self._list("channels.json"), self._list("groups.json")
        known = {_text(row, "name"): _text(row, "id") for row in (*private, *public) if _text(row, "name")}
        self._channel_names = {channel_id: name for name, channel_id in known.items()}
        missing = sorted(wanted - known.keys())
        if missing:
            raise NotAnArchive(message=f"There is no channel #{missing[0][:80]} in this archive.")
        names = sorted(wanted or (_text(row, "name") for row in public if _text(row, "name")))
        days: dict[str, list[str]] = {name: [] for name in names}
        for entry in self._zip.namelist():
            folder, _, file = entry.removeprefix(self._root).partition("/")
            if entry.startswith(self._root) and folder in days and _DAY.fullmatch(file):
                days[folder].append(entry)
        return [Channel(known[name] or name, name, tuple(sorted(days[name]))) for name in names]

    # -- one message

    def _entry(self, channel: Channel, row: Mapping[str, Any]) -> Message | LeftOut:
        ts, kind = _ts(row), _text(row, "subtype")
        where = f"#{channel.name}, {ts or 'no date'}"
        if kind in _HAPPENED or row.get("hidden") is True:
            return LeftOut(where, "It only says that something happened in the channel.", expected=True)
        if kind not in _WRITTEN:
            return LeftOut(where, f"It is of a kind that we do not know ({kind[:40]}).")
        if ts is None:
            return LeftOut(where, "It has no date.")
        author = self._author(row)
        if author is None:
            return LeftOut(where, "It does not say who wrote it.")
        source = _text(row, "text")
        attached = map(self._file, _rows_of(row, "files") or _rows_of(row, "file"))
        files = [one for one in attached if one is not None]
        text = self._markdown(source)
        if kind == "me_message" and text:
            text = f"_{text}_" if "\n" not in text and "_" not in text else text
        text = fitting(clean_text("\n\n".join(part for part in (text, *self._cards(row, source)) if part)))
        if not text and not files:
            return LeftOut(where, "It is empty.", expected=kind == "file_share")
        parent = _text(row, "thread_ts")
        answers = bool(_TS.fullmatch(parent)) and parent != ts
        return Message(
            external_id=f"{channel.id}/{ts}",
            author=author,
            at_ms=_ms(ts),
            text=text,
            media_type="text/markdown",
            ancestors=[f"{channel.id}/{parent}"] if answers else [],
            edited_at_ms=_edited(row),
            files=files,
            tags=[] if answers else [channel.name],
        )

    def _markdown(self, source: str) -> str:
        return mrkdwn.to_markdown(source, name_of=self._name, channel_of=self._channel)

    def _name(self, user_id: str) -> str:
        person = self._people.get(user_id)
        return "" if person is None else person.name

    def _channel(self, channel_id: str) -> str:
        return self._channel_names.get(channel_id, "")

    def _author(self, row: Mapping[str, Any]) -> Person | None:
        user_id = _text(row, "user")
        if not user_id and _text(row, "subtype") == "file_comment":
            comment = row.get("comment")
            user_id = _text(comment, "user") if isinstance(comment, dict) else ""
        known = self._people.get(user_id)
        if known is not None and not (known.is_bot and _text(row, "username")):
            return known
        profile = row.get("user_profile")
        if user_id and isinstance(profile, dict):  # of another workspace, in a channel both share
            name = _first(profile, "display_name", "real_name", "name")
            return Person(user_id, name or user_id)
        bot_id = _text(row, "bot_id")
        if bot_id or _text(row, "username"):
            bot = row.get("bot_profile")
            name = clean_line(_text(row, "username")) or (
                _first(bot, "name") if isinstance(bot, dict) else ""
            )
            return Person(f"bot:{(bot_id or name)[:100]}:{name[:60]}", name or "Bot", is_bot=True)
        return Person(user_id, user_id) if user_id else None

    def _cards(self, row: Mapping[str, Any], source: str) -> Iterator[str]:
        """What bots say beside the text. Previews of pages that the text links to are left out."""
        for one in _rows_of(row, "attachments")[:CARDS_MAX]:
            address = _text(one, "from_url") or _text(one, "original_url")
            if address and address.split("//")[-1] in mrkdwn.unescape_entities(source):
                continue
            title, link = self._markdown(_text(one, "title")), _text(one, "title_link")
            if title and link.startswith(("https://", "http://")):
                title = f"[{title}](<{link.replace('<', '%3C').replace('>', '%3E')}>)"
            fields = [
                f"**{self._markdown(_text(pair, 'title'))}**: {self._markdown(_text(pair, 'value'))}"
                for pair in _rows_of(one, "fields")
            ]
            parts = [
                self._markdown(_text(one, "pretext")),
                title,
                self._markdown(_text(one, "text")),
                *fields,
            ]
            lines = "\n\n".join(part for part in parts if part) or self._markdown(_text(one, "fallback"))
            if lines:
                yield "\n".join(f"> {line}".rstrip() for line in lines.splitlines())

    def _file(self, one: Mapping[str, Any]) -> File | None:
        """An attached file: within the archive, where the tool that made it has put it there, or where it was."""
        if _text(one, "mode") in ("tombstone", "hidden_by_limit"):
            return None
        file_id = _text(one, "id")
        name = (
            clean_line(_first(one, "name", "title") or file_id or "file")
            .replace("\\", "/")
            .rpartition("/")[2]
        )
        address = next(
            (
                found
                for key in ("permalink_public", "permalink", "url_private", "external_url")
                if (found := _text(one, key)).startswith(("https://", "http://"))
            ),
            "",
        )
        entry = self._entry_of(file_id, _text(one, "name"))
        if entry is None:
            return File(name[:200], url=address)
        return File(name[:200], save=lambda path: self._save(entry, path), url=address)

    def _entry_of(self, file_id: str, name: str) -> str | None:
        """Where the tools that fetch files along with an export put one."""
        if not file_id or not name:
            return None
        for candidate in (f"__uploads/{file_id}/{name}", f"attachments/{file_id}-{name}"):
            if self._root + candidate in self._zip.NameToInfo:
                return self._root + candidate
        return None

    def _save(self, entry: str, path: Path) -> None:
        written = 0
        try:
            with self._zip.open(entry) as source, path.open("wb") as target:
                while chunk := source.read(_CHUNK_BYTES):
                    written += len(chunk)
                    if written > FILE_BYTES_MAX:
                        raise NotAnArchive(message=f"It is larger than {FILE_BYTES_MAX >> 20} MB.")
                    target.write(chunk)
        except _DAMAGED as error:
            raise NotAnArchive(message="It is damaged or locked.") from error


def _person(row: Mapping[str, Any]) -> Person | None:
    user_id = _text(row, "id")
    if not user_id:
        return None
    given = row.get("profile")
    profile = given if isinstance(given, dict) else {}
    name = _first(profile, "display_name", "real_name") or _first(row, "real_name", "name") or user_id
    return Person(
        external_id=user_id,
        name=name[:200],
        email=_text(profile, "email"),
        is_bot=row.get("is_bot") is True or user_id == "USLACKBOT",
    )


def _text(row: Mapping[str, Any], key: str) -> str:
    found = row.get(key)
    return found if isinstance(found, str) else ""


def _first(row: Mapping[str, Any], *keys: str) -> str:
    return next((found for key in keys if (found := clean_line(_text(row, key)))), "")


def _rows_of(row: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = row.get(key)
    if isinstance(found, dict):
        return [found]
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _ts(row: Mapping[str, Any]) -> str | None:
    found = _text(row, "ts")
    return found if _TS.fullmatch(found) else None


def _ms(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1000 + int(fraction.ljust(6, "0")[:3])


def _edited(row: Mapping[str, Any]) -> int | None:
    edited = row.get("edited")
    ts = _ts(edited) if isinstance(edited, dict) else None
    return None if ts is None else _ms(ts)
