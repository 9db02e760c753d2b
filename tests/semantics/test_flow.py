"""What the interpreter sees of flags, roles and intent, as users see it: the lines that are found and those that are not."""

import textwrap

import pytest

from dropout_lint import check_source
from dropout_lint.analysis import Analysis
from dropout_lint.fixes import apply_edits
from dropout_lint.settings import Resolver
from dropout_lint.sources.text import read_text

PRELUDE = textwrap.dedent(
    """\
    import contextlib, dataclasses, functools
    import keras, numpy as np, tensorflow as tf
    from keras import layers

    def build():
        return keras.Sequential([keras.Input((4,)), layers.Dense(8), layers.Dropout(0.5), layers.Dense(2)])

    model = build()
    model.compile("adam", "mse")
    model.fit(np.zeros((8, 4)), np.zeros((8, 2)))
    x_test, y_test, rows = np.zeros((3, 4)), np.zeros(3), np.zeros((3, 4))
    """
)


def found(source, **overrides):
    """(rule, text of the line) of each finding in ``source``, which follows the prelude."""
    program = PRELUDE + textwrap.dedent(source)
    resolver = Resolver(isolated=True, overrides={"keras-version": "3.15", **overrides})
    report = check_source(program, "program.py", resolver)
    lines = program.splitlines()
    return [(finding.code, lines[finding.span.start.line - 1].strip()) for finding in report.findings]


FLAGS = {
    "literal": "print(np.argmax(model(x_test, training=True), 1))",
    "integer": "print(np.argmax(model(x_test, training=1), 1))",
    "constant": "FLAG = True\nprint(np.argmax(model(x_test, training=FLAG), 1))",
    "negation": "print(np.argmax(model(x_test, training=not False), 1))",
    "keywords": "OPTIONS = {'training': True}\nprint(np.argmax(model(x_test, **OPTIONS), 1))",
    "merged keywords": "OPTIONS = {**{'training': False}, 'training': True}\nprint(np.argmax(model(x_test, **OPTIONS), 1))",
    "partial": "print(np.argmax(functools.partial(model, training=True)(x_test), 1))",
    "class constant": "class Modes:\n    NOW = True\nprint(np.argmax(model(x_test, training=Modes.NOW), 1))",
    "dataclass": """\
        @dataclasses.dataclass
        class Options:
            training: bool = True
        options = Options()
        print(np.argmax(model(x_test, training=options.training), 1))
        """,
    "dataclass, by position": """\
        @dataclasses.dataclass(frozen=True)
        class Options:
            size: int
            training: bool = False
        options = Options(3, True)
        print(np.argmax(model(x_test, training=options.training), 1))
        """,
    "dataclass, changed": """\
        @dataclasses.dataclass
        class Options:
            training: bool = False
        options = dataclasses.replace(Options(), training=True)
        print(np.argmax(model(x_test, training=options.training), 1))
        """,
    "dataclass as a dict": """\
        @dataclasses.dataclass(frozen=True)
        class Options:
            training: bool = True
        print(np.argmax(model(x_test, **dataclasses.asdict(Options())), 1))
        """,
    "named tuple, the rest changed": """\
        import typing
        class Options(typing.NamedTuple):
            size: int = 3
            training: bool = True
        print(np.argmax(model(x_test, training=Options()._replace(size=4).training), 1))
        """,
    "tensor": "print(np.argmax(model(x_test, training=tf.constant(True)), 1))",
    "default parameter": """\
        def answer(net, x, training=True):
            return np.argmax(net(x, training=training), 1)
        print(answer(model, x_test))
        """,
    "before break": """\
        best = None
        for candidate in [model]:
            if candidate.name == elsewhere:
                best = candidate
                break
        print(np.argmax(best(x_test, training=True), 1))
        """,
    "closure": """\
        def make(mode):
            return lambda x: np.argmax(model(x, training=mode), 1)
        print(make(True)(x_test))
        """,
    "attribute": """\
        class Scorer:
            def __init__(self, net):
                self.net, self.mode = net, True
            def score(self, x):
                return np.argmax(self.net(x, training=self.mode), 1)
        print(Scorer(model).score(x_test))
        """,
    "property": """\
        class Scorer:
            @property
            def mode(self):
                return True
            def score(self, x):
                return np.argmax(model(x, training=self.mode), 1)
        print(Scorer().score(x_test))
        """,
    "method of a base class": """\
        class Base:
            def run(self, x, training):
                return model(x, training=training)
        class Scorer(Base):
            def score(self, x):
                return np.argmax(self.run(x, True), 1)
        print(Scorer().score(x_test))
        """,
    "conditional expression": """\
        def answer(x, fast=False):
            return np.argmax(model(x, training=False if fast else True), 1)
        print(answer(x_test))
        """,
    "through a decorator": """\
        @tf.function
        def evaluate(x):
            return tf.argmax(model(x, training=True), 1)
        print(evaluate(x_test))
        """,
    "absl flag": """\
        from absl import flags
        flags.DEFINE_boolean("noisy", True, "whether to be noisy")
        print(np.argmax(model(x_test, training=flags.FLAGS.noisy), 1))
        """,
    "absl flag holder": """\
        from absl import flags
        NOISY = flags.DEFINE_bool("noisy", True, "whether to be noisy")
        print(np.argmax(model(x_test, training=NOISY.value), 1))
        """,
    "layers made in build, by name": """\
        class Norm(layers.Layer):
            def __init__(self, kind):
                super().__init__()
                self.kind = kind
            def build(self, input_shape):
                self.norm = layers.BatchNormalization() if self.kind == "bn" else layers.LayerNormalization()
            def call(self, x):
                return self.norm(x)
        net = keras.Sequential([layers.Dense(3), Norm("bn")])
        print(np.argmax(net(x_test, training=True), 1))
        """,
    "layers under computed names": """\
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                for k in range(3):
                    setattr(self, f"drop{k}", layers.Dropout(0.1))
            def call(self, x, training=None):
                for k in range(3):
                    x = getattr(self, f"drop{k}")(x, training=training)
                return x
        print(np.argmax(Net()(x_test, training=True), 1))
        """,
    "a slip beside draws that a comment explains": """\
        class Speaker(keras.Model):
            def __init__(self):
                super().__init__()
                self.noise, self.dense = layers.Dropout(0.5), layers.Dense(2)
            def call(self, x, training=None):
                return self.dense(self.noise(x, training=training))
            def spread(self, x):
                # Monte Carlo dropout: keep dropout on
                return np.std([self.dense(self.noise(x, training=True)) for _ in range(20)], axis=0)
            def predict_one(self, x):
                return np.argmax(self.dense(self.noise(x, training=True)), 1)
        print(Speaker().spread(x_test), Speaker().predict_one(x_test))
        """,
    "dispatch table": """\
        def evaluate(x):
            return np.argmax(model(x, training=True), 1)
        STEPS = {"evaluate": evaluate}
        print(STEPS["evaluate"](x_test))
        """,
}


@pytest.mark.parametrize("source", FLAGS.values(), ids=FLAGS)
def test_a_flag_is_followed_to_the_call(source):
    assert [code for code, _ in found(source)] == ["KTM101"]


INFERENCE = {
    "a signature that is saved": """\
        @tf.function(input_signature=[tf.TensorSpec([None, 4])])
        def run(x):
            return {"scores": model(x, training=True)}
        tf.saved_model.save(model, "out", signatures={"serving_default": run})
        """,
    "a method of what is saved": """\
        class Written(tf.Module):
            def __init__(self, net):
                super().__init__()
                self.net = net
            @tf.function(input_signature=[tf.TensorSpec([None, 4])])
            def __call__(self, x):
                return self.net(x, training=True)
        tf.saved_model.save(Written(model), "out")
        """,
    "a concrete function that is converted": """\
        run = tf.function(lambda x: model(x, training=True))
        concrete = run.get_concrete_function(tf.TensorSpec([1, 4]))
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], model)
        """,
    "an endpoint": """\
        archive = keras.export.ExportArchive()
        archive.add_endpoint("run", lambda x: model(x, training=True), input_signature=[tf.TensorSpec([None, 4])])
        """,
    "an option says that it is no training, in a function": """\
        def assess(x):
            print(np.argmax(model(x, training=True), 1))
        def main(args):
            if args.train:
                model.fit(x_test, y_test)
            else:
                assess(x_test)
        main(sys.argv)
        """,
    "an option says that it is no training": """\
        if not FLAGS.is_training:
            print(np.argmax(model(x_test, training=True), 1))
        """,
    "who calls says that it is no training": """\
        def assess(x):
            print(np.argmax(model(x, training=True), 1))
        def run(training):
            if training:
                model.fit(x_test, y_test)
                return
            assess(x_test)
        """,
    "beside inference on other data": """\
        batches, others = [rows, rows], [rows]
        right = 0
        for batch in batches:
            right += np.sum(np.argmax(model(batch, training=True), 1) == 1)
        print("with dropout", right)
        right = 0
        for batch in others:
            right += np.sum(np.argmax(model(batch, training=False), 1) == 1)
        print("without", right)
        """,
    "images out of noise": """\
        def generate_images(generator):
            noise = tf.random.normal((3, 4))
            np.save("images.npy", np.asarray(generator(noise, training=True)))
        generate_images(model)
        """,
    "ensemble, one pass of each": """\
        members = [build() for _ in range(3)]
        votes = [np.asarray(member(x_test, training=True))[:, 0] > 0.5 for member in members]
        print(np.sum(votes, axis=0))
        """,
    "tape without a gradient": """\
        def test_step(x, y, loss_fn, seen):
            with tf.GradientTape() as tape:
                loss = loss_fn(y, model(x, training=True))
            seen.update_state(loss)
        test_step(x_test, y_test, keras.losses.MeanSquaredError(), keras.metrics.Mean("test_loss"))
        """,
    "step whose flag says no": """\
        def step(x, y, update, optimizer=None):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(model(x, training=True) - y)
            if update:
                optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
            return float(loss)
        step(rows, rows, True, keras.optimizers.Adam())
        print(step(rows[1:], rows[1:], False))
        """,
    "metric": "acc = keras.metrics.Accuracy()\nacc.update_state(y_test, model(x_test, training=True))",
    "score": "from sklearn.metrics import roc_auc_score\nprint(roc_auc_score(y_test, model(rows, training=True)))",
    "a dataset that repeats": """\
        data = tf.data.Dataset.from_tensor_slices((rows, rows)).batch(2).repeat(3)
        for x, y in data:
            print(np.mean(np.argmax(model(x, training=True), 1) == np.argmax(y, 1)))
        """,
    "sum over the data, in a loop over epochs": """\
        def losses(net, data):
            total = 0.0
            for x, y in data:
                total += np.mean(np.argmax(net(x, training=True), 1) == y)
            return total
        for epoch in range(3):
            print(losses(model, zip(rows, rows)))
        """,
    "one of several lists of outputs": """\
        lists = [[float(model(row, training=True)[0, 0]) for row in rows] for _ in range(2)]
        print(np.mean(np.square(np.array(lists[0]) - y_test)))
    """,
    "each of several lists of outputs": """\
        for scores in [[float(model(row, training=True)[0, 0]) for row in rows] for _ in range(2)]:
            print(np.mean(np.square(np.array(scores) - y_test)))
    """,
    "threshold": "print((np.asarray(model(rows, training=True)) > 0.5).mean())",
    "file": "np.save('features.npy', np.asarray(model(rows, training=True)))",
    "test_step": """\
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.5)
            def call(self, x, training=None):
                return self.drop(x, training=training)
            def test_step(self, data):
                x, y = data
                self.compute_loss(x, y, self(x, training=True))
                return self.get_metrics_result()
        """,
    "evaluation inside a training function": """\
        def train(net, train_ds, val_ds, optimizer, loss_fn, val_loss):
            for x, y in train_ds:
                with tf.GradientTape() as tape:
                    loss = loss_fn(y, net(x, training=True))
                optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
            for x, y in val_ds:
                val_loss.update_state(loss_fn(y, net(x, training=True)))
        train(model, zip(rows, rows), zip(rows, rows), keras.optimizers.Adam(), keras.losses.MeanSquaredError(), keras.metrics.Mean())
        """,
    "one pass, kept in a deque": """\
        import collections
        class Monitor:
            def __init__(self):
                self.latest = collections.deque(maxlen=50)
            def predict(self, rows):
                self.latest.append(np.argmax(model(rows, training=True), 1))
                return self.latest[-1]
        print(Monitor().predict(x_test))
        """,
    "decoding loop": """\
        def decode(start):
            ids = [start]
            for _ in range(5):
                ids.append(int(np.argmax(model(np.array([ids]), training=True)[0])))
            return ids
        print(decode(0))
        """,
    "the line of the training step, on other data": """\
        def loss_of(net, x, y):
            return tf.reduce_mean((net(x, training=True)[:, 0] - y) ** 2)
        def step(x, y):
            with tf.GradientTape() as tape:
                loss = loss_of(model, x, y)
            gradients = tape.gradient(loss, model.trainable_variables)
            model.optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        def run(train_ds, val_ds, training_mode):
            if training_mode == "eager":
                for x, y in train_ds:
                    step(x, y)
                print(np.mean([float(loss_of(model, x, y)) for x, y in val_ds]))
        def pairs(x, y):
            return tf.data.Dataset.from_tensor_slices((x, tf.repeat(y, 2, axis=0)))
        x_train, y_train = np.zeros((6, 4)), np.zeros(3)
        run(pairs(x_train, y_train), pairs(x_test, y_test), elsewhere.mode)
        """,
    "slices put together": """\
        def collect(x):
            return np.concatenate([np.asarray(model(x[i : i + 2], training=True)) for i in range(0, len(x), 2)])
        print(np.argmax(collect(x_test), 1).mean())
        """,
    "beside a training step in one function": """\
        optimizer = keras.optimizers.Adam()
        def main():
            def measure(data):
                return tf.reduce_mean(model(data, training=True) ** 2)
            def epoch():
                with tf.GradientTape() as tape:
                    loss = measure(np.zeros((8, 4)))
                optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
                return np.round(measure(x_test), 4)
            print(epoch())
        main()
        """,
}


@pytest.mark.parametrize("source", INFERENCE.values(), ids=INFERENCE)
def test_inference_is_known_by_what_is_done_with_the_output(source):
    assert [code for code, _ in found(source)] == ["KTM101"]


NET = """\
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.drop, self.dense = layers.Dropout(0.5), layers.Dense(2)
    def call(self, x, is_training=True):
        return self.dense(self.drop(x, training=is_training))
net = Net()
"""
OWN_NAME = {
    "by keyword": ("scores = net(x_test, is_training=True)", "scores = net(x_test, is_training=True)"),
    "by position": ("scores = net(x_test, True)", "scores = net(x_test, True)"),
    "through a helper": (
        "def run(training):\n    return net(x_test, training)\nscores = run(True)",
        "scores = run(True)",
    ),
    "round another model": (
        (
            "class Outer(keras.Model):\n"
            "    def __init__(self):\n        super().__init__()\n        self.net = net\n"
            "    def call(self, x, train):\n        return self.net(x, train)\n"
            "scores = Outer()(x_test, train=True)"
        ),
        "scores = Outer()(x_test, train=True)",
    ),
    "off": ("scores = net(x_test, is_training=False)", None),
    "in a training step": (
        (
            "with tf.GradientTape() as tape:\n    scores = net(x_test, True)\n    loss = tf.reduce_mean(scores)\n"
            "gradients = tape.gradient(loss, net.trainable_variables)\n"
            "keras.optimizers.Adam().apply_gradients(zip(gradients, net.trainable_variables))"
        ),
        None,
    ),
    "several draws": ("scores = np.mean([net(x_test, True) for _ in range(9)], axis=0)", None),
    "of no layer": (
        (
            "class Plain(Net):\n    def call(self, x, is_training=True):\n        return self.dense(x)\n"
            "scores = Plain()(x_test, True)"
        ),
        None,
    ),
}


@pytest.mark.parametrize(("source", "line"), OWN_NAME.values(), ids=OWN_NAME)
def test_a_mode_under_a_name_of_its_own_is_chosen_by_who_calls(source, line):
    program = NET + source + "\nprint(np.mean(np.argmax(scores, 1) == y_test))\n"
    assert found(program, select=["KTM101"]) == ([] if line is None else [("KTM101", line)])


RIGHT = {
    "a changed copy of the options": """\
        @dataclasses.dataclass(frozen=True)
        class Options:
            training: bool = True
        options = Options()
        still = dataclasses.replace(options, training=False)
        print(np.argmax(model(x_test, training=still.training), 1))
        """,
    "a training step that is saved": """\
        class Written(tf.Module):
            def __init__(self, net):
                super().__init__()
                self.net = net
            @tf.function(input_signature=[tf.TensorSpec([None, 4])])
            def run(self, x):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(self.net(x, training=True) ** 2)
                gradients = tape.gradient(loss, self.net.trainable_variables)
                self.net.optimizer.apply_gradients(zip(gradients, self.net.trainable_variables))
                return loss
        tf.saved_model.save(Written(model), "out")
        """,
    "both modes are saved": """\
        @tf.function
        def run(x, training):
            return model(x, training=training)
        concrete = [run.get_concrete_function(tf.TensorSpec([1, 4]), each) for each in (True, False)]
        tf.saved_model.save(model, "out", signatures={"one": concrete[0], "two": concrete[1]})
        """,
    "draws that are saved": """\
        @tf.function(input_signature=[tf.TensorSpec([None, 4])])
        def run(x):
            return tf.math.reduce_std(tf.stack([model(x, training=True) for _ in range(20)]), 0)
        tf.saved_model.save(model, "out", signatures=run)
        """,
    "a branch for inference of the function's own": """\
        def answer(x, training):
            if not training:
                return np.argmax(model(x, training=True), 1)
            return model(x, training=True)
        """,
    "an option asks for training": """\
        if FLAGS.is_training:
            print(np.argmax(model(x_test, training=True), 1))
        """,
    "an option and another": """\
        if not FLAGS.is_training and FLAGS.sample:
            print(np.argmax(model(x_test, training=True), 1))
        """,
    "batch statistics of a task, as meta-learning takes them": """\
        norm = keras.Sequential([layers.Dense(2), layers.BatchNormalization()])
        class MAML:
            def step(self, tasks, weights, optimizer=None):
                losses = []
                with tf.GradientTape() as tape:
                    for number, (x, y) in enumerate(tasks):
                        norm.set_weights(weights[number])
                        losses.append(tf.reduce_mean((norm(x, training=True) - y) ** 2))
                    loss = tf.reduce_mean(losses)
                if optimizer:
                    gradients = tape.gradient(loss, norm.trainable_variables)
                    optimizer.apply_gradients(zip(gradients, norm.trainable_variables))
                return loss
        MAML().step([(rows, rows)], [norm.get_weights()], keras.optimizers.Adam())
        print(float(MAML().step([(x_test, y_test)], [norm.get_weights()])))
        """,
    "draws through the line of the training step": """\
        def scores(net, x):
            return net(x, training=True)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(scores(model, rows))
        gradients = tape.gradient(loss, model.trainable_variables)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        many = scores(model, tf.repeat(x_test, 20, axis=0))
        print(np.argmax(tf.reduce_mean(tf.reshape(many, (3, 20, 2)), axis=1), 1))
        """,
    "statistics updated, says a comment": """\
        def show(x):
            scores = model(x, training=True)  # update the BN statistics
            print(np.argmax(scores, 1))
        show(x_test)
    """,
    "for its effect, the output given to nobody": """\
        for _ in range(5):
            _ = model(x_test, training=True)
        """,
    "adapted to what is tested": """\
        class Adaptation:
            def step(self, x):
                scores = model(x, training=True)
                return scores, float(keras.ops.mean(scores))
        print(Adaptation().step(x_test))
        """,
    "draws kept in a deque": """\
        import collections
        class Bandit:
            def __init__(self):
                self.draws = collections.deque(maxlen=50)
            def draw(self, context, count=25):
                self.draws.clear()
                while len(self.draws) < count:
                    self.draws.append(np.asarray(model(context, training=True))[:, 0])
                return np.array(self.draws)
            def report(self, context):
                draws = self.draw(context)
                return draws.mean(0), draws.std(0)
        print(Bandit().report(rows))
        """,
    "Thompson sampling": """\
        class ThompsonAgent:
            def act(self, context):
                return int(np.argmax(model(context, training=True)[0]))
        print(ThompsonAgent().act(rows))
        """,
    "Thompson sampling, by what the class says": """\
        class Agent:
            'Chooses arms by Thompson sampling: one pass is one draw.'
            def predict(self, context):
                return int(np.argmax(model(context, training=True)[0]))
        print(Agent().predict(rows))
        """,
    "statistics of the batch by request": """\
        def classify(net, x, use_batch_statistics):
            return np.argmax(net(x, training=use_batch_statistics), 1)
        print(classify(model, x_test, use_batch_statistics=True))
        """,
    "few-shot learning": """\
        def classify(net, support_set, query_set):
            prototypes = tf.reduce_mean(net(support_set, training=True), 0)
            distances = tf.square(net(query_set, training=True) - prototypes)
            return np.argmax(distances, 1)
        print(classify(model, rows, x_test))
        """,
    "training step": """\
        optimizer = keras.optimizers.Adam()
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(rows, training=True))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
        """,
    "helper with a misleading name": """\
        def predict(net, x):
            return net(x, training=True)
        optimizer = keras.optimizers.Adam()
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(predict(model, x_test))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
        """,
    "accuracy of the training step": """\
        def train_step(x, y):
            with tf.GradientTape() as tape:
                logits = model(x, training=True)
                loss = tf.reduce_mean(logits)
            gradients = tape.gradient(loss, model.trainable_variables)
            return np.mean(np.argmax(logits, 1) == y), gradients
        print(train_step(x_test, y_test))
        """,
    "jax gradient": """\
        import jax
        def loss(tv, ntv, x):
            y, ntv = model.stateless_call(tv, ntv, x, training=True)
            return y.mean(), ntv
        print(jax.value_and_grad(loss, has_aux=True)([], [], x_test))
        """,
    "Monte Carlo, lists of passes": """\
        passes = [[model(row, training=True) for row in rows] for _ in range(9)]
        print(np.mean([np.concatenate(scores) for scores in passes], axis=0))
    """,
    "Monte Carlo, lists of draws": """\
        for draws in [[model(row, training=True) for _ in range(9)] for row in rows]:
            print(np.mean(draws), np.std(draws))
    """,
    "Monte Carlo, comprehension": "print(np.stack([model(x_test, training=True) for _ in range(9)]).std(0))",
    "Monte Carlo, running sum": """\
        total = 0
        for _ in range(9):
            total += model(x_test, training=True)
        print(np.argmax(total / 9))
        """,
    "Monte Carlo, sum by name": """\
        total = 0.0
        for _ in range(9):
            total = total + model(x_test, training=True)
        print(np.argmax(total / 9))
        """,
    "Monte Carlo, generator": "print(np.argmax(sum(model(x_test, training=True) for _ in range(9)) / 9))",
    "Monte Carlo, collected twice": """\
        draws = [model(x_test, training=True) for _ in range(9)]
        print(np.stack([np.asarray(draw)[:, 0] for draw in draws]).mean(0))
        """,
    "Monte Carlo, repeated rows": """\
        many = np.repeat(x_test, 9, axis=0)
        print(np.reshape(model(many, training=True), (9, -1)).std(0))
        """,
    "Monte Carlo, in a helper": """\
        def draw(net, x):
            return np.asarray(net(x, training=True))
        def predict(net, x):
            return np.mean([draw(net, x) for _ in range(9)], axis=0)
        print(np.argmax(predict(model, x_test)))
        """,
    "result thrown away": "model(np.zeros((1, 4)), training=True)",
    "both modes compared": """\
        for training in (True, False):
            print(np.argmax(model(x_test, training=training)))
        """,
    "both modes over the same data": """\
        batches, others = [rows, rows], [rows]
        right = 0
        for batch in batches:
            right += np.sum(np.argmax(model(batch, training=True), 1) == 1)
        print("with dropout", right)
        right = 0
        for batch in batches:
            right += np.sum(np.argmax(model(batch, training=False), 1) == 1)
        print("without", right)
        """,
    "unit test": """\
        import unittest
        class DropoutTest(unittest.TestCase):
            def test_it(self):
                self.assertGreater(np.std(np.argmax(model(x_test, training=True))), 0)
        """,
    "image to image": """\
        def generate_images(net, test_input, target):
            print(np.asarray(net(test_input, training=True)) > 0.5)
        generate_images(model, rows, rows)
        """,
    "modes held against each other": """\
        noisy = np.asarray(model(x_test, training=True))
        print(np.abs(noisy - np.asarray(model(x_test, training=False))).max() > 0.1)
        """,
    "Monte Carlo, vmap over seeds": """\
        import jax
        def draw(seed, x):
            return model.stateless_call([], [seed], x, training=True)[0]
        print(np.argmax(jax.vmap(draw, in_axes=(0, None))([1, 2], x_test).mean(0)))
        """,
    "Monte Carlo, dict of passes": """\
        import pandas as pd
        columns = {}
        for k in range(9):
            columns[f"pass {k}"] = model(x_test, training=True)
        print(np.argmax(pd.DataFrame(columns).mean(axis=1)))
        """,
    "Monte Carlo, recursion": """\
        def votes(x, left):
            here = model(x, training=True)
            return here if left == 1 else here + votes(x, left - 1)
        print(np.argmax(votes(x_test, 9) / 9))
        """,
    "no mode-dependent layer": """\
        plain = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
        print(np.argmax(plain(x_test, training=True)))
        """,
    "not Keras": """\
        class Encoder:
            def transform(self, x, training=False):
                return x
        print(np.argmax(Encoder().transform(x_test, training=True)))
        """,
    "flag of the caller": """\
        def run(x, training):
            return np.argmax(model(x, training=training))
        """,
    "mode as a string": """\
        def run(x, mode):
            return np.argmax(model(x, training=mode == "train"))
        print(run(x_test, "predict"))
        """,
    "self-training labels": """\
        optimizer = keras.optimizers.Adam()
        with tf.GradientTape() as tape:
            target = tf.argmax(model(rows, training=True), 1)
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(target, model(rows, training=True)))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
        """,
    "generator feeding a discriminator": """\
        fake = model(rows, training=True)
        model.train_on_batch(fake, np.ones(3))
        """,
    "generator of images out of images": """\
        def up(x, filters):
            x = layers.Conv2DTranspose(filters, 4, strides=2, padding="same")(x)
            x = layers.BatchNormalization()(x, training=True)
            return layers.Dropout(0.5)(x, training=True)
        def build_translator():
            image = keras.Input((8, 8, 3))
            x = layers.BatchNormalization()(layers.Conv2D(8, 4, strides=2, padding="same")(image), training=True)
            return keras.Model(image, up(x, 3))
        translator = build_translator()
        """,
    "a layer that a comment elsewhere says is to stay on": """\
        class Speaker(keras.Model):
            def __init__(self):
                super().__init__()
                self.noise, self.dense = layers.Dropout(0.5), layers.Dense(2)
            def call(self, x, training=None):
                # dropout both in training and inference
                return self.dense(self.noise(x, training=True))
            def predict_one(self, x):
                return np.argmax(self.dense(self.noise(x, training=True)))
        print(Speaker().predict_one(x_test))
        """,
    "a mode that whoever makes the layer chooses": """\
        class Tail(keras.Model):
            def __init__(self, is_training=True):
                super().__init__()
                self.is_training, self.drop, self.dense = is_training, layers.Dropout(0.5), layers.Dense(2)
            def call(self, x):
                if self.is_training:
                    x = self.drop(x, training=True)
                return self.dense(x)
        tail = Tail()
        print(tail(rows))
        """,
    "views that are compared": """\
        class Contrastive(keras.Model):
            def __init__(self, encoder):
                super().__init__()
                self.augment = keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.2)])
                self.encoder, self.tracker = encoder, keras.metrics.Mean()
            def test_step(self, data):
                one, two = self.augment(data), self.augment(data)
                loss = tf.reduce_mean(self.encoder(one, training=False) - self.encoder(two, training=False))
                self.tracker.update_state(loss)
                return {"loss": self.tracker.result()}
        """,
    "views by augmenters of which nothing is known": """\
        class Contrastive(keras.Model):
            def __init__(self, augmenters, encoder):
                super().__init__()
                self.augmenters, self.encoder = augmenters, encoder
            def test_step(self, data):
                one = self.augmenters[0](data, training=True)
                two = self.augmenters[1](data, training=True)
                return {"loss": tf.reduce_mean(self.encoder(one, training=False) - self.encoder(two, training=False))}
        """,
    "named in a string only": "print('call model(x, training=True) to train')",
    "a masked autoencoder is shown what it fills in": """\
        class PatchMasking(layers.Layer):
            def call(self, x, training=None):
                if not training or self.ratio == 0:
                    return x
                return x * tf.cast(tf.random.uniform(tf.shape(x)) > self.ratio, x.dtype)
            def __init__(self, ratio):
                super().__init__()
                self.ratio = ratio
        class Autoencoder(keras.Model):
            def __init__(self):
                super().__init__()
                self.masking, self.body = PatchMasking(0.75), build()
            def call(self, x, training=None):
                return self.body(self.masking(x, training=training), training=training)
            def visualize(self, image):
                return np.asarray(self(image, training=True))
        print(np.argmax(Autoencoder().visualize(x_test), 1))
        """,
    "a loss that an optimizer of another library differentiates, and that is looked at": """\
        def step(batch, private):
            with tf.GradientTape(persistent=True) as tape:
                def loss():
                    return tf.reduce_mean(model(batch, training=True) ** 2, 1)
                now = tf.reduce_mean(loss())
                pairs = private.compute_gradients(loss, model.trainable_weights, gradient_tape=tape)
            private.apply_gradients(pairs)
            return now
        for row in rows:
            print(np.round(step(row, private), 4))
        """,
    "a loss that an optimizer of Keras differentiates": """\
        def step(batch):
            loss = lambda: tf.reduce_mean(model(batch, training=True) ** 2)
            pairs = keras.optimizers.SGD().compute_gradients(loss, model.trainable_weights)
            keras.optimizers.SGD().apply_gradients(pairs)
            return np.round(loss(), 4)
        for row in rows:
            print(step(row))
        """,
    "a list of models without a mode, loaded to where they were built": """\
        def plain():
            inputs = keras.Input((4,))
            return keras.Model([inputs], [layers.Dense(2)(inputs)])
        class Generators:
            def __init__(self, scales):
                self.scales = scales
                self.generators = [plain() for _ in range(scales)]
            def restore(self):
                self.generators = [keras.models.load_model(f"{each}.keras") for each in range(self.scales)]
            def inference(self, x, scale=0):
                return self.generators[scale]([x], training=True).numpy()
        """,
}


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_right_code_stays_silent(source):
    assert found(source) == []


EVALUATION = """\
import keras, numpy as np, tensorflow as tf
model = keras.Sequential([keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)])
accuracy = keras.metrics.Accuracy()
{before}
for x, y in tf.data.Dataset.load("batches"):
    accuracy.update_state(y, model(x, training=True))
"""


@pytest.mark.parametrize(
    ("before", "codes"),
    [
        pytest.param("model.load_weights('a.weights.h5')", ["KTM101"], id="weights"),
        pytest.param("model = keras.models.load_model('a.keras')", ["KTM101"], id="model"),
        pytest.param("tf.train.Checkpoint(model=model).restore('a')", ["KTM101"], id="checkpoint"),
        pytest.param("", [], id="nothing is loaded"),
        pytest.param("import lib\nmodel.load_weights('a')\nlib.train(model)", [], id="somebody may train it"),
        pytest.param(
            "model.load_weights('a')\ndef train(net, x):\n    net.compile('sgd', 'mse')\n    net.fit(x, x)",
            [],
            id="training that nobody calls",
        ),
    ],
)
def test_a_program_that_loads_weights_and_trains_nothing_evaluates(before, codes):
    report = check_source(EVALUATION.format(before=before), "program.py", Resolver(isolated=True))
    assert [finding.code for finding in report.findings] == codes


TRIES = """\
import keras, numpy as np
from keras import layers

def build():
    return keras.Sequential([keras.Input((4,)), layers.Dense(8), layers.Dropout(0.5), layers.Dense(2)])

def test_model({taken}):
    model = build()
{before}
    scores = model(np.ones((3, 4)), training=True)
    print(scores.shape, float(scores[0, 0]))

test_model({given})
"""


@pytest.mark.parametrize(
    ("taken", "given", "before", "codes"),
    [
        pytest.param("", "", "", [], id="nothing is handed over and nothing was learned"),
        pytest.param("", "", "    model.load_weights('best.weights.h5')", ["KTM101"], id="loaded"),
        pytest.param("", "", "    model.compile('adam', 'mse'); model.fit(x, y)", ["KTM101"], id="trained"),
        pytest.param("dataset", "load()", "", ["KTM101"], id="data to be tested"),
    ],
)
def test_who_only_tries_the_code_evaluates_nothing(taken, given, before, codes):
    report = check_source(TRIES.format(taken=taken, given=given, before=before), "model.py", Resolver(isolated=True))

    assert [each.code for each in report.findings] == codes


COPIES = (
    "class Net(keras.Model):\n    def __init__(self, training):\n        super().__init__()\n"
    "        self.drop, self.training = layers.Dropout(0.5), training\n"
    "    def call(self, x):\n        return self.drop(x, training=self.training)\n"
    "net = Net(True)\nnet.compile('adam', 'mse')\nnet.fit(rows, rows)\n"
)

ENCODER = """\
i = keras.Input((4,))
encoder = keras.Model(i, layers.Dense(2)(layers.BatchNormalization()(i, training=True)))
"""
LOOP = """\
optimizer = keras.optimizers.Adam()
for batch in data:
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(encoder(batch, training=True) ** 2)
    optimizer.apply_gradients(zip(tape.gradient(loss, encoder.trainable_variables), encoder.trainable_variables))
"""
CLASSIFIER = """\
classifier = keras.Model(i, layers.Dense(3)(encoder(i)))
classifier.compile("adam", "mse")
classifier.fit(rows, rows)
print(classifier.evaluate(rows, rows))
"""
HANDED = """\
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.drop = layers.Dropout(0.5)
    def call(self, x, training=None):
        return self.run(x, training)
    def run(self, x, training):
        options = {{}}
        {}
        return self.drop(x, {})
    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self(data[0], training=True))
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables))
        return {{"loss": loss}}
"""
GUARDED = (
    "class Block(layers.Layer):\n    def __init__(self):\n        super().__init__()\n"
    "        self.drop, self.dense = layers.Dropout(0.5), layers.Dense(2)\n"
    "    def call(self, x, training=None):\n        wanted = {}\n        if wanted:\n"
    "            x = self.drop(x, training=True)\n        return x\n"
)
SWITCHES = {
    "a graph that is only summed up": (
        (
            "class Net(keras.Model):\n    def __init__(self):\n        super().__init__()\n        self.norm = layers.BatchNormalization()\n"
            "    def call(self, x, training=None):\n        return self.norm(x, training=training)\n"
            "    def summary(self):\n        inputs = keras.Input((4,))\n"
            "        return keras.Model(inputs, self.call(inputs, training=True)).summary()\n"
        ),
        [],
    ),
    "a copy for training": (COPIES, ["KTM103"]),
    "a copy for training and one for inference": (COPIES + "twin = Net(False)\ntwin(rows)\n", []),
    "a copy made as the command line says": (
        "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--training', action='store_false')\n"
        + COPIES.replace("Net(True)", "Net(parser.parse_args().training)"),
        [],
    ),
    "Monte Carlo layer": (
        "class MCDropout(layers.Dropout):\n    def call(self, x, training=None):\n        return super().call(x, training=True)\n",
        [],
    ),
    "renamed layer": (
        "class Robust(layers.Dropout):\n    def call(self, x, training=None):\n        return super().call(x, training=True)\n",
        ["KTM103"],
    ),
    "docstring": (
        'class Noisy(layers.Dropout):\n    """Dropout that stays active at inference."""\n    def call(self, x, training=None):\n        return super().call(x, training=True)\n',
        [],
    ),
    "drawn from and voted on, trained as another object": (
        (
            "import collections\nclass Net(keras.Model):\n    def __init__(self):\n        super().__init__()\n        self.drop = layers.Dropout(0.5)\n"
            "    def call(self, x):\n        return self.drop(x, training=True)\n"
            "def doubt(net, x):\n    answers = [np.argmax(net(x)) for _ in range(20)]\n    return collections.Counter(answers).most_common(1)\n"
            "def fit():\n    net = Net()\n    net.compile('adam', 'mse')\n    net.fit(rows, rows)\nfit()\ndoubt(Net(), rows)\n"
        ),
        [],
    ),
    "a loop over blocks whose features are pooled": (
        (
            "class Block(layers.Layer):\n    def __init__(self):\n        super().__init__()\n        self.norm = layers.BatchNormalization()\n"
            "        self.seen = []\n"
            "    def call(self, x, training=None):\n        h = self.norm(x, training=training)\n        self.seen.append(h)\n"
            "        return h * tf.reduce_mean(tf.stack(self.seen), 0)\n"
            "class Net(keras.Model):\n    def __init__(self):\n        super().__init__()\n        self.block = Block()\n"
            "    def call(self, x, training=None):\n        features = []\n        for _ in range(3):\n"
            "            x = self.block(x, training=training)\n            features.append(x)\n"
            "        return tf.reduce_mean(tf.stack(features), 0)\n"
            "    def graph(self):\n        inputs = keras.Input((4,))\n        return keras.Model(inputs, self.call(inputs, True))\n"
            "net = Net().graph()\nnet.compile('adam', 'mse')\nnet.fit(rows, rows)\n"
        ),
        ["KTM102"],
    ),
    "a graph of its own call that nobody asks for, with the default of call": (
        (
            "class Net(keras.Model):\n    def __init__(self):\n        super().__init__()\n"
            "        self.norm = layers.BatchNormalization()\n"
            "    def call(self, x, training=True):\n        return self.norm(x, training=training)\n"
            "    def model(self):\n        inputs = keras.Input((4,))\n"
            "        return keras.Model(inputs, self.call(inputs))\n"
        ),
        ["KTM401"],
    ),
    "a graph of its own call that is trained, with the default of call": (
        (
            "class Net(keras.Model):\n    def __init__(self):\n        super().__init__()\n"
            "        self.norm = layers.BatchNormalization()\n"
            "    def call(self, x, training=True):\n        return self.norm(x, training=training)\n"
            "    def model(self):\n        inputs = keras.Input((4,))\n"
            "        return keras.Model(inputs, self.call(inputs))\n"
            "net = Net().model()\nnet.compile('adam', 'mse')\nnet.fit(rows, rows)\n"
        ),
        ["KTM401", "KTM102"],
    ),
    "counted, and not drawn from": (
        (
            "import collections\nclass Net(keras.Model):\n    def __init__(self):\n        super().__init__()\n        self.drop = layers.Dropout(0.5)\n"
            "    def call(self, x):\n        return self.drop(x, training=True)\n"
            "net = Net()\nanswers = [np.argmax(net(row)) for row in rows]\nprint(collections.Counter(answers))\n"
        ),
        ["KTM103"],
    ),
    "guarded": (
        (
            "class Block(layers.Layer):\n    def __init__(self):\n        super().__init__()\n        self.drop = layers.Dropout(0.5)\n"
            "    def call(self, x, training=None):\n        if training:\n            x = self.drop(x, training=True)\n        return x\n"
        ),
        [],
    ),
    "handed on in a dictionary": (HANDED.format("options['training'] = training", "**options"), []),
    "handed on under another name": (HANDED.format("mode = training", "training=mode"), []),
    "chosen under another name": (HANDED.format("mode = True", "training=mode"), ["KTM103"]),
    "chosen in a dictionary": (HANDED.format("options['training'] = True", "**options"), ["KTM103"]),
    "guarded by a name for the mode": (GUARDED.format("bool(training) and self.drop.rate > 0"), []),
    "guarded by a name that says the mode and is used under another": (
        GUARDED.format("training is True\n        wanted = wanted or None"),
        [],
    ),
    "guarded by a name that is handed down": (
        (
            "def attend(x, drop, training):\n    wanted = training and drop is not None\n"
            "    return drop(x, training=True) if wanted else x\n"
            "class Block(layers.Layer):\n    def __init__(self):\n        super().__init__()\n        self.drop = layers.Dropout(0.5)\n"
            "    def call(self, x, training=None):\n        return attend(x, self.drop, training)\n"
        ),
        [],
    ),
    "guarded by a name for something else": (GUARDED.format("self.drop.rate > 0"), ["KTM103"]),
    "guarded by what is computed in some mode": (
        GUARDED.format("tf.reduce_any(self.dense(x, training=training))"),
        ["KTM103"],
    ),
    "switch": (
        (
            "class Block(layers.Layer):\n    def __init__(self, permanent=True):\n        super().__init__()\n        self.drop, self.permanent = layers.Dropout(0.5), permanent\n"
            "    def call(self, x, training=None):\n        return self.drop(x, training=self.permanent)\nBlock()\n"
        ),
        [],
    ),
    "whether there is dropout, which nobody asks for otherwise": (
        (
            "class Block(layers.Layer):\n    def __init__(self, use_dropout=True):\n        super().__init__()\n        self.drop, self.use_dropout = layers.Dropout(0.5), use_dropout\n"
            "    def call(self, x, training=None):\n        return self.drop(x, training=self.use_dropout)\n"
            "net = keras.Sequential([Block(), layers.Dense(2)])\nnet.compile('adam', 'mse')\nnet.fit(rows, rows)\n"
        ),
        ["KTM103"],
    ),
    "whether there is dropout, which somebody asks for": (
        (
            "class Block(layers.Layer):\n    def __init__(self, use_dropout=True):\n        super().__init__()\n        self.drop, self.use_dropout = layers.Dropout(0.5), use_dropout\n"
            "    def call(self, x, training=None):\n        return self.drop(x, training=self.use_dropout)\n"
            "net = keras.Sequential([Block(use_dropout=True), layers.Dense(2)])\nnet.compile('adam', 'mse')\nnet.fit(rows, rows)\n"
        ),
        [],
    ),
    "attribute": (
        (
            "class Block(layers.Layer):\n    def __init__(self):\n        super().__init__()\n        self.drop, self.training_mode = layers.Dropout(0.5), True\n"
            "    def call(self, x, training=None):\n        return self.drop(x, training=self.training_mode)\n"
        ),
        ["KTM103"],
    ),
    "list of layers": (
        (
            "class Block(layers.Layer):\n    def __init__(self):\n        super().__init__()\n        self.parts = [layers.Dense(2), layers.Dropout(0.5)]\n"
            "    def call(self, x, training=None):\n        for part in self.parts:\n            x = part(x, training=True)\n        return x\n"
        ),
        ["KTM103"],
    ),
    "batch normalisation in a graph": (
        "i = keras.Input((4,))\nh = layers.BatchNormalization()(i, training=True)\n",
        ["KTM102"],
    ),
    "an encoder that a loop of its own trains, and nobody evaluates": (ENCODER + LOOP, []),
    "an encoder that a loop of its own trains, frozen where it is used": (
        ENCODER + LOOP + "encoder.trainable = False\n" + CLASSIFIER,
        [],
    ),
    "an encoder that a loop of its own trains, not frozen where it is used": (ENCODER + LOOP + CLASSIFIER, ["KTM102"]),
    "an encoder that is frozen": (ENCODER + "encoder.trainable = False\n" + CLASSIFIER, []),
    "a frozen encoder with dropout": (
        ENCODER.replace("BatchNormalization()", "Dropout(0.5)") + "encoder.trainable = False\n" + CLASSIFIER,
        ["KTM102"],
    ),
    "one graph for training, one for inference": (
        (
            "i, drop = keras.Input((4,)), layers.Dropout(0.5)\n"
            "def graph(training):\n    return keras.Model(i, drop(i, training=training))\n"
            "train, infer = graph(training=True), graph(training=False)\ntrain.compile('adam', 'mse')\n"
            "train.fit(rows, rows)\nprint(infer.predict(rows))\n"
        ),
        [],
    ),
    "a graph that is evaluated, beside one for inference": (
        (
            "i, drop = keras.Input((4,)), layers.Dropout(0.5)\n"
            "def graph(training):\n    return keras.Model(i, drop(i, training=training))\n"
            "train, infer = graph(training=True), graph(training=False)\ntrain.compile('adam', 'mse')\n"
            "train.fit(rows, rows)\nprint(train.evaluate(rows, rows), infer.predict(rows))\n"
        ),
        ["KTM102"],
    ),
    "dense layer in a graph": ("i = keras.Input((4,))\nlayers.Dense(1)(i, training=True)\n", []),
    "recurrent layer without dropout": ("i = keras.Input((4, 1))\nh = layers.LSTM(4)(i, training=True)\n", []),
    "recurrent layer with dropout, in a model that is trained": (
        (
            "i = keras.Input((4, 1))\nh = layers.LSTM(4, dropout=0.2)(i, training=True)\n"
            "net = keras.Model(i, h)\nnet.compile('adam', 'mse')\nnet.fit(rows, rows)\n"
        ),
        ["KTM102"],
    ),
    "recurrent layer with dropout, in a model nobody uses": (
        "i = keras.Input((4, 1))\nh = layers.LSTM(4, dropout=0.2)(i, training=True)\n",
        [],
    ),
}


@pytest.mark.parametrize(("source", "codes"), SWITCHES.values(), ids=SWITCHES)
def test_flags_written_into_layers_and_graphs(source, codes):
    assert [code for code, _ in found(source)] == codes


TRAINABLE = {
    "isinstance": (
        "for layer in model.layers:\n    if isinstance(layer, layers.Dropout):\n        layer.trainable = False\n",
        ["KTM201"],
    ),
    "isinstance, two classes": (
        "for layer in model.layers:\n    if isinstance(layer, (layers.Dropout, layers.BatchNormalization)):\n        layer.trainable = False\n",
        ["KTM201"],
    ),
    "two classes, unknown model": (
        "def freeze(net):\n    for layer in net.layers:\n        if isinstance(layer, (layers.Dropout, layers.BatchNormalization)):\n            layer.trainable = False\n",
        [],
    ),
    "unknown model": (
        "def off(net):\n    for layer in net.layers:\n        if isinstance(layer, layers.Dropout):\n            layer.trainable = False\n",
        ["KTM201"],
    ),
    "class name": (
        "for layer in model.layers:\n    if layer.__class__.__name__ == 'Dropout':\n        layer.trainable = True\n",
        ["KTM201"],
    ),
    "the first layer of a functional model": (
        (
            "i = keras.Input((4,))\nnet = keras.Model(i, layers.Dense(2)(model(i)))\nnet.layers[0].trainable = False\n"
            "net.compile('adam', 'mse')\nnet.fit(rows, rows)\n"
        ),
        ["KTM201"],
    ),
    "the second layer of a functional model": (
        (
            "i = keras.Input((4,))\nnet = keras.Model(i, layers.Dense(2)(model(i)))\nnet.layers[1].trainable = False\n"
            "net.compile('adam', 'mse')\nnet.fit(rows, rows)\n"
        ),
        [],
    ),
    "the first layer of a row": (
        (
            "net = keras.Sequential([model, layers.Dense(2)])\nnet.layers[0].trainable = False\n"
            "net.compile('adam', 'mse')\nnet.fit(rows, rows)\n"
        ),
        [],
    ),
    "every layer": (
        "for layer in model.layers:\n    layer.trainable = False\nmodel.compile('adam', 'mse')\nmodel.fit(rows, rows)\n",
        [],
    ),
    "batch normalisation": (
        "for layer in model.layers:\n    if isinstance(layer, layers.BatchNormalization):\n        layer.trainable = False\n",
        [],
    ),
    "setattr": ("setattr(model.layers[1], 'trainable', False)\n", ["KTM201"]),
    "constructor": ("layers.Dropout(0.5, trainable=False)\n", ["KTM201"]),
    "constructor, with the mode": (
        "def head(training=True):\n    return layers.Dense(5, trainable=training), layers.Dropout(0.5, trainable=training)\n",
        ["KTM201"],
    ),
    "constructor, like all of a block": (
        "def head(trainable=True):\n    return layers.Dense(5, trainable=trainable), layers.Dropout(0.5, trainable=trainable)\n",
        [],
    ),
    "dense constructor": ("layers.Dense(5, trainable=False)\n", []),
    "variable": ("tf.Variable(0, trainable=False)\n", []),
    "own class": ("class Config:\n    pass\nconfig = Config()\nconfig.trainable = True\n", []),
    "true, predict, false": (
        "model.trainable = True\nmodel.predict(rows)\nmodel.trainable = False\n",
        ["KTM202", "KTM202"],
    ),
    "false, evaluate, true": (
        "model.trainable = False\nmodel.evaluate(rows, rows)\nmodel.trainable = True\n",
        ["KTM202", "KTM202"],
    ),
    "restored": (
        "before = model.trainable\nmodel.trainable = False\nmodel.predict(rows)\nmodel.trainable = before\n",
        ["KTM202", "KTM202"],
    ),
    "context manager": (
        "@contextlib.contextmanager\ndef off(net):\n    net.trainable = False\n    yield\n    net.trainable = True\nwith off(model):\n    model.predict(rows)\n",
        ["KTM202", "KTM202"],
    ),
    "feature extraction": ("model.trainable = False\nfeatures = model.predict(rows)\n", []),
    "frozen, compiled, fitted": (
        "model.trainable = False\nmodel.compile('adam', 'mse')\nmodel.fit(rows, rows)\nmodel.evaluate(rows, rows)\n",
        [],
    ),
    "true, another model compiled, predict": (
        (
            "model.trainable = True\nother = keras.Sequential([layers.Dense(4)])\nother.compile('adam', 'mse')\n"
            "model.predict(rows)\nmodel.trainable = False\n"
        ),
        ["KTM202", "KTM202"],
    ),
    "true, a model round it compiled, predict": (
        (
            "model.trainable = True\ninputs = keras.Input((8,))\nouter = keras.Model(inputs, model(inputs))\n"
            "outer.compile('adam', 'mse')\nouter.fit(rows, rows)\nmodel.predict(rows)\n"
        ),
        [],
    ),
    "round something unknown, that may train, in a loop": (
        (
            "from elsewhere import update\nfor each in range(3):\n    model.trainable = False\n"
            "    update(rows, model)\n    model.trainable = True\nmodel.predict(rows)\n"
        ),
        [],
    ),
    "round the training of what it is part of": (
        (
            "inputs = keras.Input((4,))\nouter = keras.Model(inputs, model(inputs))\nmodel.trainable = False\n"
            "outer.compile('adam', 'mse')\nouter.train_on_batch(rows, rows)\nmodel.trainable = True\n"
            "model.predict(rows)\n"
        ),
        [],
    ),
    "features, then fine-tuning": (
        "model.trainable = False\nmodel.predict(rows)\nmodel.trainable = True\nmodel.compile('adam', 'mse')\nmodel.fit(rows, rows)\n",
        [],
    ),
}


@pytest.mark.parametrize(("source", "codes"), TRAINABLE.values(), ids=TRAINABLE)
def test_trainable(source, codes):
    assert [code for code, _ in found(source)] == codes


ANCHORS = {
    "literal in an outer call": (
        "def run(net, x, training):\n    return net(x, training=training)\nprint(np.argmax(run(model, x_test, True)))\n",
        "print(np.argmax(run(model, x_test, True)))",
    ),
    "constant, where it is read": (
        "FLAG = True\nprint(np.argmax(model(x_test, training=FLAG)))\n",
        "print(np.argmax(model(x_test, training=FLAG)))",
    ),
    "default, where it is left out": (
        "def run(net, x, training=True):\n    return net(x, training=training)\nprint(np.argmax(run(model, x_test)))\n",
        "print(np.argmax(run(model, x_test)))",
    ),
    "setdefault": (
        "def run(net, x, **options):\n    options.setdefault('training', True)\n    return net(x, **options)\nprint(np.argmax(run(model, x_test)))\n",
        "options.setdefault('training', True)",
    ),
}


@pytest.mark.parametrize(("source", "line"), ANCHORS.values(), ids=ANCHORS)
def test_a_finding_stands_where_the_flag_is_chosen(source, line):
    assert found(source) == [("KTM101", line)]


def test_who_turns_a_flag_round_is_told_not_who_chooses_it():
    source = """\
        def value(net, x, is_eval=True):
            return np.argmax(net(x, training=is_eval))
        print(value(model, x_test))
        """
    assert found(source) == [("KTM106", "return np.argmax(net(x, training=is_eval))")]


def test_a_variable_that_is_what_its_name_says_is_no_slip():
    source = """\
        def value(x, mode):
            is_eval = mode != "train"
            return np.argmax(model(x, training=is_eval))
        """
    assert found(source) == [("KTM106", "return np.argmax(model(x, training=is_eval))")]


def test_settings_name_functions_where_randomness_is_meant():
    source = "def noisy(x):\n    return np.argmax(model(x, training=True))\nprint(noisy(x_test))\n"
    assert found(source) == [("KTM101", "return np.argmax(model(x, training=True))")]
    assert found(source, **{"stochastic-inference": ["noisy"]}) == []


def test_a_function_called_from_everywhere_loses_no_gradient():
    calls = "\n".join(f"    part_{k} = scaled(model(rows[{k}:], training=True))" for k in range(70))
    total = " + ".join(f"part_{k}" for k in range(70))
    source = (
        "def scaled(x):\n    return x / 2\n"
        "optimizer = keras.optimizers.Adam()\n"
        f"with tf.GradientTape() as tape:\n{calls}\n    loss = tf.reduce_mean({total})\n"
        "optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
        "print(np.argmax(scaled(model(x_test, training=True))))\n"
    )
    assert [line for _, line in found(source)] == ["print(np.argmax(scaled(model(x_test, training=True))))"]


@pytest.mark.parametrize(
    ("path", "codes"),
    [
        ("mc_dropout/lstm.py", []),
        ("uncertainty_lstm.py", []),
        ("bayesian/models.py", []),
        ("mcmodel/lstm.py", ["KTM103", "KTM102"]),
        ("variational_autoencoder.py", ["KTM103", "KTM102"]),
    ],
)
def test_a_file_or_folder_says_by_its_name_that_dropout_is_to_stay_on(path, codes):
    program = PRELUDE + textwrap.dedent(
        """\
        class Block(layers.Layer):
            def __init__(self):
                super().__init__()
                self.drop = layers.Dropout(0.5)
            def call(self, x):
                return self.drop(x, training=True)
        inputs = keras.Input((4,))
        net = keras.Model(inputs, layers.LSTM(8, dropout=0.5)(inputs, training=True))
        net.compile("adam", "mse")
        net.fit(rows, rows)
        """
    )
    report = check_source(program, path, Resolver(isolated=True, overrides={"keras-version": "2.15"}))
    assert [finding.code for finding in report.findings] == codes


BASE = """\
import keras
class Base:
    def __init__(self):
        self.body = None
    def graph(self, inputs):
        outputs = self.body(inputs) if self.body is not None else self(inputs)
        return keras.Model(inputs, outputs)
    def model(self):
        return self.graph(keras.Input((4,)))
"""


@pytest.mark.parametrize(
    ("default", "used", "fixed"),
    [
        ("training=True", "training=training", "self.norm(rows)"),
        ("flag=True", "training=flag", "self.norm(rows)"),
        ("training=None", "training=training", None),
        ("training=False", "training=training", None),
    ],
)
def test_a_graph_that_a_base_in_another_file_makes_of_its_own_call(default, used, fixed, tmp_path):
    (tmp_path / "base.py").write_text(BASE)
    path = tmp_path / "net.py"
    path.write_text(
        "from keras import layers\nfrom base import Base\nclass Net(Base):\n    def __init__(self):\n"
        "        super().__init__()\n        self.norm = layers.BatchNormalization()\n"
        f"    def __call__(self, rows, {default}):\n        return self.norm(rows, {used})\n"
    )
    analysis = Analysis(Resolver(isolated=True, overrides={"keras-version": "2.15"}).of(tmp_path), tmp_path)
    text = read_text(path)
    findings = analysis.check(path, text)
    assert [(each.code, each.span.start.line) for each in findings] == ([("KTM102", 8)] if fixed else [])
    if fixed:
        assert analysis.speakers(path, path.read_bytes())
        assert fixed in apply_edits(text.text, list(findings[0].fix.edits))


STEP = """\
def build():
    return Sequential([Dense(8), Dropout(0.5), Dense(1)])
net = build()
def step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - net(x)))
    optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
"""
PARTS = STEP.replace("Dense", "layers.Dense").replace("Dropout", "layers.Dropout")


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        pytest.param("import tensorflow as tf\nfrom missing import *\n" + STEP, ["KTM105"], id="a star import"),
        pytest.param("from missing import *\n" + STEP.replace("Seq", "tf.keras.Seq"), ["KTM105"], id="TensorFlow, too"),
        pytest.param(STEP, ["KTM105"], id="no import at all"),
        pytest.param(PARTS, ["KTM105"], id="parts"),
        pytest.param("from torch.nn import *\nimport tensorflow as tf\n" + STEP, [], id="somebody else's star"),
        pytest.param(
            "import tensorflow as tf\nfrom tensorpack import *\n" + STEP,
            [],
            id="a star of another framework on TensorFlow",
        ),
        pytest.param("def Dropout(rate):\n    return lambda x: x\n" + STEP, [], id="their own function"),
        pytest.param("if flag:\n    layers = shim()\n" + PARTS, [], id="their own module"),
    ],
)
def test_names_that_nobody_binds_are_what_everybody_calls_so(source, codes):
    report = check_source(source, "program.py", Resolver(isolated=True, overrides={"keras-version": "3.15"}))
    assert [finding.code for finding in report.findings] == codes


CHOICES = """\
import sys
class On:
    mode = True
class Off:
    mode = False
def told():
    return (On if sys.argv[1] == "mc" else Off)().mode
def predict(x):
    return np.argmax(model(x, training=told()), 1)
def report(x):
    return predict(x).mean()
def table(x):
    return predict(x).std()
def chart(x):
    return predict(x).max()
command = sys.argv[2]
if command == "predict":
    run = predict
elif command == "report":
    run = report
elif command == "table":
    run = table
else:
    run = chart
"""
SETTINGS = """\
import sys
def leave(m):
    print(m.name)
def again(m):
    m.compile("sgd", "mse")
def finish(m):
    (leave if sys.argv[1] == "x" else again)(m)
def one(m):
    m.trainable = False
    finish(m)
def two(m):
    m.trainable = False
    finish(m)
    print("two")
def three(m):
    m.trainable = False
    finish(m)
    print("three")
name = sys.argv[2]
if name == "one":
    set_up = one
elif name == "two":
    set_up = two
else:
    set_up = three
set_up(model)
model.fit(rows, y_test)
"""


@pytest.mark.parametrize(
    "source",
    [
        CHOICES + "print(run(x_test))",
        # what was found out below a choice is not what holds for a call that is sure
        CHOICES + "print(run(x_test))\nprint(predict(x_test))",
        SETTINGS,
    ],
    ids=["a mode", "a mode below a choice and beside it", "settings"],
)
def test_what_is_chosen_below_a_choice_is_not_taken_for_certain(source):
    assert found(source) == []
