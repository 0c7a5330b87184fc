"""The `kt` of this environment as a process, with a home, a working folder and an environment of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

KT = str(Path(sys.executable).with_name("kt"))

TOOLS = '''
import asyncio
import sys

from kt import ToolNeeds, tool


@tool(effect="read")
def echo(text: str) -> str:
    """Return the text."""
    return text


@tool(effect="read")
async def hang() -> str:
    """Say on stderr that it began, and never end."""
    print("hanging", file=sys.stderr, flush=True)
    await asyncio.Event().wait()
    return ""


@tool
async def stall() -> str:
    """Say on stderr that it began, and never end; it must not run twice."""
    print("hanging", file=sys.stderr, flush=True)
    await asyncio.Event().wait()
    return ""


@tool(needs=ToolNeeds(net=("@program",)))
def launch(program: str) -> str:
    """Pretend to execute a program."""
    return f"launched {program}"
'''


@dataclass
class Done:
    """A process that ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> dict[str, Any]:
        """Return the last line of stdout as the result object."""
        data: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        assert data["type"] == "result"
        return data

    @property
    def error(self) -> str:
        """Return the one error line of stderr."""
        assert "Traceback" not in self.err, self.err
        (line,) = [line for line in self.err.splitlines() if line.startswith("error[")]
        return line


class Kt:
    """Run `kt` in `folder`: a creature `c.yaml` with the tools echo, hang, stall and launch stands there."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self.home, self.program = folder, home, KT
        foreign = ("KT_", "PYTHON")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign) and not k.endswith("_API_KEY")}
        self.env = {**kept, "KT_HOME": str(home), "PYTHONWARNINGS": "error"}
        (folder / "tools.py").write_text(TOOLS)
        tools = ", ".join(f'"./tools.py:{name}"' for name in ("echo", "hang", "stall", "launch"))
        (folder / "c.yaml").write_text(f"name: tester\ntools: [{tools}]\n")

    def approve(self, name: str, version: str) -> None:
        """Let a pack without a list of its files take part in runs, as `kt trust @NAME` does for one that loads."""
        file = self.home / "approved.json"
        file.parent.mkdir(exist_ok=True)
        approved = json.loads(file.read_text()) if file.is_file() else {}
        needs = {"reads": ["*"], "writes": ["*"], "net": ["*"], "exec": ["any"], "secrets": ["*"], "listen": ["*"]}
        file.write_text(json.dumps({**approved, name: {"copy": version, "needs": needs}}))

    def script(self, *steps: Any) -> str:
        """Write a script of steps; return the file's name."""
        (self.folder / "script.json").write_text(json.dumps(steps))
        return "script.json"

    def start(self, *words: str | bytes, **options: Any) -> "subprocess.Popen[bytes]":
        """Start `kt` with pipes for its streams; without `stdin` it reads the null device."""
        given: dict[str, Any] = {"stdin": subprocess.DEVNULL, "cwd": self.folder, "env": self.env, **options}
        return subprocess.Popen([self.program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **given)

    def __call__(self, *words: str | bytes, stdin: Any = subprocess.DEVNULL, **options: Any) -> Done:
        """Run `kt` to its end; bytes are piped in, a file is its standard input itself."""
        piped = stdin if isinstance(stdin, bytes) else None
        with self.start(*words, stdin=stdin if piped is None else subprocess.PIPE, **options) as process:
            out, err = process.communicate(piped, timeout=60)
        return Done(process.returncode, out.decode(), err.decode())

    def play(self, *words: str | bytes, steps: tuple[Any, ...] = ("Hello there.",), **options: Any) -> Done:
        """Run the creature `c.yaml` on a script."""
        return self("run", "./c.yaml", *words, "--scripted", self.script(*steps), **options)


@pytest.fixture
def kt(tmp_path: Path) -> Kt:
    folder = tmp_path / "work"
    folder.mkdir()
    return Kt(folder, tmp_path / "home")


@pytest.fixture
def plugin(kt: Kt, tmp_path: Path) -> Callable[..., None]:
    """Put a distribution on the import path, as an installer would: `plugin("bad", source, version="1.2")`."""
    site = tmp_path / "site"
    site.mkdir()
    kt.env["PYTHONPATH"] = str(site)

    def add(name: str, source: str, *, version: str = "1.2") -> None:
        (site / f"kt_{name}.py").write_text(source)
        info = site / f"kt_{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: kt-{name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[kt]\n{name} = kt_{name}\n")
        kt.approve(f"kt-{name}", version)

    return add
