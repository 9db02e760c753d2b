"""From nodes to positions: drafts become findings, changes become text edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from dropout_lint.findings import Applicability, Edit, Finding, Fix, Position, Probe, Span, Step
from dropout_lint.syntax.positions import spans
from dropout_lint.syntax.walk import children, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from dropout_lint.rules.model import Change, Draft, Rule
    from dropout_lint.semantics.events import Place
    from dropout_lint.semantics.modules import Module

_PURE_CALLS = frozenset({"isinstance", "type", "enumerate", "range", "zip", "len", "hasattr", "reversed", "list"})


def place(drafts: Iterable[tuple[Rule, Draft]], shown: Callable[[Path], str]) -> list[Finding]:
    """Give every draft its positions: one pass over each module that has one."""
    chosen = list(drafts)
    removals: dict[int, tuple[cst.CSTNode, str]] = {}
    parents: dict[int, dict[int, cst.CSTNode]] = {}
    for _, draft in chosen:
        for change in draft.changes:
            if change.action == "remove-statement":
                module = change.place.module
                if id(module) not in parents:
                    parents[id(module)] = _parents(module.tree)
                removals[id(change)] = _removal(change, parents[id(module)])
    wanted: dict[int, tuple[Module, list[cst.CSTNode]]] = {}

    def want(module: Module, *nodes: cst.CSTNode | None) -> None:
        wanted.setdefault(id(module), (module, []))[1].extend(node for node in nodes if node is not None)

    calls = _calls_round([draft.place for _, draft in chosen])
    for _, draft in chosen:
        want(draft.place.module, draft.place.node, calls.get(id(draft.place.node)))
        for step, _text in draft.chain:
            want(step.module, step.node)
        if draft.probe is not None:
            want(draft.probe.place.module, draft.probe.place.node)
        for change in draft.changes:
            want(change.place.module, change.place.node)
            if change.call is not None and isinstance(change.call.node, cst.Call):
                want(change.place.module, *change.call.node.args)
            if change.action == "add-argument" and isinstance(change.place.node, cst.Call):
                want(change.place.module, *change.place.node.args)
            if change.action == "add-parameter":
                want(change.place.module, _last_parameter(change.place.node))
            if change.action == "remove-statement":
                want(change.place.module, removals[id(change)][0])
    found: dict[int, Span] = {}
    for module, nodes in wanted.values():
        found.update(spans(module.tree, nodes, module.text))
    findings = (
        _finding(rule, draft, _shown_span(draft, calls, found), found, removals, shown) for rule, draft in chosen
    )
    return [finding for finding in findings if finding is not None]


def _calls_round(places: list[Place]) -> dict[int, cst.Call]:
    """For each argument (its id), by itself or with its name: the call that it is handed to.

    Each module is gone through once, however many findings it has.
    """
    sought = {id(place.node) for place in places if not isinstance(place.node, cst.Call)}
    found: dict[int, cst.Call] = {}
    for module in {id(place.module): place.module for place in places}.values():
        for node in walk(module.tree):
            if isinstance(node, cst.Call):
                for each in node.args:
                    found.update((id(part), node) for part in (each, each.value) if id(part) in sought)
    return found


def _shown_span(draft: Draft, calls: dict[int, cst.Call], found: dict[int, Span]) -> Span | None:
    """Where a finding stands: an argument on a line of its own together with the call it is handed to.

    That line alone says little, and whoever looks for the call looks for the line on which it begins.
    """
    span = found.get(id(draft.place.node))
    call = calls.get(id(draft.place.node))
    begin = found.get(id(call)) if call is not None else None
    if span is None or begin is None or begin.start.line == span.start.line:
        return span
    return Span(begin.start, span.end)


def _finding(
    rule: Rule,
    draft: Draft,
    span: Span | None,
    found: dict[int, Span],
    removals: dict[int, tuple[cst.CSTNode, str]],
    shown: Callable[[Path], str],
) -> Finding | None:
    if span is None:
        return None
    steps = [
        Step(shown(step.module.path), found[id(step.node)].start.line, text)
        for step, text in draft.chain
        if id(step.node) in found
    ]
    probe = None
    if draft.probe is not None and id(draft.probe.place.node) in found:
        at = draft.probe.place
        probe = Probe(draft.probe.kind, shown(at.module.path), found[id(at.node)], draft.probe.counterfactual)
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=draft.severity or rule.severity,
        confidence=draft.confidence,
        message=draft.message,
        path=shown(draft.place.module.path),
        span=span,
        help=draft.help,
        label=draft.label,
        notes=draft.notes,
        chain=tuple(dict.fromkeys(steps)),
        fix=_fix(draft, found, removals),
        probe=probe,
        keras=draft.keras,
    )


def _fix(draft: Draft, found: dict[int, Span], removals: dict[int, tuple[cst.CSTNode, str]]) -> Fix | None:
    edits: list[Edit] = []
    for change in draft.changes:
        # a fix is of one file: what is elsewhere cannot be part of it
        if change.place.module is not draft.place.module:
            return None
        edit = _edit(change, found, removals)
        if edit is None:
            return None
        edits.append(edit)
    return Fix(draft.fix_title, draft.applicability or Applicability.UNSAFE, tuple(edits)) if edits else None


def _edit(change: Change, found: dict[int, Span], removals: dict[int, tuple[cst.CSTNode, str]]) -> Edit | None:
    span = found.get(id(change.place.node))
    if span is None:
        return None
    if change.action == "replace":
        return Edit(span, change.text)
    if change.action == "add-argument":
        return _added_argument(change, span, found)
    if change.action == "add-parameter":
        last = found.get(id(_last_parameter(change.place.node)))
        return Edit(Span(last.end, last.end), f", {change.text}") if last is not None else None
    if change.action == "remove-argument":
        return _removed_argument(change, span, found)
    node, replacement = removals[id(change)]
    return _removed_statement(change.place.module, found.get(id(node)), replacement)


def _added_argument(change: Change, span: Span, found: dict[int, Span]) -> Edit | None:
    call = change.place.node
    if not isinstance(call, cst.Call):
        return None
    if not call.args:
        before_end = Position(span.end.line, span.end.column - 1)
        return Edit(Span(before_end, before_end), change.text)
    last = call.args[-1]
    at = found.get(id(last))
    if at is None:
        return None
    if isinstance(last.value, cst.GeneratorExp) and len(call.args) == 1 and not last.value.lpar:
        return None
    return Edit(Span(at.end, at.end), f", {change.text}")


def _last_parameter(function: cst.CSTNode) -> cst.CSTNode | None:
    """The parameter of a function behind which one more with a default can stand."""
    if not isinstance(function, cst.FunctionDef) or function.params.star_kwarg is not None:
        return None
    found = function.params
    listed = [*found.posonly_params, *found.params]
    if isinstance(found.star_arg, cst.Param):
        listed.append(found.star_arg)
    listed += found.kwonly_params
    return listed[-1] if listed else None


def _removed_argument(change: Change, span: Span, found: dict[int, Span]) -> Edit | None:
    call = change.call.node if change.call is not None else None
    if not isinstance(call, cst.Call):
        return None
    position = next((number for number, each in enumerate(call.args) if each is change.place.node), None)
    if position is None:
        return None
    if position > 0:
        before = found.get(id(call.args[position - 1]))
        return Edit(Span(before.end, span.end), "") if before is not None else None
    if len(call.args) > 1:
        after = found.get(id(call.args[1]))
        return Edit(Span(span.start, after.start), "") if after is not None else None
    return Edit(span, "")


def _removal(change: Change, parents: dict[int, cst.CSTNode]) -> tuple[cst.CSTNode, str]:
    """What has to go so that a statement goes: it alone, or the loop and condition that are empty without it."""
    path = _path_to(change.place.node, parents)
    statement: cst.CSTNode = change.place.node
    small: cst.CSTNode | None = None
    for index in range(len(path) - 1, -1, -1):
        node = path[index]
        if isinstance(node, cst.BaseSmallStatement) and small is None:
            small = node
        if isinstance(node, cst.SimpleStatementLine):
            if len(node.body) > 1:
                return small or node, "pass"
            statement = node
            return _emptied(path, index, statement)
        if isinstance(node, cst.SimpleStatementSuite):
            return small or node, "pass"
    return statement, "pass"


def _emptied(path: list[cst.CSTNode], index: int, statement: cst.CSTNode) -> tuple[cst.CSTNode, str]:
    gone = statement
    while _alone(path, index):
        owner = path[index - 2]
        if (
            isinstance(owner, cst.If) and _pure(owner.test) and owner.orelse is None and not _is_elif(path, index - 2)
        ) or (isinstance(owner, cst.For) and _pure(owner.iter) and owner.orelse is None):
            gone = owner
        else:
            return gone, "pass"
        index -= 2
    return gone, ""


def _alone(path: list[cst.CSTNode], index: int) -> bool:
    """Whether the statement at ``index`` is all there is in its block."""
    block = path[index - 1] if index >= 2 else None
    return isinstance(block, cst.IndentedBlock) and len(block.body) == 1


def _is_elif(path: list[cst.CSTNode], index: int) -> bool:
    parent = path[index - 1] if index >= 1 else None
    return isinstance(parent, cst.If) and parent.orelse is path[index]


def _pure(node: cst.CSTNode) -> bool:
    """Whether evaluating an expression does nothing but look."""
    stack = [node]
    while stack:
        each = stack.pop()
        if isinstance(each, cst.Call):
            name = (
                each.func.value
                if isinstance(each.func, cst.Name)
                else each.func.attr.value
                if isinstance(each.func, cst.Attribute)
                else ""
            )
            if name not in _PURE_CALLS and name not in {
                "lower",
                "startswith",
                "endswith",
                "items",
                "values",
                "get_layer",
            }:
                return False
        if isinstance(each, (cst.NamedExpr, cst.Await, cst.Yield)):
            return False
        stack.extend(children(each))
    return True


def _parents(root: cst.CSTNode) -> dict[int, cst.CSTNode]:
    """By each node below ``root`` (its id): what it is directly below of. Asked once, whatever goes."""
    found: dict[int, cst.CSTNode] = {}
    stack = [root]
    while stack:
        node = stack.pop()
        for child in children(node):
            found[id(child)] = node
            stack.append(child)
    return found


def _path_to(wanted: cst.CSTNode, parents: dict[int, cst.CSTNode]) -> list[cst.CSTNode]:
    """The nodes from a module down to ``wanted``."""
    path = [wanted]
    while id(path[-1]) in parents:
        path.append(parents[id(path[-1])])
    return path[::-1]


def _removed_statement(module: Module, span: Span | None, replacement: str) -> Edit | None:
    if span is None:
        return None
    if replacement:
        return Edit(span, replacement)
    lines = module.lines
    first, last = span.start.line, span.end.line
    if span.end.column == 1 and last > first:
        last -= 1
    if lines[first - 1][: span.start.column - 1].strip():
        return Edit(span, "pass")
    if any(line.lstrip().startswith("#") for line in lines[first - 1 : last]):
        # a comment of somebody would go with it
        return None
    whole = last < len(lines) or module.text.endswith(("\n", "\r"))
    end = Position(last + 1, 1) if whole else Position(last, len(lines[last - 1]) + 1)
    return Edit(Span(Position(first, 1), end), "")
