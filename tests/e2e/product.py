"""The product in an environment of its own, and wheels for it."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith(("KT_", "PYTHON")) and not k.endswith("_API_KEY")}


def run(*words: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """Run a program that must succeed; return its stdout."""
    done = subprocess.run(words, cwd=cwd, env=env or CLEAN, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def uv(*words: str | Path) -> str:
    return run(shutil.which("uv") or "uv", *words)


def built(folder: Path, name: str, version: str, files: dict[str, str]) -> Path:
    """Write a distribution's source and return the wheel that uv builds of it."""
    module = name.replace("-", "_")
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "{version}"\nrequires-python = ">=3.11"\ndependencies = ["kt-core"]\n'
        f'[project.entry-points.kt]\n{name.removeprefix("kt-")} = "{module}"\n'
        '[build-system]\nrequires = ["uv_build>=0.9,<1"]\nbuild-backend = "uv_build"\n'
        f'[tool.uv.build-backend]\nmodule-root = ""\nmodule-name = "{module}"\n'
    )
    uv("build", "--wheel", "-q", "-o", folder / "dist", folder)
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def distributions(python: Path) -> set[str]:
    """Return the names of what is installed beside our own and pip itself."""
    rows = json.loads(uv("pip", "list", "--format", "json", "--python", python))
    names = {str(row["name"]) for row in rows}
    return {n for n in names if n not in ("kterrarium", "pip", "setuptools") and not n.startswith("kt-")}


def wheel_of(wheels: Path, name: str) -> Path:
    (wheel,) = wheels.glob(f"{name.replace('-', '_')}-*.whl")
    return wheel


class Product:
    """The product in an environment of its own."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.bin, self.work = folder / "env" / "bin", folder / "work"
        self.work.mkdir()
        uv("venv", "-q", "--python", sys.executable, folder / "env")
        declared = tomllib.loads((ROOT / "cli" / "pyproject.toml").read_text())["project"]["dependencies"]
        ours = ["kterrarium", *(name for name in declared if name.startswith("kt-"))]
        self.install(*(wheel_of(wheels, name) for name in ours))
        self.env = CLEAN | {"KT_HOME": str(folder / "home")}

    def install(self, *wheels: Path) -> None:
        uv("pip", "install", "-q", "--python", self.bin / "python", *wheels)

    def kt(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self.bin / "kt", *words], cwd=self.work, env=self.env, capture_output=True, text=True, timeout=60,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
