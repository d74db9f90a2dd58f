"""Writing resources: new ones, drafts, changes, new versions; withdrawing and deleting. One form for all that is said."""

from __future__ import annotations

import secrets
from typing import Any, Final

from aiohttp import web

from fedserver import editions
from fedserver.errors import FedError, Invalid
from fedserver.groups import pages as group_pages
from fedserver.resources import catalogue, checking, pages, publishing, vocabulary
from fedserver.resources.catalogue import Wanted
from fedserver.resources.pages import DraftView
from fedserver.resources.records import Described
from fedserver.resources.terms import SKILLS
from fedserver.resources.vocabulary import LOCAL
from fedserver.viewer import Member
from web import forms, keys
from web.pages import page
from web.pages.resources import written as form
from web.pages.resources.written import Written

RESOURCE: Final = "/resources/{id:[0-9]{1,19}}"
DRAFT: Final = "/resources/drafts/{id:[0-9]{1,19}}"
PLACES: Final = ("public", "unlisted", "members")
TEMPLATE: Final = "resource/write.html"
TERMS_PROPOSED: Final = 40
# By what the form calls them: the facet, and this server's own vocabulary.
_TERMS: Final = {"topics": ("topic", LOCAL), "skills": ("skill", SKILLS)}


# -- new ones and drafts


async def ask_new(request: web.Request) -> web.StreamResponse:
    """The form for a new resource."""
    member = page.member(request)
    preferred = await editions.defaults(keys.server(request), member)
    place = preferred.visibility if preferred.visibility in PLACES else "public"
    wanted = request.query.get("group", "")
    written = form.blank(
        language=preferred.language,
        place=f"group:{wanted}" if wanted.isdecimal() else place,
        key=secrets.token_urlsafe(12),
    )
    return await _show(request, await form.with_files(request, member, written, ()))


async def new(request: web.Request) -> web.StreamResponse:
    """Publish it, or keep it as a draft, or show how it would look."""
    return await _write(request, None)


async def listed_drafts(request: web.Request) -> web.StreamResponse:
    """What the member has begun, imported or adapted, and not published."""
    member = page.member(request)
    rows = await publishing.drafts(keys.server(request), member)
    found = [(row.id, publishing.draft_described(row), row.updated_at) for row in rows]
    return await page.show(
        request,
        "resource/drafts.html",
        drafts=[
            (draft_id, said, at, len(checking.problems_of(said)), f"/resources/drafts/{draft_id}")
            for draft_id, said, at in found
        ],
    )


async def ask_draft(request: web.Request) -> web.StreamResponse:
    """A draft, to go on with."""
    server, member, draft_id = keys.server(request), page.member(request), forms.path_id(request)
    view = await pages.draft(server, member, draft_id)
    written = form.of_draft(view).with_texts(key=secrets.token_urlsafe(12))
    written = await form.with_files(request, member, written, view.beside.file_ids)
    return await _show(request, written, draft=view)


async def draft(request: web.Request) -> web.StreamResponse:
    """Publish the draft, or keep it as it is now, or show how it would look."""
    server, member, draft_id = keys.server(request), page.member(request), forms.path_id(request)
    return await _write(request, await pages.draft(server, member, draft_id))


async def discard(request: web.Request) -> web.StreamResponse:
    """Throw a draft away."""
    member = page.member(request)
    await publishing.delete_draft(keys.server(request), member, forms.path_id(request))
    return page.go("/resources/drafts?done=discarded")


async def _write(request: web.Request, view: DraftView | None) -> web.StreamResponse:
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    written, asked = form.read(params), form.asked(params)
    try:
        written = await form.with_uploads(request, member, params, written)
        if asked["do"] == "more" and asked["name"]:
            return await _show(request, written.with_more(asked["name"]), draft=view)
        if asked["do"] == "keep":
            said = form.described_of(written)
            draft_id = await publishing.keep_draft(
                server, member, said, draft_id=view.id if view else None, beside=form.beside_of(written)
            )
            return page.go(f"/resources/drafts/{draft_id}?done=draft-kept")
        said = _checked(written)
        warnings = checking.licence_warnings(said)
        if asked["do"] != "publish" or (warnings and not params.flag("despite")):
            return await _preview(request, written, said, warnings, draft=view)
        visibility, group_id = _place(written)
        post_id = await publishing.publish(
            server,
            member,
            said,
            visibility=visibility,
            group_id=group_id,
            version=form.version_of(written),
            draft_id=view.id if view else None,
            idempotency_key=f"page:{written.texts['key'][:64]}" if written.texts["key"] else None,
        )
    except page.MENDABLE as error:
        written = error.written if isinstance(error, form.Unkept) else written
        return await _show_again(request, error, written, draft=view)
    return page.go(f"/resources/{post_id}?done=resource-published")


def _checked(written: Written) -> Described:
    """What is said, if it may be published: every sentence at once. Raises Invalid."""
    problems: dict[str, str] = {}
    try:
        form.check(written)
    except Invalid as error:
        problems.update(error.fields)
    said = form.described_of(written)
    problems = {**checking.problems_of(said), **problems}
    if problems:
        raise Invalid(problems)
    return checking.checked(said)


def _place(written: Written) -> tuple[str, int | None]:
    """Who may see it: a visibility, and the group it goes into."""
    word, _, group_id = written.texts["place"].partition(":")
    if word == "group" and group_id.isdecimal():
        return "public", forms.row_id(group_id)
    return word or "public", None


# -- changing what is published


async def ask_change(request: web.Request) -> web.StreamResponse:
    """The form with what is said now."""
    member = page.member(request)
    own = await pages.own(keys.server(request), member, forms.path_id(request))
    return await _show(request, form.of_described(own.described), own=own)


async def change(request: web.Request) -> web.StreamResponse:
    """Say something else."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    post_id = forms.path_id(request)
    own = await pages.own(server, member, post_id)
    written, asked = form.read(params), form.asked(params)
    try:
        if asked["do"] == "more" and asked["name"]:
            return await _show(request, written.with_more(asked["name"]), own=own)
        said = _checked(written)
        warnings = checking.licence_warnings(said)
        new_ones = set(warnings) - set(checking.licence_warnings(own.described))
        if asked["do"] != "publish" or (new_ones and not params.flag("despite")):
            return await _preview(request, written, said, warnings, own=own)
        await publishing.change(server, member, post_id, said)
    except page.MENDABLE as error:
        return await _show_again(request, error, written, own=own)
    return page.go(f"{own.card.path}?done=saved")


async def ask_version(request: web.Request) -> web.StreamResponse:
    """The form for a new version."""
    member = page.member(request)
    own = await pages.own(keys.server(request), member, forms.path_id(request))
    written = form.blank(number=own.next_number)
    return await page.show(request, "resource/version.html", problems={}, own=own, **form.around(written))


async def version(request: web.Request) -> web.StreamResponse:
    """Bring the version out."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    post_id = forms.path_id(request)
    own = await pages.own(server, member, post_id)
    written, asked = form.read(params), form.asked(params)
    try:
        written = await form.with_uploads(request, member, params, written)
        if asked["do"] == "more" and asked["name"]:
            context = form.around(written.with_more(asked["name"]))
            return await page.show(request, "resource/version.html", problems={}, own=own, **context)
        if not written.texts["number"].strip():
            raise Invalid({"number": "cannot be empty"})
        form.check(written)
        await publishing.bring_out(server, member, post_id, form.version_of(written))
    except page.MENDABLE as error:
        written = error.written if isinstance(error, form.Unkept) else written
        problems = form.problems_of(written, error)
        problems = {("version_doi" if name == "doi" else name): text for name, text in problems.items()}
        return await page.show_again(
            request, "resource/version.html", error, own=own, sentences=problems, **form.around(written)
        )
    return page.go(f"{own.card.path}?done=version-out#versions")


# -- withdrawing and deleting


async def ask_withdraw(request: web.Request) -> web.StreamResponse:
    """Make sure that withdrawing is meant, and ask why."""
    member = page.member(request)
    own = await pages.own(keys.server(request), member, forms.path_id(request))
    return await page.show(request, "resource/withdraw.html", problems={}, own=own, reason="")


async def withdraw(request: web.Request) -> web.StreamResponse:
    """Say that nobody should use it any more."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    own = await pages.own(server, member, forms.path_id(request))
    reason = params.text("reason").replace("\r\n", "\n")
    try:
        await publishing.withdraw(server, member, own.card.id, reason)
    except page.MENDABLE as error:
        return await page.show_again(request, "resource/withdraw.html", error, own=own, reason=reason)
    return page.go(f"{own.card.path}?done=resource-withdrawn")


async def ask_delete(request: web.Request) -> web.StreamResponse:
    """Make sure that deleting is meant."""
    member = page.member(request)
    own = await pages.own(keys.server(request), member, forms.path_id(request))
    return await page.show(request, "resource/delete.html", own=own)


async def delete(request: web.Request) -> web.StreamResponse:
    """Delete it for good, with its versions and files."""
    member = page.member(request)
    await publishing.delete(keys.server(request), member, forms.path_id(request))
    return page.go("/resources?done=resource-deleted")


# -- the form


async def _show(
    request: web.Request,
    written: Written,
    *,
    draft: DraftView | None = None,
    own: pages.Own | None = None,
    **more: Any,
) -> web.StreamResponse:
    context = await _context(request, written, draft, own)
    return await page.show(request, TEMPLATE, **{"problems": {}, **context, **more})


async def _show_again(
    request: web.Request,
    error: FedError,
    written: Written,
    *,
    draft: DraftView | None = None,
    own: pages.Own | None = None,
) -> web.StreamResponse:
    context = await _context(request, written, draft, own)
    return await page.show_again(
        request, TEMPLATE, error, **context, sentences=form.problems_of(written, error)
    )


async def _preview(
    request: web.Request,
    written: Written,
    said: Described,
    warnings: list[str],
    *,
    draft: DraftView | None = None,
    own: pages.Own | None = None,
) -> web.StreamResponse:
    html = await pages.preview(keys.server(request), said.text)
    context = await _context(request, written, draft, own)
    return await page.show(
        request, TEMPLATE, problems={}, **{**context, "preview": (said, html), "warnings": warnings}
    )


async def _context(
    request: web.Request, written: Written, draft: DraftView | None, own: pages.Own | None
) -> dict[str, Any]:
    return {
        **form.around(written),
        "known_terms": await _known_terms(request),
        "draft": draft,
        "own": own,
        "address": request.path,
        "groups": await _groups(request, page.member(request)) if own is None else [],
        "preview": None,
        "warnings": [],
    }


async def _known_terms(request: web.Request) -> dict[str, list[str]]:
    """What the form proposes as topics and skills: words of this server's own vocabulary, and those used most."""
    server, member = keys.server(request), page.member(request)
    counted = await catalogue.count(
        server,
        member.account_id,
        Wanted(),
        facets=[facet for facet, _ in _TERMS.values()],
        limit=TERMS_PROPOSED,
    )
    found = {}
    for name, (facet, own) in _TERMS.items():
        offered = await vocabulary.suggestions(server, own, "", TERMS_PROPOSED)
        labels = [*(one.label for one in offered), *(one.label or one.value for one in counted.facets[facet])]
        found[name] = list(dict.fromkeys(labels))
    return found


async def _groups(request: web.Request, member: Member) -> list[tuple[int, str]]:
    """The groups that the member may publish into."""
    mine, _ = await group_pages.of_member(keys.server(request), member)
    return [(one.id, one.name) for one in mine if not one.archived]


routes = [
    web.get("/resources/new", ask_new),
    web.post("/resources/new", new),
    web.get("/resources/drafts", listed_drafts),
    web.get(DRAFT, ask_draft),
    web.post(DRAFT, draft),
    web.post(DRAFT + "/delete", discard),
    web.get(RESOURCE + "/edit", ask_change),
    web.post(RESOURCE + "/edit", change),
    web.get(RESOURCE + "/versions/new", ask_version),
    web.post(RESOURCE + "/versions/new", version),
    web.get(RESOURCE + "/withdraw", ask_withdraw),
    web.post(RESOURCE + "/withdraw", withdraw),
    web.get(RESOURCE + "/delete", ask_delete),
    web.post(RESOURCE + "/delete", delete),
]
