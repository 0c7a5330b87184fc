"""The two markers of plugin code, in pluggy's own attribute format, so that marking costs no import of pluggy."""

from collections.abc import Callable
from typing import Any, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])
_FLAGS = ("wrapper", "hookwrapper", "optionalhook", "tryfirst", "trylast")
_OPTIONS: dict[str, Any] = {**dict.fromkeys(_FLAGS, False), "specname": None}


@overload
def hookimpl(function: F) -> F: ...
@overload
def hookimpl(
    *, optionalhook: bool = False, tryfirst: bool = False, trylast: bool = False, specname: str | None = None
) -> Callable[[F], F]: ...
def hookimpl(function: Any = None, **options: Any) -> Any:
    """Mark a function or method as the implementation of the hook of its name.

    `tryfirst` and `trylast` order it within its tier; `optionalhook` allows a hook that no installed plugin declares.
    """
    unknown = options.keys() - _OPTIONS.keys()
    if unknown:
        raise TypeError(f"hookimpl has no option {unknown.pop()!r}")
    return _mark(function, "kt_impl", {**_OPTIONS, **options})


@overload
def hookspec(function: F) -> F: ...
@overload
def hookspec(*, firstresult: bool = False, warn_on_impl: Warning | None = None) -> Callable[[F], F]: ...
def hookspec(function: Any = None, *, firstresult: bool = False, warn_on_impl: Warning | None = None) -> Any:
    """Mark a method of a specification class as a hook (for plugins that add hooks through `kt_addhooks`)."""
    options = {"firstresult": firstresult, "historic": False, "warn_on_impl": warn_on_impl, "warn_on_impl_args": None}
    return _mark(function, "kt_spec", options)


def _mark(function: Any, attribute: str, options: dict[str, Any]) -> Any:
    """Set `options` on a function as the attribute that pluggy reads; without a function, return what will."""

    def mark(f: F) -> F:
        setattr(f, attribute, options)
        return f

    return mark if function is None else mark(function)
