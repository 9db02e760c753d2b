"""dropout-lint: finds Keras code that runs in the wrong mode, and measures what it costs.

The public interface is what ``__all__`` names; it is loaded on first use, so that importing this package
costs nothing.
"""

from __future__ import annotations

from dropout_lint.version import __version__

TYPE_CHECKING = False  # what type checkers take for true; `typing` itself takes time to import
if TYPE_CHECKING:
    from dropout_lint.engine import Report, check_paths, check_source
    from dropout_lint.findings import Finding, Fix
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
    "Report": "dropout_lint.engine",
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
