"""Look at a pack's code in a process of its own: it is imported there, as an installed one would be."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .outcome import Outcome, Problem
from .subject import Subject

SECONDS = 180


def in_process(subject: Subject) -> list[Outcome]:
    """Return what `loaded.outcomes` finds in a fresh process that has the unpacked pack first on its path."""
    with tempfile.TemporaryDirectory(prefix="kt-check-") as folder:
        place = Path(folder)
        answer = place / "outcomes.json"
        path = os.pathsep.join(filter(None, (str(subject.site), os.environ.get("PYTHONPATH"))))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KT_")}
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "kt_marketplace.check.child", subject.name, str(answer)],
                cwd=place, env={**kept, "PYTHONPATH": path, "KT_HOME": str(place / "home")}, check=False,
                stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return [_failed(f"it did not end within {SECONDS} s", "do nothing long at import and in kt_register")]
        if not answer.is_file():
            return [_failed(f"the process ended with {done.returncode}: {_last(done.stderr)}", "run it by hand")]
        rows = json.loads(answer.read_text(encoding="utf-8"))
    return [Outcome(row["name"], row["holds"], tuple(Problem(*each) for each in row["problems"])) for row in rows]


def _failed(text: str, fix: str) -> Outcome:
    return Outcome.of("loading", "", [(text, fix)])


def _last(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
