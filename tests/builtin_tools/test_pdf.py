"""read of PDF files, made by hand."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from kt import ToolRecord

pytestmark = pytest.mark.anyio
Play = Callable[..., Awaitable[list[ToolRecord]]]


def pdf(pages: Sequence[str], *, trailer: bytes = b"") -> bytes:
    """Return a PDF of one font, with a line of text on each page."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET" if text else ""
        page = "/Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >>"
        objects.append(f"<< /Type /Page {page} /Contents {5 + 2 * number} 0 R >>")
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    return out + b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        trailer,
        start,
    )


def read(**more: Any) -> tuple[str, dict[str, Any]]:
    return "read", {"path": "x.pdf", **more}


async def test_a_pdf_is_read_page_by_page(play: Play, tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(pdf(["First page", "", "caf\xe9"]))
    whole, part, end, beyond = await play(read(), read(limit=1), read(offset=3), read(offset=4))
    assert whole.result == "[page 1]\nFirst page\n[page 2]\n(no text)\n[page 3]\ncafé\n[pages 1-3 of 3]"
    assert part.result == "[page 1]\nFirst page\n[pages 1-1 of 3; go on with offset 2]"
    assert end.result == "[page 3]\ncafé\n[pages 3-3 of 3]"
    assert beyond.error == "'x.pdf' has only 3 pages"


async def test_a_long_pdf_is_bounded(play: Play, tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(pdf(["y" * 20_000] * 5))
    (done,) = await play(read())
    assert done.result is not None
    assert len(done.result) < 51_000
    assert done.result.endswith("y [... cut]\n[pages 1-3 of 5; go on with offset 4]")


async def test_the_name_does_not_matter_and_text_about_pdf_is_text(play: Play, tmp_path: Path) -> None:
    (tmp_path / "page").write_bytes(pdf(["Hi"]))
    (tmp_path / "x.pdf").write_text("it begins with %PDF-1.4\n")
    seen, text = await play(("read", {"path": "page"}), read())
    assert seen.result == "[page 1]\nHi\n[pages 1-1 of 1]"
    assert text.result == "1\tit begins with %PDF-1.4"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_broken_pdf_is_an_error(play: Play, tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(b"%PDF-1.4\nnothing\n")
    (done,) = await play(read())
    assert done.error is not None
    assert done.error.startswith("'x.pdf' cannot be read as PDF: ")


async def test_an_encrypted_pdf_is_an_error(play: Play, tmp_path: Path) -> None:
    lock = b"/ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O (%s) /U (%s) >>" % (b"o" * 32, b"u" * 32)
    (tmp_path / "x.pdf").write_bytes(pdf(["Secret"], trailer=lock))
    (done,) = await play(read())
    assert done.error == "'x.pdf' is encrypted"


async def test_without_pypdf_the_install_line_is_told(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pypdf", None)
    (tmp_path / "x.pdf").write_bytes(pdf(["Hi"]))
    (done,) = await play(read())
    assert done.error == "'x.pdf' is a PDF, which needs pypdf (pip install 'kt-builtin-tools[pdf]')"
