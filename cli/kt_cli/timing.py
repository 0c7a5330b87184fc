"""kt plugins time: what plugins cost in a run, measured in a fresh process: their imports and their hooks."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .inventory import packages_of
from .parsing import parse

if TYPE_CHECKING:
    from kt import Plugins

MARK = "import time:"
NOBODY = "python and libraries"
"""What is imported outside any import of ours: at the start, or by a function while the turn runs."""
PROMPT = "hello"


def time(argv: list[str], plugins: "Plugins") -> int:
    """Run `kt plugins time`; return its exit code, that of the measured run where it fails."""

    def command(
        ref: Annotated[str | None, typer.Argument(help="the creature; the default one if left away")] = None,
        prompt: Annotated[str, typer.Option(help="what the turn is asked")] = PROMPT,
        scripted: Annotated[
            str | None, typer.Option(help="the model plays this file; else it calls no tool", metavar="FILE")
        ] = None,
        profile: Annotated[str | None, typer.Option(help="which set of plugins acts (default: default)")] = None,
        plugin: Annotated[list[str] | None, typer.Option("-p", "--plugin", help="one more; no:NAME: not it")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
    ) -> int:
        """Measure what is imported and what each hook takes, in one turn of a scripted model in a fresh process."""
        given: dict[str, Any] = {"creature": ref, "prompt": prompt, "script": scripted, "profile": profile}
        given["plugins"] = list(plugin or ())
        done = subprocess.run(
            # -P: a module of the working folder must not stand in for one of ours.
            [sys.executable, "-P", "-X", "importtime", "-m", "kt_cli.measured"],
            input=json.dumps(given), capture_output=True, text=True, check=False,
        )  # fmt: skip
        told = [line for line in done.stderr.splitlines() if not line.startswith(MARK)]
        print("\n".join(told), end="\n" if told else "", file=sys.stderr)
        if done.returncode:
            return done.returncode
        measured = _sorted(json.loads(done.stdout.splitlines()[-1]), imports_of(done.stderr.splitlines(), plugins))
        print(json.dumps(measured) if as_json else "\n".join(_lines(measured)))
        return 0

    code: int = parse(command, argv, name="plugins time")
    return code


def imports_of(lines: Iterable[str], plugins: "Plugins") -> list[dict[str, Any]]:
    """Return a row for each distribution of what `-X importtime` wrote: milliseconds for entry modules and targets.

    A module's own time counts for the distribution it is of, or else for the nearest one that imported it.
    """
    owners = packages_of(plugins)
    entries = {point.value.partition(":")[0] for point, _ in plugins.modules.values()}
    rows: dict[str, dict[str, Any]] = {}
    above: list[tuple[int, str, str]] = []
    for line in reversed(
        list(lines)
    ):  # written when an import ends, so from the end a module is before what it imports
        if not line.startswith(MARK) or "imported package" in line:
            continue
        own, _, shown = line.removeprefix(MARK).split("|")
        name, depth = shown.strip(), len(shown) - len(shown.lstrip())
        while above and above[-1][0] >= depth:
            above.pop()
        dist, part = above[-1][1:] if above else (NOBODY, "targets_ms")
        if (owner := owners.get(name.partition(".")[0], dist)) != dist:
            dist, part = owner, "entry_ms" if name in entries else "targets_ms"
        above.append((depth, dist, part))
        row = rows.setdefault(dist, {"distribution": dist, "modules": 0, "entry_ms": 0.0, "targets_ms": 0.0})
        row["modules"] += 1
        row[part] += int(own) / 1000
    return list(rows.values())


def _sorted(turn: Mapping[str, Any], imports: list[dict[str, Any]]) -> dict[str, Any]:
    """Return all that was measured, the dearest first, with totals."""
    for row in imports:
        row["ms"] = row["entry_ms"] + row["targets_ms"]
    for rows in (imports, turn["hooks"]):
        rows.sort(key=lambda row: -row["ms"])
    totals = {"imports_ms": sum(row["ms"] for row in imports), "hooks_ms": sum(row["ms"] for row in turn["hooks"])}
    return {**turn, "imports": imports, **totals}


def _lines(measured: Mapping[str, Any]) -> list[str]:
    imports, hooks = measured["imports"], measured["hooks"]
    wide = max(len(row["distribution"]) for row in imports)
    lines = [f"{'imports, in a fresh process':<{wide + 2}} {'ms':>9} {'entry':>8} {'targets':>8} {'modules':>8}"]
    for row in imports:
        parts = f"{row['entry_ms']:>8.1f} {row['targets_ms']:>8.1f} {row['modules']:>8}"
        lines.append(f"  {row['distribution']:<{wide}} {row['ms']:>9.1f} {parts}")
    lines += [f"  {'total':<{wide}} {measured['imports_ms']:>9.1f}", ""]
    named = {f"{row['hook']:<20} {row['plugin']}": row for row in hooks}
    wide = max([wide, *map(len, named)])
    lines.append(f"{'hooks, without what is inside next':<{wide + 2}} {'ms':>9} {'calls':>8}")
    lines += [f"  {name:<{wide}} {row['ms']:>9.2f} {row['calls']:>8}" for name, row in named.items()]
    lines += [f"  {'total':<{wide}} {measured['hooks_ms']:>9.2f}", ""]
    return [*lines, f"turn of {measured['creature']}: {measured['turn_ms']:.1f} ms, {measured['status']}"]
