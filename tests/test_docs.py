"""The docs are true: every block of every page runs, and prints what the page says it prints.

Conventions of a page, whose blocks run in order in a folder of their own:
- ```python runs, with top-level await, in one namespace a page; its lines `# > text` are what the block prints.
- ```console runs its lines `$ command`; lines below a command are what it prints. A command that ends with
  `# needs ...` (a model, a key, the network, a terminal) is shown only, but must be one that `kt` knows.
- A block right below the bold name of a file is written to that file.
- `...` in printed text stands for anything.
"""

import ast
import asyncio
import contextlib
import inspect
import io
import os
import re
import shutil
import subprocess
import sys
import types
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from kt import Host

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
FENCE = re.compile(
    r"^(?:\*\*`(?P<file>[^`\n]+)`\*\*\n)?```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
NEEDS = re.compile(r"\s# needs (a|an|the) ")


@dataclass(frozen=True)
class Block:
    """One fenced block: where it stands, what it is, and the file it is to be, if any."""

    page: Path
    line: int
    language: str
    file: str
    body: str

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, m.start("body")) + 1, m["language"], m["file"] or "", m["body"])
        for m in FENCE.finditer(text)
    ]


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Yield (command, what it prints) for the lines of a console block."""
    assert block.body.startswith("$ "), f"{block.where}: a console block begins with '$ '"
    for part in re.split(r"^\$ ", block.body, flags=re.MULTILINE)[1:]:
        command, _, printed = part.partition("\n")
        yield command, printed


def runs(block: Block) -> bool:
    return bool(block.file) or block.language in ("python", "console")


PAGES = [page for page in sorted(DOCS.rglob("*.md")) if any(map(runs, blocks(page)))]


def same(shown: str, printed: str) -> bool:
    pattern = re.escape(shown.strip()).replace(re.escape("..."), ".*")
    text = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    return re.fullmatch(pattern, text, re.DOTALL) is not None


class Page:
    """Run the blocks of one page in its folder, commands in an environment of its own, where they harm nobody."""

    def __init__(self, folder: Path) -> None:
        self.folder = self.cwd = folder
        self.namespace = types.ModuleType("docs_page")

    @cached_property
    def environment(self) -> dict[str, str]:
        return environment(self.folder.parent / "environment")

    def run(self, runner: asyncio.Runner, block: Block) -> None:
        if block.file:
            file = self.cwd / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.body, encoding="utf-8")
        elif block.language == "python":
            self.python(runner, block)
        else:
            for command, printed in commands(block):
                self.command(block, command, printed)

    def python(self, runner: asyncio.Runner, block: Block, *, compare: bool = True) -> None:
        source = "\n" * (block.line - 1) + block.body
        code = compile(source, block.where, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            made: Any = eval(code, self.namespace.__dict__)
            if code.co_flags & inspect.CO_COROUTINE:
                runner.run(made)
        shown = "\n".join(line.strip()[4:] for line in block.body.splitlines() if line.strip().startswith("# > "))
        if compare and not same(shown, output.getvalue()):
            pytest.fail(f"{block.where} prints\n{output.getvalue()}")

    def command(self, block: Block, command: str, shown: str) -> None:
        if NEEDS.search(command):
            return
        if command.startswith("cd "):
            self.cwd = self.cwd / command[3:].strip()
            return
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.cwd, env=self.environment, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=120,
        )  # fmt: skip
        if done.returncode or (shown.strip() and not same(shown, done.stdout)):
            pytest.fail(f"{block.where}: $ {command} ends with {done.returncode} and prints\n{done.stdout}")


def environment(place: Path) -> dict[str, str]:
    """Return the variables of a virtual environment of its own, on top of the one that runs the tests."""
    venv.create(place, symlinks=True)
    site = next(place.glob("lib/python*/site-packages"))
    ours = next(p for p in sys.path if p.endswith("site-packages"))
    (site / "below.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    script = place / "bin" / "kt"
    script.write_text(f"#!{place}/bin/python\nfrom kt_cli.main import main\nmain()\n")
    script.chmod(0o755)
    settings = place / "uv.toml"
    # What a reader's uv finds installed, it would look for in an index here: the environment below is not its own.
    settings.write_text("[pip]\nno-deps = true\n")
    path = f"{place}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
    given = {"PATH": path, "VIRTUAL_ENV": str(place), "UV_CONFIG_FILE": str(settings), "PYTHONWARNINGS": "error"}
    given["KT_HOME"] = os.environ["KT_HOME"]
    return {**{k: v for k, v in os.environ.items() if not k.startswith(("KT_", "PYTEST_", "COV_"))}, **given}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make the folder a page runs in: it is the working folder, importable, and holds its own $KT_HOME."""
    assert Host().plugins  # what is installed is known before a page adds its own
    folder = tmp_path / "page"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Page:
    page = Page(folder)
    monkeypatch.setitem(sys.modules, "docs_page", page.namespace)
    return page


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(DOCS)))
def test_the_page_runs(file: Path, page: Page) -> None:
    if file.name == "README.md":
        shutil.copytree(file.parent, page.folder, dirs_exist_ok=True)
    with asyncio.Runner() as runner:
        for block in filter(runs, blocks(file)):
            page.run(runner, block)


def test_the_python_of_the_readme_runs(page: Page) -> None:
    home = page.folder.parent / "home"
    home.mkdir()
    (home / "config.toml").write_text('model = "scripted"\n')  # what the README calls "default"
    with asyncio.Runner() as runner:
        for block in blocks(ROOT / "README.md"):
            if block.language == "python":
                page.python(runner, block, compare=False)
