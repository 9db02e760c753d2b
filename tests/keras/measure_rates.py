"""What an installed Keras does with rates that are none: ``measure_rates.py keras`` prints one JSON object.

Each entry is ``raises at once``, ``raises in a call``, ``raises in training``, ``zeros``, ``nothing`` or ``acts``.
"""

import importlib
import json
import sys

import numpy as np

VALUES = {"above": 50, "one": 1.0, "negative": -0.1, "not-a-number": float("nan"), "text": "0.5", "none": None}


def outcome(layers, name, argument, value, needed, data):
    try:
        layer = getattr(layers, name)(**needed, **{argument: value})
    except Exception as error:
        return f"at once: {type(error).__name__}"
    inputs = [data, data] if name in {"Attention", "AdditiveAttention"} else data
    positional = (inputs, inputs) if name == "MultiHeadAttention" else (inputs,)
    try:
        still = np.asarray(layer(*positional, training=False))
    except Exception as error:
        return f"in a call: {type(error).__name__}"
    try:
        active = np.asarray(layer(*positional, training=True))
    except Exception as error:
        return f"in training: {type(error).__name__}"
    if np.isnan(active).any():
        return "nan"
    if not active.any():
        return "zeros"
    return "nothing" if np.allclose(still, active) else "acts"


def main():
    layers = importlib.import_module(sys.argv[1]).layers
    flat, steps = np.ones((64, 32), "float32"), np.ones((8, 5, 8), "float32")
    films = np.ones((2, 3, 6, 6, 2), "float32")
    cases = [
        ("Dropout", "rate", {}, flat),
        ("SpatialDropout1D", "rate", {}, steps),
        ("GaussianDropout", "rate", {}, flat),
        ("AlphaDropout", "rate", {}, flat),
        ("GaussianNoise", "stddev", {}, flat),
        ("LSTM", "dropout", {"units": 4}, steps),
        ("GRU", "dropout", {"units": 4}, steps),
        ("SimpleRNN", "dropout", {"units": 4}, steps),
        ("ConvLSTM2D", "dropout", {"filters": 2, "kernel_size": 3}, films),
        ("MultiHeadAttention", "dropout", {"num_heads": 2, "key_dim": 4}, steps),
        ("Attention", "dropout", {}, steps),
        ("AdditiveAttention", "dropout", {}, steps),
    ]
    found = {
        name: {problem: outcome(layers, name, argument, value, needed, data) for problem, value in VALUES.items()}
        for name, argument, needed, data in cases
    }
    sys.stdout.write(json.dumps(found) + "\n")


main()
