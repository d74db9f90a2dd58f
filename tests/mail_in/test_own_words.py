"""What remains of an answer when quotations and signatures are taken away: made-up mails in the manner of many programs."""

from __future__ import annotations

import pytest

from fedserver.mail_in.own_words import own_words, unwrapped

OURS = ("noreply@trainers.example", "Maren via Trainers")
QUOTED = "> Shall we meet in May?\n>\n> Maren"

ANSWERS = {
    "nothing quoted": "Yes, in May.",
    "Gmail": f"Yes, in May.\n\nOn Tue, May 5, 2026 at 10:11 AM Maren via Trainers <noreply@trainers.example>\nwrote:\n\n{QUOTED}\n",
    "Gmail, German": f"Yes, in May.\n\nAm Di., 5. Mai 2026 um 10:11 Uhr schrieb Maren via Trainers <\nnoreply@trainers.example>:\n\n{QUOTED}",
    "Apple Mail, French": f"Yes, in May.\n\n> Le 5 mai 2026 à 10:11, Maren via Trainers <noreply@trainers.example> a écrit :\n> \n{QUOTED}",
    "Apple Mail, signature before": f"Yes, in May.\n\n-- \nBo Berg\nUniversity of Tromsø\n\n> On 5 May 2026, at 10:11, Maren <m@x.example> wrote:\n> \n{QUOTED}",
    "Thunderbird": f"Yes, in May.\n\nOn 05/05/2026 10:11, Maren via Trainers wrote:\n{QUOTED}\n\n-- \nBo\nhttps://bo.example",
    "Thunderbird, answered below": f"Am 05.05.26 um 10:11 schrieb Maren:\n{QUOTED}\n\nYes, in May.\n",
    "Outlook": "Yes, in May.\n\n________________________________\nFrom: Maren via Trainers <noreply@trainers.example>\nSent: Tuesday, May 5, 2026 10:11\nTo: Bo Berg\nSubject: [Trainers] Meeting\n\nShall we meet in May?\n",
    "Outlook, German": "Yes, in May.\n\nVon: Maren via Trainers <noreply@trainers.example>\nGesendet: Dienstag, 5. Mai 2026 10:11\nAn: Bo Berg <bo@x.example>\nBetreff: [Trainers] Treffen\n\nShall we meet in May?\n",
    "Outlook, old": "Yes, in May.\n\n-----Original Message-----\nFrom: Maren\nSent: Tuesday, May 5, 2026 10:11\nTo: Bo Berg\nSubject: Meeting\n\nShall we meet in May?",
    "Outlook in a language that nobody here speaks": "Yes, in May.\n\nSeolta: Maren via Trainers <noreply@trainers.example>\nDáta: 5 Bealtaine 2026\nChuig: Bo\nÁbhar: [Trainers]\n\nShall we meet?",
    "Outlook as Markdown of HTML": "Yes, in May.\n\n---\n\n**From:** Maren via Trainers <noreply@trainers.example>  \n**Sent:** Tuesday  \n**To:** Bo  \n**Subject:** x\n\nShall we?",
    "iPhone": f"Yes, in May.\n\nSent from my iPhone\n\n> On 5 May 2026, at 10:11, Maren via Trainers <noreply@trainers.example> wrote:\n> \n{QUOTED}",
    "iPhone, Japanese": f"Yes, in May.\n\niPhoneから送信\n\n2026/05/05 10:11、Maren via Trainers <noreply@trainers.example>のメール:\n\n{QUOTED}",
    "Outlook for Android": "Yes, in May.\n\nGet Outlook for Android<https://aka.ms/x>\n________________________________\nFrom: Maren <noreply@trainers.example>\nSent: Tuesday\nTo: Bo\nSubject: x\n\nShall we?",
    "K-9": f"Yes, in May.\n\n-------- Original Message --------\nFrom: Maren via Trainers <noreply@trainers.example>\nSent: 5 May 2026\nTo: Bo\nSubject: Meeting\n\n{QUOTED}",
    "Proton": f"Yes, in May.\n\nSent with Proton Mail secure email.\n\n------- Original Message -------\nOn Tuesday, May 5th, 2026 at 10:11, Maren via Trainers <noreply@trainers.example> wrote:\n\n\n{QUOTED}",
    "Yahoo": f"Yes, in May.\n\n    On Tuesday, May 5, 2026 at 10:11:12 AM GMT+2, Maren via Trainers <noreply@trainers.example> wrote:  \n \n {QUOTED}",
    "Gmail, Chinese": f"Yes, in May.\n\nMaren via Trainers <noreply@trainers.example> 于2026年5月5日周二 10:11写道：\n\n{QUOTED}",
    "Gmail, Russian": f"Yes, in May.\n\nвт, 5 мая 2026 г. в 10:11, Maren via Trainers <noreply@trainers.example>:\n\n{QUOTED}",
    "Gmail, Polish": f"Yes, in May.\n\nwt., 5 maj 2026 o 10:11 Maren via Trainers <noreply@trainers.example>\nnapisał(a):\n\n{QUOTED}",
    "a mailing list's footer": "Yes, in May.\n\n_______________________________________________\nTrainers mailing list\nhttps://lists.example/trainers",
    "mutt": f"On Tue, May 05, 2026 at 10:11:12AM +0200, Maren wrote:\n{QUOTED}\n\nYes, in May.\n\n-- \nBo",
    "Roundcube, Spanish": f"El 2026-05-05 10:11, Maren escribió:\n{QUOTED}\n\nYes, in May.",
}  # fmt: skip


@pytest.mark.parametrize("style", ANSWERS)
def test_an_answer_is_what_its_writer_wrote(style: str) -> None:
    assert own_words(ANSWERS[style], ours=OURS) == "Yes, in May."


def test_answers_between_the_lines_keep_what_they_answer() -> None:
    mail = (
        "On Tue, May 5, 2026 at 10:11 Maren wrote:\n> Hello Bo,\n>\n> shall we meet in May?\n\nYes.\n\n"
        "> And where?\n\nIn Tromsø.\n\n> Maren\n> https://maren.example\n\n-- \nBo"
    )
    assert own_words(mail) == (
        "> Hello Bo,\n>\n> shall we meet in May?\n\nYes.\n\n> And where?\n\nIn Tromsø."
    )


@pytest.mark.parametrize(
    "text",
    [
        "Who: everybody\nWhen: 5 May, 10:00\nWhere: Tromsø",
        "See you at 10:00:\n\n- coffee\n- cake",
        "| a | b |\n| --- | --- |\n| 1 | 2 |",
        "Title\n--\nText below a heading",
        "Three rules\n\n---\n\nthe end",
        "Sent from my house to yours: how letters travel.\n\nA story.",
        "```python\nif a > b:\n    print('x')\n```",
        "Thanks,\nBo",
    ],
)
def test_what_only_looks_like_a_quotation_or_signature_stays(text: str) -> None:
    assert own_words(text, ours=OURS) == text


def test_a_mail_of_nothing_but_quotation_and_signature_is_empty() -> None:
    assert own_words(f"On 5 May 2026, Maren wrote:\n{QUOTED}\n\n-- \nBo") == ""


def test_broken_lines_become_paragraphs_and_nothing_else_does() -> None:
    wrapped = (
        "We have tried this with three groups, and in each of them somebody has\nasked for the slides beforehand.\n"
        "- one\n- two\nShort.\nLines.\n\n    code that is long enough to be broken by a mail program, if it were text\n    more"
    )
    assert unwrapped(wrapped) == (
        "We have tried this with three groups, and in each of them somebody has asked for the slides beforehand.\n"
        "- one\n- two\nShort.\nLines.\n\n    code that is long enough to be broken by a mail program, if it were text\n    more"
    )


@pytest.mark.parametrize(
    "hostile",
    [
        "> " * 50_000,
        "From: a@b\n" * 15_000,
        ">\na\n" * 25_000,
        "_" * 100_000,
        "On 1234 @\n" * 15_000 + "> x",
        "-" * 75_000 + "a" * 75_000,
        "Sent from " * 15_000,
        "a:" * 75_000,
    ],
)
def test_nobody_can_make_it_search_for_long(hostile: str) -> None:
    assert len(unwrapped(own_words(hostile, ours=OURS))) <= 2 * len(hostile)
