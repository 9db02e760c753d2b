"""Verdicts on findings whose evidence is what happened: raised, ran in a mode, moved, changed, was executed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dropout_lint.findings import Probe
    from dropout_lint.verify.experiment import Experiment, Json
    from dropout_lint.verify.result import Result
    from dropout_lint.verify.runner import Run

TRAINING_PHASES = ("fit", "train_on_batch")
INFERENCE_PHASES = ("evaluate", "predict", "test_on_batch", "predict_on_batch")
NO_EXPERIMENT = "what it costs shows in no experiment of its own"


def judge_observed(base: Result, experiment: Experiment, run: Run) -> Result | None:
    """The verdict by what was observed; None where nothing was, or the kind of probe is measured otherwise."""
    probe = experiment.finding.probe
    kind = probe.kind if probe is not None else "observe"
    judge = JUDGES.get(kind)
    if judge is None:
        return None
    events = [event for event in run.events if event.get("probe") == experiment.number]
    base = replace(base, reached=max(base.reached, int(any(event["event"] == "reached" for event in events))))
    return judge(base, probe, events, run)


def _judge_raises(base: Result, probe: Probe | None, events: Sequence[Json], run: Run) -> Result | None:
    """The statement raised what was foretold, in Keras or Python itself and not further down in the user's code."""
    assert probe is not None
    expected = {word for word in str(probe.counterfactual or "").replace(",", " ").split() if word not in ("or", "and")}
    found: Any = next((event for event in events if event["event"] == "raised"), None)
    if found is None:
        found = uncaught(base, run)
    if found is None:
        if base.reached:
            return replace(base, verdict="no-material-difference", reason=f"{_times(base)} and raised nothing")
        return None
    exception = found["exception"]
    if expected and not expected & set(found["types"]):
        wanted = " or ".join(sorted(expected))
        reason = f"it raises {exception['type']}, where {wanted} was expected"
        return replace(base, verdict="inconclusive", reason=reason, exception=exception)
    if not expected and not found["direct"]:
        reason = "an exception comes from further down in the program's own code"
        return replace(base, verdict="inconclusive", reason=reason, exception=exception)
    return replace(base, verdict="confirmed-raises", exception=exception, reached=max(base.reached, 1))


def uncaught(base: Result, run: Run) -> Json | None:
    """The exception that ended the program, if it came through the flagged lines."""
    from dropout_lint.verify.experiment import absolute

    end = run.end
    exception: Any = end.get("exception") if end else None
    probe = base.finding.probe
    if not exception or probe is None:
        return None
    path, first, last = absolute(probe.path), probe.span.start.line, probe.span.end.line
    frames = exception["frames"]
    for place, frame in enumerate(frames):
        if frame["path"] == path and first <= (frame["line"] or 0) <= last:
            types = exception.get("types") or [exception["type"]]
            return {"exception": exception, "types": types, "direct": place == len(frames) - 1}
    return None


def _judge_modes(base: Result, probe: Probe | None, events: Sequence[Json], run: Run) -> Result | None:  # noqa: ARG001
    """Layers ran in another mode than the phase, or the finding, says they ought to."""
    assert probe is not None
    found: Any = next((event for event in reversed(events) if event["event"] == "modes-below"), None)
    if found is None:
        if base.reached and any(event["event"] == "summary" for event in events):
            reason = "no layer whose result depends on the mode ran there"
            return replace(base, verdict="no-material-difference", reason=reason)
        return None
    wrong, judged = 0, []
    for layer in found["layers"]:
        wanted = _wanted(probe.counterfactual, layer["phase"], found["layers"])
        if wanted is None:
            continue
        judged.append({**layer, "wanted": wanted})
        wrong += layer["inference"] if wanted else layer["training"]
    base = replace(
        base,
        observed={"modes": judged, "statistics": found["statistics"], "steps": found["steps"]},
        measured=sum(layer["inference"] + layer["training"] for layer in judged),
    )
    if not judged:
        return replace(base, verdict="inconclusive", reason="it ran neither while training nor in inference")
    if wrong:
        return replace(base, verdict="confirmed", reason=modes_text(base.observed or {}))
    return replace(base, verdict="no-material-difference", reason=modes_text(base.observed or {}))


def _wanted(claim: object, phase: str, layers: Sequence[Json]) -> bool | None:
    """The mode layers ought to run in during a phase; None where nothing is said about it."""
    if claim == "inference":
        return False
    if isinstance(claim, bool):
        trained = any(layer["phase"] in TRAINING_PHASES for layer in layers)
        # A definition also runs in evaluate(); what ought to train is judged where training is.
        if claim and trained:
            return True if phase in TRAINING_PHASES else None
        return None if claim and phase in INFERENCE_PHASES else claim
    return True if phase in TRAINING_PHASES else False if phase in INFERENCE_PHASES else None


def modes_text(observed: Json) -> str:
    """What was seen of modes, in words."""
    layers: Any = observed["modes"]
    parts = []
    steps = observed.get("steps")
    seen = sum(layer["training"] + layer["inference"] for layer in layers)
    traced = " (traced ones counted once)" if isinstance(steps, int) and steps > seen else ""
    for wanted, word in ((True, "training"), (False, "inference")):
        chosen = [layer for layer in layers if layer["wanted"] is wanted]
        if chosen:
            right = sum(layer[word] for layer in chosen)
            total = sum(layer["training"] + layer["inference"] for layer in chosen)
            names = ", ".join(dict.fromkeys(layer["layer"] for layer in chosen))
            phases = ", ".join(dict.fromkeys(layer["phase"] for layer in chosen if layer["phase"] != "call"))
            within = f"in {phases}, " if phases else ""
            parts.append(f"{within}{names} ran in {word} mode in {right} of {total} executions{traced}")
    if steps and any(layer["wanted"] for layer in layers):
        parts.append(f"{steps:,} optimizer steps" if steps != 1 else "1 optimizer step")
    statistics: Any = observed["statistics"]
    if statistics:
        largest = max(statistics.values())
        name = max(statistics, key=statistics.get)
        if largest > 0:
            parts.append(f"{name} moved by {largest:.3g}")
        elif any(layer["wanted"] for layer in layers):
            parts.append("moving statistics never moved")
    return "; ".join(parts)


def _judge_weights(base: Result, probe: Probe | None, events: Sequence[Json], run: Run) -> Result | None:  # noqa: ARG001
    """Weights moved although they were to stay, or stayed although they were to move."""
    assert probe is not None
    found: list[Any] = [event for event in events if event["event"] == "weights"]
    if not found:
        return None
    # fit() may find nothing to train, and then counts no step.
    trained = [e for e in found if e["kind"] != "program" or e["steps"] > 0 or _largest(e["since_first"]) > 0]
    last = trained[-1] if trained else found[-1]
    if not trained:
        return replace(base, verdict="inconclusive", reason="no training came after it")
    if not last["variables"]:
        return replace(base, verdict="inconclusive", reason=f"{last['layer']} has no weights")
    shown = last
    # Without a claim, the assignment itself says what was meant; the finding says that it does not come true.
    moves = probe.counterfactual == "move" or (probe.counterfactual is None and found[0]["flag"] is False)
    if moves:
        fresh = [event for event in trained if event["fresh"]] or trained[:1]
        shown = max(fresh, key=lambda event: _largest(event["since_latest"]))
        moved = _largest(shown["since_latest"]) > 0
        verdict = "confirmed" if moved else "no-material-difference"
    else:
        verdict = "confirmed" if _largest(last["since_first"]) == 0 else "no-material-difference"
    distances = shown["since_latest"] if moves else shown["since_first"]
    observed: Json = {
        "weights": {"layer": shown["layer"], "distances": distances, "trainable": shown["flag"], "kind": shown["kind"]},
        "steps": shown["steps"],
    }
    return replace(
        base,
        verdict=verdict,
        observed=observed,
        measured=len(found),
        reason=weights_text(observed),
    )


def _largest(distances: dict[str, float]) -> float:
    return max(distances.values(), default=0.0)


def weights_text(observed: Json) -> str:
    """How far weights moved, in words."""
    weights: Any = observed["weights"]
    distances = weights["distances"]
    largest = _largest(distances)
    flag = "" if weights["trainable"] is None else f" (trainable is {weights['trainable']})"
    steps = f"{observed['steps']:,} optimizer step{'' if observed['steps'] == 1 else 's'}"
    if largest == 0:
        return f"the weights of {weights['layer']}{flag} did not move in {steps}: ‖Δw‖ = 0"
    name = max(distances, key=distances.get)
    return f"the weights of {weights['layer']}{flag} moved in {steps}: ‖Δ {name}‖ = {largest:.3g}"


def _judge_made(base: Result, probe: Probe | None, events: Sequence[Json], run: Run) -> Result | None:  # noqa: ARG001
    """Layers made in ``call``: others each time, and not the model's; or the program cannot be traced with them."""
    found: Any = next((event for event in reversed(events) if event["event"] == "made"), None)
    ended: Any = uncaught(base, run)
    if ended is not None:
        return replace(base, verdict="confirmed-raises", exception=ended["exception"], reached=max(base.reached, 1))
    if found is None:
        return None
    base = replace(base, measured=found["total"], observed={"made": found})
    if found["listed"]:
        return replace(base, verdict="no-material-difference", reason=f"{found['owner']} keeps what is made there")
    if found["total"] > 1 or found["weights"]:
        return replace(base, verdict="confirmed", reason=made_text(found))
    return replace(base, verdict="inconclusive", reason=f"{found['kind']} was made once; a second call would tell")


def made_text(made: dict[str, Any]) -> str:
    """What became of layers made in ``call``, in words."""
    total, apart = made["total"], made["apart"]
    parts = [f"{made['kind']} was made {total:,} times" if total != 1 else f"{made['kind']} was made once"]
    if apart:
        name = max(apart, key=apart.get)
        parts.append(f"the first two differ: ‖Δ {name}‖ = {apart[name]:.3g}")
    if made["weights"]:
        parts.append(f"their weights are not among those of {made['owner'] or 'a model'}")
    elif total != 1:
        parts.append("each with a random state of its own")
    return "; ".join(parts)


def _judge_unread(base: Result, probe: Probe | None, events: Sequence[Json], run: Run) -> Result | None:
    """A layer whose result goes nowhere: no layer takes it, and it runs in no model."""
    if any(event["event"] == "toggle" for event in events):
        return None
    found: Any = next((event for event in reversed(events) if event["event"] == "unread"), None)
    if found is None:
        # Called in `call`: a comparison, or a whole run with its result spoilt, tells.
        return _judge_reach(base, probe, events, run)
    base = replace(base, measured=found["layers"], observed={"unread": found})
    kind = found["kind"]
    if found["ran"] or found["taken"]:
        reason = f"the {kind} ran {found['ran']} times; {found['taken']} layers take its output"
        return replace(base, verdict="no-material-difference", reason=reason)
    fate = f"no layer takes the output of the {kind}" if found["called"] else f"the {kind} is never called"
    return replace(base, verdict="confirmed-no-effect", reason=f"{fate}; it ran in no model of the program")


def _judge_state(base: Result, probe: Probe | None, events: Sequence[Json], run: Run) -> Result | None:  # noqa: ARG001
    found: list[Any] = [event for event in events if event["event"] == "state"]
    if not found:
        return None
    changed: dict[str, float] = {}
    for event in found:
        for name, norm in event["changed"].items():
            changed[name] = max(norm, changed.get(name, 0.0))
    place = next((event["where"] for event in found if event["where"]), None)
    base = replace(
        base,
        measured=len(found),
        state=tuple(sorted(changed.items())),
        where=(place[0], place[1]) if place else None,
        boundary="call",
    )
    if changed:
        return replace(base, verdict="confirmed")
    return replace(base, verdict="no-material-difference", reason="the call changes no state")


def _judge_reach(base: Result, probe: Probe | None, events: Sequence[Json], run: Run) -> Result | None:  # noqa: ARG001
    """Executed, and that is all that was watched; a replay may say more."""
    if not base.reached:
        return None
    found: Any = next((event for event in events if event["event"] == "raised"), None)
    if found is not None and found["direct"]:
        reason = "the statement raises, which is not what was expected of it"
        return replace(base, verdict="inconclusive", reason=reason, exception=found["exception"])
    return replace(base, verdict="inconclusive", reason=f"{_times(base)}; {NO_EXPERIMENT}")


def _times(base: Result) -> str:
    return "the line was executed once" if base.reached == 1 else f"the line was executed {base.reached:,} times"


JUDGES: dict[str, Callable[[Result, Probe | None, Sequence[Json], Run], Result | None]] = {
    "raises": _judge_raises,
    "mode": _judge_modes,
    "weights": _judge_weights,
    "state": _judge_state,
    "observe": _judge_reach,
    "statement": _judge_reach,
    "nested": _judge_modes,
    "made": _judge_made,
    "unread": _judge_unread,
}
