"""Builtins and the standard library, as far as flags, layers and data pass through them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics import calls, command_line, texts
from dropout_lint.semantics.arguments import Arguments
from dropout_lint.semantics.attributes import described, get_attribute, set_attribute
from dropout_lint.semantics.joining import join
from dropout_lint.semantics.run import TAGS_PER_STEP
from dropout_lint.semantics.tagging import derived, with_tags
from dropout_lint.semantics.tags import tags_of
from dropout_lint.semantics.values import (
    NONE,
    UNKNOWN,
    Argument,
    Const,
    External,
    Instance,
    Items,
    Mapping,
    Opaque,
    Partial,
    Transformed,
    Value,
    alternatives,
    truth,
)

if TYPE_CHECKING:
    import libcst as cst

    from dropout_lint.semantics.events import Frame
    from dropout_lint.semantics.run import Run
    from dropout_lint.semantics.scopes import Scope


ANY_NAME = "<any>"
"""The attribute that holds what was set under names that are not known: ``setattr(self, f"drop{i}", …)``."""
_PASSED_THROUGH = frozenset({"builtins.list", "builtins.tuple", "builtins.set", "builtins.reversed"})


def _contents(arguments: Arguments) -> list[Value]:
    found: list[Value] = []
    for value in arguments.values:
        if isinstance(value, Items):
            found += value.items
        elif isinstance(value, Mapping):
            found += value.entries.values()
    return found


def _partial(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    if not arguments.positional:
        return UNKNOWN
    return Partial(arguments.positional[0].value, arguments.positional[1:], dict(arguments.keywords))


def _super(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    return calls.super_of(frame)


def _new_dict(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    from dropout_lint.semantics.containers import merge_mapping

    made = run.mapping()
    for argument in arguments.positional[:1]:
        merge_mapping(run, made, argument.value)
    for key, argument in arguments.keywords.items():
        made.entries[key] = argument.value
    if arguments.unknown_keywords is not None:
        made.entries[None] = Opaque(arguments.unknown_keywords)
    return made


def _namespace(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    instance = run.allocate("types.SimpleNamespace", frame, node)
    for key, argument in arguments.keywords.items():
        run.store.write(instance.attributes, key, argument.value)
    return instance


def _named_tuple(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    fields = arguments.get("field_names", 1)
    listed = fields.value if fields is not None else UNKNOWN
    names: list[str] = []
    if isinstance(listed, Const) and isinstance(listed.value, str):
        names = listed.value.replace(",", " ").split()
    elif isinstance(listed, Items):
        # [("name", type), …] for typing.NamedTuple
        firsts = [each.items[0] if isinstance(each, Items) and each.items else each for each in listed.items]
        names = [str(each.value) for each in firsts if isinstance(each, Const)]
    record = run.mapping(dict.fromkeys(names, UNKNOWN))
    defaults = arguments.keywords.get("defaults")
    if defaults is not None and isinstance(defaults.value, Items) and defaults.value.exact:
        given = defaults.value.items[-len(names) :] if names else ()
        record.entries.update(zip(names[len(names) - len(given) :], given, strict=True))
    return Transformed("record", record)


def _bool(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    if not arguments.positional:
        return UNKNOWN
    value = arguments.positional[0].value
    decided = truth(value)
    if decided is not None:
        return Const(decided, value.origin if isinstance(value, Const) else None)
    return Opaque(tags_of(value), value.key if isinstance(value, Opaque) and texts.text_of(value) is None else None)


def _getattr(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    if len(arguments.positional) < 2:
        return UNKNOWN
    name = arguments.positional[1].value
    if isinstance(name, Const) and isinstance(name.value, str):
        found = get_attribute(run, frame, arguments.positional[0].value, name.value, node)
        missing = isinstance(found, Opaque) and len(arguments.positional) > 2
        return join((found, arguments.positional[2].value)) if missing else found
    receiver = arguments.positional[0].value
    return receiver.attributes.get(ANY_NAME, UNKNOWN) if isinstance(receiver, Instance) else UNKNOWN


def _setattr(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    if len(arguments.positional) == 3:
        receiver, name, value = (each.value for each in arguments.positional)
        if isinstance(name, Const) and isinstance(name.value, str):
            text = (
                calls.source_of(frame, arguments.positional[0].node) if arguments.positional[0].node is not None else ""
            )
            set_attribute(run, frame, receiver, name.value, value, node, text, how="setattr")
        elif isinstance(receiver, Instance):
            before = receiver.attributes.get(ANY_NAME)
            run.store.write(receiver.attributes, ANY_NAME, value if before is None else join((before, value)))
    return NONE


def _isinstance(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    from dropout_lint.semantics.conditions import class_list, is_a

    if len(arguments.positional) != 2:
        return UNKNOWN
    subjects = alternatives(arguments.positional[0].value)
    wanted = class_list(arguments.positional[1].value)
    answers = set()
    for subject in subjects:
        each = {is_a(subject, cls) for cls in wanted}
        answers.add(True if True in each else (None if None in each or not each else False))
    if len(answers) == 1:
        answer = answers.pop()
        if answer is not None:
            return Const(answer)
    return UNKNOWN


def _enumerate(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    from dropout_lint.semantics.containers import element_of, elements_of

    if not arguments.positional:
        return UNKNOWN
    source = arguments.positional[0].value
    known = elements_of(run, source)
    if known is not None:
        return run.items("list", tuple(run.items("tuple", (UNKNOWN, each)) for each in known))
    return run.items("list", (run.items("tuple", (UNKNOWN, element_of(run, source))),), exact=False)


def _zip(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    from dropout_lint.semantics.containers import element_of

    parts = tuple(element_of(run, each.value) for each in arguments.positional)
    return run.items("list", (run.items("tuple", parts),), exact=False)


def _listed(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    if not arguments.positional:
        return run.items("list", ())
    from dropout_lint.semantics import externals

    value = arguments.positional[0].value
    externals.call_back(run, frame, arguments, node, data=tags_of(value), always=True)
    if isinstance(value, Items):
        return run.items("list", value.items, value.exact)
    return Opaque(tags_of(value), value.key if isinstance(value, Opaque) else None)


def _deque(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``collections.deque(values, maxlen)``: what comes in goes out again, so it is never known to be all."""
    made = _listed(run, frame, Arguments(arguments.positional[:1]), node, scope)
    return run.items("deque", made.items, exact=False) if isinstance(made, Items) else made


def _filtered(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``filter(test, items)``: the elements for which the test may hold."""
    if len(arguments.positional) != 2:
        return UNKNOWN
    test, source = (each.value for each in arguments.positional)
    if not isinstance(source, Items):
        return Opaque(tags_of(source))
    kept = [
        each
        for each in source.items
        if truth(calls.call_value(run, frame, test, Arguments((Argument(each),)), node)) is not False
    ]
    return run.items("list", tuple(kept), exact=source.exact)


def _attributes(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``vars(options)``."""
    value = arguments.positional[0].value if arguments.positional else UNKNOWN
    return run.attributes(value) if isinstance(value, Instance) else Opaque(tags_of(value))


def _field(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``dataclasses.field``: its default, or what its factory makes."""
    default = arguments.keywords.get("default")
    factory = arguments.keywords.get("default_factory") or arguments.keywords.get("factory")
    if default is not None:
        return default.value
    return calls.call_value(run, frame, factory.value, Arguments(), node) if factory is not None else UNKNOWN


def _replaced(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``dataclasses.replace(options, training=False)``."""
    original = arguments.positional[0].value if arguments.positional else UNKNOWN
    return replaced(run, frame, original, arguments.keywords, node)


def replaced(
    run: Run, frame: Frame, original: Value, changes: dict[str, Argument], node: cst.CSTNode
) -> Instance | Opaque:
    """Another object with what the first one has, but for some of it."""
    if not isinstance(original, Instance) or original.keras_name is not None:
        return Opaque(tags_of(original))
    made = run.allocate(original.cls, frame, node)
    run.step(len(original.attributes) // TAGS_PER_STEP)
    for name, value in list(original.attributes.items()):
        run.store.write(made.attributes, name, value)
    for name, argument in changes.items():
        run.store.write(made.attributes, name, argument.value)
    return made


def _as_dict(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``dataclasses.asdict(options)``."""
    value = arguments.positional[0].value if arguments.positional else UNKNOWN
    return as_dict(run, value)


def as_dict(run: Run, value: Value) -> Value:
    """The fields of an object by their names, those that are constants; of others there are copies."""
    if not isinstance(value, Instance):
        return Opaque(tags_of(value))
    known: dict[object, Value] = {
        name: each if isinstance(each, Const) else UNKNOWN for name, each in value.attributes.items()
    }
    return run.mapping(known)


def _constant(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``tf.constant(True)``, ``np.bool_(1)``: a flag stays one."""
    given = arguments.positional[0].value if len(arguments.positional) == 1 and not arguments.keywords else UNKNOWN
    return given if isinstance(given, Const) and isinstance(given.value, bool) else derived(*arguments.values)


def _total(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    run.use("aggregated", "sum()", arguments.tags(), frame, node)
    return derived(*arguments.values, *_contents(arguments))


def _sorted(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    value = arguments.positional[0].value if arguments.positional else UNKNOWN
    from dropout_lint.semantics import externals

    ranked = externals.call_back(run, frame, arguments, node, data=tags_of(value), always=True)
    run.use("decision", "builtins.sorted", tags_of(ranked) | tags_of(value), frame, node)
    return _listed(run, frame, Arguments(arguments.positional), node, scope)


def _next(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    from dropout_lint.semantics.containers import element_of

    # another one on every turn of every loop round this call
    turns = frozenset(("loop", loop.serial) for loop in run.loops)
    return with_tags(element_of(run, arguments.positional[0].value), turns) if arguments.positional else UNKNOWN


def _type(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    value = arguments.positional[0].value if arguments.positional else UNKNOWN
    return join(_type_of(each) for each in alternatives(value))


def _type_of(value: Value) -> Value:
    if isinstance(value, Instance):
        return External(value.cls) if isinstance(value.cls, str) else value.cls
    return UNKNOWN


def _description(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``len(x)``, ``hasattr(x, …)``: says nothing of what the outputs are."""
    return Opaque(described(arguments.tags()))


def _range(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    return derived(*arguments.values)


def _evenly_spaced(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``linspace(start, stop, num)``; between two equal numbers, as where a schedule is switched off, lies nothing."""
    ends = [arguments.get(name, position) for position, name in enumerate(("start", "stop"))]
    first, last = (each.value if each is not None else UNKNOWN for each in ends)
    if isinstance(first, Const) and isinstance(last, Const) and first.value == last.value:
        return run.items("list", (first,), exact=False)
    return derived(*arguments.values)


def _set_variable(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``os.putenv(name, value)``."""
    if len(arguments.positional) == 2:
        run.set_variable(arguments.positional[0].value, arguments.positional[1].value)
    return UNKNOWN


def _set_variables(run: Run, frame: Frame, arguments: Arguments, node: cst.CSTNode, scope: Scope | None) -> Value:
    """``os.environ.update({name: value})``."""
    for given in arguments.positional[:1]:
        for name, value in given.value.entries.items() if isinstance(given.value, Mapping) else ():
            run.set_variable(Const(name), value)
    for key, argument in arguments.keywords.items():
        run.set_variable(Const(key), argument.value)
    return NONE


HANDLERS = {
    "os.environ.update": _set_variables,
    "os.putenv": _set_variable,
    **command_line.HANDLERS,
    **texts.HANDLERS,
    "functools.partial": _partial,
    "builtins.super": _super,
    "builtins.dict": _new_dict,
    "types.SimpleNamespace": _namespace,
    "argparse.Namespace": _namespace,
    "ml_collections.ConfigDict": _namespace,
    "collections.namedtuple": _named_tuple,
    "builtins.bool": _bool,
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.isinstance": _isinstance,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _zip,
    "builtins.vars": _attributes,
    "dataclasses.field": _field,
    "dataclasses.replace": _replaced,
    "attr.evolve": _replaced,
    "attrs.evolve": _replaced,
    "copy.replace": _replaced,
    "dataclasses.asdict": _as_dict,
    "attr.asdict": _as_dict,
    "attrs.asdict": _as_dict,
    "tensorflow.constant": _constant,
    "numpy.bool_": _constant,
    "attr.ib": _field,
    "attr.field": _field,
    "attrs.field": _field,
    "pydantic.Field": _field,
    "builtins.filter": _filtered,
    "builtins.sum": _total,
    "typing.NamedTuple": _named_tuple,
    "builtins.next": _next,
    "builtins.sorted": _sorted,
    "builtins.type": _type,
    "builtins.range": _range,
    "builtins.len": _description,
    "builtins.hasattr": _description,
    "builtins.id": _description,
    "tensorflow.shape": _description,
    "numpy.shape": _description,
    "keras.ops.shape": _description,
    "numpy.linspace": _evenly_spaced,
    "tensorflow.linspace": _evenly_spaced,
    "keras.ops.linspace": _evenly_spaced,
    "builtins.iter": _listed,
    "collections.deque": _deque,
    **dict.fromkeys(sorted(_PASSED_THROUGH), _listed),
}
