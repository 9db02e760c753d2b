"""Which calls train, and in which mode: whose weights a gradient updates, what a model holds, which way a flag says."""

import textwrap

import pytest

from dropout_lint import check_source
from dropout_lint.analysis import load_module
from dropout_lint.findings import Confidence
from dropout_lint.semantics.events import ModeCall
from dropout_lint.semantics.interpreter import interpret
from dropout_lint.semantics.modules import Project
from dropout_lint.settings import Resolver

PRELUDE = textwrap.dedent(
    """\
    import functools
    import keras, numpy as np, tensorflow as tf
    from keras import layers

    def build(rate=0.5):
        return keras.Sequential([keras.Input((4,)), layers.Dense(8), layers.Dropout(rate), layers.Dense(2)])

    model, other = build(), build()
    plain = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    optimizer = keras.optimizers.Adam()
    rows = np.zeros((3, 4))

    def update(tape, loss, weights):
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
    """
)
CODES = "KTM104,KTM105,KTM106,KTM112"


def found(source, confidence="medium"):
    """(rule, text of the line) of each finding in ``source``, which follows the prelude."""
    program = PRELUDE + textwrap.dedent(source)
    settings = {"keras-version": "3.15", "select": CODES.split(","), "min-confidence": confidence}
    report = check_source(program, "program.py", Resolver(isolated=True, overrides=settings))
    lines = program.splitlines()
    return [(finding.code, lines[finding.span.start.line - 1].strip()) for finding in report.findings]


def step(call, weights="model.trainable_variables", before=""):
    """A training step whose loss is the mean of ``call``."""
    return (
        f"{before}\nwith tf.GradientTape() as tape:\n    loss = tf.reduce_mean({call})\nupdate(tape, loss, {weights})\n"
    )


TARGET = """\
gamma, DISCOUNT, rewards, done = 0.9, 0.9, np.zeros(3), np.zeros(3)
def learn(states, after):
    ahead = other(after, training=True)
    wanted = {}
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(states, training=True)[:, 0] - wanted) ** 2)
    update(tape, loss, model.trainable_variables)
    for slow, fast in zip(other.weights, model.weights):
        slow.assign(0.01 * fast + 0.99 * slow)
for _ in range(3):
    learn(rows, rows)
"""


FAST = """\
twin = keras.models.clone_model(model)
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        loss = tf.reduce_mean(model(rows, training=True) ** 2)
    steps = inner.gradient(loss, model.trainable_variables)
    for place, layer in enumerate(twin.layers):
        {} = model.layers[place].kernel - 0.1 * steps[place]
    loss = tf.reduce_mean(twin(rows, training=True) ** 2)
update(outer, loss, model.trainable_variables)
"""
TRAINED = {
    "an update by something unknown that is handed the weights": """\
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(rows))
        elsewhere.make().step(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        """,
    "an update by hand": """\
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(rows))
        for weight, gradient in zip(model.trainable_weights, tape.gradient(loss, model.trainable_weights)):
            weight.assign_sub(0.1 * gradient)
        """,
    "stopped on one of two ways": step("(plain(z := model(rows)) - tf.stop_gradient(z)) ** 2"),
    "bare": step("model(rows)"),
    "of several models": step("plain(rows) + model(rows)", "plain.trainable_variables + model.trainable_variables"),
    "weights collected in a loop": step(
        "model(rows)", "weights", "weights = []\nfor layer in model.layers:\n    weights += layer.trainable_weights\n"
    ),
    "weights filtered": step("model(rows)", "[v for v in model.trainable_variables if 'dense' in v.name]"),
    "everything the tape has seen": step("model(rows)", "tape.watched_variables()"),
    "a layer of it": step("model(rows)", "model.layers[0].trainable_variables"),
    "a model round it": step("model(rows)", "outer.trainable_variables", "outer = keras.Sequential([model, plain])"),
    "frozen afterwards": step("model(rows)") + "model.trainable = False\nhead = keras.Sequential([model, plain])\n",
    "frozen after the fit() whose step it is": """\
        class Learner(keras.Model):
            def __init__(self, encoder):
                super().__init__()
                self.encoder = encoder
            def train_step(self, data):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(self.encoder(data))
                update(tape, loss, self.encoder.trainable_variables)
        learner = Learner(model)
        learner.compile("adam")
        learner.fit(rows)
        learner.encoder.trainable = False
        """,
    "minimize": "optimizer.minimize(lambda: tf.reduce_mean(model(rows)), model.trainable_variables)",
    "backward, on a device": "net = build().to('cuda')\nloss = tf.reduce_mean(net(rows))\nloss.backward()",
    "backward": "loss = tf.reduce_mean(model(rows))\nloss.backward()",
    "tf.gradients": "gradients = tf.gradients(tf.reduce_mean(model(rows)), model.trainable_weights)",
    "loss as a closure": """\
        def loss_of(net, x):
            return tf.reduce_mean(net(x))
        with tf.GradientTape() as tape:
            loss = loss_of(model, rows)
        update(tape, loss, model.trainable_variables)
        """,
    "two tapes": """\
        with tf.GradientTape() as one, tf.GradientTape() as two:
            loss = tf.reduce_mean(other(model(rows), training=True))
        update(one, loss, model.trainable_variables)
        update(two, loss, other.trainable_variables)
        """,
    "a generator, beside a gradient penalty": """\
        with tf.GradientTape() as outer:
            fake = model(rows)
            mixed = fake * tf.random.uniform((3, 1))
            with tf.GradientTape() as inner:
                inner.watch(mixed)
                score = plain(mixed)
            penalty = tf.reduce_mean(inner.gradient(score, mixed) ** 2)
            loss = tf.reduce_mean(plain(fake)) + penalty
        update(outer, loss, model.trainable_variables)
        """,
    "jax": """\
        import jax
        def loss_of(tv, ntv, x):
            y, ntv = model.stateless_call(tv, ntv, x)
            return y.mean(), ntv
        print(jax.value_and_grad(loss_of, has_aux=True)([], [], rows))
        """,
    "helper that would pass it on": """\
        def forward(net, x, training=None):
            return net(x, training=training)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(forward(model, rows))
        update(tape, loss, model.trainable_variables)
        """,
    "helper that says False by default": """\
        def forward(net, x, training=False):
            return net(x, training=training)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(forward(model, rows))
        update(tape, loss, model.trainable_variables)
        """,
    "distributed": """\
        strategy = tf.distribute.MirroredStrategy()
        @tf.function
        def step(x):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(model(x))
            update(tape, loss, model.trainable_variables)
        strategy.run(step, args=(rows,))
        """,
    "beside a pass in training mode": step("model(rows, training=True) + model(rows + 1)"),
    "dropout by itself": step("drop(plain(rows))", "plain.trainable_variables", "drop = layers.Dropout(0.5)"),
    "compute_loss in train_step": """\
        class Net(keras.Model):
            def __init__(self, depth):
                super().__init__()
                self.parts = [layers.Dense(4)]
                for _ in range(depth):
                    self.parts.append(layers.BatchNormalization())
            def call(self, x, training=None):
                for part in self.parts:
                    x = part(x)
                return x
            def train_step(self, data):
                x, y = data
                with tf.GradientTape() as tape:
                    loss = self.compute_loss(x, y, self(x))
                self.optimizer.apply(tape.gradient(loss, self.trainable_weights), self.trainable_weights)
                return {"loss": loss}
        """,
    "a long way to the loss": """\
        def measured(answers):
"""
    + "".join(f"            print(tf.reduce_mean(answers[{place}]))\n" for place in range(60))
    + """\
            return tf.reduce_mean(answers)
        with tf.GradientTape() as tape:
            loss = measured(model(rows))
        update(tape, loss, model.trainable_variables)
        """,
    "a step in `call`": """\
        class Distilled(keras.Model):
            def __init__(self):
                super().__init__()
                self.student = build()
            def call(self, x):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(self.student(x))
                weights = self.student.trainable_weights
                optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
                return loss
        """,
    "where a program is told to train": """\
        def run(x):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(model(x))
            update(tape, loss, model.trainable_variables)
        if elsewhere.FLAGS.do_train:
            run(rows)
        """,
    "a part of a plain class, where it is told to train": """\
        class Block:
            def __init__(self, depth):
                self.parts = []
                for i in range(depth):
                    self.parts.append({})
                    self.parts[i]["dense"], self.parts[i]["drop"] = layers.Dense(4), layers.Dropout(0.1)
            def __call__(self, x, training=True):
                for i in range(len(self.parts)):
                    x = self.parts[i]["dense"](x)
                    if training:
                        x = self.parts[i]["drop"](x)
                return x
            def trainable_variables(self):
                return [weight for part in self.parts for weight in part["dense"].trainable_weights]
        def run(block):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(block(rows, training=True))
            update(tape, loss, block.trainable_variables())
        if elsewhere.FLAGS.do_train:
            run(Block(3))
        """,
    "kept in the attributes as a whole": """\
        class Trainer(keras.Model):
            def __init__(self, **parts):
                super().__init__()
                self.__dict__.update(parts)
            def learn(self, x):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(self.net(x))
                update(tape, loss, self.net.trainable_variables)
        Trainer(net=build(), critic=plain).learn(rows)
        """,
    "one of nine, by name": "\n".join(
        [
            *(f"def net_{number}(): return build(0.{number + 1})" for number in range(8)),
            "import sys\nname = sys.argv[1]\nif name == '-': make = build",
            *(f"elif name == '{number}': make = net_{number}" for number in range(8)),
            "else: raise SystemExit\nnet = make()",
            step("net(rows)", "net.trainable_variables"),
        ]
    ),
    "model of an object": """\
        class Agent(tf.Module):
            def __init__(self):
                self.net = build()
            def learn(self, x):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(self.net(x))
                gradients = tape.gradient(loss, self.trainable_variables)
                optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        """,
}


TRAINED |= {
    f"a model out of a builder that chooses, {name}": textwrap.dedent(builder)
    + step("net(rows)", "net.trainable_variables")
    for name, builder in {
        "returned where it is made": """\
            def choose(kind):
                if kind == "small":
                    return plain
                if kind == "deep":
                    net = keras.Sequential()
                    net.add(layers.Dense(2))
                    net.add(layers.BatchNormalization())
                    return net
                raise ValueError(kind)
            net = choose(elsewhere.kind)
            """,
        "an own class": """\
            class Net(keras.Model):
                def __init__(self, width):
                    super().__init__()
                    self.dense, self.norm = layers.Dense(width), layers.BatchNormalization()
                def call(self, x):
                    return self.norm(self.dense(x))
            def choose(kind):
                if kind == "small":
                    return Net(2)
                elif kind == "large":
                    return Net(8)
            net = choose(elsewhere.kind)
            """,
        "among many of one class": """\
            class Told(keras.Model):
                def __init__(self, width):
                    super().__init__()
                    self.drop = layers.Dropout(0.5)
                def call(self, x, train=True):
                    return self.drop(x, training=train)
            class Net(Told):
                def call(self, x):
                    return self.drop(x)
            def choose(kind):
"""
        + "".join(
            f"                if kind == {width}:\n                    return {cls}({width})\n"
            for width, cls in enumerate(["Told"] * 5 + ["Net"] * 5)
        )
        + "            net = choose(elsewhere.kind)\n",
    }.items()
}


@pytest.mark.parametrize("source", TRAINED.values(), ids=TRAINED)
def test_calls_that_train_without_saying_so(source):
    assert [code for code, _ in found(source)] == ["KTM105"]


REQUIRED = """\
import tensorflow as tf
class Net(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.drop, self.dense = tf.keras.layers.Dropout(0.5), tf.keras.layers.Dense(1)
    def call(self, x, training):
        return self.dense(self.drop(x, training=training))
net, optimizer = Net(), tf.keras.optimizers.Adam()
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(net(x))
optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
"""


@pytest.mark.parametrize(
    ("version", "told"), [("2.15", "`net` is"), (None, "on Keras 2, `net` is"), ("3.15", None)], ids=str
)
def test_a_call_that_cannot_do_without_is_handed_none_by_keras_2(version, told):
    settings = {} if version is None else {"keras-version": version}
    report = check_source(REQUIRED, "program.py", Resolver(isolated=True, overrides=settings))
    assert [finding.message.partition(" trained")[0] for finding in report.findings] == ([told] if told else [])
    assert all((finding.severity.name == "NOTE") == (version is None) for finding in report.findings)


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("2", ["`Net()` is trained here without training=True: Dropout is never active"]),
        ("3.15", []),
        (None, ["on Keras 2, `Net()` is trained here without training=True: Dropout is never active"]),
    ],
)
def test_a_sibling_may_leave_the_layers_of_a_model_in_training_mode(version, told):
    program = PRELUDE + textwrap.dedent(
        """\
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.norm, self.drop = layers.BatchNormalization(), layers.Dropout(0.5)
            def call(self, x):
                return self.drop(self.norm(x, training=True))
        """
    )
    program += step("net(rows)", "net.trainable_variables", before="net = Net()")
    settings = {"select": ["KTM105"]} | ({"keras-version": version} if version else {})
    report = check_source(program, "program.py", Resolver(isolated=True, overrides=settings))
    assert [finding.message.replace("net", "Net()") for finding in report.findings] == told


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ("", "BatchNormalization never learns its statistics"),
        ("model(rows, training=True)\n", "BatchNormalization normalises with its moving statistics"),
        (
            (
                "with tf.GradientTape() as tape:\n    tape.watch(mixed := tf.zeros((3, 4)))\n"
                "    slope = tape.gradient(model(mixed, training=True), mixed)\n"
            ),
            "BatchNormalization normalises with its moving statistics",
        ),
    ],
)
def test_statistics_may_be_learned_by_another_call(before, told):
    made = "model = keras.Sequential([keras.Input((4,)), layers.Dense(2), layers.BatchNormalization()])\n"
    program = PRELUDE + made + before + textwrap.dedent(step("model(rows)"))
    settings = {"keras-version": "3.15", "select": ["KTM105"]}
    (finding,) = check_source(program, "program.py", Resolver(isolated=True, overrides=settings)).findings
    assert finding.message == f"`model` is trained here without training=True: {told}"


def test_a_graph_whose_learning_phase_is_fed_says_the_mode_itself():
    source = """\
        from keras import backend as K
        picture = K.placeholder((3, 4))
        loss = K.mean(model(picture))
        updates = optimizer.get_updates(loss, model.trainable_weights)
        train = K.function([picture, K.learning_phase()], [loss], updates)
        with tf.GradientTape() as tape:
            pass
        """
    assert found(source) == []


FIRST_TENSORFLOW = {
    "dropout": "h = tf.layers.dropout(h, 0.4)",
    "batch normalisation": "h = tf.layers.batch_normalization(h)",
    "compatibility module": "h = tf.compat.v1.layers.dropout(h, rate=0.4)",
    "by position": "h = tf.layers.dropout(h, 0.4, None, 1)",
}


def estimator(line):
    """A model function of an Estimator with a line among its layers."""
    return f"""\
def model_fn(features, labels, mode):
    h = tf.layers.dense(features["x"], 8)
    {line}
    loss = tf.losses.sparse_softmax_cross_entropy(labels, tf.layers.dense(h, 2))
    if mode == tf.estimator.ModeKeys.TRAIN:
        train_op = tf.train.AdamOptimizer().minimize(loss, global_step=tf.train.get_global_step())
        return tf.estimator.EstimatorSpec(mode=mode, loss=loss, train_op=train_op)
"""


@pytest.mark.parametrize("line", FIRST_TENSORFLOW.values(), ids=FIRST_TENSORFLOW)
def test_layers_of_an_estimator_that_are_never_told_the_mode(line):
    assert found(estimator(line)) == [("KTM105", line)]


@pytest.mark.parametrize(
    "line",
    [
        "h = tf.layers.dropout(h, 0.4, training=mode == tf.estimator.ModeKeys.TRAIN)",
        "h = tf.layers.dropout(h, 0.4, None, 1, mode == tf.estimator.ModeKeys.TRAIN)",
        "h = tf.layers.batch_normalization(h, **options)",
        "h = tf.layers.batch_normalization(h, training=features['training'])",
        "h = tf.layers.flatten(h)",
        "h = tf.contrib.layers.dropout(h)",
    ],
)
def test_layers_of_an_estimator_that_are_told_the_mode(line):
    assert found(estimator(line), "low") == []


HOLDS = {
    "batch normalisation of a ready-made model": "keras.applications.ResNet50(weights=None)",
    "dropout of a ready-made model": "keras.applications.EfficientNetB0(weights=None, include_top=False)",
    "recurrent dropout": "keras.Sequential([layers.LSTM(4, dropout=0.2)])",
    "wrapped": "keras.Sequential([layers.TimeDistributed(layers.Dropout(0.1))])",
    "a partial": "keras.Sequential([functools.partial(layers.Dropout, 0.2)()])",
    "added in a loop": "keras.Sequential()\nfor _ in range(3):\n    net.add(layers.Dropout(0.2))",
    "functional": "keras.Model(i := keras.Input((4,)), layers.BatchNormalization()(i))",
    "a copy": "keras.models.clone_model(model)",
    "without its pruning": "0\nfrom tensorflow_model_optimization.sparsity import keras as pruning\n"
    "net = pruning.strip_pruning(model)",
    "spectral normalisation": "keras.Sequential([layers.SpectralNormalization(layers.Dense(2))])",
    "spectral normalisation of TensorFlow Addons": "0\nimport tensorflow_addons as tfa\n"
    "net = keras.Sequential([tfa.layers.SpectralNormalization(layers.Dense(2))])",
    "part of a ready-made model": "keras.applications.ResNet50(weights=None)\n"
    "net = keras.Model(net.input, net.get_layer('conv2_block3_out').output)",
    "a head on a ready-made model": "keras.applications.DenseNet121(weights=None, include_top=False, pooling='avg')\n"
    "net = keras.Model(net.input, layers.Dense(2)(net.output))",
    "the first layers of a sequential model": "keras.Model(model.inputs, model.layers[2].output)",
    "the first layers of a sequential model, by name": "keras.Sequential([keras.Input((4,)), layers.Dropout(0.1), "
    "layers.Dense(2, name='code')])\nnet = keras.Model(net.input, net.get_layer('code').output)",
    "the first layers of a graph": "keras.Model(i := keras.Input((4,)), layers.Dense(1)(layers.Dense(2, name='code')("
    "layers.Dropout(0.1)(i))))\nnet = keras.Model(net.input, net.get_layer('code').output)",
}


@pytest.mark.parametrize("made", HOLDS.values(), ids=HOLDS)
def test_what_a_model_holds(made):
    assert [code for code, _ in found(step("net(rows)", "net.trainable_variables", f"net = {made}"))] == ["KTM105"]


OWN = """\
    class Norm(layers.Layer):
        def build(self, shape):
            self.mean = self.add_weight(shape=shape[-1:], trainable=False)
            self.spread = self.add_weight(shape=shape[-1:], initializer="ones", trainable=False)
            self.scale = self.add_weight(shape=shape[-1:], initializer="ones")
        def call(self, rows, training{default}):
            if training:
                mean, spread = tf.nn.{function}(rows, [0])
                self.mean.assign(0.9 * self.mean + 0.1 * mean)
            else:
                mean, spread = self.mean, self.spread
            return tf.nn.batch_normalization(rows, mean, spread, None, self.scale, 1e-3)
    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.norm = Norm()
        def call(self, rows):
            return self.norm(rows{passed})
    net = keras.Sequential([layers.Dense(3), Block()])
    """


@pytest.mark.parametrize(
    ("default", "function", "passed", "codes"),
    [
        ("=None", "moments", "", ["KTM105"]),
        ("=False", "moments", "", ["KTM105"]),
        # it is on already
        ("=True", "moments", "", []),
        ("=None", "moments", ", training=True", []),
        # nothing of the batch
        ("=None", "l2_loss", "", []),
    ],
)
def test_a_layer_may_take_the_statistics_of_the_batch_by_itself(default, function, passed, codes):
    made = textwrap.dedent(OWN.format(default=default, function=function, passed=passed))
    assert [code for code, _ in found(step("net(rows)", "net.trainable_variables", made))] == codes


def test_a_flag_of_another_name_is_said_by_who_calls():
    made = textwrap.dedent(OWN.format(default="=None", function="moments", passed="")).replace("training", "train")
    assert found(step("Norm()(net(rows), train=True)", "net.trainable_variables", made)) == []


DEPTH = """\
    def drop_path(x, rate, is_training):
        if not is_training or rate == 0:
            return x
        kept = tf.floor(1 - rate + tf.random.uniform([tf.shape(x)[0], 1]))
        return x / (1 - rate) * kept
    class DropPath(layers.Layer):
        def __init__(self, rate, training=None):
            super().__init__()
            self.rate, self.training = rate, training
        def call(self, rows, training{default}):
            return {drop}
    class Net(keras.Model):
        def __init__(self, rate=0.1, depth=4):
            super().__init__()
            self.paths = [DropPath({rate}) for i in range(depth)]
            self.hidden = layers.Dense(4)
        def call(self, rows):
            for path in self.paths:
                rows = rows + path(self.hidden(rows))
            return rows
    net = Net({given})
    """
DEFAULTS = {"default": "=None", "drop": "drop_path(rows, self.rate, training)", "rate": "rate", "given": ""}


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, ["KTM105"]),
        ({"default": "=False"}, ["KTM105"]),
        ({"drop": "tf.nn.dropout(rows, self.rate) if training else rows"}, ["KTM105"]),
        ({"rate": "np.linspace(0, rate, depth)[i]"}, ["KTM105"]),
        ({"rate": "rate * float(i) / (depth - 1)"}, ["KTM105"]),
        # it is on already, or who made it says the mode
        ({"default": "=True"}, []),
        ({"drop": "drop_path(rows, self.rate, self.training)"}, []),
        # something else has a say
        ({"drop": "drop_path(rows, self.rate, training) if self.name in elsewhere.drawn else rows"}, []),
        # nothing is dropped
        ({"given": "0.0"}, []),
        ({"given": "rate=0.0", "rate": "rate if rate > 0 else 0.0"}, []),
        ({"given": "rate=0.0", "rate": "[float(each) for each in np.linspace(0.0, rate, depth)][i]"}, []),
        ({"given": "rate=0.0", "rate": "tf.linspace(0.0, rate, depth).numpy().tolist()[i]"}, []),
        ({"given": "rate=0.0", "rate": "rate * float(i) / (depth - 1)"}, []),
        ({"given": "rate=0.0", "drop": "tf.nn.dropout(rows, self.rate) if training else rows"}, []),
    ],
)
def test_a_layer_may_drop_by_itself(changes, codes):
    made = textwrap.dedent(DEPTH.format(**{**DEFAULTS, **changes}))
    assert [code for code, _ in found(step("net(rows)", "net.trainable_variables", made))] == codes


@pytest.mark.parametrize(
    ("drop", "codes"),
    [
        ("tf.nn.dropout(rows, self.rate) if training else rows", ["KTM105"]),
        # on in every mode: a switch round the program does not ask for the layer's
        ("tf.nn.dropout(rows, self.rate)", []),
    ],
)
def test_a_layer_of_another_file_may_drop_by_itself(drop, codes, tmp_path):
    made, _, used = textwrap.dedent(DEPTH.format(**{**DEFAULTS, "drop": drop})).rpartition("net = ")
    (tmp_path / "nets.py").write_text(PRELUDE + made)
    program = f"from nets import Net\ntrain = elsewhere.ask()\nif train:\n    net = {used}" + textwrap.indent(
        step("net(rows)", "net.trainable_variables"), "    "
    )
    (tmp_path / "program.py").write_text(PRELUDE + program)
    settings = {"keras-version": "3.15", "select": CODES.split(",")}
    report = check_source(PRELUDE + program, str(tmp_path / "program.py"), Resolver(isolated=True, overrides=settings))
    assert [finding.code for finding in report.findings] == codes


EMPTY = {
    "nothing to switch": "plain",
    "one of ten without": "0\nimport sys\n"
    + "\n".join(f"if sys.argv[1] == '{number}': net = keras.Sequential([layers.Dense(2)])" for number in range(10)),
    "what is kept under another name": "type('Parts', (), {})()\nvars(net).update(first=plain, second=model)\n"
    "net = net.first",
    "ready-made, without": "keras.applications.VGG16(weights=None)",
    "recurrent without dropout": "keras.Sequential([layers.LSTM(4)])",
    "without its pruning": "0\nfrom tensorflow_model_optimization.sparsity import keras as pruning\n"
    "net = pruning.strip_pruning(plain)",
    "rate zero": "keras.Sequential([layers.Dense(2), layers.Dropout(0.0)])",
    "augmentation only": "keras.Sequential([layers.RandomFlip(), layers.Dense(2)])",
    "a file": "keras.models.load_model('model.keras')",
    "layer normalisation": "keras.Sequential([layers.LayerNormalization(), layers.Dense(2)])",
    "the layers before the dropout": "keras.Model(model.inputs, model.layers[0].output)",
    "the layers before the dropout of a graph": "keras.Model(i := keras.Input((4,)), layers.Dropout(0.1)("
    "layers.Dense(2, name='code')(i)))\nnet = keras.Model(net.input, net.get_layer('code').output)",
    "part of a ready-made model without": "keras.applications.VGG16(weights=None)\n"
    "net = keras.Model(net.input, net.get_layer('fc1').output)",
}


@pytest.mark.parametrize("made", EMPTY.values(), ids=EMPTY)
def test_models_a_flag_would_not_switch_stay_silent(made):
    assert found(step("net(rows)", "net.trainable_variables", f"net = {made}")) == []


def test_a_model_of_unknown_content_is_a_low_confidence_finding():
    source = step("net(rows)", "net.trainable_variables", "net = keras.models.load_model('model.keras')")
    assert [code for code, _ in found(source, "low")] == ["KTM105"]
    program = PRELUDE + source
    report = check_source(program, "program.py", Resolver(isolated=True, overrides={"min-confidence": "low"}))
    assert {each.confidence for each in report.findings if each.code == "KTM105"} == {Confidence.LOW}


RIGHT = {
    "said under a name of its own": """\
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.drop, self.dense = layers.Dropout(0.5), layers.Dense(1)
            def call(self, x, train):
                return self.dense(self.drop(x, train))
        net = Net()
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(net(rows, True))
        update(tape, loss, net.trainable_variables)
        """,
    "said": step("model(rows, training=True)"),
    "other weights": step("model(rows) + plain(rows)", "plain.trainable_variables"),
    "another copy": step("other(rows) + model(rows, training=True)"),
    "no gradient": "with tf.GradientTape() as tape:\n    loss = tf.reduce_mean(model(rows))\nprint(loss)",
    "watched input": """\
        image = tf.convert_to_tensor(rows)
        with tf.GradientTape() as tape:
            tape.watch(image)
            score = model(image)
        print(tape.gradient(score, image))
        """,
    "image that is a variable": """\
        image = tf.Variable(rows)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(image))
        optimizer.apply_gradients([(tape.gradient(loss, image), image)])
        """,
    "gradient penalty": """\
        with tf.GradientTape() as outer:
            mixed = rows * tf.random.uniform((3, 1))
            with tf.GradientTape() as inner:
                inner.watch(mixed)
                score = model(mixed)
            penalty = tf.reduce_mean(inner.gradient(score, mixed) ** 2)
        update(outer, penalty, model.trainable_variables)
        """,
    "stopped": step("(model(rows, training=True) - tf.stop_gradient(model(rows))) ** 2"),
    "jax, inputs": """\
        import jax
        def score(x):
            return model.stateless_call([], [], x)[0].mean()
        print(jax.grad(score)(rows))
        """,
    "jax, second argument": """\
        import jax
        def score(tv, x):
            return model.stateless_call(tv, [], x)[0].mean()
        print(jax.grad(score, argnums=1)([], rows))
        """,
    "learning phase": "keras.backend.set_learning_phase(1)\n" + step("model(rows)"),
    "frozen": "model.trainable = False\n"
    + step("model(rows) + plain(rows)", "model.trainable_variables + plain.weights"),
    "of one builder, behind another one": """\
        def block(x, width):
            return layers.Dropout(0.5)(layers.Dense(width)(x))
        def deep(depth):
            x = inputs = keras.Input((4,))
            for _ in range(depth):
                x = block(x, 8)
            return keras.Model(inputs, layers.Dense(2)(x))
        def choose(depth=2):
            return deep(depth=depth)
        def both():
            teacher = choose(depth=6)
            student = choose(depth=2)
            return {"teacher": teacher, "student": student}
        def epoch(models):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((models["student"](rows, training=True) - models["teacher"](rows)) ** 2)
            update(tape, loss, models["student"].trainable_variables)
        epoch(both())
        """,
    "a gradient that is looked at": """\
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(rows))
        print([each is None for each in tape.gradient(loss, model.trainable_variables)])
        """,
    "frozen in a round before": "for _ in range(3):\n"
    + textwrap.indent(step("model(rows) + plain(rows)", "model.trainable_variables + plain.weights"), "    ")
    + "    model.trainable = False\n",
    "frozen before the fit() whose step it is": """\
        class Learner(keras.Model):
            def __init__(self, encoder, head):
                super().__init__()
                self.encoder, self.head = encoder, head
            def train_step(self, data):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(self.head(self.encoder(data)))
                update(tape, loss, self.trainable_variables)
        model.trainable = False
        learner = Learner(model, plain)
        learner.compile("adam")
        learner.fit(rows)
        """,
    "frozen layer by layer": step(
        "net(rows)",
        "net.trainable_variables",
        (
            "net = keras.Sequential([layers.Dense(2), layers.BatchNormalization()])\n"
            "for layer in net.layers:\n    layer.trainable = False\n"
        ),
    ),
    "hard-coded in the graph": step(
        "net(rows)",
        "net.trainable_variables",
        "i = keras.Input((4,))\nnet = keras.Model(i, layers.Dropout(0.5)(i, training=True))",
    ),
    "on by its own default": """\
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.dense, self.drop = layers.Dense(2), layers.Dropout(0.5)
            def call(self, x, training=True):
                return self.drop(self.dense(x), training=training)
        net = Net()
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(net(rows))
        update(tape, loss, net.trainable_variables)
        """,
    "another flag of its own": """\
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.dense, self.drop = layers.Dense(2), layers.Dropout(0.5)
            def call(self, x, sample=True):
                return self.drop(self.dense(x), training=sample)
        net = Net()
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(net(rows))
        update(tape, loss, net.trainable_variables)
        """,
    "branch on the mode": """\
        def run(x, training):
            if training:
                return model(x, training=True)
            return model(x)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(run(rows, True))
        update(tape, loss, model.trainable_variables)
        """,
    "keywords that are not known": """\
        def run(x, **options):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(model(x, **options))
            update(tape, loss, model.trainable_variables)
        """,
    "unit test": "import unittest\nclass NetTest(unittest.TestCase):\n    def test_step(self):\n"
    + textwrap.indent(step("model(rows)"), "        "),
    "the target of two networks of one class": """\
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.body = build()
            def call(self, x, training=None):
                return self.body(x, training=training)
        def learn(online, target, x):
            goal = tf.reduce_max(target(x), axis=1)
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((goal - tf.reduce_max(online(x, training=True), axis=1)) ** 2)
            update(tape, loss, online.trainable_variables)
        learn(Net(), Net(), rows)
        """,
    "inside call": """\
        class Outer(keras.Model):
            def __init__(self):
                super().__init__()
                self.net = build()
            def call(self, x, training=None):
                return self.net(x)
            def train_step(self, x):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(self(x, training=True))
                self.optimizer.apply(tape.gradient(loss, self.trainable_weights), self.trainable_weights)
                return {"loss": loss}
        """,
    "False for another": step("model(rows, training=True) + other(rows, training=False)"),
    "False beside True": step("model(rows, training=True) - model(rows, training=False)"),
    "False in an evaluation": "print(tf.reduce_mean(model(rows, training=False)))",
    "False of a ready-made backbone": step(
        "base(rows, training=False)", "base.trainable_variables", "base = keras.applications.ResNet50()"
    ),
    "both trained": step("model(other(rows, training=True), training=True)")
    + step("other(rows, training=True)", "other.weights"),
    "trained by Keras meanwhile": """\
        for _ in range(3):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(plain(rows) - model(rows, training=True))
            update(tape, loss, plain.trainable_variables)
            model.train_on_batch(rows, rows)
        """,
    "trained by Keras in another function": """\
        def learn(x):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(plain(x) - model(x, training=True))
            update(tape, loss, plain.trainable_variables)
        def learn_other(x):
            model.train_on_batch(x, x)
        """,
    "inside a larger model that Keras trains": """\
        combined = keras.Sequential([model, plain])
        combined.compile("adam", "mse")
        combined.fit(rows, rows)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(other(model(rows, training=True), training=True))
        update(tape, loss, other.trainable_variables)
        """,
    "running average": """\
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(rows, training=True) - other(rows, training=True))
        update(tape, loss, model.trainable_variables)
        other.set_weights([0.9 * a + 0.1 * b for a, b in zip(other.get_weights(), model.get_weights())])
        """,
    "a copy whose weights are a step away, one layer at a time": FAST.format("twin.layers[place].kernel"),
    "a copy whose weights are a step away, layer by layer": FAST.format("layer.kernel"),
    "a mean teacher": TARGET.format("tf.stop_gradient(ahead[:, 0])"),
    "a mean teacher, weighed by gamma": TARGET.format("0.0")
    .replace("- wanted) ** 2)", "- rewards) ** 2)\n        apart = model(states, training=True)[:, 0] - ahead[:, 0]")
    .replace("    update(tape", "        loss = 0.1 + gamma * tf.reduce_mean(apart ** 2)\n    update(tape"),
    "a method that drops units of its targets": TARGET.format("rewards + gamma * ahead[:, 0]").replace(
        "learn(", "droq_update("
    ),
    "a target network in inference mode": TARGET.format("rewards + gamma * ahead[:, 0]").replace(
        "after, training=True", "after, training=False"
    ),
    "a target network with batch normalisation alone": "other = keras.Sequential([layers.BatchNormalization()])\n"
    + TARGET.format("rewards + gamma * ahead[:, 0]"),
    "augmentation before it": step(
        "model(noise(rows, training=True), training=True)", before="noise = layers.GaussianNoise(0.1)"
    ),
}


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_right_steps_stay_silent(source):
    assert found(source, "low") == []


FALSE = {
    "literal": step("model(rows, training=False)"),
    "constant": "TRAIN = False\n" + step("model(rows, training=TRAIN)"),
    "where a program is told to train": "def run(x):\n"
    + textwrap.indent(step("model(x, training=False)"), "    ")
    + "if elsewhere.FLAGS.do_train:\n    run(rows)\n",
    "one of two models": step(
        "model(other(rows, training=False), training=True)", "model.trainable_variables + other.trainable_variables"
    ),
    "in call": """\
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.5)
            def call(self, x, training=None):
                return self.drop(x, training=False)
        """,
    "a helper of call": """\
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.gru = layers.GRU(4, dropout=0.1)
            def read(self, x, training):
                return self.gru(x, training=training)
            def call(self, x, training=None):
                return self.read(x, False)
        """,
}


@pytest.mark.parametrize("source", FALSE.values(), ids=FALSE)
def test_false_where_something_trains(source):
    assert [code for code, _ in found(source)] == ["KTM104"]


ROW = """\
class Block(keras.Model):
    def __init__(self):
        super().__init__()
        self.row = keras.Sequential([layers.Dense(4), layers.BatchNormalization()])
    def call(self, x):
        return self.row(x, training=False)
net = Block()
net.compile("adam", "mse")
{loaded}
net.fit(rows, rows)
"""


def test_a_training_step_of_its_own_need_not_go_through_call():
    own = "    def train_step(self, data):\n        return {'loss': self.row(data[0], training=True)}\nnet = Block()\n"
    assert found(ROW.format(loaded="").replace("net = Block()\n", own)) == []


@pytest.mark.parametrize(
    ("loaded", "codes"),
    [
        pytest.param("", ["KTM104"], id="from scratch"),
        pytest.param(
            "if tf.io.gfile.exists('last.index'):\n    net.load_weights('last')", ["KTM104"], id="from where it was"
        ),
        pytest.param("net.load_weights('ready')", [], id="from weights of somebody"),
    ],
)
def test_a_row_of_layers_is_switched_off_for_good(loaded, codes):
    assert [code for code, _ in found(ROW.format(loaded=loaded))] == codes


def test_a_branch_for_inference_may_say_false():
    branch = "return self.answer(x)\n    def answer(self, x):\n        return self.row(x, training=False)"
    assert found(ROW.format(loaded="").replace("return self.row(x, training=False)", branch)) == []


@pytest.mark.parametrize(
    "block", ["keras.applications.ResNet50(weights=None)", "keras.Sequential([keras.applications.ResNet50()])", "model"]
)
def test_a_backbone_in_inference_mode_is_left_alone(block):
    row = "keras.Sequential([layers.Dense(4), layers.BatchNormalization()])"
    assert found(ROW.format(loaded="").replace(row, block)) == []


PARTS = """\
class Part(layers.Layer):
    def __init__(self):
        super().__init__()
        self.norm = layers.BatchNormalization()
    def call(self, x, training=None):
        return self.norm(x, training=training)
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.one, self.two = Part(), Part()
    def call(self, x, {taken}):
        {before}
        return self.two(self.one(x, training={flag}), training=False)
"""


@pytest.mark.parametrize(
    ("taken", "before", "flag", "lines"),
    [
        pytest.param("training=None", "", "False", 2, id="taken and never looked at"),
        pytest.param("training=None", "", "training", 0, id="one of them is told"),
        pytest.param("training=None", "print(training)", "False", 0, id="looked at"),
        pytest.param("mask=None", "", "False", 0, id="not taken"),
    ],
)
def test_a_call_that_takes_the_mode_and_switches_all_its_parts_off(taken, before, flag, lines):
    source = PARTS.format(taken=taken, before=before, flag=flag)
    assert [code for code, _ in found(source)] == ["KTM104"] * lines


def test_who_says_false_to_single_layers_may_want_them_frozen():
    source = PARTS.format(taken="training=None", before="", flag="False")
    assert found(source.replace("Part(), Part()", "layers.BatchNormalization(), layers.BatchNormalization()")) == []
    assert found(source + "net = Net()\nnet.load_weights('ready')\n") == []


def test_a_backbone_alone_may_be_switched_off_for_good():
    source = PARTS.format(taken="training=None", before="", flag="None").replace("self.one(x, training=None)", "x")
    assert found(source) == []


TEACHERS = {
    "literal": step("(model(rows, training=True) - other(rows, training=True)) ** 2"),
    "before the tape": """\
        target = tf.stop_gradient(other(rows, training=True))
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(rows, training=True) - target) ** 2)
        update(tape, loss, model.trainable_variables)
        """,
    "fitted before": """\
        other.compile("adam", "mse")
        other.fit(rows, rows)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(rows, training=True) - other(rows, training=True))
        update(tape, loss, model.trainable_variables)
        """,
    "copied now and then": """\
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(rows, training=True) - other(rows, training=True))
        update(tape, loss, model.trainable_variables)
        other.set_weights(model.get_weights())
        """,
    "frozen, with dropout": "other.trainable = False\n"
    + step("model(rows, training=True) - other(rows, training=True)"),
    "part of a ready-made model": step(
        "model(rows, training=True) - seen(rows, training=True)",
        before="net = keras.applications.ResNet50(weights=None)\n"
        "seen = keras.Model(net.input, net.get_layer('conv2_block3_out').output)",
    ),
    "a target network that follows slowly": TARGET.format("rewards + gamma * (1.0 - done) * tf.reduce_max(ahead, 1)"),
    "a target network, discounted first": TARGET.format("rewards + DISCOUNT * ahead[:, 0]"),
    "a target network, in two steps": TARGET.format(
        "(gamma * ahead[:, 0]) * (1 - done)\n    wanted = wanted + rewards"
    ),
}


@pytest.mark.parametrize("source", TEACHERS.values(), ids=TEACHERS)
def test_teachers_in_training_mode(source):
    assert [code for code, _ in found(source)] == ["KTM112"]


def flag(expression, parameters="training"):
    """A layer called with a flag that is ``expression``."""
    return f"drop = layers.Dropout(0.5)\ndef run(x, {parameters}):\n    return drop(x, training={expression})\n"


def assigned(name, expression, parameters="mode"):
    """A layer called with a variable that is ``expression``."""
    return (
        f"drop = layers.Dropout(0.5)\ndef run(x, {parameters}):\n"
        f"    {name} = {expression}\n    return drop(x, training={name})\n"
    )


INVERTED = {
    "not": flag("not training"),
    "not, attribute": flag("not options.is_training", "options"),
    "not, item": flag("not options['training']", "options"),
    "named for evaluation": flag("is_eval", "is_eval"),
    "compared": flag("mode == 'test'", "mode"),
    "compared, other than training": flag("mode != 'train'", "mode"),
    "one of several": flag("mode in ('eval', 'predict')", "mode"),
    "member of an enumeration": flag("mode == tf.estimator.ModeKeys.EVAL", "mode"),
    "conditional": flag("False if training else True"),
    "subtracted": flag("1 - training"),
    "logical": flag("tf.logical_not(training)"),
    "is False": flag("training is False"),
    "variable": """\
        drop = layers.Dropout(0.5)
        def run(x, training):
            off = not training
            return drop(x, training=off)
        run(rows, True)
        """,
    "through a parameter": """\
        drop = layers.Dropout(0.5)
        def inner(x, flag):
            return drop(x, training=flag)
        def run(x, training):
            return inner(x, not training)
        """,
    "variable that nobody calls with": assigned("training", "mode != 'train'"),
    "variable named otherwise": assigned("flag", "mode == 'val'"),
    "variable, conditional": assigned("flag", "True if mode == 'test' else False"),
    "variable that is another name": assigned("training", "is_eval", "is_eval"),
    "variable, by way of another": """\
        drop = layers.Dropout(0.5)
        def run(x, mode):
            testing = mode == "test"
            flag = testing
            return drop(x, training=flag)
        """,
    "variable of the module": """\
        drop = layers.Dropout(0.5)
        training = sys.argv[1] == "test"
        def run(x):
            return drop(x, training=training)
        """,
    "variable of the function round it": """\
        drop = layers.Dropout(0.5)
        def make(mode):
            flag = mode == "test"
            def run(x):
                return drop(x, training=flag)
            return run
        """,
}


@pytest.mark.parametrize("source", INVERTED.values(), ids=INVERTED)
def test_flags_that_are_the_wrong_way_round(source):
    assert [code for code, _ in found(source)] == ["KTM106"]


UPRIGHT = {
    "parameter": flag("training"),
    "not evaluation": flag("not is_eval", "is_eval"),
    "not inference": flag("not inference", "inference"),
    "not frozen": flag("not frozen", "frozen"),
    "compared": flag("mode == 'train'", "mode"),
    "other than evaluation": flag("mode != 'test'", "mode"),
    "member of an enumeration": flag("mode is tf.estimator.ModeKeys.TRAIN", "mode"),
    "trainable too": flag("training and self.trainable", "self, training"),
    "twice": flag("not (not training)"),
    "conditional": flag("True if training else False"),
    "is not None": flag("training is not None"),
    "or a switch": flag("training or sampling", "training, sampling"),
    "double negation through a parameter": """\
        drop = layers.Dropout(0.5)
        def inner(x, evaluation_mode):
            return drop(x, training=not evaluation_mode)
        def run(x, training):
            return inner(x, not training)
        """,
    "no layer": """\
        def rows_of(x, training):
            return x
        def run(x, training):
            return rows_of(x, training=not training)
        """,
    "variable": assigned("flag", "mode == 'train'"),
    "variable whose name says otherwise": assigned("is_eval", "mode == 'train'"),
    "variable, other matters": assigned("training", "mode == 'fast'"),
    "variable that is assigned again": """\
        drop = layers.Dropout(0.5)
        def run(x, mode):
            training = mode == "test"
            training = not training
            return drop(x, training=training)
        """,
    "variable of another function": """\
        drop = layers.Dropout(0.5)
        def other(mode):
            training = mode == "test"
            return training
        def run(x, training):
            return drop(x, training=training)
        """,
    "variable of a loop": """\
        drop = layers.Dropout(0.5)
        def run(x, mode):
            for training in (mode == "test", mode == "train"):
                x = drop(x, training=training)
            return x
        """,
    "variables that are each other": """\
        drop = layers.Dropout(0.5)
        def run(x):
            one = two
            two = one
            return drop(x, training=one)
        """,
    "nothing to switch": "dense = layers.Dense(2)\ndef run(x, training):\n    return dense(x, training=not training)\n",
    "Monte Carlo by name": """\
        class MCDropout(layers.Layer):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.5)
            def call(self, x, training=None):
                return self.drop(x, training=not training)
        """,
}


@pytest.mark.parametrize("source", UPRIGHT.values(), ids=UPRIGHT)
def test_flags_that_read_right_stay_silent(source):
    assert found(source, "low") == []


def test_what_happens_inside_the_blocks_of_a_model_is_not_carried_through_the_program(tmp_path):
    path = tmp_path / "deep.py"
    path.write_text(
        textwrap.dedent(
            """\
            import tensorflow as tf

            class Block(tf.keras.layers.Layer):
                def __init__(self):
                    super().__init__()
                    self.layers = [tf.keras.layers.Dropout(0.1) for _ in range(3)]
                def call(self, x, training=None):
                    for layer in self.layers:
                        x = x + layer(x, training=training)
                    return x

            class Net(tf.keras.Model):
                def __init__(self):
                    super().__init__()
                    self.one, self.two, self.three = Block(), Block(), Block()
                def call(self, x, training=None):
                    x = self.one(x, training=training) + x
                    x = self.two(x, training=training) + x
                    return self.three(x, training=training) + x

            net = Net()
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(net(rows, training=True))
            tape.gradient(loss, net.trainable_variables)
            """
        )
    )
    text, tree = load_module(path)
    interpretation = interpret(Project((tmp_path,), load_module), path, text, tree)
    (use,) = {use.place.node: use for event in modes(interpretation) for use in event.used("gradient")}.values()
    inside = [event for event in modes(interpretation) if event.serial in use.partners]
    assert {event.callee.class_name for event in inside} == {"Net", "Block"}


def modes(interpretation):
    return [event for event in interpretation.events if isinstance(event, ModeCall)]
