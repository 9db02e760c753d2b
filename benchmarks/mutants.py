"""Mode-flip mutants: right programs made wrong in one place, and how many of them are caught.

``python -m benchmarks.mutants [PROGRAM…]`` (default: the clean and the repaired fixtures) makes every mutant it knows
of each program, lints it, and prints per kind of mutant how many draw a finding of an expected rule, on or near the
changed lines. A mutant may be no bug at all (a flag given to a model without mode-dependent layers, a model nobody
evaluates): those that escape are listed with ``--list``, to be read.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dropout_lint import check_source
from dropout_lint.findings import Severity
from dropout_lint.settings import Resolver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
CALL_RULES = ("KTM101", "KTM102", "KTM103", "KTM112", "KTM405", "KTM601")


@dataclass(frozen=True)
class Mutant:
    """One changed program: the edits as (start, end, text) offsets, and the rules that may catch it."""

    kind: str
    codes: tuple[str, ...]
    line: int
    edits: tuple[tuple[int, int, str], ...]


class Program:
    """A program with its tree, and offsets for the nodes of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)
        self._starts = [0]
        for line in text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._lines = text.splitlines(keepends=True)
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def offset(self, line: int, column: int) -> int:
        """The offset of a position of ``ast``, whose columns count bytes."""
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Where a node stands."""
        return (
            self.offset(node.lineno, node.col_offset),  # type: ignore[attr-defined]
            self.offset(node.end_lineno, node.end_col_offset),  # type: ignore[attr-defined]
        )

    def source(self, node: ast.AST) -> str:
        """The text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def statement_lines(self, node: ast.stmt) -> tuple[int, int]:
        """The whole lines of a statement."""
        assert node.end_lineno is not None
        return self._starts[node.lineno - 1], self._starts[node.end_lineno]

    def enclosing(self, node: ast.AST, *kinds: type) -> Iterator[ast.AST]:
        """What is round a node, innermost first."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, kinds):
                yield node

    def apply(self, mutant: Mutant) -> str:
        """The text of a mutant."""
        text = self.text
        for start, end, replacement in sorted(mutant.edits, reverse=True):
            text = text[:start] + replacement + text[end:]
        return text


def _calls(program: Program) -> Iterator[ast.Call]:
    return (node for node in ast.walk(program.tree) if isinstance(node, ast.Call))


def _in_call_method(program: Program, node: ast.AST) -> bool:
    return any(each.name == "call" for each in program.enclosing(node, ast.FunctionDef))  # type: ignore[attr-defined]


def _under_tape(program: Program, node: ast.AST) -> bool:
    return any("GradientTape" in program.source(each).partition("\n")[0] for each in program.enclosing(node, ast.With))


def _without(program: Program, keyword: ast.keyword) -> tuple[int, int, str]:
    start, end = program.span(keyword)
    before = program.text[:start].rstrip()
    if before.endswith(","):
        return len(before) - 1, end, ""
    after = program.text[end:]
    return start, end + len(after) - len(after.lstrip(", ")), ""


def flags(program: Program) -> Iterator[Mutant]:
    """Flags at calls: flipped, dropped, inverted, set to None, to a string."""
    for call in _calls(program):
        for keyword in call.keywords:
            if keyword.arg != "training":
                continue
            value, line = keyword.value, call.lineno
            inside = _in_call_method(program, call)
            edit = program.span(value)
            if isinstance(value, ast.Constant) and value.value is False:
                where = "in call" if inside else "outside"
                yield Mutant(f"False → True, {where}", CALL_RULES, line, ((*edit, "True"),))
            elif isinstance(value, ast.Constant) and value.value is True and not inside:
                codes = ("KTM104", "KTM105")
                if _under_tape(program, call):
                    yield Mutant("True → False under a tape", codes, line, ((*edit, "False"),))
                    yield Mutant("True dropped under a tape", codes, line, (_without(program, keyword),))
            elif isinstance(value, ast.Name) and inside:
                yield Mutant("training → True in call", CALL_RULES, line, ((*edit, "True"),))
                yield Mutant("training → None in call", ("KTM110",), line, ((*edit, "None"),))
                yield Mutant("training → not training", ("KTM106",), line, ((*edit, f"not {value.id}"),))
                yield Mutant("training → 'True'", ("KTM107",), line, ((*edit, '"True"'),))
                yield Mutant("training → self.trainable", ("KTM209",), line, ((*edit, "self.trainable"),))
                yield Mutant("training → positional", ("KTM109",), line, ((*program.span(keyword), value.id),))


def signatures(program: Program) -> Iterator[Mutant]:
    """The parameter of ``call``: renamed, dropped, True by default."""
    for node in ast.walk(program.tree):
        if not isinstance(node, ast.FunctionDef) or node.name != "call":
            continue
        arguments = [*node.args.args, *node.args.kwonlyargs]
        parameter = next((each for each in arguments if each.arg == "training"), None)
        if parameter is None:
            continue
        uses = [
            program.span(each)
            for each in ast.walk(node)
            if isinstance(each, ast.Name) and each.id == "training" and isinstance(each.ctx, ast.Load)
        ]
        start, end = program.span(parameter)
        if uses:
            renamed = ((start, end, "is_training"), *((*span, "is_training") for span in uses))
            yield Mutant("parameter renamed", ("KTM402", "KTM403"), node.lineno, renamed)
        default = dict(zip(reversed(node.args.args), reversed(node.args.defaults), strict=False)).get(parameter)
        if isinstance(default, ast.Constant) and default.value in (None, False):
            yield Mutant("default True", ("KTM401",), node.lineno, ((*program.span(default), "True"),))
        owner = next(program.enclosing(node, ast.ClassDef), None)
        bases = " ".join(program.source(base) for base in owner.bases) if isinstance(owner, ast.ClassDef) else ""
        forwarded = [each for each in ast.walk(node) if isinstance(each, ast.keyword) and each.arg == "training"]
        if bases.endswith("Model") and len(forwarded) == len(uses) and default is not None:
            edits = [
                _without(program, keyword)
                for call in _calls(program)
                for keyword in call.keywords
                if keyword in forwarded
            ]
            comma = program.text.rindex(",", 0, start)
            edits.append((comma, program.span(default)[1], ""))
            yield Mutant("parameter dropped from a model", ("KTM403",), node.lineno, tuple(edits))


def toggles(program: Program) -> Iterator[Mutant]:
    """``trainable``: behind compile, misspelt, compared instead of set, a string."""
    for node in ast.walk(program.tree):
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Attribute):
            continue
        target = node.targets[0]
        if target.attr != "trainable":
            continue
        start, end = program.span(node)
        receiver, value = program.source(target.value), program.source(node.value)
        yield Mutant("trainable misspelt", ("KTM206",), node.lineno, ((start, end, f"{receiver}.trainble = {value}"),))
        yield Mutant(
            "trainable compared", ("KTM206",), node.lineno, ((start, end, f"{receiver}.trainable == {value}"),)
        )
        yield Mutant("trainable a string", ("KTM207",), node.lineno, ((*program.span(node.value), f'"{value}"'),))
        yield from _behind_compile(program, node)


def _behind_compile(program: Program, node: ast.Assign) -> Iterator[Mutant]:
    block: ast.AST = node
    while not hasattr(program.parents[block], "body") or isinstance(program.parents[block], (ast.If, ast.For)):
        block = program.parents[block]
    assert isinstance(block, ast.stmt)
    siblings = program.parents[block].body  # type: ignore[attr-defined]
    if block not in siblings:
        return
    after = siblings[siblings.index(block) + 1 :]
    fit = next((each for each in after if ".fit(" in program.source(each)), None)
    compiled = [each for each in after if ".compile(" in program.source(each)]
    if fit is None or not compiled or compiled[0].lineno > fit.lineno:
        return
    start, end = program.statement_lines(block)
    behind = program.statement_lines(fit)[1]
    moved = program.text[start:end]
    fitted = program.text[program.statement_lines(fit)[0] : behind]
    edits = ((start, end, ""), (behind, behind, moved + fitted))
    yield Mutant("toggle behind compile and fit", ("KTM203", "KTM205", "KTM208"), node.lineno, edits)


def layers(program: Program) -> Iterator[Mutant]:
    """Dropout's own argument and place."""
    for call in _calls(program):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name == "Dropout" and call.args and isinstance(call.args[0], ast.Constant):
            rate = call.args[0].value
            if isinstance(rate, float) and 0 < rate < 1:
                edit = (*program.span(call.args[0]), f"{rate * 100:g}")
                yield Mutant("rate in per cent", ("KTM501",), call.lineno, (edit,))
        statement = program.parents.get(call)
        if (
            isinstance(call.func, ast.Call)
            and isinstance(statement, ast.Assign)
            and program.source(call.func).rpartition(".")[2].startswith("Dropout(")
        ):
            edit = (program.span(statement)[0], program.span(call)[0], "")
            yield Mutant("result discarded", ("KTM407",), call.lineno, (edit,))
        if program.source(call.func) == "self.drop" and _in_call_method(program, call) and call.args:
            inner = f"tf.nn.dropout({program.source(call.args[0])}, 0.5)"
            first = program.text.index("import ")
            edits = ((*program.span(call), inner), (first, first, "import tensorflow as tf\n"))
            yield Mutant("dropout as a function", ("KTM404", "KTM403"), call.lineno, edits)


def methods(program: Program) -> Iterator[Mutant]:
    """Methods of models: arguments they do not take, methods they do not have."""
    for call in _calls(program):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in {"predict", "evaluate", "fit"}:
            continue
        end = program.span(call)[1] - 1
        if program.text[:end].rstrip().endswith(",") or not (call.args or call.keywords):
            continue
        yield Mutant("training= for a method", ("KTM108",), call.lineno, ((end, end, ", training=True"),))
        yield Mutant("workers= for a method", ("KTM305",), call.lineno, ((end, end, ", workers=2"),))
        statement = next(program.enclosing(call, ast.stmt))
        receiver = program.source(call.func.value)
        if isinstance(statement, (ast.Expr, ast.Assign)) and receiver.isidentifier():
            start = program.span(statement)[0]
            indent = " " * statement.col_offset  # type: ignore[attr-defined]
            edit = (start, start, f"{receiver}.eval()\n{indent}")
            yield Mutant("eval() called", ("KTM303",), call.lineno, (edit,))


OPERATORS: tuple[Callable[[Program], Iterator[Mutant]], ...] = (flags, signatures, toggles, layers, methods)


def caught(program: Program, mutant: Mutant, before: frozenset[tuple[str, str]]) -> bool:
    """Whether linting the mutant finds something that an expected rule says, and that was not there before."""
    text = program.apply(mutant)
    return any(code in mutant.codes and (code, line) not in before for code, line in _found(text))


def _found(text: str) -> frozenset[tuple[str, str]]:
    report = check_source(text, "program.py", Resolver(isolated=True, overrides={"keras-version": "3.15"}))
    lines = text.splitlines()
    return frozenset(
        (finding.code, lines[finding.span.start.line - 1])
        for finding in report.findings
        if finding.severity is not Severity.NOTE or finding.code in {"KTM203", "KTM403"}
    )


def main(arguments: list[str]) -> int:
    """Make and lint the mutants of the programs named, and print a table."""
    listing = "--list" in arguments
    names = [Path(each) for each in arguments if each != "--list"] or sorted(
        path for pattern in ("*/clean_*.py", "*/*.fixed.py") for path in (ROOT / "fixtures").glob(pattern)
    )
    made: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    for name in names:
        program = Program(name.read_text(encoding="utf-8"))
        before = _found(program.text)
        for operator in OPERATORS:
            for mutant in operator(program):
                try:
                    ast.parse(program.apply(mutant))
                except SyntaxError:
                    continue
                made[mutant.kind] += 1
                if caught(program, mutant, before):
                    killed[mutant.kind] += 1
                elif listing:
                    print(f"escaped: {mutant.kind}: {name}:{mutant.line}", flush=True)
    for kind in sorted(made):
        print(f"{kind:36} {killed[kind]:4} of {made[kind]:4}  {killed[kind] / made[kind]:.2f}")
    total = sum(made.values())
    print(f"{'all':36} {sum(killed.values()):4} of {total:4}  {sum(killed.values()) / max(total, 1):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
