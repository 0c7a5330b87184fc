"""Secrets stay in: whatever a tool prints or raises, `kt run` shows none of it, not even with --verbose --debug."""

import base64
import json
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

CANARIES = [f"canary-{n:02d}-{'x' * n}Zq7/+ é" for n in range(20)]
TOOLS = '''
import base64, os, sys, urllib.parse
from kt import tool

FORMS = [str, lambda s: base64.b64encode(s.encode()).decode(), lambda s: s.encode().hex(), urllib.parse.quote]


@tool
def show(number: int) -> str:
    """Show a secret in one of its forms."""
    return "it is " + FORMS[number % 4](os.environ[f"SERVICE_{number:02d}_TOKEN"]) + " indeed"


@tool
def fail(number: int) -> str:
    """Raise a secret."""
    raise RuntimeError("cannot log in with " + os.environ[f"SERVICE_{number:02d}_TOKEN"])


@tool
def tell(text: str) -> str:
    """Take a secret in."""
    return text[::-1]
'''


def forms(secret: str) -> list[str]:
    raw = secret.encode()
    return [secret, base64.b64encode(raw).decode(), raw.hex(), urllib.parse.quote(secret), json.dumps(secret)[1:-1]]


@pytest.mark.parametrize("output", ["text", "json", "stream-json"])
def test_no_secret_is_shown(kt: Any, output: str, tmp_path: Path) -> None:
    (kt.folder / "leaky.py").write_text(TOOLS)
    (kt.folder / "leaky.yaml").write_text('tools: ["./leaky.py:show", "./leaky.py:fail", "./leaky.py:tell"]\n')
    steps: list[Any] = []
    for number, canary in enumerate(CANARIES):
        name = ("show", "fail", "tell")[number % 3]
        steps.append([{"tool": name, "args": {"text": canary} if name == "tell" else {"number": number}}])
    steps.append(f"All of them: {' '.join(CANARIES)}.")
    (kt.folder / "steps.json").write_text(json.dumps(steps))
    environment = {f"SERVICE_{n:02d}_TOKEN": c for n, c in enumerate(CANARIES)}
    words = ["run", "./leaky.yaml", "go", "--scripted", "steps.json", "--output", output, "--verbose", "--debug"]
    done = kt(*words, env=environment)
    assert done.code == 0, done.err
    shown = done.out + done.err
    assert "[redacted SERVICE_00_TOKEN]" in shown
    assert [f for canary in CANARIES for f in forms(canary) if f in shown] == []


def test_an_error_that_holds_a_secret_is_printed_without_it(kt: Any) -> None:
    (kt.folder / "leaky.yaml").write_text(f"name: x\nunknown_{CANARIES[3][:12]}: 1\n")
    environment = {"SERVICE_TOKEN": f"unknown_{CANARIES[3][:12]}"}
    done = kt("run", "./leaky.yaml", "go", "--model", "scripted", "--debug", env=environment)
    assert done.code == 65
    assert environment["SERVICE_TOKEN"] not in done.err
    assert "[redacted SERVICE_TOKEN]" in done.err
