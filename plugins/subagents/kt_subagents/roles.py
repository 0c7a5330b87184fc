"""The sub-agents that come with this distribution; their prompts are the files in `prompts`."""

from importlib.resources import files
from typing import Any


def _role(name: str, description: str, *tools: str) -> dict[str, Any]:
    prompt = files(__package__).joinpath("prompts", f"{name}.md").read_text(encoding="utf-8").strip()
    return {"description": description, "tools": list(tools), "prompt": prompt, "limits": {"max_turns": 60}}


def explore() -> dict[str, Any]:
    """Return the one that finds things in a folder."""
    said = "Finds where things are in the folder and how they hang together; changes nothing."
    return _role("explore", said, "read", "glob", "grep", "tree")


def plan() -> dict[str, Any]:
    """Return the one that works out how to do something."""
    said = "Reads what a task touches and returns a plan of steps with the files they change; changes nothing."
    return _role("plan", said, "read", "glob", "grep", "tree")


def review() -> dict[str, Any]:
    """Return the one that looks for defects."""
    said = "Reviews files, or a diff that the prompt holds, and returns findings by severity; changes nothing."
    return _role("review", said, "read", "glob", "grep", "tree")


def research() -> dict[str, Any]:
    """Return the one that reads the web."""
    said = "Answers a question from the web, with its sources."
    return _role("research", said, "web_search", "fetch", "read")


def summarise() -> dict[str, Any]:
    """Return the one that makes texts short."""
    said = "Makes the text in its prompt short, without losing what matters; it has no tools, so give it the text."
    return _role("summarise", said)


def worker() -> dict[str, Any]:
    """Return the one that does a piece of work."""
    said = "Does one well-described piece of work in the folder, files and programs included, and checks it."
    return _role("worker", said, "read", "write", "edit", "apply_patch", "glob", "grep", "bash")


def memory() -> dict[str, Any]:
    """Return the one that knows what was before."""
    said = "Finds what was said, decided and done before, in this session and where allowed in earlier ones."
    return _role("memory", said, "search_memory", "scratchpad", "read")
