"""Hold a manifest against what its pack holds: identity, the list of what it brings, and what its code reaches."""

from collections.abc import Iterator

from kt.errors import DataError
from packaging.version import InvalidVersion, Version

from ..manifest import Pack, normal
from ..needs import Needs
from .case import Case
from .code import Code
from .code_file import look
from .creatures import reach
from .findings import Finding, Level, listed
from .targets import imports_of

PLACES = {
    "creature": ("creatures/{}/", ("creature.yaml", "creature.yml", "creature.toml")),
    "terrarium": ("terrariums/{}/", ("terrarium.yaml", "terrarium.yml", "terrarium.toml")),
    "skill": ("skills/{}/", ("SKILL.md",)),
    "prompt": ("prompts/{}.md", ("",)),
}
"""Kind -> where a thing of that kind lies in its package, and the files that make it one."""
MAX_CODE = 20 << 20
"""Bytes of Python that are read in one wheel; the rest is said to be too much."""
KEPT = ("registry", "consent", "packs", "command", "loader", "config", "parser", "redactor", "schema", "doctor")
"""Of what a pack takes nothing over: the registry itself, and kinds by which kt asks, reads, hides and repairs."""
GUARDS = ("permissions", "sandbox", "redact", "budget", "quarantine", "packs")
"""Plugins that a pack does not replace."""
VERBS = {"net": "reaches the network", "exec": "starts programs", "listen": "listens on ports"}


def check(case: Case) -> Iterator[Finding]:
    """Yield where a pack has no manifest, or one that does not say what is so."""
    if not case.pack:
        return
    manifest = case.wheel.manifest
    if manifest is None:
        if not any(f.code == "manifest" for f in case.wheel.findings):
            level: Level = "note" if case.is_official else "refuse"
            yield Finding(level, "manifest", "it is a pack, and has no kt-pack.toml that says what it needs")
        return
    yield from _identity(case, manifest)
    yield from _provides(case, manifest)
    yield from _code(case, manifest.needs)
    yield from reach(case, manifest.needs)


def _identity(case: Case, manifest: Pack) -> Iterator[Finding]:
    wheel = case.wheel
    if normal(manifest.name) != wheel.name:
        yield Finding("refuse", "name", f"the wheel is {wheel.name}, its manifest says {manifest.name}")
    try:
        same = Version(manifest.version) == Version(wheel.version)
    except InvalidVersion:
        same = False
    if not same:
        yield Finding(
            "refuse", "version", f"the wheel is version {wheel.version}, its manifest says {manifest.version}"
        )


def _provides(case: Case, manifest: Pack) -> Iterator[Finding]:
    """Compare what is listed with what lies in the package."""
    for kind, (place, files) in PLACES.items():
        said = {p.name for p in manifest.provides if p.kind == kind}
        there = _there(case, place, files)
        if absent := sorted(said - there):
            yield Finding(case.lie, "provides", f"the manifest lists what is not in the wheel: {kind} {listed(absent)}")
        if unlisted := sorted(there - said):
            yield Finding(case.lie, "provides", f"the manifest does not list the {kind} {listed(unlisted)}")


def _there(case: Case, place: str, files: tuple[str, ...]) -> set[str]:
    before, after = f"{case.wheel.package}/{place}".split("{}")
    found = set()
    for path in case.paths:
        for file in files:
            name = path.removeprefix(before).removesuffix(after + file)
            if f"{before}{name}{after}{file}" == path and "/" not in name:
                found.add(name)
    return found


def _code(case: Case, needs: Needs) -> Iterator[Finding]:
    code = _looked_at(case)
    for kind, verb in VERBS.items():
        names = code.reaches.get(kind, {})
        if names and not getattr(needs, kind):
            text = f"its code {verb}, and the manifest does not declare {kind}: {_placed(names)}"
            yield Finding(case.lie, "lie", text)
    yield from _keys(case, needs, code)
    yield from _tools(case, needs, code)
    yield from _taken_over(case, code)
    for what, names in (("loads machine code", code.native), ("can't be read as Python", code.unreadable)):
        if names:
            yield Finding("ask", "native" if names is code.native else "syntax", f"its code {what}: {_placed(names)}")
    if code.hidden:
        yield Finding("ask", "hidden", f"its code does what can't be followed: {_placed(code.hidden)}")


def _looked_at(case: Case) -> Code:
    code, left = Code(), MAX_CODE
    for name in case.wheel.files:
        if not name.endswith((".py", ".pyw")):
            continue
        try:
            source = case.wheel.read_bytes(name)
        except DataError as error:
            code.unreadable.setdefault(name, error.what)
            continue
        left -= len(source)
        if left >= 0:
            look(source, name, code)
        else:
            code.unreadable.setdefault(name, "too much code")
    return code


def _keys(case: Case, needs: Needs, code: Code) -> Iterator[Finding]:
    beyond = Needs(secrets=tuple(code.secrets)).beyond(needs).secrets
    if beyond:
        text = _placed({name: code.secrets[name] for name in beyond})
        yield Finding(case.lie, "lie", f"its code reads keys that the manifest does not declare in secrets: {text}")


def _tools(case: Case, needs: Needs, code: Code) -> Iterator[Finding]:
    for place, asked in code.tools:
        if beyond := asked.beyond(needs):
            text = f"a tool ({place}) asks for more than the manifest declares: {'; '.join(beyond.lines())}"
            yield Finding(case.lie, "lie", text)
    others = {t: place for t, place in code.targets.items() if (m := imports_of(t)) and m not in case.modules}
    if others:
        yield Finding(case.lie, "target", f"registers code that is not its own: {_placed(others)}")


def _taken_over(case: Case, code: Code) -> Iterator[Finding]:
    """Yield what others registered and the pack puts its own over; an official pack may, after a yes."""
    for (kind, name), place in code.takes.items():
        kept = kind in KEPT or (kind, name) in {("plugin", guard) for guard in GUARDS} or not kind
        what = f"{kind} {name}" if kind else "what can't be told, as its kind, name or override is computed"
        yield Finding(case.lie if kept else "ask", "override", f"takes over {what} ({place})")


def _placed(names: dict[str, str]) -> str:
    return listed(f"{name} ({place})" for name, place in names.items())
