"""A run of which nothing has changed, down to the last status of a file, prints what it printed.

This is looked at before anything else is loaded: most of what a warm run would take is the start of Python and of the
command line. Only statuses count here, so whatever is new, or too young to be told from what came before it, is left
to `dropout_lint.cache.store`, which looks at contents.
"""

from __future__ import annotations

import json
import os
import re
import sys
from binascii import crc32

from dropout_lint.version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

NAME = ".dropout_lint_cache"
VARIABLE = "DROPOUT_LINT_CACHE_DIR"

_FORMAT = 1
_DEEPEST_FOLDER = 40
_LARGEST = 32 << 20
_VARIABLES = re.compile(
    r"_?DROPOUT_LINT|PYTHON|LC_|LANG|TERM|COL|LINES$|NO_COLOR|FORCE_COLOR|CLICOLOR|TTY_|JUPYTER|INSIDE_EMACS|HOME$"
    r"|GITHUB_WORKSPACE$|CI_PROJECT_DIR$"
)
"""What output, and what is checked, can depend on."""
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def key_of(arguments: list[str]) -> list[object] | None:
    """By what a run is told from others; None where there is no standard output, or no working directory."""
    out = sys.stdout
    try:
        size = list(os.get_terminal_size(out.fileno())) if out.isatty() else None
        variables = sorted([name, value] for name, value in os.environ.items() if _VARIABLES.match(name))
        python = [sys.executable, list(sys.version_info[:3]), sys.flags.utf8_mode]
        return [_FORMAT, __version__, python, os.getcwd(), arguments, variables, size, out.encoding, out.errors]
    except (AttributeError, OSError, ValueError):
        return None


def file_of(key: list[object]) -> str:
    """The name of the file that the run of this key is kept in."""
    return f"run-{crc32(json.dumps(key).encode()):08x}.json"


def replay(key: list[object], arguments: list[str]) -> int | None:
    """Print what the same run has printed and return its exit status; None where something may have changed."""
    try:
        kept = _kept(key, arguments)
    except (AttributeError, KeyError, MemoryError, OSError, RecursionError, TypeError, ValueError):
        # whatever is wrong with it, the run itself does not depend on it
        return None
    if kept is None:
        return None
    text, code = kept
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # the reader has gone away; nothing more is written when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _kept(key: list[object], arguments: list[str]) -> tuple[str, int] | None:
    if "--no-cache" in arguments:
        return None
    name = os.path.join(__version__, file_of(key))
    data = next((found for top in _tops(arguments) if (found := _read(os.path.join(top, name))) is not None), None)
    if data is None:
        return None
    document = json.loads(data)
    text, code = document["text"], document["code"]
    if document["key"] != key or code not in (0, 1) or not is_plain(text):
        return None
    for path, known in document["seen"].items():
        if status(path) != known:
            return None
    return text, code


def status(path: str) -> list[int] | None:
    """By what a file or folder is taken to be the same; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino]


def is_plain(text: str) -> bool:
    """Whether nothing in it does more to a terminal than to colour it."""
    return _CONTROL.search(_STYLE.sub("", text)) is None


def _tops(arguments: list[str]) -> Iterable[str]:
    """Where the cache may lie: where it is said to, or in a folder above; configurations are not read for it."""
    for number, argument in enumerate(arguments):
        if argument == "--cache-dir" and number + 1 < len(arguments):
            yield arguments[number + 1]
        elif argument.startswith("--cache-dir="):
            yield argument.partition("=")[2]
    given = os.environ.get(VARIABLE)
    if given:
        yield given
    folder = os.getcwd()
    for _ in range(_DEEPEST_FOLDER):
        yield os.path.join(folder, NAME)
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


def _read(path: str) -> bytes | None:
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    try:
        found = os.fstat(handle)
        # what somebody else has written is nothing to print
        mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
        if found.st_mode & 0o170000 != 0o100000 or not mine or found.st_size > _LARGEST:
            return None
        with open(handle, "rb", closefd=False) as stream:
            return stream.read(found.st_size)
    finally:
        os.close(handle)


def record(
    key: list[object],
    text: str,
    code: int,
    seen: Mapping[str, bool],
    trusted: Callable[[str], list[int] | None],
) -> bytes | None:
    """What `replay` reads; None where it would not know.

    ``seen`` are the paths that were looked at, and whether something was there; ``trusted`` gives the status of one, if
    it can be.
    """
    if not is_plain(text):
        return None
    known: dict[str, list[int] | None] = {}
    for path, there in seen.items():
        if there:
            known[path] = trusted(path)
            if known[path] is None:
                return None
    for path, there in seen.items():
        if there:
            continue
        if os.path.lexists(path):
            return None
        # a folder that is as it was still lacks what it lacked
        if os.path.dirname(path) not in known:
            known[path] = None
    return json.dumps({"key": key, "text": text, "code": code, "seen": known}, separators=(",", ":")).encode()
