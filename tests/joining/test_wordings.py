"""Mails in the community's own words."""

from __future__ import annotations

import pytest

from fedserver import admission, mail_wordings
from fedserver.context import Server
from fedserver.errors import Forbidden
from storage import audit, users
from storage.paging import Window
from storage.types import now_ms
from tests.joining.conftest import Come, MakeReader
from tests.mailing import Mailbox, mails, text_of
from tests.members import Person
from tests.pages.visitor import path_of


def test_every_mail_begins_with_a_text_that_could_be_used() -> None:
    for name, kind in mail_wordings.KINDS.items():
        subject, text = mail_wordings.starting(name)
        assert mail_wordings.check(kind, subject, text) == {}, name
        assert "{{" not in text, name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Open:\n{link}\nQuestions? Write to {contact}.", "Open:\nhttps://x/1"),
        ("Open:\n{link}\nAsk:\n{contact}\nBye", "Open:\nhttps://x/1\nBye"),
        ("{link}\nAsk:\n\n{contact}", "https://x/1"),
        ("{link}\n\n{name}\n\nAsk {contact}\nor nobody", "https://x/1\n\nnora:"),
    ],
)
def test_no_mail_goes_out_without_what_is_needed(text: str, said: str) -> None:
    kind = mail_wordings.KINDS["confirm"]
    assert mail_wordings.check(kind, "Hello", text) == {}
    values = {"username": "nora:", "url": "https://x/1", "contact_email": "", "title": "T", "domain": "x"}
    filled = mail_wordings._filled("confirm", "en", "Hello", text, {**values, "origin": "https://x"})
    assert filled.text.startswith(said)
    assert "{" not in filled.text
    assert "Ask" not in filled.text


@pytest.mark.jobs
async def test_newcomers_are_written_to_in_the_communitys_own_words_and_in_their_language(
    server: Server, signed_in: MakeReader, moderator: Person, come: Come, mailbox: Mailbox
) -> None:
    ada = await signed_in("ada", role="admin")
    here = "/admin/mails/rejected"
    page = await ada.open(f"{here}?language=de")
    assert (page.problems, "The built-in text" in page.words()) == ([], True)
    assert page.all("textarea", id="text")[0].text.strip().endswith("{message}")
    for wrong, said in (
        ({"text": "Nein, {who}.\n\n{message}"}, "{who}, which stands for nothing"),
        ({"text": "Nein: {message}"}, "{message} on a line of its own"),
        ({"subject": "Nein {message}"}, "belongs into the text"),
        ({"language": "x y"}, "Is not a language"),
    ):
        refused = await ada.submit(page, here, wrong)
        assert (refused.status, said in refused.text) == (422, True), wrong
        if "text" in wrong:
            assert wrong["text"] in refused.text, "nothing is lost"
    own = "Hallo {name},\n\n{network} nimmt dich nicht auf.\n\nSie schreiben:\n\n{message}\n\n{contact}"
    page = await ada.submit(page, here, {"subject": "Leider {name}", "text": own, "draft": "1"})
    assert path_of(page) == f"{here}?language=de&done=mail-drafted"
    assert "Nobody gets these words yet." in page.words()
    assert "Hallo nora," in page.words()
    frame = page.all("iframe")[0].get("src")
    sheet = await ada.open(frame)
    assert sheet.headers["Content-Security-Policy"].endswith("frame-ancestors 'self'; sandbox")
    assert "Hallo nora," in sheet.text
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]

    async def refuse(name: str, locale: str, comment: str = "") -> str:
        before = len(mailbox())
        one = await come(name, locale=locale)
        await mails(mailbox, before + 1)
        await server.db.write(users.change, one.account_id, confirmed_at=now_ms())
        await admission.reject(server, moderator.member, one.account_id, comment=comment)
        return text_of((await mails(mailbox, before + 2))[-1]).replace("\r\n", "\n")

    assert "decided not to accept" in await refuse("nora", "de"), "a draft goes out to nobody"
    page = await ada.submit(page, here)
    assert "Your own words" in page.words()
    told = await refuse("dan", "de-AT", "Wir sind {name} <b>voll</b>.")
    assert "Hallo dan," in told
    assert "Sie schreiben:\n\nWir sind {name} <b>voll</b>.\n\nWhat you entered has been deleted." in told
    assert "Sie schreiben" not in await refuse("eve", "de"), "nor what announces nothing"
    assert "decided not to accept" in await refuse("fay", "fr")
    settings = await ada.open("/settings/email")
    assert (settings.problems, "Language of mails from this community" in settings.words()) == ([], True)
    assert (await ada.submit(settings, "/settings/email", {"mail_language": "x y"})).status == 422
    await ada.submit(settings, "/settings/email", {"mail_language": "de"})
    row = await server.db.read(users.by_name, "ada")
    assert row is not None
    assert row.locale == "de"
    (form,) = [one for one in page.all("form") if (one.get("action") or "").endswith("/built-in")]
    fields = {one.get("name"): one.get("type") for one in form.iter("input")}
    assert fields["language"] == "hidden", "what is typed elsewhere on the page removes nothing"
    page = await ada.submit(page, f"{here}/built-in", {"language": "DE"})
    assert "Language of mails" not in (await ada.open("/settings/email")).words()
    assert "decided not to accept" in await refuse("gus", "de")
    done = [
        one.action for one in await server.db.read(audit.page, Window(limit=50)) if one.subject_type == "mail"
    ]
    assert done == ["destroy", "change", "draft"]
    with pytest.raises(Forbidden):
        await mail_wordings.put(server, moderator.member, "welcome", "de", "Hallo", "{link}")
