"""What a group hands on costs one message and a request to each server, however many members are there."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from activitypub.names import PUBLIC
from fedserver.context import Server
from fedserver.federation.deliver import DeliveryLanes
from storage import accounts
from storage.hot import insert_rows
from storage.tables import account, delivery, follow, message
from storage.types import new_id, now_ms
from tests.groups.conftest import MakeGroup, StartThread
from tests.members import Person
from tests.receivers import Receiver, receivers
from tests.waiting import until

HOSTS = 200
MEMBERS = 1_000


def add_members(conn: Connection, group_id: int, there: list[Receiver]) -> None:
    """Members of other servers, five of each, who have followed the group."""
    people, follows = [], []
    for number in range(MEMBERS):
        at = there[number % HOSTS]
        uri = f"{at.origin}/users/m{number}"
        person = accounts.RemoteAccount(
            uri=uri, url=uri, username=f"m{number}", domain=at.host, host=at.host, actor_type="Person",
            inbox_uri=f"{uri}/inbox", shared_inbox_uri=at.inbox, followers_uri=f"{uri}/followers",
        )  # fmt: skip
        ids = {"account_id": new_id(), "id": new_id()}
        people.append(person.columns() | {"id": ids["account_id"], "created_at": now_ms()})
        follows.append({"uri": f"{uri}#follow", "target_id": group_id, "accepted": True, **ids})
    insert_rows(conn, account, people)
    insert_rows(conn, follow, follows)


def planned(conn: Connection) -> tuple[int, int]:
    """How many messages and how many requests are to be sent."""
    messages, requests = (
        conn.execute(select(func.count()).select_from(table)).scalar_one() for table in (message, delivery)
    )
    return messages, requests


async def test_an_answer_is_one_message_and_one_request_to_each_of_200_servers(
    server: Server, alice: Person, make_group: MakeGroup, start: StartThread, answer: StartThread
) -> None:
    group_id = await make_group(alice)
    thread_id = await start(alice, group_id, "Questions")
    key = (await server.db.read(server.keys.rsa, group_id)).public_key
    async with receivers(HOSTS, {key.key_id: key}) as there:
        await server.db.write(add_members, group_id, there)
        await answer(alice, thread_id)

        assert await server.db.read(planned) == (1, HOSTS)
        lanes = DeliveryLanes(server)
        await lanes.start()
        try:
            await until(lambda: all(one.got for one in there), "a request to every server")
            await lanes.idle()
        finally:
            await lanes.stop()
        assert [len(one.got) for one in there] == [1] * HOSTS
        (announce,) = there[0].got
        assert (announce["type"], announce["to"], announce["object"]["type"]) == (
            "Announce",
            [PUBLIC],
            "Create",
        )
