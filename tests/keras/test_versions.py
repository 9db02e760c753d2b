from __future__ import annotations

import pytest

from dropout_lint.keras.versions import (
    BEHAVIOURS,
    SUPPORTED,
    KerasVersion,
    behaviour,
    generation_of_tensorflow,
    is_in_development,
    is_supported,
    parse_version,
)

HONOURED = "functional-hardcoded-flag-honoured-by-predict"


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2", KerasVersion(2)),
        ("2.15", KerasVersion(2, 15)),
        ("2.15.0", KerasVersion(2, 15)),
        ("3", KerasVersion(3)),
        ("3.x", KerasVersion(3)),
        ("3.*", KerasVersion(3)),
        ("3.3", KerasVersion(3, 3)),
        ("3.15.1", KerasVersion(3, 15)),
        (" 3.15 ", KerasVersion(3, 15)),
        ("3.16.0.dev2026102704", KerasVersion(3, 16)),
    ],
)
def test_a_version_is_read(text, version):
    assert parse_version(text) == version


@pytest.mark.parametrize("text", ["", "keras", "1", "1.2", "4.0", "3.", "v3", ">=3", "3.1,2", "3,15", "2.x.1"])
def test_what_is_no_keras_version_is_refused(text):
    with pytest.raises(ValueError, match="not a Keras version"):
        parse_version(text)


@pytest.mark.parametrize(("version", "text"), [(KerasVersion(2), "2"), (KerasVersion(3, 15), "3.15")])
def test_a_version_prints_as_users_write_it(version, text):
    assert str(version) == text


@pytest.mark.parametrize(
    ("text", "supported", "in_development"),
    [
        ("2", True, False),
        ("2.4", True, False),
        ("3", True, False),
        ("3.2", False, False),
        ("3.3", True, False),
        ("3.15", True, False),
        ("3.16", False, True),
    ],
)
def test_support_ends_where_the_measurements_end(text, supported, in_development):
    version = parse_version(text)
    assert is_supported(version) is supported
    assert is_in_development(version) is in_development


def test_all_supported_versions_are_supported():
    assert all(map(is_supported, SUPPORTED))


@pytest.mark.parametrize(
    ("name", "text", "backend", "truth"),
    [
        (HONOURED, "2", None, True),
        (HONOURED, "3.2", None, None),
        (HONOURED, "3.3", None, False),
        (HONOURED, "3.15", None, False),
        (HONOURED, "3.16", None, True),
        (HONOURED, "3", None, False),
        (HONOURED, None, None, None),
        ("functional-hardcoded-flag-honoured-by-bare-call", None, None, True),
        ("explicit-none-inherits", "3.9", None, True),
        ("explicit-none-inherits", "3.10", None, False),
        ("explicit-none-inherits", "3", None, None),
        ("default-true-leaks-to-siblings", "3.15", "jax", False),
        ("default-true-leaks-to-siblings", "3.15", "tensorflow", True),
        ("unforwarded-training-reaches-sublayers", "3.12", "jax", False),
        ("unforwarded-training-reaches-sublayers", "3.16", "jax", True),
        ("bare-call-augments", None, None, True),
    ],
)
def test_a_behaviour_is_known_where_it_was_measured_and_does_not_differ(name, text, backend, truth):
    version = None if text is None else parse_version(text)
    assert behaviour(name, version, backend) is truth


def test_an_unknown_behaviour_is_an_error():
    with pytest.raises(KeyError):
        behaviour("no-such-behaviour", None)


@pytest.mark.parametrize(("major", "minor", "generation"), [(1, 15, 2), (2, 15, 2), (2, 16, 3), (2, 21, 3)])
def test_tensorflow_brings_a_keras_generation(major, minor, generation):
    assert generation_of_tensorflow(major, minor) == generation


def test_every_behaviour_starts_at_the_first_measured_version_and_names_its_source():
    for fact in BEHAVIOURS.values():
        minors = [minor for minor, _ in fact.keras3]
        assert minors[0] == 3
        assert minors == sorted(set(minors))
        assert fact.source


@pytest.mark.slow
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_every_behaviour_is_as_measured_on_the_installed_version(measured, package):
    report = measured(package)
    version = KerasVersion(2) if package == "tf_keras" else parse_version(report["version"])
    assert report["behaviours"] == {name: behaviour(name, version) for name in BEHAVIOURS}
