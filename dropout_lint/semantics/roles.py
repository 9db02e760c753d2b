"""The role in which a mode event was reached: training, inference or intended stochastic inference, with the evidence.

Names decide little in real code (one function in nine does both, most scripts do everything at module level), so
what is done with the output counts most: an output that enters a gradient with respect to weights is training,
whatever the function is called.
"""

from __future__ import annotations

from dataclasses import dataclass

from dropout_lint.semantics.events import Frame, Interpretation, ModeCall, ModelUse
from dropout_lint.semantics.values import (
    ClassValue,
    Const,
    External,
    FunctionValue,
    Instance,
    Value,
    alternatives,
    truth,
)
from dropout_lint.semantics.words import is_mode_name, kind_of_data, role_of_name, says_intent, text_says_intent, words
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.walk import walk

STRONG, CLEAR = 4, 3
"""Points of evidence from which a role is taken as sure, and as likely."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason to believe in a role: how much it counts, and the words for it."""

    points: int
    text: str


@dataclass(frozen=True, slots=True)
class Role:
    """``training``, ``inference``, ``intended`` (stochastic inference on purpose) or ``unknown``."""

    kind: str
    evidence: tuple[Evidence, ...] = ()

    @property
    def points(self) -> int:
        """How much evidence there is, counter-evidence taken off."""
        return sum(each.points for each in self.evidence)

    @property
    def reason(self) -> str:
        """The strongest evidence, in words."""
        told = [each for each in self.evidence if each.points > 0 and each.text]
        return max(told, key=lambda each: each.points).text if told else ""


def role_of(event: ModeCall, interpretation: Interpretation, settings: RoleNames | None = None) -> Role:
    """Classify one mode event."""
    names = settings or RoleNames()
    if event.used("gradient", "train-input") or _chosen_for_training(event, interpretation):
        return Role("training")
    if is_test_code(event.frames):
        return Role("unknown")
    if compares_modes(event, interpretation):
        return Role("unknown")
    if stochastic_by_design(event, interpretation, names):
        return Role("intended")
    evidence = (
        *_framework(event.frames),
        *_mode_parameters(event.frames),
        *_data(event),
        *_uses(event),
        *_function_names(event.frames, names),
        *_order(event, interpretation),
        *_guess(event),
        *_unlike_its_sibling(event, interpretation),
        *_other_switch(event),
    )
    if event.tape and _trains_elsewhere(event, interpretation):
        evidence = (*evidence, Evidence(2, "on another path the same line is the training step, on this one it is not"))
    elif _on_used_tape(event) and not any(each.points >= 3 for each in evidence):
        evidence = (*evidence, Evidence(-3, ""))
    role = Role("inference", evidence)
    return role if role.points > 0 else Role("unknown", evidence)


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


def _framework(frames: tuple[Frame, ...]) -> list[Evidence]:
    for frame in frames:
        if frame.hook in {"test_step", "predict_step"}:
            entry = "evaluate()" if frame.hook == "test_step" else "predict()"
            return [Evidence(4, f"it runs in {frame.hook}(), which {entry} calls")]
        if frame.hook in {"callback-inference", "callback"}:
            points = 3 if frame.hook == "callback-inference" else 1
            return [Evidence(points, f"it runs in the callback {frame.name}()")]
        if frame.hook == "train_step":
            return [Evidence(-4, "")]
    return []


def _mode_parameters(frames: tuple[Frame, ...]) -> list[Evidence]:
    name = off_switch(frames)
    return [Evidence(4, f"the call passes {name}=False")] if name is not None else []


def off_switch(frames: tuple[Frame, ...]) -> str | None:
    """The name of a mode parameter that is False on this path."""
    for frame in reversed(frames):
        for name, argument in frame.arguments.items():
            if (
                is_mode_name(name.lstrip("*"))
                and isinstance(argument.value, Const)
                and truth(argument.value) is False
                and argument.value.value is not None
            ):
                return name.lstrip("*")
    return None


def _data(event: ModeCall) -> list[Evidence]:
    held_out = sorted(tag[2] for tag in event.input_tags if tag[0] == "data" and tag[1] == "held-out")
    training = any(tag[0] == "data" and tag[1] == "training" for tag in event.input_tags)
    if held_out and not training:
        return [Evidence(2, f"its input comes from `{held_out[0]}`")]
    return [Evidence(-2, "")] if training and not held_out else []


def _uses(event: ModeCall) -> list[Evidence]:
    found: dict[str, Evidence] = {}

    def add(kind: str, points: int, text: str) -> None:
        if kind not in found or found[kind].points < points:
            found[kind] = Evidence(points, text)

    for use in event.uses:
        if use.kind == "metric":
            kind = kind_of_data(use.text.partition(".")[0])
            if kind == "training":
                found["training-metric"] = Evidence(-3, "")
            else:
                add("metric", 2 if kind == "held-out" else 1, f"its output updates the metric `{use.text}`")
        elif use.kind == "decision":
            text = (
                "its output is compared with a threshold"
                if use.text.startswith("compared")
                else f"its output goes through {_short(use.text)}"
            )
            add("decision", 2, text)
        elif use.kind == "score":
            add("score", 2, f"its output is scored by {_short(use.text)}")
        elif use.kind == "saved":
            add("saved", 2, f"its output is stored by {_short(use.text)}")
        elif use.kind == "response":
            add("response", 1, f"its output is returned through {_short(use.text)}")
        elif use.kind == "inference-input":
            add("inference-input", 2, f"its output goes into {use.text}")
        elif use.kind in {"shown", "spread"}:
            add(use.kind, 1, f"its output is shown by {_short(use.text)}" if use.kind == "shown" else "")
        elif use.kind == "converted":
            add("converted", 1, "its output leaves the graph as plain numbers")
        elif use.kind == "named":
            add("named", 2, f"its result is called `{use.text}`")
        elif use.kind == "returned" and use.text:
            add("returned", 1, f"its output is {use.text}")
    return list(found.values())


def _on_used_tape(event: ModeCall) -> bool:
    """Whether a tape records the call that somebody takes a gradient from, or hands on."""
    return any(not isinstance(tape, Instance) or "__used__" in tape.arguments for tape in event.tapes)


def _chosen_for_training(event: ModeCall, interpretation: Interpretation) -> bool:
    """Whether the same choice, made once, also governs a call whose output enters a gradient.

    A decoder that is unrolled under a tape computes a last state that nothing uses; it is still the training step.
    """
    return any(
        isinstance(other, ModeCall)
        and other.choice.frame is event.choice.frame
        and other.choice.place.node is event.choice.place.node
        and bool(other.used("gradient", "train-input"))
        for other in interpretation.events
    )


def _trains_elsewhere(event: ModeCall, interpretation: Interpretation) -> bool:
    """Whether the same line, reached by another path, is a training step: a flag decides, and here it says no."""
    path = _path(event)
    return any(
        isinstance(other, ModeCall)
        and other.place.node is event.place.node
        and _path(other) != path
        and not any(frame.assumed for frame in event.frames)
        and other.used("gradient")
        for other in interpretation.events
    )


def _path(event: ModeCall) -> tuple[int, ...]:
    return tuple(id(frame.call.node) for frame in event.frames if frame.call is not None)


def compares_modes(event: ModeCall, interpretation: Interpretation) -> bool:
    """Whether the output is held against that of the same model in inference mode: somebody looks at the modes."""
    partners = frozenset().union(*(use.partners for use in event.uses)) if event.uses else frozenset()
    return any(
        isinstance(other, ModeCall)
        and other.serial in partners
        and other.callee is event.callee
        and other.frames[-1] is event.frames[-1]
        and truth(other.flag) is False
        for other in interpretation.events
    )


def _other_switch(event: ModeCall) -> list[Evidence]:
    """The flag decides more than the mode of layers: a sampler that feeds back the truth, another branch."""
    seen: set[int] = set()
    waiting: list[Value] = [event.callee]
    for _ in range(40):
        if not waiting:
            break
        value = waiting.pop()
        if not isinstance(value, Instance) or value.serial in seen or not isinstance(value.cls, ClassValue):
            continue
        seen.add(value.serial)
        waiting += [each for part in value.attributes.values() for each in alternatives(part)]
        if any(_branches_on_mode(cls) for cls in value.cls.ancestry()):
            return [Evidence(-3, "")]
    return []


def _branches_on_mode(cls: ClassValue) -> bool:
    for attribute in cls.attributes.values():
        if not isinstance(attribute, FunctionValue):
            continue
        for node in walk(attribute.node):
            if (
                isinstance(node, (cst.If, cst.IfExp))
                and isinstance(node.test, cst.Name)
                and node.test.value == "training"
            ):
                body = node.body
                text = cls.module.tree.code_for_node(body).lower()
                # `if training: x = dropout(x)` is the mode itself
                if not any(word in text for word in ("drop", "noise", "moving", "random", "assign")):
                    return True
    return False


def _unlike_its_sibling(event: ModeCall, interpretation: Interpretation) -> list[Evidence]:
    """In a training function: held-out data, and no gradient, beside a call of the same model that has one."""
    held_out = any(tag[0] == "data" and tag[1] == "held-out" for tag in event.input_tags)
    if not held_out or _on_used_tape(event):
        return []
    for other in interpretation.events:
        if (
            isinstance(other, ModeCall)
            and other.callee is event.callee
            and other.frames[-1].function is event.frames[-1].function
            and other.used("gradient")
        ):
            return [Evidence(1, "its output enters no gradient, unlike that of the training call beside it")]
    return []


def _guess(event: ModeCall) -> list[Evidence]:
    """A default that nobody in sight leaves out says little of what callers pass."""
    root = event.frames[0]
    if root.assumed and "loss" in words(root.name) and role_of_name(root.name) is None:
        # whoever wants a loss and is not seen calling is a training step more often than not
        return [Evidence(-2, "")]
    frame = event.choice.frame
    node = event.choice.place.node
    name = node.value if isinstance(node, cst.Name) else ""
    return [Evidence(-1, "")] if frame.assumed and name in frame.defaulted else []


def _short(name: str) -> str:
    if name.startswith("."):
        return name
    for full, short in (("numpy.", "np."), ("tensorflow.", "tf."), ("builtins.", "")):
        if name.startswith(full):
            return short + name[len(full) :] + "()"
    return f"{name}()"


def _function_names(frames: tuple[Frame, ...], names: RoleNames) -> list[Evidence]:
    found: list[Evidence] = []
    for frame in reversed(frames):
        if frame.function is None or frame.hook == "call":
            continue
        role = names.role(frame.name)
        if (
            role is None
            and frame.owner is not None
            and frame.name in {"__call__", "call", "forward", "run", "step", "do_POST", "do_GET"}
        ):
            role = "inference" if frame.name in {"do_POST", "do_GET"} else names.role(frame.owner.name)
        if role == "inference":
            # test_step, val_step: the name of a loop's other half
            points = 3 if "step" in words(frame.name) else 2
            found.append(Evidence(points, f"it runs in {frame.name}()"))
            break
        if role == "weak-inference":
            found.append(Evidence(1, f"it runs in {frame.name}()"))
        elif role == "training":
            found.append(Evidence(-1 if frame is not frames[-1] or found else -2, ""))
            break
    return found


def _order(event: ModeCall, interpretation: Interpretation) -> list[Evidence]:
    """A model that has been trained before, in the same run of the program, is being used now."""
    if any(frame.assumed for frame in event.frames):
        return []
    for earlier in interpretation.events:
        if earlier is event:
            break
        if (
            isinstance(earlier, ModelUse)
            and earlier.kind in {"train", "gradient"}
            and not any(frame.assumed for frame in earlier.frames)
        ):
            inside = {loop.serial for loop in event.loops} & {loop.serial for loop in earlier.loops}
            if not inside:
                return [Evidence(1, "it runs after training")]
    return []


# Intent ------------------------------------------------------------------------------------------------------


def stochastic_by_design(event: ModeCall, interpretation: Interpretation, names: RoleNames | None = None) -> bool:
    """Whether the program means this pass to be random: Monte Carlo dropout, test-time augmentation, pix2pix."""
    settings = names or RoleNames()
    if any(frame.name in settings.stochastic for frame in event.frames):
        return True
    return (
        draws(event, interpretation)
        or ((class_means_it(event) or comment_says_intent(event)) and not _drawn_once(event))
        or guarded_on_purpose(event)
        or flag_says_intent(event)
        or _conditional_generator(event)
    )


def _drawn_once(event: ModeCall) -> bool:
    """Whether a class of that name is seen to take a single pass and to score it."""
    own = isinstance(event.callee, Instance) and isinstance(event.callee.cls, ClassValue)
    if own or event.loops or any(frame.assumed for frame in event.frames):
        return False
    return bool(event.used("decision", "score", "metric", "aggregated"))


def draws(event: ModeCall | ModelUse, interpretation: Interpretation) -> bool:
    """Whether the same input goes through the same model several times and the outcomes are put together."""
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
    if ("tiled",) in event.input_tags and aggregating:
        return True
    if any(use.kind == "summed-by-recursion" for use in event.uses):
        return True
    names = event.callee_names if isinstance(event, ModeCall) else frozenset()
    for loop in event.loops:
        if ("loop", loop.serial) in event.input_tags or loop.serial in callee_loops or loop.trains:
            continue
        if any(function == loop.function and name in loop.targets for function, name in names):
            # another model on every turn: members of an ensemble, candidates of a search
            continue
        if any((use.kind == "summed" and loop.serial in use.loops) or loop.serial in use.drawn for use in aggregating):
            return True
    return False


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


def class_means_it(event: ModeCall) -> bool:
    """Whether a class on the way says, by its name or docstring, that permanent randomness is its purpose."""
    owners = [frame.owner for frame in event.frames if frame.owner is not None]
    if isinstance(event.callee, Instance) and isinstance(event.callee.cls, ClassValue):
        owners.append(event.callee.cls)
    return any(
        says_intent(each.name) or text_says_intent(docstring(each.node)) for cls in owners for each in cls.ancestry()
    )


def docstring(node: cst.ClassDef | cst.FunctionDef) -> str:
    """The docstring of a class or function, or nothing."""
    body = node.body.body
    if not body or not isinstance(body[0], cst.SimpleStatementLine):
        return ""
    first = body[0].body[0]
    if isinstance(first, cst.Expr) and isinstance(first.value, (cst.SimpleString, cst.ConcatenatedString)):
        value = first.value.evaluated_value
        return value if isinstance(value, str) else ""
    return ""


def comment_says_intent(event: ModeCall) -> bool:
    """Whether a comment on the statement says that training mode is meant here."""
    text = event.comment.lower()
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


def guarded_on_purpose(event: ModeCall) -> bool:
    """Whether it only happens under a condition on the mode, or on a switch for stochastic inference."""
    for guard in event.guards:
        for name in guard:
            if is_mode_name(name) or says_intent(name) or set(words(name)) & _SWITCH_WORDS:
                return True
    return False


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


def _conditional_generator(event: ModeCall) -> bool:
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


def is_test_code(frames: tuple[Frame, ...]) -> bool:
    """Whether a unit test is running: layers are called in both modes there to compare them."""
    for frame in frames:
        name = frame.module.path.name
        if name.startswith("test_") or name.endswith(("_test.py", "_tests.py")) or name == "conftest.py":
            return True
        if frame.owner is not None and any(base.name.endswith("TestCase") for base in frame.owner.external_bases):
            return True
    return False


def uses_keras(frames: tuple[Frame, ...]) -> bool:
    """Whether a module on the way imports Keras or TensorFlow, and no other library with modules of its own."""
    found = False
    for frame in frames:
        for value in frame.module.scope.names.values():
            if isinstance(value, External):
                root = value.name.partition(".")[0]
                if root in {"flax", "haiku", "torch", "equinox", "objax", "trax", "transformers", "mxnet", "paddle"}:
                    return False
                if root in {"keras", "tensorflow"}:
                    found = True
    return found
