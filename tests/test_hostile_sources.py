"""Sources that want to take the run down, or to hang it: each is analysed, or said not to be and why."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import dropout_lint as package

HEAD = """\
import functools
import keras
from keras import layers
model = keras.Sequential([layers.Dense(3), layers.Dropout(0.5)])
"""
TAIL = """
model.evaluate(x)
def evaluate(x):
    return keras.ops.argmax(model(x, training=True))
"""
MANY, FEW = 20_000, 1_000
CHAINED = "more than 3,000 chained operators in one expression"
BRACKETS = "more than 200 nested brackets"
LEVELS = "more than 100 levels of indentation"


def lines(template, count=FEW):
    return "".join(template.format(n=number, before=max(number - 1, 0)) + "\n" for number in range(count))


def levels(*templates, count=90):
    opened = "".join(" " * n + templates[n % len(templates)].format(n=n) + "\n" for n in range(count))
    return f"{opened}{' ' * count}y = model(x)\n"


EVERY_USE = """\
import dataclasses, tensorflow as tf
unknown(x, y=x)
x(model, training=True)
keras.Sequential(x)
isinstance(model, x)
for e in x:
    for f in e:
        y = [x, e, f]
        f.trainable = False
        y.append(x)
f = [e for e in x if e for g in e]
print(x + x, x * 2, {**x}, *x)
keras.Model(inputs=x, outputs=x)(1, training=True)
class B(keras.Model):
    def __init__(self):
        self.x = x
    def call(self, v, training=None):
        for q in self.x:
            v = q(v, training=training)
        return v
b = B()
b.compile("adam")
b.fit(x, callbacks=x)
b.trainable = False
with tf.GradientTape() as t:
    loss = model(x)
t.gradient(loss, x)
x[0] = x
x_test = x
jax.vmap(x)(x)
tf.saved_model.save(x, "m", signatures=x)
model.save("m", signatures={"a": x})
tf.lite.TFLiteConverter.from_concrete_functions(x)
dataclasses.replace(x, a=x)
dataclasses.asdict(x)
x._replace(a=x)
a, b, *c = x
def g(x=x, *a, **k):
    return g(x), model(x)
g(g(x))
"""
EVERY_MODEL = """\
y = x(keras.Input((3,)), training=False)
base = keras.Model(inputs=x, outputs=y)
class Net(keras.Model):
    def call(self, v, training=None):
        made = keras.Sequential([x, x])
        return made(x(v)) + x(v, training=training)
for layer in x.layers:
    if isinstance(layer, layers.BatchNormalization):
        layer.trainable = False
x.trainable = True
x.predict(v)
x.trainable = False
x.compile("adam")
x.fit(v)
base.compile("adam")
base.fit(v)
with tf.GradientTape() as tape:
    loss = x(v)
tape.gradient(loss, x.trainable_variables)
print(x(v, training=True), base(v, training=False))
"""
UNREADABLE = {
    "brackets": ("x = " + "[" * 5_000 + "]" * 5_000, BRACKETS),
    "braces": ("x = " + "{1: " * MANY + "1" + "}" * MANY, BRACKETS),
    "calls in calls": ("x = " + "f(" * MANY + ")" * MANY, BRACKETS),
    "walruses": ("x = " + "(a := " * MANY + "1" + ")" * MANY, BRACKETS),
    "attributes": ("x = a" + ".b" * MANY, CHAINED),
    "sums": ("x = " + "+".join("a" * MANY), CHAINED),
    "powers": ("x = " + "**".join("a" * MANY), CHAINED),
    "called results": ("x = f" + "(a)" * MANY, CHAINED),
    "called methods": ("x = f" + ".g(a)" * MANY, CHAINED),
    "items": ("x = f" + "[0]" * MANY, CHAINED),
    "conditional expressions": ("x = " + "a if b else " * MANY + "c", CHAINED),
    "negations": ("x = " + "not " * MANY + "c", CHAINED),
    "signs": ("x = " + "-" * MANY + "c", CHAINED),
    "conjunctions": ("x = " + " and ".join("a" * MANY), CHAINED),
    "comparisons": ("x = " + "<".join("a" * MANY), CHAINED),
    "lambdas": ("x = " + "lambda: " * MANY + "c", CHAINED),
    "adjacent texts": ("x = " + "'a' " * MANY, CHAINED),
    "clauses of a comprehension": ("x = [a" + " for a in a" * MANY + "]", CHAINED),
    "alternatives of a pattern": ("match a:\n case " + "|".join(map(str, range(MANY))) + ": pass", CHAINED),
    "lambdas in defaults": ("x = " + "lambda a=b: " * 6_000 + "c", "nested too deeply"),
    "nested conditions": (levels("if a:", count=150), LEVELS),
    "calls in calls, many of them": (("x = " + "f(a, " * 80 + "1" + ")" * 80 + "\n") * 100, "more than 400,000 words"),
    "a long name that is imported": ("from a" + ".b" * 100_000 + " import c", CHAINED),
    "a name that is imported, of long names": (
        "import " + ("b" * 3_000 + ".") * 1_000 + "b",
        "a very long dotted name",
    ),
    "a name that is imported, line by line": ("import a" + "\\\n.b" * 100_000, CHAINED),
    "a long table": ("x = [" + "1, " * 200_000 + "]", "more than 400,000 words and signs"),
}
READ = {
    "methods, one after the other": "x = f" + ".g(a)" * 1_400,
    "items, one after the other": "x = f" + "[0]" * 1_400,
    "a text with expressions in it": "x = f'" + "{a}" * MANY + "'",
    "comprehensions in comprehensions": "x = " + "[" * 180 + "a" + " for a in a]" * 180,
    "decorators": "@d\n" * 10_000 + "def f(): pass\n",
    "arms": "if a: pass\n" + "elif a: pass\n" * 3_000,
    "arms with modes": "if a: pass\n" + lines("elif t{n}: x = model(y, training=t{n})"),
    "functions in functions": levels("def f{n}(a):"),
    "classes in classes": levels("class C{n}:", "def f(self):"),
    "managers in managers": levels("with a as b:"),
    "loops in loops": levels("for a in b:", "while a:"),
    "functions that call the one before": lines("def f{n}(a): return f{before}(a)"),
    "functions that call the one before twice": "def f0(a): return model(a)\n"
    + lines("def f{n}(a): return f{before}(f{before}([a]))", 150),
    "functions that call each other": "def f(a): return g(a)\ndef g(a): return f([a])\n" * 50 + "f(1)\n",
    "classes that inherit from the one before": lines("class C{n}(C{before}): pass"),
    "classes that inherit from two before": lines("class C{n}(C{before}, A{before}): pass\nclass A{n}(C{n}): pass"),
    "classes that inherit from themselves": "class C(C): pass\n" * FEW + "C().x.y\n",
    "an object that is its own attribute": "class A:\n def __init__(self): self.a = self; self.b = [self]\n"
    " def __call__(self): return self()\n" + "a = A()\n" + "a = a.a\n" * FEW + "a()\n",
    "lists that hold themselves twice": "x = [x]\n" + "x = [x, x]\n" * FEW,
    "dicts that hold themselves twice": "x = {}\n" + "x = {1: x, 2: {**x}}\n" * 300,
    "lists in lists, handed to whatever takes them": "x = [model]\n" + "x = [x, x]\n" * 80 + EVERY_USE,
    "lists of lists of lists": "x = [model]\n" + f"x = [{'x, ' * 64}]\n" * 20 + EVERY_USE,
    "a list that holds itself": "x = [model]\n" + "x.append(x)\n" * 60 + EVERY_USE,
    "lists that loops put into themselves": "def step(x):\n"
    + (" x = [x, x]\n" * 60 + " while x:\n" + "  x[x] = x\n" * 64) * 2
    + " model(x, training=True)\nfor i in range(3): step(model)\nwhile y: step(1)\n",
    "sums of lists": "x = [1]\n" + "x = x + x\n" * FEW,
    "a number that is longer than numbers may be": "def f(x, keep_prob):\n    if keep_prob > "
    + "1" * 5_000
    + ":\n        return layers.Dropout(keep_prob)(x)\n",
    "sums of texts": "x = 'abc'\n" + "x = x + x\n" * FEW,
    "products of numbers": "x = 123456789\n" + "x = x * x\n" * FEW,
    "options": lines("o{n} = None if a{n} else True", 12) + lines("if o{n}: x = model(1, training=o{n})", 12),
    "sums of outputs": "y = 0\n" + "y = y + model(x, training=True)\n" * FEW,
    "lists of outputs": "y = []\n" + "y.append(model(x, training=True))\n" * FEW,
    "layers on layers": "y = keras.Input((3,))\n" + "y = layers.Dense(3)(y)\n" * FEW,
    "models in models": "x = keras.Sequential([layers.ReLU()])\n"
    + "x = keras.Sequential([x, x, x, x])\n" * 40
    + EVERY_MODEL,
    "models in models of weights": "x = keras.Sequential([layers.Dense(3), layers.BatchNormalization()])\n"
    + "x = keras.Sequential([x, x, layers.Dropout(0.5), x])\n" * 40
    + EVERY_MODEL,
    "models in models that are graphs": "x = layers.ReLU()\n"
    + "i = keras.Input((3,))\nx = keras.Model(i, x(x(x(i))))\n" * 40
    + EVERY_MODEL,
    "a model that holds itself": "x = keras.Sequential([layers.ReLU()])\nz = keras.Sequential([x, x])\n"
    + "x.add(x)\nx.add(z)\nz.add(x)\n" * 20
    + EVERY_MODEL,
    "a model that ends with itself": "x = keras.Sequential([layers.Dense(3), layers.Softmax(), layers.Dropout(0.5)])\n"
    f"x.add(x)\n{EVERY_MODEL}",
    "partials of partials": "g = model\n" + "g = functools.partial(g, training=True)\n" * FEW,
    "layers on layers that are made in a call": "class Row(layers.Layer):\n    def call(self, x):\n"
    + ("        x = " + "layers.Dense(3)(" * 40 + "x" + ")" * 40 + "\n") * 50,
    "augmented inputs": "augment = keras.Sequential([layers.RandomFlip()])\n" + "y = model(augment(x))\n" * 3 * FEW,
    "alternatives": lines("if a{n}: y = layers.Dropout(0.{n})"),
    "trainings": "model.compile('adam')\nmodel.fit(x)\nmodel.trainable = False\n" * FEW,
    "large texts": "a = 'a' * 1000000000\nb = '%1000000000d' % 1\nc = '%*d' % (1000000000, 1)\n"
    "d = '{:>1000000000}'.format(1)\ne = f'{1:>1000000000}'\ng = '%.999999999f' % 5.0\n",
    "large numbers": "a = 10**10**10\nb = 1 << 1000000000\nc = range(10**12)\nd = 0x" + "f" * MANY + "\n",
    "large lists": "a = [0] * 1000000000\nb = (1,) * 10**10\nc = list(range(10**9))\n",
    "suppressions without an end": "# dropout-lint: ignore[" * 50_000,
    "a long line": "x = '" + "x" * 1_000_000 + "'\n",
    "texts that are no text": "a = '\\ud800'\nb = '\\N{NO SUCH NAME}'\nc = b'\\xff'\n",
    "a long number": "x = 0x" + "9" * MANY,
    "form feeds": "\x0c\x0cx = 1\x0c\n",
}
NO_PYTHON = {
    "zeros": "x = 1\x00\n",
    "an open bracket": "x = (\n",
    "an odd indentation": "if a:\n        x\n    y\n",
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What one run of the program says of each of the files, by its number."""
    folder = tmp_path_factory.mktemp("hostile")
    sources = [source for source, _ in UNREADABLE.values()] + list(READ.values()) + list(NO_PYTHON.values())
    for number, source in enumerate(sources):
        (folder / f"s{number}.py").write_text(f"{HEAD}{source}\n{TAIL}", encoding="utf-8", newline="")
    done = subprocess.run(
        [sys.executable, "-m", "dropout_lint", "--isolated", "--output-format=json", "--min-confidence=low", "."],
        capture_output=True,
        cwd=folder,
        check=False,
        env={"PYTHONPATH": str(Path(package.__file__).parents[1]), "PATH": ""},
        # whatever fills the memory or does not end is stopped here, long after all should be done
        preexec_fn=lambda: (
            resource.setrlimit(resource.RLIMIT_CPU, (300, 300)),
            resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30)),
        ),
    )
    assert done.returncode == 1, done.stderr[-2000:].decode()
    found = {number: [] for number in range(len(sources))}
    for finding in json.loads(done.stdout)["findings"]:
        found[int(finding["path"][1:-3])].append(finding)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", UNREADABLE)
def test_what_the_parser_would_not_survive_is_said_not_to_be_analysed(outcomes, name):
    found = outcomes[list(UNREADABLE).index(name)]

    assert [finding["code"] for finding in found] == ["KTM991"]
    assert UNREADABLE[name][1] in found[0]["message"]


@pytest.mark.slow
@pytest.mark.parametrize("name", READ)
def test_what_is_long_or_deep_is_analysed_to_its_end(outcomes, name):
    found = outcomes[len(UNREADABLE) + list(READ).index(name)]

    assert "KTM101" in [finding["code"] for finding in found]
    assert not [finding for finding in found if finding["code"] == "KTM991"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NO_PYTHON)
def test_what_is_no_python_is_said_to_be_none(outcomes, name):
    found = outcomes[len(UNREADABLE) + len(READ) + list(NO_PYTHON).index(name)]

    assert [finding["code"] for finding in found] == ["KTM990"]
