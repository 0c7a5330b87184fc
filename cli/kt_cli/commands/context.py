"""kt context REF: the context bill of a creature: what its prompt consists of, by who put it there."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..bill import CHARS_A_TOKEN, Item, bill_of
from ..parsing import parse
from ..trial import trial_agent, trial_settings

if TYPE_CHECKING:
    from kt import Plugins

    from ..settings import RunSettings

SAID = f"tokens are an estimate, {CHARS_A_TOKEN} characters each; characters are exact"


def main(argv: list[str], plugins: "Plugins") -> int:
    """Run the command; return its exit code."""

    def context(
        ref: Annotated[str | None, typer.Argument(help="the creature; the default one if left away")] = None,
        profile: Annotated[str | None, typer.Option(help="which set of plugins acts (default: default)")] = None,
        plugin: Annotated[list[str] | None, typer.Option("-p", "--plugin", help="one more; no:NAME: not it")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
    ) -> int:
        """Show what each request to the model carries before anything is said, and who put it there."""
        settings = trial_settings(plugins, ref, profile=profile, use=list(plugin or ()))
        bill = asyncio.run(_bill(settings))
        print(json.dumps(bill) if as_json else "\n".join(_lines(bill)))
        return 0

    code: int = parse(context, argv, name="context")
    return code


async def _bill(settings: "RunSettings") -> dict[str, Any]:
    agent = await trial_agent(settings)
    async with agent.host, agent:
        items = bill_of(agent)
    total = Item("", "", "", sum(item.characters for item in items))
    rows = [
        {"kind": i.kind, "name": i.name, "origin": i.origin, "characters": i.characters, "tokens": i.tokens,
         "percent": round(100 * i.characters / total.characters, 1)}
        for i in items
    ]  # fmt: skip
    return {"creature": agent.name, "model": agent.model, "estimate": True, "characters_per_token": CHARS_A_TOKEN,
            "characters": total.characters, "tokens": total.tokens, "rows": rows}  # fmt: skip


def _lines(bill: dict[str, Any]) -> list[str]:
    rows = bill["rows"]
    wide = {key: max([len(row[key]) for row in rows] or [0]) for key in ("kind", "name")}
    lines = [f"context of {bill['creature']} on {bill['model']}, before anything is said", SAID, ""]
    lines.append(f"{'tokens':>7} {'%':>6} {'characters':>11}")
    for row in rows:
        figures = f"{row['tokens']:>7} {row['percent']:>6} {row['characters']:>11}"
        names = f"{row['kind']:<{wide['kind']}}  {row['name']:<{wide['name']}}"
        lines.append(f"{figures}  {names}  {row['origin']}")
    return [*lines, f"{bill['tokens']:>7} {100.0 if rows else 0.0:>6} {bill['characters']:>11}  total"]
