"""What is read from Slack exports: as Slack and the tools around it write them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from fedserver.archives import slack as reading
from fedserver.archives.mrkdwn import to_markdown
from fedserver.archives.records import LeftOut, Message, NotAnArchive
from fedserver.archives.slack import SlackExport
from tests.archives.samples import large_slack, measured, said, slack, slack_user, ts

WORKSPACE: dict[str, Any] = {
    "users.json": [
        slack_user("U1", "Ana Silva", "ana@example.org"),
        slack_user("U2", "Bo", "bo@example.org", deleted=True),
        slack_user("U3", "Helper", is_bot=True),
    ],
    "channels.json": [{"id": "C1", "name": "general"}, {"id": "C2", "name": "help"}],
    "groups.json": [{"id": "G1", "name": "board"}],
    "dms.json": [{"id": "D1", "members": ["U1", "U2"]}],
    "D1/2019-03-04.json": [said("U1", "private words")],
    "board/2019-03-04.json": [said("U1", "confidential")],
    "integration_logs.json": [],
}


def read(
    path: Path, *rows: dict[str, Any], channels: tuple[str, ...] = (), **files: Any
) -> list[Message | LeftOut]:
    archive = SlackExport(
        slack(path / "export.zip", WORKSPACE | {"general/2019-03-04.json": list(rows)} | files), channels
    )
    try:
        found = list(archive.entries())
        assert len(found) == archive.total
        assert len(list(archive.entries(1))) == max(0, len(found) - 1)
        return found
    finally:
        archive.close()


def only(path: Path, row: dict[str, Any], **files: Any) -> Message:
    (found,) = read(path, row, **files)
    assert isinstance(found, Message)
    return found


def test_a_message_is_read_with_its_author_date_and_channel(tmp_path: Path) -> None:
    found = only(tmp_path, said("U1", "Hello *all*", edited={"user": "U1", "ts": ts(5)}))
    assert found.external_id == f"C1/{ts()}"
    assert (found.author.name, found.author.email, found.author.is_bot) == (
        "Ana Silva",
        "ana@example.org",
        False,
    )
    assert (found.at_ms, found.edited_at_ms) == (1551690000000, 1551690300000)
    assert (found.text, found.media_type, list(found.tags)) == ("Hello **all**", "text/markdown", ["general"])


def test_threads_are_kept(tmp_path: Path) -> None:
    first, answer, broadcast = read(
        tmp_path,
        said("U1", "Where?", thread_ts=ts(), reply_count=2),
        said("U2", "Here.", 3, thread_ts=ts(), parent_user_id="U1"),
        said("U1", "There, too", 4, thread_ts=ts(), subtype="thread_broadcast"),
    )
    assert [list(one.ancestors) for one in (first, answer, broadcast)] == [[], [f"C1/{ts()}"], [f"C1/{ts()}"]]  # type: ignore[union-attr]


def test_days_and_messages_are_read_in_their_order(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        said("U1", "second", 2),
        said("U1", "first", 1),
        **{
            "general/2019-03-03.json": [said("U1", "before", -1440)],
            "help/2019-03-01.json": [said("U2", "elsewhere")],
        },
    )
    assert [one.text for one in found] == ["before", "first", "second", "elsewhere"]  # type: ignore[union-attr]


def test_private_channels_are_read_only_when_named_and_direct_messages_never(tmp_path: Path) -> None:
    assert [one.text for one in read(tmp_path, said("U1", "public"))] == ["public"]  # type: ignore[union-attr]
    assert [one.text for one in read(tmp_path, channels=("#board",))] == ["confidential"]  # type: ignore[union-attr]
    for absent in ("D1", "nowhere"):
        with pytest.raises(NotAnArchive, match=f"no channel #{absent}"):
            read(tmp_path, channels=(absent,))


def test_who_came_and_went_is_left_out_without_a_word(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        said("U1", "<@U1> has joined", subtype="channel_join"),
        said("USLACKBOT", "This message was deleted.", 1, subtype="tombstone", hidden=True),
        said("U1", "?", 2, subtype="never_heard_of"),
        said("U1", "", 3),
        {"type": "message", "text": "no date", "user": "U1"},
        {"type": "message", "text": "nobody", "ts": ts(4)},
    )
    assert all(isinstance(one, LeftOut) for one in found)
    assert [one.expected for one in found].count(True) == 2  # type: ignore[union-attr]


def test_bots_and_guests_have_names(tmp_path: Path) -> None:
    bot, guest, unknown = read(
        tmp_path,
        {
            "type": "message",
            "subtype": "bot_message",
            "bot_id": "B1",
            "username": "Calendar",
            "text": "Now",
            "ts": ts(),
        },
        said("U77", "Hello", 1, user_profile={"real_name": "Guest", "display_name": ""}),
        said("U88", "Hello", 2),
    )
    assert (bot.author.name, bot.author.is_bot) == ("Calendar", True)  # type: ignore[union-attr]
    assert guest.author.name == "Guest"  # type: ignore[union-attr]
    assert unknown.author.name == "U88"  # type: ignore[union-attr]


def test_cards_of_bots_are_quoted_and_previews_are_not(tmp_path: Path) -> None:
    card = {
        "title": "Call",
        "title_link": "https://x.org/call",
        "text": "At *ten*",
        "fields": [{"title": "Room", "value": "1"}],
    }
    preview = {"from_url": "https://x.org/page", "title": "A page", "text": "Long words"}
    found = only(tmp_path, said("U1", "see <https://x.org/page>", attachments=[card, preview]))
    assert found.text == (
        "see https://x.org/page\n\n> [Call](<https://x.org/call>)\n>\n> At **ten**\n>\n> **Room**: 1"
    )


def test_files_are_taken_from_the_archive_where_they_are_in_it(tmp_path: Path) -> None:
    files = [
        {"id": "F1", "name": "plan.png", "url_private": "https://files.slack.com/F1"},
        {"id": "F2", "name": "notes.pdf", "permalink": "https://x.slack.com/files/F2"},
        {"id": "F3", "mode": "tombstone"},
    ]
    path = slack(
        tmp_path / "x.zip",
        WORKSPACE
        | {"general/2019-03-04.json": [said("U1", "", files=files)], "__uploads/F1/plan.png": b"picture"},
    )
    archive = SlackExport(path)
    (found,) = archive.entries()
    assert isinstance(found, Message)
    assert [(one.name, one.url, one.save is not None) for one in found.files] == [
        ("plan.png", "https://files.slack.com/F1", True),
        ("notes.pdf", "https://x.slack.com/files/F2", False),
    ]
    found.files[0].save(tmp_path / "saved")  # type: ignore[misc]
    assert (tmp_path / "saved").read_bytes() == b"picture"
    archive.close()


def test_an_export_within_a_folder_is_read_too(tmp_path: Path) -> None:
    files = {f"Workspace/{name}": content for name, content in WORKSPACE.items()}
    files["Workspace/general/2019-03-04.json"] = [said("U1", "inside")]
    archive = SlackExport(slack(tmp_path / "x.zip", files))
    assert [one.text for one in archive.entries()] == ["inside"]  # type: ignore[union-attr]
    archive.close()


@pytest.mark.parametrize(
    ("slack_text", "markdown"),
    [
        ("<@U1> and <@U9|bo> and <@U9>", "**Ana** and **bo** and **U9**"),
        ("<#C1> <#C9|old>", "#general #old"),
        (
            "<!here> <!subteam^S1|@trainers> <!date^1392734382^{date}|18 Feb>",
            "**@here** **@trainers** **18 Feb**",
        ),
        ("<https://x.org/?a=1&amp;b=2|this [page]>", r"[this \[page\]](<https://x.org/?a=1&b=2>)"),
        ("<https://x.org> <mailto:a@x.org|a@x.org>", "https://x.org a@x.org"),
        ("<javascript:alert(1)|click>", "click"),
        ("*bold* _slanted_ ~struck~ 2*3*4 a_b_c", "**bold** _slanted_ ~~struck~~ 2*3*4 a_b_c"),
        ("`*x* &lt; <http://y.z|y.z>`", "`*x* < y.z`"),
        ("```\na &lt; b\n*c*```", "```\na < b\n*c*\n```"),
        ("&gt; said\nanswered", "> said\n\nanswered"),
        ("before\n&gt;&gt;&gt; all\nof it", "before\n> all\n> of it"),
        ("• one\n• two", "- one\n- two"),
        ("# no heading\n[no](link)\n---", "\\# no heading\n\\[no\\](link)\n\\---"),
        (":tada: :+1::skin-tone-3: :flag-de: :our_own: 10:30:45", "🎉 👍🏼 🇩🇪 :our_own: 10:30:45"),
        ("&lt;b&gt; &amp;amp;", "<b> &amp;"),
        ("\ue0000\ue001", "0"),
    ],
)
def test_slacks_markup_becomes_markdown(slack_text: str, markdown: str) -> None:
    names, channels = {"U1": "Ana"}, {"C1": "general"}
    found = to_markdown(
        slack_text, name_of=lambda one: names.get(one, ""), channel_of=lambda one: channels.get(one, "")
    )
    assert found == markdown


def test_files_that_are_no_export_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"From a@b.org")
    with pytest.raises(NotAnArchive, match="not a zip"):
        SlackExport(tmp_path / "x")
    with pytest.raises(NotAnArchive, match=r"no users\.json"):
        SlackExport(slack(tmp_path / "y", {"readme.txt": "x"}))
    with pytest.raises(NotAnArchive, match="is not JSON"):
        SlackExport(slack(tmp_path / "z", WORKSPACE | {"general/2019-03-04.json": b"{"}))


def test_zips_that_would_fill_a_disk_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = WORKSPACE | {"general/2019-03-04.json": b" " * 40_000_000}
    with pytest.raises(NotAnArchive, match="unpacks to far more"):
        SlackExport(slack(tmp_path / "bomb.zip", bomb))
    monkeypatch.setattr(reading, "DAY_BYTES_MAX", 1_000)
    with pytest.raises(NotAnArchive, match="larger than"):
        SlackExport(
            slack(tmp_path / "large.zip", WORKSPACE | {"general/2019-03-04.json": [said("U1", "x" * 2_000)]})
        )


def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    path = slack(tmp_path / "x.zip", WORKSPACE | {"general/2019-03-04.json": [said("U1", "x" * 50_000)]})
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("general/2019-03-04.json").file_size
    content = path.read_bytes()
    path.write_bytes(content.replace(size.to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(NotAnArchive):
        SlackExport(path)


def test_a_workspace_of_500_members_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    large = large_slack(tmp_path / "large.zip", days=40)
    count, peak_bytes = measured(lambda: SlackExport(large))
    assert count == 4_000
    assert peak_bytes < 12_000_000
