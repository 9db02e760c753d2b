"""Paths as a code host reads them: from the root of the checkout, wherever in it the tool runs."""

from __future__ import annotations

import os
from pathlib import Path

from dropout_lint.settings import normal

_ROOTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")
"""Where GitHub Actions and GitLab CI say the checkout is."""


def in_checkout(path: str) -> str:
    """``path``, relative to the working directory, as seen from the root of the checkout; as it is outside of one."""
    absolute = normal(Path(path))
    for variable in _ROOTS:
        root = os.environ.get(variable)
        if not root:
            continue
        try:
            return absolute.relative_to(os.path.normpath(root)).as_posix()
        except ValueError:
            continue
    return path
