"""Saved models (``.keras`` archives) read as data: their configuration, never their weights or their code.

An archive is a zip file with ``config.json`` and ``metadata.json``. Nothing in it is loaded by Keras, unpickled or
executed. A file that is damaged, encrypted or larger inside than any configuration raises `ArtifactError`.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SUFFIX = ".keras"
MOST_MEMBERS = 10_000
LARGEST_CONFIG = 64_000_000
LARGEST_METADATA = 100_000
LARGEST_RATIO = 200
"""How much larger than in the archive a member may be: Keras stores without compression, JSON shrinks to a tenth."""
_SMALL = 1_000_000
"""Bytes below which the ratio does not matter."""
MOST_LAYERS = 100_000


class ArtifactError(Exception):
    """A saved model cannot be read. The message is one sentence without the path."""


@dataclass(frozen=True, slots=True)
class SavedNode:
    """One call of a layer that a functional model records."""

    flag: object
    """The recorded ``training``; None where there is none."""


@dataclass(frozen=True, slots=True)
class SavedLayer:
    """One layer in a configuration."""

    class_name: str
    name: str
    place: str
    """Where it stands: ``config.layers[3]``."""
    config: Mapping[str, Any]
    nodes: tuple[SavedNode, ...] = ()
    custom: bool = False
    """Its class is not Keras's own."""

    @property
    def shown(self) -> str:
        """What a reader looks for: ``config.json: config.layers[3] 'dropout'``."""
        return f"config.json: {self.place} '{self.name}'"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A saved model: its layers in the order of its configuration, and the Keras that wrote it."""

    keras_version: str | None
    layers: tuple[SavedLayer, ...] = field(default=())


def read_artifact(source: Path | bytes) -> Artifact:
    """The layers of the archive ``source``, a file or its content; of a file, only what is asked for is read.

    Raises:
        ArtifactError: It is no ``.keras`` archive, is damaged, or unpacks to more than a configuration can be.
    """
    try:
        with zipfile.ZipFile(source if isinstance(source, Path) else io.BytesIO(source)) as archive:
            if len(archive.infolist()) > MOST_MEMBERS:
                raise ArtifactError(f"the archive holds more than {MOST_MEMBERS:,} members")
            config = _json(_member(archive, "config.json", LARGEST_CONFIG), "config.json")
            metadata = _metadata(archive)
    except ArtifactError:
        raise
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, OSError, ValueError, OverflowError) as error:
        raise ArtifactError(f"it is no intact archive: {_said(error)}") from error
    except (RuntimeError, NotImplementedError, KeyError, IndexError) as error:
        raise ArtifactError(f"the archive cannot be read: {_said(error)}") from error
    except Exception as error:
        # zlib, lzma and bz2 each have errors of their own
        raise ArtifactError(f"the archive is damaged: {_said(error)}") from error
    if not isinstance(config, dict):
        raise ArtifactError("config.json does not describe a model")
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    return Artifact(version if isinstance(version, str) else None, tuple(_layers(config)))


def _said(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__


def _metadata(archive: zipfile.ZipFile) -> object:
    if "metadata.json" not in archive.namelist():
        return None
    return _json(_member(archive, "metadata.json", LARGEST_METADATA), "metadata.json")


def _member(archive: zipfile.ZipFile, name: str, largest: int) -> bytes:
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise ArtifactError(f"the archive holds no {name}") from None
    if info.flag_bits & 0x1:
        raise ArtifactError(f"{name} is encrypted")
    too_large = ArtifactError(f"{name} unpacks to more than any configuration: it may be a zip bomb")
    # what the directory says of the size may be a lie: it is also bounded while reading
    if info.file_size > largest or info.file_size > max(_SMALL, info.compress_size * LARGEST_RATIO):
        raise too_large
    with archive.open(info) as stream:
        data = stream.read(info.file_size + 1)
    if len(data) > info.file_size:
        raise too_large
    return data


def _json(data: bytes, name: str) -> object:
    try:
        return json.loads(data)
    except RecursionError:
        raise ArtifactError(f"{name} is nested too deeply") from None
    except ValueError as error:
        raise ArtifactError(f"{name} is not valid JSON: {_said(error)}") from error


def _layers(config: dict[str, Any]) -> Iterator[SavedLayer]:
    """Every serialized layer, outer ones first; walked with a list, since nesting is a stranger's choice."""
    waiting: list[tuple[object, str]] = [(config, "")]
    count = 0
    while waiting:
        value, place = waiting.pop()
        if isinstance(value, list):
            waiting += [(each, f"{place}[{index}]") for index, each in reversed(list(enumerate(value)))]
            continue
        if not isinstance(value, dict):
            continue
        name = value.get("class_name")
        inner = value.get("config")
        if isinstance(name, str) and isinstance(inner, dict):
            count += 1
            if count > MOST_LAYERS:
                raise ArtifactError(f"config.json describes more than {MOST_LAYERS:,} objects")
            yield SavedLayer(name, _name(value, inner), place or "config", inner, _nodes(value), _is_custom(value))
        # what a node was called with is no layer
        parts = [(each, f"{place}.{key}".lstrip(".")) for key, each in value.items() if key != "inbound_nodes"]
        waiting += reversed(parts)


def _name(value: dict[str, Any], inner: dict[str, Any]) -> str:
    for found in (value.get("name"), inner.get("name")):
        if isinstance(found, str):
            return found
    return str(value.get("class_name"))


def _is_custom(value: dict[str, Any]) -> bool:
    module, registered = value.get("module"), value.get("registered_name")
    own = isinstance(module, str) and not module.startswith(("keras", "tf_keras"))
    return own or (isinstance(registered, str) and ">" in registered)


def _nodes(value: dict[str, Any]) -> tuple[SavedNode, ...]:
    found: list[SavedNode] = []
    listed = value.get("inbound_nodes")
    for node in listed if isinstance(listed, list) else ():
        if isinstance(node, dict):
            kwargs = node.get("kwargs")
            found.append(SavedNode(kwargs.get("training") if isinstance(kwargs, dict) else None))
        elif isinstance(node, list):
            # Keras 2: [[layer, node, tensor, kwargs], …], one for each input of one call
            given = [each[3] for each in node if isinstance(each, list) and len(each) > 3 and isinstance(each[3], dict)]
            found.append(SavedNode(next((each["training"] for each in given if "training" in each), None)))
    return tuple(found)
