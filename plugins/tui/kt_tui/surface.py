"""The surface `tui`: the conversation on a full screen, and the terminal as it was at its end."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from kt.errors import UsageError

from .app import Tui
from .keys import know_alt_enter


async def run(settings: Any) -> int:
    """Hold the conversation of some settings on this terminal; return the exit code.

    Raises UsageError where there is no terminal, and what building the agent raises.
    """
    # Textual reads stdin and draws on stderr, so that stdout is nobody's business.
    if not all(stream is not None and stream.isatty() for stream in (sys.__stdin__, sys.__stderr__)):
        raise UsageError("--mode tui needs a terminal for stdin and stderr", hint="--mode plain goes without")
    know_alt_enter()
    app = Tui(settings)
    async with app.chat:
        for line in settings.told:
            app.chat.transcript.note(line, "warning")
        await _talk(app)
        kept = app.chat.agent.session
    if kept is not None:
        print(f"kept as {Path(kept).stem}: kt resume {Path(kept).stem}", file=sys.stderr)
    return 0


async def _talk(app: Tui) -> None:
    """Draw until the person leaves, or this is cancelled. Raises what made the screen fail."""
    drawing = asyncio.ensure_future(app.run_async())
    leaving = asyncio.ensure_future(app.chat.left.wait())
    try:
        await asyncio.wait([drawing, leaving], return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        if not drawing.done():
            app.exit()
        await drawing
    if app.failure is not None:
        raise app.failure
