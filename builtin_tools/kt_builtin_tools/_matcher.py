"""Search text for a regular expression, in a process of its own: no pattern can then block more than that process.

Standard input: a line of JSON with pattern, ignore_case, context and limit; then, for each file, a line of JSON with
path and size, and its bytes. Standard output: what `rg --json` prints. Run as a script, without the package.
"""

import json
import re
import sys
from typing import Any, TextIO


def search(path: str, text: str, pattern: "re.Pattern[str]", context: int, limit: int, out: TextIO) -> int:
    """Write the matches in one file, at most `limit`, with the lines around them; return how many."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    matches: set[int] = set()
    for index, line in enumerate(lines):
        if pattern.search(line.removesuffix("\r")):
            matches.add(index)
            if len(matches) == limit:
                break
    if not matches:
        return 0
    near = {i for m in matches for i in range(max(0, m - context), min(len(lines), m + context + 1))}
    tell(out, "begin", path={"text": path})
    for index in sorted(near):
        kind = "match" if index in matches else "context"
        tell(out, kind, lines={"text": lines[index]}, line_number=index + 1)
    tell(out, "end", binary_offset=None)
    return len(matches)


def tell(out: TextIO, kind: str, **data: Any) -> None:
    """Write one event as a line of JSON."""
    out.write(json.dumps({"type": kind, "data": data}) + "\n")


def main() -> None:
    source, out = sys.stdin.buffer, sys.stdout
    query = json.loads(source.readline())
    pattern = re.compile(query["pattern"], re.IGNORECASE if query["ignore_case"] else 0)
    left = query["limit"]
    while left > 0 and (head := source.readline()):
        file = json.loads(head)
        text = source.read(file["size"]).decode(errors="replace")
        left -= search(file["path"], text, pattern, query["context"], left, out)
    tell(out, "summary")


if __name__ == "__main__":
    main()
