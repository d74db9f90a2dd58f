"""Programs that translate: LibreTranslate and DeepL, as an admin has named one. What they answer is not trusted.

The service is the operator's own, like a mail server: it may be on this machine, and is asked without a signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeVar

import msgspec
from msgspec import Struct

from fedserver.config import Config
from fedserver.errors import Unreachable
from fedserver.federation.http import GuardedClient, Limits

ANSWER_BYTES_MAX: Final = 1 << 20
DEEPL_TEXTS_MAX: Final = 50  # in one request
LIMITS: Final = Limits(connect=5, read=30, total=45)
ANY: Final = ""
"""The language of a text that does not say."""

_TOO_OFTEN: Final = "There have been too many requests to the translation service recently."
_USED_UP: Final = "The usage quota of the translation service has been exceeded."
_UNUSABLE: Final = "The translation service did not answer as it should."

T = TypeVar("T")


class TranslationFailed(Unreachable):
    """The translation service gave nothing that can be used; the text says which kind of nothing."""

    default = "Service Unavailable"


class Translated(NamedTuple):
    """One text in the other language, as HTML; `language` is what the service took it for."""

    html: str
    language: str


class Service(Protocol):
    """A program that translates texts written in HTML. Its methods raise TranslationFailed."""

    @property
    def name(self) -> str:
        """What members are shown."""

    async def languages(self) -> dict[str, list[str]]:
        """By language (`ANY` for those unknown) into which others it can be translated."""

    async def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translated]:
        """As many texts as were given, in their order; with `ANY` as source the service finds out."""

    async def close(self) -> None: ...


def open_service(config: Config) -> Service | None:
    """The service that the settings name, if they name one."""
    if not config.translation_service:
        return None
    client = GuardedClient(config, limits=LIMITS, operators_own=True)
    if config.translation_service == "deepl":
        return DeepL(
            client, config.translation_url or _deepl_url(config.translation_key), config.translation_key
        )
    return LibreTranslate(client, config.translation_url.rstrip("/"), config.translation_key)


def _deepl_url(key: str) -> str:
    # https://developers.deepl.com/docs/getting-started/auth: keys of free accounts have this ending.
    return "https://api-free.deepl.com" if key.endswith(":fx") else "https://api.deepl.com"


class _LibreLanguage(Struct):
    code: str
    targets: list[str] = []


class _LibreDetected(Struct):
    language: str = ""


class _LibreAnswer(Struct, rename="camel"):
    translated_text: list[str]
    detected_language: list[_LibreDetected] = []


@dataclass(frozen=True, slots=True)
class LibreTranslate:
    """https://docs.libretranslate.com/"""

    client: GuardedClient
    url: str
    key: str
    name: str = "LibreTranslate"

    async def languages(self) -> dict[str, list[str]]:
        answer = await _ask(self.client, f"{self.url}/languages")
        known = _read(answer, list[_LibreLanguage])
        found = {one.code: [target for target in one.targets if target != one.code] for one in known}
        found[ANY] = sorted({target for targets in found.values() for target in targets})
        return found

    async def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translated]:
        asked = {"q": list(texts), "source": source or "auto", "target": target, "format": "html"}
        if self.key:
            asked["api_key"] = self.key
        answer = _read(await _ask(self.client, f"{self.url}/translate", asked), _LibreAnswer)
        detected = [one.language for one in answer.detected_language] or [source] * len(texts)
        if not len(answer.translated_text) == len(detected) == len(texts):
            raise TranslationFailed(_UNUSABLE, reason="json")
        return [Translated(*one) for one in zip(answer.translated_text, detected, strict=True)]

    async def close(self) -> None:
        await self.client.close()


class _DeepLLanguage(Struct):
    language: str


class _DeepLText(Struct):
    text: str
    detected_source_language: str = ""


class _DeepLAnswer(Struct):
    translations: list[_DeepLText]


@dataclass(frozen=True, slots=True)
class DeepL:
    """https://developers.deepl.com/docs"""

    client: GuardedClient
    url: str
    key: str
    name: str = "DeepL.com"

    async def languages(self) -> dict[str, list[str]]:
        sources, targets = [
            [
                _usual_case(one.language)
                for one in _read(await self._ask(f"languages?type={kind}"), list[_DeepLLanguage])
            ]
            for kind in ("source", "target")
        ]
        # Both are taken as targets, but only their regional forms are listed.
        targets = [*targets, *(name for name in ("en", "pt") if name not in targets)]
        return {source: [one for one in targets if one != source] for source in (ANY, *sources)}

    async def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translated]:
        found: list[Translated] = []
        for start in range(0, len(texts), DEEPL_TEXTS_MAX):
            some = list(texts[start : start + DEEPL_TEXTS_MAX])
            asked = {"text": some, "target_lang": target.upper(), "tag_handling": "html"}
            if source:
                asked["source_lang"] = source.partition("-")[0].upper()
            answer = _read(await self._ask("translate", asked), _DeepLAnswer)
            if len(answer.translations) != len(some):
                raise TranslationFailed(_UNUSABLE, reason="json")
            found += (
                Translated(one.text, one.detected_source_language.lower()) for one in answer.translations
            )
        return found

    async def _ask(self, what: str, asked: object = None) -> bytes:
        return await _ask(
            self.client, f"{self.url}/v2/{what}", asked, {"Authorization": f"DeepL-Auth-Key {self.key}"}
        )

    async def close(self) -> None:
        await self.client.close()


def _usual_case(language: str) -> str:
    main, _, region = language.partition("-")
    return f"{main.lower()}-{region.upper()}" if region else main.lower()


async def _ask(
    client: GuardedClient, url: str, asked: object = None, headers: dict[str, str] | None = None
) -> bytes:
    """The body of an answer with status 200; with `asked` it is posted as JSON. Raises TranslationFailed."""
    headers = dict(headers or {})
    try:
        if asked is None:
            answer = await client.get(
                url, accept="application/json", headers=headers, max_bytes=ANSWER_BYTES_MAX
            )
        else:
            headers["Content-Type"] = "application/json"
            answer = await client.submit(url, msgspec.json.encode(asked), headers, max_bytes=ANSWER_BYTES_MAX)
    except Unreachable as error:
        raise TranslationFailed(reason=error.reason) from error
    if answer.status == 429:
        raise TranslationFailed(_TOO_OFTEN, reason="status", status=429)
    # LibreTranslate forbids whoever has used up their key; DeepL has a status of its own.
    if answer.status in (403, 456):
        raise TranslationFailed(_USED_UP, reason="status", status=answer.status)
    if answer.status != 200:
        raise TranslationFailed(reason="status", status=answer.status)
    return answer.body


def _read(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TranslationFailed(_UNUSABLE, reason="json") from error
