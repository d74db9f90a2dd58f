"""Mails are read whatever they are encoded in and however they are built."""

from __future__ import annotations

import base64
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedserver.errors import Invalid
from fedserver.mail_in.message import Unreadable, read_head, read_letter
from tests.mail_in.letters import PNG, letter, raw

OURS = ("noreply@trainers.example",)
LARGE = PNG + b"\0" * 5_000


@pytest.mark.parametrize(
    ("charset", "encoding", "text"),
    [
        ("utf-8", "8bit", "Grüße aus Tromsø 🎉"),
        ("iso-8859-1", "quoted-printable", "Grüße"),
        ("windows-1252", "base64", "„Grüße“ – €5"),
        ("iso-2022-jp", "7bit", "こんにちは"),
        ("shift_jis", "base64", "こんにちは"),
        ("gb18030", "base64", "你好"),
        ("big5", "8bit", "你好"),
        ("euc-kr", "base64", "안녕하세요"),
        ("koi8-r", "8bit", "Привет"),
        ("iso-8859-8-i", "8bit", "שלום"),
        ("x-nobody-knows", "8bit", "Grüße"),
        ("rot13", "8bit", "Grüße"),
        ("utf-16", "base64", "Grüße"),
    ],
)
def test_every_charset_is_read(charset: str, encoding: str, text: str) -> None:
    codec = {"x-nobody-knows": "utf-8", "iso-8859-8-i": "iso-8859-8", "rot13": "utf-8"}.get(charset, charset)
    data = text.encode(codec)
    if encoding == "base64":
        data = base64.encodebytes(data)
    elif encoding == "quoted-printable":
        data = "".join(f"={byte:02X}" for byte in data).encode()
    mail = raw(
        {"Content-Type": f"text/plain; charset={charset}", "Content-Transfer-Encoding": encoding}, data
    )
    assert read_letter(mail).text == text


def test_the_subject_becomes_a_title_without_marks() -> None:
    mail = letter(Subject="=?iso-8859-1?Q?Re:_[Trainers]_AW:_Gr=FC=DFe?=")
    assert read_letter(bytes(mail)).subject == "Grüße"


def test_the_plain_part_is_taken_where_there_are_two() -> None:
    assert read_letter(bytes(letter("plain", html="<p>rich</p>"))).text == "plain"


def test_html_alone_becomes_markdown_without_quotation() -> None:
    html = (
        '<div dir="ltr">Yes, <b>in May</b>: <a href="https://x.example/a">there</a><ul><li>one</li><li>two</li></ul>'
        '<script>alert(1)</script><img src="https://track.example/x.gif"></div><br><div class="gmail_quote">'
        '<div dir="ltr" class="gmail_attr">On Tue, May 5, 2026 at 10:11 AM Maren via Trainers &lt;'
        '<a href="mailto:noreply@trainers.example">noreply@trainers.example</a>&gt; wrote:<br></div>'
        '<blockquote class="gmail_quote"><p>Shall we?</p></blockquote></div>'
    )
    found = read_letter(bytes(letter("", html=html)), ours=OURS)
    assert found.text == "Yes, **in May**: [there](https://x.example/a)\n\n- one\n- two"


def test_outlook_html_is_cut_where_the_old_mail_begins() -> None:
    html = (
        '<html><body><p class="MsoNormal">Yes, in May.<o:p></o:p></p><div id="divRplyFwdMsg">'
        "<hr><p><b>Von:</b> Maren via Trainers &lt;noreply@trainers.example&gt;<br><b>Gesendet:</b> Dienstag<br>"
        "<b>An:</b> Bo<br><b>Betreff:</b> x</p></div><p>Shall we?</p></body></html>"
    )
    assert read_letter(bytes(letter("", html=html)), ours=OURS).text == "Yes, in May."


def test_files_are_kept_and_decoration_is_not() -> None:
    mail = letter(
        "See below.",
        html='See <img src="cid:shown"> below.<div class="gmail_signature"><img src="cid:logo"></div>'
        '<blockquote>old <img src="cid:old"></blockquote>',
    )
    rich = mail.get_payload()[1]
    for name in ("shown", "logo", "old"):
        rich.add_related(LARGE, "image", "png", cid=f"<{name}>", filename=f"{name}.png")
    mail.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="Pläne.pdf")
    mail.add_attachment(b"sig", maintype="application", subtype="pgp-signature", filename="signature.asc")
    mail.add_attachment(b"words", maintype="text", subtype="plain", filename="notes.txt")
    found = read_letter(bytes(mail))
    assert found.text == "See below."
    assert [(one.name, one.media_type) for one in found.attachments] == [
        ("shown.png", "image/png"),
        ("Pläne.pdf", "application/pdf"),
        ("notes.txt", "text/plain"),
    ]
    assert found.attachments[0].data == LARGE


def test_pictures_between_texts_are_kept_with_both_texts() -> None:
    mail = letter("before")
    mail.make_mixed()
    mail.attach(letter("", **{"Content-Disposition": "inline"}))
    picture = mail.get_payload()[1]
    picture.set_content(LARGE, maintype="image", subtype="png", disposition="inline", filename="a.png")
    after = letter("", From="", To="", Subject="")
    after.set_content("after")
    mail.attach(after)
    found = read_letter(bytes(mail))
    assert found.text == "before\n\nafter"
    assert [one.name for one in found.attachments] == ["a.png"]


def test_a_forwarded_mail_is_a_file_like_others() -> None:
    mail = letter("Look.")
    mail.add_attachment(letter("old"))
    assert [one.media_type for one in read_letter(bytes(mail)).attachments] == ["message/rfc822"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ('multipart/encrypted; boundary="b"', b"--b\r\n\r\nx\r\n--b--"),
        ("application/pkcs7-mime; smime-type=enveloped-data", b"MIIB"),
        ("text/plain", b"-----BEGIN PGP MESSAGE-----\n\nxyz\n-----END PGP MESSAGE-----"),
    ],
)
def test_what_is_encrypted_is_refused_in_words(kind: str, body: bytes) -> None:
    with pytest.raises(Unreadable, match="encrypted"):
        read_letter(raw({"Content-Type": kind}, body))


def test_what_is_signed_is_read() -> None:
    signed = (
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nYes.\n- --dash\n"
        "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"
    )
    assert read_letter(bytes(letter(signed))).text == "Yes.\n--dash"
    around = b"--b\r\nContent-Type: text/plain\r\n\r\nYes.\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nMII\r\n--b--"
    found = read_letter(raw({"Content-Type": 'multipart/signed; boundary="b"'}, around))
    assert (found.text, found.attachments) == ("Yes.", ())


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"Precedence": "bulk"},
        {"Precedence": "AUTO_REPLY"},
        {"X-Autoreply": "yes"},
        {"List-Id": "<x.lists.example>"},
        {"Return-Path": "<>"},
        {"From": "MAILER-DAEMON@mail.example"},
        {"From": ""},
        {"Content-Type": 'multipart/report; report-type=delivery-status; boundary="b"'},
        {"X-Failed-Recipients": "x@y.example"},
        {"X-Mail-Kind": "group"},
    ],
)
def test_what_machines_send_is_told_apart(headers: dict[str, str]) -> None:
    assert read_head(raw({"From": "bo@mail.example"} | headers, b"")).automatic


def test_what_people_send_is_not_automatic() -> None:
    assert read_head(bytes(letter(Auto_Submitted="no"))).automatic == ""


def test_the_most_reliable_address_comes_first() -> None:
    mail = letter(To='"R" <Reply+ABC@Trainers.example>, x@y.example', Cc="z@y.example")
    mail["Delivered-To"] = "reply+def@trainers.example"
    assert read_head(bytes(mail)).addresses == (
        "reply+def@trainers.example",
        "reply+abc@trainers.example",
        "x@y.example",
        "z@y.example",
    )


def test_a_mail_of_too_many_parts_is_refused() -> None:
    parts = b"".join(b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n" for _ in range(500))
    assert (
        len(read_letter(raw({"Content-Type": 'multipart/mixed; boundary="b"'}, parts + b"--b--")).attachments)
        <= 200
    )
    nested = b"".join(
        f'Content-Type: multipart/mixed; boundary="b{n}"\r\n\r\n--b{n}\r\n'.encode() for n in range(2_000)
    )
    with pytest.raises(Invalid):
        read_letter(nested)


@given(
    st.binary(max_size=600), st.sampled_from([b"From: ", b"Content-Type: multipart/mixed; boundary=", b""])
)
@settings(max_examples=300, deadline=None)
def test_no_bytes_make_it_fail(data: bytes, before: bytes) -> None:
    read_head(before + data)
    with suppress(Invalid):
        read_letter(before + data)
