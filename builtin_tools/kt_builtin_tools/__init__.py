"""The built-in tools."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.tool("read", "kt_builtin_tools.files:read", help="read a text file, an image or a PDF")
    registry.tool("write", "kt_builtin_tools.files:write", help="create or replace a file")
    registry.tool("edit", "kt_builtin_tools.files:edit", help="replace exact text in a file")
    registry.tool("apply_patch", "kt_builtin_tools.patch:apply_patch", help="change several files by one patch")
    registry.tool("json_query", "kt_builtin_tools.json_file:json_query", help="read values of a JSON file")
    registry.tool("json_edit", "kt_builtin_tools.json_file:json_edit", help="change values of a JSON file")
    registry.tool("notebook_read", "kt_builtin_tools.notebook:notebook_read", help="read the cells of a notebook")
    registry.tool("notebook_edit", "kt_builtin_tools.notebook:notebook_edit", help="change the cells of a notebook")
    registry.tool("scratchpad", "kt_builtin_tools.scratchpad:scratchpad", help="keep notes")
    registry.tool("tree", "kt_builtin_tools.files:tree", help="list folders")
    registry.tool("glob", "kt_builtin_tools.search:glob", help="find files by name")
    registry.tool("grep", "kt_builtin_tools.search:grep", help="search file contents")
    registry.tool("bash", "kt_builtin_tools.shell:bash", help="run a shell command, in the background too")
    registry.tool("tasks", "kt_builtin_tools.shell:tasks", help="list background tasks, or read one")
    registry.tool("write_stdin", "kt_builtin_tools.shell:write_stdin", help="write to a background task")
    registry.tool("stop_task", "kt_builtin_tools.shell:stop_task", help="stop a background task")
    registry.tool("fetch", "kt_builtin_tools.web:fetch", help="read a web page, a text file or an image at a URL")
    registry.tool("web_search", "kt_builtin_tools.web:web_search", help="search the web")
    registry.tool("todo", "kt_builtin_tools.plan:todo", help="keep a to-do list")
    registry.tool("ask_user", "kt_builtin_tools.ask:ask_user", help="ask the user a question")
    registry.add("chat_command", "todo", "kt_builtin_tools.chat:todo", help="the to-do list that the model keeps")
    registry.add("preview", "write", "kt_builtin_tools.preview:written", help="what a write would make of its file")
    registry.add("preview", "edit", "kt_builtin_tools.preview:edited", help="what an edit would make of its file")
