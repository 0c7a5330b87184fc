"""Nothing is dropped silently: each key of any configuration is in the output, or the report says why it is not."""

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kt import Plugins
from kt_import.check import check
from kt_import.kohaku import KNOWN
from kt_import.kohaku_source import convert
from kt_import.names import PLUGINS, SUBAGENTS, TOOLS, TOOLS_GONE
from kt_import.report import leaves

from .conftest import covers, found

WORDS = st.text("abcdefghij_", min_size=1, max_size=8)
TEXTS = st.sampled_from(
    ["", "a", "two words", "{{ x }}", "{% if x %}", "a${B}", "@other/creatures/x", "none", "stdout"]
)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-5, 100), st.sampled_from([0.2, 0.5, 0.9, 1e9]), TEXTS)
ANY = st.recursive(VALUES, lambda x: st.lists(x, max_size=2) | st.dictionaries(WORDS, x, max_size=2), max_leaves=4)


def table(*required: str, **keys: Any) -> st.SearchStrategy[Any]:
    """Return tables with some of these keys, whose values fit or do not, and a key that nobody knows."""
    fitting = {key: value | ANY for key, value in keys.items()}
    fixed = {key: fitting.pop(key) for key in required}
    known = st.fixed_dictionaries(fixed, optional=fitting)
    return st.builds(lambda one, two: {**two, **one}, known, st.dictionaries(WORDS, ANY, max_size=1))


def names(*texts: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(texts) | WORDS


NUMBERS = st.integers(1, 100) | st.sampled_from([0.1, 0.6, 2.5])
TOOL_NAMES = names("bash", "read", *TOOLS, *TOOLS_GONE)
TYPES = st.sampled_from(["builtin", "custom", "package", "trigger"])
TOOL = TOOL_NAMES | table("name", name=TOOL_NAMES, type=TYPES, options=table(timeout=NUMBERS), doc_mode=WORDS)
MODEL: dict[str, Any] = {
    "llm": names("openai/gpt-5", "grok/g@reasoning=high", "fast"),
    "model": names("gpt-5"),
    "provider": names("openai", "mimo"),
    "temperature": NUMBERS,
    "max_tokens": NUMBERS,
    "reasoning_effort": WORDS,
    "extra_body": st.dictionaries(WORDS, VALUES, max_size=2),
    "retry_policy": table(max_retries=st.integers(0, 5), base_delay=NUMBERS, jitter=NUMBERS),
    "variation_selections": table(reasoning=WORDS, speed=WORDS),
    "max_iterations": NUMBERS,
    "tool_format": names("native", "bracket"),
}
SUBAGENT = names(*SUBAGENTS) | table(
    "name", name=names(*SUBAGENTS), system_prompt=TEXTS, prompt_file=TEXTS, description=WORDS, max_turns=NUMBERS,
    timeout=NUMBERS, tools=st.lists(TOOL, max_size=2), budget_allocation=NUMBERS, can_modify=st.booleans(),
    temperature=NUMBERS, options=table(),
)  # fmt: skip
TRIGGER = table(
    "type", type=names("timer", "scheduler", "channel", "custom", "context"), name=WORDS, prompt=TEXTS,
    options=table(interval=NUMBERS, immediate=st.booleans(), daily_at=st.sampled_from(["18:30", "x"]), channel=WORDS,
                  hourly_at=NUMBERS, every_minutes=NUMBERS, prompt=TEXTS),
)  # fmt: skip
BUDGET = st.lists(NUMBERS, min_size=2, max_size=2) | table(soft=NUMBERS, hard=NUMBERS, crash=NUMBERS)
PLUGIN = names("budget", "sandbox", *PLUGINS) | table(
    name=names("budget", "sandbox", *PLUGINS), type=TYPES, module=WORDS,
    options=table(turn=BUDGET, tool_call_budget=BUDGET, walltime=NUMBERS),
)  # fmt: skip
TERMINATION = table(max_turns=NUMBERS, max_duration=NUMBERS, idle_timeout=NUMBERS, keywords=st.lists(WORDS, max_size=2))
COMPACT = table(enabled=st.booleans(), max_tokens=NUMBERS, threshold=NUMBERS, target=NUMBERS, compact_model=WORDS)
CONFIG = table(
    **MODEL, controller=table(**MODEL), name=WORDS, description=TEXTS, system_prompt=TEXTS, system_prompt_file=TEXTS,
    prompt_context_files=table(rules=TEXTS), prompt_mode=names("concat", "replace"), base_config=TEXTS,
    no_inherit=st.lists(st.sampled_from(KNOWN), max_size=2), tools=st.lists(TOOL, max_size=3),
    subagents=st.lists(SUBAGENT, max_size=2), triggers=st.lists(TRIGGER, max_size=2),
    plugins=st.lists(PLUGIN, max_size=2), default_plugins=st.lists(names("budget", "sandbox"), max_size=2),
    startup_trigger=table(prompt=TEXTS), termination=TERMINATION, compact=COMPACT,
    pwd_guard=names("warn", "block", "off"), skills=st.lists(WORDS, max_size=2),
    output_wiring=st.lists(ANY, max_size=1), input=table(type=names("cli", "none", "custom")),
    output=table(type=names("stdout"), named_outputs=table(log=table())),
)  # fmt: skip
LISTENED = st.lists(names("talk", "a", "report_to_root"), max_size=2)
WIRE = names("a") | table(to=names("a"), with_content=st.booleans(), prompt=TEXTS)
SEAT = table(
    name=names("a", "b c"), base_config=TEXTS, output_log=st.booleans(), system_prompt=TEXTS, privileged=st.booleans(),
    channels=table(listen=LISTENED, can_send=st.lists(WORDS, max_size=2)), output_wiring=st.lists(WIRE, max_size=2),
)  # fmt: skip
RECIPE = table(
    "creatures", name=WORDS, root=st.sampled_from(["a", "nobody"]) | table(name=WORDS, system_prompt=TEXTS),
    creatures=st.lists(SEAT, min_size=1, max_size=3), channels=table(talk=TEXTS | table(description=TEXTS, type=WORDS)),
)  # fmt: skip
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def all_is_accounted_for(plugins: Plugins, data: dict[str, Any], name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / name
        source.write_text(yaml.safe_dump(data))
        work = convert(plugins, source)
        work.report.finish()
        check(work)
    outputs = {path: yaml.safe_load(text) for path, text in work.files.items() if path.endswith(".yaml")}
    for leaf in leaves(data) if data else ():
        key = ".".join(map(str, leaf))
        lines = [line for line in work.report.lines if covers(line, key)]
        assert lines, f"{key} is in no line"
    for line in work.report.lines:
        if not line.to:
            continue
        inside = outputs[line.to[0]] if line.to[0] in outputs else outputs[work.main]
        values = list(found(inside, line.to[1:] if line.to[0] in outputs else line.to))
        assert values, f"{line} is nowhere in the output"
        if line.kind == "kept":
            assert any(value in values for value in found(data, tuple(line.key.split(".")))) or "." in line.key, line


@SETTINGS
@given(CONFIG)
@example({"compact": {"threshold": 0.99, "target": 0.5}, "retry_policy": {"max_retries": 0}})
@example({"system_prompt": "a ${B}", "base_config": "@other/creatures/x"})
def test_each_key_of_a_creature_is_in_the_output_or_in_the_report(plugins: Plugins, data: dict[str, Any]) -> None:
    all_is_accounted_for(plugins, data, "config.yaml")


@SETTINGS
@given(RECIPE)
def test_each_key_of_a_recipe_is_in_the_output_or_in_the_report(plugins: Plugins, data: dict[str, Any]) -> None:
    if not isinstance(data["creatures"], list) or not any(isinstance(each, dict) for each in data["creatures"]):
        data["creatures"] = [{"name": "a"}]
    all_is_accounted_for(plugins, {"terrarium": data}, "terrarium.yaml")
