"""Calls: binding arguments, entering project functions and classes, and handing the rest to who knows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from dropout_lint.semantics import containers
from dropout_lint.semantics.arguments import Arguments
from dropout_lint.semantics.attributes import get_attribute
from dropout_lint.semantics.events import Frame, Place
from dropout_lint.semantics.joining import fingerprint, join
from dropout_lint.semantics.models import note_called
from dropout_lint.semantics.parameters import Evaluate, bind_parameters
from dropout_lint.semantics.run import DEEPEST_CALL, DEEPEST_CONSTRUCTION, TAGS_PER_STEP
from dropout_lint.semantics.scopes import Scope
from dropout_lint.semantics.tagging import collect, derived, with_tags
from dropout_lint.semantics.tags import tags_of
from dropout_lint.semantics.values import (
    NONE,
    UNKNOWN,
    Argument,
    Bound,
    ClassValue,
    Const,
    External,
    FunctionValue,
    Instance,
    Items,
    Managed,
    Mapping,
    Method,
    OneOf,
    Opaque,
    Partial,
    Super,
    Symbolic,
    Tags,
    Transformed,
    Value,
    alternatives,
)
from dropout_lint.semantics.words import role_of_name
from dropout_lint.syntax.lazy import cst

if TYPE_CHECKING:
    from dropout_lint.semantics.run import Run

COMPILED = "compiled"
"""The root of the key of a model that nothing is known of but that it is compiled."""
COMPILING = frozenset({"loss", "optimizer", "metrics"})
"""Keywords that only Keras's ``compile`` has."""
MOST_ACTIVATIONS = 48
"""Interpretations of one function after which its calls are told apart by fewer things."""
MOST_CALLED = 4
"""Alternatives of what is called that are followed. Where choices lie within each other, so many in all: below two
alternatives two, below three or four one. What the others give, and do to what they are handed, is unknown."""
MOST_RETURNED = 16
"""Values a function may return that are kept apart: builders choose among as many models by name."""


def evaluate_call(run: Run, frame: Frame, scope: Scope, node: cst.Call, evaluate: Evaluate) -> Value:
    """Evaluate a call expression."""
    run.step()
    # method chains (`a.b().c()…`) may be thousands of calls long: walk down with a loop
    chain: list[cst.Call] = [node]
    while isinstance(chain[-1].func, cst.Attribute) and isinstance(chain[-1].func.value, cst.Call):
        chain.append(chain[-1].func.value)
    value: Value | None = None
    for call in reversed(chain):
        if value is None:
            callee, receiver = _callee(run, frame, scope, call, evaluate)
        else:
            func = call.func
            assert isinstance(func, cst.Attribute)
            receiver = value
            callee = get_attribute(run, frame, receiver, func.attr.value, func)
            if isinstance(callee, Opaque):
                callee = Method(receiver, func.attr.value) if not _is_place(callee) else callee
        arguments = _arguments(run, frame, scope, call, evaluate)
        for given in arguments.values:
            if isinstance(given, Instance) and given.cls == "tensorflow.GradientTape":
                # whoever gets a tape may take the gradient
                given.arguments["__used__"] = Const(True)
        if isinstance(receiver, Opaque) and receiver.key is None and isinstance(callee, Method):
            callee = _known_by_compile(run, scope, call, callee, receiver, arguments)
        value = call_value(run, frame, callee, arguments, call, scope)
        _mutated(run, scope, call, receiver, arguments)
        if isinstance(call.func, cst.Attribute) and call.func.attr.value == "watch" and run.tapes:
            _watched(run, scope, call, arguments)
    assert value is not None
    return value


def _known_by_compile(
    run: Run, scope: Scope, call: cst.Call, method: Method, receiver: Opaque, arguments: Arguments
) -> Method:
    """``model.compile(loss=…)``: what that is called on is a model, one and the same under this name from now on."""
    func = call.func
    named = isinstance(func, cst.Attribute) and isinstance(func.value, cst.Name) and method.name == "compile"
    if not named or COMPILING.isdisjoint(arguments.keywords):
        return method
    if receiver is not UNKNOWN:
        # kept, so that no other value gets its id
        run.kept.append(receiver)
    model = Opaque(receiver.tags, (COMPILED, id(receiver) if receiver is not UNKNOWN else -run.serial()))
    assert isinstance(func, cst.Attribute)
    assert isinstance(func.value, cst.Name)
    run.store.write(scope.target(func.value.value).names, func.value.value, model)
    return Method(model, method.name)


def _watched(run: Run, scope: Scope, call: cst.Call, arguments: Arguments) -> None:
    """``tape.watch(image)``: a gradient with respect to it is one with respect to an input, unless it is weights."""
    for given, argument in zip(call.args, arguments.positional, strict=False):
        if isinstance(given.value, cst.Name) and isinstance(argument.value, (Opaque, Items)):
            name = given.value.value
            seen = with_tags(argument.value, frozenset({("watched",)}))
            run.store.write(scope.target(name).names, name, seen)


_MUTATORS = frozenset({"append", "extend", "insert", "appendleft", "add", "update", "write"})


def _mutated(run: Run, scope: Scope, call: cst.Call, receiver: Value | None, arguments: Arguments) -> None:
    """``buffer.append(output)``: an unknown container holds it from now on."""
    func = call.func
    if not (
        isinstance(receiver, Opaque)
        and isinstance(func, cst.Attribute)
        and isinstance(func.value, cst.Name)
        and func.attr.value in _MUTATORS
    ):
        return
    outside = tuple(loop.serial for loop in run.loops[:-1])
    added = (
        frozenset().union(*(tags_of(collect(run, value, outside)) for value in arguments.values))
        if arguments.values
        else frozenset()
    )
    if added - receiver.tags:
        run.store.write(scope.target(func.value.value).names, func.value.value, with_tags(receiver, added))


def _is_place(value: Opaque) -> bool:
    return value.key is not None and value.key[0] == "instance" and len(value.key) == 3


def _callee(run: Run, frame: Frame, scope: Scope, call: cst.Call, evaluate: Evaluate) -> tuple[Value, Value | None]:
    func = call.func
    if isinstance(func, cst.Attribute):
        receiver = evaluate(run, frame, scope, func.value)
        if is_none(receiver):
            receiver = _set_by_others(run, frame, scope, func.value, evaluate)
        callee = get_attribute(run, frame, receiver, func.attr.value, func)
        if isinstance(callee, Opaque) and not isinstance(receiver, (Instance,)):
            return Method(receiver, func.attr.value), receiver
        if isinstance(callee, OneOf):
            kept = tuple(
                Method(receiver, func.attr.value) if isinstance(each, Opaque) else each for each in callee.values
            )
            return OneOf(kept), receiver
        return callee, receiver
    if isinstance(func, cst.Name) and func.value == "super" and scope.find("super") is None:
        owner = frame.owner
        if owner is not None and frame.receiver is not None:
            return External("builtins.super"), None
    return evaluate(run, frame, scope, func), None


def _set_by_others(run: Run, frame: Frame, scope: Scope, node: cst.BaseExpression, evaluate: Evaluate) -> Value:
    """What ``node`` is when a method of it is called, although it was None so far: a subclass may have set it."""
    if isinstance(node, cst.Attribute):
        owner = evaluate(run, frame, scope, node.value)
        if isinstance(owner, Instance):
            return Opaque(key=("instance", owner.serial, node.attr.value))
    return UNKNOWN


def _arguments(run: Run, frame: Frame, scope: Scope, call: cst.Call, evaluate: Evaluate) -> Arguments:
    positional: list[Argument] = []
    keywords: dict[str, Argument] = {}
    mappings: list[Argument] = []
    spread = False
    unknown: Tags | None = None
    for arg in call.args:
        value = evaluate(run, frame, scope, arg.value)
        if arg.star == "*":
            known = containers.elements_of(run, value)
            if known is None:
                if isinstance(value, Items) and value.kind == "tuple":
                    # `*args` of which only the first are known
                    positional += [Argument(each, arg.value) for each in value.items]
                spread = True
                positional.append(Argument(Opaque(tags_of(value)), arg.value))
            else:
                positional += [Argument(each, arg.value) for each in known]
        elif arg.star == "**":
            mappings.append(Argument(value, arg))
            for each in alternatives(value):
                if isinstance(each, Mapping):
                    for key, entry in each.entries.items():
                        if isinstance(key, str):
                            keywords[key] = Argument(entry, arg)
                    if not each.exact:
                        unknown = (unknown or frozenset()) | tags_of(each)
                else:
                    unknown = (unknown or frozenset()) | tags_of(each)
        elif arg.keyword is not None:
            keywords[arg.keyword.value] = Argument(value, arg.value)
        else:
            positional.append(Argument(value, arg.value))
    return Arguments(tuple(positional), keywords, tuple(mappings), spread, unknown)


def call_value(
    run: Run, frame: Frame | None, callee: Value, arguments: Arguments, node: cst.CSTNode, scope: Scope | None = None
) -> Value:
    """Call any value."""
    from dropout_lint.semantics import externals, keras_calls, methods, objects

    if frame is None:
        assert run.entry is not None
        frame = Frame(None, run.entry, None, None)
    # what is called may be called back, with a function that calls back, and so on
    run.step()
    if isinstance(callee, OneOf):
        return _call_each(run, frame, callee, arguments, node, scope)
    place = Place(frame.module, node)
    if isinstance(callee, FunctionValue):
        return call_function(run, frame, callee, arguments, place)
    if isinstance(callee, Bound):
        return call_function(run, frame, callee.function, arguments, place, receiver=callee.receiver)
    if isinstance(callee, ClassValue):
        return objects.construct(run, frame, callee, arguments, node)
    if isinstance(callee, External):
        return externals.call(run, frame, callee, arguments, node, scope)
    if isinstance(callee, Instance):
        return keras_calls.call_instance(run, frame, callee, arguments, node)
    if isinstance(callee, Partial):
        return call_value(run, frame, callee.function, _with_partial(callee, arguments), node, scope)
    if isinstance(callee, Method):
        return methods.call(run, frame, callee, arguments, node)
    if isinstance(callee, Transformed):
        return externals.call_transformed(run, frame, callee, arguments, node)
    if isinstance(callee, Opaque):
        return keras_calls.call_opaque(run, frame, callee, arguments, node)
    return derived(callee, *arguments.values)


def _call_each(
    run: Run, frame: Frame, callee: OneOf, arguments: Arguments, node: cst.CSTNode, scope: Scope | None
) -> Value:
    """Call one of several, whichever it is: a builder out of forty, chosen by a loader out of three."""
    ways = run.ways
    apart = _told_apart(callee, max(1, MOST_CALLED // ways))
    run.ways = ways * len(apart)
    try:
        found = [call_value(run, frame, each, arguments, node, scope) for each in apart]
    finally:
        run.ways = ways
    if len(apart) < len(callee.values):
        run.hand_over(arguments.values, frame, node)
        found.append(Opaque(arguments.tags()))
    return join(found, limit=16)


def _told_apart(callee: OneOf, most: int) -> list[Value]:
    """The few of many alternatives that are called: of the models of one class, which differ in size, the first."""
    if len(callee.values) <= most:
        return list(callee.values)
    classes: dict[int, Value] = {}
    for each in callee.values:
        kind = id(each.cls) if isinstance(each, Instance) and isinstance(each.cls, ClassValue) else id(each)
        classes.setdefault(kind, each)
    rest = [each for each in callee.values if not any(each is other for other in classes.values())]
    return [*classes.values(), *rest][:most]


def _with_partial(partial: Partial, arguments: Arguments) -> Arguments:
    return Arguments(
        partial.positional + arguments.positional,
        {**partial.keywords, **arguments.keywords},
        arguments.mappings,
        arguments.spread,
        arguments.unknown_keywords,
    )


# Project functions -------------------------------------------------------------------------------------------


def call_function(
    run: Run,
    frame: Frame | None,
    function: FunctionValue,
    arguments: Arguments,
    place: Place | None,
    receiver: Value | None = None,
    hook: str | None = None,
    assumed: bool = False,
    on_yield: Callable[[Value], None] | None = None,
) -> Value:
    """Interpret a project function with these arguments and return what it returns."""
    from dropout_lint.semantics.expressions import evaluate
    from dropout_lint.semantics.statements import block_of, execute_block

    if not assumed:
        run.called.add(id(function.node))
    depth = frame.depth + 1 if frame is not None else 0
    if run.on_stack.count(id(function.node)) > 0:
        run.recursed += arguments.values
        return Opaque(arguments.tags() | {("recursion", id(function.node))})
    makes = function.name in {"__init__", "build"} or (frame is not None and frame.makes)
    if depth > (DEEPEST_CONSTRUCTION if makes else DEEPEST_CALL):
        if makes and isinstance(receiver, Instance):
            note_called(receiver, function.name)
        if frame is not None and place is not None:
            run.hand_over((*arguments.values, *((receiver,) if receiver is not None else ())), frame, place.node)
        return Opaque(arguments.tags())
    run.step(3)
    scope = Scope("function", function.scope)
    entered = Frame(function, function.module, frame, place, receiver=receiver, hook=hook, assumed=assumed, depth=depth)
    entered.on_yield = on_yield
    entered.makes = makes
    entered.conditions = len(run.guards)
    scope.frame = entered
    bind_parameters(run, entered, scope, function, arguments, evaluate)
    if on_yield is None and not assumed and place is not None and _manages(function):
        return Managed(function, arguments, receiver, place)
    slot = _memo_key(run, frame, function, scope, receiver, hook, assumed)
    widened = None
    if on_yield is None and run.activations.get(id(function.node), 0) >= MOST_ACTIVATIONS:
        widened = _widened_key(run, frame, function, scope, hook, assumed)
        if slot not in run.memo and widened in run.memo:
            # what went in may come out: nothing that was computed from an output is lost on the way
            run.repeat(widened)
            return with_tags(run.memo[widened], arguments.tags())
    run.activations[id(function.node)] = run.activations.get(id(function.node), 0) + 1
    if id(function.node) in run.makers:
        slot = (slot, id(place.node) if place is not None else 0)
    if slot in run.memo and on_yield is None:
        run.repeat(slot)
        for made in _made(run.memo[slot], run.newest[slot], in_graphs=True):
            made.repeated = True
        return run.memo[slot]  # type: ignore[no-any-return]
    newest = run.serial()
    run.on_stack.append(id(function.node))
    try:
        with run.course.passage("function", entered) as passage:
            if isinstance(function.node, cst.Lambda):
                result = evaluate(run, entered, scope, function.node.body)
            else:
                execute_block(run, entered, scope, block_of(function.node.body))
                result = join(entered.returns, limit=MOST_RETURNED) if entered.returns else NONE
                if entered.pending:
                    result = run.items("list", tuple(entered.pending), exact=False)
    finally:
        run.on_stack.pop()
    if id(function.node) not in run.makers and any(True for _ in _made(result, newest)):
        run.makers.add(id(function.node))
        slot = (slot, id(place.node) if place is not None else 0)
    run.store.write(run.memo, slot, result)
    run.newest[slot] = newest
    run.effects[slot] = passage
    if widened is not None:
        run.store.write(run.memo, widened, result)
        run.effects[widened] = run.effects[slot]
    return result


def _made(result: Value, newest: int, *, in_graphs: bool = False) -> Iterator[Instance]:
    """The layers and models in what a function returns that are younger than ``newest``."""
    for each in alternatives(result):
        for one in each.items if isinstance(each, Items) else (each,):
            for made in one.layers if in_graphs and isinstance(one, Symbolic) else (one,):
                if isinstance(made, Instance) and made.serial > newest and made.keras_name is not None:
                    yield made


def _widened_key(
    run: Run, frame: Frame | None, function: FunctionValue, scope: Scope, hook: str | None, assumed: bool
) -> Any:
    """What tells the calls of a much-called function apart: the role, and arguments that are no data."""
    arguments = tuple(
        (name, "data" if isinstance(value, (Opaque, Items)) else fingerprint(value))
        for name, value in scope.names.items()
    )
    role = (role_of_name(frame.name), frame.hook) if frame is not None else None
    return ("widened", id(function.node), arguments, role, hook, assumed, len(run.tapes), tuple(run.facts.items()))


def _manages(function: FunctionValue) -> bool:
    """Whether a function is a ``@contextmanager``: its body runs round the body of a ``with``."""
    return any(
        isinstance(each, External) and each.name in {"contextlib.contextmanager", "contextlib.asynccontextmanager"}
        for each in function.decorators
    )


def _memo_key(
    run: Run,
    frame: Frame | None,
    function: FunctionValue,
    scope: Scope,
    receiver: Value | None,
    hook: str | None,
    assumed: bool,
) -> Any:
    """What decides the outcome of a call: its arguments, the state of its receiver and the role it is called in."""
    state: Any = ()
    if isinstance(receiver, Instance):
        run.step(len(receiver.attributes) // TAGS_PER_STEP)
        state = tuple((name, fingerprint(value)) for name, value in receiver.attributes.items())
    caller: Any = ()
    if frame is not None:
        caller = (
            role_of_name(frame.name),
            frame.hook,
            id(frame.module),
            frame.function is not None and id(frame.function.node),
        )
    return (
        id(function.node),
        id(function.scope),
        tuple((name, fingerprint(value)) for name, value in scope.names.items()),
        fingerprint(receiver) if receiver is not None else None,
        state,
        caller,
        hook,
        assumed,
        len(run.tapes),
        tuple(loop.serial for loop in run.loops),
        tuple(run.facts.items()),
    )


def source_of(frame: Frame, node: cst.CSTNode) -> str:
    """A short expression as it is written."""
    return frame.module.source_of(node)


def receiver_text(frame: Frame, node: cst.CSTNode) -> str:
    """What stands before the dot of a method call; nothing where it is no such call."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        return source_of(frame, node.func.value)
    return ""


def is_none(value: Value) -> bool:
    """Whether a value is None."""
    return isinstance(value, Const) and value.value is None


def super_of(frame: Frame) -> Value:
    """``super()`` in this frame."""
    if frame.owner is None or frame.receiver is None:
        return UNKNOWN
    return Super(frame.owner, frame.receiver)
