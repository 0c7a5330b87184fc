"""kt replay: run a session again, offline, and show what differs."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .play import LIVE, replay

if TYPE_CHECKING:
    from kt import Plugins


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run kt replay; return 0 where nothing differs, else 1. Raises KTError."""
    given = _parser(plugins.registry.get("parser", "arguments")).read(argv)
    if given is None:
        return 0
    path: Path = plugins.registry.get("loader", "session")(plugins.registry, given.session)
    report = asyncio.run(
        replay(
            path,
            plugins=given.plugin,
            until=given.until,
            live_tools=given.live_tools,
            agent=given.agent,
            skip_bad=plugins.skip_bad,
        )
    )
    if given.json:
        print(report.json())
    else:
        print(report)
        if report.left_out:
            print(f"without {', '.join(report.left_out)}: what they did is replayed as recorded")
    return 0 if report.same else 1


def _parser(made: Any) -> Any:
    parser = made(prog="kt replay", description="Run a session again, offline, and show what differs.")
    parser.add_argument("session", metavar="SESSION", help="the session's name, its beginning or its path")
    parser.add_argument(
        "--plugin", action="append", default=[], metavar="NAME", help="with this plugin as well; no:NAME is without it"
    )
    parser.add_argument("--until", type=int, metavar="TURN", help="the last turn to replay")
    parser.add_argument("--agent", metavar="NAME", help="which agent, where the session has several")
    parser.add_argument(
        "--live-tools", action="append", choices=LIVE, default=[], help="run tools that only read, and compare"
    )
    parser.add_argument("--json", action="store_true", help="the report as one line of JSON")
    return parser
