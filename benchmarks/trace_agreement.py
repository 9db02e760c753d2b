"""Predicted mode events against observed ones: what the interpreter says of a program, and what the program does.

``python -m benchmarks.trace_agreement PROGRAM…`` interprets each program, runs it with the verifier's mode trace, and
compares them line by line. Every execution of a mode-dependent layer that stands on a line of the user's code is

* *agreed*: the interpreter predicts this mode for a call on that line;
* *undecided*: it knows the call, and not which mode it runs in;
* *unseen*: it reports no call there (a missed call of a layer);
* *contradicted*: it predicts another mode, and only that.

A contradiction is a defect of the interpreter. The exit status is 1 when there is one.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dropout_lint.analysis import load_module
from dropout_lint.semantics.events import ModeCall, ModelUse
from dropout_lint.semantics.interpreter import interpret
from dropout_lint.semantics.learning import Learner
from dropout_lint.semantics.models import content, mode_of
from dropout_lint.semantics.modules import Project
from dropout_lint.semantics.signatures import sees
from dropout_lint.semantics.values import ClassValue, truth
from dropout_lint.sources.text import read_text
from dropout_lint.syntax.parse import parse
from dropout_lint.syntax.positions import spans
from dropout_lint.verify.experiment import Options, measuring_job
from dropout_lint.verify.runner import run_child

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dropout_lint.findings import Span
    from dropout_lint.semantics.events import Frame, Interpretation
    from dropout_lint.semantics.values import Instance

KINDS = ("agreed", "undecided", "unseen", "contradicted")
TRAINING_PHASES = frozenset({"fit", "train_on_batch"})
INFERENCE_PHASES = frozenset({"evaluate", "predict", "test_on_batch", "predict_on_batch"})
GOVERNED = frozenset({"dropout", "noise", "batch-statistics", "rnn-dropout", "attention-dropout"})
"""Modes that an explicit flag decides alone: a layer that is on by default has more to say."""


@dataclass(frozen=True)
class Prediction:
    """One call as the interpreter sees it: where it stands, the mode, and the phase it applies to (None: any)."""

    path: str
    first: int
    last: int
    mode: bool | None
    phase: str | None = None
    graph: bool = False


@dataclass
class Agreement:
    """The outcome of one program."""

    program: Path
    counts: Counter[str] = field(default_factory=Counter)
    details: list[str] = field(default_factory=list)
    failed: str = ""


def predictions(program: Path) -> list[Prediction]:
    """What the interpreter says of the modes in ``program`` and the modules it imports."""
    entry = program.absolute()
    text = read_text(entry)
    tree = parse(text.text, entry)
    project = Project((entry.parent,), load_module)
    project.keep(entry, text.text, tree)
    return list(_predicted(interpret(project, entry, text.text, tree)))


def _predicted(interpretation: Interpretation) -> Iterator[Prediction]:
    events = [event for event in interpretation.events if isinstance(event, (ModeCall, ModelUse))]
    places = _places(events)
    phase_is_set = Learner(interpretation).phase_is_set
    for event in events:
        span = places.get(id(event.place.node))
        if span is None:
            continue
        path, first, last = str(event.place.module.path), span.start.line, span.end.line
        if isinstance(event, ModeCall):
            yield Prediction(path, first, last, truth(event.flag), graph=event.graph)
        elif event.kind in {"train", "inference"}:
            phase = "training" if event.kind == "train" else "inference"
            yield Prediction(path, first, last, event.kind == "train", phase)
            # fit() and the like of Keras 3 run the graph without the flags that are written into it
            for flag in _hard_coded(event, interpretation) if interpretation.generation == "2" else ():
                yield Prediction(path, first, last, flag, phase)
        elif event.kind == "call":
            # a bare call: inference for whatever is not on by default and does not choose for itself, but where a
            # `call` round it is told the mode, which Keras hands on
            told = any(frame.hook == "call" and _is_told(frame) for frame in event.frames)
            held = content(event.receiver)
            plain = (
                not phase_is_set
                and not told
                and held.complete
                and all(mode_of(layer) in GOVERNED and not _chooses_for_itself(layer) for layer in held.layers)
            )
            yield Prediction(path, first, last, False if plain else None)
            for flag in _hard_coded(event, interpretation):
                yield Prediction(path, first, last, flag)


def _is_told(frame: Frame) -> bool:
    return frame.function is not None and sees(frame.function, "training")


def _chooses_for_itself(layer: Instance) -> bool:
    """Whether a layer has a `call` of the project, as Dropout that is on by design: the line of that `call` tells."""
    return isinstance(layer.cls, ClassValue) and layer.cls.find("call") is not None


def _hard_coded(use: ModelUse, interpretation: Interpretation) -> set[bool]:
    """The flags written into the graph of a model."""
    held = {id(layer) for layer in content(use.receiver).layers}
    return {
        flag
        for event in interpretation.events
        if isinstance(event, ModeCall) and event.graph and (flag := truth(event.flag)) is not None
        if any(id(layer) in held for layer in content(event.callee).layers)
    }


def _places(events: Iterable[ModeCall | ModelUse]) -> dict[int, Span]:
    modules: dict[int, Any] = {}
    wanted: dict[int, list[Any]] = {}
    for event in events:
        modules[id(event.place.module)] = event.place.module
        wanted.setdefault(id(event.place.module), []).append(event.place.node)
    found: dict[int, Span] = {}
    for key, module in modules.items():
        found.update(spans(module.tree, wanted[key], module.text))
    return found


def observations(program: Path, timeout: float = 300.0) -> tuple[list[dict[str, Any]], str]:
    """The executions of mode-dependent layers while ``program`` runs, and why it failed, if it did."""
    job = {**measuring_job(program, (), (), Options(trace=True)), "measure": False}
    run = run_child(sys.executable, job, timeout=timeout, in_place=False)
    modes = next(iter(run.of("modes")), None)
    if modes is None:
        return [], "timed out" if run.timed_out else f"ended with status {run.status}: {run.stderr[-300:]}"
    return list(modes["events"]), ""  # type: ignore[call-overload]


def compare(program: Path, timeout: float = 300.0) -> Agreement:
    """Interpret and run one program."""
    program = program.resolve()
    outcome = Agreement(program)
    seen, outcome.failed = observations(program, timeout)
    foreseen = predictions(program)
    for event in seen:
        kind = _judge(event, foreseen)
        if kind is None:
            continue
        outcome.counts[kind] += 1
        if kind in {"contradicted", "unseen"}:
            outcome.details.append(
                f"{kind}: {event['path']}:{event['line']}: {event['layer']} ({event['class']}) ran with "
                f"training={event['training']} in {event['phase']} ({event['why']})"
            )
    return outcome


def _judge(event: dict[str, Any], foreseen: list[Prediction]) -> str | None:
    if event["path"] is None or event["training"] == "symbolic":
        return None
    here = [each for each in foreseen if each.path == event["path"] and each.first <= event["line"] <= each.last]
    calls = [each for each in here if each.phase is None]
    if event["why"] == "default" and any(each.graph for each in calls):
        # the same line builds another graph without a flag (`training=mc or None`): nothing runs there
        return None
    if event["why"] != "explicit" and not calls:
        # a mode that is inherited from fit() or evaluate() is told by their lines
        phase = _phase(event["phase"])
        calls = [each for each in here if each.phase == phase and phase is not None]
        if not calls:
            return None
    if not calls:
        return None if any(each.phase is not None for each in here) else "unseen"
    if any(each.mode is event["training"] for each in calls):
        return "agreed"
    if event["why"] == "inherited":
        # the flags on the line are those of other calls
        return "undecided"
    return "undecided" if any(each.mode is None for each in calls) else "contradicted"


def _phase(name: str) -> str | None:
    return "training" if name in TRAINING_PHASES else "inference" if name in INFERENCE_PHASES else None


def main(arguments: list[str]) -> int:
    """Compare the programs named on the command line and print a table."""
    total: Counter[str] = Counter()
    for name in arguments:
        outcome = compare(Path(name))
        total += outcome.counts
        row = "  ".join(f"{kind} {outcome.counts[kind]}" for kind in KINDS)
        print(f"{name}: {row}{'  FAILED: ' + outcome.failed if outcome.failed else ''}", flush=True)
        for detail in outcome.details:
            print(f"    {detail}", flush=True)
    known = total["agreed"] + total["contradicted"]
    share = total["agreed"] / known if known else 1.0
    print("all: " + "  ".join(f"{kind} {total[kind]}" for kind in KINDS) + f"  agreement {share:.4f}")
    return 1 if total["contradicted"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
