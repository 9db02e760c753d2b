"""Prints as JSON what one installed Keras is: ``python measure.py keras`` or ``python measure.py tf_keras``."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from typing import Any

from measure_behaviours import measure_behaviours
from measure_layers import measure_layers


def public(value: Any) -> list[str]:
    """The public attributes of a module or class."""
    return [name for name in dir(value) if not name.startswith("_")]


def main(package: str) -> None:
    """Measure ``package``; everything but the JSON goes to standard error."""
    with contextlib.redirect_stdout(sys.stderr):
        report = measurements(package)
    sys.stdout.write(json.dumps(report))


def measurements(package: str) -> dict[str, Any]:
    """All that is compared with the tables."""
    keras = importlib.import_module(package)
    modules = (
        "applications",
        "backend",
        "callbacks",
        "layers",
        "losses",
        "metrics",
        "models",
        "optimizers",
        "ops",
        "random",
    )
    return {
        "version": keras.__version__,
        "layers": measure_layers(keras, 2 if package == "tf_keras" else 3),
        "behaviours": measure_behaviours(keras),
        "modules": {name: public(getattr(keras, name)) for name in modules if hasattr(keras, name)},
        "classes": {
            "Model": public(keras.Model),
            "Callback": public(keras.callbacks.Callback),
            "Optimizer": public(keras.optimizers.Optimizer),
        },
    }


if __name__ == "__main__":
    main(sys.argv[1])
