"""The cells of Jupyter notebooks (nbformat 4) as text and images."""

import base64
import binascii
import re
from dataclasses import dataclass, field

from kt import Media, Part, Text
from kt.errors import DataError

from ._json_pointer import Json, parse
from ._text import cut, image_type, printable

IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
TEXTS = ("text/plain", "text/markdown", "text/html", "application/json")
COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
MAX_IMAGES = 4


def notebook_of(path: str, data: bytes) -> Json:
    """Return the value of a notebook file. Raises DataError for what is none of nbformat 4."""
    try:
        notebook = parse(data.decode())
    except UnicodeDecodeError as error:
        raise DataError(f"{path!r} is no UTF-8 text: {error}") from error
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4:
        raise DataError(f"{path!r} is no notebook of nbformat 4")
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not all(isinstance(c, dict) and "cell_type" in c for c in cells):
        raise DataError(f"{path!r} has no list of cells")
    return notebook


def has_ids(notebook: Json) -> bool:
    """Tell whether cells have ids, as they must from nbformat 4.5 on and may not before."""
    return int(notebook.get("nbformat_minor", 0)) >= 5


def joined(text: Json) -> str:
    """Return what a notebook keeps as text or as a list of lines."""
    return "".join(map(str, text)) if isinstance(text, list) else str(text or "")


@dataclass(slots=True)
class Page:
    """Shown cells: `text` of source and outputs is cut at `limit` characters each; the first images are kept."""

    limit: int
    lines: list[str] = field(default_factory=list)
    images: list[Media] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(map(len, self.lines))

    @property
    def parts(self) -> list[Part]:
        return [Text(printable("\n".join(self.lines)), origin="file"), *self.images]

    def show(self, number: int, cell: Json) -> None:
        """Add a cell: its number, type and id, its source, its outputs."""
        self.lines.append(" ".join(filter(None, (f"[{number}]", cell["cell_type"], str(cell.get("id", ""))))))
        self.lines.append(cut(joined(cell.get("source")), self.limit))
        outputs = [self._output(output) for output in cell.get("outputs", [])]
        if outputs:
            self.lines += ["[output]", cut("\n".join(outputs), self.limit)]

    def _output(self, output: Json) -> str:
        kind = output.get("output_type")
        if kind == "stream":
            text = joined(output.get("text"))
        elif kind == "error":
            text = "\n".join(output.get("traceback") or [f"{output.get('ename')}: {output.get('evalue')}"])
        else:
            return self._bundle(output.get("data") or {})
        return COLOURS.sub("", text).rstrip("\n")

    def _bundle(self, data: dict[str, Json]) -> str:
        """Return the best of what an output offers; an image goes to the images."""
        for mime in IMAGES:
            if mime in data:
                return self._image(mime, joined(data[mime]))
        mime = next((m for m in TEXTS if m in data), "")
        return joined(data[mime]).rstrip("\n") if mime else f"[{', '.join(data)}: not shown]"

    def _image(self, mime: str, encoded: str) -> str:
        try:
            image = base64.b64decode(encoded)
        except binascii.Error:
            image = b""
        if image_type(image) != mime:
            return f"[{mime}: broken]"
        if len(self.images) == MAX_IMAGES:
            return f"[{mime}: not shown, too many]"
        self.images.append(Media(mime, data=image, origin="file"))
        return f"[{mime}: image {len(self.images)}]"
