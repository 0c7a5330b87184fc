"""Sessions: what agents do is kept in a file, from which everything can be resumed, read, forked and replayed."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.store("session", "kt_sessions.log:SessionLog", help="an agent's events in a session file")
    registry.store("journal", "kt_sessions.journal:Journal", help="what agents do together, in a session file")
    registry.build_option("session", "kt_sessions.options:session", help="keep the agent in a session file")
    registry.build_option("session_dir", "kt_sessions.options:session_dir", help="where a new session file is made")
    registry.run_option("session", "kt_sessions.options:run_session", help="the session's file", metavar="PATH")
    registry.run_option("no-session", "kt_sessions.options:run_without", help="keep no session", is_flag=True)
    registry.command("sessions", "kt_sessions.command:sessions", help="see, export, fork, rewind and repair sessions")
    registry.command("cost", "kt_sessions.command:cost", help="tokens and money by day, model, creature or plugin")
    registry.add("loader", "session_rows", "kt_sessions.picking:rows", help="the newest sessions, one line each")
    registry.add("loader", "session", "kt_sessions.names:load", help="the file of a session, by name")
    registry.add("loader", "sessions", "kt_sessions.names:load_all", help="the files of all sessions, newest first")
    registry.add("loader", "session_running", "kt_sessions.listing:is_running", help="does a process write a session?")
    registry.add("loader", "recorded", "kt_sessions.resume:recorded", help="what the agent of a session is built of")
    registry.add("loader", "journal", "kt_sessions.journal:read", help="the events of a session's journal")
    registry.add("loader", "accepted", "kt_sessions.trace:accepted", help="the input an agent took, and its answers")
    registry.add("loader", "resume", "kt_sessions.resume:resume", help="the agent of a session, started")
    _register_chat(registry)


def _register_chat(registry: "Registry") -> None:
    """Register what a person can write in a conversation."""

    def add(name: str, where: str, help: str, **data: str) -> None:
        registry.add("chat_command", name, f"kt_sessions.{where}:{name}", help=help, **data)

    add("sessions", "chat_open", "the sessions of this folder: /sessions [WORD]")
    add("resume", "chat_open", "go on with another session: /resume [NAME]", complete="kt_sessions.chat_open:names")
    add("fork", "chat_open", "go on in a copy: /fork [TURN]", complete="kt_sessions.chat_rewind:turns")
    add("clear", "chat_open", "begin a fresh session; this one stays")
    add("rewind", "chat_rewind", "back to the end of a turn: /rewind [TURN [files]]",
        complete="kt_sessions.chat_rewind:turns")  # fmt: skip
    add("undo", "chat_rewind", "take back the last turn, and the files it changed")
    add("export", "chat_report", "write this session: /export [md|html|json] [PATH]",
        complete="kt_sessions.chat_report:kinds")  # fmt: skip
    add("cost", "chat_report", "tokens and money of this session, by model")
