"""What KTM102 costs in a Keras 2 graph, computed with Keras and NumPy alone: the same weights in a graph without it."""

import contextlib
import io
import json
import runpy
import sys

import numpy as np
import tf_keras as keras

with contextlib.redirect_stdout(io.StringIO()):
    program = runpy.run_path(sys.argv[1], run_name="__main__")
model, x, y = program["model"], program["x"][300:], program["y"][300:]

passes = np.array([model.evaluate(x, y, verbose=0) for _ in range(40)])

inputs = keras.Input((8, 2))
h = keras.layers.Dropout(0.2)(keras.layers.LSTM(12, dropout=0.4)(inputs))
repaired = keras.Model(inputs, keras.layers.Dense(1)(h))
repaired.set_weights(model.get_weights())
repaired.compile("adam", "mse", metrics=["mae"])
fixed = repaired.evaluate(x, y, verbose=0)
print(
    json.dumps(
        {
            name: {
                "as_written": passes[:, place].mean(),
                "sd": passes[:, place].std(ddof=1),
                "fixed": fixed[place],
            }
            for place, name in enumerate(("loss", "mae"))
        }
    )
)
