"""An OpenAPI 3.1 document of the client API, made from the route table and the entities: it cannot be out of date."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, Final

import msgspec
from aiohttp import web

from fedserver.resources.faces import citations
from fedserver.resources.terms import Offer
from web import calendar
from web.api import entities as e
from web.api import notice_entities as n
from web.api import oauth
from web.api import routes as api_routes
from web.api.admin import entities as a
from web.api.events import entities as v
from web.api.groups import entities as g
from web.api.opportunities import entities as o
from web.api.partners import Partner
from web.api.reports import SpamMark
from web.api.resources import entities as r
from web.api.search import Search

_PARAMETER: Final = re.compile(r"\{(\w+)(?::[^}]*)?\}")
_PAGED: Final = ("max_id", "since_id", "min_id", "limit")
_CALENDAR: Final = (
    *("from", "to", "after", "limit", "q", "group", "space", "topic", "kind", "language", "instance", "network"),
    *("how", "online"),
)  # fmt: skip
# What lists take that are paged otherwise.
_ASKED: Final = {
    "GET /api/v1/calendar": _CALENDAR,
    "GET /api/v1/events": _CALENDAR,
    "GET /api/v1/partners/calendar": tuple(one for one in _CALENDAR if one != "network"),
}
_VERBS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PUBLIC: Final = ("/api/v1/apps", "/api/v1/instance", "/api/v2/instance", "/api/v1/custom_emojis", "/oauth/")

# What a route answers. Those that are not named answer a JSON object or list that Mastodon's documentation shows.
_ACTIONS: Final = (
    *("favourite", "unfavourite", "bookmark", "unbookmark", "pin", "unpin", "mute", "unmute"),
    *("reblog", "unreblog", "downvote", "undownvote"),
)
_RELATIONS: Final = (
    *("follow", "unfollow", "remove_from_followers", "block", "unblock", "mute", "unmute"),
    *("endorse", "unendorse", "pin", "unpin", "note"),
)
_DECISIONS: Final = ("approve", "reject", "enable", "unsensitive", "unsilence", "unsuspend")
_OF_THREADS: Final = ("lock", "unlock", "pin", "unpin", "rename", "move", "split", "merge", "answer", "read")
_SUBSCRIBING: Final = ("GET", "PUT", "DELETE")
_SUBSCRIBED: Final = ("/api/v1/groups/{id}", "/api/v1/groups/{id}/topics/{topic_id}", "/api/v1/threads/{id}")
_HANDLING: Final = ("assign_to_self", "unassign", "resolve", "reopen")
_OF_LISTS: Final = ("settle", "leave", "refresh", "believe", "pause", "resume")
_OF_CASES: Final = ("assign_to_self", "unassign", "hand_over")
_RULES: Final = {
    "domain_blocks": a.AdminDomainBlock,
    "domain_allows": a.DomainAllow,
    "email_domain_blocks": a.EmailDomainBlock,
    "canonical_email_blocks": a.CanonicalEmailBlock,
    "ip_blocks": a.IpBlock,
}
_ANSWERS: Final[dict[str, Any]] = {
    "GET /api/v1/accounts": list[e.Account],
    "GET /api/v1/accounts/{id}": e.Account,
    "GET /api/v1/accounts/lookup": e.Account,
    "GET /api/v1/accounts/search": list[e.Account],
    "GET /api/v1/accounts/verify_credentials": e.CredentialAccount,
    "PATCH /api/v1/accounts/update_credentials": e.CredentialAccount,
    "PUT /api/v1/accounts/update_credentials": e.CredentialAccount,
    "GET /api/v1/accounts/familiar_followers": list[e.FamiliarFollowers],
    "GET /api/v1/accounts/relationships": list[e.Relationship],
    "GET /api/v1/accounts/{id}/statuses": list[e.Status],
    "GET /api/v1/accounts/{id}/followers": list[e.Account],
    "GET /api/v1/accounts/{id}/following": list[e.Account],
    "GET /api/v1/follow_requests": list[e.Account],
    "POST /api/v1/follow_requests/{account_id}/authorize": e.Relationship,
    "POST /api/v1/follow_requests/{account_id}/reject": e.Relationship,
    "GET /api/v1/blocks": list[e.Account],
    "GET /api/v1/mutes": list[e.MutedAccount],
    "GET /api/v1/profile": e.Profile,
    "PATCH /api/v1/profile": e.Profile,
    "PUT /api/v1/profile": e.Profile,
    "DELETE /api/v1/profile/avatar": e.CredentialAccount,
    "DELETE /api/v1/profile/header": e.CredentialAccount,
    "GET /api/v1/preferences": e.Preferences,
    "GET /api/v1/statuses": list[e.Status],
    "POST /api/v1/statuses": e.Status,
    "GET /api/v1/statuses/{id}": e.Status,
    "PUT /api/v1/statuses/{id}": e.Status,
    "PATCH /api/v1/statuses/{id}": e.Status,
    "DELETE /api/v1/statuses/{id}": e.Status,
    "GET /api/v1/statuses/{id}/context": e.Context,
    "GET /api/v1/statuses/{id}/source": e.StatusSource,
    "GET /api/v1/statuses/{id}/history": list[e.StatusEdit],
    "GET /api/v1/statuses/{id}/quotes": list[e.Status],
    "POST /api/v1/statuses/{id}/quotes/{quoting_status_id}/revoke": e.Status,
    "PUT /api/v1/statuses/{id}/interaction_policy": e.Status,
    "POST /api/v1/statuses/{id}/translate": e.Translation,
    "GET /api/v1/instance/translation_languages": dict[str, list[str]],
    "GET /api/v1/scheduled_statuses": list[e.ScheduledStatus],
    "GET /api/v1/scheduled_statuses/{id}": e.ScheduledStatus,
    "PUT /api/v1/scheduled_statuses/{id}": e.ScheduledStatus,
    "GET /api/v1/statuses/{id}/favourited_by": list[e.Account],
    "GET /api/v1/statuses/{id}/reblogged_by": list[e.Account],
    "GET /api/v1/polls/{id}": e.Poll,
    "POST /api/v1/polls/{id}/votes": e.Poll,
    "GET /api/v1/timelines/home": list[e.Status],
    "GET /api/v1/timelines/public": list[e.Status],
    "GET /api/v1/timelines/tag/{hashtag}": list[e.Status],
    "GET /api/v1/favourites": list[e.Status],
    "GET /api/v1/bookmarks": list[e.Status],
    "GET /api/v1/notifications": list[e.Notification],
    "GET /api/v1/notifications/{id}": e.Notification,
    "GET /api/v2/notifications": n.GroupedNotifications,
    "GET /api/v2/notifications/{group_key}": n.GroupedNotifications,
    "GET /api/v2/notifications/{group_key}/accounts": list[e.Account],
    "GET /api/v2/notifications/unread_count": e.Count,
    "GET /api/v2/notifications/policy": n.NotificationPolicy,
    "PATCH /api/v2/notifications/policy": n.NotificationPolicy,
    "PUT /api/v2/notifications/policy": n.NotificationPolicy,
    "GET /api/v1/notifications/policy": n.OldNotificationPolicy,
    "PUT /api/v1/notifications/policy": n.OldNotificationPolicy,
    "PATCH /api/v1/notifications/policy": n.OldNotificationPolicy,
    "GET /api/v1/notifications/requests": list[n.NotificationRequest],
    "GET /api/v1/notifications/requests/{id}": n.NotificationRequest,
    "GET /api/v1/conversations": list[n.Conversation],
    "POST /api/v1/conversations/{id}/read": n.Conversation,
    "POST /api/v1/conversations/{id}/unread": n.Conversation,
    "GET /api/v1/timelines/direct": list[e.Status],
    "GET /api/v1/announcements": list[n.Announcement],
    "GET /api/v1/notifications/unread_count": e.Count,
    "GET /api/v1/markers": dict[str, e.Marker],
    "POST /api/v1/markers": dict[str, e.Marker],
    "POST /api/v1/media": e.MediaAttachment,
    "POST /api/v2/media": e.MediaAttachment,
    "GET /api/v1/media/{id}": e.MediaAttachment,
    "PUT /api/v1/media/{id}": e.MediaAttachment,
    "PATCH /api/v1/media/{id}": e.MediaAttachment,
    "GET /api/v2/search": Search,
    "GET /api/v1/tags/{name}": e.Tag,
    "GET /api/v1/custom_emojis": list[e.CustomEmoji],
    "GET /api/v1/push/subscription": e.WebPushSubscription,
    "POST /api/v1/push/subscription": e.WebPushSubscription,
    "PUT /api/v1/push/subscription": e.WebPushSubscription,
    "PATCH /api/v1/push/subscription": e.WebPushSubscription,
    "POST /api/v1/reports": e.Report,
    "POST /api/v1/statuses/{id}/mark_as_spam": SpamMark,
    "POST /api/v1/statuses/{id}/unmark_as_spam": SpamMark,
    "GET /api/v1/endorsements": list[e.Account],
    "GET /api/v1/accounts/{id}/endorsements": list[e.Account],
    "GET /api/v1/accounts/{id}/lists": list[e.List],
    "GET /api/v1/lists": list[e.List],
    "POST /api/v1/lists": e.List,
    "GET /api/v1/lists/{id}": e.List,
    "PUT /api/v1/lists/{id}": e.List,
    "PATCH /api/v1/lists/{id}": e.List,
    "GET /api/v1/lists/{id}/accounts": list[e.Account],
    "GET /api/v1/timelines/list/{list_id}": list[e.Status],
    **{f"POST /api/v1/tags/{{name}}/{action}": e.Tag for action in ("follow", "unfollow")},
    **{f"POST /api/v1/tags/{{id}}/{action}": e.Tag for action in ("feature", "unfeature")},
    "GET /api/v1/followed_tags": list[e.Tag],
    "GET /api/v1/featured_tags": list[e.FeaturedTag],
    "POST /api/v1/featured_tags": e.FeaturedTag,
    "GET /api/v1/featured_tags/suggestions": list[e.Tag],
    "GET /api/v1/accounts/{id}/featured_tags": list[e.FeaturedTag],
    "GET /api/v1/groups": list[g.Group],
    "POST /api/v1/groups": g.Group,
    "GET /api/v1/groups/lookup": g.Group,
    **{f"{verb} /api/v1/groups/{{id}}": g.Group for verb in ("GET", "PUT", "PATCH")},
    "POST /api/v1/groups/{id}/join": g.Membership,
    **{f"POST /api/v1/groups/{{id}}/{verb}": g.Group for verb in ("archive", "unarchive")},
    "GET /api/v1/groups/{id}/topics": list[g.Topic],
    "GET /api/v1/groups/{id}/members": list[g.GroupMember],
    "GET /api/v1/groups/{id}/requests": list[g.JoinRequest],
    "GET /api/v1/groups/{id}/invitations": list[e.Account],
    "GET /api/v1/groups/{id}/bans": list[g.Ban],
    "GET /api/v1/groups/{id}/log": list[g.GroupAction],
    "GET /api/v1/groups/{id}/threads": list[g.Thread],
    "POST /api/v1/groups/{id}/threads": g.Thread,
    "GET /api/v1/threads": list[g.Thread],
    "GET /api/v1/threads/{id}": g.ThreadWithPosts,
    **{f"POST /api/v1/threads/{{id}}/{verb}": g.Thread for verb in _OF_THREADS},
    **{f"{verb} {path}/subscription": g.Subscription for verb in _SUBSCRIBING for path in _SUBSCRIBED},
    "GET /api/v1/groups/{id}/imports": list[g.ArchiveImport],
    "POST /api/v1/groups/{id}/imports": g.ArchiveImport,
    "GET /api/v1/groups/{id}/imports/{run}": g.ArchiveImport,
    "GET /api/v1/groups/{id}/names": list[g.ArchiveName],
    "POST /api/v1/groups/{id}/names/{name}/claim": g.ClaimState,
    "GET /api/v1/groups/{id}/claims": list[g.ArchiveClaim],
    "GET /api/v1/drafts": list[g.KeptDraft],
    "GET /api/v1/drafts/{key}": g.KeptDraft,
    "PUT /api/v1/drafts/{key}": g.KeptDraft,
    "GET /api/v1/timelines/group/{id}": list[e.Status],
    "GET /api/v1/partners": list[Partner],
    "POST /api/v1/partners": Partner,
    **{f"POST /api/v1/partners/{{id}}/{verb}": Partner for verb in ("accept", "decline", "end")},
    "GET /api/v1/events": list[v.CalendarEntry],
    "GET /api/v1/calendar": list[v.CalendarEntry],
    "GET /api/v1/partners/calendar": list[v.CalendarEntry],
    "POST /api/v1/calendar/clashes": list[v.Clash],
    "GET /api/v1/calendar/tokens": list[v.CalendarToken],
    "POST /api/v1/calendar/tokens": v.CalendarToken,
    "POST /api/v1/calendar/import": v.EventImport,
    "GET /api/v1/calendar/feeds": list[v.CalendarFeed],
    "POST /api/v1/calendar/feeds": v.CalendarFeed,
    "GET /api/v1/calendar/feeds/{id}": v.CalendarFeed,
    "POST /api/v1/calendar/feeds/{id}/{what}": v.CalendarFeed,
    "POST /api/v1/events": v.Event,
    **{f"{verb} /api/v1/events/{{id}}": v.Event for verb in ("GET", "PUT", "PATCH")},
    "GET /api/v1/events/{id}/occurrences": list[v.Occurrence],
    **{f"{verb} /api/v1/events/{{id}}/occurrences/{{key}}": v.Event for verb in ("PUT", "PATCH")},
    **{f"{verb} /api/v1/events/{{id}}/rsvp": v.Event for verb in ("POST", "DELETE")},
    "GET /api/v1/events/{id}/rsvps": list[v.Attendee],
    "POST /api/v1/events/{id}/rsvps/{account_id}/{decision}": v.Event,
    "POST /api/v1/events/{id}/guests/{guest_id}/{decision}": v.Event,
    "GET /api/v1/events/{id}/join": v.JoinLink,
    **{f"{verb} /api/v1/calendar/preferences": v.EventPreferences for verb in ("GET", "PUT", "PATCH")},
    **{f"{verb} /api/v1/events/{{id}}/reminders": v.EventReminders for verb in ("GET", "PUT", "DELETE")},
    "POST /api/v1/events/{id}/outputs": v.Event,
    "DELETE /api/v1/events/{id}/outputs/{output_id}": v.Event,
    "POST /api/v1/events/{id}/attendance": v.Event,
    "POST /api/v1/events/{id}/follow_up": v.FollowUp,
    "GET /api/v1/opportunities": list[o.Opportunity],
    "GET /api/v1/opportunities/facets": o.OpportunityFacets,
    "POST /api/v1/opportunities": o.Opportunity,
    **{f"{verb} /api/v1/opportunities/{{id}}": o.Opportunity for verb in ("GET", "PUT", "PATCH")},
    **{f"POST /api/v1/opportunities/{{id}}/{verb}": o.Opportunity for verb in ("close", "reopen")},
    "GET /api/v1/opportunities/applications": list[o.ApplicationSummary],
    "GET /api/v1/opportunities/applications/{id}": o.Application,
    "POST /api/v1/opportunities/applications/{id}/review": o.Application,
    "POST /api/v1/opportunities/applications/{id}/decision": o.Application,
    "POST /api/v1/opportunities/{id}/apply": o.Application,
    "GET /api/v1/opportunities/{id}/application": o.Application,
    "POST /api/v1/opportunities/{id}/application/team": o.Application,
    "DELETE /api/v1/opportunities/{id}/application/team/{account_id}": o.Application,
    "GET /api/v1/opportunities/{id}/applications": list[o.Application],
    **{f"{verb} /api/v1/opportunities/{{id}}/reviewers": list[o.Reviewer] for verb in ("GET", "POST")},
    **{f"{verb} /api/v1/opportunities/{{id}}/decisions": o.Decisions for verb in ("GET", "PUT")},
    "POST /api/v1/opportunities/{id}/decisions/send": o.Sent,
    "GET /api/v1/resources/drafts": list[r.ResourceDraft],
    "POST /api/v1/resources/drafts": r.ResourceDraft,
    **{f"{verb} /api/v1/resources/drafts/{{id}}": r.ResourceDraft for verb in ("GET", "PUT", "PATCH")},
    "POST /api/v1/resources/import": r.ResourceImport,
    "GET /api/v1/resources": list[r.Resource],
    "GET /api/v1/vocabularies/{name}": list[Offer],
    "POST /api/v1/admin/vocabularies/{name}": Offer,
    "GET /api/v1/resources/facets": r.ResourceFacets,
    "POST /api/v1/resources": r.Resource,
    "POST /api/v1/resources/check": r.ResourceCheck,
    **{f"{verb} /api/v1/resources/{{id}}": r.Resource for verb in ("GET", "PUT", "PATCH")},
    "POST /api/v1/resources/{id}/withdraw": r.Resource,
    "GET /api/v1/resources/{id}/catalogues": r.ResourceCatalogues,
    "GET /api/v1/resources/{id}/versions": list[r.ResourceVersion],
    "POST /api/v1/resources/{id}/versions": r.Resource,
    "GET /api/v1/resources/{id}/versions/{number}": r.ResourceVersion,
    "GET /api/v1/resources/{id}/links": list[r.ResourceLink],
    "POST /api/v1/resources/{id}/adapt": r.ResourceDraft,
    "GET /api/v1/resources/{id}/adaptations": r.AdaptationTree,
    "POST /api/v1/resources/files": r.UnusedFile,
    "GET /api/v1/resources/files": list[r.UnusedFile],
    "POST /api/v1/resources/{id}/use": r.ResourceReport,
    "GET /api/v1/resources/{id}/uses": list[r.ResourceReport],
    "POST /api/v1/resources/{id}/reviews": r.ResourceReport,
    "GET /api/v1/resources/{id}/reviews": list[r.ResourceReport],
    "GET /api/v1/shelves": list[r.Shelf],
    "POST /api/v1/shelves": r.Shelf,
    **{f"{verb} /api/v1/shelves/{{id}}": r.Shelf for verb in ("GET", "PUT", "PATCH")},
    "GET /api/v1/shelves/{id}/items": list[r.ShelfItem],
    "PUT /api/v1/shelves/{id}/items": r.Shelf,
    **{f"{verb} /api/v1/shelves/{{id}}/items/{{resource_id}}": r.Shelf for verb in ("PUT", "DELETE")},
    **{f"POST /api/v1/shelves/{{id}}/{what}": r.Shelf for what in ("curators", "follow", "unfollow")},
    "GET /api/v2/filters": list[e.Filter],
    "POST /api/v2/filters": e.Filter,
    **{f"{verb} /api/v2/filters/{{id}}": e.Filter for verb in ("GET", "PUT", "PATCH")},
    "GET /api/v2/filters/{filter_id}/keywords": list[e.FilterKeyword],
    "POST /api/v2/filters/{filter_id}/keywords": e.FilterKeyword,
    **{f"{verb} /api/v2/filters/keywords/{{id}}": e.FilterKeyword for verb in ("GET", "PUT", "PATCH")},
    "GET /api/v2/filters/{filter_id}/statuses": list[e.FilterStatus],
    "POST /api/v2/filters/{filter_id}/statuses": e.FilterStatus,
    "GET /api/v2/filters/statuses/{id}": e.FilterStatus,
    "GET /api/v1/filters": list[e.SingleFilter],
    "POST /api/v1/filters": e.SingleFilter,
    **{f"{verb} /api/v1/filters/{{id}}": e.SingleFilter for verb in ("GET", "PUT", "PATCH")},
    "GET /api/v1/domain_blocks": list[str],
    "GET /api/v1/domain_blocks/preview": e.DomainBlockPreview,
    "GET /api/v1/admin/accounts": list[a.AdminAccount],
    "GET /api/v2/admin/accounts": list[a.AdminAccount],
    "GET /api/v1/admin/accounts/{id}": a.AdminAccount,
    "DELETE /api/v1/admin/accounts/{id}": a.AdminAccount,
    **{f"{verb} /api/v1/admin/accounts/{{id}}/group_creation": a.AdminAccount for verb in ("PUT", "DELETE")},
    "POST /api/v1/admin/accounts/{id}/action": a.Nothing,
    **{f"POST /api/v1/admin/accounts/{{id}}/{verb}": a.AdminAccount for verb in _DECISIONS},
    "GET /api/v1/admin/reports": list[a.AdminReport],
    "GET /api/v1/admin/reports/{id}": a.AdminReport,
    "PUT /api/v1/admin/reports/{id}": a.AdminReport,
    "PATCH /api/v1/admin/reports/{id}": a.AdminReport,
    **{f"POST /api/v1/admin/reports/{{id}}/{verb}": a.AdminReport for verb in _HANDLING},
    "GET /api/v1/admin/cases": list[a.AdminCase],
    "GET /api/v1/admin/cases/{id}": a.AdminCaseFile,
    **{f"POST /api/v1/admin/cases/{{id}}/{verb}": a.AdminCaseFile for verb in _OF_CASES},
    "POST /api/v1/admin/cases/{id}/notes": a.AdminNote,
    "DELETE /api/v1/admin/notes/{id}": a.Nothing,
    "GET /api/v1/admin/held_statuses": list[a.AdminHeldStatus],
    "POST /api/v1/admin/held_statuses/{id}/approve": a.PublishedStatus,
    "POST /api/v1/admin/held_statuses/{id}/reject": a.Nothing,
    "PUT /api/v1/admin/accounts/{id}/trust": a.AdminAccount,
    "GET /api/v1/admin/servers/{domain}": a.AdminServer,
    "GET /api/v1/admin/servers/{domain}/notes": list[a.AdminNote],
    "POST /api/v1/admin/servers/{domain}/notes": a.AdminNote,
    "GET /api/v1/admin/domain_lists": list[a.AdminDomainList],
    "POST /api/v1/admin/domain_lists": a.AdminDomainList,
    "POST /api/v1/admin/domain_lists/preview": list[a.AdminListedDomain],
    **{f"{verb} /api/v1/admin/domain_lists/{{id}}": a.AdminDomainList for verb in ("GET", "PUT", "PATCH")},
    "DELETE /api/v1/admin/domain_lists/{id}": a.Nothing,
    **{f"POST /api/v1/admin/domain_lists/{{id}}/{verb}": a.AdminDomainList for verb in _OF_LISTS},
    "POST /api/v1/admin/cases/preview": list[a.AdminPlan],
    "POST /api/v1/admin/cases/decide": list[a.AdminOutcome],
    "POST /api/v1/admin/strikes/{id}/undo": a.AdminCaseFile,
    "GET /api/v1/admin/joins": list[a.AdminJoin],
    "GET /api/v1/admin/invites": list[a.AdminInvite],
    "POST /api/v1/admin/invites": a.AdminInvite,
    **{f"{verb} /api/v1/admin/invites/{{id}}": a.AdminInvite for verb in ("GET", "DELETE")},
    "GET /api/v1/admin/appeals": list[a.AdminAppeal],
    "GET /api/v1/admin/appeals/{id}": a.AdminAppeal,
    **{f"POST /api/v1/admin/appeals/{{id}}/{verb}": a.AdminAppeal for verb in ("approve", "reject")},
    "POST /api/v1/admin/canonical_email_blocks/test": list[a.CanonicalEmailBlock],
    "GET /api/v1/admin/tags": list[a.AdminTag],
    "GET /api/v1/admin/tags/{id}": a.AdminTag,
    "PUT /api/v1/admin/tags/{id}": a.AdminTag,
    "PATCH /api/v1/admin/tags/{id}": a.AdminTag,
    "GET /api/v1/admin/trends/tags": list[a.AdminTag],
    "POST /api/v1/admin/trends/tags/{id}/approve": a.AdminTag,
    "POST /api/v1/admin/trends/tags/{id}/reject": a.AdminTag,
    "GET /api/v1/admin/trends/statuses": list[e.Status],
    "GET /api/v1/admin/trends/links": list[e.PreviewCard],
    "GET /api/v1/admin/trends/links/publishers": list[a.Publisher],
    "POST /api/v1/admin/measures": list[a.MeasureEntity],
    "POST /api/v1/admin/dimensions": list[a.DimensionEntity],
    "POST /api/v1/admin/retention": list[a.CohortEntity],
    **{f"GET /api/v1/admin/{name}": list[kind] for name, kind in _RULES.items()},  # type: ignore[valid-type]
    **{f"POST /api/v1/admin/{name}": kind for name, kind in _RULES.items()},
    **{f"GET /api/v1/admin/{name}/{{id}}": kind for name, kind in _RULES.items()},
    **{f"DELETE /api/v1/admin/{name}/{{id}}": a.Nothing for name in _RULES},
    **{
        f"{verb} /api/v1/admin/{name}/{{id}}": _RULES[name]
        for verb in ("PUT", "PATCH")
        for name in ("domain_blocks", "ip_blocks")
    },
    **{f"POST /api/v1/statuses/{{id}}/{action}": e.Status for action in _ACTIONS},
    **{f"POST /api/v1/accounts/{{id}}/{action}": e.Relationship for action in _RELATIONS},
}


# What is answered as text, by media type.
_TEXTS: Final = {
    "GET /api/v1/events/{id}.ics": ["text/calendar"],
    "GET /api/v1/opportunities/{id}/applications.csv": ["text/csv"],
    "GET /api/v1/resources/{id}/cite": sorted(one.media_type for one in citations.FORMATS.values()),
}


def document(origin: str = "/") -> dict[str, Any]:
    """The document; `origin` is where the server it describes is found."""
    routes = list(_described([*oauth.routes, *api_routes]))
    kinds = list(_ANSWERS.values())
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    answers = dict(zip(_ANSWERS, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for method, path, handler in routes:
        paths.setdefault(path, {})[method.lower()] = _operation(method, path, handler, answers)
    components["Error"] = {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {"type": "string"},
            "error_description": {"type": "string"},
            "details": {"type": "object"},
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "fedserver",
            "version": version("fedserver"),
            "summary": "Mastodon's client API, as far as this server has it.",
            "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        },
        "servers": [{"url": origin}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {
                    "type": "oauth2",
                    "flows": {
                        "authorizationCode": {
                            "authorizationUrl": "/oauth/authorize",
                            "tokenUrl": "/oauth/token",
                            "scopes": {
                                "read": "read everything",
                                "write": "write everything",
                                "push": "push",
                            },
                        }
                    },
                }
            },
        },
    }


def _described(routes: Iterable[web.RouteDef]) -> Iterable[tuple[str, str, Any]]:
    """Method, path and handler of those routes that are for client apps."""
    for route in routes:
        path = _PARAMETER.sub(r"{\1}", route.path)
        if route.method in _VERBS and path.startswith(("/api/", "/oauth/")):
            yield route.method, path, route.handler


def _asked(name: str) -> dict[str, Any]:
    """Of what type a parameter is; several values of one are ``topic=a&topic=b``."""
    one: dict[str, Any] = {"type": "integer" if name == "limit" else "string"}
    return {"type": "array", "items": one} if name in calendar.SEVERAL else one


def _operation(method: str, path: str, handler: Any, answers: dict[str, Any]) -> dict[str, Any]:
    answer = answers.get(f"{method} {path}", {})
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(path)
    ]
    listed = answer.get("type") == "array"
    if method == "GET" and listed:
        parameters += [
            {"name": name, "in": "query", "required": False, "schema": _asked(name)}
            for name in _ASKED.get(f"{method} {path}", _PAGED)
        ]
    done: dict[str, Any] = {"description": "Done.", "content": {"application/json": {"schema": answer}}}
    if f"{method} {path}" in _TEXTS:
        done["content"] = {one: {"schema": {"type": "string"}} for one in _TEXTS[f"{method} {path}"]}
    if listed:
        done["headers"] = {
            "Link": {"description": "The next and the previous page.", "schema": {"type": "string"}}
        }
    operation: dict[str, Any] = {
        "summary": _summary(handler) or f"{method} {path}",
        "tags": [path.split("/")[3] if path.startswith("/api/") and path.count("/") > 2 else "oauth"],
        "parameters": parameters,
        "responses": {
            "200": done,
            "default": {
                "description": "It could not be done.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
    }
    if method in ("POST", "PUT", "PATCH"):
        anything = {"schema": {"type": "object"}}
        operation["requestBody"] = {
            "content": {
                "application/json": anything,
                "application/x-www-form-urlencoded": anything,
                "multipart/form-data": anything,
            }
        }
    if not path.startswith(_PUBLIC):
        operation["security"] = [{"token": []}] if method != "GET" else [{"token": []}, {}]
    return operation


def _summary(handler: Any) -> str:
    """What the handler's docstring says after the route it is for."""
    text = (inspect.getdoc(handler) or "").partition("\n")[0]
    return text.partition("``: ")[2] if text.startswith("``") else text
