"""Mutated programs: whatever the source is, linting and repairing it neither fails nor takes long.

``python -m benchmarks.fuzz --minutes N --seed S`` mutates the fixtures: expressions and statements are exchanged,
repeated, nested and spliced from one program into another, literals become extreme ones, tokens and indentation go
missing. A program follows from its number alone (``--only NUMBER`` repeats one and prints it). Every program is linted
twice and repaired, in a child process, and what may not happen is printed with its number: a traceback, a message that
dropout-lint failed, a process that dies or takes more than a few seconds, findings that differ from run to run, a
place outside the text, a format that cannot be written, a repair that breaks the program or does not come to rest.

``--grammar`` takes programs of hypothesmith instead, which writes whatever the grammar allows.
"""

from __future__ import annotations

import argparse
import ast
import io
import os
import random
import resource
import signal
import sys
import time
import tokenize
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import libcst

from dropout_lint import repair
from dropout_lint.engine import run
from dropout_lint.options import OPTION_BY_KEY
from dropout_lint.output.writing import write_report
from dropout_lint.settings import Resolver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dropout_lint.report import Report

ROOT = Path(__file__).parents[1]
SECONDS = 8.0
"""CPU time that one look at a program may take; where LibCST's parse alone takes long, so many times that."""
TIMES_PARSE = 4.0
_PATIENCE = 60.0
"""CPU time after which a program that is still being looked at is given up; a long one is given more."""
_CHARACTERS_PER_SECOND = 20_000
_PATH = Path("generated.py")
_EXTREMES = (
    "10**10**10", "1 << 10**9", "'a' * 10**9", "'a' * 1000000000", "[0] * 1000000000", "'%*d' % (1000000000, 1)",
    "'%1000000000d' % 1", "'{:>1000000000}'.format(1)", "range(10**12)", "-1", "0", "1e400", "1e400 - 1e400", "''",
    "'\\ud800'", "b'\\xff'", "...", "1j", "0x" + "f" * 4000, "True", "False", "None", "'test'", "lambda *a, **k: a",
    "[*x, *x]", "{**x, **x}", "(yield)", "(x := x)", "f'{x!r:>{x}}'", "__import__('os').environ", "super()",
    "type('T', (), {})", "[x for x in x for x in x]",
)  # fmt: skip
_LINES = (
    "x = [x, x]", "x = {**x, 'a': x}", "x += x", "x = x, x", "x = lambda x=x: x(x)", "x.x = x", "x[x] = x", "del x",
    "model.trainable = not model.trainable", "from . import *", "from generated import *", "import generated as model",
    "model = model(model, training=model)", "layers.append(layers)", "global model", "class model(model): pass",
    "setattr(model, 'trainable', model)", "model = keras.Sequential([model, model])", "x = functools.partial(x, x)",
)  # fmt: skip
_WRAPPERS = (
    "if training:\n    {}\nelse:\n    {}", "for layer in model.layers:\n    {}\n    {}", "while x:\n    {}\n    {}",
    "with tf.GradientTape() as tape:\n    {}\n    {}", "try:\n    {}\nexcept Exception:\n    {}\nfinally:\n    pass",
    "def step(x, training=True):\n    {}\n    {}\nstep(x)", "class Model(keras.Model):\n    {}\n    {}",
    "match x:\n    case {{'training': y, **x}}:\n        {}\n    case _:\n        {}",
)  # fmt: skip
_ODD_WORDS = ("\x00", "\x0c", "\t", "\\\n", "\u202e", "\ufeff", "\r", "'''", '"', "{", "\ud800", "9" * 5000)


# Programs ----------------------------------------------------------------------------------------------------


class Programs:
    """Mutants of what the fixtures hold, by number."""

    def __init__(self) -> None:
        paths = sorted(path for path in (ROOT / "fixtures").rglob("*.py") if path.stat().st_size < 20_000)
        texts = [path.read_text(encoding="utf-8") for path in paths]
        self._texts = [text for text in texts if ast.parse(text).body]
        self._trees = [ast.parse(text) for text in self._texts]

    def number(self, number: int) -> str:
        """The text of the mutant with this number."""
        dice = random.Random(number)  # noqa: S311  # numbers that can be had again are the point
        which = dice.randrange(len(self._texts))
        if dice.random() < 0.2:
            return self._of_text(self._texts[which], dice)
        tree = ast.parse(self._texts[which])
        try:
            for _ in range(dice.choice((1, 1, 2, 3, 5, 8, 13, 40))):
                dice.choice(self._changes)(self, tree, dice)
            return ast.unparse(ast.fix_missing_locations(tree))
        except (ValueError, TypeError, AttributeError, RecursionError):
            return self._of_text(self._texts[which], dice)

    # Trees: what comes out parses, mostly

    def _exchanged(self, tree: ast.Module, dice: random.Random) -> None:
        """An expression becomes another one of this program or of any."""
        places = [place for place in _expressions(tree) if _is_load(place[0])]
        donor = tree if dice.random() < 0.5 else dice.choice(self._trees)
        others = [place[0] for place in _expressions(donor) if _is_load(place[0])]
        if places and others:
            _, put = dice.choice(places)
            put(_copy(dice.choice(others)))

    def _extreme(self, tree: ast.Module, dice: random.Random) -> None:
        """A constant, or any expression, becomes an extreme one."""
        places = [place for place in _expressions(tree) if _is_load(place[0])]
        constants = [place for place in places if isinstance(place[0], ast.Constant)]
        chosen = constants if constants and dice.random() < 0.7 else places
        if chosen:
            dice.choice(chosen)[1](ast.parse(dice.choice(_EXTREMES), mode="eval").body)

    def _spliced(self, tree: ast.Module, dice: random.Random) -> None:
        """Statements of another program are put among those of this one."""
        target, source = dice.choice(list(_bodies(tree))), dice.choice(list(_bodies(dice.choice(self._trees))))
        start = dice.randrange(len(source))
        at = dice.randrange(len(target) + 1)
        target[at:at] = [_copy(each) for each in source[start : start + dice.randint(1, 6)]]

    def _repeated(self, tree: ast.Module, dice: random.Random) -> None:
        """A statement stands there several times."""
        body = dice.choice(list(_bodies(tree)))
        at = dice.randrange(len(body))
        body[at:at] = [_copy(body[at]) for _ in range(dice.choice((1, 2, 5, 30)))]

    def _removed(self, tree: ast.Module, dice: random.Random) -> None:
        """A statement is gone."""
        body = dice.choice(list(_bodies(tree)))
        if len(body) > 1:
            del body[dice.randrange(len(body))]

    def _wrapped(self, tree: ast.Module, dice: random.Random) -> None:
        """A statement comes to stand in a branch, a loop, a function, several times over."""
        body = dice.choice(list(_bodies(tree)))
        at = dice.randrange(len(body))
        for _ in range(dice.choice((1, 1, 2, 6))):
            outer = ast.parse(dice.choice(_WRAPPERS).format("pass", "pass")).body
            for inner in list(_bodies(ast.Module(outer, []))):
                if all(isinstance(each, ast.Pass) for each in inner):
                    inner[:] = [_copy(body[at])]
            body[at : at + 1] = outer

    def _odd_line(self, tree: ast.Module, dice: random.Random) -> None:
        """A line that feeds on itself, possibly many times."""
        body = dice.choice(list(_bodies(tree)))
        at = dice.randrange(len(body) + 1)
        body[at:at] = ast.parse("\n".join([dice.choice(_LINES)] * dice.choice((1, 1, 3, 64)))).body

    def _renamed(self, tree: ast.Module, dice: random.Random) -> None:
        """All uses of one name become those of another."""
        names = sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)})
        if len(names) > 1:
            old, new = dice.sample(names, 2)
            for node in ast.walk(tree):
                if isinstance(node, ast.Name) and node.id == old:
                    node.id = new

    def _nested(self, tree: ast.Module, dice: random.Random) -> None:
        """An expression is put into itself."""
        places = [place for place in _expressions(tree) if isinstance(place[0], (ast.Call, ast.BinOp, ast.IfExp))]
        if not places:
            return
        node, put = dice.choice(places)
        if sum(1 for _ in ast.walk(node)) > 500:
            return
        for _ in range(dice.choice((1, 3, 10))):
            outer = _copy(node)
            inside = [each for each in _expressions(outer) if _is_load(each[0]) and each[0] is not outer]
            if not inside:
                return
            dice.choice(inside)[1](_copy(node))
            put(outer)
            node = outer
            if sum(1 for _ in ast.walk(node)) > 500:
                return

    _changes = (
        _exchanged, _exchanged, _extreme, _spliced, _spliced, _repeated, _removed, _wrapped, _odd_line, _renamed,
        _nested,
    )  # fmt: skip

    # Text: what comes out rarely parses

    def _of_text(self, text: str, dice: random.Random) -> str:
        try:
            tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        except (tokenize.TokenError, SyntaxError):
            return text
        words = [token.string for token in tokens]
        for _ in range(dice.choice((1, 1, 2, 4))):
            at, other = dice.randrange(len(words)), dice.randrange(len(words))
            what = dice.randrange(6)
            if what == 0:
                words[at] = ""
            elif what == 1:
                words[at] += f" {words[at]}" * dice.choice((1, 1, 200))
            elif what == 2:
                words[at], words[other] = words[other], words[at]
            elif what == 3:
                words[at] = dice.choice(_ODD_WORDS)
            elif what == 4:
                words[at] = dice.choice(_EXTREMES)
            else:
                words[at] = f"\n{' ' * dice.randrange(9)}{words[at]}"
        lines = text.splitlines(keepends=True)
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line))
        out, last = [], 0
        for token, word in zip(tokens, words, strict=True):
            begin = starts[min(token.start[0] - 1, len(starts) - 1)] + token.start[1]
            end = starts[min(token.end[0] - 1, len(starts) - 1)] + token.end[1]
            if begin < last:
                continue
            out += (text[last:begin], word)
            last = end
        return "".join(out) + text[last:]


def _copy(node: Any) -> Any:  # a node of any kind, or what one holds
    if not isinstance(node, ast.AST):
        return node
    made = type(node)()
    for name, value in ast.iter_fields(node):
        setattr(made, name, [_copy(each) for each in value] if isinstance(value, list) else _copy(value))
    return made


def _is_load(node: ast.AST) -> bool:
    return not isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)) and not isinstance(node, ast.Starred)


def _expressions(tree: ast.AST) -> Iterator[tuple[ast.expr, Callable[[ast.AST], None]]]:
    """The expressions of a tree, each with what puts another one in its place."""
    for parent in ast.walk(tree):
        if isinstance(parent, (ast.JoinedStr, ast.FormattedValue, ast.pattern)):
            continue
        for name, value in ast.iter_fields(parent):
            if isinstance(value, ast.expr):
                yield value, lambda new, parent=parent, name=name: setattr(parent, name, new)  # type: ignore[misc]
            elif isinstance(value, list):
                for at, each in enumerate(value):
                    if isinstance(each, ast.expr):
                        yield each, lambda new, value=value, at=at: value.__setitem__(at, new)  # type: ignore[misc]


def _bodies(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            value = getattr(node, name, None)
            if isinstance(value, list) and value:
                yield value


# Looking at one ----------------------------------------------------------------------------------------------


def defects(text: str, version: str | None = None) -> list[str]:
    """What goes wrong with a program that may not."""
    found: list[str] = []
    data = text.encode("utf-8", "surrogatepass")
    begun = time.process_time()
    try:
        report = _lint(data, version)
        spent = time.process_time() - begun
        if spent > SECONDS and spent > TIMES_PARSE * (parse := _parse_time(data)):
            found.append(f"linting took {spent:.0f} s of CPU time, of which LibCST's parse {parse:.0f} s")
        found += [
            f"{finding.message} ({finding.notes[0] if finding.notes else ''})"
            for finding in report.findings
            if "dropout-lint failed" in finding.message
        ]
        if _lint(data, version).findings != report.findings:
            found.append("findings differ from run to run")
        found += _misplaced(report, text)
        for style in OPTION_BY_KEY["output-format"].choices:
            write_report(report, style, io.StringIO(), color="always")
        if any(finding.fix for finding in report.findings) and _is_python(text):
            found += _broken(data, version or "3.15")
    except Exception:
        found.append(traceback.format_exc(limit=-4))
    return found


def _parse_time(data: bytes) -> float:
    begun = time.process_time()
    with suppress(Exception):
        libcst.parse_module(data)
    return time.process_time() - begun


def _lint(data: bytes, version: str | None) -> Report:
    overrides = {"min-confidence": "low", **({"keras-version": version} if version else {})}
    return run((), Resolver(isolated=True, overrides=overrides), stdin=data, stdin_path=_PATH)


def _misplaced(report: Report, text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found = []
    for finding in report.findings:
        spans = [finding.span, *(edit.span for edit in (finding.fix.edits if finding.fix else ()))]
        # what is missing at the end of a line is pointed at behind it
        room = 2 if finding.code == "KTM990" else 1
        for span in spans:
            inside = all(
                1 <= place.line <= len(lines) and 1 <= place.column <= len(lines[place.line - 1]) + room
                for place in (span.start, span.end)
            )
            if not inside or span.start > span.end:
                found.append(f"{finding.code} is placed outside the text: {span}")
    return found


def _broken(data: bytes, version: str) -> list[str]:
    after = _repaired(data, version)
    if isinstance(after, str):
        return [after]
    if not _is_python(after.decode("utf-8", "surrogatepass")):
        return ["a repair leaves what is no Python"]
    # one run stops after some rounds
    for _ in range(10):
        again = _repaired(after, version)
        if isinstance(again, str):
            return [again]
        if again == after:
            return []
        after = again
    return ["repairs do not come to rest"]


def _repaired(data: bytes, version: str) -> bytes | str:
    """The content after ``--fix --unsafe-fixes``, or what went wrong."""
    virtual = _PATH.absolute()
    resolver = Resolver(isolated=True, overrides={"min-confidence": "low", "keras-version": version})

    def check(contents: dict[Path, bytes]) -> Report:
        return run((), resolver, stdin=contents.get(virtual, data), stdin_path=_PATH)

    outcome = repair.repair(check({}), check, lambda _: True, {virtual: data})  # type: ignore[arg-type]
    if outcome.problems:
        return f"a repair fails: {outcome.problems[0].message}"
    return outcome.changed[0].data if outcome.changed else data


def _is_python(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


# Many of them ------------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """Run, and return 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="the number of the first program")
    parser.add_argument("--only", type=int, help="print one program, and what goes wrong with it")
    parser.add_argument("--grammar", action="store_true", help="programs of hypothesmith instead of mutants")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    if options.grammar:
        return _grammar(options.minutes, options.seed)
    programs = Programs()
    if options.only is not None:
        text = programs.number(options.only)
        sys.stdout.buffer.write(text.encode("utf-8", "surrogatepass") + b"\n")
        found = defects(text, _version(options.only))
        print(*found, sep="\n")
        return int(bool(found))
    # what children need is loaded once
    defects(_PRELUDE)
    number, failed = options.seed, 0
    deadline = time.monotonic() + 60 * options.minutes
    while time.monotonic() < deadline:
        number, wrong = _in_child(programs, number, deadline)
        failed += wrong
    print(f"{number - options.seed:,} programs, {failed} of them with defects")
    return int(failed > 0)


def _version(number: int) -> str | None:
    return (None, "2.15", "3.3", "3.15")[number % 4]


def _in_child(programs: Programs, first: int, deadline: float) -> tuple[int, int]:
    """Look at programs from ``first`` on in a child until one kills it; the next number, and how many were wrong."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        for number in range(first, first + 500):
            text = programs.number(number)
            used = resource.getrusage(resource.RUSAGE_SELF)
            limit = int(used.ru_utime + used.ru_stime + _PATIENCE + len(text) / _CHARACTERS_PER_SECOND)
            resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
            os.write(writing, f"begin {number}\n".encode())
            found = defects(text, _version(number))
            for each in found:
                print(f"program {number}: {each}", flush=True)
            os.write(writing, f"end {len(found)}\n".encode())
            if time.monotonic() > deadline:
                break
        os._exit(0)
    os.close(writing)
    number, wrong, open_ = first, 0, False
    with os.fdopen(reading, encoding="ascii") as stream:
        for line in stream:
            word, value = line.split()
            if word == "begin":
                number, open_ = int(value), True
            else:
                wrong, open_ = wrong + (value != "0"), False
    _, status = os.waitpid(child, 0)
    if open_:
        ended = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {os.WEXITSTATUS(status)}"
        print(f"program {number}: the process ends with {ended}", flush=True)
        wrong += 1
    return number + 1, wrong


_PRELUDE = """\
import keras
from keras import layers
model = keras.Sequential([layers.Dense(3), layers.Dropout(0.5)])
model.trainable = False
print(model(x, training=True))
"""


def _grammar(minutes: float, number: int) -> int:
    import hypothesmith
    from hypothesis import HealthCheck, given, seed, settings

    deadline = time.monotonic() + 60 * minutes
    counts = [0, 0]

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(code=hypothesmith.from_node() if number % 2 else hypothesmith.from_grammar())
    def look(code: str) -> None:
        counts[0] += 1
        found = defects(_PRELUDE + code)
        if found:
            counts[1] += 1
            print(f"program of grammar: {found}\n{_PRELUDE}{code!r}", flush=True)

    while time.monotonic() < deadline:
        seed(number)(look)()
        number += 1
    print(f"{counts[0]:,} programs of grammar, {counts[1]} of them with defects")
    return int(counts[1] > 0)


if __name__ == "__main__":
    sys.exit(main())
