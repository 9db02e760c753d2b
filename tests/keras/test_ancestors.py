from __future__ import annotations

import pytest

from dropout_lint.keras.ancestors import derives
from dropout_lint.keras.layers import LAYERS, layer
from dropout_lint.keras.names import canonical


@pytest.mark.slow
@pytest.mark.parametrize(("package", "generation"), [("keras", 3), ("tf_keras", 2)])
def test_every_layer_has_the_ancestors_that_were_measured(measured, package, generation):
    entries = measured(package)["layers"]
    classes = {layer(canonical(f"keras.layers.{name}")[0]).name: entry for name, entry in entries.items()}
    found = {name: {each for each in entry["ancestors"] if each in classes} - {name} for name, entry in classes.items()}
    claimed = {
        name: {
            each
            for each in classes
            if each != name and derives(f"keras.layers.{name}", f"keras.layers.{each}", generation)
        }
        for name in classes
    }
    assert claimed == found


@pytest.mark.parametrize(
    ("name", "ancestor", "generation", "expected"),
    [
        ("keras.layers.SpatialDropout1D", "keras.layers.Dropout", None, True),
        ("keras.layers.GaussianDropout", "keras.layers.Dropout", None, False),
        ("keras.layers.Dropout", "keras.layers.Dropout", None, True),
        ("keras.layers.SyncBatchNormalization", "keras.layers.BatchNormalization", None, False),
        ("keras.layers.Bidirectional", "keras.layers.Wrapper", 2, True),
        ("keras.layers.Bidirectional", "keras.layers.Wrapper", 3, False),
        ("keras.layers.Bidirectional", "keras.layers.Wrapper", None, None),
        ("keras.layers.ReversibleEmbedding", "keras.layers.Embedding", None, True),
        ("keras.Sequential", "keras.Model", None, True),
        ("keras.Model", "keras.Sequential", None, False),
        ("keras.Model", "keras.layers.Layer", None, True),
        ("keras.layers.NoSuchLayer", "keras.layers.Layer", None, None),
    ],
)
def test_whether_a_class_derives_from_another(name, ancestor, generation, expected):
    assert derives(name, ancestor, generation) is expected


def test_every_layer_derives_from_layer():
    assert {derives(facts.canonical_name, "keras.layers.Layer") for facts in LAYERS.values()} == {True}
