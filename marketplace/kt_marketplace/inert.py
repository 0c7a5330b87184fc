"""Text of strangers, made safe to print. It runs at every start of `kt run`."""

LONGEST = 400
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def inert(text: str, *, longest: int = LONGEST) -> str:
    """Return text on one line, at most `longest` characters, with what a terminal would obey or hide as escapes."""
    cut = text if len(text) <= longest else text[: longest - 4] + " ..."
    return "".join(c if c.isprintable() else _escaped(c) for c in cut)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
