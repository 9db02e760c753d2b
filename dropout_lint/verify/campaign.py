"""One program: the measuring run, the replays, and the results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dropout_lint.verify.experiment import measuring_job, replay_job
from dropout_lint.verify.judgement import ending, judge_experiment
from dropout_lint.verify.past import run_past
from dropout_lint.verify.programs import Program, as_program
from dropout_lint.verify.replay import changed_numbers, same_output
from dropout_lint.verify.replayed import with_replay
from dropout_lint.verify.result import CONFIRMED
from dropout_lint.verify.scheduling import Runs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from dropout_lint.verify.experiment import Experiment, Json, Options
    from dropout_lint.verify.replay import Printed
    from dropout_lint.verify.result import Result
    from dropout_lint.verify.runner import Run

REPLAY_BY_ITSELF_SECONDS = 60.0
"""A program that took longer is replayed only when asked for."""

PAIRS_OF_RANDOM_PROGRAMS = 4
"""Pairs of runs where a program does not repeat itself and nothing else has confirmed a finding."""

MOST_SINGLE_REPLAYS = 4
"""With more findings than this, they are replayed together only."""


@dataclass(frozen=True, slots=True)
class ProgramReport:
    """Everything measured on one program.

    ``ended`` says why the run did not come to its end, where it did not; ``data`` what a model was called on.
    ``together`` are the printed numbers that change when all findings are repaired at once, None if that was not run.
    """

    program: Program
    results: tuple[Result, ...]
    environment: Json
    modes: tuple[Json, ...]
    stdout: str
    stderr: str
    seconds: float
    failure: Json | None
    timed_out: bool
    together: tuple[Printed, ...] | None = None
    ended: str = ""
    data: Json | None = None
    most_rows: int | None = None

    @property
    def script(self) -> Path:
        """The file that is named."""
        return self.program.path

    @property
    def confirmed(self) -> bool:
        """True when at least one finding was confirmed."""
        return any(result.verdict in CONFIRMED for result in self.results)


def verify_program(
    program: Program | Path,
    arguments: Sequence[str],
    experiments: Sequence[Experiment],
    python: str,
    options: Options,
    tell: Callable[[str], None] = lambda _: None,
    runs: Runs | None = None,
    progress: Callable[[float, int], None] | None = None,
) -> ProgramReport:
    """Run a program as it is, measure its findings, and replay it with them repaired.

    ``runs`` says where; by itself here, one run after the other.
    """
    program, runs = as_program(program), runs or Runs(options)
    run = runs.start(python, measuring_job(program, arguments, experiments, options), progress).result()

    def judge(experiment: Experiment, one: Run) -> Result:
        return judge_experiment(experiment, one, options.margin, options.seed)

    def again(past: Sequence[Experiment]) -> Run:
        finding = past[-1].finding
        tell(f"running {program.label} again past {finding.source}:{finding.span.start.line} ({finding.code})")
        return runs.start(python, measuring_job(program, arguments, experiments, options, past), progress).result()

    results = {e.number: judge(e, run) for e in experiments}
    run_past(experiments, results, run, again, judge)
    replayer = _Replayer(program, arguments, experiments, python, options, run, tell, runs)
    together = None
    if replayer.wanted():
        candidates = [e for e in experiments if replayer.worthwhile(e, results[e.number])]
        single = candidates if len(candidates) <= MOST_SINGLE_REPLAYS else []
        several = [candidates] if len(candidates) > 1 else []
        replayer.start_all([*([experiment] for experiment in single), *several])
        for experiment in single:
            numbers = replayer.compare([experiment])
            if numbers is not None:
                deterministic = replayer.deterministic() if _unconfirmed(results[experiment.number]) else None
                if deterministic is False and options.replays is None:
                    # Data loaded by several threads, say: one pair of runs proves nothing there.
                    numbers = replayer.compare([experiment], PAIRS_OF_RANDOM_PROGRAMS) or numbers
                results[experiment.number] = with_replay(
                    results[experiment.number], numbers, deterministic=deterministic
                )
        if len(candidates) > 1:
            together = replayer.compare(candidates)
    end = run.end
    modes = [event for found in run.of("modes") for event in found["events"]]  # type: ignore[attr-defined]
    return ProgramReport(
        program=program,
        results=tuple(results[e.number] for e in experiments),
        environment=_environment(run),
        modes=tuple(modes),
        stdout=run.stdout,
        stderr=run.stderr,
        seconds=run.seconds,
        failure=end.get("exception") if end else None,  # type: ignore[arg-type]
        timed_out=run.timed_out,
        ended=_ended(run),
        together=together,
        data=next(iter(run.of("data")), None),
        most_rows=options.most_rows,
    )


def _unconfirmed(result: Result) -> bool:
    return result.verdict not in CONFIRMED


def _ended(run: Run) -> str:
    """How a run ended that did not come to its end, in words; nothing for one that did."""
    if run.timed_out:
        return "the time limit came first"
    if run.out_of_memory:
        return "the memory limit came first"
    return f"the interpreter died ({ending(run.status)})" if run.end is None else ""


def _environment(run: Run) -> Json:
    """Versions, as the program's own imports brought them."""
    environment: Json = {}
    for event in run.of("start"):
        environment["python"] = event["python"]
    for event in run.of("tensorflow"):
        environment["tensorflow"] = event["version"]
    for event in run.of("keras"):
        # A program that imports tf_keras may pull in Keras 3 besides; what it imports itself comes last.
        environment["keras"] = event["version"]
        environment["backend"] = event["backend"]
        environment["package"] = event["name"]
    for event in run.of("not-installed"):
        environment["not_watched"] = f"{event['module']} ({event['error']})"
    return environment


class _Replayer:
    """Whole runs of one program; those as written are shared by all comparisons."""

    def __init__(
        self,
        program: Program,
        arguments: Sequence[str],
        experiments: Sequence[Experiment],
        python: str,
        options: Options,
        first: Run,
        tell: Callable[[str], None],
        runs: Runs,
    ) -> None:
        self._program = program
        self._arguments = arguments
        self._experiments = experiments
        self._python = python
        self._options = options
        self._first = first
        self._tell = tell
        self._runs = runs
        # Runs by the numbers of the findings repaired in them, and the number of the pair.
        self._futures: dict[tuple[tuple[int, ...], int], Future[Run]] = {}
        self._deterministic: bool | None = None

    def wanted(self) -> bool:
        """True when replays were asked for, or are cheap."""
        end = self._first.end
        if self._first.timed_out or end is None or end.get("exit"):
            return False
        if self._options.replays is not None:
            return self._options.replays > 0
        if not self._program.runs_in_full:
            return False
        seconds = end["seconds"]
        # A replay measures nothing.
        spent = sum(event["seconds"] for kind in ("measurement", "toggle") for event in self._first.of(kind))  # type: ignore[misc]
        return isinstance(seconds, float) and seconds - spent < REPLAY_BY_ITSELF_SECONDS

    def worthwhile(self, experiment: Experiment, result: Result) -> bool:
        """False where a fixed run cannot differ: a line never executed, a toggle already proved without effect."""
        if not experiment.has_fixed_run:
            return False
        if experiment.compares_bits:
            return self._options.replays is not None or (result.reached > 0 and not result.measured)
        probe = experiment.finding.probe
        never = result.reached == 0 and (probe is None or probe.kind != "graph-call")
        return not never or "ended without" not in result.reason

    def start_all(self, comparisons: Sequence[Sequence[Experiment]]) -> None:
        """Start everything that comparisons will wait for, where runs go on side by side."""
        if self._runs.parallel:
            for number in range(self._options.replays or 1):
                for fixed in ((), *comparisons):
                    self._future(fixed, number)

    def compare(self, fixed: Sequence[Experiment], pairs: int | None = None) -> tuple[Printed, ...] | None:
        """The printed numbers that change when ``fixed`` are repaired, over all pairs of runs; None if a run failed."""
        left, right = [], []
        for number in range(pairs or self._options.replays or 1):
            as_written = self._first.stdout if number == 0 else self._printed((), number)
            repaired = self._printed(fixed, number)
            if as_written is None or repaired is None:
                return None
            left.append(as_written)
            right.append(repaired)
        return changed_numbers(left, right)

    def deterministic(self) -> bool:
        """True when the program, run again as written, prints the same."""
        if self._deterministic is None:
            again = self._printed((), 0)
            self._deterministic = again is not None and same_output(self._first.stdout, again)
        return self._deterministic

    def _printed(self, fixed: Sequence[Experiment], number: int) -> str | None:
        run = self._future(fixed, number).result()
        end = run.end
        return run.stdout if end is not None and not end.get("exit") and not run.timed_out else None

    def _future(self, fixed: Sequence[Experiment], number: int) -> Future[Run]:
        key = (tuple(experiment.number for experiment in fixed), number)
        if key not in self._futures:
            codes = ", ".join(sorted({experiment.finding.code for experiment in fixed}))
            self._tell(f"replaying {self._program.label} {f'with {codes} fixed' if fixed else 'as written'}")
            job = replay_job(self._program, self._arguments, self._experiments, fixed, self._options, number)
            self._futures[key] = self._runs.start(self._python, job)
        return self._futures[key]
