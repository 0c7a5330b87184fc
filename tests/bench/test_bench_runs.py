"""Every measure runs and gives a positive ratio; how large it may be is for people to judge (run.py)."""

import subprocess
import sys
from pathlib import Path


def test_every_measure_gives_a_ratio() -> None:
    program = Path(__file__).parent / "run.py"
    done = subprocess.run([sys.executable, str(program), "--quick"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()[1:]
    assert len(rows) >= 15
    assert all(float(row[48:56]) > 0 or "KiB" in row for row in rows)
