"""A project's own settings count only once their user trusts them: say so, and ask where somebody can answer."""

import sys

from kt_chat.inert import inert

from .console import asked
from .settings import RunSettings

MAX_SHOWN = 2_000


def mind_project(settings: RunSettings, *, ask: bool) -> None:
    """Tell of a .kt/config.toml that is ignored; with `ask`, on a terminal, offer to trust the folder as it is now."""
    ignored = settings.registry.get("config", "settings")(settings.cwd.resolve()).ignored
    if ignored is None:
        return
    folder = ignored.parent.parent
    if ask and sys.stdin.isatty() and sys.stderr.isatty():
        text = ignored.read_text(encoding="utf-8", errors="replace")
        more = "\n..." if len(text) > MAX_SHOWN else ""
        print(f"{ignored} wants a say in what acts here:\n{inert(text[:MAX_SHOWN])}{more}", file=sys.stderr)
        if asked("Trust this folder as it is now? [y/N] ").lower() in ("y", "yes"):
            settings.registry.get("config", "trust")(folder)
            return
    print(f"kt: {ignored} is ignored: not trusted, or changed since (kt trust {folder})", file=sys.stderr)
