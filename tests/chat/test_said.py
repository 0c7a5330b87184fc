"""What a person types and what of it goes to the agent; what a model says and what of it a terminal gets."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt import Media, Text
from kt.testing import running
from kt_chat.attach import message_of, shown_of
from kt_chat.files import files_of, matching
from kt_chat.inert import inert, one_line
from kt_chat.notes import note_down
from kt_chat.paste import Pastes
from kt_chat.titles import title_of

pytestmark = pytest.mark.anyio
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@given(st.text())
def test_what_is_inert_is_seen_and_moves_nothing(text: str) -> None:
    shown = inert(text)
    assert inert(shown) == shown
    assert all(c in "\t\n" or not (ord(c) < 32 or 127 <= ord(c) < 160) for c in shown)
    assert not set(shown) & set("\u200b\u200e\u202e\u2066\ufeff\xad\u3164")
    assert "\n" not in one_line(text)


@given(st.text(), st.integers(5, 60))
def test_one_line_is_never_longer(text: str, most: int) -> None:
    assert len(one_line(text, most)) <= most


@pytest.mark.parametrize(
    ("name", "arguments", "title"),
    [
        ("bash", {"command": "ls -la", "timeout": 20}, "ls -la timeout=20"),
        ("read", {"path": "a.txt", "offset": None}, "a.txt"),
        ("edit", {"path": "a.txt", "old": "x", "new": "y"}, "a.txt"),
        ("todo", {"items": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}, "items=[3]"),
        ("tree", None, ""),
    ],
)
def test_a_call_on_one_line(name: str, arguments: dict[str, object] | None, title: str) -> None:
    assert title_of(name, arguments) == title


async def test_files_that_are_named_go_along(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("the text")
    (tmp_path / "my file.txt").write_text("spaces")
    (tmp_path / "pic.png").write_bytes(PNG)
    (tmp_path / "big.txt").write_text("x" * 60_000)
    async with running(pwd=tmp_path) as agent:
        words = 'see @a.txt, @"my file.txt" @pic.png @big.txt @gone.txt and me@a.txt'
        first, *rest = message_of(agent, words)
        assert isinstance(first, Text)
        assert (first.text, first.origin) == (words, "")
        texts = [part.text for part in rest if isinstance(part, Text)]
        assert texts == ['<file path="a.txt">\nthe text\n</file>', '<file path="my file.txt">\nspaces\n</file>']
        assert [part.mime for part in rest if isinstance(part, Media)] == ["image/png"]
        pending = agent.send([first, *rest])
        assert shown_of(pending.message) == f"{words} (+3)"


@pytest.mark.parametrize(("there", "file"), [((), "AGENTS.md"), (("CLAUDE.md",), "CLAUDE.md")])
async def test_a_note_goes_where_agents_read(tmp_path: Path, there: tuple[str, ...], file: str) -> None:
    (tmp_path / ".git").mkdir()
    for name in there:
        (tmp_path / name).write_text("Old words, no line end")
    (tmp_path / "inner").mkdir()
    async with running(plugins=["skills"], pwd=tmp_path / "inner") as agent:
        assert await note_down(agent, " use tabs") == tmp_path / file
        assert (tmp_path / file).read_text().endswith("- use tabs\n")
        assert "use tabs" in agent.system


def test_the_files_of_a_repository_are_those_that_git_does_not_ignore(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    mark = tmp_path / "ran"
    subprocess.run(["git", "config", "core.fsmonitor", f"touch {mark}; false"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text("*.log\n")
    for name in ("src/deep/main.py", "readme.md", "noise.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    found = files_of(tmp_path)
    assert found == [".gitignore", "readme.md", "src/deep/main.py"]
    assert not mark.exists()
    assert matching(found, "main") == ["src/deep/main.py"]
    assert matching(found, "sdm") == ["src/deep/main.py"]


def test_without_git_hidden_files_are_left_out(tmp_path: Path) -> None:
    for name in ("a.py", ".secret", ".hidden/b.py", "node_modules/c.js"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert files_of(tmp_path) == ["a.py"]


def test_a_large_paste_is_named_and_sent_whole(tmp_path: Path) -> None:
    pastes, text = Pastes(), "\r\n".join(f"line {n}" for n in range(100))
    (tmp_path / "pic.png").write_bytes(PNG)
    assert pastes.taken("two\nlines") == "two\nlines"
    named, picture = pastes.taken(text), pastes.taken(str(tmp_path / "pic.png"))
    assert (named, picture) == ("[pasted 1: 100 lines]", "[image 1: pic.png]")
    whole, (media,) = pastes.whole(f"look: {named} {picture} [pasted 9: x]")
    assert whole == f"look: {text.replace(chr(13), '')} {picture} [pasted 9: x]"
    assert isinstance(media, Media)
    assert media.data == PNG
