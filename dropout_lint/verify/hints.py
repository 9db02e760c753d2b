"""The way out of the usual reasons for which a program cannot be run, one sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dropout_lint.verify.campaign import ProgramReport
    from dropout_lint.verify.experiment import Json

INPUT = "the program waits for input, and verify gives it none: pass what it asks for as arguments, after --"
NETWORK = (
    "it loads from a network that cannot be reached here: load it once where there is one (Keras keeps data sets in "
    "~/.keras/datasets), or measure a model on data of your own with --model and --data"
)
PACKAGE = "the interpreter does not have it: name the one you run the program with, --python PATH"
FILE = "it runs in a copy of the working directory: start verify where you start the program, or use --in-place"
MEMORY = "there is not enough memory: measure fewer rows with --max-rows, or fewer programs at a time with --jobs 1"

BY_EXCEPTION = (
    (("EOFError",), INPUT),
    (("URLError", "gaierror", "ConnectionError", "HTTPError", "ConnectTimeout"), NETWORK),
    (("ModuleNotFoundError",), PACKAGE),
    (("FileNotFoundError",), FILE),
    (("MemoryError", "ResourceExhaustedError"), MEMORY),
)
BY_MESSAGE = (("URL fetch failure", NETWORK), ("Max retries exceeded", NETWORK))
BY_END = {
    "the time limit came first": "give it more with --timeout SECONDS, or less to do (arguments after --)",
    "the memory limit came first": "give it more with --memory GIB, or measure fewer rows with --max-rows",
}


def hint_of(report: ProgramReport) -> str:
    """What to do about a program that could not be run; nothing where we do not know."""
    if report.ended in BY_END:
        return BY_END[report.ended]
    return _of_exception(report.failure, report.program.kind) if report.failure else ""


def _of_exception(exception: Json, kind: str) -> str:
    types: Any = exception.get("types") or [exception.get("type")]
    message = str(exception.get("message", ""))
    for names, hint in BY_EXCEPTION:
        if set(names) & set(types):
            return hint
    for words, hint in BY_MESSAGE:
        if words in message:
            return hint
    if kind == "model" and not exception.get("frames") and "shape" in message:
        return "what --data gives does not fit the model's inputs"
    return ""
