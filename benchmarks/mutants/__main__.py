"""Make the mutants, lint them, and print how they fared, by kind and by rule."""

from __future__ import annotations

import argparse
import ast
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.mutants import classes, flags, freezing, methods, misuse, rates, trainable
from benchmarks.mutants.contents import Contents
from benchmarks.mutants.program import Program
from dropout_lint import check_source
from dropout_lint.findings import Confidence, Severity
from dropout_lint.rules import REGISTRY
from dropout_lint.settings import Resolver

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.mutants.program import Mutant
    from dropout_lint.findings import Finding

ROOT = Path(__file__).parents[2]
OPERATORS = (
    *flags.OPERATORS,
    *misuse.OPERATORS,
    *trainable.OPERATORS,
    *freezing.OPERATORS,
    *methods.OPERATORS,
    *classes.OPERATORS,
    *rates.OPERATORS,
)
OUTCOMES = ("rule", "other", "note", "faint", "escaped")
"""By the rule it was made for, by another expected one, as a note, below the confidence that is shown, not at all."""


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


def outcome(mutant: Mutant, found: Iterable[tuple[str, str]]) -> str:
    """How a mutant fared, by the codes that are new and how each is told."""
    told = {how: {code for code, each in found if each == how} & set(mutant.codes) for how in ("loud", "note", "faint")}
    if told["loud"]:
        return "rule" if mutant.codes[0] in told["loud"] else "other"
    return next((how for how in ("note", "faint") if told[how]), "escaped")


def findings(text: str) -> Counter[tuple[str, str]]:
    """The codes that a program draws, and how each is told: as a finding, as a note, or not by default."""
    settings = {"keras-version": "3.15", "min-confidence": "low"}
    report = check_source(text, "program.py", Resolver(isolated=True, overrides=settings))
    return Counter((finding.code, _how(finding)) for finding in report.findings)


def _how(finding: Finding) -> str:
    if finding.confidence is Confidence.LOW:
        return "faint"
    return "note" if finding.severity is Severity.NOTE else "loud"


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
    parser.add_argument("--list", action="store_true", help="name each mutant that draws no finding by default")
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
            if options.list and result not in {"rule", "other"}:
                print(f"{result}: {mutant.codes[0]}: {mutant.kind}: {name}:{mutant.line}", flush=True)
    table("by kind", kinds, {})
    table("by rule", rules, {rule.code: rule.name for rule in REGISTRY})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
