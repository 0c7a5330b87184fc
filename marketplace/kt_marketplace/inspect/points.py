"""Entry points: which programs would load a wheel's code, and whether that code is the wheel's own."""

import re
from collections.abc import Iterator

from .case import OURS, Case
from .findings import Finding, listed
from .listed import SCRIPTS

LOADED = {
    "pytest11": "pytest loads it in every project",
    "distutils.commands": "every build of a package loads it",
    "distutils.setup_keywords": "every build of a package loads it",
    "setuptools.finalize_distribution_options": "every build of a package loads it",
    "egg_info.writers": "every build of a package loads it",
    "keyring.backends": "it is asked for your keys",
    "hypothesis": "hypothesis loads it in every project",
    "mypy.plugins": "mypy loads it",
    "flake8.extension": "flake8 loads it",
    "pylint.plugins": "pylint loads it",
    "sphinx.builders": "sphinx loads it",
    "babel.extractors": "babel loads it",
    "virtualenv.activate": "virtualenv loads it",
    "virtualenv.discovery": "virtualenv loads it",
    "pip.plugins": "pip loads it",
    "opentelemetry_distro": "programs with OpenTelemetry load it",
    "sqlalchemy.dialects": "programs with SQLAlchemy load it",
}
OWN = ("kt", "kt.api", "kt.path")
_VALUE = re.compile(r"\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*(?::\s*([A-Za-z_]\w*(?:\.\w+)*))?\s*(?:\[[^\]]*\]\s*)?")


def check(case: Case) -> Iterator[Finding]:
    """Yield what is wrong with a wheel's entry points."""
    for group, names in sorted(case.wheel.entry_points.items()):
        if group in SCRIPTS:
            yield from _targets(case, group, names)
        elif group in OWN:
            yield from _targets(case, group, names)
            if group == "kt.path" and not (case.wheel.name == OURS and case.is_official):
                yield Finding("refuse", "kt-path", "registers in kt.path, which decides where Python finds code")
        elif group == "kt" or group.startswith("kt."):
            yield Finding("ask", "group", f"registers in {group}, a group that nothing of ours reads: {listed(names)}")
        elif case.pack or group in LOADED:
            why = LOADED.get(group, "other programs load it")
            yield Finding("ask" if case.pack else "note", "group", f"registers in {group} ({why}): {listed(names)}")


def _targets(case: Case, group: str, names: dict[str, str]) -> Iterator[Finding]:
    strict = group in OWN
    for name, value in names.items():
        found = _VALUE.fullmatch(value)
        if found is None:
            yield Finding("refuse", "entry-points", f"the entry point {name} = {value} names no module")
        elif found[1] not in case.modules:
            text = f"the entry point {name} in {group} names the module {found[1]}, which is not in the wheel"
            yield Finding("refuse" if strict or case.pack else "note", "entry-points", text)
