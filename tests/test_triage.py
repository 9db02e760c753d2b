"""Which files are worth a parse, by their bytes and by those of what they import."""

import re
import textwrap
from pathlib import Path

import pytest

from dropout_lint.analysis import Analysis
from dropout_lint.rules import REGISTRY
from dropout_lint.settings import Resolver

ROOT = Path(__file__).parents[1] / "fixtures"
LAYER = """\
import keras
class Block(keras.layers.Layer):
    def __init__(self, units, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.dense, self.dropout = keras.layers.Dense(units), keras.layers.Dropout(dropout)
    def call(self, inputs, training=None):
        \"\"\"Call it, e.g. `block(x, training=True)`.\"\"\"
        # never: self.dropout(x, training=True)
        return self.dropout(self.dense(inputs), training=training)
"""


def is_candidate(files, name="main.py", tmp_path=None):
    return bool(speakers(files, name, tmp_path))


def speakers(files, name="main.py", tmp_path=None):
    for path, source in files.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(source))
    settings = Resolver(isolated=True).of(tmp_path)
    analysis = Analysis(settings, tmp_path)
    return analysis.speakers(tmp_path / name, (tmp_path / name).read_bytes())


SILENT = {
    "a layer that hands the mode on": LAYER,
    "a model as it should be": """\
        import keras
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.drop = keras.layers.Dropout(0.5)
            def call(self, x, training=False):
                x = self.drop(x, training=training)
                return x
        """,
    "a training script": """\
        import keras
        model = keras.Sequential([keras.layers.Dense(3), keras.layers.Dropout(0.2)])
        model.compile("sgd", "mse")
        model.fit(x, y, epochs=3)
        print(model.evaluate(x, y))
        """,
    "weights that do not train": (
        'import keras\nw = keras.Variable(0.0, trainable=False)\nself.add_weight("w", trainable=True)'
    ),
    "unit tests": """\
        import keras
        from absl.testing import parameterized
        class BlockTest(parameterized.TestCase):
            def test_modes(self):
                self.assertEqual(block(x, training=True), 1)
        """,
    "a flag in a text": 'import keras\n"""\nmodel(x, training=True)\n"""\nx = 1  # training=True',
    "unit tests whose names only the compiler refuses": """\
        import unittest, keras
        nonlocal layer
        class BlockTest(unittest.TestCase):
            def test_modes(self, x, x):
                return block(x)
        """,
    "another library": "import flax\nmodel.apply(x, training=True)\nmodel.trainable = False",
}


@pytest.mark.parametrize("source", SILENT.values(), ids=SILENT)
def test_a_file_in_which_nothing_can_be_found_is_not_parsed(source, tmp_path):
    name = "block_test.py" if "TestCase" in source else "main.py"
    assert not is_candidate({name: source}, name, tmp_path)


CANDIDATES = {
    "a literal": "model(x, training=True)",
    "a name": "model(x, training=on)",
    "an expression": "model(x, training=not off)",
    "over two lines": "model(\n    x, training=\n    True)",
    "by position": "training = None\nmodel(x, True)",
    "a default": "def step(x, training=True):\n    return model(x, training=training)",
    "an annotated default": "def step(x, training: Optional[bool] = True):\n    return model(x, training=training)",
    "a dict": 'options = {"training": True}\nmodel(x, **options)',
    "an option": 'parser.add_argument("--training", default=True)\nmodel(x, training=args.training)',
    "a loop": "for training in (True, False):\n    model(x, training=training)",
    "a partial": "step = functools.partial(model, training=True)",
    "an attribute": "self.is_training = True\nmodel(x, training=self.is_training)",
    "a method that takes none": "model.predict(x, training=False)",
    "a toggle": "model.trainable = False\nmodel.fit(x)",
    "a toggle by name": 'setattr(model, "trainable", False)\nmodel.fit(x)',
    "a misspelt toggle": "model.layers[0].trianable = False",
    "a comparison": "model.trainable == False",
    "a rate": "layer = keras.layers.Dropout(50)",
    "a rate by name": "drop = 1.5\nlayer = keras.layers.Dropout(drop)",
    "a rate by position": "def block(n, drop):\n    return keras.layers.Dropout(drop)\nblock(16, 3)",
    "a rate in a configuration": 'config = {"dropout": 50}\nlayer = keras.layers.Dropout(config["dropout"])',
    "a syntax error": "model = keras.Sequential([",
    "five thousand brackets": "x = " + "[" * 5000 + "]" * 5000,
}


@pytest.mark.parametrize("source", CANDIDATES.values(), ids=CANDIDATES)
def test_a_file_in_which_something_may_be_found_is_parsed(source, tmp_path):
    assert is_candidate({"main.py": f"import functools, keras\n{source}\n"}, tmp_path=tmp_path)


def test_unit_tests_that_are_no_python_are_not_passed_over(tmp_path):
    source = "import unittest, keras\nclass BlockTest(unittest.TestCase):\n    def test_modes(self) return 1\n"
    assert is_candidate({"block_test.py": source}, "block_test.py", tmp_path)


ELSEWHERE = {
    "a default that a program leaves as it is": (
        {
            "net.py": "import keras\nclass Net(keras.Model):\n    def call(self, x, training=True):\n        return x",
            "main.py": "from net import Net\nprint(Net()(x).mean())",
        },
        True,
    ),
    "the same, in a layer that is only used in a layer": (
        {
            "net.py": "import keras\nclass Net(keras.Model):\n    def call(self, x, training=True):\n        return x",
            "main.py": "from net import Net\nclass Other(Net):\n    pass",
        },
        False,
    ),
    "a model that cannot be told the mode": (
        {
            "base.py": "import keras\nclass Base(keras.Model):\n    def call(self, x):\n        return self.body(x)",
            "main.py": "import keras\nfrom base import Base\nclass Net(Base):\n    def __init__(self):\n"
            "        self.body = keras.layers.Dropout(0.5)",
        },
        True,
    ),
    "one without a layer that has a mode": (
        {
            "base.py": "import keras\nclass Base(keras.Model):\n    def call(self, x):\n        return self.body(x)",
            "main.py": "from base import Base\nclass Net(Base):\n    def __init__(self):\n        self.body = None",
        },
        False,
    ),
    "a layer that cannot": (
        {
            "base.py": "import keras\nclass Base(keras.layers.Layer):\n    def call(self, x):\n"
            "        return self.body(x)",
            "main.py": "from base import Base\nclass Net(Base):\n    def __init__(self):\n        self.body = None",
        },
        False,
    ),
    "a function that makes layers": (
        {
            "blocks.py": "import keras\ndef block(x):\n    return keras.layers.Dense(3)(x)",
            "main.py": "import keras\nfrom blocks import block\nclass Net(keras.Model):\n"
            "    def call(self, x, training=None):\n        return block(x)",
        },
        True,
    ),
    "unit tests of what a newer Keras has not": (
        {
            "net.py": "import keras\ndef learn(model, x):\n    model.fit_generator(x)",
            "main.py": "import pytest, keras, net\ndef test_learning():\n    net.learn(keras.Sequential([]), [])",
        },
        True,
    ),
    "unit tests of what only has such a name": (
        {
            "net.py": "import keras\ndef learn(model, x):\n    model.fit(x)  # once fit_generator",
            "main.py": "import pytest, keras, net\ndef test_learning():\n    net.learn(keras.Sequential([]), [])",
        },
        False,
    ),
    "unit tests that are no Python": (
        {
            "net.py": "import keras\ndef learn(model, x):\n    model.fit(x)  # once fit_generator",
            "main.py": "import pytest, net\ndef test_learning():\n    net.learn(",
        },
        True,
    ),
    "a program without a word of Keras": (
        {
            "steps.py": "import keras\ndef run_batch(model, x, training):\n    return model(x, training=training)",
            "main.py": "import steps\ndef evaluate(m, x):\n    return steps.run_batch(m, x, True)",
        },
        True,
    ),
}


FREEZING = "def freeze(model):\n    for layer in model.layers:\n        layer.trainable = False\n"
TOOLS = f"class Tools:\n    def __init__(self, model):\n{textwrap.indent(FREEZING, '        ')}"
FIT = "import keras\nimport parts\nmodel = keras.Sequential([])\n{}\nmodel.compile('sgd', 'mse')\nmodel.fit(x, y)\n"
REGISTERED = """\
import keras
MODELS = {}
def register(name):
    def keep(cls):
        MODELS[name] = cls
        return cls
    return keep
def make(name):
    return MODELS[name]()
@register("net")
class Net:
    def __init__(self):
        self.base = keras.Sequential([])
        self.base.trainable = False
"""
SET_GOING = {
    "a function that is called": (FREEZING, "parts.freeze(model)", True),
    "a function that nobody calls": (FREEZING, "parts.other(model)", False),
    "a function that another one calls": (
        f"{FREEZING}def prepare(model):\n    freeze(model)\n",
        "parts.prepare(model)",
        True,
    ),
    "a method that is called": (
        f"class Tools:\n{textwrap.indent(FREEZING, '    ')}",
        "parts.Tools().freeze(model)",
        True,
    ),
    "a method that nobody calls": (f"class Tools:\n{textwrap.indent(FREEZING, '    ')}", "parts.Tools()", False),
    "a constructor": (TOOLS, "parts.Tools(model)", True),
    "a function in a dict": (f"{FREEZING}HELPERS = {{'f': freeze}}\n", "parts.HELPERS['f'](model)", True),
    "a class by the name it is registered with": (REGISTERED, "parts.make('net')", True),
    "a module that does so itself": ("from model import model\nmodel.trainable = False\n", "", True),
    "a base class": (f"{TOOLS}class More(Tools):\n    pass\n", "parts.More(model)", True),
}


@pytest.mark.parametrize(("parts", "call", "expected"), SET_GOING.values(), ids=SET_GOING)
def test_of_what_a_file_imports_counts_what_it_sets_going(parts, call, expected, tmp_path):
    assert is_candidate({"parts.py": parts, "main.py": FIT.format(call)}, tmp_path=tmp_path) is expected


NETS = f"import keras\nBASE = keras.Sequential([])\n{FREEZING}"
LATE = "def optional():\n    from pack import nets\n    return nets\n"
PROGRAM = "import pack\ndef train(model, x):\n    {}\n    model.trainable = False\n    model.fit(x)\n"
PACKAGES = {
    "in a function that nobody mentions": ({"pack/__init__.py": LATE}, "pack.other()", False),
    "in a function that is called": ({"pack/__init__.py": LATE}, "pack.optional().freeze(model)", True),
    "in a function that the package calls": (
        {"pack/__init__.py": f"{LATE}nets = optional()\n"},
        "pack.nets.freeze(model)",
        True,
    ),
    "when a name is asked for": (
        {"pack/__init__.py": LATE.replace("optional()", "__getattr__(name)")},
        "pack.nets.freeze(model)",
        True,
    ),
    "in a method": (
        {"pack/__init__.py": "class Loader:\n    def load(self):\n        from pack import nets\n"},
        "pack.nets.freeze(model)",
        True,
    ),
    "where it can be had": (
        {"pack/__init__.py": "try:\n    from pack import nets\nexcept ImportError:\n    nets = None\n"},
        "pack.nets.freeze(model)",
        True,
    ),
    "after a function": (
        {"pack/__init__.py": "def other(\n    x,\n):\n    return x\n\nfrom pack import nets\n"},
        "pack.nets.freeze(model)",
        True,
    ),
    "Keras itself in a function that nobody mentions": (
        {"pack/__init__.py": "def optional():\n    import keras\n    return keras\n"},
        "",
        False,
    ),
    "Keras itself in a function that is called": (
        {"pack/__init__.py": "def optional():\n    import keras\n    return keras\n"},
        "pack.optional().freeze(model)",
        True,
    ),
    "in a package that this one imports": (
        {"pack/__init__.py": "import inner\n", "inner/__init__.py": LATE},
        "pack.inner.other()",
        False,
    ),
    "in a function of that one": (
        {"pack/__init__.py": "import inner\n", "inner/__init__.py": LATE},
        "pack.inner.optional().freeze(model)",
        True,
    ),
    "in a function that the package passes on": (
        {"pack/__init__.py": "from inner import optional as other\n", "inner/__init__.py": LATE},
        "pack.other().freeze(model)",
        True,
    ),
}


@pytest.mark.parametrize(("files", "call", "expected"), PACKAGES.values(), ids=PACKAGES)
def test_what_a_package_imports_in_a_function_counts_for_who_mentions_that(files, call, expected, tmp_path):
    files = {**files, "pack/nets.py": NETS, "main.py": PROGRAM.format(call or "pass")}
    assert is_candidate(files, tmp_path=tmp_path) is expected


THROUGH_ANOTHER = {
    "that mentions the function": ("import pack\ndef prepare(m):\n    pack.optional().freeze(m)\n", True),
    "that mentions another": ("import pack\ndef prepare(m):\n    pack.other().freeze(m)\n", False),
}


@pytest.mark.parametrize(("between", "expected"), THROUGH_ANOTHER.values(), ids=THROUGH_ANOTHER)
def test_such_a_function_may_be_mentioned_by_a_file_in_between(between, expected, tmp_path):
    files = {
        "pack/__init__.py": LATE,
        "pack/nets.py": NETS,
        "between.py": between,
        "main.py": FIT.format("between.prepare(model)").replace("import parts", "import pack, between"),
    }
    assert ("KTM201" in speakers(files, tmp_path=tmp_path)) is expected


WITHOUT_KERAS = "{}\ndef train(model, x):\n    {}\n    model.trainable = False\n    model.fit(x)\n"
MAKES = (
    "import keras\nlogger = None\ndef make():\n    return keras.Sequential([])\nclass Trainer:\n    model = make()\n"
)
REGISTRY_FILE = (
    "MODELS = {}\ndef register(cls):\n    MODELS[cls.__name__] = cls\n    return cls\n"
    "def create(name):\n    return MODELS[name]()\n"
)
CONCERNS = {
    "a function that makes a model": ({"nets.py": MAKES}, "import nets", "model = nets.make()", True),
    "by another name": ({"nets.py": MAKES}, "from nets import make as new", "model = new()", True),
    "after a star import": ({"nets.py": MAKES}, "from nets import *", "model = make()", True),
    "a class that holds one": ({"nets.py": MAKES}, "from nets import Trainer", "Trainer().fit(x)", True),
    "a logger": ({"nets.py": MAKES}, "from nets import logger", "logger.info(x)", False),
    "a function that has the name of a built-in": (
        {"nets.py": MAKES.replace("make", "range")},
        "import nets",
        "range(x)",
        False,
    ),
    "a method of another class that has the name of one": (
        {"nets.py": f"{MAKES}    def copy(self):\n        return keras.models.clone_model(self.model)\n"},
        "import nets",
        "x = x.copy()",
        False,
    ),
    "what only asks for tensors": (
        {"nets.py": "import tensorflow as tf\ndef array_of(x):\n    return isinstance(x, tf.Tensor) and x.numpy()\n"},
        "import nets",
        "x = nets.array_of(x)",
        False,
    ),
    "what only says so": (
        {"nets.py": 'def train_with(model):\n    """As ``keras.Model.fit``."""\n    model.fit()\n'},
        "import nets",
        "nets.train_with(model)",
        False,
    ),
    "a function beside it that is handed a model and no mode": (
        {"nets.py": f"{MAKES}def report(model, out, rows):\n    model.eval()\n    json.dump(rows, out, True)\n"},
        "import nets",
        "nets.report(model, x, [])",
        False,
    ),
    "a function beside it that is handed a mode": (
        {"nets.py": f"{MAKES}def run(model, x, training):\n    return model(x, training=training)\n"},
        "import nets",
        "nets.run(model, x, True)",
        True,
    ),
    "what another file makes of it": (
        {"nets.py": MAKES, "parts.py": "import nets\ndef prepare():\n    return nets.make()\n"},
        "import nets, parts",
        "model = parts.prepare()",
        True,
    ),
    "what is registered with a file that knows nothing of it": (
        {"nets.py": f"import registry\n{MAKES}@registry.register\nclass Net(keras.Model):\n    pass\n"}
        | {"registry.py": REGISTRY_FILE},
        "import nets, registry",
        "model = registry.create('Net')",
        True,
    ),
    "a layer of TensorFlow Hub": ({}, "import tensorflow_hub as hub", "model = hub.KerasLayer(x)", True),
    "a tensor of TensorFlow": ({}, "import tensorflow as tf", "x = tf.constant(x)", False),
    "a session of TensorFlow": ({}, "import tensorflow as tf", "tf.compat.v1.Session().run(x)", True),
    "the name that all have for it": ({}, "", "model = keras.models.clone_model(model)  # keras", True),
}


@pytest.mark.parametrize(("files", "head", "line", "expected"), CONCERNS.values(), ids=CONCERNS)
def test_a_file_concerns_keras_by_what_it_refers_to(files, head, line, expected, tmp_path):
    files = {**files, "main.py": WITHOUT_KERAS.format(head, line)}
    assert is_candidate(files, tmp_path=tmp_path) is expected


def test_a_stub_is_not_looked_at(tmp_path):
    layer = LAYER.replace("training=None", "training=True")
    assert is_candidate({"main.py": layer}, tmp_path=tmp_path)
    assert not is_candidate({"main.pyi": layer}, "main.pyi", tmp_path)
    assert is_candidate({"other.pyi": f"{layer}\n("}, "other.pyi", tmp_path)


PHASES = (
    "from keras import backend as K\ndef reset():\n    K.set_learning_phase(0)\ndef other():\n    return K.floatx()\n"
)
DROPS = "from keras import backend as K\ndef drop(x):\n    return K.in_train_phase(lambda: K.dropout(x, 0.5), x)\n"
LEARNING_PHASE = {
    "set": ("from keras import backend as K\nK.set_learning_phase(1)", "", {"KTM301", "KTM302"}),
    "read": ("from keras import backend as K\nprint(K.learning_phase())", "", {"KTM302"}),
    "chosen by": ("from keras import backend as K\ny = K.in_test_phase(a, b)", "", {"KTM302"}),
    "under another name": ("from keras.backend import set_learning_phase as phase\nphase(1)", "", {"KTM301", "KTM302"}),
    "by its name": (
        "from keras import backend as K\ngetattr(K, 'set_learning_phase')(1)",
        "",
        {"KTM301", "KTM302"},
    ),
    "named in a comment": ("import keras\nprint(keras.__version__)  # no learning_phase", "", set()),
    "set by what a program calls": (
        "import keras\nimport parts\nparts.reset()\nprint(model(x))",
        PHASES,
        {"KTM301", "KTM302"},
    ),
    "set by what a program that predicts calls": (
        "import keras\nimport parts\nparts.reset()\nprint(model.predict(x))",
        PHASES,
        {"KTM301", "KTM302"},
    ),
    "set by what nobody calls": ("import keras\nimport parts\nprint(parts.other())\nmodel.predict(x)", PHASES, set()),
    "read by what a model is made of": (
        "import keras\nimport parts\ndef build(x):\n    return keras.Model(x, parts.drop(x))",
        DROPS,
        set(),
    ),
}


@pytest.mark.parametrize(("source", "parts", "expected"), LEARNING_PHASE.values(), ids=LEARNING_PHASE)
def test_the_learning_phase_matters_where_it_is_set_going(source, parts, expected, tmp_path):
    found = speakers({"main.py": source, "parts.py": parts}, tmp_path=tmp_path)

    assert found & {"KTM301", "KTM302"} == expected


RATES = {
    "a part of another rate": ("return layers.Dropout(rate * i / n)", False),
    "what is left of one": ("return layers.Dropout(rate - 1)", True),
    "per cent": ("return layers.Dropout(rate * 100)", True),
    "the end of a list": ("return layers.Dropout(rates[-1])", False),
    "of a list with odd ones": ("rates = [0.1, 20]\nreturn layers.Dropout(rates[-1])", True),
    "of a configuration": ('return layers.Dropout(config["dropout"])', False),
    "of a configuration that is written out": (
        'import json\nconfig = json.loads(TEXT)\nreturn layers.Dropout(config["dropout"])',
        True,
    ),
    "of one in a file": ('import json\nreturn layers.Dropout(config["dropout"])', False),
    "an option": ('parser.add_argument("--dropout", default=50)', True),
    "the spread of weights": ("keras.initializers.RandomNormal(stddev=units**-0.5)", False),
    "the loss": ("keras.losses.SparseCategoricalCrossentropy(50)", False),
    "a partial": ("functools.partial(layers.Dropout, 50)", True),
    "of a layer that takes more": ("return layers.LSTM(8, dropout=30)", True),
}


@pytest.mark.parametrize(("source", "expected"), RATES.values(), ids=RATES)
def test_a_rate_is_looked_at_where_it_may_be_none(source, expected, tmp_path):
    head = (
        "import functools, keras\nfrom keras import layers  # Dropout\ndef block(rate, i, n, units, rates, config):\n"
    )
    program = head + textwrap.indent(source, "    ") + "\n"
    assert is_candidate({"main.py": program}, tmp_path=tmp_path) is expected


KEEPS = {
    "a dropout of its own": ("keep_prob = 1 - rate\nreturn x / keep_prob * tf.floor(keep_prob + u)", False),
    "a mask": ("return tf.boolean_mask(x, keep_mask)", False),
    "handed to a layer": ("return keras.layers.Dropout(keep_prob)(x)", True),
    "less from one": ("return keras.layers.Dropout(1 - keep_prob)(x)", True),
    "handed to a function": ("return head(x, keep_prob)", True),
    "handed on by the same name": ("return head(x, keep_prob=keep_prob)", False),
    "by another name": ("p = float(keep_prob)\nreturn keras.layers.Dropout(p)(x)", True),
    "one of two": ("p, q = 1 - keep_prob, 3\nreturn keras.layers.Dropout(p)(x)", True),
    "out of a dict": ('p = options["keep_prob"]\nreturn keras.layers.Dropout(p)(x)', True),
    "in a dict": ('options = {"rate": keep_prob}\nreturn keras.layers.Dropout(**options)(x)', True),
    "through a library": ("return functools.partial(head, keep_prob)(x)", True),
    "an argument of a recurrent layer": ("return keras.layers.LSTM(8, dropout=keep_prob)(x)", True),
}


@pytest.mark.parametrize(("source", "expected"), KEEPS.values(), ids=KEEPS)
def test_a_probability_to_keep_matters_where_it_is_handed_on(source, expected, tmp_path):
    head = "import functools, keras\nimport tensorflow as tf\nd = keras.layers.Dropout(0.1)\n"
    program = f"{head}def block(x, u, rate, keep_prob, options):\n{textwrap.indent(source, '    ')}\n"
    assert ("KTM502" in speakers({"main.py": program}, tmp_path=tmp_path)) is expected


NOISE = "tf.random.normal(tf.shape(x))"
DRAWN = {
    "added": ("return x + tf.random.normal(tf.shape(x))", True),
    "scaled and added": ("noise = self.scale * tf.random.normal(tf.shape(x))\nx += noise\nreturn x", True),
    "under another name": ("return x + noise(tf.shape(x))", True),
    "a factor round one": ("return x * (1.0 + tf.random.uniform(tf.shape(x)))", True),
    "handed to a function": ("return blend(x, tf.random.normal(tf.shape(x)))", True),
    "in a branch that somebody chooses": (f"if self.on:\n    d = {NOISE}\nelse:\n    d = 0.0\nreturn x + d", False),
    "in the mode for it": (f"if training:\n    x = x + {NOISE}\nreturn x", False),
    "in the other arm": (f"if training:\n    d = 0.0\nelse:\n    d = {NOISE}\nreturn x + d", True),
    "after the other mode has left": (f"if self.rate == 0 or not training:\n    return x\nreturn x + {NOISE}", False),
    "after an arm that goes on": (f"if training:\n    x = 2 * x\nreturn x + {NOISE}", True),
    "where the inner block has left": (f"if y:\n    if training:\n        return x\nreturn x + {NOISE}", True),
    "where its own rate is asked for": ("if self.rate > 0:\n    x = tf.nn.dropout(x, self.rate)\nreturn x", True),
    "where its own shape is asked for": ("if y > 0:\n    x = x + tf.random.normal(y)\nreturn x", True),
    "where something is there": (f"if y is not None:\n    x = x + {NOISE}\nreturn x", True),
    "where arguments are unpacked": ("if self.on:\n    x = x + tf.random.normal(*y)\nreturn x", True),
    "on the next turn": ("d = 0.0\nfor i in y:\n    x = x - d\n    d = tf.random.normal(tf.shape(x))\nreturn x", True),
    "in a nested function": ("def inner():\n    return x + tf.random.normal(tf.shape(x))\nreturn inner()", True),
    "the mean of the batch": ("mean, var = tf.nn.moments(x, [0])\nreturn (x - mean) / var", True),
    "dropout": ("return tf.nn.dropout(x, 0.5)", True),
    "depth that is dropped": (
        "keep = 1 - self.rate\nmask = tf.floor(keep + tf.random.uniform(tf.shape(x)))\nreturn x / keep * mask",
        True,
    ),
    "the same by functions": (
        "mask = tf.add(tf.random.uniform(tf.shape(x)), self.keep)\nmask = tf.floor(mask)\nreturn tf.multiply(x, mask)",
        False,
    ),
    "a draw compared with a rate": ("return x * tf.cast(tf.random.uniform((8, 1)) < self.keep, x.dtype)", True),
    "draws of NumPy": ("return x + np.random.normal(size=3)", False),
    "draws of whole numbers, added": ("return x + tf.random.stateless_binomial(tf.shape(x))", False),
    "draws of whole numbers, multiplied": ("return x * tf.random.stateless_binomial(tf.shape(x))", True),
}


@pytest.mark.parametrize(("source", "expected"), DRAWN.values(), ids=DRAWN)
def test_a_draw_matters_where_it_may_be_combined_with_an_activation(source, expected, tmp_path):
    head = "import keras\nimport numpy as np\nimport tensorflow as tf\nfrom tensorflow.random import normal as noise\n"
    call = f"def call(self, x, y, training=None):\n{textwrap.indent(source, '    ')}\n"
    layer = f"class Noisy(keras.layers.Layer):\n{textwrap.indent(call, '    ')}"
    assert ("KTM404" in speakers({"main.py": head + layer}, tmp_path=tmp_path)) is expected


LOADED = "from transformers import AutoModel\nimport keras\nother = AutoModel.from_pretrained('x')\n"
ON_MODULES = {
    "a model of Keras": ("model = keras.Sequential([])\nmodel.eval()", True),
    "a model of somebody": ("def show(model):\n    model.eval()", True),
    "one of PyTorch's": ("other.eval()", False),
    "a part of it": ("for name, block in zip(other.names(), mine.blocks):\n    block.norm.eval()", True),
    "a part of PyTorch's beside others": ("for mine, block in zip(mine, other.blocks):\n    block.norm.eval()", False),
    "in pairs": ("for i, each in [(1, other.x), (2, mine)]:\n    each.eval()", True),
    "each of its parts": ("for i, block in enumerate(other.blocks[1:]):\n    block.norm.parameters()", False),
    "a part that was put in": ("other.head = keras.layers.Dense(3)\nother.head.eval()", True),
    "a part of something else of that name": ("mine.head = keras.layers.Dense(3)\nother.head.eval()", False),
    "what a function is given": ("def show(model):\n    model.eval()\nshow(other)", False),
    "what it is given elsewhere": ("def show(model):\n    model.eval()\nshow(other)\nshow(mine)", True),
    "what somebody gives it": ("def show(model):\n    model.eval()\nshow(other)\nthen(show)", True),
    "one of two": ("if x:\n    other = keras.Sequential([])\nother.eval()", True),
    "what a function of the file loads": (
        "def load():\n    return AutoModel.from_pretrained('y'), 3\nmodel, n = load()\nmodel.eval()",
        False,
    ),
    "one of what it gives": (
        "def load():\n    return AutoModel.from_pretrained('y'), keras.Sequential([])\nmodel, n = load()\nmodel.eval()",
        False,
    ),
    "another of what it gives": (
        "def load():\n    return AutoModel.from_pretrained('y'), keras.Sequential([])\nn, model = load()\nmodel.eval()",
        True,
    ),
    "what one makes": ("def make():\n    return keras.Sequential([])\nmodel = make()\nmodel.eval()", True),
    "made of itself": ("def show(model):\n    model = model.inner\n    model.eval()", True),
}


@pytest.mark.parametrize(("source", "expected"), ON_MODULES.values(), ids=ON_MODULES)
def test_a_method_of_pytorch_matters_on_what_may_be_of_keras(source, expected, tmp_path):
    assert ("KTM303" in speakers({"main.py": f"{LOADED}{source}\n"}, tmp_path=tmp_path)) is expected


STEP = "def step(self, x):\n    return x * self.weight\n"
TRACED = {
    "a call": ("def call(self, x):\n    return x * self.weight\n", True),
    "a step of Keras": ("def train_step(self, x):\n    return x * self.weight\n", True),
    "what a call calls": (f"def call(self, x):\n    return self.step(x)\n{STEP}", True),
    "what a call calls of a part": (f"def call(self, x):\n    return self.other.step(x)\n{STEP}", True),
    "what a Lambda is made of": (f"def build(self, x):\n    self.f = Lambda(lambda x: self.step(x))\n{STEP}", True),
    "another function": (f"def call(self, x):\n    return x\n{STEP}", False),
    "a compiled function beside the calls": (f"@tf.function\n{STEP}def call(self, x):\n    return x\n", False),
}


@pytest.mark.parametrize(("source", "expected"), TRACED.values(), ids=TRACED)
def test_an_attribute_that_changes_matters_where_what_keras_traces_reads_it(source, expected, tmp_path):
    methods = f"{source}def raise_it(self):\n    self.weight = 3\n    self.fit(1)"
    program = f"import keras\nimport tensorflow as tf\nclass Net(keras.Model):\n{textwrap.indent(methods, '    ')}\n"
    assert ("KTM409" in speakers({"main.py": program}, tmp_path=tmp_path)) is expected


BY_NAME = {
    "one of a dict's": ("for name, value in {'trainable': False}.items():\n    setattr(layer, name, value)", True),
    "none of a dict's": ("for name, value in {'rows': 3}.items():\n    setattr(layer, name, value)", False),
    "the values of a dict": ("for key, name in {'rows': 'trainable'}.items():\n    setattr(layer, name, 3)", True),
    "of a dict that goes by a name": (
        "KEPT = {'rows': 3}\ndef reset(layer):\n    for name in KEPT:\n        setattr(layer, name, KEPT[name])",
        False,
    ),
    "of a dict that grows": (
        "KEPT = {'rows': 3}\nKEPT[given] = 4\nfor name in KEPT:\n    setattr(layer, name, KEPT[name])",
        True,
    ),
    "of what was noted before": (
        "KEPT = ('rows',)\nold = {a: 3 for a in KEPT}\nfor name, was in old.items():\n    setattr(layer, name, was)",
        False,
    ),
    "of a parameter": ("def change(layer, name):\n    setattr(layer, name, False)", True),
    "of a parameter that is bound anew": (
        "def change(layer, name):\n    name = name or 'rows'\n    setattr(layer, name, False)",
        True,
    ),
    "of one row of pairs": ("for name, value in [('rows', 3), ('trainable', 0)]:\n    setattr(layer, name, 0)", True),
    "of other pairs": ("for name, value in [('rows', 3), ('columns', 0)]:\n    setattr(layer, name, 0)", False),
    "of pairs of whom nothing is known": ("for name, value in given.items():\n    setattr(layer, name, value)", True),
    "put together": ("setattr(layer, f'{prefix}able', False)", True),
    "of its own": ("class A:\n    def set(self, **given):\n        [setattr(self, a, 1) for a in given]", False),
}


@pytest.mark.parametrize(("source", "expected"), BY_NAME.values(), ids=BY_NAME)
def test_an_attribute_that_is_set_by_its_name_matters_if_it_may_be_a_flag(source, expected, tmp_path):
    program = f"import keras\nlayer = keras.layers.Dropout(0.5)  # trainable\n{source}\n"
    assert ("KTM201" in speakers({"main.py": program}, tmp_path=tmp_path)) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return self.drop(x)", True),
        ("raise NotImplementedError", False),
        ("'''No.'''\n        raise ValueError", False),
    ],
)
def test_a_call_that_only_raises_trains_nothing(body, expected, tmp_path):
    program = (
        "import keras\nclass Net(keras.Model):\n    def __init__(self):\n        super().__init__()\n"
        f"        self.drop = keras.layers.Dropout(0.5)\n    def call(self, x):\n        {body}\n"
    )
    assert ("KTM403" in speakers({"main.py": program}, tmp_path=tmp_path)) is expected


INFER = "def infer(self, x):\n    return self.drop(x, training=False)\n"
BELOW_CALLS = {
    "in a call": ("def call(self, x):\n    return self.drop(x, training=False)\n", True),
    "beside the call": (f"{INFER}def call(self, x, training=None):\n    return x\n", False),
    "in what a call calls": (f"{INFER}def call(self, x):\n    return self.infer(x)\n", True),
    "in what a call calls of a part": (f"{INFER}def call(self, x):\n    return self.part.infer(x)\n", True),
    "in what a call looks up by a computed name": (
        f"{INFER}def call(self, x):\n    return getattr(self, 'in' + 'fer')(x)\n",
        True,
    ),
    "where an attribute is looked up for somebody who wrote its name": (
        f"{INFER}def __getattr__(self, name):\n    return getattr(self, name)\ndef call(self, x):\n    return x\n",
        False,
    ),
    "where a hook makes up a name": (
        f"{INFER}def __getattr__(self, key):\n    return getattr(self, 'x' + key)\ndef call(self, x):\n    return x\n",
        True,
    ),
    "in what the constructor keeps": (
        f"{INFER}def __init__(self):\n    self.run = self.infer\ndef call(self, x):\n    return self.run(x)\n",
        True,
    ),
    "where an attribute is set that a call reads": (
        "def shut(self):\n    self.mode = False\ndef call(self, x):\n    return self.drop(x, training=self.mode)\n",
        True,
    ),
}


@pytest.mark.parametrize(("source", "expected"), BELOW_CALLS.values(), ids=BELOW_CALLS)
def test_a_mode_that_is_chosen_matters_to_a_layer_below_its_call(source, expected, tmp_path):
    program = f"import keras\nclass Block(keras.layers.Layer):\n{textwrap.indent(source, '    ')}\n"
    assert ("KTM104" in speakers({"main.py": program}, tmp_path=tmp_path)) is expected


@pytest.mark.parametrize(("call", "expected"), [("infer(self.drop, x)", True), ("x", False)])
def test_a_mode_that_a_call_has_chosen_in_another_file_matters(call, expected, tmp_path):
    other = "def infer(layer, x):\n    return layer(x, training=False)\n"
    main = (
        "import keras\nfrom other import infer\nclass Block(keras.layers.Layer):\n"
        f"    def call(self, x):\n        return {call}\n    def test_step(self, x):\n        return infer(self, x)\n"
    )
    assert ("KTM104" in speakers({"other.py": other, "main.py": main}, tmp_path=tmp_path)) is expected


INIT = "def __init__(self, norm=keras.layers.LayerNormalization):\n    self.{}\n"
ALIASES = {
    "made in a call": ("def call(self, x):\n    norm = keras.layers.LayerNormalization\n    return norm()(x)", True),
    "by a default": ("def call(self, x, norm=keras.layers.LayerNormalization):\n    return norm()(x)", True),
    "made in the constructor": (f"{INIT.format('inner = norm()')}def call(self, x):\n    return self.inner(x)", False),
    "kept, and made in a call": (f"{INIT.format('make = norm')}def call(self, x):\n    return self.make()(x)", True),
    "handed to somebody": (f"{INIT.format('inner = other(norm)')}def call(self, x):\n    return self.inner(x)", True),
    "in a list": (
        "kinds = [keras.layers.LayerNormalization]\ndef call(self, x):\n    return pick(self.kinds)(x)",
        True,
    ),
}


@pytest.mark.parametrize(("source", "expected"), ALIASES.values(), ids=ALIASES)
def test_a_layer_class_by_another_name_matters_where_that_name_is_called(source, expected, tmp_path):
    program = f"import keras\nclass Block(keras.layers.Layer):\n{textwrap.indent(source, '    ')}\n"
    assert ("KTM406" in speakers({"main.py": program}, tmp_path=tmp_path)) is expected


MADE = {
    "of the file": ("class Part(keras.layers.Layer):\n    pass\n", "Part()", True),
    "of nobody knows where": ("", "Part()", True),
    "of the project": ("import parts\n", "parts.Part()", True),
    "of a module of the project": ("from parts.inner import Part\n", "Part()", True),
    "of a package that is not there": ("import others\n", "others.Part()", False),
    "of one beside another": ("import others\nimport parts\n", "others.Part(parts.Part())", True),
    "a layer of Keras by whatever way": ("import others\n", "others.Dense(3)", True),
    "one of Addons that Keras has, too": (
        "import tensorflow_addons\n",
        "tfa.layers.SpectralNormalization(x)",
        True,
    ),
}


@pytest.mark.parametrize(("head", "made", "expected"), MADE.values(), ids=MADE)
def test_what_a_call_makes_matters_if_it_may_be_of_the_project(head, made, expected, tmp_path):
    layer = f"class Block(keras.layers.Layer):\n    def call(self, x):\n        return {made}(x)\n"
    part = "import keras\nclass Part(keras.layers.Layer):\n    pass\n"
    files = {"parts/__init__.py": part, "parts/inner.py": part, "main.py": f"import keras\n{head}{layer}"}
    assert ("KTM406" in speakers(files, tmp_path=tmp_path)) is expected


@pytest.mark.parametrize(("files", "expected"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_what_a_file_imports_counts_where_it_can_matter(files, expected, tmp_path):
    assert is_candidate(files, tmp_path=tmp_path) is expected


PYTORCH = "import torch\n{}\nnet = Net()\nnet.eval()\nnet.drop = Dropout(50)\n"
LIKE_KERAS = {
    "PyTorch, and what only has Keras in its name": (PYTORCH.format("from torch4keras.model import *"), False),
    "a package that has both in its name": ("from torch4keras.model import *\nnet.eval()", False),
    "the same beside Keras": (PYTORCH.format("from torch4keras.model import *\nimport keras"), True),
    "Keras out of a package that has it in its name": (PYTORCH.format("from bert4keras.backend import keras"), True),
    "PyTorch and TensorFlow": (PYTORCH.format("import tensorflow as tf"), True),
    "a package that has Keras in its name, without PyTorch": (
        PYTORCH.replace("import torch", "import os").format("from vit_keras import *"),
        True,
    ),
}


@pytest.mark.parametrize(("source", "expected"), LIKE_KERAS.values(), ids=LIKE_KERAS)
def test_a_program_of_pytorch_uses_no_keras_by_the_name_of_a_package(source, expected, tmp_path):
    assert is_candidate({"main.py": source}, tmp_path=tmp_path) is expected


def test_what_a_fixture_draws_its_rule_alone_would_look_at():
    """Each rule by itself: that another one makes a file a candidate is luck."""
    rules = {rule.code for rule in REGISTRY}
    overlooked = []
    for path in sorted(ROOT.glob("*/flagged_*.py")):
        analysis = Analysis(Resolver(isolated=True).of(path.parent), path.parent)
        speakers = analysis.speakers(path, path.read_bytes())
        expected = set(re.findall(r"# expect: (KTM\d+)", path.read_text(encoding="utf-8")))
        overlooked += [(path.name, code) for code in sorted(expected & rules - speakers)]
    assert overlooked == []
