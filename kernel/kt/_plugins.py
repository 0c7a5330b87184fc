"""Load the installed plugins once a process, and work out which of them act in an agent."""

from collections.abc import Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from . import _discovery
from ._registry import Registry
from .errors import KTError, NameClash, PluginError, UnknownName, nearest

if TYPE_CHECKING:
    import pluggy

    from ._build import Plan
    from ._hooks import Active


class HookSpecs:
    """What `kt_addhooks` receives: the list of specification classes."""

    def __init__(self, classes: list[type]) -> None:
        self.classes = classes

    def add_hookspecs(self, spec: type) -> None:
        """Add a class whose methods are marked with `kt.hookspec`."""
        self.classes.append(spec)


class Plugins:
    """The entry modules of all installed plugins, and the registry they filled.

    `failed` maps a plugin's entry-point name to the error that kept it out; without `skip_bad` the first one raises.
    """

    def __init__(self, *, skip_bad: bool = False) -> None:
        self.registry, self.skip_bad = Registry(), skip_bad
        self.modules: dict[str, tuple[_discovery.EntryPoint, object]] = {}
        self.failed: dict[str, PluginError | NameClash] = {}
        for point in _discovery.entry_points("kt"):
            self._load(point)

    def _load(self, point: _discovery.EntryPoint) -> None:
        self.registry.owner = (point.dist, point.version)
        try:
            module = point.load()
            if register := getattr(module, "kt_register", None):
                register(self.registry)
            self.modules[point.name] = (point, module)
        except Exception as error:
            self._reject(point, f"{type(error).__name__}: {error}", error)

    def _reject(self, point: _discovery.EntryPoint, cause: str, error: Exception) -> None:
        """Keep a plugin out, or raise why; a clash of names says already who is in it."""
        why = error if isinstance(error, NameClash) else _broken(point, cause, error)
        if not self.skip_bad:
            raise why
        self.registry.drop(point.dist)
        self.failed[point.name] = why

    @cached_property
    def manager(self) -> "pluggy.PluginManager":
        """Return pluggy's manager of the entry modules, checked against the hook specifications."""
        import pluggy

        manager = pluggy.PluginManager("kt")
        for spec in self.specs:
            manager.add_hookspecs(spec)
        for point, module in list(self.modules.values()):
            try:
                manager.register(module, name=point.name)
                manager.check_pending()
            except pluggy.PluginValidationError as error:
                self._reject(point, " ".join(str(error).split()), error)
                manager.unregister(name=point.name)
                del self.modules[point.name]
        return manager

    @cached_property
    def specs(self) -> tuple[type, ...]:
        """Return the hook specification classes: the kernel's, then those that plugins added with `kt_addhooks`."""
        from ._hookspecs import Specs

        found = HookSpecs([Specs])
        for point, module in self.modules.values():
            try:
                if add := getattr(module, "kt_addhooks", None):
                    add(found)
            except Exception as error:
                self._reject(point, f"kt_addhooks: {error}", error)
        return tuple(found.classes)

    def resolve(self, kind: str, name: str) -> object:
        """Ask the plugins' `kt_resolve` for a reference; None when nobody knows it."""
        return self.manager.hook.kt_resolve(kind=kind, name=name)


def _broken(point: _discovery.EntryPoint, cause: str, error: Exception) -> PluginError:
    made = PluginError(
        f"plugin {point.name!r} of {point.dist} {point.version} does not load: {cause}",
        where=point.value,
        hint=f"repair it, kt uninstall {point.dist}, or run with --skip-bad-plugins",
    )
    made.__cause__ = error
    return made


@cache
def installed() -> Plugins:
    """Return the plugins of this process, loaded once."""
    return Plugins()


def activate(plan: "Plan") -> "list[Active]":
    """Return the plugins that a plan enables: names with their settings, then objects, then guards (names or objects).

    A name is skipped when it is bad and bad plugins are skipped; a guard never is. The host keeps the instances of
    plugins with `scope = "host"`. Raises UnknownName, PluginError, with the place of the name where that is known.
    """
    plugins, out = plan.host.plugins, []
    for name in (name for name in plan.uses if name not in plan.guards):
        try:
            out.append(_named(plan, name))
        except PluginError as error:
            if not plugins.skip_bad:
                raise
            plugins.failed[name] = error
        except UnknownName:
            if not plugins.failed:
                raise
    out += [_given(thing) for thing in plan.objects]
    for guard in plan.guards:
        active = _named(plan, guard) if isinstance(guard, str) else _given(guard)
        active.tier = "guard"
        out.append(active)
    return out


def _given(thing: object) -> "Active":
    from ._hooks import Active

    plugin = make(thing, thing.__name__, {}) if isinstance(thing, type) else thing
    return Active(plugin, getattr(plugin, "name", type(plugin).__name__), _tier(plugin))


def _tier(plugin: object) -> str:
    tier = getattr(plugin, "tier", "normal")
    if tier not in ("outer", "normal"):
        raise PluginError(
            f"{type(plugin).__name__} claims the tier {tier!r}; a plugin may claim 'outer' or 'normal'",
            hint="list it under `guards` in the profile: a guard is granted, never claimed",
        )
    return tier


def _named(plan: "Plan", name: str) -> "Active":
    from ._hooks import Active, layout

    plugins, shared, where = plan.host.plugins, plan.host.shared, plan.places.get(f"plugin {name}", "")
    entry = plugins.registry.entry("plugin", name, where=where)
    cls = entry.load()
    source = f"{entry.dist} {entry.version}".strip()
    try:
        layout(cls, plugins.specs)
    except PluginError as error:
        raise PluginError(f"plugin {name!r} of {source}: {error.what}", where=error.where, hint=error.hint) from error
    plugin = shared.get(name) or make(cls, name, plan.uses.get(name, {}), source, where)
    if getattr(cls, "scope", "agent") == "host":
        shared[name] = plugin
    return Active(plugin, name, _tier(plugin), source)


def make(cls: Any, name: str, config: Mapping[str, Any], source: str = "", where: str = "") -> object:
    """Return an instance of a plugin class; its `Config` (pydantic model or dataclass) validates the settings."""
    model = getattr(cls, "Config", None)
    if model is None and config:
        raise PluginError(f"plugin {name!r} takes no settings, but was given {', '.join(sorted(config))}", where=where)
    try:
        return cls() if model is None else cls(_settings(model, name, config, where))
    except KTError:
        raise
    except Exception as error:
        whose = f"{name!r} of {source}" if source else repr(name)
        raise PluginError(f"plugin {whose} can't be made: {type(error).__name__}: {error}") from error


def _settings(model: Any, name: str, config: Mapping[str, Any], where: str) -> object:
    from pydantic import TypeAdapter, ValidationError

    fields = getattr(model, "model_fields", None) or getattr(model, "__dataclass_fields__", {})
    if unknown := sorted(set(config) - set(fields)):
        what = f"plugin {name!r} has no setting {unknown[0]!r}"
        raise PluginError(what, where=where, hint=nearest(unknown[0], fields))
    try:
        return TypeAdapter(model).validate_python(dict(config))
    except ValidationError as error:
        first = error.errors()[0]
        setting = ".".join(map(str, first["loc"]))
        raise PluginError(f"setting {setting!r} of plugin {name!r}: {first['msg']}", where=where) from error
