"""Posts in other languages, by the translation service that an admin has named; without one there are none.

Only what is for everybody leaves this server. What comes back is as foreign as a post from elsewhere, and its HTML
is made safe like that.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Final

from sqlalchemy import Connection

from fedserver import interactions, visibility
from fedserver.content.formulas import as_tex
from fedserver.content.html import sanitise, sanitise_article, to_text, without_inline_quote
from fedserver.content.text import EMOJI_SHORTCODE, clean_text, language_tag
from fedserver.context import Server
from fedserver.errors import Forbidden, NotFound, TooLarge
from fedserver.translation_services import ANY, Service, Translated
from fedserver.viewer import Member
from storage import posts, users

KEPT_MAX: Final = 1_000
LANGUAGES_SECONDS: Final = 86_400.0
AT_ONCE: Final = 4  # requests to the service
CHARACTERS_MAX: Final = 30_000  # of one post with all that hangs on it

_HREF: Final = re.compile(r'href="([^"]*)"')
_KEPT_AS_IS: Final = re.compile(r'<span translate="no">(.*?)</span>', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Translation:
    """A post in another language. `content` is HTML; `media` are alt texts by the id of the attachment."""

    language: str
    detected_language: str
    provider: str
    content: str
    spoiler_text: str
    poll_options: Sequence[str]
    media: Sequence[tuple[int, str]]
    has_poll: bool


@dataclass(slots=True)
class Translator:
    """The service of this process, and what it has said. Everything of it can be lost."""

    service: Service
    kept: OrderedDict[tuple[int, int, str], Translation] = field(default_factory=OrderedDict)
    _known: tuple[float, dict[str, list[str]]] | None = None
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _busy: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def languages(self) -> dict[str, list[str]]:
        """By language (`ANY` for those unknown) into which others it can be translated; asked once a day."""
        async with self._asking:
            if self._known is None or self._known[0] < time.monotonic():
                found = await self.service.languages()
                self._known = time.monotonic() + LANGUAGES_SECONDS, found
            return self._known[1]

    async def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translated]:
        async with self._busy:
            return await self.service.translate(texts, source, target)

    def keep(self, key: tuple[int, int, str], made: Translation) -> None:
        """Remember a translation, by post, version and language."""
        self.kept[key] = made
        self.kept.move_to_end(key)
        if len(self.kept) > KEPT_MAX:
            self.kept.popitem(last=False)

    async def close(self) -> None:
        await self.service.close()


@dataclass(frozen=True, slots=True)
class _Source:
    """What is said in a post: HTML, all of it, with the plain texts escaped."""

    key: tuple[int, int]
    language: str
    content: str
    spoiler: str
    options: list[str]
    media: list[tuple[int, str]]
    has_poll: bool
    is_article: bool

    @property
    def texts(self) -> list[str]:
        return [self.content, self.spoiler, *self.options, *(text for _, text in self.media)]


async def languages(server: Server) -> dict[str, list[str]]:
    """By source language into which others posts can be translated; nothing without a service.

    Raises TranslationFailed.
    """
    return {} if server.translator is None else await server.translator.languages()


async def translate(server: Server, member: Member, post_id: int, language: str) -> Translation:
    """A post in this language ("" for the member's own). Raises NotFound, Forbidden, TooLarge, TranslationFailed."""
    translator = server.translator
    if translator is None:
        raise NotFound("Record not found")
    source, own_language = await server.db.read(_source, member.account_id, post_id)
    asked = language_tag(language or own_language) or server.config.language
    possible = (await translator.languages()).get(source.language or ANY, [])
    target = asked if asked in possible else asked.partition("-")[0]
    if target not in possible:
        raise Forbidden("This action is not allowed")
    key = (*source.key, target)
    known = translator.kept.get(key)
    if known is None:
        known = await _translated(translator, source, target)
        translator.keep(key, known)
    return known


def _source(conn: Connection, viewer_id: int, post_id: int) -> tuple[_Source, str]:
    row = interactions.seen(conn, post_id, viewer_id)
    if row.visibility not in visibility.FOR_EVERYBODY:
        raise Forbidden("This action is not allowed")
    title = f"<p><strong>{escape(row.title, quote=False)}</strong></p>" if row.title else ""
    options = posts.poll_options_of(conn, [row.id]).get(row.id, [])
    media = posts.media_of(conn, [row.id]).get(row.id, [])
    source = _Source(
        key=(row.id, row.version),
        language=row.language,
        content=_guarded(as_tex(title + without_inline_quote(row.content_html), around=_kept_as_is)),
        spoiler="" if row.title else _guarded(escape(row.summary, quote=False)),
        options=[_guarded(escape(one.title, quote=False)) for one in options],
        media=[(one.id, escape(one.description, quote=False)) for one in media if one.description],
        has_poll=bool(options),
        is_article=row.kind not in ("note", "question"),
    )
    if sum(map(len, source.texts)) > CHARACTERS_MAX:
        raise TooLarge("This post is too long to be translated.")
    member = users.by_id(conn, viewer_id)
    return source, "" if member is None else member.locale


def _guarded(html: str) -> str:
    """With the names of custom emoji marked as none of the language's words."""
    return EMOJI_SHORTCODE.sub(lambda name: _kept_as_is(name[0]), html)


def _kept_as_is(html: str) -> str:
    return f'<span translate="no">{html}</span>'


async def _translated(translator: Translator, source: _Source, target: str) -> Translation:
    wanted = [text for text in source.texts if text]
    answers = iter(await translator.translate(wanted, source.language, target) if wanted else [])
    detected: list[str] = []

    def translated(text: str) -> str:
        if not text:
            return ""
        answer = next(answers)
        detected.append(answer.language)
        return _KEPT_AS_IS.sub(r"\1", answer.html)

    content = translated(source.content)
    # What looks like a mention or a hashtag must lead where one of the post's own did.
    tagged = {unescape(href) for href in _HREF.findall(source.content)}
    safe = (sanitise_article if source.is_article else sanitise)(content, tagged=tagged)
    return Translation(
        content=safe,
        spoiler_text=_plain(translated(source.spoiler)),
        poll_options=[_plain(translated(text)) for text in source.options],
        media=[(media_id, _plain(translated(text))) for media_id, text in source.media],
        has_poll=source.has_poll,
        language=target,
        detected_language=next((one for one in detected if one), source.language or "und"),
        provider=translator.service.name,
    )


def _plain(html: str) -> str:
    return clean_text(to_text(sanitise(html)))
