"""Custom emoji: brought in by commands, written in posts and profiles, known to other servers."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from fedserver import emojis
from fedserver.context import Server
from fedserver.emojis import Pack
from fedserver.errors import Conflict, Invalid
from tests.api.uploads import picture
from tests.members import Person
from tests.running import RunningServer


def saved(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def moving(kind: str) -> bytes:
    """A picture with two frames."""
    frames = [Image.new("RGB", (30, 20), colour) for colour in ("teal", "gold")]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=100)
    return file.getvalue()


async def test_emoji_are_written_in_posts_and_profiles_and_federate(
    server: Server, alice: Person, nobody: Person, tmp_path: Path
) -> None:
    await emojis.add(server, "blob_cat", saved(tmp_path, "cat.gif", moving("GIF")), category="Animals")
    await emojis.add(server, "hidden", saved(tmp_path, "hidden.png", picture()), listed=False)
    (shown,) = await nobody.get("/api/v1/custom_emojis")
    assert (shown["shortcode"], shown["category"], shown["visible_in_picker"]) == (
        "blob_cat",
        "Animals",
        True,
    )
    assert shown["url"] != shown["static_url"]

    await alice.patch("/api/v1/accounts/update_credentials", {"display_name": "Alice :hidden:"})
    post = await alice.post("/api/v1/statuses", {"status": "Hello :blob_cat: :nothing:"})
    assert [one["shortcode"] for one in post["emojis"]] == ["blob_cat"]
    assert [one["shortcode"] for one in post["account"]["emojis"]] == ["hidden"]
    page = await (await nobody.raw("GET", f"/@alice/{post['id']}")).text()
    assert f'<img class="emoji" src="{shown["url"]}"' in page
    document = await server.db.read(server.publish.documents.post_document, int(post["id"]))
    (tag,) = [one for one in document["tag"] if one["type"] == "Emoji"]
    assert (tag["name"], tag["icon"]["url"]) == (":blob_cat:", shown["url"])
    of_its_own = server.publish.documents.emoji_document((await emojis.listed(server))[-1])
    assert tag.items() < of_its_own.items()
    assert "updated" in of_its_own

    await emojis.add(server, "blob_cat", saved(tmp_path, "new.png", picture()), replaces=True)
    (other,) = (await nobody.get(f"/api/v1/statuses/{post['id']}"))["emojis"]
    assert other["url"] != shown["url"]
    assert (await nobody.get("/api/v1/custom_emojis"))[0]["category"] == "Animals"
    await emojis.disable(server, "blob_cat")
    assert await nobody.get("/api/v1/custom_emojis") == []
    assert (await alice.post("/api/v1/statuses", {"status": "Again :blob_cat:"}))["emojis"] == []
    assert (await nobody.get(f"/api/v1/statuses/{post['id']}"))["emojis"] == [other]
    await emojis.remove(server, "blob_cat")
    assert (await nobody.get(f"/api/v1/statuses/{post['id']}"))["emojis"] == []


async def test_what_is_no_emoji_is_refused(server: Server, tmp_path: Path) -> None:
    good = saved(tmp_path, "good.png", picture())
    await emojis.add(server, "good", good)
    with pytest.raises(Conflict):
        await emojis.add(server, "good", good)
    for shortcode, data in (
        ("a", picture()),
        ("with space", picture()),
        ("x" * 65, picture()),
        ("script", b"<svg onload='alert(1)'/>"),
        ("large", picture() + bytes(emojis.BYTES_MAX)),
    ):
        with pytest.raises(Invalid):
            await emojis.add(server, shortcode, saved(tmp_path, "bad.png", data))
    assert [one.shortcode for one in await emojis.listed(server)] == ["good"]


def packed(folder: Path, kind: str) -> Path:
    """A pack with good pictures, and with names and entries that lead elsewhere."""
    inside = {
        "cats/Blob Cat.png": picture(),
        "dog.webp": moving("WEBP"),
        "../../evil.png": picture(),
        "readme.txt": b"x",
    }
    inside |= {"large.png": picture() + bytes(emojis.BYTES_MAX), "._dog.png": picture()}
    pack = folder / f"pack.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(pack, "w") as archive:
            for name, data in inside.items():
                archive.writestr(name, data)
    elif kind == "tar.gz":
        with tarfile.open(pack, "w:gz") as archive:
            for name, data in inside.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
            link = tarfile.TarInfo("link.png")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
    else:
        for name, data in inside.items():
            path = pack / name.replace("../", "")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return pack


async def test_packs_are_read_and_nothing_is_written_where_their_names_lead(
    server: Server, tmp_path: Path
) -> None:
    for kind in ("folder", "zip", "tar.gz"):
        pack, prefix = packed(tmp_path, kind), f"{kind[:3]}_"
        done = await emojis.import_pack(server, pack, Pack(prefix=prefix, category="Pack"))
        assert sorted(done.added) == [f"{prefix}{name}" for name in ("Blob_Cat", "dog", "evil")]
        assert list(done.refused) == ["large.png"]
        again = await emojis.import_pack(server, pack, Pack(prefix=prefix))
        assert (again.added, sorted(again.skipped)) == ([], sorted(done.added))
    assert not (tmp_path.parent / "evil.png").exists()
    with pytest.raises(Invalid):
        await emojis.import_pack(server, saved(tmp_path, "no.zip", b"PK\x03\x04nonsense"), Pack())


def test_a_pack_is_brought_in_beside_a_running_server(running_server: RunningServer, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    saved(pack, "wave.png", picture())
    done = running_server.command_json(
        "emoji", "import", str(pack), "--prefix", "cli_", "--category", "Hands"
    )
    assert done == {"added": ["cli_wave"], "skipped": [], "refused": {}}
    named = {one["shortcode"]: one for one in running_server.nobody().get("/api/v1/custom_emojis")}
    assert named["cli_wave"]["category"] == "Hands"
    assert running_server.nobody().raw("GET", named["cli_wave"]["url"]).status_code == 200
