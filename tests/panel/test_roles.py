"""Who has which role: given and taken in the panel, told by mail, kept in the log; and what the small roles open."""

from __future__ import annotations

from typing import Any

from fedserver import signup
from fedserver.context import Server
from fedserver.mail import send_mail
from fedserver.viewer import Role
from storage import audit, users
from storage.paging import Window
from tests.client import ApiError
from tests.conftest import MakeMember
from tests.mailing import Mailbox, text_of
from tests.members import Person
from tests.panel.conftest import MakeReader
from tests.planned import planned

ROLES_PAGE = "/admin/roles"


async def test_owners_and_admins_give_roles_within_their_bounds(
    server: Server, signed_in: MakeReader, mailbox: Mailbox
) -> None:
    people: dict[str, Role] = {"olga": "owner", "ada": "admin", "mo": "moderator", "bob": "member"}
    readers = {name: await signed_in(name, role=role) for name, role in people.items()}

    async def give(by: str, username: str, role: str) -> Any:
        page = await readers[by].open(ROLES_PAGE)
        return await readers[by].submit(page, ROLES_PAGE, {"username": username, "role": role})

    async def role_of(name: str) -> str:
        row = await server.db.read(users.by_name, name)
        return "" if row is None else row.role

    page = await readers["ada"].open(ROLES_PAGE)
    assert not page.problems
    assert "Owner @olga" in " ".join(page.words().split())
    assert (await readers["mo"].open(ROLES_PAGE)).status == 403
    assert (await give("ada", "@bob", "organiser")).url.endswith("done=role-given")
    assert await role_of("bob") == "organiser"
    for by, name, role, why in (
        ("ada", "bob", "admin", "Only owners decide"), ("ada", "olga", "member", "Only owners decide"),
        ("ada", "ada", "owner", "Only owners decide"), ("olga", "olga", "member", "nobody about themselves"),
        ("olga", "nobody", "curator", "Is no member"), ("olga", "bob", "king", "Must be one of"),
    ):  # fmt: skip
        before = await role_of(name)
        refused = await give(by, name, role)
        assert refused.status in (403, 422), (by, name, role)
        assert why in refused.text
        assert await role_of(name) == before
    assert (await give("olga", "ada", "owner")).url.endswith("done=role-given")
    assert (await give("ada", "olga", "member")).url.endswith(
        "done=role-given"
    )  # owners decide about each other
    assert (await readers["olga"].open("/mod")).status == 403  # from that moment on

    log = await server.db.read(audit.page, Window(limit=10))
    assert [(one.actor_name, one.subject_name) for one in log if one.action == "change_role"] == [
        ("ada", "olga"), ("olga", "ada"), ("ada", "bob"),
    ]  # fmt: skip
    for payload in await server.db.read(planned, "mail"):
        await send_mail(server, payload)
    told = {str(mail["To"]): (str(mail["Subject"]), text_of(mail)) for mail in mailbox()}
    assert "You are an organiser of" in told["bob@mail.example"][0]
    assert "@ada decided it." in told["bob@mail.example"][1]
    assert "You are not an owner of" in told["olga@mail.example"][0]


async def test_small_roles_open_what_is_theirs_and_nothing_else(
    server: Server, member: MakeMember, signed_in: MakeReader
) -> None:
    form = signup.SignUp("nora", "nora@mail.example", "seven quiet otters", reason="I teach.", agreed=True)
    nora = (await signup.sign_up(server, form)).account_id
    assert nora is not None
    await server.db.write(lambda conn: users.change(conn, nora, confirmed_at=1))
    gretel = await signed_in("gretel", role="greeter")
    desk = await gretel.open("/mod")
    assert "1 person asks to join" in desk.words()
    parts = {
        one.get("href").partition("?")[0]
        for one in desk.all("a")
        if (one.get("href") or "").startswith("/mod/")
    }
    assert parts == {"/mod/joins", "/mod/welcome"}
    otto = await signed_in("ottilie", role="organiser")
    assert (await otto.open("/mod")).all("a", href="/events/calendars")
    page = await gretel.open("/mod/joins")
    assert "I teach." in page.words()
    assert (await gretel.submit(page, f"/mod/joins/{nora}/approve")).url.endswith("done=let-in")

    # The same from apps: who is let in is shown without their address.
    mina = signup.SignUp("mina", "mina@mail.example", "seven quiet otters", reason="Me, too.", agreed=True)
    mina_id = (await signup.sign_up(server, mina)).account_id
    greeter, curator = await member("greta", role="greeter"), await member("cora", role="curator")
    let_in = await greeter.post(f"/api/v1/admin/accounts/{mina_id}/approve")
    assert (let_in["approved"], let_in["email"], let_in["role"]["name"]) == (True, "", "")
    own = (await greeter.get("/api/v1/accounts/verify_credentials"))["role"]
    assert (own["id"], own["name"], own["permissions"]) == ("6", "Greeter", str(1 << 24))
    term = await curator.post("/api/v1/admin/vocabularies/topics", {"label": "Beekeeping"})
    assert term["label"] == "Beekeeping"
    organiser = await member("otto", role="organiser")
    assert await organiser.get("/api/v1/calendar/feeds") == []
    for one, path in (
        (greeter, "/api/v1/admin/vocabularies/topics"),
        (curator, f"/api/v1/admin/accounts/{mina_id}/reject"),
    ):
        assert await refused(one, path) == 403
    admin = await member("ada", role="admin")
    listed = await admin.get("/api/v2/admin/accounts", **{"role_ids[]": "6"})
    assert {one["username"] for one in listed} == {"greta", "gretel"}


async def refused(person: Person, path: str) -> int:
    """The status with which a POST is refused; 0 if it is not."""
    try:
        await person.post(path, {"label": "X"})
    except ApiError as error:
        return error.status
    return 0
