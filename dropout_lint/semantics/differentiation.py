"""Gradients: what is differentiated, and whether with respect to weights or to inputs.

What a model puts out carries the tag of its call; ``model.trainable_variables`` carries ``("vars-of", model)``. A
gradient is a use of the calls in its target whose ``sources`` are the tags of what it is taken with respect to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics.tags import OUTPUTS, outputs_in, serials_in, tags_of
from dropout_lint.semantics.values import Argument, Const, Instance, Items, Method, Opaque, Tags, Value, alternatives

if TYPE_CHECKING:
    import libcst as cst

    from dropout_lint.semantics.arguments import Arguments
    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run
    from dropout_lint.semantics.values import Transformed

EVERYTHING: Tags = frozenset({("vars",), ("vars-of", "*")})
"""All weights that the loss depends on: ``loss.backward()``, ``minimize(loss)``, ``tape.watched_variables()``."""

UPDATES = frozenset({"apply_gradients()", "apply()", "stateless_apply()", "update()", "get_updates()"})
"""Uses in which gradients arrive that were taken before."""

_INPUTS = OUTPUTS | {"data", "loop", "watched", "random"}


def note_gradient(
    run: Run, frame: Frame, text: str, target: Argument | None, sources: Argument | None, node: cst.CSTNode
) -> Value:
    """A gradient of ``target`` with respect to ``sources`` is taken."""
    target_tags = tags_of(target.value) if target is not None else frozenset()
    source_tags = _tags_of_sources(sources.value) if sources is not None else frozenset()
    by_weights = _by_weights(run, target_tags, source_tags)
    kind = "gradient" if by_weights else "input-gradient"
    run.use(
        kind, text, target_tags if by_weights else _differentiated(target_tags, source_tags), frame, node, source_tags
    )
    if by_weights:
        run.note_training()
    return Opaque(target_tags | source_tags)


def _differentiated(target: Tags, sources: Tags) -> Tags:
    """The tags of what lies between an input and ``target``: the calls that made the input are not differentiated.

    A gradient penalty at mixed images is about the discriminator, not about the generator the images come from. Where
    one call gives both, as for a class activation map, it is the one that is meant.
    """
    between = target - outputs_in(sources)
    return between if serials_in(between) else target


def _tags_of_sources(sources: Value) -> Tags:
    """The tags of what a gradient is taken with respect to; an attribute that Keras does not know holds weights too."""
    found = tags_of(sources)
    for each in alternatives(sources):
        if isinstance(each, Method) and isinstance(each.receiver, Instance):
            found |= {("vars",), ("vars-of", each.receiver.serial)}
    return found


def _by_weights(run: Run, target: Tags, sources: Tags) -> bool:
    """Whether what a gradient is taken with respect to are weights; what cannot be told counts as weights."""
    if ("vars",) in sources:
        return True
    if any(tag[0] in _INPUTS for tag in sources):
        return False
    # an image that is itself the variable: it goes into the model
    own = {tag for tag in sources if tag[0] == "variable"}
    calls = map(run.by_serial.get, serials_in(target))
    return not any(own & call.input_tags for call in calls if call is not None)


def sources_of_update(name: str, arguments: Arguments) -> Tags:
    """Which weights ``minimize`` takes its gradients with respect to; for other updates those that are handed over."""
    if name == "minimize":
        listed = arguments.get("var_list", 1) if "global_step" not in arguments.keywords else arguments.get("var_list")
        if listed is None or (isinstance(listed.value, Const) and listed.value.value is None):
            return EVERYTHING
        return tags_of(listed.value)
    return frozenset(tag for tag in arguments.tags() if tag[0] in {"vars", "vars-of"})


# jax.grad -----------------------------------------------------------------------------------------------------


def with_differentiated(callee: Transformed, arguments: Arguments, node: cst.CSTNode) -> tuple[Argument, ...]:
    """The positional arguments of ``jax.grad(f)(…)``, those it differentiates by marked as such."""
    from dropout_lint.semantics.tagging import with_tags

    numbers = _numbers(callee.axes)
    mark: Tags = frozenset({("differentiated", id(node))})
    return tuple(
        Argument(with_tags(each.value, mark), each.node) if numbers is None or position in numbers else each
        for position, each in enumerate(arguments.positional)
    )


def _numbers(argnums: Value | None) -> frozenset[int] | None:
    """The positions that ``argnums`` names: the first where it says nothing, None where it is not known."""
    if argnums is None:
        return frozenset({0})
    listed = argnums.items if isinstance(argnums, Items) and argnums.exact else (argnums,)
    found = [each.value for each in listed if isinstance(each, Const)]
    return frozenset(found) if len(found) == len(listed) else None


def note_stateless_call(run: Run, receiver: Value, weights: Value) -> None:
    """``model.stateless_call(weights, …)``: a gradient with respect to ``weights`` is one of the model's."""
    if isinstance(receiver, Instance):
        owner: Tags = frozenset({("vars-of", receiver.serial)})
    else:
        owner = frozenset({("vars-of", receiver.key if isinstance(receiver, Opaque) else None)})
    for tag in tags_of(weights):
        if tag[0] == "differentiated":
            run.differentiated.setdefault(tag[1], set()).update(owner)


def note_transformed(run: Run, frame: Frame, result: Value, node: cst.CSTNode) -> Value:
    """The gradient that a call of ``jax.grad(f)`` gives."""
    target = tags_of(result)
    owners = run.differentiated.get(id(node), set())
    sources: Tags = frozenset({("vars",), *owners}) if owners else frozenset()
    entered = map(run.by_serial.get, serials_in(target))
    by_input = not owners and any(
        ("differentiated", id(node)) in call.input_tags for call in entered if call is not None
    )
    run.use("input-gradient" if by_input else "gradient", "differentiated", target, frame, node, sources)
    if not by_input:
        run.note_training()
    return Opaque(target)
