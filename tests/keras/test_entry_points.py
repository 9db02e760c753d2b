from __future__ import annotations

import pytest

from dropout_lint.keras import entry_points
from dropout_lint.keras.entry_points import (
    application,
    hook_phase,
    is_loss,
    is_metric_class,
    is_metric_function,
    makes_model,
    method_phase,
)


@pytest.mark.slow
@pytest.mark.parametrize(("package", "generation"), [("keras", 3), ("tf_keras", 2)])
def test_every_application_is_in_the_table_for_its_generation(measured, package, generation):
    exported = {name for name in measured(package)["modules"]["applications"] if name[0].isupper()}
    assert exported == {facts.name for facts in entry_points.APPLICATIONS.values() if generation in facts.generations}


@pytest.mark.slow
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_methods_and_hooks_exist_unless_they_were_removed(measured, package):
    removed = entry_points.REMOVED_METHODS if package == "keras" else entry_points.REMOVED_FROM_KERAS_2
    model = set(measured(package)["classes"]["Model"])
    methods = entry_points.TRAINING_METHODS | entry_points.INFERENCE_METHODS | entry_points.EXPORT_METHODS
    assert (methods | set(entry_points.STEP_HOOKS)) - model == removed


@pytest.mark.slow
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_every_hook_of_a_callback_has_its_phase(measured, package):
    hooks = {name for name in measured(package)["classes"]["Callback"] if name.startswith("on_")}
    assert hooks == set(entry_points.CALLBACK_HOOKS)


@pytest.mark.slow
def test_the_learning_phase_is_gone_in_keras_3_and_there_in_keras_2(measured):
    names = {name.rpartition(".")[2] for name in entry_points.LEARNING_PHASE} - {"symbolic_learning_phase"}
    assert names & set(measured("keras")["modules"]["backend"]) == set()
    assert names - set(measured("tf_keras")["modules"]["backend"]) == set()


@pytest.mark.slow
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_metrics_and_losses_are_told_apart_by_their_names(measured, package):
    modules = measured(package)["modules"]
    helpers = {"deserialize", "experimental", "get", "serialize"}
    metrics = {f"keras.metrics.{name}" for name in modules["metrics"] if name not in helpers}
    assert {name for name in metrics if not is_metric_class(name) and not is_metric_function(name)} == set()
    losses = {f"keras.losses.{name}" for name in modules["losses"] if name not in helpers}
    assert {name for name in losses if not is_loss(name)} == set()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("keras.Model", True),
        ("keras.Sequential", True),
        ("keras.models.load_model", True),
        ("keras.models.clone_model", True),
        ("keras.applications.ResNet50", True),
        ("keras_hub.models.ImageClassifier.from_preset", True),
        ("keras.applications.resnet50.preprocess_input", False),
        ("keras.models.save_model", False),
        ("keras.layers.Dropout", False),
        ("copy.deepcopy", False),
    ],
)
def test_what_makes_a_model(name, expected):
    assert makes_model(name) is expected


@pytest.mark.parametrize(
    ("name", "batch_normalization", "dropout"),
    [
        ("VGG16", False, "never"),
        ("ConvNeXtTiny", False, "never"),
        ("ResNet50", True, "never"),
        ("MobileNetV2", True, "never"),
        ("MobileNet", True, "with-top"),
        ("MobileNetV3Large", True, "with-top"),
        ("ResNetRS50", True, "with-top"),
        ("EfficientNetB7", True, "always"),
        ("EfficientNetV2S", True, "always"),
    ],
)
def test_what_an_application_holds(name, batch_normalization, dropout):
    facts = application(f"keras.applications.{name}")
    assert (facts.batch_normalization, facts.dropout) == (batch_normalization, dropout)


@pytest.mark.parametrize(
    ("name", "phase"),
    [
        ("fit", "training"),
        ("train_on_batch", "training"),
        ("predict", "inference"),
        ("evaluate_generator", "inference"),
        ("compile", None),
        ("call", None),
    ],
)
def test_the_phase_of_a_method(name, phase):
    assert method_phase(name) == phase


@pytest.mark.parametrize(
    ("name", "phase"),
    [
        ("train_step", "training"),
        ("test_step", "inference"),
        ("predict_step", "inference"),
        ("on_epoch_end", "training"),
        ("on_test_batch_end", "inference"),
        ("call", None),
    ],
)
def test_the_phase_of_a_hook(name, phase):
    assert hook_phase(name) == phase
