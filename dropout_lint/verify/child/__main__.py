"""Start of the child: ``python .../dropout_lint/verify/child/__main__.py JOB.json``.

The package is loaded under a private name and its folder is taken off ``sys.path`` before the user's
program runs: a user's own ``state.py`` or ``modes.py`` must be found, and ours must not be.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys

PRIVATE_NAME = "_dropout_lint_child"


def load_package() -> None:
    """Make this folder importable as ``_dropout_lint_child`` and as nothing else."""
    folder = os.path.dirname(os.path.abspath(__file__))
    if sys.path and os.path.abspath(sys.path[0] or os.curdir) == folder:
        del sys.path[0]
    spec = importlib.util.spec_from_file_location(
        PRIVATE_NAME, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {folder}")
    package = importlib.util.module_from_spec(spec)
    sys.modules[PRIVATE_NAME] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    load_package()
    importlib.import_module(PRIVATE_NAME + ".program").main(sys.argv[1])
