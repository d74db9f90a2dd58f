"""What is kept beside a post that is a resource, whoever wrote it and wherever: row, facets, sources, card.

Units. `fedserver.resources.publishing` calls them for members, `fedserver.resources.arriving` for other servers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection

from activitypub.identifiers import host_of
from activitypub.vocabulary.resource import Report
from fedserver import own_cards
from fedserver.content.links import keyword_tags
from fedserver.jobs.plan import plan
from fedserver.resources import saying
from fedserver.resources.checking import review_instant
from fedserver.resources.faces import harvesting
from fedserver.resources.identifiers import doi_address
from fedserver.resources.records import Details, Person, encode
from storage import previews, resource_links, resource_reports, resources
from storage.posts import PostRow
from storage.resource_reports import ReportRow
from storage.resources import Facet
from storage.signals import signal
from storage.types import now_ms
from storage.words import fold

KIND: Final = "resource"
KINDS_OF_ANSWERS: Final = frozenset({"use", "review"})
"""Of posts that tell of the use of a resource, or review it."""
HASHTAGS_MAX: Final = 20
LINKS_ASKED_AFTER_MS: Final = 600_000  # what was just published may still be on its way to where it will lie
_NOT_IN_TAGS: Final = re.compile(r"[^\w]+")


def put(
    conn: Connection,
    row: PostRow,
    details: Details,
    text_html: str,
    *,
    host: str,
    provider: str,
    **columns: Any,
) -> None:
    """Keep what `row` says as a resource. `host` is the server it comes from, `provider` what that is called; `columns` are
    further ones of the row beside the post."""
    resources.put(
        conn,
        row.id,
        details=encode(details).decode(),
        text_html=text_html,
        doi=details.doi,
        page_url=details.url,
        title_key=title_key(row.title),
        status=details.status,
        review_by_at=review_instant(details.review_by),
        changed_at=now_ms(),
        **columns,
    )
    resources.put_facets(conn, row.id, facets_of(details, row.language, host))
    resources.put_relations(
        conn,
        row.id,
        [
            {"uri": one.uri, "relation": one.relation, "title": one.title, "licence": one.licence}
            for one in details.based_on
        ],
    )
    resources.adopt_relations(conn, row.id, row.uri, row.url)
    if row.local:
        harvesting.look(conn, [row.id])
    card = saying.card(
        row.title, row.summary, details,
        url=row.url, language=row.language, provider=provider, published_at=row.created_at,
    )  # fmt: skip
    own_cards.show(conn, row, card)
    follow_links(conn, row.id)
    signal(conn, "resource", str(row.id))


def follow_links(conn: Connection, post_id: int) -> None:
    """Have asked from time to time where a resource of this server leads: its page, its DOI, files of its newest version that lie
    elsewhere. `fedserver.resources.links` asks."""
    row = resources.by_id(conn, post_id)
    if row is None or not row.local:
        return
    wanted = [row.page_url, doi_address(row.doi) if row.doi else ""]
    wanted += [
        one.url for one in resources.newest_files(conn, [post_id]).get(post_id, ()) if not one.store_key
    ]
    hosts = {url: host for url in wanted if url and (host := host_of(url)) is not None}
    resource_links.put(conn, post_id, hosts, now_ms() + LINKS_ASKED_AFTER_MS)


def gone(conn: Connection, row: PostRow) -> None:
    """A post is about to be deleted: what a resource was made from is adapted by one fewer, and its files go; what an answer
    told of its use or as a review counts no longer."""
    if row.kind == KIND:
        for target_id in resources.targets_of(conn, row.id):
            resources.add_to_counts(conn, target_id, adaptations=-1)
        harvesting.bury(conn, row.id)
        previews.put(conn, row.url, None)
        keys = resources.remove_files(conn, row.id)
        if keys:
            plan(conn, "delete_files", {"keys": keys})
        signal(conn, "resource", str(row.id))
    elif row.kind in KINDS_OF_ANSWERS:
        about = resource_reports.gone(conn, row.id)
        if about is not None:
            signal(conn, "resource", str(about))


def forget(conn: Connection, row: PostRow) -> None:
    """A post is no resource any more: it goes from the library, and stays a post."""
    gone(conn, row)
    previews.show(conn, row.id, None)
    resources.remove(conn, row.id)


def answer_says(conn: Connection, row: PostRow, html: str) -> dict[str, Any]:
    """What an answer that tells of a use, or reviews, says once its text is edited like that of any other post: the rest of
    what it tells stays."""
    report = resource_reports.by_posts(conn, [row.id]).get(row.id)
    about = resources.by_id(conn, report.resource_id) if report is not None else None
    if report is None or about is None:
        return {"kind": row.kind}
    said = saying.report_html(report_of(report), html, title=about.title, url=about.url or about.uri)
    return {"kind": row.kind, "content_html": said}


def report_of(row: ReportRow) -> Report:
    """What an answer tells, out of its row."""
    return Report(
        kind=row.kind,
        version=row.version,
        used_in=row.used_in,
        changed=row.changed,
        worked=row.worked,
        used_on=row.used_on,
        rating=row.rating,
    )


def report_columns(report: Report) -> dict[str, Any]:
    """The columns of `resource_report` that hold what was said."""
    return {name: getattr(report, name) for name in Report.__struct_fields__ if name != "kind"}


def facets_of(details: Details, language: str, host: str) -> Iterator[Facet]:
    """By what a resource can be found."""
    for word in details.types:
        yield Facet("type", word)
    yield Facet("level", details.level)
    yield Facet("licence", details.licence)
    yield Facet("language", language.partition("-")[0])
    yield Facet("instance", host)
    for topic in details.topics:
        yield Facet("topic", topic.uri or fold(topic.label), topic.label)
    for skill in details.skills:
        yield Facet("skill", skill.uri or fold(skill.label), skill.label)
    for word in details.audience:
        yield Facet("audience", fold(word), word)
    for person in details.authors:
        yield Facet("author", author_key(person), person.name)


def author_key(person: Person) -> str:
    """By what the works of one person are found together: the ORCID, or else the name as it is written."""
    return person.orcid or fold(person.name)


def hashtags_of(details: Details) -> dict[str, str]:
    """Keywords and topics as hashtags, key to name: ``data management`` is ``#DataManagement``."""
    found = keyword_tags((*details.keywords, *(one.label for one in details.topics)))
    return dict(list(found.items())[:HASHTAGS_MAX])


def title_key(title: str) -> str:
    """A title without case, marks and punctuation, by which doubles are noticed."""
    return " ".join(_NOT_IN_TAGS.split(fold(title))).strip()
