"""The file of a creature's evals, read with the place of everything that is wrong in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

from kt import Limits
from kt.errors import DataError, NotFound, nearest

from . import fixture
from .checks import CHECKS, inside
from .tasks import Judge, Reply, Task

if TYPE_CHECKING:
    from kt import Plugins, Registry

NAMES = ("evals.yaml", "evals.yml", "evals.toml")
UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
"""What pydantic calls a key that there is not."""


@dataclass(slots=True, kw_only=True)
class Whole:
    """The keys that a file of evals and each of its tasks may have."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    limits: Limits = Limits()
    answers: tuple[Reply, ...] = ()


@dataclass(slots=True, kw_only=True)
class Written(Whole):
    """A task as it is written, without its checks."""

    name: str
    prompt: str
    folder: str | None = None
    committed: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name.replace("-", "").replace("_", "").isalnum():
            raise ValueError(f"the name {self.name!r} must be letters, digits, - and _")
        if not self.prompt.strip():
            raise ValueError("the prompt is empty")
        for path in (*self.committed, *self.files):
            if inside(path) in (".", "./") or any(map(fixture.is_git, PurePosixPath(path).parts)):
                raise ValueError(f"the path {path!r} is no file of a task's folder")


def file_of(plugins: "Plugins", reference: str) -> Path:
    """Return the file of evals beside the file of a creature or a team. Raises NotFound."""
    creature = Path(plugins.registry.get("config", "reference")(plugins, reference))
    found = next((file for name in NAMES if (file := creature.with_name(name)).is_file()), None)
    if found is None:
        raise NotFound(f"{reference!r} has no evals.yaml beside it", where=str(creature), hint="--evals FILE")
    return found


def load(path: Path, registry: "Registry") -> list[Task]:
    """Return the tasks of a file. Raises NotFound, and DataError with file:line:col."""
    document = registry.get("config", "document")(path, registry)
    reader = _Reader(document)
    entries = document.data.get("tasks")
    if not isinstance(entries, list) or not entries:
        raise DataError("there are no tasks", where=document.where(["tasks"]), hint="tasks: is a list of tables")
    whole = reader.read(Whole, [], {k: v for k, v in document.data.items() if k != "tasks"})
    tasks = [reader.task(["tasks", index], entry, whole) for index, entry in enumerate(entries)]
    for index, task in enumerate(tasks):
        if task.name in [other.name for other in tasks[:index]]:
            raise DataError(f"two tasks are called {task.name!r}", where=document.where(["tasks", index, "name"]))
    return tasks


class _Reader:
    def __init__(self, document: Any) -> None:
        self.path: Path = document.path
        self.where = document.where

    def task(self, at: list[str | int], entry: Any, whole: Whole) -> Task:
        """Return one task. Raises DataError with its place."""
        if not isinstance(entry, dict):
            raise DataError("a task is a table", where=self.where(at))
        told = self.read(Written, at, {key: value for key, value in entry.items() if key != "checks"})
        return Task(
            name=told.name,
            prompt=told.prompt,
            judges=self._judges([*at, "checks"], entry.get("checks")),
            source=None if told.folder is None else self._source([*at, "folder"], told.folder),
            committed=told.committed,
            files=told.files,
            limits=merged(whole.limits, told.limits),
            replies=(*told.answers, *whole.answers),
        )

    def _judges(self, at: list[str | int], given: Any) -> list[Judge]:
        if not isinstance(given, list) or not given:
            raise DataError("a task needs checks", where=self.where(at), hint="checks: is a list of tables")
        return [self._judge([*at, index], entry) for index, entry in enumerate(given)]

    def _judge(self, at: list[str | int], given: Any) -> Judge:
        kinds = [key for key in given if key in CHECKS] if isinstance(given, dict) else []
        if len(kinds) != 1:
            known = nearest(str(next(iter(given), "")) if isinstance(given, dict) else "", CHECKS)
            raise DataError("a check has one of the keys of checks", where=self.where(at), hint=known)
        return Judge(self.read(CHECKS[kinds[0]], at, given), given, self.where(at))

    def _source(self, at: list[str | int], folder: str) -> Path:
        home = self.path.parent.resolve()
        found = (home / folder).resolve()
        if not found.is_dir() or found == home or not found.is_relative_to(home):
            raise DataError(f"there is no folder {folder!r} beside the file", where=self.where(at))
        if what := fixture.fault(found):
            raise DataError(what, where=self.where(at), hint="a task's folder holds files, folders, and links within")
        return found

    def read(self, cls: type[Any], at: list[str | int], data: Mapping[str, Any]) -> Any:
        """Return an instance of a class. Raises DataError with the place, and the nearest key for an unknown one."""
        from pydantic import TypeAdapter, ValidationError

        try:
            return TypeAdapter(cls).validate_python(data)
        except ValidationError as error:
            # A misspelt key is the cause of the one that is missing.
            first = min(error.errors(), key=lambda each: each["type"] not in UNKNOWN)
        keys: list[str | int] = [key for key in first["loc"] if isinstance(key, int) or key in _keys(data)]
        if first["type"] in UNKNOWN:
            name = str(first["loc"][-1])
            known = [f.name for f in fields(cls)] if len(first["loc"]) == 1 else []
            what = DataError(f"unknown key {name!r}", where=self.where([*at, *keys]), hint=nearest(name, known))
        elif first["type"] == "missing":
            what = DataError(f"{first['loc'][-1]!r} is missing", where=self.where([*at, *keys]))
        else:
            text = first["msg"].removeprefix("Value error, ")
            what = DataError(f"{'.'.join(map(str, keys)) or 'this'}: {text}", where=self.where([*at, *keys]))
        raise what


def _keys(data: Any) -> set[str]:
    """Return the keys of a mapping and of all that is in it."""
    if isinstance(data, Mapping):
        return {str(key) for key in data}.union(*map(_keys, data.values()))
    return set().union(*map(_keys, data)) if isinstance(data, list | tuple) else set()


def merged(first: Limits, over: Limits) -> Limits:
    """Return limits, those of `over` before those of `first`."""
    chosen = {f.name: getattr(over, f.name) for f in fields(Limits)}
    return Limits(**{name: getattr(first, name) if value is None else value for name, value in chosen.items()})
