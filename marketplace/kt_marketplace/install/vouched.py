"""Whether a package index says what its files hold; uv works a missing SHA-256 out itself, and does not tell."""

import sys
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kt.errors import ConfigError

from .. import transport
from ..errors import Tampered, Unreachable
from . import uv
from .resolve import Picked


def doubts(picked: Sequence[Picked], work: Path) -> dict[str, str]:
    """Return why nobody vouches for the bytes of what comes from a package index, by its name; none for what is good.

    Each index is asked again for its page of the distribution, over https or on this machine.
    """
    if not picked:
        return {}
    found = {}
    indexes = _indexes(picked, work)
    for pick in picked:
        if pick.name not in indexes:
            found[pick.name] = f"nobody says which package index {pick.file} is from"
        elif why := _doubt(pick, indexes[pick.name]):
            found[pick.name] = why
    return found


def _indexes(picked: Sequence[Picked], work: Path) -> dict[str, str]:
    """Return the address of the index that uv takes each distribution from."""
    (work / "picked.txt").write_text("".join(f"{pick.name}=={pick.version}\n" for pick in picked))
    said = uv.run(
        *("pip", "compile", "picked.txt", "--no-deps", "--no-header", "--no-annotate", "--emit-index-annotation"),
        *("--no-build", "--python", sys.executable),
        cwd=work,
    )
    found, name = {}, ""
    for line in said.splitlines():
        if line.startswith("    # from "):
            found[name] = line.removeprefix("    # from ").strip()
        else:
            name = line.partition("==")[0].strip()
    return found


def _doubt(pick: Picked, index: str) -> str:
    try:
        page = transport.read(f"{index.rstrip('/')}/{pick.name}/").decode(errors="replace")
    except (ConfigError, Unreachable, Tampered) as error:
        return f"whether its package index gives a SHA-256 of {pick.file} can't be seen: {error.what}"
    if (pick.file, pick.sha256) in _digests(page):
        return ""
    return f"its package index gives no SHA-256 of {pick.file}: nobody vouches for the bytes that came"


def _digests(page: str) -> set[tuple[str, str]]:
    """Return the files of a page of an index (PEP 503, which all of them serve), each with its SHA-256."""
    links = _Links()
    links.feed(page)
    parts = [urlsplit(address) for address in links.addresses]
    return {(unquote(p.path.rpartition("/")[2]), p.fragment.removeprefix("sha256=")) for p in parts}


class _Links(HTMLParser):
    """The addresses of a page that say a SHA-256."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [v for k, v in attrs if tag == "a" and k == "href" and v and "#sha256=" in v]
