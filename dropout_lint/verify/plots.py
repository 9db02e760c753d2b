"""Plots of measured findings, drawn by Matplotlib, as SVG."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

from dropout_lint.verify.statistics import mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from dropout_lint.verify.result import Metric, Outputs, Result

WIDTH, HEIGHT = 6.4, 2.5
AS_WRITTEN, FIXED, GREY = "#c2410c", "#0f766e", "#64748b"


def plots(result: Result) -> list[tuple[str, str]]:
    """(what it shows, SVG) of every plot of a finding; none where there is nothing to draw."""
    drawn = [_drawn(f"{metric.name} over passes", _over_passes(metric)) for metric in result.metrics if _varies(metric)]
    outputs = result.outputs
    if not result.metrics and outputs is not None and len(outputs.by_pass) > 1:
        drawn.append(_drawn(f"{_by_pass_name(outputs)} over passes", _changes_over_passes(outputs)))
    if result.toggle is not None and result.metrics:
        drawn.append(_drawn("metrics with and without the assignment", _toggle(result)))
    observed: Any = result.observed or {}
    if observed.get("modes"):
        drawn.append(_drawn("modes the layers ran in", _modes(observed["modes"])))
    if observed.get("weights"):
        drawn.append(_drawn("how far the weights moved", _distances(observed["weights"]["distances"])))
    if result.state:
        drawn.append(_drawn("what the call overwrites", _distances(dict(result.state))))
    if not drawn and result.replay:
        drawn.append(_drawn("printed numbers, as written and fixed", _replays(result)))
    return drawn


def _varies(metric: Metric) -> bool:
    return sum(map(math.isfinite, metric.as_written)) > 1


def _by_pass_name(outputs: Outputs) -> str:
    if outputs.classes:
        return "share of changed predictions"
    unit = {"spread": " / their std. dev.", "size": " / their size"}.get(outputs.scaled_by or "", "")
    return f"distance of outputs{unit}"


def _drawn(title: str, draw: Callable[[Any], None]) -> tuple[str, str]:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    # Without pyplot: no backend is chosen, no window and no global state.
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    axes = figure.subplots()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=8, colors=GREY)
    draw(axes)
    if axes.get_xlabel() in ("pass", "executions"):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    stream = io.StringIO()
    # No date: equal results give equal pages.
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    return title, stream.getvalue()


def _legend(axes: Any) -> None:
    """Above the plot, where it hides nothing."""
    axes.legend(fontsize=7, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)


def _over_passes(metric: Metric) -> Callable[[Any], None]:
    def draw(axes: Any) -> None:
        passes = range(1, metric.passes + 1)
        fixed = mean(metric.fixed)
        axes.plot(passes, metric.as_written, "o-", color=AS_WRITTEN, markersize=3, linewidth=0.8, label="as written")
        axes.axhline(fixed, color=FIXED, linewidth=1.6, label="fixed")
        bounds = metric.interval
        if bounds.low is not None and bounds.high is not None:
            axes.axhspan(
                fixed + bounds.low, fixed + bounds.high, color=AS_WRITTEN, alpha=0.12, label="95 % of the mean"
            )
        axes.set_xlabel("pass", fontsize=8, color=GREY)
        axes.set_ylabel(metric.name, fontsize=8, color=GREY)
        _legend(axes)

    return draw


def _changes_over_passes(outputs: Outputs) -> Callable[[Any], None]:
    def draw(axes: Any) -> None:
        axes.plot(
            range(1, len(outputs.by_pass) + 1), outputs.by_pass, "o-", color=AS_WRITTEN, markersize=3, linewidth=0.8
        )
        axes.axhline(0, color=FIXED, linewidth=1.6)
        axes.annotate("fixed", (1, 0), fontsize=7, color=FIXED, xytext=(0, 3), textcoords="offset points")
        axes.set_xlabel("pass", fontsize=8, color=GREY)
        axes.set_ylabel(_by_pass_name(outputs), fontsize=8, color=GREY)

    return draw


def _toggle(result: Result) -> Callable[[Any], None]:
    def draw(axes: Any) -> None:
        names = [metric.name for metric in result.metrics]
        places = range(len(names))
        axes.bar(
            [p - 0.2 for p in places], [m.as_written[0] for m in result.metrics], 0.38, color=AS_WRITTEN, label="with"
        )
        axes.bar([p + 0.2 for p in places], [m.fixed[0] for m in result.metrics], 0.38, color=FIXED, label="without")
        axes.set_xticks(list(places), names)
        _legend(axes)

    return draw


def _modes(layers: Any) -> Callable[[Any], None]:
    def draw(axes: Any) -> None:
        names = [f"{layer['layer']} in {layer['phase']}" for layer in layers]
        places = list(range(len(names)))
        inference = [layer["inference"] for layer in layers]
        training = [layer["training"] for layer in layers]
        axes.barh(places, inference, 0.5, color=FIXED, label="inference mode")
        axes.barh(places, training, 0.5, left=inference, color=AS_WRITTEN, label="training mode")
        axes.set_yticks(places, names)
        axes.set_ylim(-1, len(names))
        axes.set_xlabel("executions", fontsize=8, color=GREY)
        _legend(axes)

    return draw


def _distances(distances: dict[str, float]) -> Callable[[Any], None]:
    def draw(axes: Any) -> None:
        shown = sorted(distances.items(), key=lambda each: -each[1])[:8][::-1]
        axes.barh([name for name, _ in shown], [norm for _, norm in shown], color=AS_WRITTEN)
        axes.set_xlabel("‖Δ‖", fontsize=8, color=GREY)
        axes.set_xlim(left=0, right=None if any(norm for _, norm in shown) else 1)

    return draw


def _replays(result: Result) -> Callable[[Any], None]:
    def draw(axes: Any) -> None:
        shown = [printed for printed in result.replay or () if mean(printed.fixed) or mean(printed.as_written)][:6]
        for place, printed in enumerate(shown):
            scale = max(abs(mean(printed.as_written)), abs(mean(printed.fixed)))
            left, right = mean(printed.as_written) / scale, mean(printed.fixed) / scale
            axes.plot([left, right], [place, place], color=GREY, linewidth=1)
            axes.plot([left], [place], "o", color=AS_WRITTEN, label="as written" if place == 0 else None)
            axes.plot([right], [place], "D", color=FIXED, label="fixed" if place == 0 else None)
        axes.set_yticks(range(len(shown)), [(printed.label or "(unnamed)")[:40] for printed in shown])
        axes.set_xlabel("relative to the larger of the two", fontsize=8, color=GREY)
        _legend(axes)

    return draw
