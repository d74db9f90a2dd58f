"""Put the sample community into an empty server, through the same doors that members use."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select, update

from fedserver import accounts, interactions, posts, relationships, settings, signup, uploads
from fedserver.context import Server
from fedserver.errors import Conflict
from fedserver.sample import pictures, script
from fedserver.sample.script import Entry, Person
from fedserver.viewer import PAGE_SCOPES, Member
from storage import accounts as stored_accounts
from storage import posts as stored_posts
from storage import tables
from storage.types import now_ms

HOUR_MS: Final = 3_600_000
MAIL_DOMAIN: Final = "sample.invalid"


async def fill(server: Server) -> int:
    """Make the people, their follows, posts and votes; how many posts. Raises Conflict where somebody has posted."""
    if await server.db.read(_has_posts):
        raise Conflict("This server already has posts: the sample is for an empty one.")
    members = {person.name: await _join(server, person) for person in script.PEOPLE}
    for person in script.PEOPLE:
        for other in person.follows:
            await relationships.follow(server, members[person.name], members[other].account_id)
    rules = [{"id": str(number), "text": text} for number, text in enumerate(script.RULES, 1)]
    texts = {
        "title": script.TITLE,
        "description": script.DESCRIPTION,
        "rules": rules,
        "contact_username": "maren",
    }
    await settings.change(server, members["maren"], texts)
    made: dict[str, int] = {}
    for entry in sorted(script.ENTRIES, key=lambda one: -one.hours_ago):
        made[entry.key] = await _post(server, members, entry, made)
    for entry in script.ENTRIES:
        await _react(server, members, entry, made[entry.key])
    await server.db.write(_without_mail)
    return len(made)


async def _join(server: Server, person: Person) -> Member:
    row = await server.db.read(stored_accounts.local, person.name)
    if row is None:
        account_id = await signup.make_user(
            server.db,
            server.uris,
            server.keys,
            username=person.name,
            email=f"{person.name}@{MAIL_DOMAIN}",
            role=person.role,
        )
    else:
        account_id = row.id
    member = Member(account_id, person.name, person.role, PAGE_SCOPES)
    with tempfile.TemporaryDirectory() as folder:
        face, hills = Path(folder) / "avatar.png", Path(folder) / "header.png"
        avatar = await uploads.profile_picture(server, pictures.portrait(person.hue, face), "avatar")
        header = await uploads.profile_picture(server, pictures.banner(person.hue, hills), "header")
    change = accounts.ProfileChange(
        display_name=person.display_name, note=person.note, fields=person.fields, avatar_url=avatar.url, header_url=header.url,
        avatar_alt=f"A drawn portrait of {person.display_name}", discoverable=True, indexable=True,
    )  # fmt: skip
    await accounts.change_profile(server, member, change)
    return member


async def _post(server: Server, members: dict[str, Member], entry: Entry, made: dict[str, int]) -> int:
    author = members[entry.author]
    media_ids = []
    with tempfile.TemporaryDirectory() as folder:
        for picture in entry.pictures:
            drawn = pictures.scene(picture.drawing, Path(folder) / f"{picture.drawing}.png")
            media_ids.append((await uploads.attach(server, author, drawn, description=picture.alt)).id)
    draft = posts.Draft(
        text=entry.text, title=entry.title, summary=entry.summary, visibility=entry.visibility, language=entry.language,
        media_type="text/markdown" if entry.markdown else "text/plain", media_ids=media_ids,
        in_reply_to_id=made[entry.answers] if entry.answers else None,
        poll=posts.PollDraft(entry.poll.options, entry.poll.hours * 3_600, entry.poll.multiple) if entry.poll else None,
    )  # fmt: skip
    at_ms = now_ms() - round(entry.hours_ago * HOUR_MS)
    post_id = await server.db.write(posts.create_unit, server, author.account_id, draft, at_ms=at_ms)
    if entry.pinned:
        await interactions.pin(server, author, post_id)
    return post_id


async def _react(server: Server, members: dict[str, Member], entry: Entry, post_id: int) -> None:
    for name in entry.liked_by:
        await interactions.like(server, members[name], post_id)
    for name in entry.boosted_by:
        await interactions.boost(server, members[name], post_id)
    if entry.poll:
        votes = {members[name].account_id: choice for name, choice in entry.poll.votes.items()}
        await server.db.write(_vote, post_id, votes)


def _vote(conn: Connection, post_id: int, votes: dict[int, int]) -> None:
    """Some of the polls are over: their votes were cast when they were open."""
    for account_id, position in votes.items():
        stored_posts.add_vote(conn, post_id, account_id, position)


def _has_posts(conn: Connection) -> bool:
    return bool(conn.scalar(select(func.count()).select_from(tables.post)))


def _without_mail(conn: Connection) -> None:
    """Nobody at `sample.invalid` reads mail: none waits to be sent to them."""
    conn.execute(
        update(tables.user).where(tables.user.c.email.like(f"%@{MAIL_DOMAIN}")).values(mail_kinds="[]")
    )
    conn.execute(tables.job.delete().where(tables.job.c.kind == "mail"))
