"""Server-sent events: bytes in, (event, data) out. Format: the WHATWG HTML standard, "Server-sent events"."""

from .errors import HttpError

MAX_LINE = 16 << 20
MAX_EVENT = 16 << 20


class SSEReader:
    """Split a stream into events as its bytes come, in pieces of any size.

    Lines end with LF, CR or CRLF; comments are dropped; a last event without its blank line comes out of `close()`.
    Raises HttpError for a line or event over its cap (bytes), so that memory is bounded.
    """

    __slots__ = ("_after_cr", "_first", "_tail", "max_event", "max_line")

    def __init__(self, *, max_line: int = MAX_LINE, max_event: int = MAX_EVENT) -> None:
        self.max_line, self.max_event = max_line, max_event
        self._tail, self._after_cr, self._first = b"", False, True

    def feed(self, block: bytes) -> list[tuple[str, bytes]]:
        """Return the events that `block` completes: (event name, "message" where it has none; data)."""
        if self._after_cr or b"\r" in block:
            block = self._unix(block)
        blocks = (self._tail + block).split(b"\n\n")
        self._tail = tail = blocks.pop()
        if len(tail) > self.max_line:
            self._check(len(tail), len(tail) - tail.rfind(b"\n") - 1)
        events = []
        for lines in blocks:
            if lines.startswith(b"data: {") and b"\n" not in lines and len(lines) <= self.max_line:
                events.append(("message", lines[6:]))
            elif (event := self._parse(lines)) is not None:
                events.append(event)
        return events

    def close(self) -> list[tuple[str, bytes]]:
        """Return the event that the end of the stream completes, if there is one."""
        tail, self._tail = self._tail, b""
        event = self._parse(tail)
        return [] if event is None else [event]

    def _unix(self, block: bytes) -> bytes:
        if self._after_cr and block[:1] == b"\n":
            block, self._after_cr = block[1:], False
        if block:
            self._after_cr = block[-1:] == b"\r"
        return block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _parse(self, lines: bytes) -> tuple[str, bytes] | None:
        if len(lines) > self.max_line:
            self._check(len(lines), max(map(len, lines.split(b"\n"))))
        if self._first and lines:
            self._first, lines = False, lines.removeprefix(b"\xef\xbb\xbf")
        name, data = "message", []
        for line in lines.split(b"\n"):
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                data.append(value)
            elif field == b"event":
                name = value.decode("utf-8", "replace") or "message"
        joined = b"\n".join(data)
        return (name, joined) if joined else None

    def _check(self, event: int, line: int) -> None:
        if event > self.max_event or line > self.max_line:
            cap = f"{self.max_line} bytes a line, {self.max_event} an event"
            raise HttpError(f"the server's event stream has a line or event over the cap ({cap})")
