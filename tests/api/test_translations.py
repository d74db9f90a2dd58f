"""Translation through a real HTTP server that speaks LibreTranslate's API, or DeepL's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from tests import databases
from tests.api.uploads import upload
from tests.client import ApiError
from tests.federation.hosts import listening
from tests.members import Person

CONTENT = (
    '<p onclick="x()">Bonjour <script>x</script><a href="https://evil.example" class="mention">@ann</a></p>'
)


@dataclass
class Translator:
    """LibreTranslate with two languages, and DeepL behind the same port. It counts what it is asked."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    languages_asked: int = 0
    status: int = 200

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/languages":
            self.languages_asked += 1
            both = ["en", "fr"]
            return web.json_response(
                [{"code": one, "name": one, "targets": both} for one in both], status=self.status
            )
        if request.path == "/v2/languages":
            names = {"source": ["EN", "FR"], "target": ["EN-GB", "FR"]}[request.query["type"]]
            return web.json_response([{"language": one, "name": one} for one in names])
        body = json.loads(await request.read())
        self.asked.append(body)
        if self.status != 200:
            return web.json_response({"error": "no"}, status=self.status)
        if request.path == "/v2/translate":
            assert request.headers["Authorization"] == "DeepL-Auth-Key secret:fx"
            texts = [{"text": f"[{one}]", "detected_source_language": "EN"} for one in body["text"]]
            return web.json_response({"translations": texts})
        assert body["api_key"] == "secret:fx"
        answers = [CONTENT if one.startswith("<p>Hello") else f"[{one}]" for one in body["q"]]
        detected = [{"confidence": 90, "language": "en"} for _ in answers]
        return web.json_response({"translatedText": answers, "detectedLanguage": detected})


@pytest.fixture
def database_url(tmp_path: Any) -> str:
    """Nothing here depends on the kind of database."""
    return databases.sqlite_database(tmp_path / "database")


async def test_formulas_are_not_translated(alice: Person, service: Translator) -> None:
    form = {"status": "So $x$:\n\n$$\nx\n= y\n$$", "language": "en", "content_type": "text/markdown"}
    status = await alice.post("/api/v1/statuses", form)
    found = await alice.post(f"/api/v1/statuses/{status['id']}/translate", {"lang": "fr"})
    assert '<p>So <span translate="no">$x$</span>:</p>' in service.asked[0]["q"][0]
    assert found["content"] == "[<p>So $x$:</p><p>$$x\n= y$$</p>]"


@pytest.fixture
def service() -> Translator:
    return Translator()


@pytest.fixture(params=["libretranslate"])
def server_settings(request: pytest.FixtureRequest, service: Translator) -> Iterator[dict[str, str]]:
    with listening(service.handle) as port:
        yield {
            "translation_service": request.param,
            "translation_url": f"http://127.0.0.1:{port}",
            "translation_key": "secret:fx",
            # What the operator has named may be anywhere; nobody else's address may.
            "testing__allow_nets": "",
        }


async def refusal(person: Person, status: Any, lang: str = "fr") -> int:
    with pytest.raises(ApiError) as error:
        await person.post(f"/api/v1/statuses/{status['id']}/translate", {"lang": lang})
    return error.value.status


async def test_a_status_is_translated_whole_safely_and_once(
    alice: Person, bob: Person, nobody: Person, service: Translator
) -> None:
    media = await upload(alice, description="A <dog>")
    status = await alice.post(
        "/api/v1/statuses",
        {
            "status": "Hello :blobcat: @bob",
            "spoiler_text": "Dogs & cats",
            "language": "en",
            "media_ids": [media["id"]],
        },
    )
    at = f"/api/v1/statuses/{status['id']}"
    found = await bob.post(f"{at}/translate", {"lang": "fr-CA"})
    assert found == {
        "content": '<p>Bonjour <a href="https://evil.example" rel="nofollow noopener noreferrer">@ann</a></p>',
        "spoiler_text": "[Dogs & cats]",
        "language": "fr",
        "detected_source_language": "en",
        "provider": "LibreTranslate",
        "media_attachments": [{"id": media["id"], "description": "[A <dog>]"}],
        "poll": None,
    }
    (asked,) = service.asked
    assert (asked["source"], asked["target"], asked["format"]) == ("en", "fr", "html")
    assert '<span translate="no">:blobcat:</span>' in asked["q"][0]
    assert await alice.post(f"{at}/translate", {"lang": "fr"}) == found
    assert (len(service.asked), service.languages_asked) == (1, 1)
    await alice.put(at, {"status": "Hello again", "language": "en"})
    await bob.post(f"{at}/translate", {"lang": "fr"})
    assert len(service.asked) == 2, "another version is another text"
    poll = await alice.post(
        "/api/v1/statuses", {"status": "Which?", "poll": {"options": ["one", "two"], "expires_in": 600}}
    )
    voted = await bob.post(f"/api/v1/statuses/{poll['id']}/translate", {"lang": "fr"})
    assert voted["poll"] == {"id": poll["id"], "options": [{"title": "[one]"}, {"title": "[two]"}]}
    assert service.asked[-1]["source"] == "auto"
    languages = await nobody.get("/api/v1/instance/translation_languages")
    assert languages == {"en": ["fr"], "fr": ["en"], "und": ["en", "fr"]}
    assert (await nobody.get("/api/v2/instance"))["configuration"]["translation"]["enabled"] is True


async def test_what_is_not_for_everybody_or_cannot_be_translated_is_refused(
    alice: Person, bob: Person, service: Translator
) -> None:
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    private, opened = [
        await alice.post("/api/v1/statuses", {"status": "Hello", "language": "en", "visibility": visibility})
        for visibility in ("private", "unlisted")
    ]
    assert await refusal(bob, private) == 403
    assert await refusal(bob, opened, "xx") == 403
    assert await refusal(bob, opened, "en") == 403
    assert await refusal(bob, {"id": "1"}) == 404
    assert service.asked == []
    for status in (429, 403, 500):
        service.status = status
        assert await refusal(bob, opened) == 503
    service.status = 200
    assert (await bob.post(f"/api/v1/statuses/{opened['id']}/translate", {"lang": "fr"}))["language"] == "fr"


@pytest.mark.parametrize("server_settings", ["deepl"], indirect=True)
async def test_deepl_is_asked_in_its_own_words(alice: Person, service: Translator) -> None:
    status = await alice.post("/api/v1/statuses", {"status": "Hello", "language": "fr"})
    found = await alice.post(f"/api/v1/statuses/{status['id']}/translate", {"lang": "en-GB"})
    assert (found["content"], found["provider"]) == ("[<p>Hello</p>]", "DeepL.com")
    assert service.asked == [
        {"text": ["<p>Hello</p>"], "target_lang": "EN-GB", "tag_handling": "html", "source_lang": "FR"}
    ]


@pytest.mark.parametrize("server_settings", [""], indirect=True)
async def test_without_a_service_nothing_is_translated(alice: Person, nobody: Person) -> None:
    status = await alice.post("/api/v1/statuses", {"status": "Hello"})
    assert await refusal(alice, status) == 404
    assert await nobody.get("/api/v1/instance/translation_languages") == {}
    assert (await nobody.get("/api/v2/instance"))["configuration"]["translation"]["enabled"] is False
