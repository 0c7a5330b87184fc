"""What is left out of the look at a folder is what git leaves out."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kt_checkpoints.ignore import Ignored, runs_of
from kt_checkpoints.scan import scan

FILES = [
    "a",
    "b.log",
    "a/b",
    "a/b.log",
    "a/a/a",
    "a/b/a",
    "b/a",
    "b/b.log",
    "c/a/b/c",
    "build/a",
    "a/build/b",
    "!x",
    "#x",
]
NAMES = [
    "a",
    "b",
    "*",
    "*.log",
    "?",
    "[ab]",
    "[!a]",
    "b*",
    "build",
    "**",
    "\\a",
    "c",
    "b.l*g",
    "\\!x",
    "\\#x",
    "[a-c]*",
]


@st.composite
def line(draw: st.DrawFn) -> str:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3))
    return draw(st.sampled_from(["", "!", "/", "!/"])) + "/".join(names) + draw(st.sampled_from(["", "/", " "]))


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@given(st.lists(line(), max_size=4), st.lists(line(), max_size=2))
@settings(max_examples=100, deadline=None)
def test_the_same_files_are_left_out_as_by_git(top: list[str], inner: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        made = [path for path in FILES if not any(other.startswith(f"{path}/") for other in FILES)]
        for path in made:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text("x")
        (root / ".gitignore").write_text("\n".join(top))
        (root / "a" / ".gitignore").write_text("\n".join(inner))
        subprocess.run(["git", "init", "-q"], cwd=root, check=True)
        listed = subprocess.run(
            ["git", "-c", "core.excludesFile=", "ls-files", "-co", "--exclude-standard", "-z"],
            cwd=root, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        assert sorted(scan(root, 1000).files) == sorted(filter(None, listed.split("\0")))


def test_a_pattern_takes_no_exponential_time() -> None:
    ignored = Ignored()
    ignored.learn("", "*a" * 60 + "b\n" + "**/a/" * 40 + "b\n" + "a*" * 60 + "/" + "*a" * 60 + "b")
    assert not ignored("a" * 250, False)
    assert not ignored("/".join("a" * 200), False)


def test_a_file_that_was_written_just_now_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    assert scan(tmp_path, 10).recent == {"a"}


def test_lines_without_a_meaning_are_passed_over() -> None:
    assert runs_of("\n# a\n   \n!\n/\n[z-a]\n") == []


def test_links_and_deep_folders_are_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    (root / "in").mkdir(parents=True)
    (root / "way").symlink_to(outside)
    (root / "in" / "loop").symlink_to("..")
    found = scan(root, 1000)
    assert (found.files, found.folders, found.unseen, found.complete) == ({}, {"in"}, {"way", "in/loop"}, True)
    (root / "/".join("d" * 210)).mkdir(parents=True)
    assert not scan(root, 1000).complete
