"""What a rule is, what it is given and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dropout_lint.keras.tensorflow import generation_by_names
from dropout_lint.keras.versions import on_generation, where
from dropout_lint.semantics.words import RoleNames

if TYPE_CHECKING:
    from dropout_lint.findings import Applicability, Confidence, Severity
    from dropout_lint.keras.versions import Holding, KerasVersion
    from dropout_lint.semantics.events import Interpretation, Place
    from dropout_lint.sources.artifact import Artifact


@dataclass(frozen=True, slots=True)
class Change:
    """A part of a fix, in terms of nodes.

    ``action`` is ``replace``, ``add-argument``, ``add-parameter`` (to a function), ``remove-argument`` or
    ``remove-statement``.
    """

    action: str
    place: Place
    text: str = ""
    call: Place | None = None


@dataclass(frozen=True, slots=True)
class ProbeAt:
    """What the verifier instruments, in terms of nodes; see :class:`dropout_lint.findings.Probe`."""

    kind: str
    place: Place
    counterfactual: bool | str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding before its nodes have positions.

    Without a message it says that the place is right, as this program shows: what others find there is withdrawn.
    """

    place: Place
    message: str
    confidence: Confidence
    severity: Severity | None = None
    label: str = ""
    help: str = ""
    notes: tuple[str, ...] = ()
    chain: tuple[tuple[Place, str], ...] = ()
    fix_title: str = ""
    applicability: Applicability | None = None
    changes: tuple[Change, ...] = ()
    probe: ProbeAt | None = None
    keras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule looks at."""

    interpretation: Interpretation
    keras: KerasVersion | None
    """The Keras version the file runs on, or None where it is not known."""
    names: RoleNames = field(default_factory=RoleNames)
    backend: str | None = None
    """``"tensorflow"``, ``"jax"`` or ``"torch"`` where it is known."""
    evidence: str = ""
    """How ``keras`` is known: ``setting``, ``import``, ``environment``, ``pin``, ``syntax`` or nothing."""
    pinned_tensorflow: int | None = None
    """1 or 2 where the project pins TensorFlow."""

    def where(self, behaviour: str, truth: bool = True) -> Holding:
        """Where, among the versions the file may run on, a statement of ``keras.versions.BEHAVIOURS`` is ``truth``."""
        return where(behaviour, self.keras, truth, self.backend)

    def on(self, generation: int) -> Holding:
        """The versions of a generation among those the file may run on."""
        return on_generation(generation, self.keras)

    @property
    def declared(self) -> Context:
        """This context without a version that is only read off the API in use.

        Who calls what Keras 3 removed may well be on Keras 3.
        """
        return replace(self, keras=None, evidence="") if self.evidence == "syntax" else self

    @property
    def generation(self) -> int | None:
        """2 or 3 where it is known."""
        return self.keras.generation if self.keras is not None else None

    @property
    def generations(self) -> tuple[int, ...]:
        """The generations the file may run on."""
        return (2, 3) if self.keras is None else (self.keras.generation,)

    @property
    def tensorflow(self) -> int | None:
        """1 or 2 where it is known: by the names the program reads, what is pinned, or by its Keras."""
        known = generation_by_names(self.interpretation.names) or self.pinned_tensorflow
        return known if known is not None or self.keras is None else 2


@dataclass(frozen=True, slots=True)
class SavedContext:
    """What a rule looks at in a saved model."""

    artifact: Artifact
    setting: KerasVersion | None
    """The Keras that was set, or None."""
    written_by: KerasVersion | None
    """The Keras that saved it, where it says so."""

    @property
    def keras(self) -> KerasVersion | None:
        """The Keras it is judged by: the one that was set, else the one that saved it."""
        return self.setting or self.written_by


@dataclass(frozen=True, slots=True)
class Saved:
    """A finding in a saved model; the message names the place inside."""

    message: str
    confidence: Confidence
    severity: Severity | None = None
    help: str = ""
    notes: tuple[str, ...] = ()
    keras: tuple[str, ...] = ()
    probe: str = ""
    """The kind of probe that shows it when the model is loaded and called; see :class:`dropout_lint.findings.Probe`."""


Check = Callable[[Context], Iterator[Draft]]
CheckSaved = Callable[[SavedContext], Iterator[Saved]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its metadata and a plain function from mode events to findings."""

    code: str
    name: str
    severity: Severity
    confidence: Confidence
    since: str
    applicability: Applicability | None
    """What its fixes may be used for; None where it has none."""
    triggers: tuple[bytes, ...]
    """Byte strings; a file (with what it imports) that holds none of them cannot draw this rule."""
    check: Check
    doc: str
    """The documentation, under fixed headings."""
    needs: tuple[frozenset[str], ...] = ()
    """Features of outlines (`dropout_lint.outline`): of each set, one must be there for the rule to say anything."""
    local: bool = False
    """Whether the file in which it says something holds what it needs, whoever imports that file."""
    wide: str = "active"
    """The feature of an entry with which what it imports counts, too."""
    worded: bool = False
    """Whether only a file that holds one of the triggers can have what it needs: others take no outline to tell."""
    of_tests: bool = False
    """Whether it speaks of unit tests, too."""
    withdraws: bool = False
    """Whether it also says of places that they are right, so that it is heard wherever another rule is."""
    default: bool = True
    check_saved: CheckSaved | None = None
    """What it finds in saved models."""

    @property
    def summary(self) -> str:
        """The first line of the documentation."""
        return self.doc.strip().partition("\n")[0]
