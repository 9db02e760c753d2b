"""What can be run: a script, a module, a function, a model with data, a notebook."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dropout_lint.sources.notebook import MARK, Notebook, decode_notebook
from dropout_lint.sources.text import SourceError

if TYPE_CHECKING:
    from dropout_lint.verify.experiment import Json

SAVED_MODELS = (".keras", ".h5", ".hdf5")


class NoProgram(Exception):
    """What was named cannot be run; the message says why."""


@dataclass(frozen=True, slots=True)
class Program:
    """One thing to run.

    ``kind`` is ``script``, ``module``, ``entry``, ``model`` or ``notebook``; ``path`` the file that is linted and named
    in reports; ``name`` the module, or ``module:function``, where there is one. ``data`` is a model's: an ``.npz`` file
    or ``module:function``, None for synthetic inputs.
    """

    kind: str
    path: Path
    name: str = ""
    data: str | None = None

    @property
    def label(self) -> str:
        """What was named on the command line."""
        return {"module": f"-m {self.name}", "entry": self.name, "model": self.name}.get(self.kind) or str(self.path)

    @property
    def runs_in_full(self) -> bool:
        """False for a model, which is only called."""
        return self.kind != "model"

    def job(self) -> Json:
        """The part of a job that says what to run."""
        return {
            "script": os.path.normpath(self.path.absolute()),
            "kind": self.kind,
            "name": self.name,
            "data": self.data,
            "home": str(Path.cwd()),
            "cells": _cells(self.path) if self.kind == "notebook" else None,
        }


def _cells(path: Path) -> Json:
    """A notebook for the child: its cells, and their joined text, in which probes and edits have their lines."""
    book = notebook(path)
    return {
        "text": book.text,
        "mark": MARK,
        "cells": [
            {"number": cell.number, "first": cell.first, "lines": len(cell.lines), "source": "".join(cell.lines)}
            for cell in book.cells
        ],
    }


def notebook(path: Path) -> Notebook:
    """A notebook, read.

    Raises:
        NoProgram: It is none.
    """
    try:
        return decode_notebook(path.read_bytes(), path)
    except (OSError, SourceError) as error:
        raise NoProgram(f"{path}: {error}") from error


def as_program(what: Program | Path) -> Program:
    """A program as it is, a path as a script or notebook."""
    if isinstance(what, Program):
        return what
    return Program("notebook" if what.suffix == ".ipynb" else "script", what)


def named_path(text: str) -> Program:
    """The program a path names: a script, a notebook, a folder's ``__main__.py`` as ``python FOLDER`` would run it.

    Raises:
        NoProgram: It names none.
    """
    path = Path(text)
    if path.is_dir():
        if not (path / "__main__.py").is_file():
            raise NoProgram(f"{text}: is a folder without __main__.py; name the program to run")
        return Program("script", path / "__main__.py")
    if not path.is_file():
        raise NoProgram(f"{text}: no such file")
    if path.suffix in SAVED_MODELS:
        raise NoProgram(f"{text}: is a saved model; measure it with --model {text} and, if you have some, --data")
    if path.suffix not in (".py", ".ipynb"):
        raise NoProgram(f"{text}: only Python programs (.py) and notebooks (.ipynb) can be run")
    return as_program(path)


def named_module(name: str) -> Program:
    """``python -m NAME`` from the working directory.

    Raises:
        NoProgram: There is no such module here.
    """
    path = module_file(name)
    if path is not None and path.name == "__init__.py":
        path = path.with_name("__main__.py") if path.with_name("__main__.py").is_file() else None
        if path is None:
            raise NoProgram(f"{name}: is a package without __main__.py; name the module to run")
    if path is None:
        raise NoProgram(f"{name}: no such module in {Path.cwd()}, its src folder or PYTHONPATH")
    return Program("module", path, name)


def named_entry(text: str) -> Program:
    """``package.module:function``, called without arguments.

    Raises:
        NoProgram: There is no such module here, or the text has another form.
    """
    return Program("entry", _module_of(text, "--entry"), text)


def named_model(text: str, data: str | None) -> Program:
    """``package.module:build_model``, or a saved model's file, with the data it is called on.

    Raises:
        NoProgram: There is no such module, model or data.
    """
    if data is not None and ":" not in data and not Path(data).is_file():
        raise NoProgram(f"{data}: no such file; --data takes an .npz file or package.module:function")
    if data is not None and ":" in data and not Path(data).exists():
        _module_of(data, "--data")
    elif data is not None and Path(data).suffix != ".npz":
        raise NoProgram(f"{data}: --data takes an .npz file or package.module:function")
    path = Path(text)
    if path.suffix in SAVED_MODELS or path.is_dir():
        if not path.exists():
            raise NoProgram(f"{text}: no such file")
        return Program("model", path, text, data)
    return Program("model", _module_of(text, "--model"), text, data)


def _module_of(text: str, option: str) -> Path:
    module, colon, function = text.partition(":")
    if not colon or not function.isidentifier():
        raise NoProgram(f"{text}: {option} takes package.module:function")
    path = module_file(module)
    if path is None:
        raise NoProgram(f"{module}: no such module in {Path.cwd()}, its src folder or PYTHONPATH")
    return path


def module_file(name: str) -> Path | None:
    """The file of a module as seen from the working directory, found without importing anything."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    added = [Path(each) for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    for folder in (Path.cwd(), Path.cwd() / "src", *added, *map(Path, sys.path)):
        base = folder.joinpath(*parts)
        for candidate in (base.with_suffix(".py"), base / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None
