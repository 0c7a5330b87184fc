"""What can be told without running anything of the pack: its manifest, its metadata, its entry modules."""

import ast
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from kt.errors import KTError
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from ..manifest import FILE, Pack, normal
from .outcome import Found, Outcome
from .subject import Subject

AT_IMPORT = ("kt", "typing", "collections.abc", "contextlib", "pathlib", "__future__")
"""What an entry module may import at its top: what costs nothing at the start of every command."""


def outcomes(subject: Subject) -> list[Outcome]:
    """Return the outcome of each check that reads files only."""
    return [Outcome.of(name, holds, check(subject)) for name, holds, check in CHECKS]


def manifest(subject: Subject) -> Found:
    """Yield where kt-pack.toml and the distribution disagree."""
    if subject.package is None:
        yield f"there is no import package {subject.module}", f'module-name = "{subject.module}" in pyproject.toml'
        return
    try:
        pack = subject.manifest
    except KTError as error:
        yield str(error), error.hint or "docs/packs.md has an example"
        return
    if pack is None:
        yield f"{subject.module}/{FILE} is missing", "write it: it says what the pack brings and needs"
        return
    if normal(pack.name) != subject.name:
        yield f"its name is {pack.name}, the distribution's is {subject.name}", f'name = "{subject.name}"'
    if pack.version != subject.version:
        yield (
            f"its version is {pack.version}, the distribution's is {subject.version}",
            f'version = "{subject.version}"',
        )
    if (licence := _licence(subject)) and pack.license and licence != pack.license:
        yield f"its licence is {pack.license}, the distribution's is {licence}", f'license = "{licence}"'
    yield from _range(pack)


def _range(pack: Pack) -> Found:
    kernel = version("kt-core")
    try:
        admits = SpecifierSet(pack.kt).contains(kernel, prereleases=True)
    except InvalidSpecifier:
        yield f"kt = {pack.kt!r} is no range of versions", 'kt = ">=0.1,<1"'
        return
    if not admits:
        yield (
            f"its range {pack.kt} does not admit the kernel that runs, {kernel}",
            "widen kt, or check it with a fitting kt",
        )


def metadata(subject: Subject) -> Found:
    """Yield what the distribution does not say of itself; an installed copy may be without it."""
    if subject.wheel is None:
        return
    said = subject.distribution.metadata.json
    if not said.get("summary"):
        yield "it has no description", 'description = "..." in pyproject.toml'
    if not _licence(subject):
        yield "it names no licence", 'license = "Apache-2.0" in pyproject.toml'
    if not str(said.get("description") or "").strip():
        yield "it has no README", 'write README.md, and readme = "README.md" in pyproject.toml'
    requires = {normal(Requirement(text).name) for text in subject.distribution.requires or ()}
    if subject.entries and "kt-core" not in requires:
        yield "it does not depend on kt-core", 'dependencies = ["kt-core>=0.1,<1"] in pyproject.toml'


def _licence(subject: Subject) -> str:
    said = subject.distribution.metadata.json
    return str(said.get("license_expression") or said.get("license") or "")


def entry_modules(subject: Subject) -> Found:
    """Yield what entry modules import at their top beside `kt`."""
    for target in subject.entries.values():
        file = _module_file(subject, target.partition(":")[0].strip())
        if file is None:
            yield f"the entry point names {target}, which is not in the package", "[project.entry-points.kt]"
            continue
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError) as error:
            yield f"{file.name} is no Python: {error}", "mend it"
            continue
        for line, name in _imports(tree):
            if name not in AT_IMPORT:
                yield (
                    f"{target} imports {name} (line {line}): every command would import it",
                    'import it where it is used, and name targets as "module:attribute"',
                )


def _module_file(subject: Subject, module: str) -> Path | None:
    if subject.package is None or module.partition(".")[0] != subject.package.name:
        return None
    path = subject.package.parent.joinpath(*module.split("."))
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, module) of the imports that run when a module is imported; its own ones begin with a dot."""
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            pending += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")
        pending += ast.iter_child_nodes(node)


CHECKS: tuple[tuple[str, str, Callable[[Subject], Found]], ...] = (
    ("manifest", f"{FILE} agrees with the distribution", manifest),
    ("metadata", "description, licence and README are there", metadata),
    ("entry module", "imports nothing but kt", entry_modules),
)
