"""What a rule reports, and what every later stage reads: findings, their fixes and their probes.

Positions are 1-based; columns count code points; the end of a span is exclusive in its column.
Everything here is immutable and free of LibCST, so that output formats, the cache and the verifier
can use it without loading a parser.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(str, Enum):
    """How much it matters when the finding is right."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """Higher is worse."""
        return {"note": 0, "warning": 1, "error": 2}[self.value]


class Confidence(str, Enum):
    """How sure the analysis is that the finding is right."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """Higher is surer."""
        return {"low": 0, "medium": 1, "high": 2}[self.value]


class Applicability(str, Enum):
    """What a fix may be used for.

    ``SAFE`` keeps the result of the program (or the statement always raised before), ``UNSAFE`` changes
    what the program computes, ``DISPLAY`` is a hint for a reader and is never applied.
    """

    SAFE = "safe"
    UNSAFE = "unsafe"
    DISPLAY = "display"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a text: 1-based line, 1-based column in code points."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From ``start`` up to, and without, ``end``."""

    start: Position
    end: Position


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace the text of ``span`` by ``replacement``; an empty span inserts."""

    span: Span
    replacement: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits of one file that repair one finding, to be applied together or not at all."""

    title: str
    applicability: Applicability
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """One link of the chain that leads to a finding, outermost first: where, and what is called there."""

    path: str
    line: int
    message: str
    cell: int | None = None
    """In a notebook, the cell that ``line`` is counted in."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What the verifier has to instrument to measure a finding, and what it compares with.

    ``span`` is in the file ``path``; in a notebook, in the text of its cells joined. By ``kind``:

    * ``"call"``: a call of a layer or model outside any Keras ``call``, played again with the mode ``counterfactual``
      (True, False); ``"layer-call"``: a call of a sublayer inside ``call``, likewise, wherever the enclosing model runs
      (``"inherit"``: with what the enclosing call would have passed down); ``"graph-call"``: a call that builds a
      functional graph, played without its flag (``"inherit"``).
    * ``"op"``: a call of a function inside ``call``, played as if it returned its first argument (``"identity"``) or
      zeros (``"zero"``).
    * ``"toggle"``: the target of an assignment (``layer.trainable``, ``model.training``): results with and without it
      are compared bit by bit. No counterfactual.
    * ``"raises"``: a statement that raises; the counterfactual names the exceptions expected (``"TypeError"``,
      ``"TypeError or ValueError"``), None for any.
    * ``"mode"``: a call, or a ``def`` or ``class``: the mode-dependent layers that run below it (and in the layer,
      where the call puts one into a graph) ought to be in the mode True or False, in inference whenever they run
      (``"inference"``), or follow the phase (``"phase"``: training mode in ``fit``, inference elsewhere). Confirmed by
      what is observed, moving statistics included.
    * ``"nested"``: a statement in a loop over layers: the batch normalisation inside the models it goes over ought to
      be in inference from there on (``"inference"``).
    * ``"default"``: the parameter ``training`` of a ``call``: calls that fall back on its default are played with the
      mode that is given.
    * ``"made"``: an expression in ``call`` that makes a layer: is it another one each time, with weights that no model
      lists? No counterfactual.
    * ``"unread"``: a layer's call (or construction) whose result goes nowhere: results are compared bit by bit with it
      and with ``"nan"`` in its place.
    * ``"output"``: the construction of a dropout layer that stands behind a model's answer: the rows of ``fit`` are
      played with it in training mode, and without it (False).
    * ``"export"``: a call that exports a model: what is served is compared with the model in the given mode.
    * ``"weights"``: an attribute target or any expression: the weights of the layer (of ``layer`` in
      ``layer.trainable``) ``"move"``, or ``"stay"``, in the training that follows, against what the code means. None:
      whichever contradicts the value that was assigned.
    * ``"state"``: a call that changes non-trainable state (moving statistics) as a side effect. No counterfactual.
    * ``"statement"``: a statement that can be skipped (``"skip"``): whole runs with and without it are compared.

    A finding without a probe is still watched (was its statement reached?) and, if it has a fix, replayed with it.
    """

    kind: str
    path: str
    span: Span
    counterfactual: bool | str | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What an earlier run of ``verify`` found out about a finding."""

    verdict: str
    direction: str
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, where, why, how sure, and what to do about it.

    ``path`` is as the user should read it: relative to the working directory where possible, with forward
    slashes. ``label`` is the short text beside the carets, ``notes`` are further facts, one sentence
    each, ``help`` is the remedy. ``keras`` names the Keras versions the finding holds for (empty: all supported ones),
    ``keras_known_by`` says how the file's Keras is known.
    """

    code: str
    name: str
    severity: Severity
    confidence: Confidence
    message: str
    path: str
    span: Span
    help: str = ""
    label: str = ""
    notes: tuple[str, ...] = ()
    chain: tuple[Step, ...] = ()
    fix: Fix | None = None
    probe: Probe | None = None
    keras: tuple[str, ...] = ()
    keras_known_by: str = ""
    cell: int | None = None
    """In a notebook, the cell (counted from 1 over all cells) that ``span`` and the fix are counted in."""
    file_span: Span | None = None
    """In a notebook, the lines of the file itself."""
    measured: Measured | None = None

    @property
    def withdraws(self) -> bool:
        """Whether it says nothing but that the place is right as it is, whatever other entries find there."""
        return not self.message

    @property
    def region(self) -> Span:
        """Where it stands in the file itself."""
        return self.file_span or self.span

    @property
    def source(self) -> str:
        """What its lines are known by in a report: the path, in a notebook with the cell."""
        return self.path if self.cell is None else f"{self.path}:cell {self.cell}"

    @property
    def sort_key(self) -> tuple[str, int, Span, str]:
        """Order of output: path, position, code."""
        return (self.path, self.cell or 0, self.span, self.code)
