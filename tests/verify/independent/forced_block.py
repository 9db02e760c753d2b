"""What KTM103 costs in a model whose blocks are always in training mode, computed with Keras and NumPy alone."""

import contextlib
import io
import json
import runpy
import sys

import numpy as np

with contextlib.redirect_stdout(io.StringIO()):
    program = runpy.run_path(sys.argv[1], run_name="__main__")
model, x_test, y_test = program["model"], program["x_test"], program["y_test"]


def scores():
    probabilities = model.predict(x_test, verbose=0).astype("float64")
    picked = probabilities[np.arange(len(y_test)), y_test]
    return probabilities.argmax(axis=1) == y_test, -np.log(np.clip(picked, 1e-7, None))


passes = [scores() for _ in range(40)]
for block in model.layers[:2]:
    block.drop.rate = 0.0
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
accurate, lost = scores()

rng = np.random.default_rng(0)
result = {}
for name, place, fixed in (("accuracy", 0, accurate), ("loss", 1, lost)):
    values = np.array([each[place] for each in passes], "float64")
    rows = values.mean(axis=0) - fixed
    means = rows[rng.integers(0, len(rows), (4000, len(rows)))].mean(axis=1)
    result[name] = {
        "as_written": values.mean(),
        "sd": values.mean(axis=1).std(ddof=1),
        "fixed": float(np.mean(fixed)),
        "interval": np.quantile(means, (0.025, 0.975)).tolist(),
    }
print(json.dumps(result))
