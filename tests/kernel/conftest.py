"""What the kernel's tests share: a check of the history, a host without plugins, and wheels made by hand."""

import importlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import kt
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

KERNEL = Path(kt.__file__).parent.parent
Check = Callable[[Sequence[kt.Message]], None]


@pytest.fixture(scope="session")
def valid() -> Check:
    """Check that a provider would take a history: each call has exactly one result, in the very next message."""

    def check(history: Sequence[kt.Message]) -> None:
        before: list[str] = []
        for message in history:
            results = [p.call_id for p in message.parts if isinstance(p, kt.ToolResult)]
            assert results == before, f"{message.role} message answers {results}, the calls were {before}"
            assert (message.role == "tool") == bool(results)
            before = [call.id for call in message.tool_calls]
            assert all(before), "a call has no id"
            assert len(set(before)) == len(before), f"call ids are not distinct: {before}"
        assert before == [], f"the history ends with open calls {before}"

    return check


@pytest.fixture
async def host(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[kt.Host]:
    """A host where nothing is registered but what the test registers, and the build option `log=`."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "path", [])
        plugins = kt.Plugins()

    def log(plan: kt.Plan, value: kt.Log) -> None:
        plan.log = value

    plugins.registry.owner = ("kt-test", "1.0")
    plugins.registry.build_option("log", log)
    async with kt.Host(plugins) as made:
        yield made


def dependencies(name: str, seen: set[str]) -> set[str]:
    """Return the distributions that `name` requires here, with what those require."""
    for line in metadata.requires(name) or ():
        requirement = Requirement(line)
        needed = canonicalize_name(requirement.name)
        if (requirement.marker is None or requirement.marker.evaluate()) and needed not in seen:
            seen.add(needed)
            dependencies(needed, seen)
    return seen


@pytest.fixture(scope="session")
def core_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site-packages folder with the dependencies of kt-core and nothing else."""
    folder = tmp_path_factory.mktemp("core-site")
    for name in dependencies("kt-core", set()):
        found = metadata.distribution(name)
        for top in {f.parts[0] for f in found.files or () if not f.parts[0].startswith((".", "__"))}:
            source = Path(str(found.locate_file(top)))
            if source.exists():
                (folder / top).symlink_to(source)
    return folder


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def core_python(core_site: Path) -> Run:
    """Run code in a process that has kt-core, its dependencies and given folders, and no other package."""

    def run(code: str, *folders: Path) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(map(str, [*folders, KERNEL, core_site]))
        environment = {"PYTHONPATH": path, "PATH": os.environ["PATH"]}
        command = [sys.executable, "-S", "-P", "-W", "error", "-c", code]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50, check=False)

    return run


class Wheels:
    """Distributions in a folder on sys.path, as an installer would leave them; no others are seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, source: str, *, version: str = "1.0", point: str = "", group: str = "kt") -> str:
        """Install `kt-NAME` with the module `kt_NAME` and an entry point; return the module's name."""
        module = f"kt_{name}"
        (self.folder / f"{module}.py").write_text(source)
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: kt-{name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{point or f'{name} = {module}'}\n")
        importlib.invalidate_caches()
        return module


@pytest.fixture
def wheels(tmp_path: Path, core_site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wheels]:
    standard = [p for p in sys.path if "site-packages" not in p and p.startswith(sys.base_prefix)]
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(KERNEL), str(core_site), *standard])
    before = set(sys.modules)
    yield Wheels(tmp_path)
    for name in set(sys.modules) - before:
        file: Any = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).is_relative_to(tmp_path):
            del sys.modules[name]
