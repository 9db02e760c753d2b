"""LibCST for those who only need it once a file is parsed.

Rules declare their triggers beside the code that looks at nodes; reading the triggers must not load the parser.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import libcst as cst
else:

    class _OnDemand:
        """Stands for the module ``libcst`` and loads it with the first attribute."""

        def __getattr__(self, name: str) -> Any:
            value = getattr(import_module("libcst"), name)
            setattr(self, name, value)
            return value

    cst = _OnDemand()

__all__ = ["cst"]
