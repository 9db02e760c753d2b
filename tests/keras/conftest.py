from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

MEASURE = Path(__file__).with_name("measure.py")


@pytest.fixture(scope="session")
def measured() -> Callable[[str], dict[str, Any]]:
    """What ``measure.py`` found in an installed package: one process each, and only when a test asks."""

    @cache
    def run(package: str) -> dict[str, Any]:
        environment = {
            **os.environ,
            "CUDA_VISIBLE_DEVICES": "-1",
            "KERAS_BACKEND": "tensorflow",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        environment.pop("TF_USE_LEGACY_KERAS", None)
        process = subprocess.run(
            [sys.executable, str(MEASURE), package], capture_output=True, text=True, env=environment, check=False
        )
        assert process.returncode == 0, process.stderr[-4000:]
        report: dict[str, Any] = json.loads(process.stdout)
        return report

    return run
