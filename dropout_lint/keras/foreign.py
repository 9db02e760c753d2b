"""What PyTorch has and Keras has not: methods and attributes that are carried over by habit.

Sources: ``dir(torch.nn.Module)``, ``torch.nn.Dropout``, ``torch.nn.BatchNorm2d`` and ``torch.Tensor`` of PyTorch 2;
that neither layers nor models of keras 3.15.1 and tf_keras 2.21 have any of them was measured with ``hasattr`` on
Sequential, Dropout, LSTM and BatchNormalization (TensorFlow and JAX backends; on the torch backend a layer is a
``torch.nn.Module``).
"""

from __future__ import annotations

from typing import Final

MODE_METHODS: Final = frozenset({"eval", "train"})
"""They switch a module between its modes."""

MODULE_METHODS: Final = MODE_METHODS | {"requires_grad_", "parameters", "named_parameters", "zero_grad"}
"""Methods of every module that code on modes and freezing calls."""

MODE_ATTRIBUTES: Final = frozenset(
    {"training", "is_training", "train_mode", "training_mode", "eval_mode", "is_train", "learning_phase"}
)
"""Names for the mode of a module; Keras is told the mode in each call."""

FREEZING_ATTRIBUTES: Final = frozenset({"requires_grad", "frozen", "is_frozen", "freeze", "requires_gradient"})
"""Names for whether weights are updated; Keras calls that ``trainable``."""

RATE_ATTRIBUTES: Final = frozenset(
    {"p", "prob", "probability", "keep_prob", "dropout_rate", "drop_rate", "drop_prob", "dropout_prob"}
)
"""Names for the rate of a dropout layer; Keras calls that ``rate``."""
