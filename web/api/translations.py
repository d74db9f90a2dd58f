"""Statuses in other languages, and which languages there are."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver import translations
from web import auth, forms, keys, replies
from web.api.entities import Translation, TranslationAttachment, TranslationOption, TranslationPoll

UNKNOWN: Final = "und"


async def translate(request: web.Request) -> web.Response:
    """``POST /api/v1/statuses/:id/translate``"""
    member = auth.member(request, "read:statuses")
    params = await forms.params(request)
    post_id = forms.path_id(request)
    found = await translations.translate(
        keys.server(request), member, post_id, params.text("lang", chars_max=35)
    )
    return replies.json(
        Translation(
            content=found.content,
            spoiler_text=found.spoiler_text,
            language=found.language,
            detected_source_language=found.detected_language,
            provider=found.provider,
            media_attachments=[TranslationAttachment(str(one), text) for one, text in found.media],
            poll=TranslationPoll(str(post_id), [TranslationOption(text) for text in found.poll_options])
            if found.has_poll
            else None,
        )
    )


async def languages(request: web.Request) -> web.Response:
    """``GET /api/v1/instance/translation_languages``"""
    auth.viewer(request)
    found = await translations.languages(keys.server(request))
    return replies.json({source or UNKNOWN: targets for source, targets in found.items()})


routes: Final[list[web.RouteDef]] = [
    web.post("/api/v1/statuses/{id}/translate", translate),
    web.get("/api/v1/instance/translation_languages", languages),
]
