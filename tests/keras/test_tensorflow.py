"""The names that tell TensorFlow 1 from 2, against the installed TensorFlow."""

import json
import os
import subprocess
import sys

import pytest

from dropout_lint.keras.tensorflow import TF1_NAMES, TF2_NAMES, generation_by_names

PROGRAM = """
import functools, json, sys
import tensorflow
def has(name):
    try:
        functools.reduce(getattr, name.split(".")[1:], tensorflow)
    except (AttributeError, ImportError):
        return False
    return True
print(json.dumps([name for name in json.loads(sys.argv[1]) if has(name)]))
"""


def existing(names):
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, json.dumps(sorted(names))]
    process = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return set(json.loads(process.stdout.splitlines()[-1]))


@pytest.mark.slow
def test_tensorflow_2_has_none_of_the_first_and_all_of_the_second():
    first = {name.replace("tensorflow.", "tensorflow.compat.v1.", 1) for name in TF1_NAMES - {"tensorflow.contrib"}}
    assert existing({*TF1_NAMES, *TF2_NAMES, *first}) == {*TF2_NAMES, *first}


@pytest.mark.parametrize(
    ("names", "generation"),
    [
        ((), None),
        (("tensorflow.nn.relu",), None),
        (("tensorflow.placeholder", "tensorflow.function"), 1),
        (("tensorflow.function",), 2),
        (("tensorflow.compat.v1.placeholder",), None),
    ],
)
def test_names_tell_the_generation(names, generation):
    assert generation_by_names(frozenset(names)) == generation
