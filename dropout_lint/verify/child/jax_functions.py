"""``jax.jit`` of the user's own functions: boundaries, as ``tf.function`` is on TensorFlow.

What ``jax.jit`` returns is an object of an extension module whose call cannot be patched, so the user's modules get a
stand-in. Functions jitted by installed packages (Keras' own steps) are left alone.
"""

from __future__ import annotations

import functools
import sys
import types
from typing import TYPE_CHECKING, Any

from .boundaries import Boundary
from .calls import inside
from .modes import is_user_file
from .state import reseeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from .session import Session


def install_jax(session: Session, module: Any) -> None:
    """Called when ``jax`` has been imported."""
    session.results.write("jax", version=module.__version__)
    if not session.job.measure:
        return
    original = module.jit

    @functools.wraps(original)
    def jit(function: Any = None, *args: Any, **options: Any) -> Any:
        if function is None:
            # Newer versions take options alone and return a decorator.
            return lambda later: jit(later, *args, **options)
        jitted = original(function, *args, **options)
        if args or not is_user_file(sys._getframe(1).f_code.co_filename, session.job.project):  # noqa: SLF001
            return jitted
        return Jitted(session, original, function, jitted, options)

    module.jit = jit


class Jitted:
    """Stands for a jitted function of the user's."""

    def __init__(
        self, session: Session, jit: Callable[..., Any], function: Any, jitted: Any, options: dict[str, Any]
    ) -> None:
        functools.update_wrapper(self, function, updated=())
        self._session = session
        self._jit = jit
        self._function = function
        self._jitted = jitted
        self._options = {name: value for name, value in options.items() if not name.startswith("donate")}
        self._donates = len(self._options) < len(options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._jitted, name)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        session = self._session
        if session.playing is not None and session.in_graph():
            # Part of an arm: traced with it, or what the other arm traced would be found.
            return self._function(*args, **kwargs)
        if session.playing is not None or not session.on_main_thread or session.boundaries or session.in_graph():
            return self._jitted(*args, **kwargs)
        given = _copied((args, kwargs)) if self._donates else (args, kwargs)
        boundary = Boundary("function", self, play=lambda: ({}, self._again(*given)))
        return inside(session, boundary, lambda: self._jitted(*args, **kwargs))

    def _again(self, args: Any, kwargs: Any) -> Any:
        """The function traced anew for an arm, with this pass's seeds in the place of those it was given."""
        session = self._session
        key = (id(self), session.playing.id if session.playing else -1, session.counterfactual)
        if key not in session.copies:
            function = self._function

            @functools.wraps(function)
            def copy(*given: Any, **named: Any) -> Any:
                return function(*given, **named)

            session.copies[key] = self._jit(copy, **self._options)
        args, kwargs = reseeded((args, kwargs), session.pass_number)
        return session.copies[key](*args, **kwargs)


def _copied(arguments: Any) -> Any:
    jax = sys.modules["jax"]
    return jax.tree_util.tree_map(lambda leaf: leaf.copy() if hasattr(leaf, "addressable_shards") else leaf, arguments)
