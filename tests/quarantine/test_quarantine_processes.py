"""Two processes that count at once lose nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

COUNT = """
import sys
from kt import Plugins
from kt_quarantine.ledger import settle

registry = Plugins().registry
for number in range(20):
    settle(registry, {("shared", "kt-x", "1"): "x", (sys.argv[1], "kt-x", "1"): str(number)}, set())
"""


def test_no_count_is_lost(tmp_path: Path) -> None:
    env = {**os.environ, "KT_HOME": str(tmp_path)}
    started = [subprocess.Popen([sys.executable, "-c", COUNT, name], env=env) for name in ("one", "two")]
    assert [process.wait(60) for process in started] == [0, 0]
    rows = {row["plugin"]: row["failures"] for row in json.loads((tmp_path / "quarantine.json").read_text())}
    assert rows == {"shared": 40, "one": 20, "two": 20}
