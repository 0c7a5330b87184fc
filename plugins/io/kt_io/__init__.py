"""Where turns come from and where answers go: standard streams, files, sockets, HTTP."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.input("stdin", "kt_io.stdin:stdin", help="a turn for each line of standard input, or for all of it")
    registry.input("file", "kt_io.file_input:file", help="a turn for each line of a file, or for all of it")
    registry.input("socket", "kt_io.socket_input:socket", help="a turn for each line of a connection; JSON lines back")
    registry.input("http", "kt_io.http_input:http", help="a turn for each POST; its result back; events as they come")
    registry.input("none", "kt_io.nothing:nothing", help="no input")
    registry.output("stdout", "kt_io.screen:stdout", help="answers on standard output")
    registry.output("stderr", "kt_io.screen:stderr", help="answers on standard error")
    registry.output("file", "kt_io.file_output:file", help="answers, or results and events as JSON lines, in a file")
    registry.output("none", "kt_io.nothing:nothing", help="no output")
