"""What is read from mbox files: as mail programs, list archives and the web have written them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fedserver.archives import letters
from fedserver.archives.mbox import Mbox
from fedserver.archives.records import LeftOut, Message, NotAnArchive
from tests.archives.samples import large_mbox, letter, mbox, measured

SENT = "Date: Mon, 4 Mar 2019 10:00:00 +0100"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def read(path: Path, *letters_: bytes) -> list[Message | LeftOut]:
    archive = Mbox(mbox(path / "archive.mbox", *letters_))
    try:
        found = list(archive.entries())
        assert len(found) == archive.total
        assert list(archive.entries(1)) == found[1:] or any(one.files for one in found[1:])  # type: ignore[union-attr]
        return found
    finally:
        archive.close()


def only(path: Path, head: str, body: str = "Hello", **more: str) -> Message:
    found = read(path, letter(head if "Date:" in head else f"{SENT}\n{head}", body, **more))
    assert len(found) == 1
    assert isinstance(found[0], Message)
    return found[0]


def at(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type,misc]


def test_a_message_is_read_with_its_author_date_and_subject(tmp_path: Path) -> None:
    found = only(
        tmp_path,
        "From: Ana Silva <Ana@Example.org>\nSubject: [trainers] Re: A  lesson\nMessage-ID: <1@a>",
        "Hello.\n",
    )
    assert found.external_id == "1@a"
    assert (found.author.name, found.author.email) == ("Ana Silva", "Ana@example.org")
    assert found.at_ms == at(2019, 3, 4, 9)
    assert (found.title, found.text) == ("A lesson", "Hello.")


@pytest.mark.parametrize(
    ("sender", "name", "email"),
    [
        ("ana@example.org (Ana Silva)", "Ana Silva", "ana@example.org"),
        ("ana at example.org (Ana Silva)", "Ana Silva", "ana@example.org"),
        ("ana@example.org", "ana", "ana@example.org"),
        ('"Silva, Ana" <ana@example.org>', "Silva, Ana", "ana@example.org"),
        ("=?iso-8859-1?q?Jos=E9_?= =?utf-8?b?w6HDqQ==?= <j@example.org>", "José áé", "j@example.org"),
        ("=?no-such-charset?q?Jos=E9?= <j@example.org>", "José", "j@example.org"),
        ("=?utf-8?b?broken", "=?utf-8?b?broken", ""),
        ("Ana <not an address>", "Ana <not an address>", ""),
    ],
)
def test_senders_are_read_in_every_spelling(tmp_path: Path, sender: str, name: str, email: str) -> None:
    author = only(tmp_path, f"From: {sender}\nMessage-ID: <1@a>").author
    assert (author.name, author.email) == (name, email)


def test_a_list_that_writes_in_somebodys_name_is_seen_through(tmp_path: Path) -> None:
    head = "From: 'Ana Silva' via trainers <trainers@lists.example>\nReply-To: Ana Silva <ana@example.org>"
    author = only(tmp_path, head).author
    assert (author.name, author.email) == ("Ana Silva", "ana@example.org")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("Date: Mon, 4 Mar 2019 10:00:00 +0100", (2019, 3, 4, 9)),
        ("Date: 4 Mar 19 10:00 EST", (2019, 3, 4, 15)),
        ("Date: Mon,  4 Mar 2019 10:00:00 +0100 (CET)", (2019, 3, 4, 9)),
        ("Date: yesterday", (2019, 3, 4, 9)),
        ("Date: Thu, 1 Jan 1970 00:00:00 +0000", (2019, 3, 4, 9)),
        ("Date: Mon, 4 Mar 2219 10:00:00 +0000", (2019, 3, 4, 9)),
        ("Date: Mon, 99 Mar 2019 10:00:00 +0000", (2019, 3, 4, 9)),
        ("Date: nonsense\nReceived: from a by b; Tue, 5 Mar 2019 10:00:00 +0000", (2019, 3, 5, 10)),
    ],
)
def test_odd_dates_fall_back_to_what_servers_noted(
    tmp_path: Path, lines: str, expected: tuple[int, ...]
) -> None:
    assert only(tmp_path, f"From: a@b.org\n{lines}").at_ms == at(*expected)


def test_answers_follow_what_they_answer_wherever_they_stand(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        letter(
            "From: c@x.org\nDate: Mon, 4 Mar 2019 08:00:00 +0000\nMessage-ID: <3@x>\nIn-Reply-To: <2@x>\nReferences: <1@x> <2@x>"
        ),
        letter("From: b@x.org\nDate: Mon, 4 Mar 2019 12:00:00 +0000\nMessage-ID: <2@x>\nReferences:\n <1@x>"),
        letter("From: a@x.org\nDate: Mon, 4 Mar 2019 11:00:00 +0000\nMessage-ID: <1@x>\nSubject: Beginning"),
    )
    assert [one.external_id for one in found] == ["1@x", "2@x", "3@x"]  # type: ignore[union-attr]
    assert [list(one.ancestors) for one in found] == [[], ["1@x"], ["2@x", "1@x"]]  # type: ignore[union-attr]
    assert found[0].at_ms < found[1].at_ms < found[2].at_ms  # type: ignore[union-attr]


def test_an_ancestor_that_is_missing_is_still_named(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        letter(f"From: a@x.org\n{SENT}\nMessage-ID: <1@x>\nSubject: Lost"),
        letter(
            "From: b@x.org\nDate: Tue, 5 Mar 2019 12:00:00 +0000\nMessage-ID: <3@x>\nReferences: <1@x> <gone@x>"
        ),
    )
    assert list(found[1].ancestors) == ["gone@x", "1@x"]  # type: ignore[union-attr]


def test_an_answer_without_references_is_found_by_its_subject_within_a_month(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        letter(f"From: a@x.org\n{SENT}\nMessage-ID: <1@x>\nSubject: [list] Rooms"),
        letter(
            "From: b@x.org\nDate: Tue, 5 Mar 2019 12:00:00 +0000\nMessage-ID: <2@x>\nSubject: AW: [list] RE: rooms"
        ),
        letter("From: c@x.org\nDate: Tue, 5 Mar 2019 13:00:00 +0000\nMessage-ID: <3@x>\nSubject: Rooms"),
        letter("From: d@x.org\nDate: Tue, 2 Jul 2019 12:00:00 +0000\nMessage-ID: <4@x>\nSubject: Re: Rooms"),
    )
    assert [list(one.ancestors) for one in found] == [[], ["1@x"], [], []]  # type: ignore[union-attr]


def test_messages_that_answer_one_another_in_a_circle_are_all_read(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        letter(f"From: a@x.org\n{SENT}\nMessage-ID: <1@x>\nIn-Reply-To: <2@x>", "one"),
        letter(f"From: b@x.org\n{SENT}\nMessage-ID: <2@x>\nIn-Reply-To: <1@x>", "two"),
        letter(f"From: b@x.org\n{SENT}\nMessage-ID: <3@x>\nIn-Reply-To: <3@x>", "three"),
    )
    assert sorted(one.text for one in found) == ["one", "three", "two"]  # type: ignore[union-attr]


def test_a_message_that_stands_there_twice_is_read_once(tmp_path: Path) -> None:
    one = letter(f"From: a@x.org\n{SENT}\nMessage-ID: <1@x>", "once")
    found = read(tmp_path, one, one)
    assert [type(entry) for entry in found] == [Message, LeftOut]


def test_messages_without_an_id_are_told_apart_by_their_heads(tmp_path: Path) -> None:
    letters_ = [letter(f"From: a@x.org\n{SENT}\nSubject: {name}", "text") for name in ("One", "Two")]
    first, again = read(tmp_path, *letters_), read(tmp_path, *letters_)
    assert len({one.external_id for one in first}) == 2  # type: ignore[union-attr]
    assert first == again


def test_lines_that_begin_like_a_separator_stay_text(tmp_path: Path) -> None:
    body = "Greetings\n\nFrom here on it is easy.\n>From the start\n>>From a quote"
    assert only(tmp_path, "From: a@x.org", body).text == (
        "Greetings\n\nFrom here on it is easy.\nFrom the start\n>From a quote"
    )


def test_the_text_is_read_in_the_charset_it_is_in(tmp_path: Path) -> None:
    head = "From: a@x.org\nContent-Type: text/plain; charset={}"
    for number, (charset, content, text) in enumerate(
        [
            ("iso-8859-15", b"100 \xa4", "100 €"),
            ("windows-1252", b"caf\xe9", "café"),
            ("utf-8", b"caf\xe9", "café"),
            ("x-unknown", "naïve".encode(), "naïve"),
            ("us-ascii", "naïve".encode(), "naïve"),
            ("gb2312", "你好".encode("gb2312"), "你好"),
        ]
    ):
        source = letter(f"{SENT}\n{head.format(charset)}", "").rstrip() + b"\n\n" + content + b"\n"
        folder = tmp_path / str(number)
        folder.mkdir()
        assert read(folder, source)[0].text == text  # type: ignore[union-attr]


def test_the_plain_part_is_taken_and_files_are_at_hand(tmp_path: Path) -> None:
    body = "\n".join(
        [
            "--outer",
            "Content-Type: multipart/alternative; boundary=inner",
            "",
            "--inner",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
            "",
            "Plain =C3=A9",
            "--inner",
            "Content-Type: text/html",
            "",
            "<p>Rich</p>",
            "--inner--",
            "--outer",
            "Content-Type: image/png",
            "Content-Disposition: attachment; filename*=utf-8''b%C3%BCro.png",
            "Content-Transfer-Encoding: base64",
            "",
            base64.b64encode(PNG).decode(),
            "--outer--",
        ]
    )
    archive = Mbox(
        mbox(
            tmp_path / "a.mbox",
            letter(f"From: a@x.org\n{SENT}\nContent-Type: multipart/mixed; boundary=outer", body),
        )
    )
    (found,) = archive.entries()
    assert isinstance(found, Message)
    assert found.text == "Plain é"
    assert [file.name for file in found.files] == ["büro.png"]
    assert found.files[0].save is not None
    found.files[0].save(tmp_path / "saved")
    archive.close()
    assert (tmp_path / "saved").read_bytes() == PNG


def test_a_mail_in_html_alone_becomes_text(tmp_path: Path) -> None:
    found = only(
        tmp_path,
        "From: a@x.org\nContent-Type: text/html",
        "<style>p {color: red}</style><p>First &amp; foremost</p><script>alert(1)</script><p>Second</p>",
    )
    assert found.text == "First & foremost\n\nSecond"


def test_flowed_lines_become_paragraphs(tmp_path: Path) -> None:
    body = "> quoted in \n> two lines\nA line that \ngoes on.\n-- \nAna"
    found = only(tmp_path, "From: a@x.org\nContent-Type: text/plain; format=flowed", body)
    assert found.text == "> quoted in two lines\nA line that goes on."


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("Hello\n-- \nAna Silva\nTrainer", "Hello"),
        ("Hello\n--\nAna Silva", "Hello"),
        ("-- \nonly this", "-- \nonly this"),
        ("Hello\n-- \n> quoted below\nand answered", "Hello\n-- \n> quoted below\nand answered"),
        ("Hello\n" + "_" * 47 + "\nTrainers mailing list\nTrainers@x.org\nhttp://x.org/list", "Hello"),
        ("> quoted\nanswered", "> quoted\nanswered"),
    ],
)
def test_signatures_go_and_quotes_stay(tmp_path: Path, body: str, text: str) -> None:
    assert only(tmp_path, "From: a@x.org", body).text == text


def test_what_cannot_be_used_is_named_with_a_reason(tmp_path: Path) -> None:
    found = read(
        tmp_path, letter(f"{SENT}\nSubject: Who?"), letter(f"From: a@x.org\n{SENT}\nMessage-ID: <2@x>", "")
    )
    assert {one.why for one in found if isinstance(one, LeftOut)} == {
        "It does not say who wrote it.",
        "It is empty.",
    }


def test_a_file_that_is_no_mbox_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"PK\x03\x04 something else", b"Hello\n\nFrom a@b.org Mon Mar  4 09:00:00 2019\n"):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(NotAnArchive, match="no mbox archive"):
            Mbox(tmp_path / "x")


def test_parts_that_lie_about_themselves_do_no_harm() -> None:
    nested = "Content-Type: multipart/mixed; boundary=a\n\n--a\n" * 60 + "Content-Type: text/plain\n\ndeep\n"
    broken = "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!not base64!!!"
    for source in (
        nested,
        broken,
        "Content-Type: multipart/alternative; boundary=\n\nx",
        "Content-Type: ;;;\n\nx",
    ):
        letters.message(
            f"From: a@x.org\n{source}".encode(),
            where="1",
            external_id="1",
            at_ms=0,
            ancestors=[],
            again=lambda: b"",
        )


def test_a_large_archive_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    large = large_mbox(tmp_path / "large.mbox", 1_000)
    with large.open("ab") as file:  # and one letter that is larger than all that may be in memory
        file.write(letter(f"From: a@x.org\n{SENT}\nMessage-ID: <huge@x>", "").rstrip() + b"\n\n")
        for _ in range(48):
            file.write(b"x" * 1_000_000 + b"\n")
    count, peak_bytes = measured(lambda: Mbox(large))
    assert count == 1_001
    assert peak_bytes < 12_000_000


@pytest.mark.parametrize("line", ["From " + "1:11 " * 100_000, "From " + "@" * 500_000])
def test_lines_and_headers_made_to_be_slow_are_read_nevertheless(tmp_path: Path, line: str) -> None:
    head = f"From: {'@' * 100_000}\nSubject: {'re:' * 50_000}"
    assert len(read(tmp_path, letter(f"{SENT}\n{head}", f"Hello\n\n{line}\n"))) == 1
