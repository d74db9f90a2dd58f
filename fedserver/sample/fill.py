"""Put the sample community into an empty server, through the same doors that members use."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from msgspec.structs import replace
from sqlalchemy import Connection, func, select, update

from fedserver import accounts, interactions, posts, relationships, settings, signup, uploads
from fedserver.context import Server
from fedserver.errors import Conflict
from fedserver.events import preferences
from fedserver.groups import catalogue, moderation
from fedserver.groups import members as group_members
from fedserver.groups.catalogue import GroupFields
from fedserver.resources import publishing, reports, shelves
from fedserver.resources.checking import checked
from fedserver.resources.publishing import NewVersion
from fedserver.resources.records import Source
from fedserver.resources.reports import Report
from fedserver.sample import groups, library, meetings, offers, pictures, script
from fedserver.sample.groups import Group
from fedserver.sample.script import Entry, Person
from fedserver.viewer import PAGE_SCOPES, Member
from storage import accounts as stored_accounts
from storage import groups as stored_groups
from storage import posts as stored_posts
from storage import tables, users
from storage.types import HOUR_MS, now_ms

READ_HOURS: Final = 48
MAIL_DOMAIN: Final = "sample.invalid"


async def fill(server: Server) -> int:
    """Make the people, their follows, groups, posts, votes, library, events and opportunities; how many posts. Raises Conflict where somebody has posted."""
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
    group_ids = {one.name: await _found(server, members, one) for one in groups.GROUPS}
    made: dict[str, int] = {}
    said = sorted((*script.ENTRIES, *groups.ENTRIES), key=lambda one: -one.hours_ago)
    for entry in said:
        made[entry.key] = await _post(server, members, entry, made, group_ids)
    for entry in said:
        await _react(server, members, entry, made[entry.key])
    for one in groups.GROUPS:
        await _look_after(server, members, one, group_ids[one.name], made)
    library_ids = await _library(server, members)
    shared = len(library_ids) + len(library.TOLD)
    shared += await meetings.fill(server, members, library_ids) + await offers.fill(server, members)
    await server.db.write(_without_mail)
    return len(made) + shared


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
    # As nobody reads mail at `sample.invalid`.
    await preferences.choose(server, member, invites_by_mail=False, reminds_by_mail=False)
    return member


async def _found(server: Server, members: dict[str, Member], one: Group) -> int:
    """Make a group with all who belong to it; they have read what is older than two days."""
    fields = GroupFields(
        title=one.title, kind=one.kind, access=one.access, join_mode=one.join_mode, join_question=one.question,
        charter=one.charter, rules=one.rules, topics=one.topics, language="en", allows_downvotes=False,
    )  # fmt: skip
    owner = members[one.owner]
    await server.db.write(users.change, owner.account_id, may_create_groups=True)
    group_id = await catalogue.create(server, owner, one.name, fields)
    for name in (*one.staff, *one.members):
        if one.join_mode != "open":
            await group_members.invite(server, owner, group_id, members[name].account_id)
        await group_members.join(server, members[name], group_id)
    for name in one.staff:
        await group_members.appoint(server, owner, group_id, members[name].account_id, "moderator")
    people = [members[name].account_id for name in (one.owner, *one.staff, *one.members)]
    await server.db.write(_have_read, group_id, people)
    return group_id


async def _look_after(
    server: Server, members: dict[str, Member], one: Group, group_id: int, made: dict[str, int]
) -> None:
    """What its moderators and those who asked have done."""
    owner = members[one.owner]
    for key in one.pinned:
        await moderation.pin(server, owner, made[key])
    for key in one.locked:
        await moderation.lock(server, owner, made[key], reason="Everything is said.")
    for question, answer in one.answers:
        asker = next(entry.author for entry in groups.ENTRIES if entry.key == question)
        await moderation.mark_answer(server, members[asker], made[question], made[answer])
    for name, said in one.asking:
        await group_members.join(server, members[name], group_id, answer=said)


async def _post(
    server: Server, members: dict[str, Member], entry: Entry, made: dict[str, int], group_ids: dict[str, int]
) -> int:
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
        group_id=group_ids[entry.group] if entry.group else None, topics=entry.topics or None,
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


async def _library(server: Server, members: dict[str, Member]) -> dict[str, int]:
    """Share the resources, tell of them, and put them on shelves; the ids of the resources by key."""
    made: dict[str, int] = {}
    for entry in sorted(library.ENTRIES, key=lambda one: -one.hours_ago):
        made[entry.key] = await _share(server, members[entry.author], entry, made)
        for name in entry.liked_by:
            await interactions.like(server, members[name], made[entry.key])
    for told in library.TOLD:
        report = Report(
            kind="use" if told.rating is None else "review", used_in=told.used_in, changed=told.changed, worked=told.worked,
            used_on=told.used_on, rating=told.rating,
        )  # fmt: skip
        await reports.tell(
            server, members[told.author], made[told.key], reports.Told(report, told.note, language="en")
        )
    for entry in library.ENTRIES:
        for version in entry.versions:
            await publishing.bring_out(
                server,
                members[entry.author],
                made[entry.key],
                NewVersion(version.number, version.notes, links=version.links),
            )
    for shelf in library.SHELVES:
        owner = members[shelf.owner]
        draft = shelves.Draft(shelf.title, shelf.description, shelf.visibility)
        shelf_id = (await shelves.create(server, owner, draft)).row.id
        for name in shelf.curators:
            await shelves.add_curator(server, owner, shelf_id, members[name].account_id)
        for key, note in shelf.items:
            await shelves.put(server, owner, shelf_id, made[key], note=note)
        for name in shelf.followers:
            await shelves.follow(server, members[name], shelf_id)
    return made


async def _share(server: Server, author: Member, entry: library.Entry, made: dict[str, int]) -> int:
    said = entry.said
    if entry.adapts:
        first = next(one for one in library.ENTRIES if one.key == entry.adapts)
        source = Source(
            uri=server.uris.resource(made[entry.adapts]), relation=entry.relation, title=first.said.title, licence=first.said.licence,
        )  # fmt: skip
        said = replace(said, based_on=(source,))

    def unit(conn: Connection) -> int:
        return publishing.publish_unit(
            conn, server, author.account_id, checked(said), visibility=entry.visibility, version=NewVersion(links=entry.links),
            at_ms=now_ms() - round(entry.hours_ago * HOUR_MS),
        )  # fmt: skip

    return await server.db.write(unit)


def _vote(conn: Connection, post_id: int, votes: dict[int, int]) -> None:
    """Some of the polls are over: their votes were cast when they were open."""
    for account_id, position in votes.items():
        stored_posts.add_vote(conn, post_id, account_id, position)


def _have_read(conn: Connection, group_id: int, people: list[int]) -> None:
    for account_id in people:
        stored_groups.change_member(conn, group_id, account_id, read_at=now_ms() - READ_HOURS * HOUR_MS)


def _has_posts(conn: Connection) -> bool:
    return bool(conn.scalar(select(func.count()).select_from(tables.post)))


def _without_mail(conn: Connection) -> None:
    """Nobody at `sample.invalid` reads mail: none waits to be sent to them."""
    conn.execute(
        update(tables.user).where(tables.user.c.email.like(f"%@{MAIL_DOMAIN}")).values(mail_kinds="[]")
    )
    conn.execute(tables.job.delete().where(tables.job.c.kind == "mail"))
