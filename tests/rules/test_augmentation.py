"""Augmentation in inference and in exported models."""

import textwrap

import pytest

from dropout_lint import check_source
from dropout_lint.settings import Resolver

PRELUDE = """\
import keras
import numpy as np
import tensorflow as tf
from keras import layers

augment = keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)])

def build():
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(augment(inputs))))

plain = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2)])
model = build()
model.compile("adam", "mse")
x_test, y_test, rows = np.zeros((3, 8, 8, 1)), np.zeros(3), np.zeros((3, 8, 8, 1))
train_ds = val_ds = tf.data.Dataset.from_tensor_slices((rows, np.zeros(3))).batch(2)
model.fit(train_ds)
"""


def found(source):
    program = PRELUDE + textwrap.dedent(source)
    report = check_source(program, "program.py", Resolver(isolated=True, overrides={"keras-version": "3.15"}))
    return [each.code for each in report.findings if each.code.startswith("KTM6")]


INFERENCE = {
    "split afterwards, flag": """\
        every = train_ds.map(lambda x, y: (augment(x, training=True), y))
        valid = every.take(1)
        model.fit(every.skip(1), validation_data=valid)
        """,
    "split afterwards, bare": """\
        every = train_ds.map(lambda x, y: (augment(x), y))
        fitted, test = every.skip(1), every.take(1)
        model.fit(fitted)
        print(model.evaluate(test))
        """,
    "split afterwards, arrays": """\
        from sklearn.model_selection import train_test_split
        changed = augment(rows, training=True).numpy()
        x_train, x_val, y_train, y_val = train_test_split(changed, np.zeros(3))
        model.fit(x_train, y_train, validation_data=(x_val, y_val))
        """,
    "one function for both sets": """\
        def prepare(data):
            return data.map(lambda x, y: (augment(x, training=True), y))
        train = prepare(keras.utils.image_dataset_from_directory("a"))
        val = prepare(keras.utils.image_dataset_from_directory("b"))
        model.fit(train, validation_data=val)
        """,
    "bare model, scored": "print(np.argmax(model(x_test), 1) == y_test)",
    "bare model in a service": """\
        class Service:
            def predict(self, image):
                return np.asarray(model(image[None]))[0]
        """,
    "bare model of a factory": """\
        def evaluate(network, metric):
            for x, y in val_ds:
                metric.update_state(y, network(x))
        evaluate(build(), keras.metrics.Accuracy())
        """,
    "validation set, flag": """\
        val_ds = val_ds.map(lambda x, y: (augment(x, training=True), y))
        print(model.evaluate(val_ds))
        """,
    "validation set, bare": """\
        val_ds = val_ds.map(lambda x, y: (augment(x), y))
        print(model.evaluate(val_ds))
        """,
    "validation set in fit": """\
        val_ds = val_ds.map(lambda x, y: (augment(x, training=True), y))
        model.fit(train_ds, validation_data=val_ds)
        """,
    "augmented, then scored": "print(np.argmax(plain(augment(x_test, training=True), training=False), 1) == y_test)",
}


@pytest.mark.parametrize("source", INFERENCE.values(), ids=INFERENCE)
def test_augmentation_in_inference(source):
    assert found(source) == ["KTM601"]


def test_what_is_augmented_in_two_loops_is_not_compared():
    loop = "for x, y in val_ds:\n    x = augment(x, training=True)\n    print(np.argmax(plain.predict(x), 1) == y)\n"
    assert found(loop + loop) == ["KTM601"] * 2


RIGHT = {
    "split before": """\
        valid = train_ds.take(1)
        fitted = train_ds.skip(1).map(lambda x, y: (augment(x, training=True), y))
        model.fit(fitted, validation_data=valid)
        """,
    "one set for everything": """\
        every = train_ds.map(lambda x, y: (augment(x, training=True), y))
        model.fit(every, validation_data=every)
        """,
    "a batch to look at": """\
        every = train_ds.map(lambda x, y: (augment(x, training=True), y))
        model.fit(every)
        test_batch = next(iter(every))
        print(model.predict(test_batch))
        """,
    "predict": "print(np.argmax(model.predict(x_test), 1))",
    "flag off": "print(np.argmax(model(x_test, training=False), 1) == y_test)",
    "none": "print(np.argmax(model(x_test, training=None), 1) == y_test)",
    "no augmentation": "print(np.argmax(plain(x_test), 1) == y_test)",
    "dropout only": """\
        net = keras.Sequential([layers.Dropout(0.5), layers.Dense(1)])
        print(np.argmax(net(x_test), 1) == y_test)
        """,
    "training set": "model.fit(train_ds.map(lambda x, y: (augment(x, training=True), y)))",
    "training set beside a validation set": """\
        train_ds = train_ds.map(lambda x, y: (augment(x), y))
        model.fit(train_ds, validation_data=val_ds)
        """,
    "training step": """\
        optimizer = keras.optimizers.Adam()
        for x, y in train_ds:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(plain(augment(x), training=True) - y)
            optimizer.apply(tape.gradient(loss, plain.trainable_variables), plain.trainable_variables)
        """,
    "test-time augmentation": """\
        def predict(images):
            total = 0
            for _ in range(8):
                total += plain(augment(images, training=True), training=False)
            return total / 8
        print(np.argmax(predict(x_test), 1))
        """,
    "test-time augmentation, bare": """\
        views = [plain(augment(x_test), training=False) for _ in range(8)]
        print(np.argmax(np.mean(views, axis=0), 1))
        """,
    "pictures": """\
        import matplotlib.pyplot as plt
        for image in augment(x_test, training=True):
            plt.imshow(np.clip(image, 0, 1))
        """,
    "inside a layer's call": """\
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.flip, self.dense = layers.RandomFlip(), layers.Dense(1)
            def call(self, x):
                return self.dense(self.flip(x))
        Net().predict(x_test)
        """,
    "contrastive views": """\
        optimizer = keras.optimizers.Adam()
        def loss_of(x):
            one, two = plain(augment(x), training=True), plain(augment(x), training=True)
            return tf.reduce_mean(one * two)
        with tf.GradientTape() as tape:
            loss = loss_of(rows)
        optimizer.apply(tape.gradient(loss, plain.trainable_variables), plain.trainable_variables)
        """,
    "summary": "model.build((None, 8, 8, 1))\nmodel.summary()",
}


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_augmentation_where_it_belongs(source):
    assert found(source) == []


EXPORTS = {
    "export": ("model.export('served')", ["KTM602"]),
    "export of a sequential model": ("keras.Sequential([layers.RandomZoom(0.1), plain]).export('served')", ["KTM602"]),
    "SavedModel by name": ("model.export('served', format='tf_saved_model')", ["KTM602"]),
    "endpoint": (
        "archive = keras.export.ExportArchive()\narchive.track(model)\narchive.add_endpoint('serve', fn=model.call)",
        ["KTM602"],
    ),
    "endpoint, dunder": (
        "archive = keras.export.ExportArchive()\narchive.add_endpoint('serve', model.__call__, [])",
        ["KTM602"],
    ),
    "without augmentation": ("plain.export('served')", []),
    "save": ("model.save('model.keras')", []),
    "another format": ("model.export('served', format='onnx')", []),
    "endpoint with a flag": (
        "archive = keras.export.ExportArchive()\narchive.add_endpoint('serve', lambda x: model(x, training=False), [])",
        [],
    ),
    "switched off in the graph": (
        "i = keras.Input((8, 8, 1))\nkeras.Model(i, layers.RandomFlip()(i, training=False)).export('served')",
        [],
    ),
    "another library": ("def write(table):\n    table.export('file')\n", []),
}


@pytest.mark.parametrize(("source", "expected"), EXPORTS.values(), ids=EXPORTS)
def test_exports(source, expected):
    assert found(source) == expected
