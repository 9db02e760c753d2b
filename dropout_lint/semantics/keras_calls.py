"""Calling Keras objects: where mode events come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.keras.layers import layer as layer_facts
from dropout_lint.semantics import calls, conditions, noise
from dropout_lint.semantics.arguments import Arguments
from dropout_lint.semantics.choices import Choice, choice_of
from dropout_lint.semantics.events import Bare, Frame, LayerCall, ModeCall, NoneForwarded, Place
from dropout_lint.semantics.joining import fingerprint
from dropout_lint.semantics.models import MODEL_NAMES, is_layer, is_model, note_called
from dropout_lint.semantics.parameters import unknown_parameter
from dropout_lint.semantics.polarity import polarity_of
from dropout_lint.semantics.signatures import own_call, sees
from dropout_lint.semantics.tagging import derived, with_tags
from dropout_lint.semantics.tags import limited, outputs_in, tags_of
from dropout_lint.semantics.values import (
    NONE,
    UNKNOWN,
    Argument,
    ClassValue,
    Const,
    FunctionValue,
    Instance,
    Items,
    Mapping,
    Opaque,
    Symbolic,
    Tags,
    Value,
    alternatives,
    truth,
)
from dropout_lint.semantics.words import is_mode_name, kind_of_data
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from dropout_lint.semantics.run import Run


def call_instance(run: Run, frame: Frame, callee: Instance, arguments: Arguments, node: cst.CSTNode) -> Value:
    """``callee(…)`` for any object."""
    method = callee.cls.find("__call__") if isinstance(callee.cls, ClassValue) else None
    if isinstance(method, FunctionValue):
        return calls.call_function(run, frame, method, arguments, Place(frame.module, node), receiver=callee)
    name = callee.keras_name
    if name is None:
        return derived(*arguments.values)
    if is_layer(callee):
        return call_layer(run, frame, callee, arguments, node)
    if name.startswith("keras.metrics."):
        used = node.func if isinstance(node, cst.Call) else None
        run.use("metric", metric_text(callee, used), arguments.tags(), frame, node)
    return derived(*arguments.values)


def metric_text(metric: Instance, used: cst.CSTNode | None) -> str:
    """What a metric is called: where it is ``used``, if that says which data it measures, else where it is made."""
    here = used.attr if isinstance(used, cst.Attribute) else used
    if isinstance(here, cst.Name) and kind_of_data(here.value) is not None:
        return here.value
    variable = metric.arguments.get("__variable__")
    if isinstance(variable, Const):
        return str(variable.value)
    name = metric.arguments.get("name")
    return str(name.value) if isinstance(name, Const) else metric.class_name


def flag_of(callee: Value, arguments: Arguments) -> tuple[Argument, str] | None:
    """The training flag among the arguments of a layer's call, and how it is given."""
    given = arguments.keywords.get("training")
    if given is not None:
        how = "mapping" if any(given.node is mapping.node for mapping in arguments.mappings) else "keyword"
        return given, how
    if isinstance(callee, Instance):
        position = _position_of_training(callee)
        if position is not None and position < len(arguments.positional) and not arguments.spread:
            return arguments.positional[position], "positional"
    return None


def positional_parameters(callee: Instance) -> tuple[str, ...] | None:
    """The parameters of a project class's own ``call`` that may be given by position, without self."""
    call = own_call(callee)
    if call is None:
        return None
    return tuple(each.name.value for each in (*call.node.params.posonly_params, *call.node.params.params))[1:]


def _position_of_training(callee: Instance) -> int | None:
    """Where ``training`` stands among the positional arguments of a call (without self)."""
    names = positional_parameters(callee)
    if names is not None:
        return names.index("training") if "training" in names else None
    facts = layer_facts(callee.keras_name or "")
    if callee.keras_name in MODEL_NAMES or (
        facts is not None and facts.mode in {"dropout", "noise", "batch-statistics", "augmentation"}
    ):
        return 1
    return None


def _has_symbolic(values: tuple[Value, ...], depth: int = 0) -> bool:
    for value in values:
        for each in alternatives(value):
            if isinstance(each, Symbolic):
                return True
            if isinstance(each, Items) and depth < 2 and _has_symbolic(each.items, depth + 1):
                return True
            if isinstance(each, Mapping) and depth < 2 and _has_symbolic(tuple(each.entries.values()), depth + 1):
                return True
    return False


def call_layer(
    run: Run,
    frame: Frame,
    callee: Instance,
    arguments: Arguments,
    node: cst.CSTNode,
    direct: bool = True,
    text: str = "",
) -> Value:
    """A Keras layer or model is called: emit the mode event and go into the project's own ``call``."""
    symbolic = _has_symbolic(arguments.values)
    graph = symbolic or _builds(frame, callee, node)
    _note_call(run, frame, callee, arguments, node, graph, direct, text)
    event = mode_event(run, frame, callee, arguments, node, graph, direct, text)
    used: Tags = frozenset()
    if not symbolic and (event is None or truth(event.flag) is not True):
        kind = "call" if is_model(callee) else "layer-call"
        bare = bare_call(run, frame, callee, arguments, node, text)
        acts = bare is not None and not graph and direct and _acts_by_default(callee)
        if kind == "call" or acts or (event is None and _outside_calls(run, frame)):
            use = run.model_use(callee, kind, "__call__", frame, node, arguments.tags(), bare=bare)
            used = frozenset({("event", run.known_as(use))})
    tags: Tags = noise.through_layer(arguments.tags(without=("training",))) | used
    if event is not None:
        tags |= {("event", run.known_as(event))}
    result: Value = UNKNOWN
    method = own_call(callee)
    if method is not None and direct:
        result = _enter_call(run, frame, callee, method, arguments, node)
    if symbolic:
        made = _symbolic_result(arguments, callee, tags)
        run.outputs[callee.serial] = made
        return made
    # what happens inside a block of a model ends there: outside, the call of the model counts
    inside = any(each.hook == "call" for each in frame.chain())
    if method is not None:
        if ("through", id(node)) in tags:
            # a block whose input is what it gave on the turn before
            run.feedback.add(id(node))
        tags |= {("through", id(node))}
    result_tags: Tags = outputs_in(tags_of(result)) if not inside else frozenset()
    if isinstance(result, Items):
        return run.items(result.kind, tuple(with_tags(_as_data(each), tags) for each in result.items), result.exact)
    return Opaque(limited(tags | result_tags))


def _note_call(
    run: Run,
    frame: Frame,
    callee: Instance,
    arguments: Arguments,
    node: cst.CSTNode,
    graph: bool,
    direct: bool,
    text: str,
) -> None:
    found = flag_of(callee, arguments)
    run.emit(
        LayerCall(
            serial=run.serial(),
            place=Place(frame.module, node),
            callee=callee,
            callee_text=text or calls.source_of(frame, node.func if isinstance(node, cst.Call) else node),
            flag=found[0] if found is not None else None,
            arguments=arguments,
            frames=frame.chain(),
            loops=tuple(run.loops),
            guards=tuple(run.guards),
            branches=tuple(run.branches),
            graph=graph,
            direct=direct,
        )
    )


def _acts_by_default(callee: Instance) -> bool:
    facts = layer_facts(callee.cls) if isinstance(callee.cls, str) else None
    return facts is not None and facts.default_active


def _as_data(value: Value) -> Value:
    return value if isinstance(value, (Opaque, Items)) else Opaque(tags_of(value))


def _symbolic_result(arguments: Arguments, callee: Value, tags: Tags) -> Symbolic:
    given = arguments.values
    if len(given) == 1 and isinstance(given[0], Symbolic) and _are_distinct(given[0].layers):
        # a long chain: nothing to compare, and each link has all that was before
        before = given[0].layers
        return Symbolic(before if callee in before else (*before, callee), outputs_in(tags))
    layers: dict[object, Value] = {}

    def collect(values: tuple[Value, ...], depth: int) -> None:
        for value in values:
            for each in alternatives(value):
                if isinstance(each, Symbolic):
                    for layer in each.layers:
                        layers.setdefault(fingerprint(layer), layer)
                elif isinstance(each, Items) and depth < 3:
                    collect(each.items, depth + 1)
                elif isinstance(each, Mapping) and depth < 3:
                    collect(tuple(each.entries.values()), depth + 1)

    collect(given, 0)
    layers.setdefault(fingerprint(callee), callee)
    return Symbolic(tuple(layers.values()), outputs_in(tags))


def _are_distinct(layers: tuple[Value, ...]) -> bool:
    """Whether all are objects, none of them twice."""
    return len(set(layers)) == len(layers) and set(map(type, layers)) <= {Instance}


def _builds(frame: Frame, callee: Instance, node: cst.CSTNode) -> bool:
    """Whether a layer is applied where it is made, outside any ``call``: then a graph is under construction."""
    if any(each.hook == "call" for each in frame.chain()) or is_model(callee):
        return False
    inline = isinstance(node, cst.Call) and isinstance(node.func, cst.Call)
    made_here = frame.function is not None and callee.made_in == id(frame.function.node)
    return frame.function is not None and (inline or made_here)


def _enter_call(
    run: Run, frame: Frame, callee: Instance, method: FunctionValue, arguments: Arguments, node: cst.CSTNode
) -> Value:
    names = [each.name.value for each in (*method.node.params.params, *method.node.params.kwonly_params)]
    inner = arguments
    if "training" in names and "training" not in arguments.keywords:
        position = _position_of_training(callee)
        if position is None or position >= len(arguments.positional):
            # Keras decides: fit says True, evaluate and predict say False
            passed = Argument(unknown_parameter(method, "training"))
            inner = Arguments(
                arguments.positional,
                {**arguments.keywords, "training": passed},
                arguments.mappings,
                arguments.spread,
                arguments.unknown_keywords,
            )
    elif "training" not in names and "training" in arguments.keywords and method.node.params.star_kwarg is None:
        keywords = {name: value for name, value in arguments.keywords.items() if name != "training"}
        inner = Arguments(
            arguments.positional, keywords, arguments.mappings, arguments.spread, arguments.unknown_keywords
        )
    return calls.call_function(run, frame, method, inner, Place(frame.module, node), receiver=callee, hook="call")


def mode_event(
    run: Run,
    frame: Frame,
    callee: Value,
    arguments: Arguments,
    node: cst.CSTNode,
    graph: bool,
    direct: bool = True,
    text: str = "",
) -> ModeCall | None:
    """Emit the event of a call that says which mode it wants; None where it says nothing."""
    found = flag_of(callee, arguments)
    if found is None:
        return None
    given, how = found
    func = node.func if isinstance(node, cst.Call) else node
    choice = choice_of(frame, given, node, graph)
    written = text or calls.source_of(frame, func)
    if calls.is_none(given.value):
        place = Place(frame.module, node)
        run.emit(NoneForwarded(run.serial(), place, callee, written, choice, how, frame.chain(), graph, direct))
        return None
    event = ModeCall(
        serial=run.serial(),
        place=Place(frame.module, node),
        callee=callee,
        callee_text=written,
        flag=given.value,
        choice=choice,
        how=how,
        frames=frame.chain(),
        graph=graph,
        loops=tuple(run.loops),
        input_tags=arguments.tags(without=("training",)),
        callee_loops=callee.loops if isinstance(callee, Instance) else _loops_of(callee),
        guards=tuple(run.guards),
        tape=bool(run.tapes),
        comment=choice.frame.comment,
        tapes=tuple(run.tapes),
        branches=tuple(run.branches),
        callee_names=_names_of(frame, func),
        direct=direct,
        settled=tuple(run.settled),
        given=given.node,
        position=_position_of_training(callee) if how == "positional" and isinstance(callee, Instance) else None,
        polarity=polarity_of(frame, given),
    )
    run.emit(event)
    return event


def bare_call(
    run: Run, frame: Frame, callee: Value, arguments: Arguments, node: cst.CSTNode, text: str = ""
) -> Bare | None:
    """How a call says nothing of the mode; None where it says something, or where that is not known."""
    found = flag_of(callee, arguments)
    if (found is not None and not calls.is_none(found[0].value)) or arguments.unknown_keywords is not None:
        return None
    if isinstance(callee, Instance) and _says_mode_otherwise(callee, arguments):
        return None
    choice = Choice(Place(frame.module, node), frame, node, "training")
    if found is not None:
        choice = choice_of(frame, found[0], node)
    func = node.func if isinstance(node, cst.Call) else node
    default = _default_flag(run, frame, callee)
    return Bare(
        choice,
        NONE if default is None else default,
        text or calls.source_of(frame, func),
        tuple(run.guards),
        tuple(run.tapes),
        choice.frame.comment,
        found is not None,
        required=default is None and found is None,
    )


def _says_mode_otherwise(callee: Instance, arguments: Arguments) -> bool:
    """Whether a call gives the mode under the name that the project's own ``call`` has for it."""
    call, names = own_call(callee), positional_parameters(callee)
    if call is None or names is None or sees(call, "training"):
        return False
    given = {*names[: len(arguments.positional)], *arguments.keywords}
    return any(is_mode_name(name) for name in given)


def _default_flag(run: Run, frame: Frame, callee: Value) -> Value | None:
    """What a project's own ``call`` takes for a flag; None where it has a parameter for that, without a default."""
    from dropout_lint.semantics.expressions import evaluate

    method = own_call(callee)
    if method is None:
        return NONE
    for each in (*method.node.params.params, *method.node.params.kwonly_params):
        if each.name.value == "training":
            return evaluate(run, frame, method.scope, each.default) if each.default is not None else None
    return NONE


def _outside_calls(run: Run, frame: Frame) -> bool:
    """Whether gradients are taken here and no ``call`` of a layer hands its mode down."""
    return bool(run.tapes) and not any(each.hook == "call" for each in frame.chain())


def _names_of(frame: Frame, node: cst.CSTNode) -> frozenset[tuple[int, str]]:
    """The names an expression reads, followed outwards through parameters."""
    found: set[tuple[int, str]] = set()
    here: Frame | None = frame
    names = conditions.guard_words(node) if isinstance(node, cst.BaseExpression) else frozenset()
    while here is not None and names:
        function = id(here.function.node) if here.function is not None else 0
        found |= {(function, name) for name in names}
        passed = [here.arguments[name].node for name in names if name in here.arguments]
        names = frozenset().union(
            *(conditions.guard_words(each) for each in passed if isinstance(each, cst.BaseExpression))
        )
        here = here.caller
    return frozenset(found)


def _loops_of(callee: Value) -> tuple[int, ...]:
    return tuple(sorted(tag[1] for tag in tags_of(callee) if tag[0] == "loop"))


def call_opaque(run: Run, frame: Frame, callee: Opaque, arguments: Arguments, node: cst.CSTNode) -> Value:
    """Something unknown is called."""
    from dropout_lint.semantics import externals

    if callee.key is not None and callee.key[0] == "instance" and len(callee.key) == 3:
        receiver = frame.receiver
        if isinstance(receiver, Instance) and receiver.serial == callee.key[1]:
            note_called(receiver, callee.key[2])
    run.handed_to_unknown.update(arguments.keywords)
    symbolic = _has_symbolic(arguments.values)
    run.hand_over(arguments.values, frame, node)
    event = mode_event(run, frame, callee, arguments, node, symbolic)
    externals.call_back(run, frame, arguments, node)
    tags = callee.tags | noise.through_layer(arguments.tags(without=("training",)))
    if run.tapes and not symbolic and (event is None or truth(event.flag) is not True):
        # under a tape even a call of something unknown may be a model's
        bare = bare_call(run, frame, callee, arguments, node)
        use = run.model_use(callee, "call", "__call__", frame, node, arguments.tags(), bare=bare)
        tags |= {("event", run.known_as(use))}
    if event is not None:
        tags |= {("event", run.known_as(event))}
    if symbolic:
        return _symbolic_result(arguments, callee, tags)
    return Opaque(tags)
