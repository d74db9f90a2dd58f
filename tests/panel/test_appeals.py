"""Appeals: somebody else than who decided looks again, and what was decided at once is taken back at once."""

from __future__ import annotations

from typing import Any

import pytest

from fedserver.context import Server
from storage import accounts, posts, strikes
from storage.types import new_id
from tests.mailing import Mailbox, text_of
from tests.members import Person
from tests.pages.visitor import path_of
from tests.panel.conftest import Complain, KnownAs, MakeReader
from tests.waiting import until


@pytest.mark.jobs
async def test_a_colleague_upholds_an_appeal(
    server: Server, signed_in: MakeReader, known: KnownAs, complain: Complain, mailbox: Mailbox
) -> None:
    mo, mia = await signed_in("mo", role="moderator"), await signed_in("mia", role="moderator")
    alice_reads = await signed_in("alice")
    await signed_in("bob")
    alice, bob = await known("alice"), await known("bob")
    _, post_id = await complain(bob, alice)
    page = await mo.submit(
        await mo.open(f"/mod/accounts/{alice.id}"), "/mod/decide/confirm",
        {"measures[]": ["mark_posts", "silence"], "text": "Too loud."},
    )  # fmt: skip
    await mo.submit(page, "/mod/decide")
    post: Any = await server.db.read(posts.by_id, post_id)
    assert post.sensitive

    page = await alice_reads.open("/settings/strikes")
    strike = (await server.db.read(strikes.of_account, alice.account_id))[0]
    here = f"/settings/strikes/{strike.id}"
    page = await alice_reads.open(here)
    assert "Your account was limited" in page.words()
    assert "Posts of yours were marked as sensitive" in page.words()
    await alice_reads.submit(page, here, {"text": "It was <i>a joke</i>."})
    # With one appeal all of it is appealed against.
    other = (await server.db.read(strikes.of_account, alice.account_id))[1]
    page = await alice_reads.open(f"/settings/strikes/{other.id}")
    assert not [form for form in page.all("form") if form.get("action") == f"/settings/strikes/{other.id}"]

    appeal = (await server.db.read(strikes.by_id, strike.id)).appeal_id  # type: ignore[union-attr]
    there = f"/mod/appeals/{appeal}"
    assert "for a colleague to decide" in (await mo.open("/mod/appeals")).words()
    waits = ["1 appeal waits" in (await one.open("/mod")).words() for one in (mo, mia)]
    assert waits == [False, True], "for those alone who may decide"
    page = await mo.open(there)
    assert "You decided this: somebody else looks at it again." in page.words()
    page = await mo.open(f"/mod/accounts/{alice.id}")
    token = page.all("input", name="csrf_token")[0].get("value")
    form, headers = {"csrf_token": token}, {"Origin": mo.origin}
    async with mo.session.post(f"{mo.origin}{there}/approve", data=form, headers=headers) as answer:
        assert answer.status == 403

    page = await mia.open(there)
    assert "It was <i>a joke</i>." in page.words()
    page = await mia.submit(page, f"{there}/approve")
    assert path_of(page) == f"{there}?done=upheld"
    assert "This appeal was upheld." in page.words()
    row: Any = await server.db.read(accounts.by_id, alice.account_id)
    assert row.limited_at is None
    post = await server.db.read(posts.by_id, post_id)
    assert not post.sensitive

    def told() -> list[str]:
        found = [text_of(one) for one in mailbox() if one["To"] == "alice@mail.example"]
        return found if len(found) == 2 else []

    # Others are written to, too, and no mail waits for another.
    assert not any("mia" in one for one in await until(told, "that she hears of both decisions"))
    assert (await mia.open("/mod/appeals")).words().count("@alice") == 0
    assert "upheld" in (await mia.open("/mod/appeals?state=settled")).words()


async def test_appeals_over_the_api(server: Server, alice: Person, moderator: Person, admin: Person) -> None:
    await moderator.post(f"/api/v1/admin/accounts/{alice.id}/action", {"type": "silence"})
    strike = (await server.db.read(strikes.of_account, alice.account_id))[0]
    await server.db.write(strikes.add_appeal, strike.id, "Why?")
    (own,) = await moderator.get("/api/v1/admin/appeals")
    assert not own["may_decide"]
    (found,) = await admin.get("/api/v1/admin/appeals")
    assert found["may_decide"]
    assert found["strike"]["action"] == "silence"
    assert (await moderator.raw("POST", f"/api/v1/admin/appeals/{found['id']}/approve")).status == 403
    assert (await admin.post(f"/api/v1/admin/appeals/{found['id']}/reject"))["state"] == "rejected"
    assert (await admin.raw("POST", f"/api/v1/admin/appeals/{found['id']}/approve")).status == 409
    assert (await admin.raw("GET", f"/api/v1/admin/appeals/{new_id()}")).status == 404
    assert [one["state"] for one in await admin.get("/api/v1/admin/appeals", resolved="true")] == ["rejected"]
