"""The functions that ``tf.function`` and ``jax.jit`` compile: what each calls, and whose weights it trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dropout_lint.semantics.events import LayerCall, ModeCall, ModelUse
from dropout_lint.semantics.externals import COMPILERS
from dropout_lint.semantics.ownership import Token, token_of
from dropout_lint.semantics.values import External, FunctionValue
from dropout_lint.syntax.lazy import cst
from dropout_lint.syntax.walk import walk

if TYPE_CHECKING:
    from dropout_lint.semantics.events import Frame, Interpretation


def compiled(frame: Frame | None, interpretation: Interpretation) -> FunctionValue | None:
    """The function of a frame, if ``tf.function`` or ``jax.jit`` compile it."""
    function = frame.function if frame is not None else None
    if function is None:
        return None
    decorated = any(isinstance(each, External) and each.name in COMPILERS for each in function.decorators)
    return function if decorated or id(function.node) in interpretation.compiled else None


def called_in(interpretation: Interpretation) -> dict[object, tuple[Token, ...]]:
    """The layers and models that each compiled function calls."""
    found: dict[object, dict[Token, None]] = {}
    for event in interpretation.events:
        if isinstance(event, LayerCall):
            for frame in event.frames:
                function = compiled(frame, interpretation)
                token = token_of(event.callee) if function is not None else None
                if function is not None and token is not None:
                    found.setdefault(id(function.node), {})[token] = None
    return {node: tuple(tokens) for node, tokens in found.items()}


def trained_in(interpretation: Interpretation) -> dict[object, tuple[Token, ...]]:
    """The layers and models of which each compiled function asks for the trainable weights to train them."""
    found: dict[object, dict[Token, None]] = {}
    for event in interpretation.events:
        for use in event.used("gradient") if isinstance(event, (ModelUse, ModeCall)) else ():
            for frame in use.frames:
                function = compiled(frame, interpretation)
                if function is None or not _asks_for_weights(function):
                    continue
                for tag in use.sources:
                    if tag[0] == "vars-of" and tag[1] is not None:
                        token = ("object", tag[1]) if isinstance(tag[1], int) else ("place", tag[1])
                        found.setdefault(id(function.node), {})[token] = None
    return {node: tuple(tokens) for node, tokens in found.items()}


def _asks_for_weights(function: FunctionValue) -> bool:
    return any(
        isinstance(node, cst.Attribute) and node.attr.value in {"trainable_variables", "trainable_weights"}
        for node in walk(function.node)
    )
