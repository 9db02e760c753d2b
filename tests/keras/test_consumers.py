from __future__ import annotations

import pytest

from dropout_lint.keras import consumers
from dropout_lint.keras.consumers import function_kind, is_random_source, method_kind, plain


@pytest.mark.parametrize(
    ("dotted", "kind"),
    [
        ("numpy.argmax", "decision"),
        ("tensorflow.math.argmax", "decision"),
        ("tensorflow.compat.v1.argmax", "decision"),
        ("tensorflow.nn.top_k", "decision"),
        ("tensorflow.math.top_k", "decision"),
        ("keras.ops.argmax", "decision"),
        ("keras.backend.argmax", "decision"),
        ("keras.applications.resnet50.decode_predictions", "decision"),
        ("tensorflow.random.categorical", "decision"),
        ("sklearn.metrics.roc_auc_score", "score"),
        ("sklearn.metrics.make_scorer", None),
        ("scipy.stats.spearmanr", "score"),
        ("tensorflow.image.ssim", "score"),
        ("numpy.save", "saver"),
        ("pickle.dump", "saver"),
        ("json.dumps", "response"),
        ("flask.jsonify", "response"),
        ("matplotlib.pyplot.imshow", "display"),
        ("faiss.IndexFlatL2", "index"),
        ("sklearn.neighbors.NearestNeighbors", "index"),
        ("numpy.mean", "average"),
        ("tensorflow.math.reduce_mean", "average"),
        ("statistics.fmean", "average"),
        ("jax.numpy.std", "spread"),
        ("tensorflow.math.reduce_std", "spread"),
        ("tensorflow.nn.moments", "spread"),
        ("scipy.stats.entropy", "spread"),
        ("numpy.max", "extreme"),
        ("numpy.stack", "collector"),
        ("tensorflow.concat", "collector"),
        ("numpy.repeat", "repeat"),
        ("tensorflow.tile", "repeat"),
        ("keras.random.normal", "random"),
        ("numpy.random.normal", "random"),
        # They keep the prediction what it is.
        ("tensorflow.nn.softmax", None),
        ("keras.ops.sigmoid", None),
        ("numpy.squeeze", None),
        ("numpy.random.seed", None),
        ("my_project.argmax", None),
    ],
)
def test_what_a_function_does_to_a_prediction(dotted, kind):
    assert function_kind(dotted) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("argmax", "decision"),
        ("update_state", "score"),
        ("to_csv", "saver"),
        ("tolist", "response"),
        ("mean", "average"),
        ("std", "spread"),
        ("append", "collector"),
        ("repeat", "repeat"),
        ("numpy", None),
        ("reshape", None),
    ],
)
def test_what_a_method_does_to_a_prediction(name, kind):
    assert method_kind(name) == kind


@pytest.mark.parametrize(
    ("dotted", "random"),
    [
        ("numpy.random.choice", True),
        ("tensorflow.random.categorical", True),
        ("tensorflow.image.random_flip_left_right", True),
        ("keras.backend.random_normal", True),
        ("random.shuffle", True),
        ("numpy.random.default_rng", False),
        ("jax.random.split", False),
        ("tensorflow.random.set_seed", False),
        ("numpy.argmax", False),
    ],
)
def test_what_draws_random_numbers(dotted, random):
    assert is_random_source(dotted) is random


def test_no_table_holds_a_name_that_would_be_looked_up_in_another_spelling():
    tables = [value for value in vars(consumers).values() if isinstance(value, frozenset)]
    names = {name for table in tables for name in table if "." in name}
    assert {name for name in names if plain(name) != name or name.startswith(("tensorflow.keras.", "tf."))} == set()


def test_a_function_does_one_thing():
    tables = [names for _, names in consumers._BY_SET]
    assert sum(map(len, tables)) == len(frozenset().union(*tables))
