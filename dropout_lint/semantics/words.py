"""What names say: the role of a function, the kind of data, an intent. A name is evidence, never proof."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_TESTS = re.compile(
    r"^(?:import|from)[ \t]+(?:pytest|unittest|absl\.testing|nose|hypothesis)\b"
    r"|^[ \t]*(?:async[ \t]+)?def[ \t]+test_?\w*\(|^class[ \t]+(?:Test\w*|\w+Tests?)\b|\bTestCase\)",
    re.MULTILINE,
)
"""What only modules with unit tests hold, if they are named like them."""
_FRAMEWORK = re.compile(r"^(?:import|from)[ \t]+(?:pytest|unittest|absl\.testing|nose)\b", re.MULTILINE)
_TEST_FUNCTION = re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+test_?\w*\(", re.MULTILINE)
"""What tells them whatever they are named: a framework, and after it tests for it."""
_SPLIT = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")

# Shares of inference among functions with these words, read in 82 public repositories: at least nine in ten.
# ("eval", "run", "main", "step" and "loss" are not: they name both.)
INFERENCE_WORDS = frozenset(
    "predict predicts predictions evaluate evaluates evaluation validate validates validation valid val test "
    "tests inference infer infers score scores scoring serve serving respond detect detects decode decodes "
    "extract plot check classify recognize recognise translate transcribe caption recommend rank retrieve "
    "embed embeddings forecast submission submit benchmark visualize visualise confusion calibrate calibration "
    "threshold act action export dump tester evaluator predictor validator inferencer".split()
)
TRAINING_WORDS = frozenset(
    "train trains training fit fits pretrain pretraining finetune grad grads gradient gradients apply "
    "optimization optimize optimise optimizer backward backprop update learn distill adapt adaptation meta "
    "warmup trainer learner".split()
)
WEAK_INFERENCE_WORDS = frozenset(
    "eval generate sample samples show display report measure accuracy get_action select".split()
)
HELD_OUT_WORDS = frozenset(
    "test val valid validation dev holdout heldout eval evaluation unseen query inference".split()
)
ANSWERING_WORDS = frozenset(
    "predict predicts evaluate evaluates validate validates infer infers inference serve serving respond classify "
    "score scores detect recognize recognise translate transcribe caption recommend forecast".split()
)
"""Functions whose return value is the answer itself."""
GENERATING_WORDS = frozenset("generator gen gan gans dcgan generate generative".split())
"""What makes images: batch statistics and dropout may be its noise."""
TRAINING_DATA_WORDS = frozenset("train training".split())
MODE_WORDS = frozenset(
    "training train is_training istraining istrain is_train training_mode train_mode learning_phase "
    "phase_train mode_train trainmode trainingmode in_training do_train training_flag train_flag trainflag".split()
)
INTENT_WORDS = frozenset(
    "prenet mc mcd mcdropout montecarlo bayes bayesian uncertainty uncertain epistemic aleatoric stochastic permanent "
    "posterior variational predictive_distribution conf_int credible concrete maml reptile".split()
)

_LEARNS_BY_CHANCE = frozenset({"depth", "gradient", "weight"})
"""What is stochastic in training alone: stochastic depth, gradient descent, weight averaging."""


def is_test_module(name: str, text: str) -> bool:
    """Whether a file of this name holds unit tests: it defines some and imports what runs them, or is named like them.

    A script called ``test_model.py`` that evaluates a model is none.
    """
    named = name.startswith("test_") or name.endswith(("_test.py", "_tests.py"))
    if name == "conftest.py" or named:
        return name == "conftest.py" or _TESTS.search(text) is not None
    imported = _FRAMEWORK.search(text)
    return imported is not None and _TEST_FUNCTION.search(text, imported.end()) is not None


@lru_cache(maxsize=8192)
def words(name: str) -> tuple[str, ...]:
    """Split a name: ``evaluateOnVal_ds`` → ("evaluate", "on", "val", "ds")."""
    return tuple(part.lower() for part in _SPLIT.findall(name))


@lru_cache(maxsize=8192)
def role_of_name(name: str) -> str | None:
    """What a function's name says it is for: ``training``, ``inference``, ``weak-inference`` or None."""
    parts = set(words(name))
    training = bool(parts & TRAINING_WORDS)
    inference = bool(parts & INFERENCE_WORDS)
    if training and inference:
        # train_and_evaluate, test_training_loop: the name decides nothing
        return None
    if training:
        return "training"
    if inference:
        return "inference"
    if parts & WEAK_INFERENCE_WORDS:
        return "weak-inference"
    return None


@lru_cache(maxsize=8192)
def kind_of_data(name: str) -> str | None:
    """Which data a variable's name says it holds: ``held-out``, ``training`` or None."""
    parts = set(words(name))
    held_out, training = bool(parts & HELD_OUT_WORDS), bool(parts & TRAINING_DATA_WORDS)
    if held_out == training:
        return None
    return "held-out" if held_out else "training"


@lru_cache(maxsize=8192)
def says_intent(name: str) -> bool:
    """Whether a name says that stochastic inference is meant: Monte Carlo, Bayesian, uncertainty, permanent."""
    parts = words(name)
    followed = zip(parts, (*parts[1:], ""), strict=False)
    if INTENT_WORDS & {part for part, after in followed if part != "stochastic" or after not in _LEARNS_BY_CHANCE}:
        return True
    joined = "_".join(parts)
    return any(
        phrase in joined
        for phrase in (
            "monte_carlo",
            "always_on",
            "with_dropout",
            "conf_int",
            "dropout_always",
            "always_drop",
            "test_time_dropout",
        )
    )


@lru_cache(maxsize=8192)
def is_mode_name(name: str) -> bool:
    """Whether a parameter, variable or attribute is named like the training flag."""
    return name.lower().lstrip("_") in MODE_WORDS


def names_mode(name: str) -> bool:
    """Whether a parameter of ``call`` chooses the mode: named like the flag, or a ``mode`` or ``phase``."""
    return is_mode_name(name) or name.lower().lstrip("_") in {"mode", "phase"}


_KEEPS = frozenset("keep keeping kept retain survival".split())
_DROPS = frozenset("drop dropout dropouts dropping droprate dropped drops".split())
CONVERSIONS = frozenset("float int abs constant cast asarray array convert_to_tensor float32".split())
"""Functions whose result goes by the name of what they are given."""
DRAWS = frozenset(
    "normal truncated_normal uniform random_normal random_uniform stateless_normal stateless_truncated_normal "
    "stateless_uniform".split()
)
"""Functions that draw with a scale."""
COIN_FLIPS = frozenset("random_bernoulli random_binomial binomial stateless_binomial bernoulli".split())
"""Functions that decide for each unit, with a probability."""
ROUNDS_DOWN = "floor"
"""Gives zeros and ones of a probability plus numbers between zero and one."""
KEEP_NOISE = frozenset("cast convert_to_tensor identity reshape stop_gradient broadcast_to tile".split())
"""Functions that give noise back as such."""
READERS = frozenset("get pop getattr getfloat".split())
"""Functions whose result goes by the text that they are given."""


@lru_cache(maxsize=8192)
def keeps(name: str) -> bool | None:
    """Whether a name says that a probability is one to keep (True) or to drop (False); None where it says neither."""
    parts = words(name)
    if _KEEPS.intersection(parts) or "keepprob" in "".join(parts):
        return True
    return False if _DROPS.intersection(parts) else None


_INFERENCE_FLAGS = frozenset(
    "eval evaluating evaluate test testing infer inference predicting prediction validating validation".split()
)
_FLAG_WORDS = frozenset("is in mode do phase flag for".split())


@lru_cache(maxsize=8192)
def inference_flag(name: str) -> bool:
    """Whether a name is that of a flag which is true in inference: ``is_eval``, ``test_mode``, ``deterministic``."""
    parts = words(name)
    kinds = [part for part in parts if part not in _FLAG_WORDS]
    if kinds == ["deterministic"]:
        return True
    return len(kinds) == 1 and kinds[0] in _INFERENCE_FLAGS and (len(parts) > 1 or kinds[0] in {"inference", "testing"})


@lru_cache(maxsize=8192)
def phase_of_text(text: str) -> str | None:
    """The phase that a mode string or member of an enumeration names: ``training``, ``inference`` or None."""
    parts = set(words(text)) - _FLAG_WORDS
    if not parts:
        return None
    if parts <= {"train", "training", "fit"}:
        return "training"
    known = {"test", "tests", "testing", "eval", "evaluate", "evaluation", "val", "valid", "validation", "predict"}
    return "inference" if parts <= known | {"prediction", "infer", "inference", "serve", "serving"} else None


def text_says_intent(text: str) -> bool:
    """Whether prose (a docstring) says that dropout is meant to stay on."""
    lowered = " ".join(text.lower().split())
    return any(
        phrase in lowered
        for phrase in (
            "monte carlo",
            "monte-carlo",
            "mc dropout",
            "mc-dropout",
            "bayesian",
            "uncertainty",
            "always on",
            "always active",
            "stays on",
            "stay on",
            "stays active",
            "even on inference",
            "also at inference",
            "even at inference",
            "even during inference",
            "during inference too",
            "at test time",
            "at prediction time",
            "at inference time",
            "during prediction",
            "even at test",
        )
    )


@dataclass(frozen=True, slots=True)
class RoleNames:
    """Functions whose role the user's settings name."""

    inference: frozenset[str] = frozenset()
    training: frozenset[str] = frozenset()
    stochastic: frozenset[str] = frozenset()

    def role(self, name: str) -> str | None:
        """The role of a function by the settings, else by the words of its name."""
        if name in self.inference:
            return "inference"
        if name in self.training:
            return "training"
        return role_of_name(name)
