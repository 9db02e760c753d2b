"""The layer table against what was measured on the installed keras and tf_keras, layer by layer."""

from __future__ import annotations

import pytest

from dropout_lint.keras.layers import LAYERS, is_layer_class, layer
from dropout_lint.keras.names import canonical

pytestmark = pytest.mark.slow

PACKAGES = pytest.mark.parametrize(("package", "generation"), [("keras", 3), ("tf_keras", 2)])

# Without variables of their own, yet with a state that adapt() or a vocabulary gives them.
STATE_OUTSIDE_VARIABLES = {"Discretization", "IntegerLookup", "StringLookup", "TextVectorization"}

# tf_keras 2.21 cannot build it on TensorFlow 2.21: TypeError about its input_spec.
CANNOT_BE_BUILT = {("tf_keras", "SpectralNormalization")}

# Exported by tf.keras before tf_keras.
NOT_EXPORTED_HERE = {"PeepholeLSTMCell"}

MODES_THAT_SHOW = {"dropout", "noise", "batch-statistics", "augmentation", "power-iteration"}


def facts_of(public_name):
    name, _ = canonical(f"keras.layers.{public_name}")
    return layer(name)


@PACKAGES
def test_every_exported_layer_is_in_the_table_for_its_generation(measured, package, generation):
    missing = [
        name
        for name in measured(package)["layers"]
        if (facts := facts_of(name)) is None or generation not in facts.generations
    ]
    assert missing == []


@PACKAGES
def test_the_table_holds_no_layer_that_the_generation_lacks(measured, package, generation):
    exported = {facts_of(name).name for name in measured(package)["layers"]}
    claimed = {facts.name for facts in LAYERS.values() if generation in facts.generations}
    assert claimed - exported - NOT_EXPORTED_HERE == set()


@PACKAGES
def test_every_layer_could_be_measured(measured, package, generation):
    failed = {name: entry["error"] for name, entry in measured(package)["layers"].items() if "error" in entry}
    assert {(package, name) for name in failed} == {pair for pair in CANNOT_BE_BUILT if pair[0] == package}, failed


@PACKAGES
def test_the_path_of_each_class_leads_to_its_row(measured, package, generation):
    strays = {
        entry["path"]: canonical(entry["path"])
        for name, entry in measured(package)["layers"].items()
        if layer(canonical(entry["path"])[0]) is not facts_of(name)
    }
    assert strays == {}


@PACKAGES
def test_the_training_parameter_of_call_is_as_the_table_says(measured, package, generation):
    entries = measured(package)["layers"]
    measured_parameters = {name: entry["training"] for name, entry in entries.items()}
    assert {name: facts_of(name).training_parameter(generation) for name in entries} == measured_parameters


@PACKAGES
def test_the_rate_arguments_stand_where_the_table_says(measured, package, generation):
    entries = measured(package)["layers"]
    in_table = {
        name: {
            rate.name: rate.position(generation)
            for rate in facts_of(name).rate_arguments
            if rate.position(generation) is not None
        }
        for name in entries
    }
    assert in_table == {name: entry["rates"] for name, entry in entries.items()}


@PACKAGES
def test_a_layer_called_weightless_owns_no_variable_when_built(measured, package, generation):
    counted = {name: entry["weights"] for name, entry in measured(package)["layers"].items() if "weights" in entry}
    wrong = {name: count for name, count in counted.items() if facts_of(name).weightless is True and count}
    assert wrong == {}


@PACKAGES
def test_a_layer_called_weighted_owns_variables_or_adapted_state(measured, package, generation):
    counted = {name: entry["weights"] for name, entry in measured(package)["layers"].items() if "weights" in entry}
    empty = {name for name, count in counted.items() if facts_of(name).weightless is False and not count}
    assert empty == STATE_OUTSIDE_VARIABLES & set(counted)


@PACKAGES
def test_the_mode_changes_exactly_the_layers_that_the_table_names(measured, package, generation):
    entries = measured(package)["layers"]
    changed = {name for name, entry in entries.items() if entry.get("mode_dependent")}
    claimed = {name for name in entries if facts_of(name).mode in MODES_THAT_SHOW and "error" not in entries[name]}
    # Pipeline was measured around RandomFlip.
    assert changed == claimed | ({"Pipeline"} & set(entries))


@PACKAGES
def test_a_bare_call_is_active_for_exactly_the_layers_that_the_table_names(measured, package, generation):
    entries = measured(package)["layers"]
    active = {name for name, entry in entries.items() if entry.get("active_by_default")}
    assert active == {name for name in entries if facts_of(name).default_active}


@PACKAGES
def test_training_mode_changes_the_weights_of_exactly_the_layers_that_the_table_names(measured, package, generation):
    entries = measured(package)["layers"]
    mutated = {name for name, entry in entries.items() if entry.get("mutates")}
    assert mutated == {name for name in entries if facts_of(name).mutates and "error" not in entries[name]}


@PACKAGES
def test_a_rate_makes_attention_and_recurrent_layers_depend_on_the_mode(measured, package, generation):
    entries = measured(package)["layers"]
    dependent = {
        name
        for name, entry in entries.items()
        if entry.get("with_dropout", {}).get("mode_dependent") and not entry["with_dropout"]["active_by_default"]
    }
    modes = {"attention-dropout", "rnn-dropout"}
    assert dependent == {name for name in entries if facts_of(name).mode in modes}


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("keras.layers.Dropout", True),
        ("keras.layers.Layer", True),
        ("keras.layers.Input", False),
        ("keras.layers.add", False),
        ("keras.Model", False),
        ("Dropout", False),
    ],
)
def test_only_canonical_names_of_layer_classes_are_layers(name, known):
    assert is_layer_class(name) is known
    assert (layer(name) is not None) is known


def test_what_wraps_or_runs_foreign_code_is_never_weightless():
    assert {facts.weightless for facts in LAYERS.values() if facts.mode in {"wrapper", "foreign"}} == {None}
