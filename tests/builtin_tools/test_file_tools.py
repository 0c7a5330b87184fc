"""read, write and tree, called as a model calls them."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from kt import Media, ToolRecord, ToolResult
from kt.events import ToolEnded
from kt.testing import EventRecorder, running

pytestmark = pytest.mark.anyio
Play = Callable[..., Awaitable[list[ToolRecord]]]

IMAGES = {
    "image/png": b"\x89PNG\r\n\x1a\n\0\0",
    "image/jpeg": b"\xff\xd8\xff\xe0\0",
    "image/gif": b"GIF89a\0",
    "image/webp": b"RIFF\0\0\0\0WEBPVP8 ",
}
NAMES = ["new\nline", "-rf", "--help", " space ", "ünï✓", "a'b\"c", "*?[x]", "back\\slash"]


def read(path: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "read", {"path": path, **more}


def write(path: str, content: str) -> tuple[str, dict[str, Any]]:
    return "write", {"path": path, "content": content}


def edit(path: str, old: str, new: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "edit", {"path": path, "old": old, "new": new, **more}


async def test_read_numbers_the_lines(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("one\r\n\ntwo ✓\x0ctail".encode())
    (done,) = await play(read("a"))
    assert done.result == "1\tone\n2\t\n3\ttwo ✓\x0ctail"


async def test_read_takes_a_part_and_says_what_remains(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("".join(f"line {n}\n" for n in range(1, 11)))
    part, end, beyond = await play(read("a", offset=3, limit=2), read("a", offset=9), read("a", offset=11))
    assert part.result == "3\tline 3\n4\tline 4\n[lines 3-4 of 10; go on with offset 5]"
    assert end.result == "9\tline 9\n10\tline 10"
    assert beyond.error == "'a' has only 10 lines"


@pytest.mark.parametrize("bad", [{"offset": 0}, {"limit": 0}, {"offset": -1}])
async def test_read_counts_from_one(play: Play, tmp_path: Path, bad: dict[str, int]) -> None:
    (tmp_path / "a").write_text("x")
    (done,) = await play(read("a", **bad))
    assert done.error == "offset and limit count from 1"


async def test_read_says_that_a_file_is_empty(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (done,) = await play(read("a"))
    assert done.result == "(the file is empty)"


async def test_read_bounds_a_line_and_the_whole(play: Play, tmp_path: Path) -> None:
    (tmp_path / "wide").write_text("x" * 5000 + "\nend\n")
    (tmp_path / "long").write_text(("y" * 999 + "\n") * 5000)
    wide, long = await play(read("wide"), read("long"))
    assert wide.result == f"1\t{'x' * 2000} [... 3,000 more characters]\n2\tend"
    assert long.result is not None
    assert len(long.result) < 52_000
    assert long.result.endswith("[lines 1-50 of 5000; go on with offset 51]")


async def test_read_shows_broken_utf8_and_no_byte_order_mark(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfcaf\xe9\n")
    (done,) = await play(read("a"))
    assert done.result == "1\tcaf\ufffd"


@pytest.mark.parametrize("mime", IMAGES)
async def test_read_gives_an_image_as_media(tmp_path: Path, mime: str) -> None:
    (tmp_path / "picture").write_bytes(IMAGES[mime])
    async with running([[read("picture")], "done"], tools=["read"], pwd=tmp_path) as agent:
        events = EventRecorder(agent)
        await agent.run("go")
        result: ToolResult = events.of(ToolEnded)[0].result
    assert result.parts == [Media(mime, data=IMAGES[mime], name="picture", origin="file")]


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("binary", "'binary' is a binary file (look at it with bash)"),
        ("folder", "'folder' is a folder (list it with tree)"),
        ("huge", "'huge' is too large (6 MB) (search it with grep, or take a part of it with bash)"),
        ("binari", "'binari' does not exist (did you mean binary?)"),
        ("none/at/all", "'none/at/all' does not exist (there is no folder 'none/at' either)"),
        ("fifo", "'fifo' is no regular file"),
        ("../x", "denied: '../x' is outside the working folder"),
        ("out/passwd", "denied: 'out/passwd' is outside the working folder"),
    ],
)
async def test_read_says_why_it_cannot(play: Play, tmp_path: Path, path: str, error: str) -> None:
    (tmp_path / "binary").write_bytes(b"a\0b")
    (tmp_path / "folder").mkdir()
    (tmp_path / "huge").write_bytes(b"")
    os.truncate(tmp_path / "huge", 6_000_000)
    (tmp_path / "out").symlink_to("/etc")
    os.mkfifo(tmp_path / "fifo")
    (done,) = await play(read(path))
    assert done.error == error


@pytest.mark.parametrize("name", NAMES)
async def test_odd_names_are_written_read_edited_and_listed(play: Play, tmp_path: Path, name: str) -> None:
    wrote, seen, edited, listed = await play(
        write(name, "one\n"), read(name), edit(name, "one", "two"), ("tree", {"path": "."})
    )
    assert (tmp_path / name).read_text() == "two\n"
    assert seen.result == "1\tone"
    for text in (wrote.result, edited.result, listed.result):
        assert text is not None
        text.encode()
        assert len(text.splitlines()) == (4 if text is edited.result else 1)


async def test_write_creates_with_folders_and_updates_what_it_wrote(play: Play, tmp_path: Path) -> None:
    created, updated = await play(write("a/b.txt", "one\ntwo"), write("a/b.txt", ""))
    assert created.result == "created a/b.txt (2 lines)"
    assert updated.result == "updated a/b.txt (2 lines before, 0 now)"
    assert (tmp_path / "a/b.txt").read_bytes() == b""


async def test_write_and_edit_refuse_what_was_not_read_or_changed_since(play: Play, tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("old")
    records = await play(
        write("a", "new"),
        edit("a", "old", "new"),
        read("a"),
        lambda: file.write_text("OLD"),
        write("a", "new"),
        edit("a", "OLD", "new"),
        read("a"),
        edit("a", "OLD", "new"),
        write("a", "newer"),
    )
    assert [r.error for r in records] == [
        *["'a' was not read in this conversation (read it first)"] * 2,
        None,
        *["'a' changed on disk since it was read (read it again)"] * 2,
        *[None] * 3,
    ]
    assert file.read_text() == "newer"


async def test_a_file_that_was_only_touched_counts_as_unchanged(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    *_, done = await play(read("a"), lambda: os.utime(tmp_path / "a", (1, 1)), write("a", "new"))
    assert done.error is None


async def test_what_was_read_by_another_name_counts_as_read(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "link").symlink_to("a")
    *_, done = await play(read("link"), write(str(tmp_path / "a"), "new"))
    assert done.error is None


async def test_one_agents_reading_is_not_anothers(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    await play(read("a"))
    (done,) = await play(write("a", "new"))
    assert done.error == "'a' was not read in this conversation (read it first)"


@pytest.mark.parametrize(
    ("path", "content", "error"),
    [
        ("folder", "x", "'folder' is a folder (list it with tree)"),
        ("file/x", "x", "'file/x' does not exist: a name on the way is no folder"),
        ("", "x", "'' is a folder (list it with tree)"),
        ("../x", "x", "denied: '../x' is outside the working folder"),
    ],
)
async def test_write_says_why_it_cannot(play: Play, tmp_path: Path, path: str, content: str, error: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (done,) = await play(write(path, content))
    assert done.error == error


async def test_tree_lists_to_its_depth_without_what_is_ignored(play: Play, tmp_path: Path) -> None:
    for name in ("a/b/c/d.txt", "a/z.log", ".hidden", ".git/config", "B", "node_modules/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".gitignore").write_text("*.log\nnode_modules/\n")
    whole, one, part, ignored = await play(
        ("tree", {}), ("tree", {"depth": 1}), ("tree", {"path": "a", "depth": 9}), ("tree", {"path": "node_modules"})
    )
    assert whole.result == ".gitignore\n.hidden\nB\na/\n  b/"
    assert one.result == ".gitignore\n.hidden\nB\na/"
    assert part.result == "b/\n  c/\n    d.txt"
    assert ignored.result == "x"


async def test_tree_shows_where_links_lead_and_does_not_follow_them(play: Play, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/up").symlink_to("..")
    (tmp_path / "out").symlink_to("/etc")
    (done,) = await play(("tree", {"depth": 20}))
    assert done.result == "out -> (outside)\nreal/\n  up -> ."


async def test_tree_writes_names_so_that_each_is_one_line_of_valid_text(play: Play, tmp_path: Path) -> None:
    for name in ("a\nb", "bad\udcff", "\x1b[31m", "\u202egpj"):
        (tmp_path / name).touch()
    (done,) = await play(("tree", {}))
    assert done.result == '"\\u001b[31m"\n"a\\nb"\n"bad\\udcff"\n"\\u202egpj"'


async def test_tree_is_bounded(play: Play, tmp_path: Path) -> None:
    for folder in range(8):
        for number in range(150):
            file = tmp_path / f"{folder}/{number:03}"
            file.parent.mkdir(exist_ok=True)
            file.touch()
    one, whole = await play(("tree", {"path": "0"}), ("tree", {}))
    assert one.result is not None
    assert one.result.splitlines()[99:] == ["099", "[... 50 more]"]
    assert whole.result is not None
    assert len(whole.result.splitlines()) == 501
    assert whole.result.endswith("\n[... more; list a folder of its own, or less deep]")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"path": "fil"}, "'fil' does not exist (did you mean file?)"),
        ({"path": "file"}, "'file' is a file (use read)"),
        ({"depth": 0}, "depth counts from 1"),
        ({"path": ".."}, "denied: '..' is outside the working folder"),
    ],
)
async def test_tree_says_why_it_cannot(play: Play, tmp_path: Path, arguments: dict[str, Any], error: str) -> None:
    (tmp_path / "file").touch()
    (done,) = await play(("tree", arguments))
    assert done.error == error


async def test_tree_goes_on_past_a_folder_it_may_not_read(plain_user: Path) -> None:
    (plain_user / "a").mkdir(mode=0o000)
    (plain_user / "b").touch()
    async with running([[("tree", {})], "done"], tools=["tree"], pwd=plain_user) as agent:
        result = await agent.run("go")
    (plain_user / "a").chmod(0o755)
    assert result.tool_calls[0].result == "a/\n  [cannot be read]\nb"
