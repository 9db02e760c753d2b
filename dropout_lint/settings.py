"""``[tool.dropout-lint]`` of pyproject.toml, or dropout-lint.toml, as one frozen dataclass.

The reader is strict: what it does not know is an error that names the file, the key and the nearest known key.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dropout_lint.files import LARGEST_TEXT, is_regular, read_regular
from dropout_lint.findings import Confidence, Severity
from dropout_lint.options import DEFAULT_EXCLUDE, OPTION_BY_KEY, PatternRules, Severities, read_value, toml_kind
from dropout_lint.selection import Selection, suggestion
from dropout_lint.sources.toml import TOMLError, read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAMES = ("dropout-lint.toml", "pyproject.toml")
"""In order of precedence within one folder."""

PROJECT_MARKERS = (".git", "pyproject.toml", "setup.py", "setup.cfg", "requirements.txt")


class SettingsError(Exception):
    """The configuration cannot be used. The message is complete: it names the file and the key."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All options, validated. ``root`` is the folder that patterns and ``src`` are relative to."""

    root: Path
    file: Path | None = None
    select: tuple[str, ...] = ("ALL",)
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    per_file_ignores: PatternRules = ()
    severity: Severities = ()
    min_severity: Severity = Severity.NOTE
    min_confidence: Confidence = Confidence.MEDIUM
    fail_on: Severity = Severity.WARNING
    fixable: tuple[str, ...] = ("ALL",)
    unfixable: tuple[str, ...] = ()
    unsafe_fixes: bool = False
    exclude: tuple[str, ...] = DEFAULT_EXCLUDE
    extend_exclude: tuple[str, ...] = ()
    force_exclude: bool = False
    respect_gitignore: bool = True
    src: tuple[Path, ...] = (Path(), Path("src"))
    keras_version: str | None = None
    inference_functions: tuple[str, ...] = ()
    training_functions: tuple[str, ...] = ()
    stochastic_inference: tuple[str, ...] = ()
    baseline: Path | None = None
    cache_dir: Path | None = None
    output_format: str = "full"
    jobs: int | None = None

    def __hash__(self) -> int:
        # asked for every file of a run, often: that of all options takes ten times as long
        return hash((self.root, self.file))

    @property
    def selection(self) -> Selection:
        """The rules that are on, before per-file-ignores."""
        return Selection(self.select + self.extend_select, self.ignore)


def load(
    start: Path | None = None,
    *,
    config: Path | None = None,
    isolated: bool = False,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """The settings for files in the folder ``start`` (default: the working directory). See `Resolver`.

    Raises:
        SettingsError: A file cannot be read, or holds an unknown key or a wrong value.
    """
    resolver = Resolver(config=config, isolated=isolated, overrides=overrides)
    return resolver.of((start or Path.cwd()).absolute())


def parse_assignment(text: str) -> dict[str, object]:
    """The key and value of ``KEY=VALUE``, where the value is TOML, or a bare word for a string.

    Raises:
        SettingsError: It is neither.
    """
    key, _, value = text.partition("=")
    if re.fullmatch(r"\s*(?!true|false)[A-Za-z][\w-]*\s*", value):
        text = f"{key}={json.dumps(value.strip())}"
    try:
        return read_toml(text)
    except TOMLError as error:
        raise SettingsError(f"--config {text}: {error}") from error


class Resolver:
    """Settings by folder: each file is judged by the configuration nearest to it.

    ``config`` names a file to use instead of the nearest one, ``isolated`` ignores all files. ``overrides``
    are keys and values from the command line, in the types of TOML; a ``select`` among them starts afresh, while
    ``ignore``, ``extend-select`` and ``extend-exclude`` add to what the file says.

    Raises:
        SettingsError: An override is wrong.
    """

    def __init__(
        self,
        *,
        config: Path | None = None,
        isolated: bool = False,
        overrides: Mapping[str, object] | None = None,
    ) -> None:
        self._config = config.absolute() if config is not None else None
        self._isolated = isolated
        self._overrides = _check(overrides or {}, "command line", Path.cwd())
        self._files: dict[Path, Path | None] = {}
        self._settings: dict[tuple[Path | None, Path], Settings] = {}
        self._by_folder: dict[Path, Settings] = {}
        self._marked: dict[Path, bool] = {}
        self._named: set[Path] = set()
        self.seen: dict[str, bool] = {}
        """What was looked at to find configurations and files, and whether it was there."""

    def of(self, folder: Path) -> Settings:
        """The settings for files in the absolute path ``folder``; equal places share one object.

        Raises:
            SettingsError: A file cannot be read, or holds an unknown key or a wrong value.
        """
        if folder not in self._by_folder:
            self._by_folder[folder] = self._found(folder)
        return self._by_folder[folder]

    def _found(self, folder: Path) -> Settings:
        file = self._file(folder)
        if file is None:
            root = self._root(folder)
        else:
            # A file given by hand need not lie in the project: its patterns are relative to where one works.
            root = file.parent if self._config is None else Path.cwd()
        place = (file, root)
        if place not in self._settings:
            self._settings[place] = self._build(file, root)
        return self._settings[place]

    def name(self, folder: Path) -> None:
        """The user has named this absolute path: where nothing says what a project is, all that is below it is one."""
        self._named.add(folder)

    def _root(self, folder: Path) -> Path:
        """The folder of a project that has no configuration file: the nearest one upwards with a marker.

        Without any: the working directory if ``folder`` lies in it, else the outermost folder that the user has named,
        else ``folder``.
        """
        places = (folder, *folder.parents)
        marked = next((each for each in places if self._has_marker(each)), None)
        if marked is not None:
            return marked
        working_directory = Path.cwd()
        if working_directory in places:
            return working_directory
        return next((each for each in reversed(places) if each in self._named), folder)

    def _has_marker(self, folder: Path) -> bool:
        if folder not in self._marked:
            there = False
            for marker in PROJECT_MARKERS:
                path = os.path.join(folder, marker)
                there = self.seen[path] = os.path.exists(path)
                if there:
                    break
            self._marked[folder] = there
        return self._marked[folder]

    def _file(self, folder: Path) -> Path | None:
        if self._isolated or self._config is not None:
            return None if self._isolated else self._config
        if folder not in self._files:
            own = _file_in(folder, self.seen)
            at_top = folder == folder.parent
            self._files[folder] = own if own is not None or at_top else self._file(folder.parent)
        return self._files[folder]

    def _build(self, file: Path | None, root: Path) -> Settings:
        values = {} if file is None else _read_chain(file, (), self.seen)
        if "select" in self._overrides:
            values.pop("ignore", None)
            values.pop("extend_select", None)
        for field, value in self._overrides.items():
            adds = field in ("ignore", "extend_select", "extend_exclude")
            values[field] = values.get(field, ()) + value if adds else value
        values.setdefault("src", (root, root / "src"))
        return Settings(root=root, file=file, **values)


def normal(path: Path) -> Path:
    """The path by which a file is known: absolute. Names decide what is excluded, so links stay as they are."""
    return Path(os.path.abspath(path))  # resolve() would follow links


def shown(path: Path) -> str:
    """``path`` as users should read it: relative to the working directory where it lies below, with forward slashes."""
    # for every file of a run, several times: pathlib would take ten times as long
    return told(os.path.abspath(path), os.getcwd())


def told(absolute: str, here: str) -> str:
    """`shown` for an absolute path, where the working directory is ``here``."""
    below = here if here.endswith(os.sep) else here + os.sep
    name = "." if absolute == here else absolute.removeprefix(below)
    return name if os.sep == "/" else Path(name).as_posix()


def _file_in(folder: Path, seen: dict[str, bool]) -> Path | None:
    """The configuration file in ``folder`` itself; a pyproject.toml without our table is passed over."""
    for name in FILE_NAMES:
        file = folder / name
        seen[str(file)] = file.exists()
        if is_regular(file) and (name != "pyproject.toml" or _table(file) is not None):
            return file
    return None


def _table(file: Path) -> dict[str, Any] | None:
    """The options as written in ``file``, or None if it is a pyproject.toml without our table."""
    try:
        document = read_toml(read_regular(file, LARGEST_TEXT).decode("utf-8"))
    except OSError as error:
        raise SettingsError(f"{shown(file)}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{shown(file)}: is not valid UTF-8") from error
    except TOMLError as error:
        raise SettingsError(f"{shown(file)}: {error}") from error
    if file.name != "pyproject.toml":
        return document
    tool = document.get("tool", {})
    table = tool.get("dropout-lint") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise SettingsError(f"{shown(file)}: tool.dropout-lint must be a table")
    return table


def _read_chain(file: Path, chain: tuple[Path, ...], seen: dict[str, bool]) -> dict[str, Any]:
    """The values of ``file`` by field, over those of the files it extends."""
    if file in chain:
        raise SettingsError(f"{shown(chain[-1])}: extend leads back to {shown(file)}")
    seen[str(file)] = True
    table = _table(file)
    if table is None:
        raise SettingsError(f"{shown(file)}: has no [tool.dropout-lint] table")
    extended = table.pop("extend", None)
    values: dict[str, Any] = {}
    if extended is not None:
        if not isinstance(extended, str):
            raise SettingsError(f"{shown(file)}: extend must be a string, not {toml_kind(extended)}")
        values = _read_chain(Path(file.parent, extended).expanduser().resolve(), (*chain, file), seen)
    for field, value in _check(table, shown(file), file.parent).items():
        values[field] = values.get(field, ()) + value if field.startswith("extend_") else value
    return values


def _check(table: Mapping[str, object], where: str, folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in table.items():
        option = OPTION_BY_KEY.get(key)
        if option is None:
            raise SettingsError(f'{where}: unknown key "{key}"{suggestion(key, ["extend", *OPTION_BY_KEY])}')
        try:
            values[option.field] = read_value(option, value, folder)
        except (TypeError, ValueError) as error:
            raise SettingsError(f"{where}: {key}: {error}") from error
    return values
