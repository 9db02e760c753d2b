"""KTM210: loops that freeze batch normalisation and do not look into nested models."""

import textwrap

import pytest

from dropout_lint import check_source
from dropout_lint.settings import Resolver

PRELUDE = textwrap.dedent(
    """\
    import keras, numpy as np, helpers
    from keras import layers
    from keras.layers import BatchNormalization

    base = keras.Sequential([layers.Dense(8), layers.BatchNormalization(), layers.ReLU()])
    model = keras.Sequential([base, layers.Dense(2)])
    x, y = np.zeros((8, 4)), np.zeros((8, 2))
    """
)
FIT = 'model.compile("adam", "mse")\nmodel.fit(x, y)\n'


def found(source, after=FIT, version="3.15"):
    """The lines that KTM210 finds in ``source``, which stands between the prelude and a fit."""
    program = PRELUDE + textwrap.dedent(source) + after
    overrides = {"select": ["KTM210"], "keras-version": version}
    report = check_source(program, "program.py", Resolver(isolated=True, overrides=overrides))
    lines = program.splitlines()
    return [lines[finding.span.start.line - 1].strip() for finding in report.findings]


FOUND = {
    "by class": """\
        for layer in model.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.trainable = False
        """,
    "by type": """\
        for layer in model.layers:
            if type(layer) == BatchNormalization:
                layer.trainable = False
        """,
    "in a helper": """\
        def freeze_statistics(net):
            for layer in net.layers:
                if isinstance(layer, (layers.BatchNormalization, layers.LayerNormalization)):
                    layer.trainable = False
        freeze_statistics(model)
        """,
    "with a position": """\
        for position, layer in enumerate(model.layers):
            if isinstance(layer, BatchNormalization):
                layer.trainable = False
        """,
    "a ready-made base": """\
        base = keras.applications.ResNet50(include_top=False)
        image = keras.Input((64, 64, 3))
        model = keras.Model(image, layers.Dense(2)(base(image)))
        for layer in model.layers:
            if isinstance(layer, BatchNormalization):
                layer.trainable = False
        """,
    "some outside, some inside": """\
        model = keras.Sequential([base, layers.BatchNormalization(), layers.Dense(2)])
        for layer in model.layers:
            if isinstance(layer, BatchNormalization):
                layer.trainable = False
        """,
    "all open, batch normalisation frozen": """\
        model.trainable = True
        for layer in model.layers:
            if not isinstance(layer, BatchNormalization):
                layer.trainable = True
            else:
                layer.trainable = False
        """,
}


@pytest.mark.parametrize("source", FOUND.values(), ids=FOUND.keys())
def test_loops_that_do_not_look_into_nested_models_are_found(source):
    assert found(source) == ["layer.trainable = False"]


LEFT_ALONE = {
    "the base's own layers": """\
        for layer in base.layers:
            if isinstance(layer, BatchNormalization):
                layer.trainable = False
        """,
    "both": """\
        for net in (model, base):
            for layer in net.layers:
                if isinstance(layer, BatchNormalization):
                    layer.trainable = False
        """,
    "a function that calls itself": """\
        def freeze(net):
            for layer in net.layers:
                if isinstance(layer, BatchNormalization):
                    layer.trainable = False
                elif isinstance(layer, keras.Model):
                    freeze(layer)
        freeze(model)
        """,
    "the base is frozen as a whole": """\
        base.trainable = False
        for layer in model.layers:
            if isinstance(layer, BatchNormalization):
                layer.trainable = False
        """,
    "a base without batch normalisation": """\
        base = keras.applications.VGG16(include_top=False)
        model = keras.Sequential([base, layers.Dense(2)])
        for layer in model.layers:
            if isinstance(layer, BatchNormalization):
                layer.trainable = False
        """,
    "a base that is not known": """\
        model = keras.Sequential([helpers.base(), layers.Dense(2)])
        for layer in model.layers:
            if isinstance(layer, BatchNormalization):
                layer.trainable = False
        """,
    "layers that are counted": """\
        count = 0
        for layer in model.layers:
            if isinstance(layer, BatchNormalization):
                count += 1
        """,
    "layers that are opened": """\
        for layer in model.layers:
            if isinstance(layer, BatchNormalization):
                layer.trainable = True
        """,
    "layers of another kind": """\
        for layer in model.layers:
            if isinstance(layer, layers.Conv2D):
                layer.trainable = False
        """,
    "no model in a model": """\
        model = keras.Sequential([layers.Dense(8), layers.BatchNormalization(), layers.Dense(2)])
        for layer in model.layers:
            if isinstance(layer, BatchNormalization):
                layer.trainable = False
        """,
    "everything that is nested": """\
        for layer in model._flatten_layers():
            if isinstance(layer, BatchNormalization):
                layer.trainable = False
        """,
    "a graph that goes on from the base": """\
        base = keras.applications.ResNet50(include_top=False)
        model = keras.Model(base.input, layers.Dense(2)(base.output))
        for layer in model.layers:
            if isinstance(layer, BatchNormalization):
                layer.trainable = False
        """,
}


@pytest.mark.parametrize("source", LEFT_ALONE.values(), ids=LEFT_ALONE.keys())
def test_loops_that_reach_or_do_not_mean_them_are_left_alone(source):
    assert found(source) == []


def test_what_an_unmet_branch_would_do_changes_nothing():
    source = """\
        frozen = []
        for layer in model.layers:
            if isinstance(layer, BatchNormalization):
                layer.trainable = False
                frozen.append(layer)
                model = None
        """
    assert found(source) == ["layer.trainable = False"]


@pytest.mark.parametrize(("version", "lines"), [("2", []), ("3.15", ["layer.trainable = False"])])
def test_a_base_in_inference_mode_is_one_where_fit_obeys_the_flag(version, lines):
    source = """\
        image = keras.Input((4,))
        model = keras.Model(image, layers.Dense(2)(base(image, training=False)))
        for layer in model.layers:
            if isinstance(layer, BatchNormalization):
                layer.trainable = False
        """
    assert found(source, version=version) == lines
