"""How each route of Mastodon's client API is called so that it has something to say: one row a route.

A row is a verb and an address with things of `tests.contract.world` in braces, a body, and what is unusual
about it. The routes of moderators are in `tests.contract.admin_calls`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tests.contract.openapi import shape

Auth = Literal["public", "user", "app", "user(admin)"]


@dataclass(frozen=True)
class Call:
    """`gives` names the entity that is answered, in brackets if it is a list, where the document does not, or wrongly."""

    route: str
    body: dict[str, Any] | None = None
    _: Any = None
    status: int = 200
    gives: str = ""
    # Who may ask, and with which scope (one of these), where the documentation is silent or Mastodon does otherwise.
    auth: Auth | None = None
    scopes: tuple[str, ...] | None = None
    # Things that must be there, although the address does not name them.
    needs: tuple[str, ...] = ()
    # What the JSON is like, where nothing describes it.
    schema: dict[str, Any] | None = None
    # Why a list may be empty, or JSON missing; "{}" for an empty object.
    empty: str = ""
    # We do not offer it, and docs/client-api.md says why.
    absent: bool = False
    upload: bool = False
    streams: bool = False

    @property
    def method(self) -> str:
        return self.route.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.route.partition(" ")[2]

    @property
    def key(self) -> tuple[str, str]:
        """The same for this call and for the documented route that it is of."""
        return self.method, shape(self.path)


PUSH_KEYS = {
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
}


def _having(*names: str) -> dict[str, Any]:
    return {"type": "object", "required": list(names)}


_PAGE = "a page for people"
_OURS_TO_SAY = "nothing of the kind is in this world"

WELL_KNOWN = [
    Call("GET /.well-known/nodeinfo", schema=_having("links")),
    Call(
        "GET /.well-known/webfinger?resource=acct:alice@{host}", schema=_having("subject", "aliases", "links")
    ),
    Call("GET /.well-known/host-meta", empty="XML"),
    Call("GET /.well-known/change-password", status=302, empty=_PAGE),
    Call("GET /.well-known/oauth-authorization-server"),
    Call(
        "GET /nodeinfo/2.0", schema=_having("version", "software", "protocols", "usage", "openRegistrations")
    ),
    Call("GET /health", status=404, empty="livez does its work", absent=True),
    Call("GET /api/oembed?url={origin}/@alice/{own}"),
]

OAUTH = [
    Call("POST /api/v1/apps", {"client_name": "Another", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob"}),
    Call("GET /api/v1/apps/verify_credentials"),
    Call(
        "GET /oauth/authorize?response_type=code&client_id={client_id}&redirect_uri=urn:ietf:wg:oauth:2.0:oob",
        empty=_PAGE,
    ),
    Call("POST /oauth/authorize", {"decision": "sign_in"}, status=400, empty="a page that says what is missing"),
    Call("POST /oauth/token", {
        "grant_type": "client_credentials", "client_id": "{client_id}", "client_secret": "{client_secret}"}),
    Call("POST /oauth/revoke", {
        "client_id": "{client_id}", "client_secret": "{client_secret}", "token": "unknown"}, empty="{}"),
    Call("GET /oauth/userinfo", scopes=("profile", "read:accounts"), gives="OAuthUserinfo"),
]  # fmt: skip

ACCOUNTS = [
    Call("POST /api/v1/accounts", {
        "username": "{new.username}", "email": "{new.username}@mail.example", "password": "seven quiet otters",
        "agreement": True, "locale": "en", "reason": "To teach"}),
    Call("GET /api/v1/accounts?id[]={alice}&id[]={bob}"),
    Call("GET /api/v1/accounts/{bob}"),
    Call("GET /api/v1/accounts/{alice}/statuses?tagged=welcome"),
    Call("GET /api/v1/accounts/{alice}/followers"),
    Call("GET /api/v1/accounts/{alice}/following"),
    Call("GET /api/v1/accounts/{alice}/featured_tags"),
    Call("GET /api/v1/accounts/{alice}/endorsements"),
    Call("GET /api/v1/accounts/{bob}/lists"),
    Call("GET /api/v1/accounts/{alice}/collections", gives="Collections"),
    Call("GET /api/v1/accounts/{alice}/in_collections", auth="user", gives="Collections"),
    Call("GET /api/v1/accounts/{alice}/identity_proofs", auth="user", empty="retired", absent=True),
    Call("GET /api/v1/accounts/lookup?acct=bob", auth="public"),
    Call("GET /api/v1/accounts/relationships?id[]={bob}"),
    Call("GET /api/v1/accounts/search?q=bo"),
    Call("GET /api/v1/accounts/familiar_followers?id[]={ada}"),
    Call("GET /api/v1/accounts/verify_credentials"),
    Call("PATCH /api/v1/accounts/update_credentials", {
        "display_name": "Alice", "note": "I teach #welcome",
        "fields_attributes": {"0": {"name": "Web", "value": "https://alice.example"}},
        "source": {"privacy": "public", "language": "en"}}),
    Call("GET /api/v1/profile"),
    Call("PATCH /api/v1/profile", {"display_name": "Alice A.", "show_media": True}),
    Call("DELETE /api/v1/profile/avatar"),
    Call("DELETE /api/v1/profile/header"),
    Call("GET /api/v1/preferences", gives="Preferences"),
    Call("POST /api/v1/accounts/{new.member}/follow", {"notify": True, "languages": ["en"]}),
    Call("POST /api/v1/accounts/{new.followed}/unfollow"),
    Call("POST /api/v1/accounts/{new.member}/block"),
    Call("POST /api/v1/accounts/{new.blocked}/unblock"),
    Call("POST /api/v1/accounts/{new.member}/mute", {"duration": 3600}),
    Call("POST /api/v1/accounts/{new.muted}/unmute"),
    Call("POST /api/v1/accounts/{bob}/note", {"comment": "Met at the course"}),
    Call("POST /api/v1/accounts/{new.followed}/endorse"),
    Call("POST /api/v1/accounts/{new.endorsed}/unendorse"),
    Call("POST /api/v1/accounts/{new.followed}/pin"),
    Call("POST /api/v1/accounts/{new.endorsed}/unpin"),
    Call("POST /api/v1/accounts/{new.fan}/remove_from_followers"),
    Call("POST /api/v1/accounts/{alice}/email_subscriptions", {"email": "reader@mail.example"},
         auth="public", empty="{}"),
    Call("POST /api/v1/emails/confirmations", status=403, empty="only an app that signed somebody up may ask"),
    Call("GET /api/v1/emails/check_confirmation", auth="user", scopes=("read:accounts",), empty="a boolean"),
    Call("GET /api/v1/blocks"),
    Call("GET /api/v1/mutes"),
    Call("GET /api/v1/endorsements"),
    Call("GET /api/v1/follow_requests", needs=("requester",)),
    Call("POST /api/v1/follow_requests/{new.requester}/authorize"),
    Call("POST /api/v1/follow_requests/{new.requester}/reject"),
    Call("GET /api/v1/domain_blocks"),
    Call("POST /api/v1/domain_blocks", {"domain": "elsewhere.example"}, empty="{}"),
    Call("DELETE /api/v1/domain_blocks?domain=unwanted.example", empty="{}"),
    Call("GET /api/v1/domain_blocks/preview?domain=elsewhere.example", auth="user", scopes=("read:blocks",), gives="DomainBlockPreview"),
    Call("POST /api/v1/reports", {
        "account_id": "{bob}", "status_ids": ["{bobs}"], "comment": "look", "category": "spam"}),
]  # fmt: skip

STATUSES = [
    Call("POST /api/v1/statuses", {"status": "Hello @bob #welcome", "visibility": "public"}),
    Call("GET /api/v1/statuses?id[]={status}&id[]={bobs}"),
    Call("GET /api/v1/statuses/{status}"),
    Call("PUT /api/v1/statuses/{own}", {"status": "Said better"}),
    Call("DELETE /api/v1/statuses/{new.own}"),
    Call("GET /api/v1/statuses/{status}/context"),
    Call("GET /api/v1/statuses/{status}/history"),
    Call("GET /api/v1/statuses/{status}/source", auth="user"),  # what the author typed is theirs
    Call("GET /api/v1/statuses/{status}/favourited_by", scopes=("read:accounts",)),
    Call("GET /api/v1/statuses/{status}/reblogged_by", scopes=("read:accounts",)),
    Call("GET /api/v1/statuses/{status}/card", empty="Mastodon 3.0 took it away: the card is in the post"),
    Call("POST /api/v1/statuses/{bobs}/translate", {"lang": "de"}, auth="user"),
    Call("POST /api/v1/statuses/{new.bobs}/favourite"),
    Call("POST /api/v1/statuses/{new.favourited}/unfavourite"),
    Call("POST /api/v1/statuses/{new.bobs}/bookmark"),
    Call("POST /api/v1/statuses/{new.bookmarked}/unbookmark"),
    Call("POST /api/v1/statuses/{new.bobs}/reblog"),
    Call("POST /api/v1/statuses/{new.boosted}/unreblog"),
    Call("POST /api/v1/statuses/{new.own}/mute"),
    Call("POST /api/v1/statuses/{new.hushed}/unmute"),
    Call("POST /api/v1/statuses/{new.own}/pin"),
    Call("POST /api/v1/statuses/{new.pinned}/unpin"),
    Call("PUT /api/v1/statuses/{own}/interaction_policy", {"quote_approval_policy": "followers"}),
    Call("GET /api/v1/statuses/{quoted}/quotes"),
    Call("POST /api/v1/statuses/{quoted}/quotes/{new.quoting}/revoke"),
    Call("GET /api/v1/polls/{poll}"),
    Call("POST /api/v1/polls/{new.poll}/votes", {"choices": ["0"]}),
    Call("GET /api/v1/favourites"),
    Call("GET /api/v1/bookmarks"),
    Call("GET /api/v1/scheduled_statuses"),
    Call("GET /api/v1/scheduled_statuses/{scheduled}"),
    Call("PUT /api/v1/scheduled_statuses/{scheduled}", {"scheduled_at": "2099-02-01T00:00:00.000Z"}),
    Call("DELETE /api/v1/scheduled_statuses/{new.scheduled}", empty="{}"),
    Call("POST /api/v1/media", upload=True),
    Call("POST /api/v2/media", upload=True),
    Call("GET /api/v1/media/{media}"),
    Call("PUT /api/v1/media/{media}", {"description": "described", "focus": "0,0"}),
    Call("DELETE /api/v1/media/{new.media}", empty="{}"),
]

LISTS = [
    Call("GET /api/v1/lists"),
    Call("POST /api/v1/lists", {"title": "Colleagues", "replies_policy": "list", "exclusive": False}),
    Call("GET /api/v1/lists/{list}"),
    Call("PUT /api/v1/lists/{list}", {"title": "Good friends"}),
    Call("DELETE /api/v1/lists/{new.list}", empty="{}"),
    Call("GET /api/v1/lists/{list}/accounts"),
    Call("POST /api/v1/lists/{list}/accounts", {"account_ids": ["{new.followed}"]}, empty="{}"),
    Call("DELETE /api/v1/lists/{new.list}/accounts?account_ids[]={bob}", empty="{}"),
    Call("GET /api/v2/filters"),
    Call("POST /api/v2/filters", {"title": "Noise", "context": ["home"], "filter_action": "blur"}),
    Call("GET /api/v2/filters/{filter}"),
    Call("PUT /api/v2/filters/{filter}", {"title": "Still quiet", "context": ["home"]}),
    Call("DELETE /api/v2/filters/{new.filter}", empty="{}"),
    Call("GET /api/v2/filters/{filter}/keywords"),
    Call("POST /api/v2/filters/{filter}/keywords", {"keyword": "fuss", "whole_word": False}),
    Call("GET /api/v2/filters/keywords/{keyword}"),
    Call("PUT /api/v2/filters/keywords/{keyword}", {"keyword": "much ado", "whole_word": True}),
    Call("DELETE /api/v2/filters/keywords/{new.keyword}", empty="{}"),
    Call("POST /api/v2/filters/{filter}/statuses", {"status_id": "{new.own}"}),
    Call("GET /api/v2/filters/{filter}/statuses"),
    Call("GET /api/v2/filters/statuses/{filtered}"),
    Call("DELETE /api/v2/filters/statuses/{new.filtered}", empty="{}"),
    Call("GET /api/v1/filters", gives="[V1::Filter]"),
    Call("POST /api/v1/filters", {"phrase": "pineapple", "context": ["home"], "whole_word": True}),
    Call("GET /api/v1/filters/{old_filter}"),
    Call("PUT /api/v1/filters/{old_filter}", {"phrase": "ado", "context": ["home", "thread"]}),
    Call("DELETE /api/v1/filters/{new.old_filter}", empty="{}"),
    Call("GET /api/v1/followed_tags"),
    Call("GET /api/v1/tags/{tag}"),
    Call("POST /api/v1/tags/{new.tag}/follow"),
    Call("POST /api/v1/tags/{new.followed_tag}/unfollow"),
    Call("POST /api/v1/tags/{new.tag}/feature"),
    Call("POST /api/v1/tags/{new.featured_name}/unfeature"),
    Call("GET /api/v1/featured_tags"),
    Call("POST /api/v1/featured_tags", {"name": "teaching"}),
    Call("DELETE /api/v1/featured_tags/{new.featured_tag}", empty="{}"),
    Call("GET /api/v1/featured_tags/suggestions"),
    Call("POST /api/v1/collections", {"name": "Facilitators", "discoverable": True}, gives="WrappedCollection"),
    Call("GET /api/v1/collections/{collection}", gives="CollectionWithAccounts"),
    Call("PATCH /api/v1/collections/{collection}", {"name": "All of them"}, gives="WrappedCollection"),
    Call("DELETE /api/v1/collections/{new.collection}", empty="{}"),
    Call("POST /api/v1/collections/{collection}/items", {"account_id": "{new.featurable}"},
         gives="WrappedCollectionItem"),
    Call("DELETE /api/v1/collections/{collection}/items/{new.collected}", empty="{}"),
    Call("POST /api/v1/collections/{bobs_collection}/items/{alice_collected}/revoke", empty="{}"),
]  # fmt: skip

TIMELINES = [
    Call("GET /api/v1/timelines/home"),
    Call("GET /api/v1/timelines/public?local=true"),
    Call("GET /api/v1/timelines/tag/{tag}"),
    Call("GET /api/v1/timelines/list/{list}"),
    Call("GET /api/v1/timelines/direct"),
    Call("GET /api/v1/timelines/link?url={linked_page}"),
    Call("GET /api/v1/conversations"),
    Call("POST /api/v1/conversations/{conversation}/read"),
    Call(
        "POST /api/v1/conversations/{conversation}/unread",
        auth="user",
        scopes=("write:conversations",),
        gives="Conversation",
    ),
    Call("DELETE /api/v1/conversations/{new.conversation}", empty="{}"),
    Call("GET /api/v1/markers?timeline[]=home"),
    Call("POST /api/v1/markers", {"home": {"last_read_id": "{own}"}}),
    Call("GET /api/v1/announcements", needs=("announcement",)),
    Call("POST /api/v1/announcements/{announcement}/dismiss", empty="{}"),
    Call("PUT /api/v1/announcements/{announcement}/reactions/{party}", empty="{}"),
    Call("DELETE /api/v1/announcements/{reacted_to}/reactions/{party}", empty="{}"),
    Call("GET /api/v2/search?q=alice&type=accounts"),
    Call("GET /api/v1/search?q=alice", status=404, empty="retired", absent=True),
    Call("GET /api/v1/trends", auth="public", gives="[Tag]"),
    Call("GET /api/v1/trends/tags", needs=("linked_page",)),
    Call("GET /api/v1/trends/statuses", needs=("linked_page",)),
    Call("GET /api/v1/trends/links", needs=("linked_page",)),
    Call("GET /api/v1/directory?local=true"),
    Call("GET /api/v1/suggestions"),
    Call("GET /api/v2/suggestions"),
    Call("DELETE /api/v1/suggestions/{new.member}", scopes=("write:accounts",), empty="{}"),
    # The open timelines may be listened to by whom they are open to.
    Call("GET /api/v1/streaming?stream=user", scopes=("read:statuses",), streams=True),
    Call("GET /api/v1/streaming/health", empty="text"),
    Call("GET /api/v1/streaming/user", scopes=("read:statuses",), streams=True),
    Call("GET /api/v1/streaming/user/notification", scopes=("read:notifications",), streams=True),
    Call("GET /api/v1/streaming/public", auth="public", streams=True),
    Call("GET /api/v1/streaming/public/local", auth="public", streams=True),
    Call("GET /api/v1/streaming/public/remote", auth="public", streams=True),
    Call("GET /api/v1/streaming/hashtag?tag=welcome", auth="public", streams=True),
    Call("GET /api/v1/streaming/hashtag/local?tag=welcome", auth="public", streams=True),
    Call("GET /api/v1/streaming/list?list={list}", scopes=("read:lists", "read:statuses"), streams=True),
    Call("GET /api/v1/streaming/direct", streams=True),
]

NOTIFICATIONS = [
    Call("GET /api/v1/notifications"),
    Call("GET /api/v1/notifications/{notification}"),
    Call("POST /api/v1/notifications/{new.notification}/dismiss", empty="{}"),
    Call("POST /api/v1/notifications/dismiss", status=404, empty="retired", absent=True),
    Call("DELETE /api/v1/notifications/{new.notification}", auth="user", scopes=("write:notifications",), empty="{}"),
    Call("DELETE /api/v1/notifications/destroy_multiple?ids[]={new.notification}", auth="user", scopes=("write:notifications",),
         empty="{}"),
    Call("GET /api/v1/notifications/unread_count"),
    Call("GET /api/v2/notifications"),
    Call("GET /api/v2/notifications/{group}"),
    Call("GET /api/v2/notifications/{group}/accounts", scopes=("read:notifications",)),
    Call("POST /api/v2/notifications/{new.group}/dismiss", empty="{}"),
    Call("GET /api/v2/notifications/unread_count"),
    Call("GET /api/v2_alpha/notifications", gives="GroupedNotificationsResults"),
    Call("GET /api/v2_alpha/notifications/{group}", gives="GroupedNotificationsResults"),
    Call("POST /api/v2_alpha/notifications/{new.group}/dismiss", empty="{}"),
    Call("GET /api/v2_alpha/notifications/unread_count", schema=_having("count")),
    Call("GET /api/v2/notifications/policy"),
    Call("PATCH /api/v2/notifications/policy", {"for_new_accounts": "accept"}),
    Call("GET /api/v1/notifications/requests", needs=("request",)),
    Call("GET /api/v1/notifications/requests/{request}"),
    Call("POST /api/v1/notifications/requests/{new.request}/accept", empty="{}"),
    Call("POST /api/v1/notifications/requests/{new.request}/dismiss", empty="{}"),
    Call("POST /api/v1/notifications/requests/accept", {"id": ["{new.request}"]}, empty="{}"),
    Call("POST /api/v1/notifications/requests/dismiss", {"id": ["{new.request}"]}, empty="{}"),
    Call("GET /api/v1/notifications/requests/merged"),
    Call("POST /api/v1/push/subscription", {
        "subscription": {"endpoint": "https://push.example/1", "standard": True, "keys": PUSH_KEYS},
        "data": {"alerts": {"mention": True}, "policy": "all"}}),
    Call("GET /api/v1/push/subscription"),
    Call("PUT /api/v1/push/subscription", {"data": {"alerts": {"follow": True}}}),
    Call("DELETE /api/v1/push/subscription", empty="{}"),
    # Last, because it empties the list.
    Call("POST /api/v1/notifications/clear", empty="{}"),
]  # fmt: skip

INSTANCE = [
    Call("GET /api/v1/instance"),
    Call("GET /api/v2/instance"),
    Call("GET /api/v1/instance/activity"),
    Call("GET /api/v1/instance/peers"),
    Call("GET /api/v1/instance/rules"),
    Call("GET /api/v1/instance/domain_blocks"),
    Call("GET /api/v1/instance/extended_description"),
    Call(
        "GET /api/v1/instance/languages",
        auth="public",
        schema={"type": "array", "items": _having("code", "name")},
    ),
    Call("GET /api/v1/instance/privacy_policy"),
    Call("GET /api/v1/instance/terms_of_service"),
    Call("GET /api/v1/instance/terms_of_service/{terms_date}"),
    Call("GET /api/v1/instance/translation_languages", schema={"type": "object", "minProperties": 1}),
    Call("GET /api/v1/custom_emojis"),
    Call(
        "GET /api/v1/peers/search?q=else",
        auth="public",
        schema={"type": "array", "items": {"type": "string"}},
    ),
    Call("GET /api/v1/donation_campaigns", auth="user", status=204, empty=_OURS_TO_SAY, absent=True),
    Call("GET /api/v1_alpha/async_refreshes/{year}", status=404, empty=_OURS_TO_SAY, absent=True),
    Call("GET /api/v1/annual_reports", empty=_OURS_TO_SAY, absent=True),
    Call("GET /api/v1/annual_reports/{year}", status=404, empty=_OURS_TO_SAY, absent=True),
    Call("POST /api/v1/annual_reports/{year}/generate", empty=_OURS_TO_SAY, absent=True),
    Call("POST /api/v1/annual_reports/{year}/read", status=404, empty=_OURS_TO_SAY, absent=True),
    Call("GET /api/v1/annual_reports/{year}/state", empty=_OURS_TO_SAY, absent=True),
    Call("GET /api/proofs", status=404, empty="retired", absent=True),
]

CALLS = [
    *WELL_KNOWN, *OAUTH, *ACCOUNTS, *STATUSES, *LISTS, *TIMELINES, *NOTIFICATIONS, *INSTANCE,
]  # fmt: skip
