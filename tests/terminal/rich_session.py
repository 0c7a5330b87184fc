"""One conversation that has everything in it, as a script of its model, and what a person must see of it."""

import re
from dataclasses import dataclass
from typing import Any

CREATURE = """
name: tester
tools: [read, write, edit, bash, ask_user]
subagents:
  - {name: scout, description: Looks around., prompt: You look around., wait: true}
"""
FILES = {"data.txt": "three newts\none owl\nfour bats\n", "precious.txt": "keep me\n"}
MARKDOWN = """# All about owls

Owls are **quiet** birds.

| bird | eats |
|------|------|
| barn owl | voles |

```python
def hoot(times):
    return times * "hoo"
```

- they fly
- they sleep

1. by night
2. by day

That is the end of it."""


def call(tool: str, **args: Any) -> dict[str, Any]:
    return {"tool": tool, "args": args}


SHOW: list[Any] = [MARKDOWN]
WORK: list[Any] = [
    [call("read", path="data.txt")],
    [call("read", path="missing.txt")],
    [call("write", path="new.txt", content="a fresh line\n")],
    [call("edit", path="data.txt", old="one owl", new="two owls")],
    [call("bash", command="rm precious.txt")],
    [call("ask_user", question="Which tree do owls like?")],
    [call("task", agent="scout", prompt="Find the nest.", wait=True)],
    "The nest is in the oak.",
    "The work is finished.",
]
WAIT: list[Any] = [[call("bash", command="until [ -e go ]; do sleep 0.02; done; echo waited")], "I looked there too."]
SLEEP: list[Any] = [[call("bash", command="touch slept; sleep 1000")]]
STEPS = [*SHOW, *WORK, *WAIT, *SLEEP]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a person must see: `patterns` are to be found on the lines of a surface, `said` in its events.

    A fact with `person` is there only where somebody answers, interrupts, or types while a turn runs.
    """

    what: str
    patterns: tuple[str, ...]
    said: tuple[str, ...]
    person: bool = False


def words(text: str, *, person: bool = False) -> Fact:
    """Return a fact that is a text, the same everywhere."""
    return Fact(text, (re.escape(text),), (text,), person)


FACTS = (
    Fact("what was said", ("> show me",), ("show me",)),
    words("All about owls"),
    Fact("bold", (r"Owls are (\*\*)?quiet(\*\*)? birds\.",), ("Owls are **quiet** birds.",)),
    Fact("table", (r"bird.*eats", r"barn owl.*voles"), ("barn owl | voles",)),
    Fact("code", (r"def hoot\(times\):", r'return times \* "hoo"'), ('return times * "hoo"',)),
    Fact("list", (r"they fly", r"they sleep"), ("- they fly",)),
    Fact("numbers", (r"1\.? +by night", r"2\.? +by day"), ("1. by night",)),
    words("That is the end of it."),
    Fact("a call that is done", (r"\* read .*data\.txt", "one owl"), ("data.txt", "one owl")),
    Fact("a call that failed", (r"read .*missing\.txt", r"read\b.*\bfailed"), ("missing.txt", "does not exist")),
    Fact("a file that is new", (r"created new\.txt \+1 -0", "a fresh line"), ("new.txt", "a fresh line")),
    Fact("a diff", (r"edited data\.txt \+1 -1", "one owl", "two owls"), ("one owl", "two owls")),
    Fact("the yes to it", (r"Allow edit\?",), ("Allow edit?",), person=True),
    Fact(
        "a refusal",
        (r"rm precious\.txt", "said no to bash: leave that file alone"),
        ("leave that file alone",),
        person=True,
    ),
    Fact("a question", (r"Which tree do owls like\?", "an old oak"), ("Which tree do owls like?", "an old oak"), True),
    Fact("a sub-agent", (r"scout", r"The nest is in the oak\."), ("scout", "The nest is in the oak.")),
    words("The work is finished."),
    words("look there as well", person=True),
    Fact("a call that waited", (r"\* bash .*until", "waited"), ("waited",), person=True),
    words("I looked there too.", person=True),
    words("and then sleep", person=True),
    Fact("the interrupt", ("interrupted",), ("interrupted",), person=True),
    Fact("the error", (r"E-MODEL.*the script ended after \d+ steps",), ("E-MODEL", "the script ended after")),
)


def missing(text: str) -> list[str]:
    """Return the facts that are not on the lines of a surface."""
    return [fact.what for fact in FACTS if not all(re.search(pattern, text) for pattern in fact.patterns)]


def unsaid(strings: str, *, person: bool) -> list[str]:
    """Return the facts that are not in the strings of events."""
    facts = [fact for fact in FACTS if person or not fact.person]
    return [fact.what for fact in facts if not all(each in strings for each in fact.said)]
