"""The dependency rule, read from the source: which folder may import which, and only what its pyproject declares."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = {
    "kernel": set(),
    "builtin_tools": {"kernel"},
    "providers": {"kernel"},
    "plugins": {"kernel"},
    "marketplace": {"kernel"},
    "cli": {"kernel", "marketplace"},
}
PAIRS = {("kt_openai", "kt_http"), ("kt_local", "kt_openai"), ("kt_local", "kt_http")}
PAIRS |= {("kt_permissions", "kt_sandbox"), ("kt_replay", "kt_sessions")}
PAIRS |= {(m, "kt_chat") for m in ("kt_cli", "kt_inline", "kt_tui")}
PAIRS |= {(m, n) for m in ("kt_anthropic", "kt_gemini", "kt_codex", "kt_endpoints") for n in ("kt_http", "kt_openai")}
"""Plugins that may import another plugin; everything else meets through registry, hooks or bus."""

MEMBERS = {
    data["tool"]["uv"]["build-backend"]["module-name"]: (file.parent, data)
    for folder in ALLOWED
    for file in sorted((ROOT / folder).glob("**/pyproject.toml"))
    if "build-backend" in (data := tomllib.loads(file.read_text()))["tool"]["uv"]
}
IMPORT_NAMES = {"pyyaml": ["yaml"], "pydantic": ["pydantic", "pydantic_core"]}


def sources(module: str) -> list[Path]:
    return sorted((MEMBERS[module][0] / module).rglob("*.py"))


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the modules that code imports at run time; `if TYPE_CHECKING:` blocks do not count."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            pending.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module)
        pending.extend(ast.iter_child_nodes(node))


@pytest.mark.parametrize("module", MEMBERS)
def test_imports_point_down(module: str) -> None:
    folder = MEMBERS[module][0].relative_to(ROOT).parts[0]
    for file in sources(module):
        for name in {n.partition(".")[0] for n in imports(ast.parse(file.read_text()))} & MEMBERS.keys() - {module}:
            target = MEMBERS[name][0].relative_to(ROOT).parts[0]
            where = file.relative_to(ROOT)
            assert target in ALLOWED[folder] or (module, name) in PAIRS, f"{where} imports {name}"


@pytest.mark.parametrize("module", MEMBERS)
def test_what_is_imported_is_declared(module: str) -> None:
    project = MEMBERS[module][1]["project"]
    extras = [d for extra in project.get("optional-dependencies", {}).values() for d in extra]
    declared = {re.split(r"[<>=\[ ;]", d)[0] for d in (*project["dependencies"], *extras)}
    names = {name for d in declared for name in IMPORT_NAMES.get(d, [d.replace("-", "_")])} | {module}
    names |= {m for m, (_, data) in MEMBERS.items() if data["project"]["name"] in declared}
    for file in sources(module):
        for name in {n.partition(".")[0] for n in imports(ast.parse(file.read_text()))} - sys.stdlib_module_names:
            assert name in names, f"{file.relative_to(ROOT)} imports {name}, which pyproject.toml does not declare"


@pytest.mark.parametrize("module", [m for m in MEMBERS if m != "kt"])
def test_plugins_use_only_public_names_of_the_kernel(module: str) -> None:
    for file in sources(module):
        for name in imports(ast.parse(file.read_text())):
            assert not name.startswith("kt._"), f"{file.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("module", [m for m, (_, d) in MEMBERS.items() if "entry-points" in d["project"]])
def test_entry_modules_import_only_the_kernel(module: str) -> None:
    for target in MEMBERS[module][1]["project"]["entry-points"].get("kt", {}).values():
        parts = target.split(".")
        file = MEMBERS[module][0].joinpath(*parts)
        file = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
        top = ast.parse(file.read_text()).body
        at_import = [n for n in top if isinstance(n, ast.Import | ast.ImportFrom)]
        for name in {n for node in at_import for n in imports(node)}:
            assert name in ("kt", "typing", "collections.abc", "contextlib"), f"{file.relative_to(ROOT)} imports {name}"


def code_lines(file: Path) -> int:
    """Count the lines of code of a file: not blank, not a comment, not a docstring."""
    text = file.read_text()
    doc: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            doc |= set(range(body[0].lineno, (body[0].end_lineno or 0) + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(1 for number, line in lines if number not in doc and line.strip() and not line.strip().startswith("#"))


def test_the_kernel_stays_small(capsys: pytest.CaptureFixture[str]) -> None:
    files = [f for f in sources("kt") if f.name != "testing.py"]
    code, whole = sum(map(code_lines, files)), sum(len(f.read_text().splitlines()) for f in files)
    with capsys.disabled():
        print(f"\nkernel: {code} lines of code, {whole} with docstrings, comments and blank lines")
    assert code <= 2500


def test_no_file_is_long() -> None:
    long = {
        str(f.relative_to(ROOT)): n for m in MEMBERS for f in sources(m) if (n := len(f.read_text().splitlines())) > 300
    }
    assert not long
