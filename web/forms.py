"""One door for input: query, urlencoded, multipart and JSON become the same `Params`, or a typed struct.

Clients of Mastodon's API send every one of these, with keys such as ``media_ids[]``, ``poll[options][]`` or
``fields_attributes[0][name]``, in JSON too. The body wins over the query. Files go to temporary files.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import os
import tempfile
import types
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl, urlsplit

import msgspec
from aiohttp import BodyPartReader, hdrs, web

from fedserver.errors import FedError, Forbidden, Invalid, TooLarge
from web import keys
from web.params import (
    DEPTH_MAX,
    FALSE_WORDS,
    TRUE_WORDS,
    Params,
    Unreadable,
    Upload,
    check_count,
    in_order,
    put,
    row_id,
)

__all__ = ["Params", "Unreadable", "Upload", "params", "path_id", "query", "read", "row_id"]

BODY_BYTES_MAX: Final = 1 << 20  # without files
FILES_MAX: Final = 16
PIECE_BYTES: Final = 256 << 10
BODY_SECONDS_MAX: Final = 60
UPLOAD_SECONDS_MAX: Final = 1800
STALLED_SECONDS_MAX: Final = 60
_UTF8_NAMES: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})

CSRF_FIELD: Final = "csrf_token"
CSRF_HEADER: Final = "X-CSRF-Token"

S = TypeVar("S")


class UnknownKind(FedError):
    """The body is of a media type that forms do not have."""

    default = "Send JSON or a form."


class TooSlow(FedError):
    """The body did not arrive in time."""

    default = "The request took too long to arrive."


def query(request: web.Request) -> Params:
    """The parameters of the address alone, without waiting for a body: for GET."""
    raw = request.rel_url.raw_query_string
    tree: dict[str, Any] = {}
    if raw:
        for key, value in _of_query(raw):
            put(tree, key, value)
    return Params(tree)


async def params(request: web.Request) -> Params:
    """Everything that was sent, read once per request.

    Raises Unreadable (malformed, wrong character set), UnknownKind, TooLarge, TooSlow.
    """
    known: Params | None = request.get(keys.PARAMS)
    if known is not None:
        return known
    found = query(request)
    # Mastodon.py sends some questions as JSON with GET, which Rails reads.
    if request.body_exists:
        for name, value in (await _body(request)).items():
            found.tree[name] = value
    request[keys.PARAMS] = found
    return found


async def read(request: web.Request, kind: type[S]) -> S:
    """What was sent as a struct of this type; unknown names are ignored. Invalid names the field that is wrong."""
    return as_struct(await params(request), kind)


def path_id(request: web.Request, name: str = "id") -> int:
    """The id in the path. NotFound when it can be none of ours."""
    return row_id(request.match_info[name])


# --- bodies ---------------------------------------------------------------------------------


async def _body(request: web.Request) -> dict[str, Any]:
    kind = request.headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip().lower()
    try:
        if kind == "multipart/form-data":
            async with asyncio.timeout(UPLOAD_SECONDS_MAX):
                return await _multipart(request)
        if request.content_length == 0 or not kind:
            return {}
        if kind not in ("application/x-www-form-urlencoded", "application/json"):
            raise UnknownKind
        charset = (request.charset or "utf-8").strip('"').lower()
        if charset not in _UTF8_NAMES:
            raise Unreadable(f"The character set must be UTF-8, not {charset}.")
        async with asyncio.timeout(BODY_SECONDS_MAX):
            raw = await _raw(request)
    except TimeoutError as error:
        raise TooSlow from error
    if kind == "application/json":
        return _json(raw)
    tree: dict[str, Any] = {}
    try:
        pairs = _urlencoded(raw.decode())
    except UnicodeDecodeError as error:
        raise Unreadable("The form is not UTF-8 text.") from error
    for key, value in pairs:
        put(tree, key, value)
    return tree


async def _raw(request: web.Request) -> bytes:
    if (request.content_length or 0) > BODY_BYTES_MAX:
        raise TooLarge(f"At most {BODY_BYTES_MAX:,} bytes are read.")
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise TooLarge(f"At most {BODY_BYTES_MAX:,} bytes are read.")
    return bytes(body)


def _urlencoded(text: str) -> tuple[tuple[str, str], ...]:
    check_count(text.count("&") + 1)
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise Unreadable("The form is not UTF-8 text.") from error
    return tuple((_clean(key), _clean(value)) for key, value in pairs)


# Apps ask the same again and again: only what differs from all before is read.
_of_query = lru_cache(256)(_urlencoded)


def _json(raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable("The body is not valid JSON.") from error
    if not isinstance(document, dict):
        raise Unreadable("The body must be a JSON object.")
    counted = [0]
    tree: dict[str, Any] = {}
    for key, value in document.items():
        clean = _clean_json(value, 1, counted)
        if key.endswith("[]") and isinstance(clean, list):
            put(tree, _clean(key[:-2]), clean)
        else:
            put(tree, _clean(key), clean)
    return tree


def _clean_json(value: Any, depth: int, counted: list[int]) -> Any:
    if isinstance(value, str):
        return _clean(value)
    if not isinstance(value, dict | list):
        return value
    if depth > DEPTH_MAX:
        raise Unreadable("The parameters are nested too deep.")
    counted[0] += len(value)
    check_count(counted[0])
    if isinstance(value, list):
        return [_clean_json(entry, depth + 1, counted) for entry in value]
    return {_clean(key): _clean_json(entry, depth + 1, counted) for key, entry in value.items()}


def _clean(text: str) -> str:
    # PostgreSQL stores no NUL, and no honest text has one; half a surrogate pair cannot be written out.
    if "\0" in text:
        raise Unreadable("A text contains a NUL character.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise Unreadable("A text contains half a character.") from error
    return text


async def _multipart(request: web.Request) -> dict[str, Any]:
    server = request.app[keys.SERVER]
    tree: dict[str, Any] = {}
    count = files = plain_bytes = 0
    try:
        reader = await request.multipart()
        while (part := await asyncio.wait_for(reader.next(), STALLED_SECONDS_MAX)) is not None:
            count += 1
            check_count(count)
            if not isinstance(part, BodyPartReader) or not part.name:
                raise Unreadable("The form has a part without a name.")
            if part.filename is None:
                text = await _part_text(part, BODY_BYTES_MAX - plain_bytes)
                plain_bytes += len(text)
                put(tree, _clean(part.name), _clean(_decoded(text)))
                continue
            files += 1
            if files > FILES_MAX:
                raise TooLarge(f"At most {FILES_MAX} files are read at once.")
            folder = server.config.data_dir / "tmp"
            put(
                tree, _clean(part.name), await _spool(request, part, folder, server.config.received_bytes_max)
            )
    except (ValueError, AssertionError) as error:
        # aiohttp says so with these for a body that is not what its headers promise.
        raise Unreadable("The form is malformed.") from error
    return tree


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise Unreadable("The form is not UTF-8 text.") from error


async def _part_text(part: BodyPartReader, bytes_max: int) -> bytes:
    text = bytearray()
    while chunk := await asyncio.wait_for(part.read_chunk(), STALLED_SECONDS_MAX):
        text += chunk
        if len(text) > bytes_max:
            raise TooLarge(f"At most {BODY_BYTES_MAX:,} bytes are read, files aside.")
    return bytes(text)


async def _spool(request: web.Request, part: BodyPartReader, folder: Path, bytes_max: int) -> Upload:
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    descriptor, name = await asyncio.to_thread(tempfile.mkstemp, ".upload", "", str(folder))
    claimed = _clean(part.headers.get(hdrs.CONTENT_TYPE, "application/octet-stream"))[:256]
    upload = Upload(_clean(part.filename or "")[:256], claimed, 0, Path(name))
    request.setdefault(keys.UPLOADS, []).append(upload)
    pending = bytearray()
    try:
        while chunk := await asyncio.wait_for(part.read_chunk(), STALLED_SECONDS_MAX):
            upload.size += len(chunk)
            if upload.size > bytes_max:
                raise TooLarge(f"A file may have at most {bytes_max:,} bytes.")
            pending += chunk
            if len(pending) >= PIECE_BYTES:
                await asyncio.to_thread(_write_all, descriptor, bytes(pending))
                pending.clear()
        await asyncio.to_thread(_write_all, descriptor, bytes(pending))
    finally:
        os.close(descriptor)
    return upload


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def discard_uploads(request: web.Request) -> None:
    """Delete the temporary files that nobody took."""
    for upload in request.get(keys.UPLOADS, ()):
        if not upload.taken:
            with contextlib.suppress(FileNotFoundError):
                upload.path.unlink()


# --- structs --------------------------------------------------------------------------------


def as_struct(found: Params, kind: type[S]) -> S:
    """Convert a tree into a struct: words to booleans, digits to numbers, numbered parts to lists."""
    try:
        return msgspec.convert(_shaped(found.tree, kind), kind, strict=False, dec_hook=_pass_upload)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$")
        name = place.rstrip("`").lstrip(".") or "request"
        raise Invalid({name: f"is not valid ({problem[:1].lower()}{problem[1:]})"}) from error


def _pass_upload(kind: type, value: Any) -> Any:
    if kind is Upload and isinstance(value, Upload):
        return value
    raise msgspec.ValidationError("Expected a file")


def _shaped(value: Any, kind: Any) -> Any:
    """The value as strict conversion wants it; what does not fit is left for it to refuse."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        members = [member for member in get_args(kind) if member not in (type(None), msgspec.UnsetType)]
        # An emptied field of a form means "none" where the type has that and no text.
        if value == "" and str not in members and type(None) in get_args(kind):
            return None
        return _shaped(value, members[0]) if len(members) == 1 else value
    if hasattr(kind, "__metadata__"):
        return _shaped(value, get_args(kind)[0])
    if kind is bool:
        word = str(value).strip().lower()
        return True if word in TRUE_WORDS else False if word in FALSE_WORDS else value
    if kind is str and isinstance(value, int | float):
        return ("true" if value else "false") if isinstance(value, bool) else str(value)
    if origin in (list, tuple, set, frozenset) or kind in (list, tuple):
        entries = in_order(value) if isinstance(value, dict) else value
        entries = entries if isinstance(entries, list) else [] if entries == "" else [entries]
        inner = get_args(kind)[0] if get_args(kind) else Any
        return [_shaped(entry, inner) for entry in entries]
    if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = get_type_hints(kind, include_extras=True)
        encoded = {found.encode_name: hints[found.name] for found in msgspec.structs.fields(kind)}
        return {name: _shaped(part, encoded[name]) for name, part in value.items() if name in encoded}
    return value


# --- forgery --------------------------------------------------------------------------------


def csrf_token(request: web.Request) -> str:
    """What the forms of this visitor's pages carry; empty for whoever has no session.

    It follows from the session's secret, which no other site can read, so nothing needs to be stored.
    """
    secret = request.get(keys.SESSION)
    if not secret:
        return ""
    return hmac.new(secret.encode(), b"forms of this session", hashlib.sha256).hexdigest()


async def check_forgery(request: web.Request) -> None:
    """Forbidden unless a request that changes something comes from a page of ours.

    Browsers say where a request comes from; whoever has a session must send its token besides.
    """
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        raise Forbidden("This form was sent from another site.")
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and not _ours(request, origin):
        raise Forbidden("This form was sent from another site.")
    expected = csrf_token(request)
    if not expected:
        return
    sent = request.headers.get(CSRF_HEADER) or (await params(request)).text(CSRF_FIELD)
    if not hmac.compare_digest(sent.encode(errors="replace"), expected.encode()):
        raise Forbidden("This form is out of date. Please go back, reload the page and try again.")


def _ours(request: web.Request, origin: str) -> bool:
    # Reached under another name, such as 127.0.0.1 instead of localhost: both are what the browser went to.
    host = request.headers.get(hdrs.HOST, "")
    return origin in (request.app[keys.SERVER].config.origin, f"http://{host}", f"https://{host}")


def safe_next(target: str, default: str = "/") -> str:
    """Where to go after signing in and the like: a path of this server, or `default`."""
    if not target.startswith("/") or target.startswith(("//", "/\\")):
        return default
    if any(ord(char) < 33 or char in "\\\x7f" for char in target):
        return default
    parts = urlsplit(target)
    return default if parts.scheme or parts.netloc else target
