"""The inspection that everybody's `kt install` makes, made by the author before."""

import sys
from pathlib import Path

from .fixes import FIXES, TAKEN
from .outcome import Outcome


def inspection(wheel: Path) -> Outcome:
    """Return what an installation of a wheel refuses; what it would ask the user about is said beside."""
    from ..inspect import Installed, Wheel, inspect
    from ..official import names
    from .taken import taken

    read = Wheel.read(wheel)
    found = inspect(read, installed=Installed.of(sys.path), official=names(), plugin=True)
    asks = "; ".join(finding.text for finding in found.asks)
    holds = f"nothing would be refused; who installs it is asked: {asks}" if asks else "nothing would be refused"
    refused = [(finding.text, FIXES[finding.code]) for finding in found.findings if finding.level == "refuse"]
    return Outcome.of("wheel", holds, [*refused, *((text, TAKEN) for text in taken(read))])
