"""Texts that name code: "module:attribute"."""

import re

_TARGET = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*(?:\.\w+)*)")


def imports_of(text: str) -> str | None:
    """Return the module that a text names as "module:attribute"; None for any other text."""
    found = _TARGET.fullmatch(text.strip())
    return found[1] if found else None
