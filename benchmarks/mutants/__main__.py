"""Make the mutants, lint them, and print how they fared, by kind and by rule."""

from __future__ import annotations

import argparse
import ast
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.mutants import classes, flags, methods, rates, trainable
from benchmarks.mutants.contents import Contents
from benchmarks.mutants.program import Program
from dropout_lint import check_source
from dropout_lint.findings import Severity
from dropout_lint.rules import REGISTRY
from dropout_lint.settings import Resolver

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.mutants.program import Mutant

ROOT = Path(__file__).parents[2]
OPERATORS = (
    *flags.OPERATORS,
    *trainable.OPERATORS,
    *methods.OPERATORS,
    *classes.OPERATORS,
    *rates.OPERATORS,
)
OUTCOMES = ("rule", "other", "note", "escaped")
"""Found by the rule it was made for, by another expected one, as a note only, or not at all."""


def mutants(program: Program) -> Iterator[tuple[Mutant, str]]:
    """The mutants of a program that are Python, each once, and their texts."""
    contents, seen = Contents(program), {program.text}
    for operator in OPERATORS:
        for mutant in operator(program, contents):
            text = program.apply(mutant)
            try:
                ast.parse(text)
            except SyntaxError:
                continue
            if text not in seen:
                seen.add(text)
                yield mutant, text


def outcome(mutant: Mutant, found: Iterable[tuple[str, bool]]) -> str:
    """How a mutant fared, by the codes that are new and whether each is more than a note."""
    told = {code for code, loud in found if loud}
    if mutant.codes[0] in told:
        return "rule"
    if told & set(mutant.codes):
        return "other"
    return "note" if {code for code, _ in found} & set(mutant.codes) else "escaped"


def findings(text: str) -> Counter[tuple[str, bool]]:
    """The codes that a program draws, and whether each is more than a note."""
    report = check_source(text, "program.py", Resolver(isolated=True, overrides={"keras-version": "3.15"}))
    return Counter((finding.code, finding.severity is not Severity.NOTE) for finding in report.findings)


def table(title: str, made: dict[str, Counter[str]], extra: dict[str, str]) -> None:
    """Print how many mutants there are of each row, how they fared, and the share that was reported."""
    print(f"\n{title:36} {'made':>6}" + "".join(f"{name:>9}" for name in OUTCOMES) + f"{'share':>7}")
    total: Counter[str] = Counter()
    for row in sorted(made):
        total.update(made[row])
        _row(f"{row} {extra.get(row, '')}", made[row])
    _row("all", total)


def _row(name: str, counts: Counter[str]) -> None:
    number = sum(counts.values())
    share = (counts["rule"] + counts["other"]) / max(number, 1)
    print(f"{name:36.36} {number:6}" + "".join(f"{counts[each]:9}" for each in OUTCOMES) + f"{share:7.2f}")


def main(arguments: list[str]) -> int:
    """Make and lint the mutants of the programs named, and print the tables."""
    parser = argparse.ArgumentParser("benchmarks.mutants", description="Mode-flip mutants, by kind and by rule.")
    parser.add_argument("--list", action="store_true", help="name each mutant that is not reported, or as a note only")
    parser.add_argument("--rule", action="append", default=[], help="only the mutants made for this rule")
    parser.add_argument("programs", nargs="*", type=Path, help="default: the clean and the repaired fixtures")
    options = parser.parse_args(arguments)
    names = options.programs or sorted(
        path for pattern in ("*/clean_*.py", "*/*.fixed.py") for path in (ROOT / "fixtures").glob(pattern)
    )
    kinds: dict[str, Counter[str]] = {}
    rules: dict[str, Counter[str]] = {rule.code: Counter() for rule in REGISTRY if rule.code < "KTM9"}
    for name in names:
        program = Program(name.read_text(encoding="utf-8"))
        before = findings(program.text)
        for mutant, text in mutants(program):
            if options.rule and mutant.codes[0] not in options.rule:
                continue
            result = outcome(mutant, findings(text) - before)
            kinds.setdefault(mutant.kind, Counter())[result] += 1
            rules[mutant.codes[0]][result] += 1
            if options.list and result in {"note", "escaped"}:
                print(f"{result}: {mutant.codes[0]}: {mutant.kind}: {name}:{mutant.line}", flush=True)
    table("by kind", kinds, {})
    table("by rule", rules, {rule.code: rule.name for rule in REGISTRY})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
