"""kt new creature|plugin|tool NAME: a scaffold that passes its own test."""

import keyword
import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from kt.errors import KTError, UsageError

from ..parsing import parse

if TYPE_CHECKING:
    from kt import Plugins

KINDS = ("creature", "plugin", "tool")


class CannotCreate(KTError):
    """Say that a file or folder can't be made."""

    code, exit_code = "E-CREATE", 73


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return its exit code."""

    def new(
        kind: Annotated[str, typer.Argument(help="creature, plugin or tool")],
        name: Annotated[str, typer.Argument(help="lower case, digits and hyphens")],
    ) -> int:
        """Make a folder with a creature, plugin or tool that works, and a test that passes."""
        if kind not in KINDS:
            raise UsageError(f"can't make a {kind!r}", hint=f"kt new {'|'.join(KINDS)} NAME")
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or keyword.iskeyword(name):
            raise UsageError(f"{name!r} is no name", hint="lower case, digits and single hyphens, no Python keyword")
        folder = Path(name if kind == "creature" else f"kt-{name}")
        try:
            folder.mkdir()
            made = _copy(files("kt_cli") / "templates" / kind, folder, name)
        except FileExistsError:
            raise CannotCreate(f"{str(folder)!r} is there already", hint="choose another name") from None
        except OSError as error:
            raise CannotCreate(f"can't make {str(folder)!r}: {error.strerror}") from error
        print("\n".join(str(f) for f in made))
        print(_next(kind, folder))
        return 0

    code: int = parse(new, argv, name="new")
    return code


def _next(kind: str, folder: Path) -> str:
    if kind == "creature":
        return f"next: kt doctor ./{folder} && kt run ./{folder} 'hello'"
    return f"next: uv pip install -e ./{folder} && python -m pytest {folder}/tests"


def _copy(source: Any, target: Path, name: str) -> list[Path]:
    """Copy a template folder, with NAME and its forms filled in, in names and texts."""
    words = {
        "__NAME__": name,
        "__MODULE__": name.replace("-", "_"),
        "__CLASS__": "".join(w.capitalize() for w in name.split("-")),
    }
    out: list[Path] = []
    for item in sorted(source.iterdir(), key=lambda i: str(i.name)):
        path = target / item.name.replace("NAME", words["__MODULE__"]).removesuffix(".in")
        if item.is_dir():
            path.mkdir()
            out += _copy(item, path, name)
            continue
        text = item.read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(word, value)
        path.write_text(text, encoding="utf-8")
        out.append(path)
    return out
