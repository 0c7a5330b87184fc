"""kt check: does a pack keep what packs promise? One line a check, each problem with its fix."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kt import Plugins


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run kt check; return 0 if every check of every pack holds, else 1. Raises KTError."""
    parser = plugins.registry.get("parser", "arguments")(
        prog="kt check",
        description="Check packs: the manifest, what it lists, the inspection that everybody's installation makes, the "
        "contract of each kind, and that creatures build. Their code runs: check what is yours, or what you trust.",
    )
    parser.add_argument("packs", nargs="*", default=["."], metavar="FOLDER|WHEEL|NAME", help="else the working folder")
    parser.add_argument("--json", action="store_true", help="a JSON line for each check")
    given = parser.read(argv)
    return 0 if given is None else _check(given.packs, plugins, as_json=given.json)


def _check(packs: list[str], plugins: "Plugins", *, as_json: bool) -> int:
    from ..check import report

    good = True
    for pack in packs:
        for outcome in report(pack, plugins):
            good = good and not outcome.problems
            for row in outcome.rows():
                print(json.dumps({"pack": pack, **row}) if as_json else _line(row))
    return 0 if good else 1


def _line(row: dict[str, object]) -> str:
    mark = "ok  " if row["ok"] else "FAIL"
    return f"{mark} {row['name']}: {row['text']}" + (f". fix: {row['fix']}" if row["fix"] else "")
