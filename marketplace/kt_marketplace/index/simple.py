"""The pages by which uv and pip read an index: PEP 503 for people and pip, PEP 691 as JSON."""

import json
from html import escape
from typing import Any

from .document import Document, Entry

HTML, JSON = "text/html; charset=utf-8", "application/vnd.pypi.simple.v1+json"
META = {"api-version": "1.1"}


def projects(document: Document, *, as_json: bool) -> bytes:
    """Return the page that lists the packs of an index."""
    if as_json:
        return json.dumps({"meta": META, "projects": [{"name": name} for name in sorted(document.packs)]}).encode()
    return _page("Packs", [f'<a href="{name}/">{name}</a>' for name in sorted(document.packs)])


def project(entry: Entry, *, as_json: bool) -> bytes:
    """Return the page that lists the files of a pack, each with its SHA-256."""
    files = _files(entry)
    if as_json:
        versions = sorted(entry.versions)
        return json.dumps({"meta": META, "name": entry.name, "versions": versions, "files": files}).encode()
    return _page(f"Links for {entry.name}", [_link(file) for file in files])


def _files(entry: Entry) -> list[dict[str, Any]]:
    """Return the files that have an address, as PEP 691 has them."""
    return [
        {
            "filename": file.name,
            "url": file.url if file.url.startswith("https://") else f"../../{file.url}",
            "hashes": {"sha256": file.sha256},
            "size": file.size,
            "yanked": release.yanked or False,
            **({"upload-time": f"{release.released}T00:00:00Z"} if release.released else {}),
        }
        for release in entry.versions.values()
        for file in release.files
        if file.url
    ]


def _link(file: dict[str, Any]) -> str:
    yanked = f' data-yanked="{escape(file["yanked"])}"' if file["yanked"] else ""
    href = escape(f"{file['url']}#sha256={file['hashes']['sha256']}")
    return f'<a href="{href}"{yanked}>{escape(file["filename"])}</a>'


def _page(title: str, links: list[str]) -> bytes:
    body = "".join(f"{link}<br>\n" for link in links)
    head = f'<meta name="pypi:repository-version" content="1.0"><title>{escape(title)}</title>'
    return f"<!DOCTYPE html>\n<html><head>{head}</head><body>\n{body}</body></html>\n".encode()
