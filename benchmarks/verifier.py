"""Is a verified program disturbed, and what does watching it cost?

    python -m benchmarks.verifier [--passes T] [--plain N] PROGRAM...

Every program is run alone and under `dropout-lint verify` (without replays), with the findings the linter has in it.
Printed are: whether it prints the same (timings of progress bars aside), its seconds alone and verified, how many of
the latter went into experiments, and the overhead: (verified - experiments) / alone. An experiment is T passes as
written, the fixed ones, and the traces of both.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from dropout_lint.engine import run
from dropout_lint.settings import Resolver
from dropout_lint.verify.campaign import verify_program
from dropout_lint.verify.experiment import Options, plan
from dropout_lint.verify.replay import same_output
from dropout_lint.verify.runner import keras_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """One program, alone and verified; seconds are wall-clock."""

    program: Path
    same: bool
    alone: float
    verified: float
    experiments: float
    verdicts: tuple[str, ...]
    failed: str = ""
    random: bool = False
    """Whether it prints something else each time it runs alone."""

    @property
    def overhead(self) -> float:
        """How much longer the program itself took."""
        return (self.verified - self.experiments) / self.alone


def alone(program: Path, times: int) -> tuple[str, float]:
    """What a program prints alone, and the median of its seconds."""
    seconds, printed = [], ""
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            finished = subprocess.run(  # the programs one names
                [sys.executable, str(program.absolute())], cwd=folder, capture_output=True, text=True, check=False
            )
            seconds.append(time.perf_counter() - start)
            printed = finished.stdout
    return printed, statistics.median(seconds)


def compare(program: Path, passes: int = 5, times: int = 1) -> Outcome:
    """Run a program alone and verified."""
    printed, seconds = alone(program, times)
    overrides: dict[str, object] = {"keras-version": keras_of(sys.executable) or "3"}
    findings = run([program], Resolver(isolated=True, overrides=overrides)).findings
    report = verify_program(program, (), plan(findings), sys.executable, Options(passes=passes, replays=0))
    same = same_output(printed, report.stdout)
    return Outcome(
        program,
        same,
        seconds,
        report.seconds,
        sum(result.seconds for result in report.results),
        tuple(f"{result.finding.code}:{result.finding.span.start.line} {result.verdict}" for result in report.results),
        str(report.failure["type"]) if report.failure else "",
        not same and not same_output(printed, alone(program, 1)[0]),
    )


def main() -> None:
    """Print one line per program, and the median."""
    parser = argparse.ArgumentParser(description="Is a verified program disturbed, and what does watching it cost?")
    parser.add_argument("programs", nargs="+", type=Path)
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--plain", type=int, default=1, help="Runs alone; their median counts.")
    options = parser.parse_args()
    outcomes = []
    for program in options.programs:
        outcome = compare(program, options.passes, options.plain)
        outcomes.append(outcome)
        kind = "same" if outcome.same else "random" if outcome.random else "DIFFERS"
        print(
            f"{kind:8}{outcome.alone:7.1f} s alone{outcome.verified:7.1f} s verified{outcome.experiments:7.1f} s "
            f"experiments  x{outcome.overhead:.2f}  {program.name}  {', '.join(outcome.verdicts) or 'no findings'} "
            f"{outcome.failed}",
            flush=True,
        )
    same, random = sum(outcome.same for outcome in outcomes), sum(outcome.random for outcome in outcomes)
    print(
        f"{same} of {len(outcomes)} print the same, {random} differ from run to run by themselves; "
        f"median overhead x{statistics.median(outcome.overhead for outcome in outcomes):.2f}"
    )


if __name__ == "__main__":
    main()
