"""dropout-lint: finds Keras code that runs in the wrong mode, and measures what it costs.

The public interface is what ``__all__`` names; it is loaded on first use, so that importing this package
costs nothing.
"""

import sys


def _started_as_a_module() -> bool:
    """Whether this is ``python -m dropout_lint``, and the working directory is where modules are looked for first."""
    safe = sys.flags.isolated or getattr(sys.flags, "safe_path", False)
    return sys.argv[:1] == ["-m"] and not safe and "dropout_lint" in getattr(sys, "orig_argv", ())


if _started_as_a_module() and sys.path[:1] != [__path__[0].rpartition("dropout_lint")[0].rstrip("/\\")]:
    # In there lies what is to be checked: the first import of a `click.py` or `typing.py` of it would run it.
    del sys.path[:1]

from dropout_lint.version import __version__  # noqa: E402  # after the path is clean

TYPE_CHECKING = False  # what type checkers take for true; `typing` itself takes time to import
if TYPE_CHECKING:
    from dropout_lint.engine import check_paths, check_source
    from dropout_lint.findings import Finding, Fix
    from dropout_lint.report import Report
    from dropout_lint.rules import Rule
    from dropout_lint.settings import Settings

__all__ = [
    "Finding",
    "Fix",
    "Report",
    "Rule",
    "Settings",
    "__version__",
    "check_paths",
    "check_source",
]

_HOMES = {
    "Finding": "dropout_lint.findings",
    "Fix": "dropout_lint.findings",
    "Report": "dropout_lint.report",
    "Rule": "dropout_lint.rules",
    "Settings": "dropout_lint.settings",
    "check_paths": "dropout_lint.engine",
    "check_source": "dropout_lint.engine",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
