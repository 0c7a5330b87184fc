"""The text of PDF files, page by page."""

from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING

from kt.errors import DataError, KTError, UsageError

if TYPE_CHECKING:
    from pypdf import PdfReader

MAX_SHOWN = 50_000
"""Characters of one result; a page that goes beyond is cut."""


def is_pdf(data: bytes) -> bool:
    return data.startswith(b"%PDF-")


def text_of_pages(name: str, data: bytes, offset: int, limit: int) -> str:
    """Return the text of `limit` pages from page `offset` on, and which pages of how many these are.

    Raises KTError where pypdf is not installed, DataError for what is no PDF, UsageError beyond the last page.
    """
    try:
        from pypdf import PdfReader
    except ImportError as error:
        raise KTError(f"{name!r} is a PDF, which needs pypdf", hint="pip install 'kt-builtin-tools[pdf]'") from error
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise KTError(f"{name!r} is encrypted")
        count = len(reader.pages)
        if offset > max(1, count):
            raise UsageError(f"{name!r} has only {count} pages")
        pages = list(_pages(reader, range(offset - 1, min(count, offset - 1 + limit))))
    except KTError:
        raise
    except Exception as error:
        # On a broken file pypdf raises its own errors, and KeyError, TypeError, RecursionError and others as well.
        raise DataError(f"{name!r} cannot be read as PDF: {type(error).__name__}: {error}") from error
    last = offset - 1 + len(pages)
    rest = f"; go on with offset {last + 1}" if last < count else ""
    return "\n".join([*pages, f"[pages {offset}-{last} of {count}{rest}]"])


def _pages(reader: "PdfReader", numbers: range) -> Iterator[str]:
    """Yield pages with a head each, until they are more than one result shows."""
    size = 0
    for number in numbers:
        text = reader.pages[number].extract_text().strip()
        size += len(text)
        if size > MAX_SHOWN:
            text = text[: MAX_SHOWN - size] + " [... cut]"
        yield f"[page {number + 1}]\n{text or '(no text)'}"
        if size > MAX_SHOWN:
            return
