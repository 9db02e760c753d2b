"""What KTM101 costs in the article's program, computed with Keras and NumPy alone."""

import json
import runpy
import sys

import keras
import numpy as np

article = runpy.run_path(sys.argv[1], run_name="article")
keras.utils.set_random_seed(4)
x_train, y_train = article["spectra"](1500, seed=0)
x_test, y_test = article["spectra"](1000, seed=1)
model = article["build"]()
model.fit(x_train, y_train, epochs=10, batch_size=50, verbose=0)

fixed = np.asarray(model(x_test)).argmax(axis=1)
passes = np.array([np.asarray(model(x_test, training=True)).argmax(axis=1) for _ in range(40)])
changed = passes != fixed
rows = changed.mean(axis=0)
rng = np.random.default_rng(0)
means = rows[rng.integers(0, len(rows), (4000, len(rows)))].mean(axis=1)
print(
    json.dumps(
        {
            "changed_by_fix": changed.mean(),
            "sd": changed.mean(axis=1).std(ddof=1),
            "interval": np.quantile(means, (0.025, 0.975)).tolist(),
            "changed_between_calls": (passes[1:] != passes[:-1]).mean(),
        }
    )
)
