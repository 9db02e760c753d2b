from __future__ import annotations

import subprocess
import sys

HEAVY = ("keras", "tensorflow", "tf_keras", "jax", "numpy", "libcst", "rich")

PROGRAM = f"""
import sys
import dropout_lint.keras.ancestors, dropout_lint.keras.consumers, dropout_lint.keras.entry_points
import dropout_lint.keras.layers, dropout_lint.keras.names, dropout_lint.keras.versions
print([name for name in {HEAVY!r} if name in sys.modules])
"""


def test_the_tables_load_neither_keras_nor_a_parser():
    process = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"
