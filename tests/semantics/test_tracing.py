"""What comes too late for what was traced: the lines that are found and those that are not."""

import textwrap

import pytest

from dropout_lint import check_source
from dropout_lint.settings import Resolver

PRELUDE = textwrap.dedent(
    """\
    import keras, numpy as np, tensorflow as tf, elsewhere
    from keras import layers

    x = y = np.zeros((8, 4))
    drop = layers.Dropout(0.5)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4), drop])
    model.compile("adam", "mse")

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.noisy = True
            self.dense = layers.Dense(4)
        def call(self, x):
            return self.dense(x) + 1 if self.noisy else self.dense(x)

    net = Net()
    net.compile("adam", "mse")
    """
)


def found(source, version="3.15"):
    """The lines that are found in ``source``, which follows the prelude."""
    program = PRELUDE + textwrap.dedent(source)
    overrides = {"select": ["KTM409"], "keras-version": version}
    report = check_source(program, "program.py", Resolver(isolated=True, overrides=overrides))
    lines = program.splitlines()
    return [lines[finding.span.start.line - 1].strip() for finding in report.findings]


LATE = {
    "between two fits": "model.fit(x, y)\ndrop.rate = 0.0\nmodel.fit(x, y)",
    "by position": "model.fit(x, y)\nmodel.layers[1].rate = 0.0\nmodel.fit(x, y)",
    "by class": """\
        model.fit(x, y)
        for layer in model.layers:
            if isinstance(layer, layers.Dropout):
                layer.rate = 0.0
        model.fit(x, y)
        """,
    "in a helper": """\
        def without_dropout(network):
            network.layers[1].rate = 0.0
        model.fit(x, y)
        without_dropout(model)
        model.fit(x, y)
        """,
    "on every turn of a loop": """\
        for epoch in range(10):
            model.fit(x, y)
            drop.rate *= 0.9
        """,
    "step by step": """\
        for step in range(10):
            model.train_on_batch(x, y)
            if step == 5:
                drop.rate = 0.0
        """,
    "batch by batch": """\
        for epoch in range(10):
            for rows in [x, x]:
                model.train_on_batch(rows, y)
            if epoch == 5:
                drop.rate = 0.0
        """,
    "of a nested model": """\
        outer = keras.Sequential([model, layers.Dense(1)])
        outer.compile("adam", "mse")
        outer.fit(x, y)
        drop.rate = 0.1
        outer.fit(x, y)
        """,
    "compiled before, not after": "drop.rate = 0.2\nmodel.compile('adam')\nmodel.fit(x, y)\ndrop.rate = 0.1\nmodel.fit(x, y)",
    "in a callback at the end of epochs": """\
        class Less(keras.callbacks.Callback):
            def __init__(self, layer):
                self.layer = layer
            def on_epoch_end(self, epoch, logs=None):
                self.layer.rate = 0.0
        model.fit(x, y, callbacks=[Less(drop)])
        """,
    "in a callback, computed": """\
        class Less(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                self.model.layers[1].rate = 0.5 - epoch / 10
        model.fit(x, y, callbacks=[Less()])
        """,
    "in a lambda": """\
        less = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(drop, "rate", 0.0))
        model.fit(x, y, callbacks=[less])
        """,
    "in a schedule": """\
        def schedule(epoch, lr):
            drop.rate *= 0.9
            return lr
        model.fit(x, y, callbacks=[keras.callbacks.LearningRateScheduler(schedule)])
        """,
    "in a method of another object": """\
        class Training:
            dropout = None
            def __init__(self, model):
                self.model = model
            def schedule(self, epoch, lr):
                if self.dropout is not None and epoch > 2:
                    self.dropout.rate = 0.75
                return lr
            def training(self, x, y):
                for layer in self.model.layers:
                    if isinstance(layer, layers.Dropout):
                        self.dropout = layer
                        break
                self.model.fit(x, y, callbacks=[keras.callbacks.LearningRateScheduler(self.schedule)])
        """,
    "a flag between predictions": "net.predict(x)\nnet.noisy = False\nnet.predict(x)",
    "a flag between evaluations": "net.evaluate(x, y)\nnet.noisy = False\nnet.evaluate(x, y)",
    "a flag of a layer inside": """\
        class Block(layers.Layer):
            scale = 1.0
            def call(self, x):
                return x * self.scale
        block = Block()
        outer = keras.Sequential([block])
        outer.predict(x)
        block.scale = 2.0
        outer.predict(x)
        """,
    "in a function that is compiled by a call": """\
        def step(rows):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(model(rows, training=True))
            tape.gradient(loss, model.trainable_variables)
            model.optimizer.apply_gradients([])
        compiled = tf.function(step)
        compiled(x)
        drop.rate = 0.0
        compiled(x)
        """,
    "a flag in a compiled function": """\
        @tf.function
        def step(rows):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(model(rows, training=True))
            tape.gradient(loss, model.trainable_variables)
            model.optimizer.apply_gradients([])
        step(x)
        drop.rate = 0.0
        step(x)
        """,
    "of layers that a compiled step trains": """\
        base, head = keras.Sequential([layers.Dense(4)]), layers.Dense(2)
        net = keras.Sequential([base, head])
        @tf.function
        def step(rows):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(net(rows, training=True))
            weights = net.trainable_variables
            model.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        base.trainable = False
        step(x)
        base.trainable = True
        step(x)
        """,
    "of layers that a compiled step trains, in a later epoch": """\
        base, head = keras.Sequential([layers.Dense(4)]), layers.Dense(2)
        net = keras.Sequential([base, head])
        @tf.function
        def step(rows):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(net(rows, training=True))
            weights = net.trainable_variables
            model.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        def trains(network, on):
            for layer in network.layers:
                layer.trainable = on
        trains(base, False)
        for epoch in range(9):
            if epoch == 5:
                trains(base, True)
            for rows in [x, x]:
                step(rows)
        """,
    "of layers that a compiled step trains with the optimizer it is handed": """\
        base, head = keras.Sequential([layers.Dense(4)]), layers.Dense(2)
        net = keras.Sequential([base, head])
        @tf.function
        def step(rows, optimizer):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(net(rows, training=True))
            weights = net.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        only = keras.optimizers.Adam()
        base.trainable = False
        step(x, only)
        base.trainable = True
        step(x, only)
        """,
    "of the layers a callback has looked for": """\
        class Less(keras.callbacks.Callback):
            def __init__(self, network):
                super().__init__()
                self.drops = [layer for layer in network.layers if isinstance(layer, layers.Dropout)]
            def on_epoch_end(self, epoch, logs=None):
                for layer in self.drops:
                    layer.rate = 0.5 * (1 - epoch / 10)
        model.fit(x, y, callbacks=[Less(model)])
        """,
}


@pytest.mark.parametrize("version", ["3.15", "2"])
@pytest.mark.parametrize("name", LATE)
def test_late(name, version):
    lines = found(LATE[name], version)
    assert len(lines) == 1
    assert "=" in lines[0]


IN_TIME = {
    "compiled again": "model.fit(x, y)\ndrop.rate = 0.0\nmodel.compile('adam', 'mse')\nmodel.fit(x, y)",
    "compiled again on the path that changes it": """\
        for epoch in range(10):
            if epoch == 5:
                drop.rate = 0.0
                model.compile("adam", "mse")
            model.fit(x, y)
        """,
    "compiled by somebody else": "model.fit(x, y)\ndrop.rate = 0.0\nelsewhere.compile(model)\nmodel.fit(x, y)",
    "a new train function": "model.fit(x, y)\ndrop.rate = 0.0\nmodel.make_train_function(force=True)\nmodel.fit(x, y)",
    "before the first fit": "drop.rate = 0.0\nmodel.fit(x, y)",
    "after predict, before the first fit": "model.predict(x)\ndrop.rate = 0.0\nmodel.fit(x, y)",
    "nothing trains after it": "model.fit(x, y)\ndrop.rate = 0.0\nmodel.evaluate(x, y)\nmodel.predict(x)\nmodel(x)",
    "the same rate": "model.fit(x, y)\ndrop.rate = 0.5\nmodel.fit(x, y)",
    "set back": "model.fit(x, y)\ndrop.rate = 0.0\nmodel(x, training=True)\ndrop.rate = 0.5\nmodel.fit(x, y)",
    "another method": "model.train_on_batch(x, y)\ndrop.rate = 0.0\nmodel.fit(x, y)",
    "another batch size": "model.fit(x, y, batch_size=2)\ndrop.rate = 0.0\nmodel.fit(x, y, batch_size=4)",
    "eager": "model.compile('adam', run_eagerly=True)\nmodel.fit(x, y)\ndrop.rate = 0.0\nmodel.fit(x, y)",
    "eager for all": "tf.config.run_functions_eagerly(True)\nmodel.fit(x, y)\ndrop.rate = 0.0\nmodel.fit(x, y)",
    "another model": "model.fit(x, y)\nother = layers.Dropout(0.5)\nother.rate = 0.0\nmodel.fit(x, y)",
    "a model for each": """\
        for rate in (0.1, 0.2):
            one = keras.Sequential([layers.Dropout(0.5)])
            one.compile("adam", "mse")
            one.layers[0].rate = rate
            one.fit(x, y)
        """,
    "two models of one builder": """\
        def build():
            one = keras.Sequential([layers.Dropout(0.5)])
            one.compile("adam", "mse")
            return one
        first, second = build(), build()
        first.fit(x, y)
        second.layers[0].rate = 0.0
        second.fit(x, y)
        """,
    "a clone": "model.fit(x, y)\ndrop.rate = 0.0\ncopy = keras.models.clone_model(model)\ncopy.compile('adam')\ncopy.fit(x, y)",
    "what every epoch begins with": """\
        class Rate(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                self.model.layers[1].rate = 0.1
            def on_train_begin(self, logs=None):
                self.model.layers[1].rate = 0.1
        model.fit(x, y, callbacks=[Rate()])
        """,
    "a callback that ends the training": """\
        class Rate(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                if epoch == 5:
                    drop.rate = 0.1
                    self.model.stop_training = True
        model.fit(x, y, callbacks=[Rate()])
        """,
    "a callback's own attributes": """\
        class Watch(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                self.rate = 0.1
                self.best = epoch
        model.fit(x, y, callbacks=[Watch()])
        """,
    "the learning rate": """\
        model.fit(x, y)
        model.optimizer.learning_rate = 0.1
        model.fit(x, y)
        """,
    "a flag that nothing traced reads": "net.predict(x)\nnet.note = 'traced'\nnet.predict(x)",
    "a flag that is asked by a direct call": "net.predict(x)\nnet.noisy = False\nnet(x)",
    "a flag, back to what it was": "net.fit(x, y)\nnet.noisy = False\nnet.predict(x)\nnet.noisy = True\nnet.fit(x, y)",
    "a layer that takes the place of another": "net.predict(x)\nnet.dense = layers.Dense(4)\nnet.predict(x)",
    "what a step counts for itself": """\
        class Counting(keras.Model):
            steps = 0
            def train_step(self, data):
                self.steps += 1
                return super().train_step(data)
        counting = Counting()
        counting.fit(x, y)
        counting.fit(x, y)
        """,
    "a flag that only the training step reads": """\
        class Weighted(keras.Model):
            weight = 1.0
            def train_step(self, data):
                return {"loss": self.weight}
        weighted = Weighted()
        weighted.predict(x)
        weighted.weight = 2.0
        weighted.predict(x)
        """,
    "a compiled function that is handed a number": """\
        @tf.function
        def step(rows, phase):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(model(rows, training=True))
            model.optimizer.apply_gradients([])
        step(x, 1)
        drop.rate = 0.0
        step(x, 2)
        """,
    "of layers that a compiled step trains, in the first epoch": """\
        base, head = keras.Sequential([layers.Dense(4)]), layers.Dense(2)
        net = keras.Sequential([base, head])
        @tf.function
        def step(rows):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(net(rows, training=True))
            weights = net.trainable_variables
            model.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        base.trainable = False
        for epoch in range(9):
            if epoch >= 0:
                base.trainable = True
            step(x)
        """,
    "of layers that a compiled step trains, in an epoch that is not known": """\
        base, head = keras.Sequential([layers.Dense(4)]), layers.Dense(2)
        net = keras.Sequential([base, head])
        @tf.function
        def step(rows):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(net(rows, training=True))
            weights = net.trainable_variables
            model.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        base.trainable = False
        for epoch in range(elsewhere.start, 9):
            if epoch == 5:
                base.trainable = True
            step(x)
        """,
    "of layers that a compiled step does not train": """\
        base, head = keras.Sequential([layers.Dense(4)]), layers.Dense(2)
        net = keras.Sequential([base, head])
        @tf.function
        def step(rows):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(net(rows, training=True))
            weights = head.trainable_variables
            model.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        base.trainable = False
        step(x)
        base.trainable = True
        step(x)
        """,
    "of layers that are opened as they were": """\
        base, head = keras.Sequential([layers.Dense(4)]), layers.Dense(2)
        net = keras.Sequential([base, head])
        @tf.function
        def step(rows):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(net(rows, training=True))
            weights = net.trainable_variables
            model.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        for epoch in range(9):
            base.trainable = False
            step(x)
            base.trainable = True
            base(x)
        """,
    "of layers nobody froze": """\
        base, head = keras.Sequential([layers.Dense(4)]), layers.Dense(2)
        net = keras.Sequential([base, head])
        @tf.function
        def step(rows):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(net(rows, training=True))
            weights = net.trainable_variables
            model.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        step(x)
        base.trainable = True
        step(x)
        """,
    "of an unknown model": "def tune(network):\n    network.fit(x, y)\n    network.rate = 0.1\n    network.fit(x, y)",
}


@pytest.mark.parametrize("name", IN_TIME)
def test_in_time(name):
    assert found(IN_TIME[name]) == []
