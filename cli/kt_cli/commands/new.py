"""kt new pack|creature|plugin|provider|tool NAME: a scaffold that passes its own tests."""

import keyword
import re
import sys
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer
from kt.errors import KTError, UsageError

from ..parsing import parse

if TYPE_CHECKING:
    from kt import Plugins

DEPENDENCIES = {
    "pack": ("kt-core>=0.1,<1", "kt-yaml", "kt-skills"),
    "creature": (),
    "plugin": ("kt-core>=0.1,<1",),
    "provider": ("kt-core>=0.1,<1", "kt-http", "kt-openai"),
    "tool": ("kt-core>=0.1,<1",),
}
"""What can be made, and what a distribution of it depends on."""
REGISTERED = {"pack": ("plugin", "chat_command"), "plugin": ("plugin",), "provider": ("provider",), "tool": ("tool",)}
"""The kinds of what a scaffold registers under its own name."""


class CannotCreate(KTError):
    """Say that a file or folder can't be made."""

    code, exit_code = "E-CREATE", 73


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return its exit code."""

    def new(
        kind: Annotated[str, typer.Argument(help=", ".join(DEPENDENCIES))],
        name: Annotated[str, typer.Argument(help="lower case, digits and hyphens")],
    ) -> int:
        """Make a folder with a pack, creature, plugin, provider or tool that works, and tests that pass."""
        if kind not in DEPENDENCIES:
            raise UsageError(f"can't make a {kind!r}", hint=f"kt new {'|'.join(DEPENDENCIES)} NAME")
        name = name if kind == "creature" else name.removeprefix("kt-")
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or keyword.iskeyword(name):
            raise UsageError(f"{name!r} is no name", hint="lower case, digits and single hyphens, no Python keyword")
        _mind_names(plugins, kind, name)
        folder = Path(name if kind == "creature" else f"kt-{name}")
        try:
            folder.mkdir()
            made = _write(folder, _filled(kind, name))
        except FileExistsError:
            raise CannotCreate(f"{str(folder)!r} is there already", hint="choose another name") from None
        except OSError as error:
            raise CannotCreate(f"can't make {str(folder)!r}: {error.strerror}") from error
        print("\n".join(str(f) for f in made))
        print(_next(plugins, kind, folder))
        return 0

    code: int = parse(new, argv, name="new")
    return code


def _mind_names(plugins: "Plugins", kind: str, name: str) -> None:
    """Tell which names are taken that a scaffold registers. Raises UsageError for a distribution or module there is."""
    from kt_marketplace.inspect import Installed
    from kt_marketplace.official import names as official

    if kind == "creature":
        return
    dist, module = f"kt-{name}", f"kt_{name.replace('-', '_')}"
    installed = Installed.of(sys.path)
    if dist in official():
        raise UsageError(f"{dist} is one of kt's own packs", hint="choose another name")
    if dist in installed.versions:
        raise UsageError(f"{dist} is installed already", hint=f"choose another name, or kt uninstall {dist}")
    if (owner := installed.owner("modules", module)) is not None:
        raise UsageError(f"{owner} has the import package {module} already", hint="choose another name")
    for registered in REGISTERED[kind]:
        for each in dict.fromkeys((name, name.replace("-", "_"))):
            if (entry := plugins.registry.find(registered, each)) is not None:
                what = f"the {registered} {each!r} of {entry.dist} is there already"
                print(f"kt: {what}: rename yours before you install it", file=sys.stderr)


def _next(plugins: "Plugins", kind: str, folder: Path) -> str:
    if kind == "creature":
        if "default" not in plugins.registry.get("loader", "presets")():
            return f"next: kt run ./{folder} 'hello' --model scripted"
        return f"next: kt doctor ./{folder} && kt run ./{folder} 'hello'"
    return f"next: kt install -e ./{folder} --yes && python -m pytest {folder} && kt check ./{folder}"


def _filled(kind: str, name: str) -> dict[PurePosixPath, str]:
    """Return the files of a scaffold, path to text, with NAME and its forms filled in."""
    words = {
        "__NAME__": name,
        "__MODULE__": name.replace("-", "_"),
        "__UPPER__": name.replace("-", "_").upper(),
        "__CLASS__": "".join(w.capitalize() for w in name.split("-")),
        "__DEPENDENCIES__": ", ".join(f'"{each}"' for each in DEPENDENCIES[kind]),
    }
    templates = files("kt_cli") / "templates"
    out: dict[PurePosixPath, str] = {}
    for folder in [kind] if kind == "creature" else ["common", kind]:
        for path, text in _templates(templates / folder).items():
            out[_named(path, name)] = re.sub("|".join(words), lambda found: words[found[0]], text)
    return out


def _templates(source: Any, inside: PurePosixPath = PurePosixPath()) -> dict[PurePosixPath, str]:
    """Return the texts of a template folder, by path in it."""
    out: dict[PurePosixPath, str] = {}
    for item in source.iterdir():
        if item.is_dir():
            out |= _templates(item, inside / item.name)
        elif item.name.endswith(".in"):
            out[inside / item.name.removesuffix(".in")] = item.read_text(encoding="utf-8")
    return out


def _named(path: PurePosixPath, name: str) -> PurePosixPath:
    """Return a template's path for a scaffold; what Python imports has no hyphens in its name."""
    parts = []
    for part in path.parts:
        python = part.startswith("kt_") or part.endswith(".py")
        parts.append(part.replace("NAME", name.replace("-", "_") if python else name).replace("dot_", "."))
    return PurePosixPath(*parts)


def _write(folder: Path, texts: dict[PurePosixPath, str]) -> list[Path]:
    out = []
    for path, text in sorted(texts.items(), key=lambda each: str(each[0])):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        out.append(file)
    return out
