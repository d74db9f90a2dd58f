"""Files of resources: which are taken, who may have them, downloads that go on, and bytes that go with their resource."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import io
import struct
import zipfile
from collections import Counter
from typing import Any

import pytest
from aiohttp import FormData
from sqlalchemy import func, select, update

from fedserver import farewell
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.resources import file_types, files
from storage.tables import resource_file
from storage.types import now_ms
from tests.described import described
from tests.members import Person
from tests.resources.test_publishing import LESSON, RESOURCES
from tests.waiting import until

FILES = f"{RESOURCES}/files"
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"


def zipped(entries: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return made.getvalue()


def office(kind: str = "word/document.xml", **more: bytes) -> bytes:
    return zipped(
        {
            "[Content_Types].xml": b"<Types/>",
            kind: b"<x/>",
            **{k.replace("__", "/"): v for k, v in more.items()},
        }
    )


def open_document(kind: str = "text", **more: bytes) -> bytes:
    said = f"application/vnd.oasis.opendocument.{kind}".encode()
    return zipped(
        {"mimetype": said, "content.xml": b"<x/>", **{k.replace("__", "/"): v for k, v in more.items()}}
    )


def lying(size: int) -> bytes:
    """An archive whose one entry becomes larger than it says, in both places."""
    raw = bytearray(zipped({"a.txt": b"a" * 100_000}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = raw.index(signature) + offset
        raw[at : at + 4] = struct.pack("<I", size)
    return bytes(raw)


def patched(raw: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    made = bytearray(raw)
    at = made.index(signature) + offset
    made[at : at + len(value)] = value
    return bytes(made)


def overlapping() -> bytes:
    """An archive whose two entries share their bytes."""
    raw = zipped({"a.txt": b"first", "b.txt": b"first"})
    second = raw.index(b"PK\x01\x02", raw.index(b"PK\x01\x02") + 4)
    return raw[: second + 42] + struct.pack("<I", 0) + raw[second + 46 :]


@pytest.mark.parametrize(
    ("name", "content", "media_type", "kept"),
    [
        ("Slides.PDF", PDF, "application/pdf", "Slides.PDF"),
        ("a.png", PNG, "image/png", "a.png"),
        ("a.gif", GIF, "image/gif", "a.gif"),
        ("wrong.png", PDF, "application/pdf", "wrong.png.pdf"),
        ("notes.md", b"# Title\n\n<b>bold</b>", "text/markdown", "notes.md"),
        ("data.csv", "a,b\nä,ö\n".encode(), "text/csv", "data.csv"),
        ("README", b"Hello", "text/plain", "README.txt"),
        ("a.py", b"print(1)\n", "text/plain", "a.py"),
        ("a.unknown", b"Hello", "text/plain", "a.unknown.txt"),
        ("d.json", b'{"a": 1}', "application/json", "d.json"),
        ("n.ipynb", b'{"cells": [], "nbformat": 4}', "application/x-ipynb+json", "n.ipynb"),
        ("r.bib", b"@book{a}", "application/x-bibtex", "r.bib"),
        (
            "s.docx",
            office(),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "s.docx",
        ),
        (
            "s.pptx",
            office(
                "ppt/presentation.xml",
                ppt__media__a_svg=b"<svg/>",
                ppt__embeddings__x_xlsx=office("xl/workbook.xml"),
            ),
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            "s.pptx",
        ),
        ("s.odp", open_document("presentation"), "application/vnd.oasis.opendocument.presentation", "s.odp"),
        (
            "b.epub",
            zipped({"mimetype": b"application/epub+zip", "a.xhtml": b"<html/>"}),
            "application/epub+zip",
            "b.epub",
        ),
        ("all.zip", zipped({"a/b.txt": b"text", "s.docx": office()}), "application/zip", "all.zip"),
        ("../../etc/pass\u202ewd", b"Hello", "text/plain", "passwd.txt"),
        (".htaccess", b"Hello", "text/plain", "htaccess.txt"),
        ("x" * 300 + ".csv", b"a,b", "text/csv", "x" * 150 + ".csv"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_taken_is_known_by_its_content(
    tmp_path: Any, name: str, content: bytes, media_type: str, kept: str
) -> None:
    path = tmp_path / "sent"
    path.write_bytes(content)
    assert file_types.recognise(path, name) == media_type
    assert file_types.file_name(name, media_type) == kept


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.pdf", b"", "empty"),
        ("a.pdf", b"<!DOCTYPE html><p>", "HTML"),
        ("a.txt", b"<!-- x -->\n <ScRiPt>alert(1)</script>", "HTML"),
        ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        ("a.png", b"<?xml version='1.0'?><!-- --><svg/>", "SVG"),
        ("a.xml", b"<?xml version='1.0'?><a/>", "HTML"),
        ("a.pdf", b"MZ\x90\x00\x03", "program"),
        ("a.txt", b"\x7fELF\x02", "program"),
        ("a.txt", b"#!/bin/sh\nrm -rf /", "script"),
        ("a.js", b"alert(1)", "which systems run"),
        ("a.txt.bat", b"echo", "which systems run"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Office format"),
        ("a.rtf", b"{\\rtf1}", "RTF"),
        ("a.gz", b"\x1f\x8b\x08", "gzip"),
        ("a.txt", b"Hello\x00there", "not taken"),
        ("a.txt", b"Hello\xff", "UTF-8"),
        ("a.json", b"{", "JSON"),
        ("a.ipynb", b"{}", "notebook"),
        ("a.pdf", b"x" * 100 + PDF, "not taken|PDF"),
        ("a.png", PNG[:-12], "ends in the middle"),
        ("a.png", PNG + zipped({"a.txt": b"a"}), "hidden behind"),
        ("a.gif", GIF + zipped({"a.txt": b"a"}), "hidden behind"),
        ("a.gif", GIF[:-1] + PDF + b";", "PDF is hidden"),
        ("a.jpg", b"\xff\xd8\xff" + b"a" * 600 + b"\xff\xd9" + zipped({"a.txt": b"a"}, method=0), "hidden"),
        ("a.pdf", PDF + zipped({"a.txt": b"a"}) + b"%%EOF", "hidden|two kinds"),
        ("a.pdf", b"%PDF-1.7 no end", "ends in the middle"),
        ("a.zip", b"PK\x05\x06" + b"\0" * 18, "empty archive"),
        ("a.zip", zipped({"a.txt": b"a"}) + b"more", "hidden behind"),
        ("a.zip", zipped({"a.txt": b"a"})[:-30], "damaged"),
        ("a.zip", zipped({"a.txt": b"a"}) + zipped({"b.txt": b"b"}), "begins in the middle|overlap"),
        ("a.zip", zipped({"a.txt": b"%PDF-"}, method=0), "PDF is hidden"),
        ("a.zip", zipped({"a.txt": b"\0" * 50_000_000}), "too large"),
        ("a.zip", lying(10), "something else|two sizes"),
        ("a.zip", lying(200_000), "something else"),
        ("a.zip", patched(zipped({"a.txt": b"abc"}), b"PK\x03\x04", 22, struct.pack("<I", 9)), "two sizes"),
        ("a.zip", patched(zipped({"a.txt": b"abc"}), b"PK\x01\x02", 24, struct.pack("<I", 3_000_000_000)), "too large"),
        ("a.zip", patched(zipped({"a.txt": b"abc"}), b"PK\x01\x02", 8, b"\x01\x00"), "encrypted"),
        ("a.zip", patched(zipped({"a.txt": b"abc"}), b"PK\x01\x02", 10, b"\x0c\x00"), "packed in a way"),
        ("a.zip", overlapping(), "overlap"),
        ("a.zip", zipped({f"{number}.txt": b"" for number in range(5_001)}), "5,000"),
        ("a.zip", zipped({"../a.txt": b"a"}), "out of the folder"),
        ("a.zip", zipped({"/a.txt": b"a"}), "out of the folder"),
        ("a.zip", zipped({"a.html": b"<p>"}), "web page"),
        ("a.zip", zipped({"a": b"<svg/>"}), "web page"),
        ("a.zip", zipped({"a.exe": b"a"}), "program"),
        ("a.zip", zipped({"a": b"\x7fELF"}), "program"),
        ("a.zip", zipped({"b.zip": zipped({"a.txt": b"a"})}, method=0), "another archive"),
        ("a.zip", zipped({"b.gz": b"\x1f\x8b\x08"}), "another archive"),
        ("a.zip", zipped({"s.docm": zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"", "word/vbaProject.bin": b""})}), "another archive|macros"),
        ("s.docx", zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"", "word/vbaProject.bin": b""}), "macros"),
        ("s.docx", zipped({"[Content_Types].xml": b"x macroEnabled.main+xml", "word/document.xml": b""}), "macros"),
        ("s.docx", zipped({"[Content_Types].xml": b"<Types/>", "a.xml": b""}), "kind that is not taken"),
        ("s.docx", office(word__embeddings__oleObject1=b"\xd0\xcf\x11\xe0"), "old Office format"),
        ("s.odt", open_document(Basic__a=b"Sub Main"), "macros"),
        ("b.epub", zipped({"mimetype": b"application/epub+zip", "a.js": b"alert(1)"}), "script"),
        ("a.heic", b"\0\0\0\x18ftypheic", "HEIC"),
    ],
    # Archives are of this second: what is in them must not name a test.
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_not_taken_is_refused_with_a_reason(
    tmp_path: Any, name: str, content: bytes, why: str
) -> None:
    path = tmp_path / "sent"
    path.write_bytes(content)
    with pytest.raises(Invalid, match=why):
        file_types.file_name(name, file_types.recognise(path, name))


def form(content: bytes, name: str = "slides.pdf") -> FormData:
    made = FormData(quote_fields=False)
    made.add_field("file", content, filename=name)
    return made


async def sent(who: Person, content: bytes = PDF, name: str = "slides.pdf") -> dict[str, Any]:
    found: dict[str, Any] = await who.post(FILES, data=form(content, name))
    return found


async def published(who: Person, file_ids: list[str], **more: Any) -> dict[str, Any]:
    version = {"file_ids": file_ids}
    found: dict[str, Any] = await who.post(RESOURCES, {**LESSON, "version": version, **more})
    return found


async def test_a_file_is_sent_published_and_downloaded(alice: Person, bob: Person, nobody: Person) -> None:
    file = await sent(alice, name="Slides – ä.pdf")
    described(FILES, "post").validate(file)
    assert (file["media_type"], file["size"], file["sha256"]) == (
        "application/pdf",
        len(PDF),
        hashlib.sha256(PDF).hexdigest(),
    )
    assert [one["id"] for one in await alice.get(FILES)] == [file["id"]]
    assert await bob.get(FILES) == []
    made = await published(alice, [file["id"]])
    (shown,) = made["versions"][0]["files"]
    assert (shown["id"], shown["name"], shown["size"]) == (file["id"], "Slides – ä.pdf", len(PDF))
    assert await alice.get(FILES) == []
    path = shown["url"].partition("/resources/")[2]
    answer = await nobody.raw("GET", f"/resources/{path}/slides.pdf")
    assert (answer.status, await answer.read()) == (200, PDF)
    headers = answer.headers
    assert headers["Content-Type"] == "application/pdf"
    assert headers["ETag"] == f'"{file["sha256"]}"'
    assert headers["Content-Disposition"].startswith(
        "attachment; filename=\"Slides _ _.pdf\"; filename*=UTF-8''Slides%20"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"].startswith("public")
    assert headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(hashlib.sha256(PDF).digest()).decode()}:"
    found = await bob.get(f"{RESOURCES}/{made['id']}")
    assert found["versions"][0]["files"][0]["downloads_count"] == 1


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("bytes=0-4", 206, slice(0, 5)),
        ("bytes=5-", 206, slice(5, None)),
        ("bytes=-4", 206, slice(-4, None)),
        ("bytes=-9999", 206, slice(None)),
        ("bytes=5-99999", 206, slice(5, None)),
        ("bytes=99999-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=9-3", 200, slice(None)),
        ("bytes=0-1,3-4", 200, slice(None)),
        ("pages=1-2", 200, slice(None)),
    ],
)
async def test_a_download_goes_on_where_it_stopped(
    alice: Person, nobody: Person, wanted: str, status: int, part: slice | None
) -> None:
    file = await sent(alice)
    made = await published(alice, [file["id"]])
    at = f"/resources/{made['id']}/files/{file['id']}"
    answer = await nobody.raw("GET", at, headers={"Range": wanted, "If-Range": f'"{file["sha256"]}"'})
    assert answer.status == status
    if part is None:
        assert answer.headers["Content-Range"] == f"bytes */{len(PDF)}"
    else:
        assert await answer.read() == PDF[part]
    changed = await nobody.raw("GET", at, headers={"Range": wanted, "If-Range": '"other"'})
    assert (changed.status, await changed.read()) == (200, PDF)
    whole = 1 + (part == slice(None))
    (shown,) = (await alice.get(f"{RESOURCES}/{made['id']}"))["versions"][0]["files"]
    assert shown["downloads_count"] == whole


async def test_heads_and_known_files_cost_nothing(alice: Person, nobody: Person) -> None:
    file = await sent(alice)
    made = await published(alice, [file["id"]])
    at = f"/resources/{made['id']}/files/{file['id']}"
    head = await nobody.raw("HEAD", at, headers={"Range": "bytes=0-3"})
    assert (head.status, head.headers["Content-Length"], await head.read()) == (200, str(len(PDF)), b"")
    known = await nobody.raw("GET", at, headers={"If-None-Match": f'W/"{file["sha256"]}"'})
    assert (known.status, await known.read()) == (304, b"")
    (shown,) = (await alice.get(f"{RESOURCES}/{made['id']}"))["versions"][0]["files"]
    assert shown["downloads_count"] == 0


async def test_who_may_see_the_resource_may_have_its_files(
    alice: Person, bob: Person, nobody: Person
) -> None:
    file, other = await sent(alice), await sent(alice)
    made = await published(alice, [file["id"]], visibility="members")
    for path, who, status in (
        (f"{RESOURCES}/{made['id']}/files/{file['id']}", bob, 200),
        (f"{RESOURCES}/{made['id']}/files/{file['id']}", nobody, 404),
        (f"/resources/{made['id']}/files/{file['id']}", nobody, 404),
        (f"{RESOURCES}/{made['id']}/files/{other['id']}", alice, 404),
        (f"{RESOURCES}/1/files/{file['id']}", alice, 404),
    ):
        answer = await who.raw("GET", path)
        assert answer.status == status, path
        if status == 200:
            assert answer.headers["Cache-Control"].startswith("private")


async def test_files_are_taken_once_and_by_their_owner(alice: Person, bob: Person) -> None:
    file = await sent(alice)
    for who in (bob, alice):
        answer = await who.raw("POST", RESOURCES, json={**LESSON, "version": {"file_ids": [file["id"]]}})
        assert (answer.status, who is alice) in ((422, False), (200, True))
    assert (
        await alice.raw("POST", RESOURCES, json={**LESSON, "version": {"file_ids": [file["id"]]}})
    ).status == 422
    assert (await alice.raw("DELETE", f"{FILES}/{file['id']}")).status == 404
    unused = await sent(alice)
    assert (await bob.raw("DELETE", f"{FILES}/{unused['id']}")).status == 404
    await alice.delete(f"{FILES}/{unused['id']}")
    assert await alice.get(FILES) == []


@pytest.mark.parametrize("server_settings", [{"resource_file_bytes_max": "1000", "member_bytes_max": "1500"}])
async def test_lim_06_sizes_are_limited(alice: Person) -> None:
    answer = await alice.raw("POST", FILES, data=form(b"a" * 1_001, "a.txt"))
    assert (answer.status, "1,000 bytes" in (await answer.json())["error"]) == (413, True)
    await sent(alice, b"a" * 900, "a.txt")
    answer = await alice.raw("POST", FILES, data=form(b"a" * 900, "a.txt"))
    assert (answer.status, "space" in (await answer.json())["error"]) == (413, True)
    assert len(await alice.get(FILES)) == 1


@pytest.mark.parametrize(
    "server_settings",
    [{"resource_file_bytes_max": "1000", "upload_bytes_max": "1000", "video_bytes_max": "1000"}],
)
async def test_lim_06_a_file_without_end_is_cut_off(server: Server, alice: Person) -> None:
    """Sent chunk by chunk, so that nothing says beforehand how long it will be."""
    where = server.config.listen_on
    reader, writer = await asyncio.open_connection(where.host, where.port)
    head = (
        f"POST {FILES} HTTP/1.1\r\nHost: {server.config.domain}\r\nAuthorization: Bearer {alice.token}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    begin = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    writer.write(head.encode() + b"%x\r\n%b\r\n" % (len(begin), begin))
    answered = asyncio.create_task(reader.readline())
    sent = 0
    while not answered.done() and sent < 1 << 30:
        writer.write(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        sent += 0x10000
        await asyncio.sleep(0)
    assert b" 413 " in await answered
    writer.close()
    assert await alice.get(FILES) == []
    assert list((server.config.data_dir / "tmp").iterdir()) == []


@pytest.mark.parametrize("server_settings", [{"member_bytes_max": "1500"}])
async def test_lim_06_files_are_taken_until_the_space_is_full(server: Server, alice: Person) -> None:
    """Also of several that are sent at once, of which each alone would have room."""

    async def send() -> int:
        answer = await alice.raw("POST", FILES, data=form(b"a" * 400, "a.txt"))
        await answer.read()
        return int(answer.status)

    seen = await asyncio.gather(*(send() for _ in range(8)))
    assert Counter(seen) == {200: 3, 413: 5}
    assert len(await stored(server)) == len(await alice.get(FILES)) == 3


async def test_lim_06_files_that_no_resource_has_are_counted(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "UNUSED_MAX", 2)
    first, _ = await sent(alice), await sent(alice)
    assert (await alice.raw("POST", FILES, data=form(PDF))).status == 409
    await alice.delete(f"{FILES}/{first['id']}")
    await sent(alice)


async def test_what_is_wrong_is_a_sentence_and_keeps_nothing(
    server: Server, alice: Person, nobody: Person
) -> None:
    answer = await alice.raw("POST", FILES, data=form(b"<svg/>", "a.png"))
    assert (answer.status, "file is an SVG" in (await answer.json())["error"]) == (422, True)
    assert (await alice.raw("POST", FILES, json={})).status == 422
    assert (await nobody.raw("POST", FILES, data=form(PDF))).status == 401
    assert (
        await server.db.read(lambda conn: conn.scalar(select(func.count()).select_from(resource_file))) == 0
    )


async def stored(server: Server) -> list[str]:
    root = server.config.data_dir / "media"
    return [str(one) for one in root.rglob("*.bin")]


@pytest.mark.jobs
async def test_bytes_go_with_their_resource_and_their_owner(
    server: Server, alice: Person, bob: Person, moderator: Person
) -> None:
    first = await published(alice, [(await sent(alice))["id"]])
    await published(bob, [(await sent(bob))["id"]])
    await sent(alice)
    assert len(await stored(server)) == 3
    await alice.delete(f"{RESOURCES}/{first['id']}")

    async def left(number: int) -> bool:
        return len(await stored(server)) == number

    await until(lambda: left(2), "that the bytes go with the resource")
    await server.db.write(farewell.leave, server.publish, bob.account_id)
    await until(lambda: left(1), "that they go with the account")
    await server.db.write(files.remove_unused)
    assert len(await alice.get(FILES)) == 1
    # LIM-06: within a day, since they are looked for every hour.
    old = now_ms() - 23 * 3_600_000
    await server.db.write(lambda conn: conn.execute(update(resource_file).values(created_at=old)) and None)
    await server.db.write(files.remove_unused)
    assert await alice.get(FILES) == []
    await until(lambda: left(0), "that unused files go")
