"""Start of the child: ``python .../dropout_lint/verify/child/__main__.py JOB.json [CONNECTION]``.

The package is loaded under a private name and its folder is taken off ``sys.path`` before the user's
program runs: a user's own ``state.py`` or ``modes.py`` must be found, and ours must not be.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

PRIVATE_NAME = "_dropout_lint_child"


def load_package() -> None:
    """Make this folder importable as ``_dropout_lint_child`` and as nothing else."""
    folder = Path(__file__).absolute().parent
    if sys.path and Path(sys.path[0]).absolute() == folder:
        del sys.path[0]
    spec = importlib.util.spec_from_file_location(
        PRIVATE_NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {folder}")
    package = importlib.util.module_from_spec(spec)
    sys.modules[PRIVATE_NAME] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    load_package()
    importlib.import_module(PRIVATE_NAME + ".program").main(*sys.argv[1:3])
