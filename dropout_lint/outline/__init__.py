"""What a look at a file's syntax tells about the findings it can have, without LibCST and without interpretation.

A file is worth an analysis only if something in it, or in what it imports, could make a rule speak. The words of Keras
alone do not tell: whoever writes layers writes ``training=training`` all day. What tells is where a mode is *chosen*
(``training=True``, a default, an argument by position), a flag is *set* (``.trainable =``), a rate is *out of range*.
Those are the features of an outline. They err on the side of saying yes: what a rule reports always has its feature,
what has a feature is seldom reported.

An outline is read off the tree of Python's own parser, which takes a tenth of the time of one that keeps the source.
"""

from __future__ import annotations

from dropout_lint.outline.model import Outline, Unit
from dropout_lint.outline.reading import ANYTHING, is_python, outline_of

__all__ = ["ANYTHING", "Outline", "Unit", "is_python", "outline_of"]
