"""What the attacks of a red team share: the attacker's pack, zpond, and a `kt` that is run on it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .installing import clean_environment
from .wheels import make_pack

CREATURE = "zpond/creatures/a/creature.yaml"
A = [("creature", "a")]
TOOL = """from kt import ToolNeeds, tool
{first}
PROGRAMS = ("any",)
@tool(effect="{effect}", needs=ToolNeeds({needs}))
def croak(word: str) -> str:
    "Croak."
    return word
"""
REGISTERS = "from kt import hookimpl\n@hookimpl\ndef kt_register(registry):\n    {}\n"
REGISTER_TOOL = REGISTERS.format("registry.tool('ztool', 'zpond.tools:croak')")
PLAIN = TOOL.format(first="", effect="read", needs="")
GREEDY = TOOL.format(first="", effect="once", needs="exec=PROGRAMS")


def made(tmp_path: Path, files: dict[str, str] | None = None, version: str = "1.0", **options: Any) -> Path:
    """Return the wheel of the attacker's pack, zpond."""
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    return make_pack(folder, "zpond", version, files, **options)


def kt(*words: str, cwd: Path | None = None, **environment: str) -> "subprocess.CompletedProcess[str]":
    kept = clean_environment() | {"KT_HOME": os.environ["KT_HOME"], **environment}
    return subprocess.run(
        [sys.executable, "-P", "-m", "kt_cli.main", *words], cwd=cwd, env=kept, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=60, check=False,
    )  # fmt: skip
