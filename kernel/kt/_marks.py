"""The two markers of plugin code, in pluggy's own attribute format, so that marking costs no import of pluggy."""

from collections.abc import Callable
from typing import Any, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS = ("wrapper", "hookwrapper", "optionalhook", "tryfirst", "trylast", "specname")


@overload
def hookimpl(function: F) -> F: ...
@overload
def hookimpl(
    *, optionalhook: bool = False, tryfirst: bool = False, trylast: bool = False, specname: str | None = None
) -> Callable[[F], F]: ...
def hookimpl(
    function: F | None = None,
    *,
    optionalhook: bool = False,
    tryfirst: bool = False,
    trylast: bool = False,
    specname: str | None = None,
) -> F | Callable[[F], F]:
    """Mark a function or method as the implementation of the hook of its name.

    `tryfirst` and `trylast` order it within its tier; `optionalhook` allows a hook that no installed plugin declares.
    """
    values = (False, False, optionalhook, tryfirst, trylast, specname)

    def mark(f: F) -> F:
        f.kt_impl = dict(zip(_OPTIONS, values, strict=True))  # type: ignore[attr-defined]
        return f

    return mark if function is None else mark(function)


def hookspec(
    function: F | None = None, *, firstresult: bool = False, warn_on_impl: Warning | None = None
) -> F | Callable[[F], F]:
    """Mark a method of a specification class as a hook (for plugins that add hooks through `kt_addhooks`)."""

    def mark(f: F) -> F:
        f.kt_spec = {  # type: ignore[attr-defined]
            "firstresult": firstresult,
            "historic": False,
            "warn_on_impl": warn_on_impl,
            "warn_on_impl_args": None,
        }
        return f

    return mark if function is None else mark(function)
