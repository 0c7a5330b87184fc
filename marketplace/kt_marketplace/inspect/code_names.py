"""What names of Python's modules and functions reach: which of them a manifest must have declared a need for."""

from collections.abc import Collection

_NET = """
socket _socket ssl http.client urllib.request urllib3 requests httpx httpx2 httpcore aiohttp websocket websockets
ftplib smtplib poplib imaplib nntplib telnetlib xmlrpc.client paramiko asyncssh grpc pycurl tornado twisted zmq
boto3 botocore openai anthropic google.genai mcp fsspec huggingface_hub kt_http dns pika redis psycopg pymongo
asyncio.open_connection anyio.connect_tcp anyio.connect_unix trio.open_tcp_stream
"""
_LISTEN = """
http.server socketserver wsgiref.simple_server xmlrpc.server uvicorn hypercorn gunicorn flask aiohttp.web
socket.create_server asyncio.start_server asyncio.start_unix_server anyio.create_tcp_listener
anyio.create_unix_listener
"""
_EXEC = """
subprocess _posixsubprocess _winapi pty multiprocessing pexpect ptyprocess sh plumbum posix nt webbrowser
os.system os.popen os.fork os.forkpty os.startfile os.posix_spawn os.posix_spawnp
os.execl os.execle os.execlp os.execlpe os.execv os.execve os.execvp os.execvpe
os.spawnl os.spawnle os.spawnlp os.spawnlpe os.spawnv os.spawnve os.spawnvp os.spawnvpe
asyncio.create_subprocess_exec asyncio.create_subprocess_shell asyncio.subprocess
anyio.run_process anyio.open_process anyio.to_process trio.run_process
concurrent.futures.ProcessPoolExecutor concurrent.futures.process
"""
_HIDING = """
marshal runpy zipimport imp code codeop importlib.machinery importlib.util.spec_from_file_location
importlib.util.module_from_spec
"""
KINDS = {"listen": _LISTEN.split(), "exec": _EXEC.split(), "net": _NET.split()}
METHODS = {
    "create_connection": "net",
    "create_datagram_endpoint": "net",
    "sock_connect": "net",
    "create_unix_connection": "net",
    "create_server": "listen",
    "create_unix_server": "listen",
    "subprocess_exec": "exec",
    "subprocess_shell": "exec",
}
"""Methods of event loops, each with the need it stands for."""
NATIVE = ("ctypes", "_ctypes", "cffi", "_cffi_backend")
HIDING = tuple(_HIDING.split())
"""What runs code that stands nowhere in the wheel's files as Python."""
DECODING = ("base64", "binascii", "zlib", "bz2", "lzma", "codecs", "marshal")
TRICKS = {"__builtins__", "__subclasses__", "__globals__", "__loader__", "f_globals", "f_builtins"}
"""Attributes that lead to everything without naming it."""
SENSITIVE = {"os", "posix", "sys", "builtins", "importlib", "subprocess", "socket", "ctypes", "asyncio"}
"""Modules whose attributes, taken by computed names, hide what is reached."""


def reached(name: str) -> tuple[str, str] | None:
    """Return the need that a dotted name stands for, and the known name it is or is within; None for none.

    The need is "listen", "exec" or "net".
    """
    for kind, known in KINDS.items():
        if found := matching(name, known):
            return kind, found
    return None


def matching(name: str, known: Collection[str]) -> str | None:
    """Return the known name that a dotted name is, or is within."""
    return next((k for k in known if name == k or name.startswith(f"{k}.")), None)
