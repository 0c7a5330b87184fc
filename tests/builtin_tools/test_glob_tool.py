"""glob, by ripgrep and by Python: the same files, and those that git would list."""

import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from kt import ToolRecord

pytestmark = pytest.mark.anyio
Play = Callable[..., Awaitable[list[ToolRecord]]]
Plant = Callable[[dict[str, str]], None]


def glob(pattern: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "glob", {"pattern": pattern, **more}


def grep(pattern: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "grep", {"pattern": pattern, **more}


TREE = {
    "a.py": "",
    "a/b.py": "",
    "a.txt": "",
    "src/x.py": "",
    "src/x.ts": "",
    "src/deep/er/y.tsx": "",
    "src/deep/z.py": "",
    ".github/w.yml": "",
    ".git/config": "",
    "sub/.git": "",
    "[id].js": "",
}


@pytest.mark.parametrize(
    ("pattern", "path", "found"),
    [
        ("*.py", ".", "a/b.py a.py src/deep/z.py src/x.py"),
        ("**/*.py", ".", "a/b.py a.py src/deep/z.py src/x.py"),
        ("./*.py", ".", "a/b.py a.py src/deep/z.py src/x.py"),
        ("src/*.py", ".", "src/x.py"),
        ("src/**", ".", "src/deep/er/y.tsx src/deep/z.py src/x.py src/x.ts"),
        ("src/", ".", "src/deep/er/y.tsx src/deep/z.py src/x.py src/x.ts"),
        ("src/**/z.*", ".", "src/deep/z.py"),
        ("**/deep/**/*.{tsx,py}", ".", "src/deep/er/y.tsx src/deep/z.py"),
        ("*.ts*", ".", "src/deep/er/y.tsx src/x.ts"),
        ("?.ts", ".", "src/x.ts"),
        ("[xz].py", ".", "src/deep/z.py src/x.py"),
        ("[[]id].js", ".", "[id].js"),
        ("*.py", "src", "src/deep/z.py src/x.py"),
        ("deep/*", "src", "src/deep/z.py"),
        ("*.yml", ".", ".github/w.yml"),
        ("*", "a", "a/b.py"),
        ("config", ".git", ".git/config"),
    ],
)
async def test_glob_finds_files_in_the_order_of_their_paths(
    play: Play, plant: Plant, engine: str, pattern: str, path: str, found: str
) -> None:
    plant(TREE)
    (done,) = await play(glob(pattern, path=path))
    assert done.result is not None
    assert done.result.split() == found.split()


async def test_glob_says_that_nothing_matches_and_where_it_stopped(play: Play, plant: Plant, engine: str) -> None:
    plant({f"{n:04}.txt": "" for n in range(1500)})
    none, many = await play(glob("*.md"), glob("*.txt"))
    assert none.result == "no file matches '*.md'"
    assert many.result is not None
    assert many.result.splitlines()[198:] == ["0198.txt", "0199.txt", "[only the first 200; narrow the pattern]"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"pattern": "/etc/*"}, "the pattern '/etc/*' must be relative (give the folder as path)"),
        ({"pattern": "../*"}, "the pattern '../*' must be relative (give the folder as path)"),
        ({"pattern": "{a,b}" * 8}, f"the pattern {'{a,b}' * 8!r} stands for too many"),
        ({"pattern": "*", "path": "fil"}, "'fil' does not exist (did you mean file?)"),
        ({"pattern": "*", "path": "file"}, "'file' is a file (give a folder)"),
        ({"pattern": "*", "path": ".."}, "denied: '..' is outside the working folder"),
        ({"pattern": "*", "path": "out"}, "denied: 'out' is outside the working folder"),
    ],
)
async def test_glob_says_why_it_cannot(
    play: Play, tmp_path: Path, engine: str, arguments: dict[str, Any], error: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "out").symlink_to("..")
    (done,) = await play(("glob", arguments))
    assert done.error == error


# .gitignore

IGNORED = {
    ".gitignore": "\ufeff*.log\r\n# comment\n/build\nout/\n!keep.log\n\\#odd\n!\n/\n"
    "docs/**/tmp\n**/gen/*.c\na/b.txt\n*.[oa]\n logs \nfoo\\ \n",
    "sub/.gitignore": "!x.log\nlocal\n/anchored\n",
    "white/.gitignore": "*\n!*/\n!*.py\n!.gitignore\n",
    "x.log": "",
    "keep.log": "",
    "build/a": "",
    "sub/build/a": "",
    "out/a": "",
    "sub/out/a": "",
    "docs/tmp": "",
    "docs/1/2/tmp": "",
    "docs/1/temp": "",
    "gen/a.c": "",
    "x/gen/a.c": "",
    "x/gen/in/a.c": "",
    "a/b.txt": "",
    "sub/a/b.txt": "",
    "lib.o": "",
    "#odd": "",
    "sub/x.log": "",
    "sub/deep/x.log": "",
    "sub/deep/y.log": "",
    "sub/local/a": "",
    "sub/anchored": "",
    "sub/deep/anchored": "",
    "white/a.py": "",
    "white/b.txt": "",
    "white/in/c.py": "",
    "white/in/d.txt": "",
    " logs ": "",
    "foo ": "",
    "foo": "",
    "dir.log/a": "",
}


def listed_by_git(folder: Path) -> list[str]:
    git = shutil.which("git", path=os.defpath + ":/usr/local/bin")
    assert git is not None
    subprocess.run([git, "init", "-q", str(folder)], check=True)
    command = [git, "-C", str(folder), "ls-files", "-z", "--others", "--exclude-standard"]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")[:-1]


async def test_what_git_ignores_is_left_out(play: Play, plant: Plant, tmp_path: Path, engine: str) -> None:
    plant(IGNORED)
    expected = listed_by_git(tmp_path)
    (done,) = await play(glob("**"))
    assert done.result is not None
    assert sorted(line.strip('"') for line in done.result.splitlines()) == sorted(expected)


@pytest.mark.parametrize(
    "path", ["sub", "sub/deep", "white/in", "docs", "out", "sub/local", "build", "x/gen", "dir.log"]
)
async def test_a_folder_in_the_middle_follows_the_rules_above_it(
    play: Play, plant: Plant, tmp_path: Path, engine: str, path: str
) -> None:
    """Rules above the working folder do not count, nor do any above a folder that they ignore itself."""
    (tmp_path.parent / ".ignore").write_text("*\n")
    plant(IGNORED)
    whole, part, lines = await play(glob("**"), glob("**", path=path), grep("", path=path))
    assert whole.result is not None
    assert part.result is not None
    inside = [line for line in whole.result.splitlines() if line.strip('"').startswith(path + "/")]
    assert part.result.splitlines() == (inside or [f"{path}/a"])
    assert lines.error is None
    (tmp_path.parent / ".ignore").unlink()
