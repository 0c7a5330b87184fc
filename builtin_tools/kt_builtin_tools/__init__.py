"""The built-in tools, and the sandbox "none" through which they reach the machine."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.sandbox("none", "kt_builtin_tools.direct:DirectSandbox", help="no walls: the rights of this process")
    registry.tool("read", "kt_builtin_tools.files:read", help="read a text file or an image")
    registry.tool("write", "kt_builtin_tools.files:write", help="create or replace a file")
    registry.tool("edit", "kt_builtin_tools.files:edit", help="replace exact text in a file")
    registry.tool("tree", "kt_builtin_tools.files:tree", help="list folders")
    registry.tool("glob", "kt_builtin_tools.search:glob", help="find files by name")
    registry.tool("grep", "kt_builtin_tools.search:grep", help="search file contents")
    registry.tool("bash", "kt_builtin_tools.shell:bash", help="run a shell command, in the background too")
    registry.tool("tasks", "kt_builtin_tools.shell:tasks", help="list background tasks")
    registry.tool("stop_task", "kt_builtin_tools.shell:stop_task", help="stop a background task")
    registry.tool("todo", "kt_builtin_tools.plan:todo", help="keep a to-do list")
    registry.tool("ask_user", "kt_builtin_tools.ask:ask_user", help="ask the user a question")
