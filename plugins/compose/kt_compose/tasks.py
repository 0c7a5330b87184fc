"""Tasks that never outlive who started them.

asyncio.TaskGroup is not used: in Python 3.11 one that fails leaves its parent counted as cancelled, after which an
asyncio.timeout around it raises CancelledError.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait for their end, also where the wait is cancelled; that is passed on after it."""
    for task in tasks:
        task.cancel()
    again: asyncio.CancelledError | None = None
    while running := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(running)
        except asyncio.CancelledError as error:
            again = error
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen: who ends a task does not want it
    if again is not None:
        raise again


async def together(works: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Return what each returns. The first error cancels the others, waits for them, and is raised itself."""
    errors: list[BaseException] = []

    def ended(task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            errors.append(error)

    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(work) for work in works]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        if tasks:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        await end(*tasks)
    if not errors:
        return [task.result() for task in tasks]
    raise _noted(errors[0], errors[1:])


async def first(works: Iterable[Coroutine[Any, Any, Any]]) -> Any:
    """Return what the first returns that succeeds; cancel the others and wait for them. Raises the last error."""
    ended: asyncio.Queue[asyncio.Task[Any]] = asyncio.Queue()
    errors: list[BaseException] = []
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(work) for work in works]
    for task in tasks:
        task.add_done_callback(ended.put_nowait)
    try:
        for _ in tasks:
            task = await ended.get()
            error = asyncio.CancelledError("it cancelled itself") if task.cancelled() else task.exception()
            if error is None:
                return task.result()
            errors.append(error)
    finally:
        await end(*tasks)
    raise _noted(errors[-1], errors[:-1])


def _noted(error: BaseException, others: list[BaseException]) -> BaseException:
    for other in others:
        error.add_note(f"beside it failed: {type(other).__name__}: {other}")
    return error
