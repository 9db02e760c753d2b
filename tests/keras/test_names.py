from __future__ import annotations

import pytest

from dropout_lint.keras.layers import is_layer_class
from dropout_lint.keras.names import LAYER_ALIASES, canonical

KERAS_NAMES = [
    # Packages.
    ("keras", "keras", None),
    ("tensorflow.keras", "keras", None),
    ("tf_keras", "keras", "2"),
    ("tensorflow.python.keras", "keras", "2"),
    ("tensorflow.keras.layers", "keras.layers", None),
    ("tensorflow.compat.v1.keras.layers", "keras.layers", None),
    ("tensorflow.compat.v2.keras.backend", "keras.backend", None),
    ("tensorflow.contrib.keras.layers", "keras.layers", "2"),
    ("tensorflow.keras.api._v2.keras.layers", "keras.layers", "2"),
    ("tensorflow.keras.api._v1.keras.backend", "keras.backend", "2"),
    ("keras.api.layers", "keras.layers", None),
    ("keras._tf_keras.keras.layers", "keras.layers", "3"),
    ("keras_core.layers", "keras.layers", "3"),
    # Layers.
    ("keras.layers.Dropout", "keras.layers.Dropout", None),
    ("tf.keras.layers.Dropout", "keras.layers.Dropout", None),
    ("tf_keras.layers.Dropout", "keras.layers.Dropout", "2"),
    ("keras.layers.core.Dropout", "keras.layers.Dropout", "2"),
    ("keras.layers.noise.GaussianNoise", "keras.layers.GaussianNoise", "2"),
    ("keras.layers.normalization.BatchNormalization", "keras.layers.BatchNormalization", "2"),
    ("keras.layers.normalization.batch_normalization.BatchNormalization", "keras.layers.BatchNormalization", "2"),
    ("keras.layers.BatchNormalizationV1", "keras.layers.BatchNormalization", None),
    ("tensorflow.python.keras.layers.BatchNormalizationV2", "keras.layers.BatchNormalization", "2"),
    ("keras.layers.recurrent.LSTM", "keras.layers.LSTM", "2"),
    ("tensorflow.python.keras.layers.recurrent_v2.LSTM", "keras.layers.LSTM", "2"),
    ("keras.layers.LSTMV1", "keras.layers.LSTM", None),
    ("keras.layers.GRUCellV2", "keras.layers.GRUCell", None),
    ("tensorflow.compat.v1.keras.layers.CuDNNLSTM", "keras.layers.CuDNNLSTM", None),
    ("keras.layers.cudnn_recurrent.CuDNNGRU", "keras.layers.CuDNNGRU", "2"),
    ("keras.layers.experimental.SyncBatchNormalization", "keras.layers.SyncBatchNormalization", "2"),
    ("keras.layers.experimental.preprocessing.RandomFlip", "keras.layers.RandomFlip", "2"),
    ("keras.layers.preprocessing.image_preprocessing.RandomFlip", "keras.layers.RandomFlip", "2"),
    ("keras.experimental.PeepholeLSTMCell", "keras.layers.PeepholeLSTMCell", "2"),
    ("keras.layers.Convolution2D", "keras.layers.Conv2D", None),
    ("keras.layers.MaxPool2D", "keras.layers.MaxPooling2D", None),
    ("keras.layers.advanced_activations.LeakyReLU", "keras.layers.LeakyReLU", "2"),
    ("keras.layers.embeddings.Embedding", "keras.layers.Embedding", "2"),
    ("keras.legacy.layers.AlphaDropout", "keras.layers.AlphaDropout", None),
    ("keras.src.layers.regularization.dropout.Dropout", "keras.layers.Dropout", None),
    ("tf_keras.src.layers.regularization.dropout.Dropout", "keras.layers.Dropout", "2"),
    (
        "keras.src.layers.attention.grouped_query_attention.GroupedQueryAttention",
        "keras.layers.GroupQueryAttention",
        None,
    ),
    ("keras.src.utils.torch_utils.TorchModuleWrapper", "keras.layers.TorchModuleWrapper", None),
    ("keras.layers.merge.concatenate", "keras.layers.concatenate", "2"),
    ("keras.layers.add", "keras.layers.add", None),
    ("tensorflow_addons.layers.SpectralNormalization", "keras.layers.SpectralNormalization", "2"),
    ("keras.layers.Dropout.call", "keras.layers.Dropout.call", None),
    # Bases, models, inputs.
    ("keras.Layer", "keras.layers.Layer", None),
    ("keras.layers.Layer", "keras.layers.Layer", None),
    ("keras.engine.Layer", "keras.layers.Layer", "2"),
    ("keras.engine.topology.Layer", "keras.layers.Layer", "2"),
    ("keras.engine.base_layer.Layer", "keras.layers.Layer", "2"),
    ("keras.src.layers.layer.Layer", "keras.layers.Layer", None),
    ("tensorflow.python.keras.engine.base_layer.Layer", "keras.layers.Layer", "2"),
    ("keras.Model", "keras.Model", None),
    ("keras.models.Model", "keras.Model", None),
    ("keras.engine.training.Model", "keras.Model", "2"),
    ("keras.engine.functional.Functional", "keras.Model", "2"),
    ("keras.src.models.functional.Functional", "keras.Model", None),
    ("keras.models.Model.fit", "keras.Model.fit", None),
    ("keras.models.Sequential", "keras.Sequential", None),
    ("keras.engine.sequential.Sequential", "keras.Sequential", "2"),
    ("keras.src.models.sequential.Sequential", "keras.Sequential", None),
    ("keras.Input", "keras.Input", None),
    ("keras.layers.Input", "keras.Input", None),
    ("keras.engine.topology.Input", "keras.Input", "2"),
    ("keras.engine.input_layer.Input", "keras.Input", "2"),
    ("keras.src.layers.core.input_layer.Input", "keras.Input", None),
    ("keras.engine.input_layer.InputLayer", "keras.layers.InputLayer", "2"),
    ("keras.layers.InputSpec", "keras.InputSpec", None),
    ("keras.models.load_model", "keras.models.load_model", None),
    ("keras.saving.load_model", "keras.models.load_model", None),
    ("keras.engine.saving.load_model", "keras.models.load_model", "2"),
    ("keras.src.saving.saving_api.load_model", "keras.models.load_model", None),
    ("keras.src.models.cloning.clone_model", "keras.models.clone_model", None),
    # The other packages.
    ("keras.callbacks.callbacks.EarlyStopping", "keras.callbacks.EarlyStopping", None),
    ("keras.src.callbacks.callback.Callback", "keras.callbacks.Callback", None),
    ("keras.Metric", "keras.metrics.Metric", None),
    ("keras.src.metrics.accuracy_metrics.Accuracy", "keras.metrics.Accuracy", None),
    ("keras.losses.MSE", "keras.losses.mean_squared_error", None),
    ("keras.metrics.mse", "keras.metrics.mean_squared_error", None),
    ("keras.src.losses.losses.categorical_crossentropy", "keras.losses.categorical_crossentropy", None),
    ("keras.optimizers.Adam", "keras.optimizers.Adam", None),
    ("keras.optimizers.legacy.Adam", "keras.optimizers.Adam", None),
    ("tensorflow.python.keras.optimizer_v2.adam.Adam", "keras.optimizers.Adam", "2"),
    ("keras.optimizers.schedules.ExponentialDecay", "keras.optimizers.schedules.ExponentialDecay", None),
    ("keras.applications.ResNet50", "keras.applications.ResNet50", None),
    ("keras.applications.resnet50.ResNet50", "keras.applications.ResNet50", None),
    ("keras.applications.resnet50.preprocess_input", "keras.applications.resnet50.preprocess_input", None),
    ("keras.datasets.mnist.load_data", "keras.datasets.mnist.load_data", None),
    ("keras.backend.learning_phase", "keras.backend.learning_phase", None),
    ("keras.backend.tensorflow_backend.set_session", "keras.backend.set_session", None),
    ("keras.src.legacy.backend.mean", "keras.backend.mean", None),
    ("keras.ops.argmax", "keras.ops.argmax", "3"),
    ("keras.src.ops.numpy.argmax", "keras.ops.argmax", None),
    ("keras.ops.image.resize", "keras.ops.image.resize", "3"),
    ("keras.random.dropout", "keras.random.dropout", "3"),
    ("keras.src.backend.random.dropout", "keras.random.dropout", None),
    ("keras.random.SeedGenerator", "keras.random.SeedGenerator", "3"),
    ("keras.utils.np_utils.to_categorical", "keras.utils.to_categorical", "2"),
    ("keras.wrappers.scikit_learn.KerasClassifier", "keras.wrappers.scikit_learn.KerasClassifier", "2"),
]

OTHER_NAMES = [
    "tensorflow",
    "tensorflow.nn.dropout",
    "tensorflow.layers.Dropout",
    "numpy.mean",
    "torch.nn.Dropout",
    "keras_cv.layers.RandomFlip",
    "keras_hub.models.Backbone",
    "kerastuner.HyperModel",
    "keras_preprocessing.image.ImageDataGenerator",
    "my_keras.layers.Dropout",
    "tensorflow_addons.layers.WeightNormalization",
    "project.keras.layers.Dropout",
    "kerasx",
    "",
]


@pytest.mark.parametrize(("dotted", "name", "generation"), KERAS_NAMES)
def test_a_path_into_keras_has_one_canonical_name(dotted, name, generation):
    assert canonical(dotted) == (name, generation)


@pytest.mark.parametrize("dotted", OTHER_NAMES)
def test_a_path_elsewhere_has_none(dotted):
    assert canonical(dotted) is None


@pytest.mark.parametrize("name", sorted({name for _, name, _ in KERAS_NAMES}))
def test_a_canonical_name_is_its_own(name):
    assert canonical(name)[0] == name


def test_every_alias_leads_to_a_known_layer():
    assert {target for target in LAYER_ALIASES.values() if not is_layer_class(f"keras.layers.{target}")} == set()


def test_no_alias_hides_a_layer_of_its_own():
    assert {alias for alias in LAYER_ALIASES if is_layer_class(f"keras.layers.{alias}")} == set()
