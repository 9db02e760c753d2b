"""The walk meets every node that means something, in source order."""

from __future__ import annotations

import libcst as cst
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

from dropout_lint.syntax.parse import parse
from dropout_lint.syntax.walk import children, walk

EVERYTHING = '''\
"""Every construct of the grammar."""
from __future__ import annotations
import os, a.b as c
from . import d
from ..e import (f as g, h,)
from i import *
@decorator(x=1)
@other
async def function(p, /, q: int = 1, *args: str, r=2, **kwargs: object) -> list[int]:
    global s
    await t
    async with u as v, w: pass
    async for x in y:
        yield x
    else:
        return
    return [z async for z in aa if bb]
class Class(Base, Generic[T], metaclass=Meta, **keywords):
    attribute: int = 3
    bare: str
    def method(self): yield from self.other
def star(*, only): nonlocal_name = only
for i in range(10):
    if i > 1 and not i == 2 or i in j and k is not l: continue
    elif m: break
    else: pass
else: pass
while n: o += 1
try: raise P from Q
except (R, S) as error: pass
except T: pass
else: pass
finally: del u, v[0]
assert w, "message"
with (x) as y: pass
z = lambda a, b=1, *c, d, **e: a if b else c
aa = bb = {**cc, "dd": -ee, 1.5: 2j, ...: ~ff}
gg = {hh, *ii}, [*jj, kk], (ll for mm in nn for oo in pp), {qq: rr for ss in tt}, {uu for vv in ww}
xx = yy[1:2:3, ..., zz] @ ab ** ac // ad % ae << af >> ag & ah | ai ^ aj
ak = f"text {al!r:>{am}} more" "implicit"
(an := ao)
print(*ap, aq=ar, **at)
match au:
    case 1 | "two" | None: pass
    case [av, *aw, _]: pass
    case (ax,): pass
    case {"ay": az, **ba}: pass
    case Point(bb, x=bc) as bd if be: pass
    case bf.bg: pass
type bh[*bi, **bj, bk: int] = bl
def generic[T: str](x: T): pass
'''


class _Everything(cst.CSTVisitor):
    def __init__(self):
        self.nodes = []

    def on_visit(self, node):
        self.nodes.append(node)
        return True


def _named(node):
    return type(node).__name__


def test_meets_every_node_but_whitespace_punctuation_and_operators():
    module = parse(EVERYTHING)
    visitor = _Everything()
    module.visit(visitor)

    walked = list(walk(module))
    met = {id(node) for node in walked}
    omitted = {_named(node) for node in visitor.nodes if id(node) not in met}

    assert len(met) == len(walked)
    assert met <= {id(node) for node in visitor.nodes}
    punctuation = {
        *("AssignEqual", "Asynchronous", "Colon", "Comma", "Comment", "Dot", "EmptyLine", "Newline", "ParamSlash"),
        *("ParenthesizedWhitespace", "Semicolon", "SimpleWhitespace", "TrailingWhitespace"),
    }
    operators = {
        name
        for name in dir(cst)
        if isinstance(getattr(cst, name), type)
        and issubclass(
            getattr(cst, name), (cst.BaseBinaryOp, cst.BaseUnaryOp, cst.BaseBooleanOp, cst.BaseCompOp, cst.BaseAugOp)
        )
    }
    brackets = {name for name in dir(cst) if name.startswith(("Left", "Right"))}
    assert omitted <= punctuation | operators | brackets
    assert not {_named(node) for node in walked} & (punctuation | operators | brackets)


def test_goes_in_source_order():
    wrapper = MetadataWrapper(parse(EVERYTHING), unsafe_skip_copy=True)
    positions = wrapper.resolve(PositionProvider)
    leaves = [node for node in walk(wrapper.module) if not children(node)]

    places = [(positions[node].start.line, positions[node].start.column) for node in leaves]

    assert places == sorted(places)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("x = f(a, k=b)", ["x", "f", "a", "k", "b"]),
        ("y if x else z", ["y", "x", "z"]),
        ("@d\ndef f(p=q): r", ["d", "f", "p", "q", "r"]),
        ("@d\nclass C(B, m=M): x", ["d", "C", "B", "m", "M", "x"]),
        ("lambda a=b: c", ["a", "b", "c"]),
        ("[x for y in z if w]", ["x", "y", "z", "w"]),
        ("def f(a, /, b, *c, d, **e): pass", ["f", "a", "b", "c", "d", "e"]),
        ("try: a\nexcept B as c: d", ["a", "B", "c", "d"]),
    ],
)
def test_names_come_as_they_are_read(source, names):
    assert [node.value for node in walk(parse(source)) if isinstance(node, cst.Name)] == names


def test_children_are_one_level_of_the_walk():
    statement = parse("f(a)(b, k=c)\n").body[0]
    call = statement.body[0].value

    assert [_named(child) for child in children(call)] == ["Call", "Arg", "Arg"]


def test_is_not_limited_by_recursion():
    module = parse("x = " + "+".join("a" * 2_900))

    assert sum(isinstance(node, cst.Name) for node in walk(module)) == 2_901
