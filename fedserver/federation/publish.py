"""What leaves this server, decided in the unit that causes it: who must hear of a change, and in which words.

Every method takes the unit's connection, writes the message and its deliveries in the same transaction, and does
nothing when nobody elsewhere is concerned. Nothing is sent here.
"""

# Long because there is one short method for each thing that can leave, and they are found here.

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, case, literal, or_, select, union, union_all

from activitypub.builders import activity, note
from activitypub.builders import event as building_events
from activitypub.identifiers import Uris
from activitypub.names import DATA_INTEGRITY_V2, PUBLIC, is_public
from activitypub.signatures import with_proof
from fedserver import settings
from fedserver.config import Config
from fedserver.events.keeping import KIND as EVENT
from fedserver.federation import publish_groups
from fedserver.federation.documents import LEAVES, OPEN, Document, Documents, moment_of
from fedserver.groups.rules import Action
from fedserver.keys import Keys
from fedserver.opportunities.keeping import KIND as OPPORTUNITY
from fedserver.resources import keeping
from storage import accounts, deliveries, events, groups, instances, posts, suggestions
from storage.accounts import AccountRow
from storage.deliveries import Recipient
from storage.groups import GroupRow
from storage.hot import Hot
from storage.posts import PostRow
from storage.tables import account, event_silence, follow, like, mention, partner, poll_vote, post, report
from storage.types import AnyOf, new_id, now_ms

KIND_NAMES: Final[Mapping[str, str]] = {
    "note": "Note",
    "article": "Article",
    "question": "Question",
    "page": "Page",
    "resource": "Page",
    "use": "Note",
    "review": "Note",
    "event": "Event",
    "opportunity": "Article",
}


class Publisher:
    """Plans deliveries. One for the process; it holds nothing but what it was made with."""

    def __init__(self, uris: Uris, keys: Keys, config: Config) -> None:
        self._uris = uris
        self._keys = keys
        self._config = config
        self.time_scale = config.testing.time_scale
        self.documents = Documents(uris, config.domain)

    # --- posts

    def post_created(
        self, conn: Connection, post_id: int, *, known: tuple[PostRow, AccountRow] | None = None
    ) -> None:
        """A member has posted; `known` are the rows of the post and its author where they are at hand."""
        self._post(conn, post_id, self.documents.create_document, new=True, known=known)

    def post_updated(self, conn: Connection, post_id: int) -> None:
        """A member has edited a post."""

        def update(row: PostRow, document: Document) -> Document:
            return activity.update(self._uris.update(row.id, row.edited_at or now_ms()), document)

        self._post(conn, post_id, update)

    def poll_counted(self, conn: Connection, post_id: int) -> None:
        """The votes of a poll have changed: the same Question, without `updated`, so nobody takes it for an edit."""

        def update(row: PostRow, document: Document) -> Document:
            unchanged = {name: value for name, value in document.items() if name != "updated"}
            return activity.update(self._uris.update(row.id, now_ms()), unchanged)

        self._post(conn, post_id, update)

    def post_refreshed(self, conn: Connection, post_id: int) -> None:
        """What a post says is the same, but not what may be done with it, or how its quote stands: no edit."""

        def update(row: PostRow, document: Document) -> Document:
            return activity.update(self._uris.update(row.id, now_ms()), document)

        self._post(conn, post_id, update)

    def post_deleted(self, conn: Connection, row: PostRow) -> None:
        """A post is about to be deleted: everybody who may have it hears of it. Call before its rows go."""
        if not _leaves(row):
            return
        author = _account(conn, row.account_id)
        recipients = self._audience(conn, row) if author is not None else []
        within = _group_here(conn, row)
        if author is None or not (recipients or within):
            return
        to, cc = self.documents.addresses(conn, row)
        document = activity.delete(
            self._uris.delete(row.id),
            actor=author.uri,
            post=row.uri,
            former_type=KIND_NAMES.get(row.kind, "Note"),
            to=to,
            cc=cc,
            deleted=moment_of(now_ms()),
        )
        self._send(conn, author, document, recipients, topic=row.uri, within=within)
        if row.kind == EVENT and recipients:
            self._question_deleted(conn, row, author, recipients)

    def _question_deleted(
        self, conn: Connection, row: PostRow, author: AccountRow, recipients: Sequence[Recipient]
    ) -> None:
        """With an event goes the poll by which others were asked whether they come."""
        event = events.by_id(conn, row.id)
        if event is None or event.asked_at is None:
            return
        question = self._uris.event_question(row.id)
        gone = activity.delete(
            f"{question}#delete", actor=author.uri, post=question, former_type="Question", to=[PUBLIC],
            cc=[author.followers_uri], deleted=moment_of(now_ms()),
        )  # fmt: skip
        self._send(conn, author, gone, recipients, topic=question)

    def _post(
        self,
        conn: Connection,
        post_id: int,
        wrap: Callable[[PostRow, Document], Document],
        *,
        new: bool = False,
        known: tuple[PostRow, AccountRow] | None = None,
    ) -> None:
        row = posts.by_id(conn, post_id) if known is None else known[0]
        if row is None or not _leaves(row):
            return
        author = _account(conn, row.account_id) if known is None else known[1]
        if author is None or author.suspended_at is not None:
            return
        recipients = self._audience(conn, row, new=new)
        within = _group_here(conn, row)
        if not (recipients or within):
            return
        document = wrap(row, self.documents.post_documents(conn, [row])[0])
        to_followers = row.visibility not in ("direct", "group")
        self._send(
            conn, author, document, recipients, topic=row.uri, synchronises_followers=new and to_followers,
            within=within,
        )  # fmt: skip

    def _audience(self, conn: Connection, row: PostRow, *, new: bool = False) -> list[Recipient]:
        """Inboxes elsewhere that a post goes to; once it is out, also those who carried it on."""
        if row.visibility == "direct":
            # To the persons themselves: a shared inbox would leave it to their server who is meant.
            return self._allowed(conn, _mentioned_in_person.run(conn, post_id=row.id))
        if row.visibility == "group":
            # To the group alone, which hands it on to its members.
            return self._allowed(conn, _inboxes.run(conn, ids=[row.group_id]) if row.group_id else [])
        found = _followers_and_mentioned.run(conn, account_id=row.account_id, post_id=row.id)
        if row.visibility in OPEN:
            also = {row.group_id, row.in_reply_to_account_id} - {None}
            found += _inboxes.run(conn, ids=sorted(also)) if also else []
            found += [] if new else _involved.run(conn, post_id=row.id)
        if row.kind in (keeping.KIND, EVENT, OPPORTUNITY) and row.visibility == "public":
            found += _partners.run(conn)
        return self._allowed(conn, found)

    # --- boosts, likes, votes, pins

    def boosted(self, conn: Connection, boost_post_id: int) -> None:
        """A member has boosted a post."""
        row = posts.by_id(conn, boost_post_id)
        if row is not None:
            self._boost(conn, row, undo=False)

    def boost_undone(self, conn: Connection, row: PostRow) -> None:
        """A member takes a boost back. Call before its row goes."""
        self._boost(conn, row, undo=True)

    def _boost(self, conn: Connection, row: PostRow, *, undo: bool) -> None:
        booster = _account(conn, row.account_id)
        boosted = posts.by_id(conn, row.boost_of_id)
        if booster is None or boosted is None or not _leaves(row) or boosted.visibility not in LEAVES:
            return
        author = _account(conn, boosted.account_id)
        recipients = self._allowed(
            conn,
            _follower_inboxes.run(conn, account_id=booster.id) + _inboxes.run(conn, ids=[boosted.account_id]),
        )
        if author is None or not recipients:
            return
        document = self.documents.announce_document(row, booster, boosted, author)
        if undo:
            document = self._undo(document)
        self._send(conn, booster, document, recipients, topic=row.uri)

    def liked(self, conn: Connection, like_row: Any) -> None:
        """A member likes a post."""
        self._like(conn, like_row, undo=False)

    def like_undone(self, conn: Connection, like_row: Any) -> None:
        """A member likes a post no longer."""
        self._like(conn, like_row, undo=True)

    def _like(self, conn: Connection, row: Any, *, undo: bool) -> None:
        liked = posts.by_id(conn, row.post_id)
        if liked is None or liked.visibility not in LEAVES:
            return
        self.reacted(conn, row, liked, activity.like, undo=undo)

    def reacted(
        self, conn: Connection, row: Any, post_row: PostRow, build: Callable[..., Document], *, undo: bool
    ) -> None:
        """A member votes for a post or against it: its author hears of it, and the group that it is in."""
        also = [post_row.group_id] if post_row.group_id is not None else []
        to = [post_row.account_id, *also] if post_row.visibility != "group" else also
        recipients = self._allowed(conn, _personal.run(conn, ids=to))
        member, author = _account(conn, row.account_id), _account(conn, post_row.account_id)
        within = _group_here(conn, post_row)
        if member is None or author is None or not (recipients or within):
            return
        document = build(row.uri, actor=member.uri, post=post_row.uri, author=author.uri)
        group = groups.by_id(conn, post_row.group_id)
        if group is not None and not group.hidden:
            document = activity.for_group(document, group.uri)
        document = self._undo(document) if undo else document
        self._send(conn, member, document, recipients, topic=row.uri, within=within)

    def voted(
        self, conn: Connection, post_id: int, account_id: int, votes: Sequence[Mapping[str, Any]]
    ) -> None:
        """A member has voted in a poll elsewhere: `votes` have `uri` and `title`; one message each (FEP-9967)."""
        asked, member = posts.by_id(conn, post_id), _account(conn, account_id)
        if asked is None or member is None:
            return
        author = _account(conn, asked.account_id)
        recipients = self._allowed(conn, _personal.run(conn, ids=[asked.account_id]))
        if author is None or not recipients:
            return
        for one in votes:
            vote = note.vote(
                one["uri"],
                voter=member.uri,
                poll=asked.uri,
                poll_author=author.uri,
                choice=one["title"],
                published=moment_of(now_ms()),
            )
            document = activity.create(self._uris.activity(new_id()), vote)
            self._send(conn, member, document, recipients, topic=asked.uri)

    def pinned(self, conn: Connection, account_id: int, post_id: int) -> None:
        """A member shows a post on the profile."""
        self._pin(conn, account_id, post_id, activity.add)

    def unpinned(self, conn: Connection, account_id: int, post_id: int) -> None:
        """A member shows a post on the profile no longer."""
        self._pin(conn, account_id, post_id, activity.remove)

    def _pin(self, conn: Connection, account_id: int, post_id: int, build: Callable[..., Document]) -> None:
        member, row = _account(conn, account_id), posts.by_id(conn, post_id)
        if member is None or row is None or row.visibility not in OPEN:
            return
        recipients = self._allowed(conn, _follower_inboxes.run(conn, account_id=account_id))
        if recipients:
            uris = self.documents.actor_uris(member)
            document = build(
                self._uris.activity(new_id()),
                actor=member.uri,
                item=row.uri,
                target=uris.featured,
                to=[uris.followers],
            )
            self._send(conn, member, document, recipients, topic=row.uri)

    # --- groups (FEP-1b12); what moderators do is in `fedserver.federation.publish_groups`

    def group_moderated(
        self, conn: Connection, group: GroupRow, by_id: int, action: Action, **about: Any
    ) -> None:
        """A member has moderated in a group; see `publish_groups.moderated`."""
        publish_groups.moderated(conn, self, group, by_id, action, **about)

    def said_in_group(
        self, conn: Connection, group: GroupRow, member: AccountRow, document: Document, *, topic: str
    ) -> None:
        """An activity of a member that concerns a group: its server hears of it, or (of ours) its members."""
        found = _inboxes.run(conn, ids=[group.account_id]) if group.domain else []
        within = None if group.domain or group.hidden else group
        recipients = self._allowed(conn, found)
        if recipients or within is not None:
            self._send(conn, member, document, recipients, topic=topic, within=within)

    def group_updated(self, conn: Connection, group_id: int, by_id: int) -> None:
        """A member has changed what the actor document of a group says. The group says so itself, and hands on that the
        member did it, which is all that Lemmy understands."""
        group, member = groups.by_id(conn, group_id), _account(conn, by_id)
        if group is None or member is None or group.hidden or group.domain:
            return
        self.profile_updated(conn, group_id)
        document = activity.update_group(
            self._uris.activity(new_id()),
            self.documents.actor_document(conn, group_id),
            actor=member.uri,
            to=publish_groups.audience_of(self, group),
        )
        self.said_in_group(conn, group, member, document, topic=group.uri)

    def group_showed(self, conn: Connection, group: GroupRow, boost_id: int) -> None:
        """A group shows a thread: those that do not read what it hands on, Mastodon for one, hear of a boost."""
        if group.access == "public":
            self.boosted(conn, boost_id)

    # --- events (FEP-8a8e)

    def joined(self, conn: Connection, event: Any, rsvp: Any) -> None:
        """A member wants to come to an event elsewhere."""

        def join(me: AccountRow, them: AccountRow) -> Document:
            return building_events.join(rsvp.uri, actor=me.uri, event=event.uri, organizer=them.uri)

        self._to_person(conn, rsvp.account_id, event.account_id, event.uri, join)

    def left(self, conn: Connection, event: Any, account_id: int) -> None:
        """A member does not come after all."""

        def leave(me: AccountRow, them: AccountRow) -> Document:
            uri = self._uris.activity(new_id())
            return building_events.leave(uri, actor=me.uri, event=event.uri, organizer=them.uri)

        self._to_person(conn, account_id, event.account_id, event.uri, leave)

    def join_answered(self, conn: Connection, event: Any, rsvp: Any, state: str) -> None:
        """What became of somebody elsewhere who wants to come: in, waiting or refused."""
        kinds = {"in": "Accept", "waiting": "TentativeAccept", "refused": "Reject"}
        self.join_refused(conn, event, rsvp.account_id, rsvp.uri, kind=kinds[state])

    def join_refused(
        self, conn: Connection, event: Any, account_id: int, join_uri: str, *, kind: str
    ) -> None:
        """The answer of this `kind` to a Join."""

        def answer(me: AccountRow, them: AccountRow) -> Document:
            return building_events.join_answer(
                kind, self._uris.activity(new_id()), actor=me.uri, join_uri=join_uri, joiner=them.uri,
                event=event.uri,
            )  # fmt: skip

        self._to_person(conn, event.account_id, account_id, event.uri, answer)

    # --- quotes (FEP-044f)

    def quote_requested(self, conn: Connection, quote: Any) -> None:
        """A member quotes somebody elsewhere, who is asked, and is shown the post that does."""
        row, quoted = posts.by_id(conn, quote.post_id), posts.by_id(conn, quote.quoted_id)
        if row is None or quoted is None or not _leaves(row):
            return

        def request(me: AccountRow, them: AccountRow) -> Document:
            document = self.documents.post_documents(conn, [row])[0]
            return activity.quote_request(
                quote.request_uri,
                actor=me.uri,
                quoted_post=quoted.uri,
                author=them.uri,
                quoting_post=document,
            )

        self._to_person(conn, quote.account_id, quote.quoted_account_id, row.uri, request)

    def quote_accepted(self, conn: Connection, quote: Any) -> None:
        """A member agrees to be quoted by somebody elsewhere, who gets the address of the stamp that says so."""
        row = posts.by_id(conn, quote.post_id)
        assert row is not None

        def accept(me: AccountRow, them: AccountRow) -> Document:
            request = activity.quote_echo(
                quote.request_uri, actor=them.uri, quoted_post=quote.quoted_uri, quoting_post=row.uri
            )
            uri = self._uris.activity(new_id())
            return activity.accept(uri, actor=me.uri, request=request, result=quote.stamp_uri)

        self._to_person(conn, quote.quoted_account_id, quote.account_id, quote.quoted_uri, accept)

    def quote_refused(
        self, conn: Connection, quoted: PostRow, asking_id: int, request_uri: str, quoting_uri: str
    ) -> None:
        """A member, or the policy of their post, does not agree to be quoted by somebody elsewhere."""

        def reject(me: AccountRow, them: AccountRow) -> Document:
            request = activity.quote_echo(
                request_uri, actor=them.uri, quoted_post=quoted.uri, quoting_post=quoting_uri
            )
            return activity.reject(self._uris.activity(new_id()), actor=me.uri, request=request)

        self._to_person(conn, quoted.account_id, asking_id, quoted.uri, reject)

    def quote_revoked(self, conn: Connection, quote: Any) -> None:
        """A member agrees no longer: whoever may have seen the stamp hears that it is gone. Call while it is there."""
        stamp = self.documents.stamp(conn, quote)
        member, quoted = _account(conn, quote.quoted_account_id), posts.by_id(conn, quote.quoted_id or 0)
        if stamp is None or member is None or quoted is None:
            return
        found = [*self._audience(conn, quoted), *_personal.run(conn, ids=[quote.account_id])]
        row = posts.by_id(conn, quote.post_id)
        if row is not None and row.local:
            found += self._audience(conn, row)
        recipients = self._allowed(conn, found)
        if recipients:
            document = activity.delete_stamp(self._uris.activity(new_id()), stamp)
            self._send(conn, member, document, recipients, topic=quote.stamp_uri)

    # --- people

    def followed(self, conn: Connection, follow_id: int) -> None:
        """A member wants to follow somebody elsewhere."""
        row = conn.execute(select(follow).where(follow.c.id == follow_id)).first()
        if row is not None:
            self._to_person(
                conn, row.account_id, row.target_id, row.uri, lambda me, them: _follow(row, me, them)
            )

    def follow_undone(self, conn: Connection, row: Any) -> None:
        """A member follows no longer, or takes a request back."""
        self._to_person(
            conn, row.account_id, row.target_id, row.uri, lambda me, them: self._undo(_follow(row, me, them))
        )

    def follow_accepted(self, conn: Connection, row: Any) -> None:
        """Somebody elsewhere may follow a member."""
        self._answer(conn, row, activity.accept)

    def follow_rejected(self, conn: Connection, row: Any) -> None:
        """Somebody elsewhere may not follow a member, or no longer."""
        self._answer(conn, row, activity.reject)

    def _answer(self, conn: Connection, row: Any, build: Callable[..., Document]) -> None:
        def answer(me: AccountRow, them: AccountRow) -> Document:
            request = activity.echo(row.uri, kind="Follow", actor=them.uri, target=me.uri)
            return build(self._uris.activity(new_id()), actor=me.uri, request=request)

        self._to_person(conn, row.target_id, row.account_id, row.uri, answer)

    def blocked(self, conn: Connection, row: Any) -> None:
        """A member has blocked somebody elsewhere, whose server can hide them from each other."""
        self._to_person(
            conn,
            row.account_id,
            row.target_id,
            row.uri,
            lambda me, them: activity.block(row.uri, actor=me.uri, target=them.uri),
        )

    def block_undone(self, conn: Connection, row: Any) -> None:
        """A member has ended a block."""
        self._to_person(
            conn,
            row.account_id,
            row.target_id,
            row.uri,
            lambda me, them: self._undo(activity.block(row.uri, actor=me.uri, target=them.uri)),
        )

    def _to_person(
        self,
        conn: Connection,
        member_id: int,
        other_id: int,
        topic: str,
        build: Callable[[AccountRow, AccountRow], Document],
    ) -> None:
        people = accounts.by_ids(conn, [member_id, other_id])
        me, them = people.get(member_id), people.get(other_id)
        if me is None or them is None or me.domain or not them.domain:
            return
        recipients = self._allowed(conn, _personal.run(conn, ids=[them.id]))
        if recipients:
            self._send(conn, me, build(me, them), recipients, topic=topic)

    def profile_updated(self, conn: Connection, account_id: int, *, was_found: bool = False) -> None:
        """What an actor document says has changed. Partners hear of those who want to be found, or wanted it until now
        (`was_found`)."""
        member = _account(conn, account_id)
        if member is None:
            return
        found = _follower_inboxes.run(conn, account_id=account_id)
        is_open = settings.in_force(conn, self._config).profile_directory
        if (was_found and not member.discoverable) or (is_open and suggestions.is_found(conn, account_id)):
            found += _partners.run(conn)
        recipients = self._allowed(conn, found)
        if not recipients:
            return
        document = activity.update_actor(
            self._uris.activity(new_id()),
            self.documents.actor_document(conn, account_id),
            cc=[self.documents.actor_uris(member).followers],
        )
        self._send(conn, member, document, recipients, topic=member.uri)

    def account_deleted(self, conn: Connection, row: AccountRow) -> None:
        """An account is about to be deleted: every server that we know hears it. Its key must outlast the sending."""
        if row.domain:
            return
        recipients = self._allowed(conn, _everybody.run(conn))
        if recipients:
            document = activity.delete_actor(self._uris.activity(new_id()), actor=row.uri)
            self._send(conn, row, document, recipients, topic=row.uri)

    def moved(self, conn: Connection, account_id: int, target_account_id: int) -> None:
        """A member has moved elsewhere; the profile, which says so already, goes ahead of this."""
        people = accounts.by_ids(conn, [account_id, target_account_id])
        member, target = people.get(account_id), people.get(target_account_id)
        recipients = self._allowed(conn, _follower_inboxes.run(conn, account_id=account_id))
        if member is None or target is None or not recipients:
            return
        document = activity.move(
            self._uris.activity(new_id()),
            actor=member.uri,
            target=target.uri,
            followers=self.documents.actor_uris(member).followers,
        )
        self._send(conn, member, document, recipients, topic=member.uri)

    def flagged(self, conn: Connection, report_id: int) -> None:
        """A report about somebody elsewhere goes to their server, in the name of this one."""
        row = conn.execute(select(report).where(report.c.id == report_id)).first()
        reported = None if row is None else accounts.by_id(conn, row.target_id)
        sender = accounts.by_id(conn, self._keys.instance_account_id)
        if row is None or reported is None or sender is None or not reported.domain:
            return
        recipients = self._allowed(conn, _inboxes.run(conn, ids=[reported.id]))
        if recipients:
            document = activity.flag(
                row.uri,
                instance_actor=sender.uri,
                reported=reported.uri,
                posts=json.loads(row.post_uris),
                comment=row.comment,
            )
            self._send(conn, sender, document, recipients, topic=row.uri)

    # --- whatever else there is to say

    @property
    def uris(self) -> Uris:
        """What mints our addresses."""
        return self._uris

    def to_followers(
        self,
        conn: Connection,
        member: AccountRow,
        document: Document,
        *,
        topic: str,
        also_ids: Sequence[int] = (),
        asks: bool = False,
    ) -> None:
        """An activity of a member for their followers elsewhere, and for these accounts; one that `asks` whether they come is not
        for who wants to hear no more of events."""
        followers = _asked_inboxes if asks else _follower_inboxes
        found = followers.run(conn, account_id=member.id)
        recipients = self._allowed(conn, found + (_inboxes.run(conn, ids=list(also_ids)) if also_ids else []))
        if recipients:
            self._send(conn, member, document, recipients, topic=topic)

    def to_person(
        self, conn: Connection, member: AccountRow, other_id: int, document: Document, *, topic: str
    ) -> None:
        """An activity of a member for somebody elsewhere alone."""
        self._to_person(conn, member.id, other_id, topic, lambda me, them: document)

    def to_server(self, conn: Connection, other_id: int, document: Document, *, topic: str) -> None:
        """An activity of this server's own actor for that of another, which need not be a partner yet."""
        sender = _account(conn, self._keys.instance_account_id)
        found = _personal.run(conn, ids=[other_id])
        recipients = self._allowed(conn, found, meets=frozenset(one.host for one in found))
        if sender is not None and recipients:
            self._send(conn, sender, document, recipients, topic=topic)

    # --- sending

    def _undo(self, document: Document) -> Document:
        return activity.undo(self._uris.activity(new_id()), document)

    def _send(
        self,
        conn: Connection,
        sender: AccountRow,
        document: Document,
        recipients: Sequence[Recipient],
        *,
        topic: str,
        synchronises_followers: bool = False,
        within: GroupRow | None = None,
    ) -> None:
        """Plan a message; what is said `within` a group of this server goes to its members, too."""
        # Neither is meant for anybody's eyes but ours (ActivityPub §6).
        document = {name: value for name, value in document.items() if name not in ("bto", "bcc")}
        is_open = any(is_public(uri) for uri in (*document.get("to", ()), *document.get("cc", ())))
        if is_open or within is not None:
            # FEP-8b32, on public activities alone: nobody should be able to prove what was said in private. Within a
            # group it is what other members' servers believe the group for, which hands it on.
            document = with_proof(
                _with_proof_context(document), self._keys.ed25519(conn, sender.id), now=time.time()
            )
        deliveries.plan(
            conn,
            account_id=sender.id,
            uri=document["id"],
            topic=topic,
            body=json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(),
            recipients=recipients,
            synchronises_followers=synchronises_followers,
        )
        if within is not None:
            self.handed_on(conn, within, document, topic=topic)

    def handed_on(self, conn: Connection, group: GroupRow, said: Document, *, topic: str) -> None:
        """A group of this server hands on to its members elsewhere what was done in it, value for value (FEP-1b12)."""
        if group.hidden or group.domain:
            return
        recipients = self._allowed(conn, _follower_inboxes.run(conn, account_id=group.account_id))
        sender = _account(conn, group.account_id) if recipients else None
        if sender is None:
            return
        followers = self._uris.group_uris(group.username).followers
        to, cc = ([PUBLIC], [followers]) if group.access == "public" else ([followers], [])
        document = activity.announce_activity(
            self._uris.activity(new_id()), actor=group.uri, said=said, to=to, cc=cc
        )
        self._send(conn, sender, document, recipients, topic=topic)

    def _allowed(
        self, conn: Connection, found: Iterable[Recipient], *, meets: frozenset[str] = frozenset()
    ) -> list[Recipient]:
        """Each inbox once, without our own and those of servers we do not federate with; where only allowed ones are
        federated with, those of `meets` need not be."""
        wanted = [
            one for one in dict.fromkeys(found) if one.inbox_uri and one.host and one.host != self._uris.host
        ]
        if not wanted or not self._config.federates:
            return []
        closed = instances.kept_out_of(conn, (one.host for one in wanted))
        if closed & meets:
            may_meet = settings.in_force(conn, self._config).federation_mode == "allowlist"
            refused = {one for one in meets if instances.rules(conn, one).policy in ("reject", "limit")}
            closed -= (meets - refused) if may_meet else set()
        return [one for one in wanted if one.host not in closed]


def _leaves(row: PostRow) -> bool:
    return bool(row.local) and row.visibility in LEAVES


def _group_here(conn: Connection, row: PostRow) -> GroupRow | None:
    """The group of this server in which a post is, if what happens in it may leave the server."""
    if row.group_id is None or row.visibility not in (*OPEN, "group"):
        return None
    group = groups.by_id(conn, row.group_id)
    return None if group is None or group.domain or group.hidden else group


def _account(conn: Connection, account_id: int) -> AccountRow | None:
    return accounts.by_id(conn, account_id)


def _follow(row: Any, me: AccountRow, them: AccountRow) -> Document:
    return activity.follow(row.uri, actor=me.uri, target=them.uri)


def _with_proof_context(document: Document) -> Document:
    context = document["@context"]
    known = context if isinstance(context, list) else [context]
    return document if DATA_INTEGRITY_V2 in known else {**document, "@context": [*known, DATA_INTEGRITY_V2]}


# --- who is elsewhere ---------------------------------------------------------------------------

_SHARED: Final = case(
    (account.c.shared_inbox_uri != literal(""), account.c.shared_inbox_uri), else_=account.c.inbox_uri
)


def _elsewhere(inbox: Any) -> Select[Any]:
    """Inboxes of accounts of other servers that are there, as far as we know."""
    return (
        select(account.c.host, inbox)
        .where(
            account.c.host != literal(""),
            account.c.suspended_at.is_(None),
            account.c.deleted_at.is_(None),
            account.c.gone_since_at.is_(None),
        )
        .distinct()
    )


def _select_followers() -> Select[Any]:
    return _elsewhere(_SHARED).join_from(
        account,
        follow,
        (follow.c.account_id == account.c.id)
        & (follow.c.target_id == bindparam("account_id"))
        & follow.c.accepted,
    )


def _select_mentioned(inbox: Any) -> Select[Any]:
    return _elsewhere(inbox).join_from(
        account, mention, (mention.c.account_id == account.c.id) & (mention.c.post_id == bindparam("post_id"))
    )


_follower_inboxes: Hot[Recipient] = Hot(_select_followers, Recipient._make)

_asked_inboxes: Hot[Recipient] = Hot(
    lambda: _select_followers().where(
        ~select(event_silence.c.account_id).where(event_silence.c.account_id == account.c.id).exists()
    ),
    Recipient._make,
)

_followers_and_mentioned: Hot[Recipient] = Hot(
    lambda: union_all(_select_followers(), _select_mentioned(_SHARED)), Recipient._make
)

_mentioned_in_person: Hot[Recipient] = Hot(lambda: _select_mentioned(account.c.inbox_uri), Recipient._make)

_inboxes: Hot[Recipient] = Hot(
    lambda: _elsewhere(_SHARED).where(AnyOf(account.c.id, bindparam("ids"))), Recipient._make
)

_personal: Hot[Recipient] = Hot(
    lambda: _elsewhere(account.c.inbox_uri).where(AnyOf(account.c.id, bindparam("ids"))), Recipient._make
)

_partners: Hot[Recipient] = Hot(
    lambda: _elsewhere(_SHARED).join_from(
        account, partner, (partner.c.account_id == account.c.id) & (partner.c.state == literal("active"))
    ),
    Recipient._make,
)

_everybody: Hot[Recipient] = Hot(lambda: _elsewhere(_SHARED), Recipient._make)


def _select_involved() -> Select[Any]:
    """Those who boosted, liked, answered or voted on a post: their servers have it too."""
    people = union(
        select(post.c.account_id).where(
            or_(post.c.boost_of_id == bindparam("post_id"), post.c.in_reply_to_id == bindparam("post_id"))
        ),
        select(like.c.account_id).where(like.c.post_id == bindparam("post_id")),
        select(poll_vote.c.account_id).where(poll_vote.c.post_id == bindparam("post_id")),
    ).subquery()
    return _elsewhere(_SHARED).where(account.c.id.in_(select(people.c.account_id)))


_involved: Hot[Recipient] = Hot(_select_involved, Recipient._make)
