"""Intent: whether the program means a pass to be random, or only looks at what the modes do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dropout_lint.keras.names import KERAS_PACKAGES
from dropout_lint.semantics.events import (
    OFF,
    Frame,
    FunctionCall,
    Interpretation,
    LayerCall,
    MethodCall,
    ModeCall,
    ModelUse,
    Use,
)
from dropout_lint.semantics.models import is_model, mode_of
from dropout_lint.semantics.values import (
    ClassValue,
    Const,
    External,
    Instance,
    Tags,
    truth,
)
from dropout_lint.semantics.words import (
    INTENT_WORDS,
    RoleNames,
    is_mode_name,
    says_intent,
    text_says_intent,
    words,
)
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.literals import value_of
from dropout_lint.syntax.walk import last_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def stochastic_by_design(event: ModeCall, interpretation: Interpretation, names: RoleNames | None = None) -> bool:
    """Whether the program means this pass to be random: Monte Carlo dropout, test-time augmentation, pix2pix."""
    settings = names or RoleNames()
    if any(frame.name in settings.stochastic for frame in event.frames):
        return True
    steps = interpretation.mode_calls(node_if_trained, id(event.place.node))
    return (
        draws(event, interpretation, steps=steps)
        or _samples_by_one_pass(event)
        or ((class_means_it(event) or comment_says_intent(event)) and not _drawn_once(event))
        or (not is_model(event.callee) and _is_meant_elsewhere(event, interpretation))
        or guarded_on_purpose(event, steps)
        or flag_says_intent(event)
        or is_conditional_generator(event)
    )


def node_if_trained(event: ModeCall) -> int | None:
    """By what the training steps among mode calls are found: the call (id of its node)."""
    return id(event.place.node) if event.used("gradient") else None


def _is_meant_elsewhere(event: ModeCall, interpretation: Interpretation) -> bool:
    """Whether a comment on another call of a layer says so, on one that is no draw among several: those explain it."""
    return any(
        not draws(each, interpretation) for each in interpretation.mode_calls(_callee_if_meant, id(event.callee))
    )


def _callee_if_meant(event: ModeCall) -> int | None:
    """By what calls are found that are meant to be random by their comments: what is called (its id)."""
    return id(event.callee) if truth(event.flag) is True and comment_says_intent(event) else None


def is_handed_in(event: ModeCall) -> bool:
    """Whether whoever makes the model says the mode: an attribute of that name, which the constructor sets."""
    node = event.choice.place.node
    return isinstance(node, cst.Attribute) and is_mode_name(last_name(node))


def _samples_by_one_pass(event: ModeCall) -> bool:
    """Whether it is Thompson sampling: one pass is one draw from the posterior, and an action is chosen by it."""
    return any("thompson" in text.lower() for frame in event.frames for text in _texts_of(frame))


def _texts_of(frame: Frame) -> Iterator[str]:
    """What a function and its class are called, and their docstrings."""
    yield frame.name
    if frame.function is not None and isinstance(frame.function.node, cst.FunctionDef):
        yield docstring(frame.function.node)
    for cls in frame.owner.ancestry() if frame.owner is not None else ():
        yield cls.name
        yield docstring(cls.node)


def _drawn_once(event: ModeCall) -> bool:
    """Whether a class of that name is seen to take a single pass and to score it."""
    own = isinstance(event.callee, Instance) and isinstance(event.callee.cls, ClassValue)
    if own or event.loops or any(frame.assumed for frame in event.frames):
        return False
    return bool(event.used("decision", "score", "metric", "aggregated"))


def draws(
    event: ModeCall | ModelUse, interpretation: Interpretation, counted: bool = False, steps: Sequence[ModeCall] = ()
) -> bool:
    """Whether the same input goes through the same model several times and the outcomes are put together.

    ``counted``: only where the passes are counted, so that none of them can be over other data. ``steps``: training
    steps through the same line; what is repeated in their data too is no repeated input.
    """
    if id(event.place.node) in interpretation.feedback:
        return False
    callee_loops = (
        event.callee_loops
        if isinstance(event, ModeCall)
        else (event.receiver.loops if isinstance(event.receiver, Instance) else ())
    )
    aggregating = [
        use for use in event.uses if use.kind in {"aggregated", "spread", "summed"} or _stacks(use.text, use.kind)
    ]
    tiled = ("tiled",) in event.input_tags and not any(("tiled",) in each.input_tags for each in steps)
    if tiled and aggregating:
        return True
    if any(use.kind == "summed-by-recursion" for use in event.uses):
        return True
    names = event.callee_names if isinstance(event, ModeCall) else frozenset()
    fed_back = _fed_back(event, interpretation)
    for loop in event.loops:
        if ("loop", loop.serial) in event.input_tags or loop.serial in callee_loops or loop.trains:
            continue
        if loop.function in fed_back:
            continue
        if counted and not loop.counts:
            continue
        if any(function == loop.function and name in loop.targets for function, name in names):
            # another model on every turn: members of an ensemble, candidates of a search
            continue
        if any(loop.serial in use.drawn or _sums_over(loop.serial, use, event.input_tags) for use in aggregating):
            return True
    return False


def drawn_passes(interpretation: Interpretation) -> tuple[ModeCall | ModelUse, ...]:
    """All passes of a program that draw, each asked once: of every flag it is asked whether one runs its layer."""
    return interpretation.once(_drawn_passes)


def _drawn_passes(interpretation: Interpretation) -> tuple[ModeCall | ModelUse, ...]:
    return tuple(
        event
        for event in interpretation.events
        if isinstance(event, (ModeCall, ModelUse)) and draws(event, interpretation)
    )


def _fed_back(event: ModeCall | ModelUse, interpretation: Interpretation) -> frozenset[int]:
    """The functions (ids of their nodes) on the way that hand the output of a block to it again: ``x = block(x)``."""
    return frozenset(
        id(frame.caller.function.node) if frame.caller.function is not None else 0
        for frame in event.frames
        if frame.hook == "call"
        and frame.call is not None
        and frame.caller is not None
        and id(frame.call.node) in interpretation.feedback
    )


def _sums_over(loop: int, use: Use, input_tags: Tags) -> bool:
    """Whether a sum goes over the turns of ``loop``, and not over those of a loop inside it that goes over the data."""
    if use.kind != "summed" or loop not in use.loops:
        return False
    inside = use.loops[use.loops.index(loop) + 1 :]
    return not any(("loop", each) in input_tags for each in inside)


def _stacks(text: str, kind: str) -> bool:
    return kind == "collected" and text.rpartition(".")[2].rstrip("()") in {
        "stack",
        "concatenate",
        "concat",
        "vstack",
        "hstack",
        "dstack",
        "bincount",
        "mode",
    }


def says_it_is_meant(event: ModeCall) -> bool:
    """Whether the program says in words that a flag is no slip: a file, a class, a guard, the flag, or a comment."""
    return (
        _place_means_it(event)
        or class_means_it(event)
        or any(switches(name) for guard in event.guards for name in guard)
        or flag_says_intent(event)
        or comment_says_intent(event)
    )


def class_means_it(event: ModeCall) -> bool:
    """Whether a class on the way says, by its name or docstring, that permanent randomness is its purpose."""
    owners = [frame.owner for frame in event.frames if frame.owner is not None]
    if isinstance(event.callee, Instance) and isinstance(event.callee.cls, ClassValue):
        owners.append(event.callee.cls)
    return any(class_says_intent(cls) for cls in owners)


_OTHER_MATTERS = frozenset({"variational", "posterior", "prenet", "stochastic", "permanent", "concrete"})


def _place_means_it(event: ModeCall) -> bool:
    """Whether the file it stands in, or its folder, is named so: ``mc_dropout/lstm.py``.

    A variational autoencoder is another matter.
    """
    path = event.place.module.path
    named = {*words(path.stem), *words(path.parent.name)}
    return bool(named & INTENT_WORDS - _OTHER_MATTERS) or "monte_carlo" in f"{path.parent.name}/{path.stem}".lower()


def class_says_intent(cls: ClassValue) -> bool:
    """Whether a class, or one it derives from, says so by its name, its docstring or the comment above it."""
    return any(
        says_intent(each.name) or text_says_intent(docstring(each.node)) or text_says_intent(_comment_above(each.node))
        for each in cls.ancestry()
    )


def _comment_above(node: cst.ClassDef | cst.FunctionDef) -> str:
    return " ".join(line.comment.value.lstrip("# ") for line in node.leading_lines if line.comment is not None)


def way_says_intent(frames: Sequence[Frame]) -> bool:
    """Whether one of the functions by which a line is reached says so, or the class whose method it is."""
    owners = (frame.owner for frame in frames if frame.owner is not None)
    return any(map(class_says_intent, owners)) or any(map(_function_says_intent, frames))


def _function_says_intent(frame: Frame) -> bool:
    """Whether a function says so by its name, its docstring or the comment above it."""
    node = frame.function.node if frame.function is not None else None
    return isinstance(node, cst.FunctionDef) and (
        says_intent(frame.name) or text_says_intent(docstring(node)) or text_says_intent(_comment_above(node))
    )


_LONGEST_DOCSTRING = 20_000


def docstring(node: cst.ClassDef | cst.FunctionDef) -> str:
    """The docstring of a class or function, or nothing."""
    body = node.body.body
    if not body or not isinstance(body[0], cst.SimpleStatementLine):
        return ""
    first = body[0].body[0]
    if isinstance(first, cst.Expr) and isinstance(first.value, (cst.SimpleString, cst.ConcatenatedString)):
        # it is looked at for every event in the class
        value = value_of(first.value)
        return value[:_LONGEST_DOCSTRING] if isinstance(value, str) else ""
    return ""


def comment_says_intent(event: ModeCall) -> bool:
    """Whether a comment on the statement says that training mode is meant here."""
    return text_means_it(event.comment)


def text_means_it(comment: str) -> bool:
    """Whether a comment beside or above a line says that randomness is meant to stay there."""
    text = comment.lower()
    return text_says_intent(text) or (
        any(
            word in text for word in ("always", "inference", "test", "predict", "on purpose", "intention", "deliberate")
        )
        and any(word in text for word in ("dropout", "training", "stochastic", "noise"))
        and any(
            word in text for word in ("always", "both", "also", "even", "keep", "on purpose", "intention", "deliberate")
        )
    )


_SWITCH_WORDS = frozenset(
    "stochastic sample sampling always force forced active enable enabled disable disabled permanent inference "
    "mcdropout predict uncertainty".split()
)


def guarded_on_purpose(event: ModeCall, steps: Sequence[ModeCall] = ()) -> bool:
    """Whether it only happens under a condition on the mode, or on a switch for stochastic inference.

    Not one under which ``steps`` happen, training steps through the same line: ``if training_mode == "eager":``; nor
    one of a program that trains in its other branch: ``if args.train: fit() else: evaluate()``.
    """
    return any(
        switches(name) and not (OFF in guard and _of_the_program(name, number, event.frames[-1]))
        for number, guard in enumerate(event.guards)
        if not any(guard in each.guards for each in steps)
        for name in guard
    )


def _of_the_program(name: str, number: int, frame: Frame) -> bool:
    """Whether a condition asks for what the program is to do, not for the mode that the function itself is given."""
    return number < frame.conditions or name not in frame.parameters


def switches(name: str) -> bool:
    """Whether a name is that of the mode, or of a switch for stochastic inference."""
    return is_mode_name(name) or says_intent(name) or bool(set(words(name)) & _SWITCH_WORDS)


def flag_says_intent(event: ModeCall) -> bool:
    """Whether the expression of the flag names the intent: ``training=self.mc_dropout``, ``training=mc or None``."""
    stack: list[cst.CSTNode] = [event.choice.place.node]
    while stack:
        node = stack.pop()
        if isinstance(node, cst.Name) and says_intent(node.value):
            return True
        if isinstance(
            node, (cst.Attribute, cst.BooleanOperation, cst.IfExp, cst.UnaryOperation, cst.Comparison, cst.Subscript)
        ):
            stack.extend(node.children)
    return False


_NOISE_WORDS = frozenset("noise z seed seeds latent latents random codes".split())


def is_conditional_generator(event: ModeCall) -> bool:
    """pix2pix asks for batch statistics and dropout in generation: ``generator(test_input, training=True)``."""
    from dropout_lint.semantics.conditions import guard_words

    call = event.place.node
    inputs = guard_words(call.args[0].value) if isinstance(call, cst.Call) and call.args else frozenset()
    if ("random",) in event.input_tags or any(set(words(name)) & _NOISE_WORDS for name in inputs):
        # images out of noise: nothing asks for batch statistics there
        return False
    texts = [event.callee_text]
    callee = event.callee
    if isinstance(callee, Instance):
        variable = callee.arguments.get("__variable__")
        if isinstance(variable, Const):
            texts.append(str(variable.value))
    for frame in event.frames:
        parts = set(words(frame.name))
        if parts & {"image", "images", "img", "imgs", "sample", "samples", "pictures"} and parts & {
            "generate",
            "sample",
            "save",
            "show",
            "plot",
            "translate",
            "gen",
        }:
            return True
    return any(set(words(text)) & {"generator", "gen", "netg", "pix2pix"} for text in texts)


def takes_batch_statistics(event: ModeCall) -> bool:
    """Whether the statistics of the batch are what is wanted: the parameter that carries the flag asks for them.

    Few-shot learners, where a support set stands beside what is asked, take those of each task.
    """
    return comment_moves_statistics(event.comment) or any(
        "support" in words(name) or (value is event.flag and not {"statistics", "stats"}.isdisjoint(words(name)))
        for frame in event.frames
        for name, value in frame.parameters.items()
    )


def comment_moves_statistics(comment: str) -> bool:
    """Whether a comment says that the pass is there for batch normalisation: ``# update BN statistics``."""
    return _MOVES_STATISTICS.search(comment.lower()) is not None


_MOVES_STATISTICS = re.compile(
    r"\b(?:updat|adapt|recalibrat|refresh|re-?estimat|re-?comput|calibrat)\w*\b[^.\n]{0,40}"
    r"\b(?:bn|batch[ -]?norm\w*|moving|running)\b[^.\n]{0,20}(?:\bstat\w*|\bmean|\baverages?)"
)


def adapts(event: ModeCall) -> bool:
    """Whether a model is adapted to the data it meets: what is held out is learned from, by intent.

    Test-time adaptation runs batch normalisation in training mode on the test data (https://arxiv.org/abs/2006.10726).
    """
    return any(
        not _ADAPTS.isdisjoint(words(name))
        for frame in event.frames
        for name in (frame.name, frame.owner.name if frame.owner is not None else "")
    )


_ADAPTS = frozenset({"adapt", "adapts", "adapting", "adaptation"})


_UPSAMPLING = ("Conv2DTranspose", "Conv3DTranspose", "UpSampling2D", "UpSampling3D")


def builds_generator(event: ModeCall, interpretation: Interpretation) -> bool:
    """Whether a flag in a graph is part of a generator of images out of images.

    What tells it is the recipe itself: a graph that upsamples, with batch normalisation and dropout both switched on
    for good, the dropout being the generator's only noise (https://arxiv.org/abs/1611.07004, section 3.2.1).
    """
    builder = next((frame for frame in event.frames if frame.function is not None), None)
    return builder is not None and interpretation.once(_makes_pictures, builder)


def _makes_pictures(interpretation: Interpretation, builder: Frame) -> bool:
    """The same of all that is called in one activation of a function."""
    modes: set[str] = set()
    upsamples = False
    for other in interpretation.among((ModeCall, LayerCall), _frames_if_in_graph, builder):
        if isinstance(other, ModeCall):
            if truth(other.flag) is True and isinstance(other.callee, Instance):
                modes.add(mode_of(other.callee))
        elif (other.callee.keras_name or "").rpartition(".")[2] in _UPSAMPLING:
            upsamples = True
    return upsamples and {"dropout", "batch-statistics"} <= modes


def _frames_if_in_graph(event: ModeCall | LayerCall) -> tuple[Frame, ...]:
    return event.frames if event.graph else ()


_OTHER_LIBRARIES = frozenset({"flax", "haiku", "torch", "equinox", "objax", "trax", "transformers", "mxnet", "paddle"})
"""Libraries with modules of their own that are called and trained."""


def uses_keras(frames: tuple[Frame, ...]) -> bool:
    """Whether a module on the way imports Keras or TensorFlow, and no other library with modules of its own."""
    found = False
    for frame in frames:
        for value in frame.module.scope.names.values():
            if isinstance(value, External):
                root = value.name.partition(".")[0]
                if root in _OTHER_LIBRARIES:
                    return False
                if root in {"keras", "tensorflow"}:
                    found = True
    return found


def knows_only_keras(interpretation: Interpretation) -> bool:
    """Whether what was read of a project imports Keras or TensorFlow, and no other library with modules of its own."""
    imports = interpretation.imports
    return not KERAS_PACKAGES.isdisjoint(imports) and _OTHER_LIBRARIES.isdisjoint(imports)


_MISSING = frozenset(
    {"AttributeError", "ImportError", "ModuleNotFoundError", "TypeError", "Exception", "BaseException"}
)


def prepared_for_absence(event: MethodCall | FunctionCall) -> bool:
    """Whether something happens only where it exists: under ``hasattr``, a test of a version, or in a ``try``.

    A ``try`` further out, round a whole program, prepares for nothing in particular.
    """
    here = event.frames[-1].name
    defined = (guard for frame in event.frames if frame.function is not None for guard in frame.function.guards)
    caught = {f"except {name} in {here}" for name in _MISSING}
    return any(
        name == "hasattr"
        or name in caught
        or "version" in words(name)
        or ({"keras", "tf"} & set(words(name)) and {"2", "3"} & set(words(name)))
        for guard in (*event.guards, *defined)
        for name in guard
    )
