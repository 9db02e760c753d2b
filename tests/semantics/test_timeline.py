"""What becomes of assignments to `trainable`: the lines that are found and those that are not."""

import textwrap

import pytest

from dropout_lint import check_source
from dropout_lint.settings import Resolver

PRELUDE = textwrap.dedent(
    """\
    import keras, numpy as np, helpers
    from keras import layers

    def build():
        return keras.Sequential([keras.Input((4,)), layers.Dense(8, name="first"), layers.Dense(2, name="last")])

    def compiled():
        net = build()
        net.compile("adam", "mse")
        return net

    x, y, z = np.zeros((8, 4)), np.zeros((8, 2)), np.zeros((8, 3))
    """
)


def found(source, version="3.15", select=("KTM203",), notes=False):
    """(rule, text of the line) of each finding in ``source``, which follows the prelude."""
    program = PRELUDE + textwrap.dedent(source)
    overrides = {"select": list(select)} | ({"keras-version": version} if version else {})
    report = check_source(program, "program.py", Resolver(isolated=True, overrides=overrides))
    lines = program.splitlines()
    return [
        (finding.code, lines[finding.span.start.line - 1].strip())
        for finding in report.findings
        if notes or finding.severity.value != "note"
    ]


STALE = {
    "by the number of the layer": """\
        model = compiled()
        model.fit(x, y)
        for number, layer in enumerate(model.layers):
            layer.trainable = number > 0
        model.fit(x, y)
        """,
    "by the kind of the layer, in a ready-made model": """\
        base = keras.applications.ResNet50(include_top=False, pooling="avg")
        model = keras.Sequential([base, layers.Dense(2)])
        model.compile("adam", "mse")
        model.fit(x, y)
        for layer in base.layers:
            layer.trainable = not layer.name.endswith("_bn")
        model.fit(x, y)
        """,
    "of a model that nobody knows": """\
        model = helpers.build()
        model.compile(loss="mse", optimizer="sgd")
        model.fit(x, y)
        for layer in model.layers[:-1]:
            layer.trainable = False
        model.fit(x, y)
        """,
    "of one of several ready-made models": """\
        model = {
            "small": keras.applications.MobileNetV2(), "large": keras.applications.ResNet50()
        }[helpers.kind()]
        model.compile("adam", "mse")
        model.fit(x, y)
        for layer in model.layers:
            layer.trainable = False
        model.fit(x, y)
        """,
    "of one of several models, of too many layers to tell one by one": f"""\
        shallow = keras.Sequential([{", ".join(f"layers.Dense({width})" for width in range(1, 40))}])
        deep = keras.Sequential([{", ".join(f"layers.Dense({width})" for width in range(1, 50))}])
        model = {{"shallow": shallow, "deep": deep}}[helpers.kind()]
        model.compile("adam", "mse")
        model.fit(x, y)
        for layer in model.layers:
            layer.trainable = False
        model.fit(x, y)
        """,
    "a layer by name": """\
        model = compiled()
        model.fit(x, y)
        model.get_layer("first").trainable = False
        model.fit(x, y)
        """,
    "by position": """\
        model = compiled()
        model.fit(x, y)
        model.layers[0].trainable = False
        model.fit(x, y)
        """,
    "in a helper that is given the model": """\
        def freeze(net):
            for layer in net.layers[:-1]:
                layer.trainable = False
        model = compiled()
        model.fit(x, y)
        freeze(model)
        model.fit(x, y)
        """,
    "in a helper that is called twice, after a compile and after none": """\
        def freeze(net):
            net.layers[0].trainable = False
        model = compiled()
        freeze(model)
        model.compile("adam", "mse")
        model.fit(x, y)
        model.layers[0].trainable = True
        model.compile("adam", "mse")
        model.fit(x, y)
        freeze(model)
        model.fit(x, y)
        """,
    "of a nested model": """\
        base = build()
        model = keras.Sequential([base, layers.Dense(2)])
        model.compile("adam", "mse")
        model.fit(x, y)
        base.trainable = False
        model.fit(x, y)
        """,
    "of a functional base": """\
        base = keras.applications.MobileNet(include_top=False)
        image = keras.Input((32, 32, 3))
        model = keras.Model(image, layers.Dense(2)(base(image, training=False)))
        base.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        base.trainable = True
        model.fit(x, y)
        """,
    "a slice of a base, opened for the second phase": """\
        base = keras.applications.MobileNet(include_top=False)
        model = keras.Sequential([base, layers.Dense(2)])
        for layer in base.layers:
            layer.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        for layer in base.layers[-4:]:
            layer.trainable = True
        model.fit(x, y)
        """,
    "in methods, in the order main calls them": """\
        class Trainer:
            def build(self):
                self.model = build()
            def prepare(self):
                self.model.compile("adam", "mse")
            def learn(self):
                self.model.fit(x, y)
            def freeze(self):
                self.model.layers[0].trainable = False
        trainer = Trainer()
        trainer.build()
        trainer.prepare()
        trainer.learn()
        trainer.freeze()
        trainer.learn()
        """,
    "of a parameter": """\
        def finetune(net):
            net.fit(x, y)
            net.layers[0].trainable = False
            net.fit(x, y)
        """,
    "the whole model": "model = compiled()\nmodel.fit(x, y)\nmodel.trainable = False\nmodel.fit(x, y)",
    "train_on_batch in a loop": """\
        model = compiled()
        for step in range(100):
            model.train_on_batch(x, y)
        model.layers[0].trainable = False
        for step in range(100):
            model.train_on_batch(x, y)
        """,
    "only batch normalisation": """\
        model = keras.Sequential([layers.Dense(8), layers.BatchNormalization(), layers.Dense(2)])
        model.compile("adam", "mse")
        model.fit(x, y)
        for layer in model.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.trainable = False
        model.fit(x, y)
        """,
    "setattr": 'model = compiled()\nmodel.fit(x, y)\nsetattr(model.layers[0], "trainable", False)\nmodel.fit(x, y)',
    "a subclass that wraps compile and holds its layers in a list": """\
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.blocks = [layers.Dense(8) for _ in range(3)]
            def compile(self, **options):
                super().compile("adam", "mse", **options)
            def call(self, x, training=None):
                for block in self.blocks:
                    x = block(x)
                return x
        net = Net()
        net.compile()
        net.fit(x, y)
        net.blocks[0].trainable = False
        net.fit(x, y)
        """,
    "only where a condition holds": """\
        model = compiled()
        model.fit(x, y)
        if helpers.FREEZE:
            model.layers[0].trainable = False
        model.fit(x, y)
        """,
    "compiled in the other arm only": """\
        model = compiled()
        model.fit(x, y)
        if helpers.FREEZE:
            model.layers[0].trainable = False
            model.fit(x, y)
        else:
            model.compile("sgd", "mse")
            model.fit(x, y)
        """,
    "after a model that was returned by a function of its own": """\
        def first_phase():
            net = compiled()
            net.fit(x, y)
            return net
        def second_phase(net):
            net.trainable = False
            net.fit(x, y)
        def main():
            second_phase(first_phase())
        main()
        """,
    "another model is compiled": """\
        model, other = compiled(), keras.Sequential([layers.Dense(2)])
        model.fit(x, y)
        model.layers[0].trainable = False
        other.compile("adam", "mse")
        model.fit(x, y)
        """,
}


@pytest.mark.parametrize("source", STALE.values(), ids=STALE.keys())
def test_toggles_that_no_compile_sees_are_found(source):
    assert [code for code, line in found(source)] == ["KTM203"]


IN_CALLBACKS = {
    "at an epoch": """\
        class Freeze(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 3:
                    self.model.layers[0].trainable = False
        """,
    "after each epoch": """\
        class Open(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                self.model.layers[-epoch].trainable = True
                for layer in self.model.layers[:-epoch]:
                    layer.trainable = False
        """,
    "of a layer handed to it": """\
        class Freeze(keras.callbacks.Callback):
            def __init__(self, layer):
                super().__init__()
                self.layer = layer
            def on_train_batch_end(self, batch, logs=None):
                if batch > 100:
                    self.layer.trainable = False
        model = compiled()
        model.fit(x, y, callbacks=[Freeze(model.layers[0])])
        """,
    "through a helper": """\
        def freeze(net):
            for layer in net.layers:
                layer.trainable = False
        class Freeze(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch > 2:
                    freeze(self.model)
        """,
    "compiled there": """\
        class Freeze(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 3:
                    self.model.trainable = False
                    self.model.compile("adam", "mse")
        """,
    "of layers that a plan names for an epoch, or none": """\
        class Open(keras.callbacks.Callback):
            def __init__(self, plan):
                super().__init__()
                self.plan = plan
            def on_epoch_begin(self, epoch, logs=None):
                for name in self.plan.get(epoch, ()):
                    self.model.get_layer(name).trainable = True
        model = build()
        setattr(model.get_layer("first"), "trainable", False)
        model.compile("adam", "mse")
        model.fit(x, y, callbacks=[Open({4: ["first"]})])
        """,
    "of layers that a plan names": """\
        class Open(keras.callbacks.Callback):
            def __init__(self, plan):
                super().__init__()
                self.plan = plan
            def on_epoch_begin(self, epoch, logs=None):
                if epoch in self.plan:
                    for name in self.plan[epoch]:
                        self.model.get_layer(name).trainable = True
        base = keras.applications.MobileNetV2(include_top=False, pooling="avg")
        setattr(base, "trainable", False)
        model = keras.Model(base.input, layers.Dense(3)(base.output))
        model.compile("adam", "mse")
        model.fit(x, y, callbacks=[Open({3: ["block_16_project"], 5: ["block_14_project", "block_15_project"]})])
        """,
    "of some layers, compiled there": """\
        class Open(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                for layer in self.model.layers[-epoch:]:
                    layer.trainable = True
                self.model.compile("adam", "mse")
        """,
}


@pytest.mark.parametrize("source", IN_CALLBACKS.values(), ids=IN_CALLBACKS.keys())
def test_toggles_in_callbacks_are_found(source):
    toggles = [line.strip() for line in source.splitlines() if "trainable =" in line]
    assert found(source) == [("KTM203", line) for line in toggles]


def test_of_several_ways_to_a_toggle_the_first_is_told_in_every_run():
    ways = "".join(f"        elif epoch == {number}:\n            freeze(self.model)\n" for number in range(6))
    program = (
        f"{PRELUDE}def freeze(net):\n    net.layers[0].trainable = False\n"
        f"class Freeze(keras.callbacks.Callback):\n    def on_epoch_begin(self, epoch, logs=None):\n"
        f"        if epoch > 9:\n            pass\n{ways}"
    )
    first = next(number for number, line in enumerate(program.splitlines(), 1) if "freeze(self" in line)
    resolver = Resolver(isolated=True, overrides={"select": ["KTM203"], "keras-version": "3.15"})

    told = [check_source(program, "program.py", resolver).findings[0].chain[-1].line for _ in range(6)]

    assert told == [first] * 6


IN_TIME = {
    "by the number of the layer, on every turn again": """\
        model = compiled()
        for epoch in range(3):
            for number, layer in enumerate(model.layers):
                layer.trainable = number > 0
            model.fit(x, y)
        """,
    "by the number of the layer, as before": """\
        def partly(net):
            for number, layer in enumerate(net.layers):
                layer.trainable = number > 0
        model = build()
        partly(model)
        model.compile("adam", "mse")
        model.fit(x, y)
        partly(model)
        model.fit(x, y)
        """,
    "all layers, to what somebody says": """\
        model = compiled()
        model.fit(x, y)
        for layer in model.layers:
            layer.trainable = helpers.flag
        model.fit(x, y)
        """,
    "of a model that nobody knows, compiled again": """\
        model = helpers.build()
        model.compile(loss="mse", optimizer="sgd")
        model.fit(x, y)
        model.layers[0].trainable = False
        model.compile(loss="mse", optimizer="sgd")
        model.fit(x, y)
        """,
    "of another model that nobody knows on each turn": """\
        for fold in range(3):
            model = helpers.build()
            model.compile(loss="mse", optimizer="sgd")
            model.fit(x, y)
            model.layers[0].trainable = False
            model.compile(loss="mse", optimizer="sgd")
            model.fit(x, y)
        """,
    "of a model that nobody knows, and another that may hold it is compiled": """\
        critic, maker = helpers.build(), helpers.build()
        critic.compile(loss="mse", optimizer="sgd")
        critic.train_on_batch(x, y)
        critic.trainable = False
        both = helpers.chain(maker)
        both.compile(loss="mse", optimizer="sgd")
        critic.train_on_batch(x, y)
        """,
    "of a model that nobody knows, and who is handed it may compile it": """\
        model = helpers.build()
        model.compile(loss="mse", optimizer="sgd")
        model.fit(x, y)
        model.layers[0].trainable = False
        helpers.compile_again(model)
        model.fit(x, y)
        """,
    "what is compiled and is no model": """\
        pattern = helpers.pattern()
        pattern.compile("mse")
        pattern.fit(x, y)
        pattern.layers[0].trainable = False
        pattern.fit(x, y)
        """,
    "compiled again": """\
        model = compiled()
        model.fit(x, y)
        model.layers[0].trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "compiled again by a helper": """\
        def prepare(net):
            net.compile("adam", "mse")
        model = compiled()
        model.fit(x, y)
        model.trainable = False
        prepare(model)
        model.fit(x, y)
        """,
    "compiled again by something unknown": """\
        model = compiled()
        model.fit(x, y)
        model.trainable = False
        helpers.prepare(model)
        model.fit(x, y)
        """,
    "compiled again on some path": """\
        model = compiled()
        model.fit(x, y)
        model.trainable = False
        if helpers.AGAIN:
            model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "no training after it": "model = compiled()\nmodel.fit(x, y)\nmodel.trainable = False\nmodel.save('m.keras')",
    "set back before training": """\
        model = compiled()
        model.fit(x, y)
        model.trainable = False
        model.save("m.keras")
        model.trainable = True
        model.fit(x, y)
        """,
    "every layer set back, by loops": """\
        model = compiled()
        model.fit(x, y)
        for layer in model.layers:
            layer.trainable = False
        model.save("m.keras")
        for layer in model.layers:
            layer.trainable = True
        model.fit(x, y)
        """,
    "batch normalisation set back": """\
        def finetune(net):
            net.fit(x, y)
            for layer in net.layers:
                if isinstance(layer, layers.BatchNormalization):
                    layer.trainable = False
            net.save("m.keras")
            for layer in net.layers:
                if isinstance(layer, layers.BatchNormalization):
                    layer.trainable = True
            net.fit(x, y)
        """,
    "opened what was open": "model = compiled()\nmodel.fit(x, y)\nmodel.trainable = True\nmodel.fit(x, y)",
    "a loop that builds, freezes, compiles": """\
        for fold in range(5):
            model = build()
            model.layers[0].trainable = False
            model.compile("adam", "mse")
            model.fit(x, y)
        """,
    "a loop that compiles in each phase": """\
        model = build()
        for phase in range(3):
            for layer in model.layers[:phase]:
                layer.trainable = False
            model.compile("adam", "mse")
            model.fit(x, y)
        """,
    "a loop that freezes what is frozen": """\
        model = compiled()
        for phase in range(3):
            model.layers[0].trainable = False
            model.fit(x, y)
        """,
    "two models from one builder": """\
        def copies():
            return build()
        student, teacher = copies(), copies()
        student.compile("adam", "mse")
        student.fit(x, y)
        teacher.trainable = False
        student.fit(x, y)
        """,
    "a teacher": """\
        student, teacher = compiled(), build()
        student.fit(x, y)
        teacher.trainable = False
        student.fit(x, y)
        """,
    "arms that exclude each other": """\
        model = compiled()
        if helpers.MODE == "pretrain":
            model.fit(x, y)
        else:
            model.layers[0].trainable = False
            model.fit(x, y)
        """,
    "a return between": """\
        def run(mode):
            net = compiled()
            if mode == "plain":
                net.fit(x, y)
                return net
            net.layers[0].trainable = False
            net.fit(x, y)
            return net
        """,
    "an exit between": """\
        import sys
        model = compiled()
        if helpers.ONLY_TRAIN:
            model.fit(x, y)
            sys.exit()
        model.layers[0].trainable = False
        model.fit(x, y)
        """,
    "a copy": """\
        model = compiled()
        model.fit(x, y)
        frozen = keras.models.clone_model(model)
        frozen.trainable = False
        model.fit(x, y)
        """,
    "the train function is thrown away, on Keras 3": """\
        model = compiled()
        model.fit(x, y)
        model.layers[0].trainable = False
        model.train_function = None
        model.fit(x, y)
        """,
    "roots that nobody calls": """\
        model = compiled()
        def first():
            model.fit(x, y)
        def second():
            model.layers[0].trainable = False
            model.fit(x, y)
        """,
    "methods of an object, in no known order": """\
        class Trainer:
            def __init__(self):
                self.model = compiled()
            def learn(self):
                self.model.fit(x, y)
            def freeze(self):
                self.model.trainable = False
        """,
    "a step that is not traced": """\
        model = build()
        model.compile("adam", "mse", run_eagerly=True)
        model.fit(x, y)
        model.trainable = False
        model.fit(x, y)
        """,
    "a step that is no longer traced": """\
        model = build()
        model.compile("adam", "mse")
        model.run_eagerly = True
        model.fit(x, y)
        model.trainable = False
        model.fit(x, y)
        """,
    "a model on top, compiled for itself": """\
        model = compiled()
        model.fit(x, y)
        model.trainable = False
        probe = keras.Sequential([model, layers.Dense(2)])
        probe.compile("adam", "mse")
        probe.fit(x, y)
        """,
    "a model on top, and the base goes on": """\
        model = compiled()
        model.fit(x, y)
        model.trainable = False
        probe = keras.Sequential([model, layers.Dense(2)])
        probe.compile("adam", "mse")
        for step in range(10):
            probe.train_on_batch(x, y)
            model.train_on_batch(x, y)
        """,
    "before the first training, on Keras 3": "model = compiled()\nmodel.trainable = False\nmodel.fit(x, y)",
    "before the first training, after an evaluation, on Keras 3": """\
        model = compiled()
        model.evaluate(x, y)
        model.layers[0].trainable = False
        model.fit(x, y)
        """,
    "a custom step reads the flags itself": """\
        class Net(keras.Model):
            def train_step(self, data):
                self.encoder.trainable = False
                return super().train_step(data)
        """,
    "layers without weights": """\
        model = keras.Sequential([layers.Dense(2), layers.Dropout(0.5)])
        model.compile("adam", "mse")
        model.fit(x, y)
        model.layers[1].trainable = False
        model.fit(x, y)
        """,
    "a callback that compiles and ends the training": """\
        class Freeze(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 3:
                    self.model.trainable = False
                    self.model.compile("adam", "mse")
                    self.model.stop_training = True
        """,
    "a callback that compiles when all is over": """\
        class Open(keras.callbacks.Callback):
            def on_train_end(self, logs=None):
                self.model.trainable = True
                self.model.compile("adam", "mse")
        """,
    "a callback that compiles another model": """\
        class Freeze(keras.callbacks.Callback):
            def __init__(self, critic):
                self.critic = critic
            def on_epoch_begin(self, epoch, logs=None):
                self.critic.trainable = False
                self.critic.compile("adam", "mse")
        """,
    "a callback that makes the function again": """\
        class Freeze(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 3:
                    for layer in self.model.layers:
                        layer.trainable = False
                    self.model.make_train_function(force=True)
        """,
    "a callback that ends the training": """\
        class Freeze(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                if logs["loss"] < 1:
                    self.model.layers[0].trainable = False
                    self.model.stop_training = True
        """,
    "a callback that evaluates": """\
        class Watch(keras.callbacks.Callback):
            def on_test_begin(self, logs=None):
                self.model.trainable = False
            def on_test_end(self, logs=None):
                self.model.trainable = True
        """,
    "a callback at the begin, on Keras 3": """\
        class Freeze(keras.callbacks.Callback):
            def on_train_begin(self, logs=None):
                self.model.layers[0].trainable = False
        """,
    "a callback that goes over all it has at every begin, on Keras 3": """\
        class Freeze(keras.callbacks.Callback):
            def __init__(self, names):
                super().__init__()
                self.names = names
            def on_epoch_begin(self, epoch, logs=None):
                for name in self.names:
                    self.model.get_layer(name).trainable = False
        model = compiled()
        model.fit(x, y, callbacks=[Freeze(["first"])])
        """,
    "a callback at every begin, on Keras 3": """\
        class Freeze(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                self.model.layers[0].trainable = False
        """,
    "an unknown value between fits": """\
        model = compiled()
        model.fit(x, y)
        model.trainable = helpers.TRAINABLE
        model.fit(x, y)
        """,
    "weights handed to an optimizer": """\
        import tensorflow as tf
        model, optimizer = build(), keras.optimizers.Adam()
        for step in range(100):
            model.layers[0].trainable = step > 50
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(model(x, training=True))
            optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
        """,
}


@pytest.mark.parametrize("source", IN_TIME.values(), ids=IN_TIME.keys())
def test_toggles_that_work_or_do_not_matter_are_left_alone(source):
    assert found(source) == []


def test_between_compile_and_the_first_fit_only_keras_2_ignores_it():
    source = "model = compiled()\nmodel.trainable = False\nmodel.fit(x, y)"
    line = ("KTM203", "model.trainable = False")
    assert found(source, version="2") == [line]
    assert found(source, version=None) == []
    assert found(source, version=None, notes=True) == [line]
    assert found(source, version="3.15", notes=True) == []


def test_making_the_train_function_again_does_not_help_on_keras_2():
    source = """\
        model = compiled()
        model.fit(x, y)
        model.trainable = False
        model.make_train_function(force=True)
        model.fit(x, y)
        """
    assert found(source) == []
    assert found(source, version="2") == [("KTM203", "model.trainable = False")]


def test_a_step_that_runs_eagerly_keeps_the_flags_of_compile_on_keras_2():
    assert found(IN_TIME["a step that is not traced"], version="2") == [("KTM203", "model.trainable = False")]


def test_a_layer_opened_in_a_callback_was_frozen():
    source = """\
        class Open(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                if epoch == 5:
                    self.model.layers[2].trainable = True
        """
    assert found(source) == [("KTM203", "self.model.layers[2].trainable = True")]


GAN = """\
def critic():
    net = keras.Sequential([keras.Input((2,)), layers.Dense(8), layers.Dense(1)])
    net.compile("adam", "mse")
    return net
def painter():
    return keras.Sequential([keras.Input((3,)), layers.Dense(2)])
def round_it(judge, forger):
    noise = keras.Input((3,))
    net = keras.Model(noise, judge(forger(noise)))
    net.compile("adam", "mse")
    return net
"""

NEVER_TRAINS = {
    "frozen before the combined model is compiled": """\
        judge, forger = critic(), painter()
        judge.trainable = False
        combined = round_it(judge, forger)
        for step in range(10):
            judge.train_on_batch(x, y)
            combined.train_on_batch(z, y)
        """,
    "frozen in the function that combines": """\
        def combine(one, two):
            for layer in two.layers:
                layer.trainable = False
            two.trainable = False
            net = keras.Sequential([one, two])
            net.compile("adam", "mse")
            return net
        judge, forger = critic(), painter()
        combined = combine(forger, judge)
        judge.train_on_batch(x, y)
        combined.train_on_batch(z, y)
        """,
    "every layer frozen, batch normalisation left open": """\
        def combine(one, two):
            for layer in two.layers:
                if not isinstance(layer, layers.BatchNormalization):
                    layer.trainable = False
            return round_it(two, one)
        judge = keras.Sequential([layers.Dense(8), layers.BatchNormalization(), layers.LeakyReLU(), layers.Dense(1)])
        judge.compile("adam", "mse")
        forger = painter()
        combined = combine(forger, judge)
        judge.train_on_batch(x, y)
        combined.train_on_batch(z, y)
        """,
    "methods of a class that main calls": """\
        class Gan:
            def __init__(self):
                self.judge, self.forger = critic(), painter()
                self.judge.trainable = False
                self.combined = round_it(self.judge, self.forger)
            def train(self):
                for _ in range(10):
                    self.judge.train_on_batch(x, y)
                    self.combined.train_on_batch(z, y)
        def main():
            Gan().train()
        """,
    "methods of a class that nobody here calls": """\
        class Gan:
            def __init__(self, size):
                self.judge, self.forger = critic(), painter()
                self.judge.trainable = False
                self.combined = round_it(self.judge, self.forger)
            def train(self, epochs):
                for _ in range(epochs):
                    self.judge.train_on_batch(x, y)
                    self.combined.train_on_batch(z, y)
        """,
}


@pytest.mark.parametrize("source", NEVER_TRAINS.values(), ids=NEVER_TRAINS.keys())
def test_a_discriminator_that_never_trains_is_found_on_keras_3(source):
    program = GAN + textwrap.dedent(source)
    rules = ("KTM203", "KTM208")
    assert [code for code, _ in found(program, select=rules)] == ["KTM208"]
    assert found(program, select=rules, version="2", notes=True) == []
    assert found(program, select=rules, version=None) == []
    assert [code for code, _ in found(program, select=rules, version=None, notes=True)] == ["KTM208"]


RIGHT_GANS = {
    "opened for its own step": """\
        judge, forger = critic(), painter()
        judge.trainable = False
        combined = round_it(judge, forger)
        for step in range(10):
            judge.trainable = True
            judge.train_on_batch(x, y)
            judge.trainable = False
            combined.train_on_batch(z, y)
        """,
    "opened for its own step by a helper": """\
        def switch(net, flag):
            net.trainable = flag
            for layer in net.layers:
                layer.trainable = flag
        judge, forger = critic(), painter()
        switch(judge, False)
        combined = round_it(judge, forger)
        for step in range(10):
            switch(judge, True)
            judge.train_on_batch(x, y)
            switch(judge, False)
            combined.train_on_batch(z, y)
        """,
    "compiled for each step": """\
        judge, forger = critic(), painter()
        noise = keras.Input((3,))
        combined = keras.Model(noise, judge(forger(noise)))
        for step in range(10):
            judge.trainable = True
            judge.compile("adam", "mse")
            judge.train_on_batch(x, y)
            judge.trainable = False
            combined.compile("adam", "mse")
            combined.train_on_batch(z, y)
        """,
    "a subclass with its own step": """\
        import tensorflow as tf
        class Gan(keras.Model):
            def __init__(self, judge, forger):
                super().__init__()
                self.judge, self.forger = judge, forger
            def compile(self, d_optimizer, g_optimizer):
                super().compile()
                self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
            def train_step(self, data):
                self.judge.trainable = True
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(self.judge(data, training=True))
                grads = tape.gradient(loss, self.judge.trainable_variables)
                self.d_optimizer.apply_gradients(zip(grads, self.judge.trainable_variables))
                self.judge.trainable = False
                return {"loss": loss}
        gan = Gan(critic(), painter())
        gan.compile("adam", "adam")
        gan.fit(x)
        """,
    "the first layers of the discriminator are frozen for good": """\
        judge, forger = critic(), painter()
        judge.layers[0].trainable = False
        combined = round_it(judge, forger)
        for step in range(10):
            judge.train_on_batch(x, y)
            combined.train_on_batch(z, y)
        """,
    "never trained on its own": """\
        judge, forger = critic(), painter()
        judge.trainable = False
        combined = round_it(judge, forger)
        combined.fit(z, y)
        """,
}


@pytest.mark.parametrize("version", ["2", "3.15"])
@pytest.mark.parametrize("source", RIGHT_GANS.values(), ids=RIGHT_GANS.keys())
def test_gans_that_are_right_are_left_alone(source, version):
    program = GAN + textwrap.dedent(source)
    assert found(program, select=("KTM203", "KTM204", "KTM205", "KTM208"), version=version, notes=True) == []


def test_on_keras_2_a_discriminator_may_be_opened_again_when_the_combined_model_is_compiled():
    program = GAN + textwrap.dedent(
        """\
        judge, forger = critic(), painter()
        judge.trainable = False
        combined = round_it(judge, forger)
        judge.trainable = True
        for step in range(10):
            judge.train_on_batch(x, y)
            combined.train_on_batch(z, y)
        """
    )
    assert found(program, select=("KTM203", "KTM208"), version="2", notes=True) == []


def test_on_keras_2_a_critic_may_be_opened_again_for_the_model_round_it_that_trains_it():
    program = GAN + textwrap.dedent(
        """\
        judge, forger = critic(), painter()
        forger.trainable = False
        noise, real = keras.Input((3,)), keras.Input((2,))
        pair = keras.Model([real, noise], [judge(real), judge(forger(noise))])
        pair.compile("adam", "mse")
        judge.trainable = False
        forger.trainable = True
        combined = round_it(judge, forger)
        judge.trainable = True
        for step in range(10):
            pair.train_on_batch([x, z], [y, y])
            combined.train_on_batch(z, y)
        """
    )
    assert found(program, select=("KTM203", "KTM208"), version="2", notes=True) == []


@pytest.mark.parametrize("trained", [True, False])
def test_on_keras_2_what_a_tape_trains_may_be_opened_again_after_the_combined_model_is_compiled(trained):
    step = """\
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(critic(y, training=True))
        optimizer.apply_gradients(zip(tape.gradient(loss, critic.trainable_variables), critic.trainable_variables))
        """
    source = """\
        import tensorflow as tf
        optimizer, critic, generator = keras.optimizers.Adam(), build(), build()
        critic.trainable = False
        inputs = keras.Input((4,))
        combined = keras.Model(inputs, critic(generator(inputs)))
        combined.compile("adam", "mse")
        critic.trainable = True
        """
    source = textwrap.dedent(source) + (textwrap.dedent(step) if trained else "") + "combined.train_on_batch(x, y)\n"
    toggles = [] if trained else [("KTM203", "critic.trainable = True")]
    assert found(source, version="2.15", select=("KTM203", "KTM208")) == toggles


def test_what_a_function_is_handed_to_set_is_chosen_by_who_calls_it():
    source = """\
        def set_trainable(net, value):
            net.trainable = value
            for layer in net.layers:
                layer.trainable = value
        def freeze(net):
            set_trainable(net, False)
        model = compiled()
        model.fit(x, y)
        {}
        model.fit(x, y)
        """
    assert found(source.format("set_trainable(model, False)")) == [("KTM203", "set_trainable(model, False)")]
    assert found(source.format("freeze(model)")) == [("KTM203", "set_trainable(net, False)")]


TRAINERS = """\
    def switch(net, on):
        net.trainable = on
    first, second, third = build(), build(), build()
    inputs = keras.Input((4,))
    switch(first, True)
    switch(second, False)
    one = keras.Model(inputs, second(first(inputs)))
    one.compile("adam", "mse")
    {}
    other = keras.Model(inputs, third(second(inputs)))
    other.compile("adam", "mse")
    one.train_on_batch(x, y)
    other.train_on_batch(x, y)
    """


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        ("switch(first, False); switch(second, True)", []),
        ("switch(second, True); switch(first, False)", []),
        # nothing that `other` reads is set with it
        ("switch(first, False)", [("KTM203", "switch(first, False)")]),
        (
            "switch(second, True)\n    one.train_on_batch(x, y)\n    switch(first, False)",
            [("KTM203", "switch(second, True)"), ("KTM203", "switch(first, False)")],
        ),
    ],
)
def test_on_keras_2_parts_are_frozen_together_for_the_trainer_that_is_compiled_next(between, expected):
    assert found(TRAINERS.format(between), "2") == expected


def test_toggles_between_the_steps_of_a_gan_compiled_open_are_found_on_keras_2():
    program = GAN + textwrap.dedent(
        """\
        judge, forger = critic(), painter()
        combined = round_it(judge, forger)
        for step in range(10):
            judge.trainable = True
            judge.train_on_batch(x, y)
            judge.trainable = False
            combined.train_on_batch(z, y)
        """
    )
    rules = ("KTM203", "KTM208")
    assert found(program, select=rules, version="2") == [("KTM208", "judge.trainable = False")]
    assert found(program, select=rules) == []
    assert found(program, select=rules, version=None) == []


BASE = """\
base = keras.applications.MobileNet(include_top=False)
image = keras.Input((32, 32, 3))
model = keras.Model(image, layers.Dense(2)(base(image)))
"""

GRAPH = """\
def graph():
    rows = keras.Input((4,))
    inner = layers.Dense(8, name="first")(rows)
    for width in (8, 8):
        inner = layers.Dense(width)(inner)
    return keras.Model(rows, layers.Dense(2, name="last")(inner))
net = graph()
"""

CONTRADICTIONS = {
    "children opened in a model that is frozen and compiled": """\
        base.trainable = False
        for layer in base.layers[-4:]:
            layer.trainable = True
        base.compile("adam", "mse")
        base.fit(x, y)
        """,
    "opened where an index says so": """\
        def finetune(net, start):
            net.trainable = False
            for position, layer in enumerate(net.layers):
                layer.trainable = position >= start
            net.compile("adam", "mse")
            net.fit(x, y)
        """,
    "one layer opened": """\
        net = build()
        net.trainable = False
        net.get_layer("last").trainable = True
        net.compile("adam", "mse")
        net.fit(x, y)
        """,
    "a slice frozen in what is frozen, then all opened": GRAPH
    + textwrap.dedent("""\
        def prepare(model, count, open_it=True):
            model.trainable = False
            for layer in model.layers[:count]:
                layer.trainable = False
            if open_it:
                model.trainable = True
            model.compile("adam", "mse")
            return model
        prepare(net, 3).fit(x, y)
        """),
    "some of a class frozen in what is frozen, then all opened": GRAPH
    + textwrap.dedent("""\
        net.trainable = False
        for layer in net.layers:
            if layer.name == "last":
                layer.trainable = False
        net.trainable = True
        net.compile("adam", "mse")
        net.fit(x, y)
        """),
    "a slice opened, then the base frozen": """\
        for layer in base.layers[-4:]:
            layer.trainable = True
        base.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
}


@pytest.mark.parametrize("source", CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_toggles_that_contradict_each_other_are_found(source):
    program = BASE + textwrap.dedent(source)
    for version in ("2", "3.15", None):
        assert [code for code, _ in found(program, version, select=("KTM204",))] == ["KTM204"]


ON_KERAS_2 = {
    "a slice of a frozen base opened, through the model round it": """\
        base.trainable = False
        for layer in base.layers[-4:]:
            layer.trainable = True
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "a slice frozen, then the base opened": """\
        for layer in base.layers[:-4]:
            layer.trainable = False
        base.trainable = True
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
}


@pytest.mark.parametrize("source", ON_KERAS_2.values(), ids=ON_KERAS_2.keys())
def test_contradictions_of_keras_2_are_notes_where_the_version_is_unknown(source):
    program = BASE + textwrap.dedent(source)
    assert [code for code, _ in found(program, "2", select=("KTM204",))] == ["KTM204"]
    assert found(program, "3.15", select=("KTM204", "KTM205"), notes=True) == []
    assert found(program, None, select=("KTM204",)) == []
    assert [code for code, _ in found(program, None, select=("KTM204",), notes=True)] == ["KTM204"]


CONSISTENT = {
    "frozen twice over": """\
        base.trainable = False
        for layer in base.layers[:-4]:
            layer.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "a slice frozen in what is frozen, trained like that, then all opened": """\
        base.trainable = False
        for layer in base.layers[:-4]:
            layer.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        base.trainable = True
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "all layers set like the model": """\
        def set_trainable(net, flag):
            net.trainable = flag
            for layer in net.layers:
                layer.trainable = flag
        set_trainable(base, False)
        set_trainable(base, True)
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "a slice of another model": """\
        other = build()
        other.trainable = False
        for layer in other.layers[:1]:
            layer.trainable = False
        base.trainable = False
        base.trainable = True
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "all open, then a slice frozen": """\
        base.trainable = True
        for layer in base.layers[:-4]:
            layer.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "frozen for one phase, a slice opened for the next": """\
        base.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        base.trainable = True
        for layer in base.layers[:-4]:
            layer.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "two slices": """\
        for layer in base.layers[:100]:
            layer.trainable = False
        for layer in base.layers[100:]:
            layer.trainable = True
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "frozen twice": """\
        base.trainable = False
        for layer in base.layers:
            layer.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "all opened by a loop, then all frozen": """\
        for layer in base.layers:
            layer.trainable = True
        base.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "only batch normalisation goes on learning": """\
        model.trainable = False
        for layer in model.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.trainable = True
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "a graph that goes on from the base": """\
        base.trainable = False
        for layer in base.layers[-4:]:
            layer.trainable = True
        model = keras.Model(base.input, layers.Dense(2)(base.output))
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "a graph that goes on from inside the base": """\
        base.trainable = False
        base.layers[-4].trainable = True
        model = keras.Model(base.input, layers.Dense(2)(base.get_layer("conv_pw_13").output))
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "nothing trains after it": """\
        base.trainable = False
        for layer in base.layers[-4:]:
            layer.trainable = True
        base.summary()
        """,
    "all frozen by a loop, a slice opened for the next phase": """\
        model = keras.Model(base.input, layers.Dense(2)(base.output))
        for layer in base.layers:
            layer.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        for layer in base.layers[56:]:
            layer.trainable = True
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "one of two ways": """\
        if helpers.FINE:
            for layer in base.layers[-4:]:
                layer.trainable = True
        else:
            base.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
}


@pytest.mark.parametrize("version", ["2", "3.15"])
@pytest.mark.parametrize("source", CONSISTENT.values(), ids=CONSISTENT.keys())
def test_toggles_that_agree_are_left_alone(source, version):
    program = BASE + textwrap.dedent(source)
    assert found(program, version, select=("KTM203", "KTM204", "KTM205"), notes=True) == []


OPENS_NOTHING = {
    "a slice of a graph, to a negative index": GRAPH
    + textwrap.dedent("""\
        outer = keras.Sequential([net, layers.Dense(2)])
        for layer in net.layers[:-2]:
            layer.trainable = False
        outer.compile("adam", "mse")
        outer.fit(x, y)
        net.trainable = True
        outer.compile("adam", "mse")
        outer.fit(x, y)
        """),
    "some layers of a graph, by a helper": GRAPH
    + textwrap.dedent("""\
        def freeze_until(model, name):
            for layer in model.layers:
                if layer.name == name:
                    break
                layer.trainable = False
        freeze_until(net, "last")
        net.compile("adam", "mse")
        net.fit(x, y)
        net.trainable = True
        net.compile("adam", "mse")
        net.fit(x, y)
        """),
    "the base, after a loop": """\
        for layer in base.layers:
            layer.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        base.trainable = True
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "the model round it": """\
        base.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        model.trainable = True
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "the base, and only some are frozen again": """\
        for layer in base.layers:
            layer.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        base.trainable = True
        for layer in base.layers[:50]:
            layer.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
}


@pytest.mark.parametrize("source", OPENS_NOTHING.values(), ids=OPENS_NOTHING.keys())
def test_opening_what_is_open_is_found_on_keras_3(source):
    program = BASE + textwrap.dedent(source)
    assert [code for code, _ in found(program, select=("KTM205",))] == ["KTM205"]
    assert found(program, "2", select=("KTM205",), notes=True) == []
    assert found(program, None, select=("KTM205",)) == []
    assert [code for code, _ in found(program, None, select=("KTM205",), notes=True)] == ["KTM205"]


OPENS_SOMETHING = {
    "a slice of a graph, one by one": GRAPH
    + textwrap.dedent("""\
        def turn(model, flag):
            for layer in model.layers[:-2]:
                layer.trainable = flag
        turn(net, False)
        net.compile("adam", "mse")
        net.fit(x, y)
        turn(net, True)
        net.trainable = True
        net.compile("adam", "mse")
        net.fit(x, y)
        """),
    "frozen as a whole": """\
        base.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        base.trainable = True
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "nothing was frozen": """\
        base.trainable = True
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "the layers are opened one by one too": """\
        for layer in base.layers:
            layer.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        base.trainable = True
        for layer in base.layers:
            layer.trainable = True
        model.compile("adam", "mse")
        model.fit(x, y)
        """,
    "nothing trains after it": """\
        for layer in base.layers:
            layer.trainable = False
        model.compile("adam", "mse")
        model.fit(x, y)
        base.trainable = True
        model.save("m.keras")
        """,
    "a loaded model may be frozen": """\
        loaded = keras.models.load_model("m.keras")
        for layer in loaded.layers:
            layer.trainable = False
        loaded.compile("adam", "mse")
        loaded.fit(x, y)
        loaded.trainable = True
        loaded.compile("adam", "mse")
        loaded.fit(x, y)
        """,
}


@pytest.mark.parametrize("source", OPENS_SOMETHING.values(), ids=OPENS_SOMETHING.keys())
def test_opening_what_is_closed_is_left_alone(source):
    assert found(BASE + textwrap.dedent(source), select=("KTM203", "KTM204", "KTM205"), notes=True) == []
