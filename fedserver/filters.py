"""Members filter what they read: words and single posts that they want a warning before, or not to see at all.

A filter is matched against the words of a post: its text without markup, title, content warning, choices of its
poll and descriptions of its media; a boost against those of what it boosts. Which of them an app then hides is
for the app to do, in the `contexts` of the filter; only notifications are withheld here.
"""

# Long because what can be made of filters and what matching them costs are bounded together.

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from fedserver import visibility
from fedserver.content.html import to_text
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.viewer import Member
from storage import filters, posts
from storage.cards import Batch, Card, Content, PostLine
from storage.filters import Filter, FilteredPost, Keyword
from storage.signals import signal
from storage.types import now_ms

__all__ = ["Filter", "FilteredPost", "Keyword"]

CONTEXTS: Final = ("home", "notifications", "public", "thread", "account")
ACTIONS: Final = ("warn", "hide", "blur")
TITLE_CHARACTERS_MAX: Final = 256
KEYWORD_CHARACTERS_MAX: Final = 512
FILTERS_MAX: Final = 200
KEYWORDS_MAX: Final = 500
KEYWORDS_OF_MEMBER_MAX: Final = 1_000  # all of them are looked for in every post that is shown
POSTS_MAX: Final = 1_000
EXPIRY_SECONDS_MAX: Final = 100 * 365 * 86_400
KNOWN_MAX: Final = 400
NEVER: Final = (1 << 63) - 1
TRIES_MAX: Final = 1_000  # to find a keyword that stands alone: a text can be made of ones that do not
_REST_OF_WORD: Final = re.compile(r"\w*")

T = TypeVar("T")


# -- matching


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """A filter, and what of it was found: keywords as typed, ids of posts it names. Each is itself alone, so that
    what is kept by it is found quickly."""

    filter: Filter
    keywords: tuple[str, ...]
    post_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Compiled:
    filter: Filter
    keywords: tuple[tuple[str, Keyword], ...]
    post_ids: frozenset[int]


class Filters:
    """The filters of one member, made ready for many posts."""

    __slots__ = ("_compiled", "_holds_until", "_known", "account_id")

    def __init__(self, account_id: int, found: Sequence[Filter]) -> None:
        self.account_id = account_id
        # Most posts are looked at more than once. The keys are the very texts that are kept with the posts.
        self._known: dict[tuple[str, tuple[int, ...]], tuple[Match, ...]] = {}
        self._compiled = [
            _Compiled(
                one,
                tuple((folded(keyword.keyword), keyword) for keyword in one.keywords),
                frozenset(named.post_id for named in one.posts),
            )
            for one in found
            if one.keywords or one.posts
        ]
        self._leave_out_expired(now_ms())

    def _leave_out_expired(self, now: int) -> None:
        self._compiled = [one for one in self._compiled if (one.filter.expires_at or NEVER) > now]
        self._holds_until = min((one.filter.expires_at or NEVER for one in self._compiled), default=NEVER)
        self._known.clear()

    def __bool__(self) -> bool:
        return bool(self._compiled)

    def matches(self, words: str, post_ids: tuple[int, ...]) -> tuple[Match, ...]:
        """What matches a post of these (folded) words, known under these ids: its own and that of a boost of it."""
        if self._holds_until != NEVER and (now := now_ms()) >= self._holds_until:
            self._leave_out_expired(now)
        found = self._known.get((words, post_ids))
        if found is None:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            found = self._known[words, post_ids] = tuple(self._matches(words, post_ids))
        return found

    def _matches(self, words: str, post_ids: tuple[int, ...]) -> Iterator[Match]:
        for one in self._compiled:
            keywords = tuple(
                keyword.keyword
                for text, keyword in one.keywords
                if text in words and (not keyword.whole_word or _has_word(words, text))
            )
            named = tuple(post_id for post_id in post_ids if post_id in one.post_ids)
            if keywords or named:
                yield Match(one.filter, keywords, named)

    def of_card(self, card: Card, batch: Batch) -> tuple[Match, ...]:
        """What matches a post that is shown; what one has written oneself is never filtered."""
        shown = card.original or card.post
        return self._of(shown, (shown.id,) if shown is card.post else (card.post.id, shown.id), batch)

    def of_quoted(self, line: PostLine, batch: Batch) -> tuple[Match, ...]:
        """The same of a post that is shown within another."""
        return self._of(line, (line.id,), batch)

    def _of(self, line: PostLine, post_ids: tuple[int, ...], batch: Batch) -> tuple[Match, ...]:
        if line.account_id == self.account_id:
            return ()
        words = _words_in(batch, line.id)
        return () if words is None else self.matches(words, post_ids)


def folded(text: str) -> str:
    """A text as it is compared: whatever its case, width and line breaks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words_of(content: Content) -> str:
    """The words of a post, folded, but for the choices of a poll."""
    row = content.row
    return folded(
        "\n".join(
            (row.title, row.summary, to_text(row.content_html), *(one.description for one in content.media))
        )
    )


def _words_in(batch: Batch, post_id: int) -> str | None:
    made = batch.post_bodies.get(post_id)
    content = batch.contents.get(post_id)
    if made is None and content is None:
        return None  # it went between two statements
    words = made.words if made is not None else words_of(content)  # type: ignore[arg-type]
    poll = batch.polls.get(post_id)
    return words if poll is None else f"{words}\n{folded(' '.join(one.title for one in poll.options))}"


def _has_word(words: str, keyword: str) -> bool:
    """Whether the keyword stands somewhere with no letter, mark, digit or joiner going on at its ends."""
    starts_word = _is_of_word(keyword[0])
    at = words.find(keyword)
    for _ in range(TRIES_MAX):
        if at < 0:
            break
        end = at + len(keyword)
        begins = at == 0 or not (starts_word and _is_of_word(words[at - 1]))
        if begins and (end == len(words) or not (_is_of_word(keyword[-1]) and _is_of_word(words[end]))):
            return True
        # Within this word none begins, so a long one is not gone through letter by letter.
        rest = _REST_OF_WORD.match(words, at + 1) if starts_word else None
        at = words.find(keyword, rest.end() if rest is not None else at + 1)
    return False


def _is_of_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M" or character == "_"


async def of_member(server: Server, account_id: int) -> Filters:
    """A member's filters, remembered until they change."""
    server.remembered.listen(server.bus)

    async def load() -> Filters:
        return Filters(account_id, await server.db.read(filters.of_account, account_id))

    found: Filters = await server.remembered.filters.get(account_id, load)
    return found


async def applied(server: Server, viewer_id: int | None, batch: Batch) -> Batch:
    """The batch, knowing what of it matches the viewer's filters (`Batch.filtered`)."""
    if viewer_id is None or not batch.cards:
        return batch
    return marked(await of_member(server, viewer_id), batch)


def marked(mine: Filters | None, batch: Batch) -> Batch:
    """The same with filters that are at hand: for units."""
    if mine:
        found: dict[int, tuple[Match, ...]] = {}
        for card in batch.cards:
            matches = mine.of_card(card, batch)
            if matches:
                found[card.post.id] = found[(card.original or card.post).id] = matches
        for quote in batch.quotes.values():
            if quote.quoted is not None and (matches := mine.of_quoted(quote.quoted, batch)):
                found.setdefault(quote.quoted.id, matches)
        batch.filtered = found
    return batch


def withholds(matches: Iterable[Match], context: str) -> bool:
    """Whether something that matches is not to be shown there at all."""
    return any(_is_by(one, "hide", context) for one in matches)


def warnings(matches: Iterable[Match], context: str) -> tuple[Filter, ...]:
    """Those filters that have something covered there."""
    return tuple(one.filter for one in matches if _is_by(one, "warn", context))


def blurs(matches: Iterable[Match], context: str) -> tuple[Filter, ...]:
    """Those filters that have the pictures of something covered there."""
    return tuple(one.filter for one in matches if _is_by(one, "blur", context))


def _is_by(match: Match, action: str, context: str) -> bool:
    return match.filter.action == action and context in match.filter.contexts


# -- what members do with them


@dataclass(frozen=True, slots=True)
class KeywordChange:
    """A keyword to add, or with an `id` to change or remove. None leaves as it is."""

    id: int | None = None
    keyword: str | None = None
    whole_word: bool | None = None
    remove: bool = False


@dataclass(frozen=True, slots=True)
class FilterChange:
    """What a filter is to be. None leaves as it is, and of a new one takes the default.

    `expires_at` counts only where `sets_expiry` says so, because None is never. `words` are all keywords that it is
    to have, with whether each is a whole word: what is not among them goes. They take the place of `keywords`.
    """

    title: str | None = None
    contexts: Sequence[str] | None = None
    action: str | None = None
    sets_expiry: bool = False
    expires_at: int | None = None
    keywords: Sequence[KeywordChange] = field(default=())
    words: Sequence[tuple[str, bool]] | None = None


def check(wanted: FilterChange) -> None:
    """Raise Invalid for what no filter can be, as far as that shows without what the member has already."""
    _checked(wanted, new=True)


async def listed(server: Server, member: Member) -> list[Filter]:
    """A member's filters, oldest first."""
    return await server.db.read(filters.of_account, member.account_id)


async def one(server: Server, member: Member, filter_id: int) -> Filter:
    """Raises NotFound."""
    return await server.db.read(_own, member.account_id, filter_id)


async def create(server: Server, member: Member, wanted: FilterChange) -> Filter:
    """Raises Invalid."""

    def unit(conn: Connection) -> Filter:
        columns = _checked(wanted, new=True)
        if filters.count(conn, member.account_id) >= FILTERS_MAX:
            raise Invalid({}, f"Validation failed: You can have {FILTERS_MAX} filters")
        filter_id = filters.add(conn, member.account_id, **columns)
        return _with_keywords(conn, member.account_id, filter_id, wanted)

    return await _changing(server, member, unit)


async def change(server: Server, member: Member, filter_id: int, wanted: FilterChange) -> Filter:
    """Raises Invalid, NotFound."""

    def unit(conn: Connection) -> Filter:
        _own(conn, member.account_id, filter_id)
        filters.change(conn, filter_id, _checked(wanted, new=False))
        return _with_keywords(conn, member.account_id, filter_id, wanted)

    return await _changing(server, member, unit)


async def remove(server: Server, member: Member, filter_id: int) -> None:
    """Raises NotFound."""

    def unit(conn: Connection) -> None:
        filters.remove(conn, _own(conn, member.account_id, filter_id).id)

    await _changing(server, member, unit)


async def keyword(server: Server, member: Member, keyword_id: int) -> Keyword:
    """Raises NotFound."""
    return await server.db.read(_own_keyword, member.account_id, keyword_id)


async def add_keyword(server: Server, member: Member, filter_id: int, wanted: KeywordChange) -> Keyword:
    """Raises Invalid, NotFound."""

    def unit(conn: Connection) -> Keyword:
        found = _own(conn, member.account_id, filter_id)
        added = _add_keyword(conn, found.id, len(found.keywords), wanted)
        _check_number(conn, member.account_id)
        return added

    return await _changing(server, member, unit)


async def change_keyword(server: Server, member: Member, keyword_id: int, wanted: KeywordChange) -> Keyword:
    """Raises Invalid, NotFound."""

    def unit(conn: Connection) -> Keyword:
        _change_keyword(conn, _own_keyword(conn, member.account_id, keyword_id), wanted)
        return _own_keyword(conn, member.account_id, keyword_id)

    return await _changing(server, member, unit)


async def remove_keyword(server: Server, member: Member, keyword_id: int) -> None:
    """Raises NotFound."""

    def unit(conn: Connection) -> None:
        filters.remove_keyword(conn, _own_keyword(conn, member.account_id, keyword_id).id)

    await _changing(server, member, unit)


async def filtered_post(server: Server, member: Member, row_id: int) -> FilteredPost:
    """Raises NotFound."""
    return await server.db.read(_own_post, member.account_id, row_id)


async def add_post(server: Server, member: Member, filter_id: int, post_id: int | None) -> FilteredPost:
    """Have a filter match one post. Raises NotFound, or Invalid for a post the member may not see or it has."""

    def unit(conn: Connection) -> FilteredPost:
        found = _own(conn, member.account_id, filter_id)
        row = posts.by_id(conn, post_id) if post_id is not None else None
        if row is None or not visibility.may_see(conn, row, member.account_id):
            raise Invalid({"status_id": "is invalid"}, "Validation failed: Status must exist")
        if any(one.post_id == row.id for one in found.posts):
            raise Invalid({"status_id": "is taken"}, "Validation failed: Status has already been taken")
        if len(found.posts) >= POSTS_MAX:
            raise Invalid({}, f"Validation failed: A filter can name {POSTS_MAX} posts")
        return filters.add_post(conn, found.id, row.id)

    return await _changing(server, member, unit)


async def remove_post(server: Server, member: Member, row_id: int) -> None:
    """Raises NotFound."""

    def unit(conn: Connection) -> None:
        filters.remove_post(conn, _own_post(conn, member.account_id, row_id).id)

    await _changing(server, member, unit)


# -- the older form, in which every keyword is a filter


async def change_single(
    server: Server, member: Member, keyword_id: int, wanted: FilterChange, word: KeywordChange
) -> tuple[Filter, Keyword]:
    """Change a keyword and, if it is alone there, its filter. Raises NotFound, Invalid where it is not alone."""

    def unit(conn: Connection) -> tuple[Filter, Keyword]:
        found = _own_keyword(conn, member.account_id, keyword_id)
        holder = _own(conn, member.account_id, found.filter_id)
        columns = _checked(wanted, new=False)
        differs = any(getattr(holder, name) != value for name, value in columns.items())
        if differs and len(holder.keywords) > 1:
            raise Invalid(
                {},
                "These parameters cannot be changed from this application because they apply to more than one "
                "filter keyword. Use a more recent application or the web interface.",
            )
        _change_keyword(conn, found, word)
        filters.change(conn, holder.id, columns)
        return _own(conn, member.account_id, holder.id), _own_keyword(conn, member.account_id, keyword_id)

    return await _changing(server, member, unit)


async def remove_single(server: Server, member: Member, keyword_id: int) -> None:
    """Remove a keyword, and its filter with the last one. Raises NotFound."""

    def unit(conn: Connection) -> None:
        found = _own_keyword(conn, member.account_id, keyword_id)
        holder = _own(conn, member.account_id, found.filter_id)
        if len(holder.keywords) > 1 or holder.posts:
            filters.remove_keyword(conn, keyword_id)
        else:
            filters.remove(conn, holder.id)

    await _changing(server, member, unit)


# -- steps


async def _changing(server: Server, member: Member, unit: Callable[[Connection], T]) -> T:
    account_id = member.account_id

    def telling(conn: Connection) -> T:
        result = unit(conn)
        signal(conn, "filters", str(account_id))  # for caches
        signal(conn, f"filters:{account_id}")  # for streams
        return result

    result = await server.db.write(telling)
    server.remembered.forget_filters(account_id)
    return result


def _own(conn: Connection, account_id: int, filter_id: int) -> Filter:
    found = filters.by_id(conn, account_id, filter_id)
    if found is None:
        raise NotFound("Record not found")
    return found


def _own_keyword(conn: Connection, account_id: int, keyword_id: int) -> Keyword:
    found = filters.keyword(conn, account_id, keyword_id)
    if found is None:
        raise NotFound("Record not found")
    return found


def _own_post(conn: Connection, account_id: int, row_id: int) -> FilteredPost:
    found = filters.filtered_post(conn, account_id, row_id)
    if found is None:
        raise NotFound("Record not found")
    return found


def _checked(wanted: FilterChange, *, new: bool) -> dict[str, Any]:
    """The columns to set. Raises Invalid."""
    columns: dict[str, Any] = {}
    problems: dict[str, str] = {}
    if wanted.title is not None or new:
        columns["title"] = title = (wanted.title or "").strip()
        if not title:
            problems["title"] = "can't be blank"
        elif len(title) > TITLE_CHARACTERS_MAX:
            problems["title"] = f"is too long (maximum is {TITLE_CHARACTERS_MAX} characters)"
    if wanted.contexts is not None or new:
        columns["contexts"] = contexts = tuple(dict.fromkeys(wanted.contexts or ()))
        if not contexts or any(one not in CONTEXTS for one in contexts):
            problems["context"] = "none or invalid context supplied"
    if wanted.action is not None or new:
        columns["action"] = wanted.action or "warn"
        if columns["action"] not in ACTIONS:
            problems["filter_action"] = "is not included in the list"
    if wanted.sets_expiry or new:
        columns["expires_at"] = wanted.expires_at
    if wanted.words is not None and len(set(wanted.words)) > KEYWORDS_MAX:
        problems["keywords"] = f"are too many: a filter can have {KEYWORDS_MAX}"
    _refuse(problems)
    return columns


def _refuse(problems: dict[str, str]) -> None:
    if problems:
        told = ", ".join(f"{name.replace('_', ' ').capitalize()} {text}" for name, text in problems.items())
        raise Invalid(problems, f"Validation failed: {told}")


def _with_keywords(conn: Connection, account_id: int, filter_id: int, wanted: FilterChange) -> Filter:
    found = _own(conn, account_id, filter_id)
    known = {one.id: one for one in found.keywords}
    steps = wanted.keywords if wanted.words is None else _steps(found, wanted.words)
    count = len(known)
    for one in steps:
        if one.id is None:
            if not one.remove:
                _add_keyword(conn, filter_id, count, one)
                count += 1
            continue
        if one.id not in known:
            raise NotFound("Record not found")
        if one.remove:
            filters.remove_keyword(conn, one.id)
            count -= 1
        else:
            _change_keyword(conn, known[one.id], one)
    if any(one.id is None for one in steps):
        _check_number(conn, account_id)
    return _own(conn, account_id, filter_id)


def _steps(found: Filter, words: Sequence[tuple[str, bool]]) -> list[KeywordChange]:
    """From the keywords a filter has to these; those it has already stay the rows that apps know."""
    wanted = dict.fromkeys(words)
    had = {(one.keyword, one.whole_word) for one in found.keywords}
    gone = [one.id for one in found.keywords if (one.keyword, one.whole_word) not in wanted]
    new = [word for word in wanted if word not in had]
    return [
        *(KeywordChange(id=one, remove=True) for one in gone),
        *(KeywordChange(keyword=text, whole_word=whole) for text, whole in new),
    ]


def _check_number(conn: Connection, account_id: int) -> None:
    """Raise Invalid if a member has more keywords by now than they can have."""
    if filters.count_keywords(conn, account_id) > KEYWORDS_OF_MEMBER_MAX:
        raise Invalid(
            {"keywords": f"are too many: all filters together can have {KEYWORDS_OF_MEMBER_MAX}"},
            f"Validation failed: All filters together can have {KEYWORDS_OF_MEMBER_MAX} keywords",
        )


def _add_keyword(conn: Connection, filter_id: int, count: int, wanted: KeywordChange) -> Keyword:
    if count >= KEYWORDS_MAX:
        raise Invalid({}, f"Validation failed: A filter can have {KEYWORDS_MAX} keywords")
    whole = True if wanted.whole_word is None else wanted.whole_word
    return filters.add_keyword(conn, filter_id, _usable(wanted.keyword or ""), whole_word=whole)


def _change_keyword(conn: Connection, found: Keyword, wanted: KeywordChange) -> None:
    columns: dict[str, Any] = {}
    if wanted.keyword is not None:
        columns["keyword"] = _usable(wanted.keyword)
    if wanted.whole_word is not None:
        columns["whole_word"] = wanted.whole_word
    filters.change_keyword(conn, found.id, **columns)


def _usable(text: str) -> str:
    if not folded(text):
        _refuse({"keyword": "can't be blank"})
    if len(text) > KEYWORD_CHARACTERS_MAX:
        _refuse({"keyword": f"is too long (maximum is {KEYWORD_CHARACTERS_MAX} characters)"})
    return text
