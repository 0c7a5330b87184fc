"""The official creature pack: creatures, teams and skills as data, no code of its own."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry

CREATURES = {
    "general": "works with files and questions of any kind",
    "swe": "changes code: reads, edits, runs, checks",
    "reviewer": "reads a change and reports what is wrong with it",
    "researcher": "answers a question from the web, with sources",
    "ops": "operates machines and services: looks, plans, asks, undoes",
    "root": "leads a team that it puts together as the task needs it",
}
TEAMS = {
    "swe_team": "a lead, a coder, a tester and a reviewer change code",
    "pair_programming": "a driver changes code, a navigator checks each step",
    "deep_research": "a report by a lead, three researchers and a checker",
}


@hookimpl
def kt_register(registry: "Registry") -> None:
    for name, help in CREATURES.items():
        registry.creature(name, f"kt_biome:creatures/{name}", help=help)
    for name, help in TEAMS.items():
        registry.add("terrarium", name, f"kt_biome:terrariums/{name}", help=help)
