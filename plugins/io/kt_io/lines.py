"""Bytes that come in pieces, as lines."""

from collections.abc import Iterator

from kt.errors import DataError

MAX_TEXT = 16 * 1024 * 1024


class Lines:
    """Cut bytes into lines at each newline, however they come; `rest()` is what came after the last one."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[str]:
        """Yield the lines that `data` completes. Raises DataError for a line of more than 16 MiB."""
        *whole, tail = data.split(b"\n")
        for line in whole:
            self._rest += line
            done, self._rest = bytes(self._rest), bytearray()
            yield text_of(done.removesuffix(b"\r"))
        self._rest += tail
        if len(self._rest) > MAX_TEXT:
            raise DataError(f"a line is longer than {MAX_TEXT} bytes", hint="one turn takes no more")

    def rest(self) -> str:
        """Return the line that no newline ended, "" for none, and begin anew."""
        done, self._rest = bytes(self._rest), bytearray()
        return text_of(done.removesuffix(b"\r"))


def text_of(data: bytes) -> str:
    """Return bytes as text; what is no UTF-8 is replaced by U+FFFD."""
    return data.decode("utf-8", "replace")
