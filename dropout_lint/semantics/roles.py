"""The role in which a mode event was reached: training, inference or intended stochastic inference, with the evidence.

Names decide little in real code (one function in nine does both, most scripts do everything at module level), so
what is done with the output counts most: an output that enters a gradient with respect to weights is training,
whatever the function is called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dropout_lint.semantics.events import HandedOver, MethodCall, ModelUse, path_of
from dropout_lint.semantics.intent import adapts, draws, node_if_trained, stochastic_by_design, takes_batch_statistics
from dropout_lint.semantics.masking import hides_input
from dropout_lint.semantics.models import is_layer
from dropout_lint.semantics.trials import compares_modes, is_test_code, tries_out
from dropout_lint.semantics.values import (
    ClassValue,
    Const,
    FunctionValue,
    Instance,
    Value,
    alternatives,
    truth,
)
from dropout_lint.semantics.words import (
    RoleNames,
    is_mode_name,
    kind_of_data,
    role_of_name,
    words,
)
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.walk import walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dropout_lint.semantics.events import Frame, Interpretation, ModeCall
    from dropout_lint.semantics.values import Tags

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
    if _differentiated_beside(event, interpretation):
        return Role("training")
    if is_test_code(event.frames) or tries_out(event, interpretation):
        return Role("unknown")
    if compares_modes(event, interpretation) or takes_batch_statistics(event) or adapts(event):
        return Role("unknown")
    if hides_input(event):
        return Role("unknown")
    if stochastic_by_design(event, interpretation, names):
        return Role("intended")
    evidence = (
        *_framework(event.frames),
        *_mode_parameters(event.frames),
        *_data(event, interpretation.mode_calls(node_if_trained, id(event.place.node))),
        *_uses(event),
        *_function_names(event.frames, names),
        *_order(event, interpretation),
        *_only_evaluates(event, interpretation),
        *_guess(event),
        *_unlike_its_sibling(event, interpretation),
        *_other_switch(event),
    )
    if (event.tape or not event.tapes) and _trains_elsewhere(event, interpretation):
        evidence = (*evidence, Evidence(2, "on another path the same line is the training step, on this one it is not"))
    elif _on_used_tape(event) and not any(each.points >= 3 for each in evidence):
        evidence = (*evidence, Evidence(-3, ""))
    role = Role("inference", evidence)
    return role if role.points > 0 else Role("unknown", evidence)


def role_of_use(event: ModelUse, interpretation: Interpretation, settings: RoleNames | None = None) -> Role:
    """Classify one call that says nothing of the mode."""
    names = settings or RoleNames()
    if event.used("gradient", "input-gradient", "train-input"):
        return Role("training")
    if is_test_code(event.frames) or tries_out(event, interpretation):
        return Role("unknown")
    if draws(event, interpretation) or any(frame.name in names.stochastic for frame in event.frames):
        return Role("intended")
    evidence = (
        *_framework(event.frames),
        *_mode_parameters(event.frames),
        *_data(event),
        *_uses(event),
        *_function_names(event.frames, names),
        *_order(event, interpretation),
    )
    role = Role("inference", evidence)
    return role if role.points > 0 else Role("unknown", evidence)


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


def _data(event: ModeCall | ModelUse, steps: Sequence[ModeCall] = ()) -> list[Evidence]:
    """What the data are called; before all, those that training ``steps`` through the same line do not see."""
    shared = frozenset().union(*(each.input_tags for each in steps))
    if steps and (own := _data_in(event.input_tags - shared)):
        return own
    return _data_in(event.input_tags)


def _data_in(tags: Tags) -> list[Evidence]:
    held_out = sorted(tag[2] for tag in tags if tag[0] == "data" and tag[1] == "held-out")
    training = any(tag[0] == "data" and tag[1] == "training" for tag in tags)
    if held_out and not training:
        return [Evidence(2, f"its input comes from `{held_out[0]}`")]
    return [Evidence(-2, "")] if training and not held_out else []


def _uses(event: ModeCall | ModelUse) -> list[Evidence]:
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
        elif use.kind == "exported":
            add("exported", 3, f"{use.text} writes it out")
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
    same_choice = interpretation.mode_calls(_choice_if_trained, (id(event.choice.frame), id(event.choice.place.node)))
    return bool(same_choice)


def _choice_if_trained(event: ModeCall) -> tuple[int, int] | None:
    trained = event.used("gradient", "train-input")
    return (id(event.choice.frame), id(event.choice.place.node)) if trained else None


def _differentiated_beside(event: ModeCall, interpretation: Interpretation) -> bool:
    """Whether it is the value of a loss whose gradient is taken too, on the same data: of one and the same closure."""
    key = _closure(event)
    return key is not None and bool(interpretation.mode_calls(_closure_if_trained, key))


def _closure(event: ModeCall) -> tuple[int, tuple[int, ...], int] | None:
    """A call, by the way to it from a function that is made where the data are and gets none handed (their ids)."""
    for depth, frame in enumerate(event.frames):
        function = frame.function
        if function is not None and function.scope.kind == "function" and not frame.arguments:
            return id(function), path_of(event.frames[depth + 1 :]), id(event.place.node)
    return None


def _closure_if_trained(event: ModeCall) -> tuple[int, tuple[int, ...], int] | None:
    return _closure(event) if event.used("gradient") else None


def _trains_elsewhere(event: ModeCall, interpretation: Interpretation) -> bool:
    """Whether the same line, reached by another path, is a training step: a flag decides, and here it says no."""
    if any(frame.assumed for frame in event.frames):
        return False
    path = path_of(event.frames)
    return any(
        path_of(other.frames) != path for other in interpretation.mode_calls(node_if_trained, id(event.place.node))
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
    if interpretation.mode_calls(_callee_if_trained, (id(event.callee), id(event.frames[-1].function))):
        return [Evidence(1, "its output enters no gradient, unlike that of the training call beside it")]
    return []


def _callee_if_trained(event: ModeCall) -> tuple[int, int] | None:
    return (id(event.callee), id(event.frames[-1].function)) if event.used("gradient") else None


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


def _order(event: ModeCall | ModelUse, interpretation: Interpretation) -> list[Evidence]:
    """A model that has been trained before, in the same run of the program, is being used now."""
    if any(frame.assumed for frame in event.frames):
        return []
    for earlier in interpretation.trainings_before(event):
        if not any(frame.assumed for frame in earlier.frames):
            inside = {loop.serial for loop in event.loops} & {loop.serial for loop in earlier.loops}
            if not inside:
                return [Evidence(1, "it runs after training")]
    return []


def _only_evaluates(event: ModeCall, interpretation: Interpretation) -> list[Evidence]:
    """A program that loads weights, measures what the model does with them, and trains nothing."""
    if any(frame.assumed for frame in event.frames) or not event.used("metric", "score", "decision"):
        return []
    if interpretation.once(_trains) or not (
        interpretation.once(_restores)
        or any(isinstance(each, Instance) and "__loaded__" in each.arguments for each in alternatives(event.callee))
    ):
        return []
    return [Evidence(2, "its weights are loaded, and the program trains nothing")]


def _trains(interpretation: Interpretation) -> bool:
    """Whether weights are updated anywhere, also in what nobody calls, or may be in what is handed a model."""
    return any(
        (isinstance(each, ModelUse) and each.kind in {"train", "gradient"})
        or (isinstance(each, HandedOver) and any(map(is_layer, alternatives(each.value))))
        for each in interpretation.events
    )


def _restores(interpretation: Interpretation) -> bool:
    """Whether a program that runs puts weights from a file into a model."""
    return any(
        isinstance(each, MethodCall)
        and each.name in {"load_weights", "restore"}
        and not any(frame.assumed for frame in each.frames)
        for each in interpretation.events
    )


# Intent ------------------------------------------------------------------------------------------------------
