"""The process that `process` starts: `python -m kt_marketplace.check.child NAME FILE`."""

import json
import sys
from pathlib import Path

from kt import Plugins

from .loaded import outcomes
from .subject import installed


def main(name: str, answer: str) -> None:
    """Check an installed pack in this process, and write the outcomes to the file `answer` as JSON."""
    found = outcomes(installed(name), Plugins(skip_bad=True))
    rows = [
        {"name": o.name, "holds": o.holds, "problems": [[p.name, p.text, p.fix] for p in o.problems]} for o in found
    ]
    Path(answer).write_text(json.dumps(rows), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
