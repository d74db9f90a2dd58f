"""What all pages share: the member's surroundings, forms that are shown again with what was wrong, cursors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn

from aiohttp import hdrs, web

from fedserver import policies, profiles
from fedserver.errors import (
    Conflict,
    FedError,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    TooLarge,
    Unauthorized,
    Unreachable,
)
from fedserver.reading import Window
from fedserver.viewer import Member
from web import auth, forms, keys
from web.errors import status_of
from web.params import Params

CARDS_PER_PAGE: Final = 20
PEOPLE_PER_PAGE: Final = 40

# What a form can be told and shown again for; anything else becomes a page of its own.
MENDABLE: Final = (Invalid, Conflict, Forbidden, TooLarge, RateLimited, Unauthorized, Unreachable, NotFound)

# After a redirect the address says what was done, by a name of this list and never by text of the address.
DONE: Final[dict[str, str]] = {
    "saved": "Your changes are saved.",
    "posted": "Your post is published.",
    "deleted": "The post is deleted.",
    "scheduled": "Your post is scheduled.",
    "unscheduled": "The scheduled post is deleted.",
    "reported": "Thank you. The moderators will look at your report.",
    "password": "Your password is changed. Please sign in with the new one.",
    "new-password": "Your password is changed, and you are signed out everywhere else.",
    "mail-sent": "We have sent a link to the new address. It is used once you have opened that link.",
    "others-ended": "You are signed out everywhere else.",
    "ended": "That session has ended.",
    "new-addresses": "The old addresses have ended. These are new.",
    "revoked": "That app has no access any more.",
    "alias-added": "That account is named as yours. You can now start the move there.",
    "alias-removed": "That account is no longer named as yours.",
    "moved": "Your followers are asked to follow your new account.",
    "bringing-in": "It is being brought in. Load this page again to see how far it is.",
    "archive-read": "What can be brought in of the archive is listed below. Open each to see what would change, and begin it.",
    "stopped-import": "It is stopped. What has come stays.",
    "forgotten-import": "That file is forgotten. What has come of it stays.",
    "left": "Your account is deleted.",
    "signed-out": "You are signed out.",
    "followed": "You follow this account.",
    "requested": "Your request to follow is sent.",
    "blocked": "You block this account.",
    "muted": "You mute this account.",
    "left-collection": "You are not in this collection any more.",
    "held": "Your post waits: a moderator looks at it before it is published.",
    "held-published": "It is published in its author's name.",
    "held-refused": "It is not published, and its author hears of it by mail.",
    "held-gone": "It is deleted, and is not published.",
    "groups-granted": "From now on they may make groups.",
    "groups-withdrawn": "They may make no more groups. Those they have made stay.",
    "trust-given": "From now on they are trusted so far.",
    "link-made": "The link is made. Give it to whom you want to invite.",
    "filter-made": "The filter is made, and holds from now on.",
    "filter-removed": "The filter is deleted.",
    "filter-lets-out": "The filter does not name that post any more.",
    "link-revoked": "The link leads nowhere any more. Who came by it stays.",
    "let-in": "They are in, and hear of it by mail.",
    "appealed": "Your appeal is sent. You hear of the outcome by mail.",
    "refused": "They are refused, and what they entered is deleted.",
    "greeter-set": "It is kept who greets them.",
    "asked-back": "Your question is sent. The answer will stand at the request, and you hear of it by mail.",
    "refusal-forgotten": "It is not remembered any more that this address was refused.",
    "cleared": "Your notifications are cleared.",
    "let-through": "Their notifications are shown now, and from now on.",
    "name-given": "The name is yours. What was written under it comes over in a moment.",
    "name-mailed": "If this is the address in the archive, a link is on its way to it.",
    "name-waiting": "The owners of the group have been asked.",
    "import-begun": "The archive is being brought in. Load this page again to see how far it is.",
    "claim-decided": "Your decision is kept.",
    "dropped": "What was held back of them is removed.",
    "answered": "Your answer is kept.",
    "written": "Those who came are being written to.",
    "announced": "Your event is announced.",
    "subscribed-calendar": "The calendar is read in a moment. Load this page again to see what came of it.",
    "opportunity-posted": "Your opportunity is on the board.",
    "opportunity-deleted": "The opportunity is deleted.",
    "applied": "Your application is sent.",
    "application-kept": "Your draft is kept. Nobody sees it before you send it.",
    "application-withdrawn": "You have taken your application back.",
    "reviewed": "Your review is kept.",
    "conflict-declared": "Your conflict of interest is noted. You see nothing of that application any more.",
    "decisions-told": "The mails are on their way.",
    "joined": "You are in. Welcome.",
    "asked": "Your request is sent. You hear of the answer by mail.",
    "left-group": "You do not belong to that group any more.",
    "group-made": "Your group is made. Write its charter, invite people, or begin the first discussion.",
    "admitted": "They are in, and hear of it by mail.",
    "not-admitted": "They are refused, and hear of it by mail.",
    "invited": "They are invited, and hear of it by mail.",
    "put-out": "They do not belong to the group any more.",
    "banned": "They are kept out.",
    "moved-thread": "The discussion is moved.",
    "merged": "The discussions are merged.",
    "split": "The reply is a discussion of its own now.",
    "removed": "The post is removed.",
    "resolved": "The report is settled.",
    "discarded": "The draft is thrown away.",
    "draft-kept": "The draft is kept. Only you can see it.",
    "resource-published": "Your resource is in the library.",
    "resource-withdrawn": "The resource is withdrawn. Its page says so, and why.",
    "resource-deleted": "The resource is deleted, with its versions and files.",
    "brought-in": "It is read, and kept as this draft. Only you can see it.",
    "adapt-begun": "This draft has all that the other says. Change what is different now, then publish it.",
    "use-told": "Thank you for telling. Its author hears of it.",
    "review-told": "Thank you for your review. Its author hears of it.",
    "shelved": "It is on the shelf.",
    "shelf-made": "Your shelf is made. Put resources on it from their pages.",
    "shelf-deleted": "The shelf is deleted. What was on it stays in the library.",
    "taken-off": "It is not on the shelf any more.",
    "followed-shelf": "You follow this shelf, and hear of what is put on it.",
    "unfollowed-shelf": "You do not follow this shelf any more.",
    "handed-over": "Your colleague has the case in hand now.",
    "forwarded": "Their server is told, in the name of this one.",
    "reopened": "The report waits again.",
    "noted": "Your note is kept. Only those who moderate see it.",
    "claimed": "You have this case in hand.",
    "released": "Nobody has this case in hand now.",
    "decided": "It is done. What you did is in the log.",
    "all-decided": "It is done for each of them. What you did is in the log.",
    "taken-back": "That decision is taken back.",
    "erasing": "What is left of the account is being erased.",
    "preset-gone": "That text is gone. What was sent with it stays as it was.",
    "handed-up": "The moderators of the server have been told.",
    "upheld": "The decision is taken back, and its member hears of it by mail.",
    "rejected-appeal": "The decision stays, and its member hears of it by mail.",
    "again": "It is being tried again.",
    "forgotten": "It is forgotten.",
    "pruning": "It has begun, in small steps. Load this page again to see what went.",
    "counting": "The numbers are being counted. Load this page again in a moment.",
    "partner-offered": "The offer is on its way. You are partners once they accept.",
    "partner-accepted": "You are partners now.",
    "partner-declined": "The offer is declined.",
    "partner-ended": "You are partners no longer, or the offer is taken back.",
    "rule-kept": "The rule holds. What it hides, it hides now.",
    "rule-added": "The rule holds from now on.",
    "rule-gone": "No rule stands for it any more.",
    "trend-allowed": "It may be among what is talked about.",
    "trend-rejected": "It is not among what is talked about any more, in a moment.",
    "list-followed": "The rules of the list hold now.",
    "list-left": "Lists leave these domains alone from now on.",
    "list-read": "The list was read.",
    "list-believed": "The list counts as it is now.",
    "list-paused": "The list is not read for now. Its rules stay.",
    "list-ended": "The list is followed no more.",
    "second-factor-first": "Here one signs in with a second factor. Please set one up; then you can go on.",
    "step-over": "Please sign in again: the time for the second step is over.",
    "second-factor-gone": "It is removed.",
    "passkey-added": "Your passkey is added. You can sign in with it.",
    "signed-out-there": "They are signed out everywhere, apps included.",
    "factors-removed": "They sign in with their password alone now, and hear of it by mail.",
    "role-given": "They have the role now, and hear of it by mail.",
    "spam-marked": "You have marked the post as spam. It is hidden when others who are trusted agree.",
    "spam-held": "The post is hidden until a moderator has looked at it.",
    "spam-unmarked": "Your mark is taken back.",
    "step-ticked": "It is kept what you did for them.",
    "step-unticked": "It is still to be done.",
    "steps-hidden": "Your first steps are not shown any more.",
    "mail-drafted": "The draft is kept. Nobody gets it before you use these words.",
    "mail-worded": "From now on this mail goes out in these words.",
    "mail-built-in": "The built-in text goes out again.",
    "version-out": "The new version is out. Those who use the resource hear of it.",
}


async def show(
    request: web.Request,
    template: str,
    /,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> web.Response:
    """The page, with what surrounds it for a member."""
    viewer = request[keys.VIEWER]
    if isinstance(viewer, Member):
        server = keys.server(request)
        context.setdefault("me", await profiles.shell(server, viewer))
        context.setdefault("to_agree", await policies.asked_of(server, viewer))
    context.setdefault("done", DONE.get(request.query.get("done", "")))
    return request.app[keys.PAGES].render(request, template, status=status, headers=headers, **context)


async def show_again(
    request: web.Request,
    template: str,
    error: FedError,
    names: Mapping[str, str] | None = None,
    sentences: Mapping[str, str] | None = None,
    **context: Any,
) -> web.Response:
    """A form again, with what was wrong beside each field; `names` leads from a name of the error to a field. What
    a form says itself, `sentences` by field, takes the place of all that."""
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, RateLimited) else None
    status, told = told_of(error, names or {})
    problems = told if sentences is None else sentences
    return await show(request, template, status=status, headers=headers, problems=problems, **context)


def told_of(error: FedError, names: Mapping[str, str]) -> tuple[int, dict[str, str]]:
    """The status of a form that is shown again, and what was wrong (see `problems_of`)."""
    status = status_of(error)
    # 401 would ask a browser for credentials of HTTP; this is a form that was not right.
    return 422 if status == 401 else status, problems_of(error, names)


def problems_of(error: FedError, names: Mapping[str, str]) -> dict[str, str]:
    """By field what is wrong, as sentences; under "" what belongs to no field."""
    if not isinstance(error, Invalid) or not error.fields:
        return {"": str(error).removeprefix("Validation failed: ")}
    return {
        names.get(field, field): sentence[:1].upper() + sentence[1:].removesuffix(".") + "."
        for field, sentence in error.fields.items()
    }


def go(location: str) -> web.Response:
    """Send the browser on with a GET, after a form was dealt with."""
    return web.Response(status=303, headers={hdrs.LOCATION: location})


def divert(location: str) -> NoReturn:
    """The same from within a step of a handler, which ends with it."""
    raise web.HTTPSeeOther(location)


def go_back(params: Params, default: str) -> web.Response:
    """Send the browser to the page the form was on, which it says in ``next``."""
    return go(forms.safe_next(params.text("next"), default))


def window(request: web.Request, limit: int = CARDS_PER_PAGE) -> Window:
    """The part of a list that the address asks for."""
    query = forms.query(request)
    return Window(limit=limit, max_id=query.id("max_id"), min_id=query.id("min_id"))


def member(request: web.Request) -> Member:
    """The member who is signed in; anybody else is sent to sign in."""
    return auth.member(request)
