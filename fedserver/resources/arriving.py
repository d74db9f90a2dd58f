"""Resources of other servers, and what their people tell of the use of ours: read into the same rows as our own.

What does not fit our lists is left out, not refused: it is another server's catalogue. Units, called by
`fedserver.federation.remote_posts` once a post is stored.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import asdict, replace
from sqlalchemy import Connection

from activitypub.identifiers import host_of
from activitypub.vocabulary import Post, Report
from activitypub.vocabulary.resource import Version
from fedserver.content import markdown
from fedserver.content.text import clean_line, clean_text
from fedserver.fields import is_date
from fedserver.resources import checking, identifiers, keeping
from fedserver.resources.records import (
    LEVELS,
    STATUSES,
    TYPES,
    Described,
    Details,
    Person,
    Source,
    Topic,
    decode_details,
)
from storage import resource_reports, resources
from storage.posts import PostRow
from storage.resources import NewFile
from storage.signals import signal
from storage.types import now_ms

KINDS: Final = frozenset({"Page", "Article", "Document"})
VERSIONS_MAX: Final = 50
FILES_MAX: Final = 30
_NUMBER_CHARS: Final = 32


def kind_of(post: Post) -> str | None:
    """As what a post is kept that is more than its text; None for all others."""
    if post.resource is not None and post.kind in KINDS and post.name:
        return keeping.KIND
    return post.report.kind if post.report is not None and post.in_reply_to is not None else None


def abstract_of(post: Post) -> str:
    """What stands alone of a resource: what it says of itself, not the summary made for those who read nothing else."""
    assert post.resource is not None
    return clean_text(post.resource.abstract)[: checking.ABSTRACT_CHARS_MAX]


def put(conn: Connection, row: PostRow, post: Post) -> bool:
    """Keep what a stored post is as a resource; whether there is a version that was not known."""
    assert post.resource is not None
    host = host_of(row.uri) or ""
    known = resources.by_id(conn, row.id)
    reason = post.resource.withdrawn
    withdrawn_at = None if reason is None else now_ms() if known is None else known.withdrawn_at or now_ms()
    keeping.put(
        conn, row, _without_circles(conn, row, details_of(post)), _text_html(row, post), host=host, provider=host,
        withdrawn_at=withdrawn_at,
        withdrawal_reason=clean_text(reason or "")[:1_000],
    )  # fmt: skip
    return _put_versions(conn, row, post) and known is not None


def _without_circles(conn: Connection, row: PostRow, details: Details) -> Details:
    """Without what a resource cannot be made from: itself, and what is made from it."""
    own = (row.uri, row.url)
    kept = tuple(
        one
        for one in details.based_on
        if one.uri not in own and not resources.is_made_from(conn, one.uri, row.id, own)
    )
    return details if kept == details.based_on else replace(details, based_on=kept)


def changed(conn: Connection, row: PostRow, now: PostRow, post: Post) -> bool:
    """A known post says something else (`row` is it as it was): keep what it is as a resource, or tells of one. Whether there
    is a version that was not known."""
    if keeping.KINDS_OF_ANSWERS & {row.kind, now.kind}:
        put_report(conn, now, post.report)
    if now.kind == keeping.KIND:
        return put(conn, now, post)
    if row.kind == keeping.KIND:
        # It is in no catalogue from now on.
        keeping.forget(conn, row)
    return False


def differs(conn: Connection, row: PostRow, post: Post) -> bool:
    """Whether a known post says something else as a resource, or of the one it answers; its kind has not changed."""
    if row.kind in keeping.KINDS_OF_ANSWERS:
        return _reports_otherwise(conn, row, post)
    if row.kind != keeping.KIND:
        return False
    known = resources.by_id(conn, row.id)
    if known is None or post.resource is None:
        return (known is None) != (post.resource is None)
    return (
        decode_details(known.details) != _without_circles(conn, row, details_of(post))
        or _newest_of(post) not in ("", known.version)
        or (known.withdrawn_at is None) != (post.resource.withdrawn is None)
        or _has_other_versions(conn, row, post)
        or _has_other_files(conn, row, post)
    )


def details_of(post: Post) -> Details:
    """What the document says, as far as our own rules let it be kept."""
    assert post.resource is not None
    said = post.resource.details
    types = tuple(one for one in (word.lower().replace(" ", "-") for word in said.types) if one in TYPES)
    described = Described(
        **{
            **asdict(said),
            "types": types or (("other",) if said.types else ()),
            "level": said.level if said.level in LEVELS else "",
            "status": said.status if said.status in STATUSES else "active",
            "doi": identifiers.doi(said.doi) or "",
            "authors": tuple(map(_person, said.authors)),
            "contributors": tuple(map(_person, said.contributors)),
            "topics": tuple(map(_topic, said.topics)),
            "skills": tuple(map(_topic, said.skills)),
            "based_on": tuple(map(_source, said.based_on)),
            "funders": tuple(replace(one, ror=identifiers.ror(one.ror) or "") for one in said.funders),
            # The page of the post is no place where it lies outside of it.
            "url": said.url if said.url not in (post.url, post.id) else "",
            "title": "-",
            "abstract": "-",
        }
    )
    fitting = {name: _fitting(described, name) for name in checking.problems_of(described)}
    return checking.checked(replace(described, **fitting)).details()


def _fitting(described: Described, name: str) -> Any:
    """Of a field that our rules refuse, the parts that they take; of one without parts nothing."""
    values = getattr(described, name)
    if not isinstance(values, tuple):
        return getattr(_NOTHING, name)
    kept = [one for one in values if name not in checking.problems_of(replace(_NOTHING, **{name: (one,)}))]
    return tuple(kept[: _MOST.get(name, checking.LINES_MAX)])


_NOTHING: Final = Described(title="-", abstract="-")
_MOST: Final = {
    "types": checking.TYPES_MAX,
    "authors": checking.PEOPLE_MAX,
    "contributors": checking.PEOPLE_MAX,
    "topics": checking.TOPICS_MAX,
    "skills": checking.TOPICS_MAX,
    "based_on": checking.SOURCES_MAX,
}


def _person(said: Person) -> Person:
    return replace(
        said,
        orcid=identifiers.orcid(said.orcid) or "",
        ror=identifiers.ror(said.ror) or "",
        name=clean_line(said.name)[: checking.NAME_CHARS_MAX],
        affiliation=clean_line(said.affiliation)[: checking.NAME_CHARS_MAX],
        url=said.url if len(said.url) <= checking.ADDRESS_CHARS_MAX else "",
    )


def _topic(said: Topic) -> Topic:
    return replace(said, label=clean_line(said.label)[: checking.LABEL_CHARS_MAX])


def _source(said: Source) -> Source:
    known = "licence" not in checking.problems_of(replace(_NOTHING, licence=said.licence))
    title = clean_line(said.title)[: checking.TITLE_CHARS_MAX]
    return replace(said, title=title, licence=said.licence if known else "")


def _text_html(row: PostRow, post: Post) -> str:
    """The description alone, if its source came along; else all that the post says."""
    if post.source is not None and post.source_media_type == "text/markdown":
        if len(post.source) > checking.TEXT_CHARS_MAX:
            return str(row.content_html)
        return markdown.render_markdown(post.source, {}, lambda name: "").html
    return str(row.content_html)


def _put_versions(conn: Connection, row: PostRow, post: Post) -> bool:
    """Add the versions that are not known, the oldest first, and keep what is said of those that are, and the files of the
    newest; whether there was one. What is not listed any more stays: it was there."""
    known = {one.number: one for one in resources.versions(conn, row.id)}
    latest = max((one.created_at for one in known.values()), default=0)
    added = False
    for number, said in _said_of_versions(post).items():
        if number in known:
            if any(getattr(known[number], name) != value for name, value in said.items()):
                resources.change_version(conn, known[number].id, **said)
            continue
        # In the order in which they are listed, whatever their dates say.
        latest = max(_instant(post, number) or now_ms(), latest + 1)
        resources.add_version(conn, row.id, number, **said, created_at=latest)
        added = True
    newest = _newest_of(post)
    if newest:
        version = resources.version(conn, row.id, newest)
        assert version is not None
        resources.change(conn, row.id, version=newest)
        resources.put_links(conn, row.id, version.id, row.account_id, _links(post))
    return added


def _said_of_versions(post: Post) -> dict[str, dict[str, str]]:
    """By number, the oldest first, the columns of each version that hold what is said of it."""
    assert post.resource is not None
    return {
        number: {"notes": clean_text(one.notes)[:5_000], "doi": identifiers.doi(one.doi) or ""}
        for one in reversed(post.resource.versions[:VERSIONS_MAX])
        if (number := _number_of(one))
    }


def _has_other_versions(conn: Connection, row: PostRow, post: Post) -> bool:
    """Whether something else is said of its versions than is known."""
    known = {one.number: one for one in resources.versions(conn, row.id)}
    return any(
        number not in known or any(getattr(known[number], name) != value for name, value in said.items())
        for number, said in _said_of_versions(post).items()
    )


def _number_of(version: Version) -> str:
    return clean_line(version.number)[:_NUMBER_CHARS]


def _newest_of(post: Post) -> str:
    """The number of the version that the document says is the newest; "" if it tells of none."""
    assert post.resource is not None
    return _number_of(post.resource.versions[0]) if post.resource.versions else ""


def _has_other_files(conn: Connection, row: PostRow, post: Post) -> bool:
    """Whether the files of the newest version are others than those that are known of it."""
    version = resources.version(conn, row.id, _newest_of(post))
    if version is None:
        return False
    known = resources.files(conn, row.id).get(version.id, [])
    return [
        NewFile(one.name, one.url, one.media_type, one.file_bytes, one.sha256) for one in known
    ] != _links(post)


def _links(post: Post) -> list[NewFile]:
    assert post.resource is not None
    return [
        NewFile(clean_line(one.name)[:200] or one.url, one.url, one.media_type, one.size, one.sha256)
        for one in post.resource.files[:FILES_MAX]
        if len(one.url) <= checking.ADDRESS_CHARS_MAX
    ]


def _instant(post: Post, number: str) -> int | None:
    """When this version came out, as far as its document says so with a date that has been."""
    assert post.resource is not None
    issued = next((one.issued for one in post.resource.versions if _number_of(one) == number), "")
    try:
        found = checking.review_instant(issued)
    except ValueError:
        return None
    return None if found is None else min(found, now_ms())


def put_report(conn: Connection, row: PostRow, report: Report | None) -> None:
    """An answer that was stored tells of the use of what it answers, if that is a resource, or no longer does. Of several
    reviews of one version by one person the first counts; nobody reviews what is their own."""
    about = resources.by_id(conn, row.in_reply_to_id)
    if report is None or about is None:
        resource_reports.gone(conn, row.id)
        return
    columns = report_columns(report)
    if report.kind == "review":
        known = resource_reports.review_of(conn, about.id, row.account_id, columns["version"])
        if about.account_id == row.account_id or (known is not None and known.post_id != row.id):
            resource_reports.gone(conn, row.id)
            return
    resource_reports.put(conn, row.id, about.id, row.account_id, report.kind, **columns)
    signal(conn, "resource", str(about.id))


def _reports_otherwise(conn: Connection, row: PostRow, post: Post) -> bool:
    """Whether a known answer tells something else of what it answers."""
    known = resource_reports.by_posts(conn, [row.id]).get(row.id)
    if known is None or post.report is None:
        return known is not None
    said = report_columns(post.report)
    return any(getattr(known, name) != value for name, value in said.items())


def report_columns(report: Report) -> dict[str, Any]:
    """The columns of `resource_report` that hold what was said, as far as they can."""
    return {
        "version": clean_line(report.version)[:_NUMBER_CHARS],
        "used_in": clean_line(report.used_in)[:300],
        "changed": clean_text(report.changed)[:2_000],
        "worked": clean_text(report.worked)[:2_000],
        "used_on": _date_of(report.used_on),
        "rating": report.rating,
    }


def _date_of(text: str) -> str:
    kept = clean_line(text)[:10]
    return kept if is_date(kept, partial=True) else ""
