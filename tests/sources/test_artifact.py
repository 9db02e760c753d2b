"""Saved models read as data: what is found in them, and what cannot be."""

import io
import json
import os
import struct
import subprocess
import sys
import textwrap
import zipfile

import pytest

from dropout_lint.engine import run
from dropout_lint.settings import Resolver
from dropout_lint.sources.artifact import ArtifactError, read_artifact


def layer(class_name, name, training=None, **config):
    kwargs = {} if training is None else {"training": training}
    return {
        "module": "keras.layers",
        "class_name": class_name,
        "config": {"name": name, **config},
        "registered_name": None,
        "name": name,
        "inbound_nodes": [{"args": [], "kwargs": kwargs}],
    }


def model(*layers, class_name="Functional"):
    return {"module": "keras", "class_name": class_name, "config": {"name": "model", "layers": list(layers)}}


def archive(config, version="3.15.1", compression=zipfile.ZIP_STORED, members=()):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as made:
        made.writestr("metadata.json", json.dumps({"keras_version": version, "date_saved": "2026-01-01@00:00:00"}))
        made.writestr("config.json", config if isinstance(config, (str, bytes)) else json.dumps(config))
        for name, content in members:
            made.writestr(name, content)
    return stream.getvalue()


def found(tmp_path, data, version=None):
    (tmp_path / "model.keras").write_bytes(data)
    overrides = {"keras-version": version} if version is not None else {}
    report = run([tmp_path / "model.keras"], Resolver(isolated=True, overrides=overrides))
    assert report.errors == ()
    return [(each.code, each.severity.value, each.message) for each in report.findings]


FLAGS = {
    "dropout, hard-coded": ((layer("Dropout", "drop", True, rate=0.5),), ["KTM102"]),
    "batch normalisation, hard-coded": ((layer("BatchNormalization", "bn", True),), ["KTM102"]),
    "recurrent": ((layer("LSTM", "lstm", True, dropout=0.2),), ["KTM102"]),
    "nested model": ((layer("Sequential", "inner", True, layers=[layer("Dropout", "drop", rate=0.5)]),), ["KTM102"]),
    "two of them": (
        (layer("Dropout", "one", True, rate=0.5), layer("Dropout", "two", True, rate=0.5)),
        ["KTM102", "KTM102"],
    ),
    "dense": ((layer("Dense", "dense", True),), []),
    "recurrent without dropout": ((layer("LSTM", "lstm", True, dropout=0.0),), []),
    "nested model without such layers": ((layer("Sequential", "inner", True, layers=[layer("Dense", "dense")]),), []),
    "augmentation records its default": ((layer("RandomFlip", "flip", True),), []),
    "dropout records its default": ((layer("Dropout", "drop", False, rate=0.5),), []),
    "nothing recorded": ((layer("Dropout", "drop", rate=0.5),), []),
}


@pytest.mark.parametrize(("layers", "codes"), FLAGS.values(), ids=FLAGS)
def test_recorded_flags(tmp_path, layers, codes):
    assert [code for code, _, _ in found(tmp_path, archive(model(*layers)), "3.15")] == codes


def test_a_finding_names_its_place_inside(tmp_path):
    data = archive(model(layer("Dense", "dense"), layer("Dropout", "drop", True, rate=0.5)))
    ((_, _, message),) = found(tmp_path, data, "3.15")
    assert message.startswith("config.json: config.layers[1] 'drop': the graph calls Dropout with training=true")


CONSEQUENCES = {
    "3.15.1": "evaluate() and predict() ignore it",
    "2.15.0": "it stays in training mode in evaluate() and predict() too",
    "3.16.0": "it stays in training mode in evaluate() and predict() too",
}


@pytest.mark.parametrize(("version", "consequence"), CONSEQUENCES.items())
def test_the_version_that_wrote_it_decides_where_none_is_set(tmp_path, version, consequence):
    ((_, _, message),) = found(tmp_path, archive(model(layer("BatchNormalization", "bn", True)), version))
    assert consequence in message


FORWARD = {
    "coming version is set": ("3.16", "3.15.1", ["warning"]),
    "none is set": (None, "3.15.1", ["note"]),
    "an older one is set": ("3.15", "3.15.1", []),
    "Keras 2 is set": ("2", "3.15.1", []),
    "written by Keras 2": ("3.16", "2.15.0", []),
    "written by the coming version": ("3.16", "3.16.0", []),
}


@pytest.mark.parametrize(("version", "written_by", "severities"), FORWARD.values(), ids=FORWARD)
def test_a_recorded_false_matters_to_the_coming_version_only(tmp_path, version, written_by, severities):
    data = archive(model(layer("Dropout", "a", False, rate=0.5), layer("Dropout", "b", False, rate=0.5)), written_by)
    assert [severity for _, severity, _ in found(tmp_path, data, version)] == severities


def test_keras_2_records_nodes_in_its_own_way(tmp_path):
    node = {
        "class_name": "Dropout",
        "config": {"name": "d", "rate": 0.5},
        "inbound_nodes": [[["x", 0, 0, {"training": True}]]],
    }
    ((code, _, message),) = found(tmp_path, archive(model(node), "2.15.0"))
    assert code == "KTM102"
    assert "stays in training mode" in message


RATES = {
    "all dropped": ((layer("Dropout", "drop", rate=1.0),), ["KTM501"]),
    "recurrent": ((layer("GRU", "gru", dropout=1.0),), ["KTM501"]),
    "inside a wrapper": (
        (layer("Bidirectional", "both", layer=layer("LSTM", "lstm", recurrent_dropout=1.0)),),
        ["KTM501"],
    ),
    "right": ((layer("Dropout", "drop", rate=0.5), layer("LSTM", "lstm", dropout=0.0)), []),
    "a class of the project": (({**layer("Dropout", "drop", rate=7), "registered_name": "own>Dropout"},), []),
}


@pytest.mark.parametrize(("layers", "codes"), RATES.values(), ids=RATES)
def test_rates(tmp_path, layers, codes):
    assert [code for code, _, _ in found(tmp_path, archive(model(*layers)), "3.15")] == codes


def test_a_lambda_layer_is_named_and_never_loaded(tmp_path):
    code = {"class_name": "__lambda__", "config": {"code": "4wEAAAAAAAAAAAAAAAE", "defaults": None}}
    findings = found(tmp_path, archive(model(layer("Lambda", "twice", function=code))), "3.15")
    assert [(code, severity) for code, severity, _ in findings] == [("KTM991", "note")]
    assert "config.layers[0] 'twice' is a Lambda layer" in findings[0][2]


def encrypted():
    data = bytearray(archive(model()))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = 0
        while (start := data.find(signature, start)) >= 0:
            data[start + offset] |= 1
            start += 4
    return bytes(data)


def lying_about_its_size():
    data = bytearray(archive(json.dumps({"a": "x" * 5000}), compression=zipfile.ZIP_DEFLATED))
    start = data.rfind(b"PK\x01\x02")
    struct.pack_into("<I", data, start + 24, 10)
    return bytes(data)


DAMAGED = {
    "empty": b"",
    "no archive": b"\x89HDF\r\n\x1a\n" + b"\x00" * 100,
    "cut off": archive(model(layer("Dropout", "drop", True, rate=0.5)))[:-40],
    "without a configuration": b"PK\x05\x06" + b"\x00" * 18,
    "no JSON": archive("{"),
    "no UTF-8": archive(b"\xff\xfe\xff"),
    "no model": archive("[1, 2]"),
    "nested too deeply": archive("[" * 200_000),
    "a number without end": archive("[" + "9" * 10_000 + "]"),
    "bomb": archive(b"[" + b" " * 300_000_000 + b"]", compression=zipfile.ZIP_DEFLATED),
    "smaller bomb": archive(b"[" + b" " * 20_000_000 + b"]", compression=zipfile.ZIP_DEFLATED),
    "many members": archive(model(), members=[(f"{number}.txt", "") for number in range(10_001)]),
    "encrypted": encrypted(),
    "lies about its size": lying_about_its_size(),
    "flipped bits": archive(model(layer("Dense", "d"))).replace(b'"Dense"', b'"Dence"'),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_what_cannot_be_read_is_said_and_stops_nothing(tmp_path, data):
    (tmp_path / "intact.keras").write_bytes(archive(model(layer("BatchNormalization", "bn", True))))
    (tmp_path / "damaged.keras").write_bytes(data)
    report = run([tmp_path], Resolver(isolated=True, overrides={"keras-version": "3.15"}))
    assert [(each.code, each.severity.value) for each in report.findings] == [
        ("KTM991", "warning"),
        ("KTM102", "warning"),
    ]
    assert "Traceback" not in report.findings[0].message


def test_archives_in_folders_are_found(tmp_path):
    (tmp_path / "models" / "deep").mkdir(parents=True)
    (tmp_path / "models" / "deep" / "m.keras").write_bytes(archive(model(layer("BatchNormalization", "bn", True))))
    (tmp_path / "models" / "unpacked.keras").mkdir()
    report = run([tmp_path], Resolver(isolated=True))
    assert [each.path.endswith("models/deep/m.keras") for each in report.findings] == [True]


def test_pickles_in_an_archive_are_never_read(tmp_path):
    data = archive(model(layer("Dense", "d")), members=[("assets/vocabulary.pkl", b"cos\nsystem\n(S'touch ran'\ntR.")])
    assert found(tmp_path, data, "3.15") == []
    assert not (tmp_path / "ran").exists()


def test_bounds_hold_for_what_is_read_from_bytes_too():
    with pytest.raises(ArtifactError, match="zip bomb"):
        read_artifact(DAMAGED["bomb"])


PROGRAM = """
    import sys
    if sys.argv[1] == "2":
        import tf_keras as keras
    else:
        import keras
    layers = keras.layers
    inputs = keras.Input((8,))
    free = layers.Dropout(0.5, name="free")(layers.Dense(4)(inputs))
    on = layers.Dropout(0.5, name="on")(free, training=True)
    norm = layers.BatchNormalization(name="norm")(on, training=True)
    keras.Model(inputs, layers.Dense(1)(norm)).save("model.keras")
    rnn = keras.Sequential([keras.Input((4, 8)), layers.LSTM(3, dropout=25, name="rnn")])
    rnn.save("rnn.keras")
    """


@pytest.mark.slow
@pytest.mark.parametrize("generation", ["2", "3"])
def test_archives_of_keras_itself(tmp_path, generation):
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "KERAS_BACKEND": "tensorflow",
    }
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), generation]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    report = run([tmp_path], Resolver(isolated=True, overrides={"keras-version": "2" if generation == "2" else "3.15"}))
    told = [(each.code, each.message.partition(": ")[2].partition(":")[0]) for each in report.findings]
    assert sorted(told) == [
        ("KTM102", "config.layers[3] 'on'"),
        ("KTM102", "config.layers[4] 'norm'"),
        ("KTM501", "config.layers[1] 'rnn'"),
    ]
