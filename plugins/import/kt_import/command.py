"""kt import kohaku PATH, kt import claude PATH."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.errors import NotFound, UsageError, nearest

from .work import Work

if TYPE_CHECKING:
    from kt import Plugins

FORMATS = ("kohaku", "claude")


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run kt import; return its exit code. Raises KTError."""
    if argv and not argv[0].startswith("-") and argv[0] not in FORMATS:
        raise UsageError(f"no format {argv[0]!r}", hint=f"{nearest(argv[0], FORMATS)} (kt import --help)")
    given = _parser(plugins.registry.get("parser", "arguments")).read(argv)
    if given is None:
        return 0
    path = Path(given.path)
    if not path.exists():
        raise NotFound(f"no such file or folder: {given.path}")
    # A link that the user names is meant; those that are found in what it leads to are a stranger's.
    real = path.resolve()
    work = _converted(given.format, path if real == Path(os.path.normpath(path.absolute())) else real, plugins)
    work.report.finish()
    from .write import write

    folder = Path(given.to) if given.to else Path(work.name)
    write(work, folder, force=given.force, dry=given.dry_run)
    _tell(work, folder, as_json=given.json, dry=given.dry_run)
    return 0


def _parser(made: Any) -> Any:
    text = "Turn agents of another system into creatures, terrariums, skills and packs of ours."
    parser = made(prog="kt import", description=text)
    parser.add_argument("format", metavar="FORMAT", choices=FORMATS, help="kohaku or claude: whose files they are")
    parser.add_argument(
        "path", metavar="PATH", help="a creature, recipe or pack; an agent, a skill, or a folder of them"
    )
    parser.add_argument("--to", metavar="FOLDER", help="where to; a folder here with the source's name if left away")
    parser.add_argument("--force", action="store_true", help="replace FOLDER if it is there")
    parser.add_argument("--dry-run", action="store_true", help="report, and write nothing")
    parser.add_argument("--json", action="store_true", help="the report as JSON on standard output")
    return parser


def _converted(format: str, path: Path, plugins: "Plugins") -> Work:
    if format == "claude":
        from .claude import convert

        return convert(plugins, path)
    from . import kohaku_source

    return kohaku_source.convert(plugins, path)


def _tell(work: Work, folder: Path, *, as_json: bool, dry: bool) -> None:
    report = work.report
    if as_json:
        lines = [
            {"kind": line.kind, "key": line.key, "place": line.place, "to": list(line.to), "text": line.text}
            for line in report.lines
        ]
        made = {"kind": work.kind, "folder": str(folder), "written": not dry, "files": sorted(work.files)}
        print(json.dumps({**made, "lines": lines}, indent=2))
        return
    for line in report.lines:
        print(line, file=sys.stderr)
    counts = ", ".join(f"{report.count(kind)} {kind}" for kind in ("kept", "changed", "dropped"))
    print(f"{work.kind}: {counts}{'; nothing is written' if dry else ''}", file=sys.stderr)
    print(folder / work.main)
