"""What an answer from the web holds: text in the format that was asked for, or an image."""

import codecs
import json
import re
from typing import Literal, TypeAlias

from kt import HttpResponse, Media
from kt.errors import KTError

from ._markdown import markdown_of
from ._text import image_type, is_binary, shown

Format: TypeAlias = Literal["markdown", "text", "html"]

MAX_JSON = 2_000_000
"""Characters of JSON with line breaks added."""
BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
WIDE = ("utf-16", "utf-32")
"""Encodings whose text has NULs; a page that can be read far enough to find one of them named is in neither."""

_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:+-]{1,40})", re.I)
_META = re.compile(r"<meta\b[^>]*", re.I)
# Python has other codecs, which are no way to write a page, and some of them raise whatever they are told.
_ENCODING = re.compile("utf-(8|16|32)|iso|cp|koi8|big5|gb|hz|euc|shift|mac|tis|ascii")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def content_of(response: HttpResponse, url: str, format: Format) -> str | Media:
    """Return text as every wire can carry it, or an image. Raises KTError that says what else it is."""
    mime, _, parameters = response.headers.get("content-type", "").partition(";")
    mime, body = mime.strip().lower(), response.body
    if image := image_type(body):
        return Media(image, data=body, name=shown(url), origin="web")
    encoding = _encoding(body, parameters)
    media = mime.startswith(("image/", "audio/", "video/", "font/")) and not mime.endswith("+xml")
    if body.startswith(b"%PDF-") or media or (is_binary(body) and not encoding.startswith(WIDE)):
        what = "a PDF" if body.startswith(b"%PDF-") else f"no text but {mime or 'something binary'}"
        hint = "download it with bash and look at it there"
        raise KTError(f"this is {what} of {len(body):,} bytes", where=shown(url), hint=hint)
    text = body.decode(encoding, "replace")
    return clean(_formatted(text, mime, url, format))


def _formatted(text: str, mime: str, url: str, format: Format) -> str:
    if format == "html":
        return text
    if mime.endswith(("/json", "+json")):
        return _pretty(text)
    start = text[:200].lstrip().lower()
    if mime in ("text/html", "application/xhtml+xml") or (not mime and start.startswith(("<!doctype html", "<html"))):
        return markdown_of(text, url, plain=format == "text") or "(no text; the page may need JavaScript)"
    return text


def _encoding(body: bytes, parameters: str) -> str:
    """Return the encoding that the first bytes, the header or the page itself names, else one that fits."""
    for mark, name in BOMS.items():
        if body.startswith(mark):
            return name
    if (found := _CHARSET.search(parameters)) and (known := _known(found[1])):
        return known
    for meta in _META.findall(body[:2048].decode("latin-1")):
        if (found := _CHARSET.search(meta)) and (known := _known(found[1])) and not known.startswith(WIDE):
            return known
    try:
        body.decode()
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _known(name: str) -> str:
    """Return Python's name of an encoding, "" for what is none of text; Latin-1 is what browsers take it for."""
    try:
        known = codecs.lookup(name).name
    except LookupError:
        return ""
    if known in ("iso8859-1", "ascii"):
        return "cp1252"
    return known if _ENCODING.match(known) else ""


def _pretty(text: str) -> str:
    """Return JSON with line breaks; what is none, or is nested too deep, as it is."""
    pieces: list[str] = []
    size = 0
    try:
        for piece in json.JSONEncoder(indent=1, ensure_ascii=False).iterencode(json.loads(text)):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_JSON:
                pieces.append("\n[the rest is left out]")
                break
    except (ValueError, RecursionError):
        return text
    return "".join(pieces)


def clean(text: str) -> str:
    """Return text without control characters and lone surrogates, which terminals and wires stumble over."""
    plain = _CONTROL.sub("", text.replace("\r\n", "\n"))
    return plain.encode("utf-8", "replace").decode()
