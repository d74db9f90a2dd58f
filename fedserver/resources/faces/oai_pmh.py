"""The Open Archives Initiative's protocol for metadata harvesting, version 2.0: what is asked, and what is answered.

http://www.openarchives.org/OAI/openarchivesprotocol.html. The identifier of a record is the resource's own address. Tokens
say all that a list needs to go on, so nothing is kept for a harvester: a list goes by the instant of the last change, and
what changes meanwhile comes again at its end. No I/O but units of a Connection.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple
from xml.etree import ElementTree as ET

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from fedserver.content.xml import add, as_bytes, located
from fedserver.context import Server
from fedserver.resources.faces import datacite, dublin_core
from fedserver.resources.faces.entry import Entry, entries
from fedserver.resources.faces.harvesting import TOPS
from fedserver.settings import InstanceSettings
from storage import catalogues, harvesting
from storage.harvesting import RecordRow, Selected, Set
from storage.types import HOUR_MS, now_ms

NAMESPACE: Final = "http://www.openarchives.org/OAI/2.0/"
SCHEMA: Final = "http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd"
RECORDS_MAX: Final = 100
SETS_MAX: Final = 500
TOKEN_CHARS_MAX: Final = 1_000
TOKEN_HOURS: Final = 48
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_SECOND: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_SET_SPEC: Final = re.compile(r"[A-Za-z0-9\-_.!~*'()]+(?::[A-Za-z0-9\-_.!~*'()]+)*")


class Format(NamedTuple):
    """A metadata format: its prefix, schema and namespace, and what adds it to an element."""

    prefix: str
    schema: str
    namespace: str
    record: Callable[[Entry, ET.Element], None]


FORMATS: Final = {
    one.PREFIX: Format(one.PREFIX, one.SCHEMA, one.NAMESPACE, one.record) for one in (dublin_core, datacite)
}


class OaiError(Exception):
    """An error of the protocol, by its code (§3.6), with a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class _Token(Struct, frozen=True, array_like=True):
    """Where a list goes on: everything that was asked, behind which record, how many have been given and how many there
    were, and when the token was made (hours since 1970)."""

    verb: str
    prefix: str = ""
    spec: str = ""
    from_at: int | None = None
    before_at: int | None = None
    changed_at: int = 0
    post_id: int = 0
    after_spec: str = ""
    given: int = 0
    total: int = 0
    hour: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is right in form: its verb and arguments."""

    verb: str
    arguments: Mapping[str, str] = field(default_factory=dict)


# Which arguments a verb takes (§4): required, optional; what takes a token takes nothing else beside it.
_ARGUMENTS: Final[Mapping[str, tuple[frozenset[str], frozenset[str], bool]]] = {
    "Identify": (frozenset(), frozenset(), False),
    "ListMetadataFormats": (frozenset(), frozenset({"identifier"}), False),
    "ListSets": (frozenset(), frozenset(), True),
    "ListIdentifiers": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set"}), True),
    "ListRecords": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set"}), True),
    "GetRecord": (frozenset({"identifier", "metadataPrefix"}), frozenset(), False),
}


async def answer(server: Server, site: InstanceSettings, pairs: Sequence[tuple[str, str]]) -> bytes:
    """The XML that answers a request with these arguments, in the order in which they were sent."""
    base = f"{server.config.origin}/oai-pmh"
    try:
        asked = _asked(pairs)
    except OaiError as error:
        # §3.2: a request that cannot be read is not repeated.
        return _document(base, {}, error)
    said = {"verb": asked.verb, **asked.arguments}
    answering = _Answering(server, site, base, asked)
    try:
        body = await server.db.read(answering.body)
    except OaiError as error:
        return _document(base, {} if error.code in ("badVerb", "badArgument") else said, error)
    return _document(base, said, body)


def _asked(pairs: Sequence[tuple[str, str]]) -> Asked:
    names = [name for name, _ in pairs]
    verbs = [value for name, value in pairs if name == "verb"]
    if len(verbs) != 1 or verbs[0] not in _ARGUMENTS:
        known = ", ".join(_ARGUMENTS)
        raise OaiError("badVerb", f"Exactly one verb is needed, one of {known}.")
    required, optional, lists = _ARGUMENTS[verbs[0]]
    arguments = {name: value for name, value in pairs if name != "verb"}
    allowed = required | optional | ({"resumptionToken"} if lists else set())
    for name in arguments:
        if name not in allowed:
            raise OaiError("badArgument", f"{verbs[0]} takes no argument {name!r}.")
        if names.count(name) > 1:
            raise OaiError("badArgument", f"{name} is there more than once.")
    if "resumptionToken" in arguments:
        if len(arguments) > 1:
            raise OaiError("badArgument", "A resumptionToken stands alone.")
    elif missing := sorted(required - set(arguments)):
        raise OaiError("badArgument", f"{verbs[0]} needs {' and '.join(missing)}.")
    return Asked(verbs[0], arguments)


class _Answering:
    """One answer while it is made, within a transaction."""

    def __init__(self, server: Server, site: InstanceSettings, base: str, asked: Asked) -> None:
        self._server, self._site, self._base = server, site, base
        self._verb, self._arguments = asked.verb, asked.arguments

    def body(self, conn: Connection) -> ET.Element:
        """The element of the verb. Raises OaiError."""
        element = ET.Element(self._verb)
        match self._verb:
            case "Identify":
                self._identify(conn, element)
            case "ListMetadataFormats":
                self._formats(conn, element)
            case "ListSets":
                self._sets(conn, element)
            case "GetRecord":
                self._record(conn, element)
            case _:
                self._list(conn, element)
        return element

    def _identify(self, conn: Connection, element: ET.Element) -> None:
        earliest = harvesting.earliest(conn)
        host = self._server.config.domain.partition(":")[0]
        for name, text in (
            ("repositoryName", self._site.title),
            ("baseURL", self._base),
            ("protocolVersion", "2.0"),
            ("adminEmail", self._site.contact_email or f"postmaster@{host}"),
            ("earliestDatestamp", _stamp(now_ms() if earliest is None else earliest)),
            ("deletedRecord", "persistent"),
            ("granularity", "YYYY-MM-DDThh:mm:ssZ"),
        ):
            add(element, name, text)

    def _formats(self, conn: Connection, element: ET.Element) -> None:
        if "identifier" in self._arguments:
            self._known(conn)
        for one in FORMATS.values():
            shown = add(element, "metadataFormat")
            add(shown, "metadataPrefix", one.prefix)
            add(shown, "schema", one.schema)
            add(shown, "metadataNamespace", one.namespace)

    def _sets(self, conn: Connection, element: ET.Element) -> None:
        token = self._token()
        tops = [] if token.given else [Set(spec, name) for spec, name in TOPS.items()]
        found = harvesting.sets(conn, token.after_spec, SETS_MAX + 1)
        for one in (*tops, *found[:SETS_MAX]):
            shown = add(element, "set")
            add(shown, "setSpec", one.spec)
            add(shown, "setName", one.name)
        given = token.given + len(found[:SETS_MAX])
        if len(found) > SETS_MAX:
            self._more(element, token, _Token("ListSets", after_spec=found[SETS_MAX - 1].spec, given=given))
        elif token.given:
            self._no_more(element, token)

    def _record(self, conn: Connection, element: ET.Element) -> None:
        kind = self._format(self._arguments["metadataPrefix"])
        self._write(conn, element, [self._known(conn)], kind)

    def _known(self, conn: Connection) -> RecordRow:
        row = harvesting.record(conn, self._arguments["identifier"])
        if row is None:
            raise OaiError("idDoesNotExist", "There is no record with this identifier.")
        return row

    def _list(self, conn: Connection, element: ET.Element) -> None:
        token = self._token()
        kind = self._format(token.prefix)
        after = (token.changed_at, token.post_id) if token.given else None
        wanted = Selected(token.from_at, token.before_at, token.spec, after)
        rows = harvesting.records(conn, wanted, RECORDS_MAX + 1)
        shown = rows[:RECORDS_MAX]
        if not rows and not token.given:
            raise OaiError("noRecordsMatch", "No record fits these arguments.")
        self._write(conn, element, shown, kind)
        if len(rows) > RECORDS_MAX:
            total = token.total or harvesting.count(conn, wanted)
            last, given = shown[-1], token.given + len(shown)
            next_ = msgspec.structs.replace(
                token, changed_at=last.changed_at, post_id=last.post_id, given=given, total=max(total, given)
            )
            self._more(element, token, next_)
        elif token.given:
            self._no_more(element, token)

    def _write(self, conn: Connection, element: ET.Element, rows: Sequence[RecordRow], kind: Format) -> None:
        """Headers and, unless only they are wanted, records."""
        ids = [row.post_id for row in rows]
        sets = harvesting.sets_of(conn, ids)
        # What has gone since the record was written is not shown.
        there = catalogues.shown(conn, ids)
        if self._verb == "ListIdentifiers":
            living = {one.id for one in there}
            for row in rows:
                _header(element, row, sets.get(row.post_id, ()), gone=row.post_id not in living)
            return
        found = {one.row.id: one for one in entries(conn, self._server, there, self._site.title)}
        for row in rows:
            entry = found.get(row.post_id)
            shown = add(element, "record")
            _header(shown, row, sets.get(row.post_id, ()), gone=entry is None)
            if entry is not None:
                kind.record(entry, add(shown, "metadata"))

    # -- arguments

    def _format(self, prefix: str) -> Format:
        if prefix not in FORMATS:
            known = " and ".join(FORMATS)
            raise OaiError("cannotDisseminateFormat", f"There are {known}.")
        return FORMATS[prefix]

    def _token(self) -> _Token:
        """Where the list goes on, or where it begins."""
        if "resumptionToken" in self._arguments:
            return _read_token(self._arguments["resumptionToken"], self._verb)
        spec = self._arguments.get("set", "")
        if spec and (not _SET_SPEC.fullmatch(spec) or (":" not in spec and spec not in TOPS)):
            if not _SET_SPEC.fullmatch(spec):
                raise OaiError("badArgument", "set is not the spec of a set.")
            raise OaiError("noRecordsMatch", "There is no such set.")
        begins, ends = self._arguments.get("from", ""), self._arguments.get("until", "")
        if begins and ends and len(begins) != len(ends):
            raise OaiError("badArgument", "from and until must be equally precise.")
        from_at, before_at = _instant("from", begins), _instant("until", ends, end=True)
        if from_at is not None and before_at is not None and from_at >= before_at:
            raise OaiError("badArgument", "from is later than until.")
        prefix = self._arguments.get("metadataPrefix", "")
        return _Token(self._verb, prefix, spec, from_at, before_at, hour=0)

    def _more(self, element: ET.Element, token: _Token, next_: _Token) -> None:
        hour = now_ms() // HOUR_MS
        packed = msgspec.json.encode(msgspec.structs.replace(next_, hour=hour))
        add(
            element,
            "resumptionToken",
            base64.urlsafe_b64encode(packed).decode().rstrip("="),
            expirationDate=_stamp((hour + TOKEN_HOURS) * HOUR_MS),
            completeListSize=str(next_.total) if next_.total else "",
            cursor=str(token.given),
        )

    def _no_more(self, element: ET.Element, token: _Token) -> None:
        """§3.5: a list that came in parts ends with an empty token."""
        size = str(max(token.total, token.given)) if token.total else ""
        add(element, "resumptionToken", completeListSize=size, cursor=str(token.given))


def _read_token(text: str, verb: str) -> _Token:
    bad = OaiError("badResumptionToken", "This resumptionToken is none of ours, or too old: begin anew.")
    if len(text) > TOKEN_CHARS_MAX:
        raise bad
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        token = msgspec.json.decode(packed, type=_Token)
    except (ValueError, msgspec.MsgspecError):
        raise bad from None
    now_hour = now_ms() // HOUR_MS
    numbers = (
        token.from_at or 0,
        token.before_at or 0,
        token.changed_at,
        token.post_id,
        token.given,
        token.total,
    )
    if (
        token.verb != verb
        or token.given < 1
        or not now_hour - TOKEN_HOURS < token.hour <= now_hour
        or any(not 0 <= one < 1 << 62 for one in numbers)
        or "\x00" in token.spec + token.after_spec
    ):
        raise bad
    return token


def _instant(name: str, text: str, *, end: bool = False) -> int | None:
    """The instant in ms; of `until` the one after it, which belongs to it no more."""
    if not text:
        return None
    whole = _DAY.fullmatch(text) is not None
    try:
        if not (whole or _SECOND.fullmatch(text)):
            raise ValueError
        at = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError:
        raise OaiError(
            "badArgument",
            f"{name} must be a day such as 2026-11-29, or an instant such as 2026-11-29T08:00:00Z.",
        ) from None
    precision_ms = 24 * HOUR_MS if whole else 1000
    return max(0, int(at.timestamp() * 1000) + (precision_ms if end else 0))


def _header(parent: ET.Element, row: RecordRow, sets: Sequence[Set], *, gone: bool) -> None:
    header = add(parent, "header", status="deleted" if gone else "")
    add(header, "identifier", row.uri)
    add(header, "datestamp", _stamp(row.changed_at))
    for one in sets:
        add(header, "setSpec", one.spec)


def _document(base: str, said: Mapping[str, str], body: ET.Element | OaiError) -> bytes:
    root = ET.Element("OAI-PMH", located(NAMESPACE, SCHEMA))
    add(root, "responseDate", _stamp(now_ms()))
    add(root, "request", base, **said)
    if isinstance(body, OaiError):
        add(root, "error", str(body), code=body.code)
    else:
        root.append(body)
    return as_bytes(root)


def _stamp(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
