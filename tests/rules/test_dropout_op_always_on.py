"""KTM404: which operations in a layer run in every mode, and what counts as asking for it."""

import textwrap

import pytest

from dropout_lint import check_source
from dropout_lint.settings import Resolver

PRELUDE = textwrap.dedent(
    """\
    import keras, numpy as np, tensorflow as tf
    from keras import layers, ops
    from keras import backend as K
    from tensorflow.keras.layers import Lambda

    class Layer(layers.Layer):
        def __init__(self, rate=0.3, **options):
            super().__init__(**options)
            self.rate = rate
            self.dense = layers.Dense(8)

    """
)


def found(source):
    program = PRELUDE + textwrap.dedent(source)
    resolver = Resolver(isolated=True, overrides={"keras-version": "3.15", "select": ["KTM404"]})
    lines = program.splitlines()
    return [
        lines[finding.span.start.line - 1].strip() for finding in check_source(program, "program.py", resolver).findings
    ]


def call(body, signature="self, x, training=None", more=""):
    lines = [*("    " + line for line in more.splitlines()), f"    def call({signature}):"]
    lines += ["        " + line for line in textwrap.dedent(body).strip().splitlines()]
    return "class Own(Layer):\n" + "\n".join(lines)


FOUND = {
    "stochastic depth, which is for training": call("return x * tf.nn.dropout(tf.ones((8, 1)), 0.1)").replace(
        "Own", "StochasticDepth"
    ),
    "tf.nn.dropout": call("return tf.nn.dropout(x, 0.5)"),
    "keep probability of TensorFlow 1": call("return tf.compat.v1.nn.dropout(x, 0.8)"),
    "keras.random": call("return keras.random.dropout(self.dense(x), self.rate, seed=1)"),
    "stateless": call("return tf.nn.experimental.stateless_dropout(x, 0.5, seed=[1, 2])"),
    "backend": call("return K.dropout(x, level=self.rate)"),
    "attribute of the constructor": call("return tf.nn.dropout(x, rate=self.rate)"),
    "computed from the configuration": call("return tf.nn.dropout(x, rate=1 - self.rate)"),
    "guarded by the rate alone": call("if self.rate > 0:\n    x = tf.nn.dropout(x, self.rate)\nreturn x"),
    "guarded by a mask": call("if mask is not None:\n    x = tf.nn.dropout(x, 0.1)\nreturn x", "self, x, mask=None"),
    "of a rate that is zero where nobody says it": """\
        class Own(Layer):
            def __init__(self, share=0.0):
                super().__init__()
                self.share = share
            def call(self, x, training=False):
                return tf.nn.dropout(x, self.share)
        class Outer(Layer):
            def __init__(self, share=0.0):
                super().__init__()
                self.own = Own(share)
        """,
    "in a method": call("return self.thin(x)", more="def thin(self, x):\n    return tf.nn.dropout(x, 0.5)"),
    "lambda": "layer = Lambda(lambda t: tf.nn.dropout(t, 0.5))",
    "lambda in a list": "model = keras.Sequential([layers.Dense(3), Lambda(lambda t: tf.nn.dropout(t, 0.5))])",
    "dropped weights": call(
        "return x @ tf.nn.dropout(self.kernel, 0.5)",
        more="def build(self, shape):\n    self.kernel = self.add_weight(shape=(3, 3))",
    ),
    "noise": call("return x + tf.random.normal(tf.shape(x), stddev=0.1)"),
    "noise with a factor": call("return x + self.rate * tf.random.normal(tf.shape(x))"),
    "noise after a layer": call("h = self.dense(x)\nreturn h + keras.random.normal(ops.shape(h), stddev=0.2)"),
    "multiplied noise": call("return x * (1.0 + 0.1 * tf.random.normal(tf.shape(x)))"),
    "uniform noise": call("return x - tf.random.uniform(tf.shape(x), -0.1, 0.1)"),
    "noise beside a share": call(
        "a = tf.random.uniform((1,))\nreturn a * x + (1.0 + 0.1 * tf.random.normal((1,))) * x"
    ),
    "mask, rounded": call("return x * tf.floor(1 - self.rate + tf.random.uniform((8, 1)))"),
    "mask, compared": call("kept = tf.random.uniform(tf.shape(x)) >= self.rate\nreturn x * tf.cast(kept, x.dtype)"),
    "mask of coin flips": call("return x / 0.8 * K.random_bernoulli(K.shape(x), p=0.8)"),
    "mask, scaled first": call("mask = ops.floor(0.8 + keras.random.uniform((8, 1))) / 0.8\nreturn mask * x"),
    "batch statistics": call("mean, var = tf.nn.moments(x, [0])\nreturn (x - mean) / tf.sqrt(var + 1e-3)"),
    "batch statistics of Keras": call("mean, var = ops.moments(x, axes=(0, 1, 2))\nreturn (x - mean) / ops.sqrt(var)"),
    "functional graph": "i = keras.Input((3,))\nnet = keras.Model(i, layers.Dense(1)(tf.nn.dropout(i, 0.5)))",
    "function that builds a graph": "def head(x, rate):\n    return tf.nn.dropout(x, rate)\nhead(keras.Input((3,)), 0.5)",
    "function whose argument is the input of a model": (
        "def net(image):\n    return keras.Model(inputs=image, outputs=layers.Dense(1)(tf.nn.dropout(image, 0.5)))"
    ),
    "one of two inputs": (
        "def net(one, two):\n    return keras.Model([one, two], layers.Dense(1)(tf.nn.dropout(two, 0.5)))"
    ),
    "behind a row of blocks": """\
        def net(image, blocks):
            x = image
            for block in range(blocks):
                if block < 3:
                    x = layers.Dense(4)(x) + x
                else:
                    x = layers.Conv1D(4, 1)(x)
            x = tf.reshape(x, [-1, 8])
            return keras.Model(image, layers.Dense(1)(tf.nn.dropout(x, 0.5)))
        """,
    "model": "class Net(keras.Model):\n    def call(self, x):\n        return tf.nn.dropout(x, 0.5)\n",
}


@pytest.mark.parametrize("source", FOUND.values(), ids=FOUND)
def test_an_operation_that_nothing_switches_off_is_found(source):
    assert len(found(source)) == 1


GUARDED = {
    "a layer that is stochastic by its name": call("return tf.nn.dropout(x, 0.1)").replace("Own", "StochasticDense"),
    "data of a function": "def thin(image):\n    return tf.nn.dropout(image, 0.5)",
    "a shape that becomes the input": """\
        def net(shape):
            noise = tf.nn.dropout(shape, 0.5)
            shape = keras.Input(shape)
            return keras.Model(shape, layers.Dense(1)(shape)), noise
        """,
    "a model of the project": """\
        class Model:
            def __init__(self, inputs, outputs):
                self.inputs, self.outputs = inputs, outputs
        def net(image):
            return Model(inputs=image, outputs=tf.nn.dropout(image, 0.5))
        """,
    "branch": call("if training:\n    x = tf.nn.dropout(x, 0.5)\nreturn x"),
    "compared": call("if training == True:\n    return tf.nn.dropout(x, 0.5)\nreturn x"),
    "early return": call("if not training:\n    return x\nreturn tf.nn.dropout(x, 0.5)"),
    "else": call("if not training:\n    y = x\nelse:\n    y = tf.nn.dropout(x, 0.5)\nreturn y"),
    "expression": call("return tf.nn.dropout(x, 0.5) if training else x"),
    "chosen afterwards": call("dropped = tf.nn.dropout(x, 0.5)\nreturn dropped if training else x"),
    "returned in a branch": call("y = tf.nn.dropout(x, 0.5)\nif training:\n    return y\nreturn x"),
    "in_train_phase": call("return K.in_train_phase(lambda: K.dropout(x, 0.5), x, training=training)"),
    "in_train_phase of a tensor": call("return K.in_train_phase(K.dropout(x, 0.5), x)", "self, x"),
    "nested function": call(
        "def dropped():\n    return tf.nn.dropout(x, 0.5)\nreturn K.in_train_phase(dropped, x, training=training)"
    ),
    "cond": call("return tf.cond(training, lambda: tf.nn.dropout(x, 0.5), lambda: x)"),
    "where": call("return tf.where(training, tf.nn.dropout(x, 0.5), x)"),
    "computed rate": call("return tf.nn.dropout(x, rate=self.rate * float(training))"),
    "cast rate": call("return tf.nn.dropout(x, self.rate * tf.cast(training, tf.float32))"),
    "rate by mode": call("rate = self.rate if training else 0.0\nreturn tf.nn.dropout(x, rate)"),
    "rate by branch": call("rate = 0.0\nif training:\n    rate = 0.5\nreturn tf.nn.dropout(x, rate)"),
    "backend variable": "level = K.variable(0.5)\nlayer = Lambda(lambda t: K.dropout(t, level))",
    "placeholder": "rate = tf.compat.v1.placeholder('float32')\nh = tf.nn.dropout(keras.Input((3,)), rate=1 - rate)",
    "given rate": call("return tf.nn.dropout(x, keep)", "self, x, keep"),
    "given rate with a default": call("return tf.nn.dropout(x, rate)", "self, x, rate=0.5"),
    "learning phase": call("if K.learning_phase():\n    x = K.dropout(x, 0.5)\nreturn x", "self, x"),
    "learning phase as a factor": call("return x + K.learning_phase() * K.random_normal(K.shape(x))", "self, x"),
    "attribute of the mode": call("if self.is_training:\n    x = tf.nn.dropout(x, 0.5)\nreturn x", "self, x"),
    "mask in a branch": call("return x * tf.floor(0.8 + tf.random.uniform((8, 1))) if training else x"),
    "mask of a rate by mode": call(
        "rate = self.rate if training else 0.0\nreturn x * tf.floor(1 - rate + tf.random.uniform((8, 1)))"
    ),
    "mask, compared with a rate by mode": call(
        "kept = tf.random.uniform((8, 1)) >= self.rate * float(training)\nreturn x * tf.cast(kept, x.dtype)"
    ),
    "switch": call("if self.active:\n    x = tf.nn.dropout(x, 0.5)\nreturn x", "self, x"),
    "switch that is on": call(
        "if self.drop_inputs:\n    x = tf.nn.dropout(x, 0.5)\nreturn x",
        more="def __init__(self, drop_inputs=True):\n    super().__init__()\n    self.drop_inputs = drop_inputs",
    ),
    "changed for inference": call("return tf.nn.dropout(x, self.rate)", more="def freeze(self):\n    self.rate = 0.0"),
    "variable": call(
        "return tf.nn.dropout(x, self.level)",
        more="def __init__(self):\n    super().__init__()\n    self.level = tf.Variable(0.5, trainable=False)",
    ),
    "rate that is zero wherever it is made": """\
        class Own(Layer):
            def __init__(self, share=0.0):
                super().__init__()
                self.share = share
            def call(self, x, training=False):
                return tf.nn.dropout(x, self.share)
        print(Own()(np.zeros((1, 4))))
        """,
    "rate of zero": call("return tf.nn.dropout(x, 0.0)"),
    "mode handed on": call(
        "return self.thin(x, training)",
        more="def thin(self, x, train):\n    return tf.nn.dropout(x, 0.5) if train else x",
    ),
    "project's own cond": """\
        def smart_cond(condition, yes, no):
            return yes() if condition else no()
        class Own(Layer):
            def call(self, x, training=None):
                return smart_cond(training, lambda: tf.nn.dropout(x, 0.5), lambda: tf.identity(x))
        """,
    "called with True elsewhere": """\
        class Own(Layer):
            def call(self, x, training=None):
                if training:
                    x = tf.nn.dropout(x, 0.5)
                return x
        print(Own()(np.ones((2, 3)), training=True))
        """,
}


@pytest.mark.parametrize("source", GUARDED.values(), ids=GUARDED)
def test_whatever_asks_for_the_mode_is_a_guard(source):
    assert found(source) == []


PART_OF_THE_MODEL = {
    "a point between two inputs": call("a = K.random_uniform((8, 1))\nreturn (a * x[0]) + ((1 - a) * x[1])"),
    "a point between, the rest first": call(
        "a = ops.reshape(keras.random.uniform((8,)), (8, 1))\nreturn (1 - a) * x[0] + x[1] * a"
    ),
    "reparametrisation": call(
        "m, s = self.dense(x), self.dense(x)\nreturn m + tf.exp(s) * tf.random.normal(tf.shape(m))"
    ),
    "spread as an argument": call("return x + tf.random.normal(tf.shape(x), stddev=tf.exp(self.dense(x)))"),
    "a mask between two inputs": call("m = K.random_bernoulli((8, 1), p=0.5)\nreturn m * x[0] + (1 - m) * x[1]"),
    "a mask by what the model says": call(
        "kept = tf.random.uniform((8, 1)) < tf.sigmoid(self.dense(x))\nreturn x * tf.cast(kept, x.dtype)"
    ),
    "a mask that keeps all": call("return x * tf.floor(1.0 + tf.random.uniform((8, 1)))"),
    "a mask of zeros": call("return x * tf.floor(tf.random.uniform((8, 1)))"),
    "a layer that is there to mask": call("return x * K.random_bernoulli((8, 1), p=0.8)").replace("Own", "RandomMask"),
    "Gumbel": call("u = tf.random.uniform(tf.shape(x))\nreturn x - tf.math.log(-tf.math.log(u))"),
    "diffusion": call(
        "noise = tf.random.normal(tf.shape(x))\nreturn tf.sqrt(t) * x + tf.sqrt(1 - t) * noise", "self, x, t"
    ),
    "learned strength": call(
        "return x + self.strength * tf.random.normal(tf.shape(x))",
        more="def build(self, shape):\n    self.strength = self.add_weight(shape=(3,))",
    ),
    "noisy weights": call(
        "return x @ (self.mu + self.sigma * tf.random.normal((3, 3)))",
        more="def build(self, shape):\n    self.mu, self.sigma = self.add_weight(), self.add_weight()",
    ),
    "latent input": call("z = tf.random.normal((8, 4))\nreturn self.dense(z)"),
    "joined features": call("return tf.concat([x, tf.random.normal(tf.shape(x))], -1)"),
    "statistics of the row": call("mean, var = tf.nn.moments(x, [-1], keepdims=True)\nreturn (x - mean) / var"),
    "instance statistics": call("mean, var = tf.nn.moments(x, [1, 2], keepdims=True)\nreturn (x - mean) / var"),
    "deviation as a feature": call("mean, var = tf.nn.moments(x, [0])\nreturn tf.concat([x, x * 0 + var], -1)"),
    "named Monte Carlo": call("return tf.nn.dropout(x, 0.5)").replace("Own", "MCDropout"),
    "named by its rate": "MC_RATE = 0.5\nlayer = Lambda(lambda t: K.dropout(t, MC_RATE))",
    "documented": call("return tf.nn.dropout(x, 0.5)", more='"""Dropout that stays active in inference."""'),
    "comment above the class": "# applies dropout even at inference\n" + call("return tf.nn.dropout(x, 0.5)"),
    "comment on the line": call("return tf.nn.dropout(x, 0.5)  # always on, also in prediction: Monte Carlo dropout"),
    "outside layers": "def augment(x):\n    return tf.nn.dropout(x, 0.5)\n",
    "unit test": """\
        import unittest
        class DropoutTest(unittest.TestCase):
            def test_rate(self):
                layer = layers.Lambda(lambda x: tf.nn.dropout(x, 0.5))
        """,
}


@pytest.mark.parametrize("source", PART_OF_THE_MODEL.values(), ids=PART_OF_THE_MODEL)
def test_randomness_that_is_meant_is_left_alone(source):
    assert found(source) == []
