"""The files that a patch in V4A format names."""

from kt import ToolCall

HEADS = ("*** Add File:", "*** Update File:", "*** Delete File:", "*** Move to:")


def written(call: ToolCall) -> list[str]:
    """Return the paths that the argument `patch` of a call names; of a patch that does not parse, maybe more."""
    text = (call.arguments or {}).get("patch")
    lines = text.split("\n") if isinstance(text, str) else []
    found = [line.removeprefix(head).strip() for line in lines for head in HEADS if line.startswith(head)]
    return [path for path in found if path]
