"""What a project declares to depend on, read as data: requirement files, project files and locks.

Nothing is executed (setup.py is parsed), nothing is resolved. A file that is damaged, too large or no regular file says
nothing, and never stops anything.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from dropout_lint.files import is_inside, read_regular
from dropout_lint.sources.toml import read_toml
from dropout_lint.syntax.scan import too_complex
from dropout_lint.trail import digest

LARGEST = 2_000_000
"""Bytes of a declaration that are read at most."""
LARGEST_LOCK = 16_000_000
DEEPEST_INCLUDE = 5
LONGEST_LINE = 1_000
"""Characters of a requirement that are read: what is longer is none."""
MOST_STATEMENTS = 200
"""Statements on the packages that matter, of one folder."""
MOST_EXPRESSIONS = 5_000
"""Expressions of a setup.py that are gone through for what it requires."""
MOST_FILES = 40
"""Requirement files that one folder's declarations may draw in."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """One statement on one package: ``tensorflow>=2.4,<2.16`` in requirements.txt."""

    name: str
    """In PyPI's normal form."""
    specifier: SpecifierSet
    path: Path
    conditional: bool = False
    """It holds on some platforms or Pythons only."""
    locked: bool = False
    optional: bool = False
    """It is in an extra or a group for developers."""

    @property
    def text(self) -> str:
        """As a reader would write it."""
        return f"{self.name}{self.specifier}"


@dataclass(frozen=True, slots=True)
class Declarations:
    """What the files of one folder say, and which files those are."""

    dependencies: tuple[Dependency, ...] = ()
    consulted: tuple[Path, ...] = ()
    names: tuple[str, ...] = ()
    """See `declaring`."""
    read: tuple[tuple[Path, str | None], ...] = ()
    """What was read, includes among it, with the digest of its content; None where it could not be read."""


def declaring(folder: Path) -> tuple[str, ...]:
    """The names in ``folder`` that files with declarations have, in the order in which they are read.

    Among them is that of a folder of such files, ``requirements/``, also where it holds none.
    """
    try:
        names = {each.name for each in folder.iterdir()}
    except OSError:
        return ()
    found = [name for name in _READERS if name in names]
    found += sorted(name for name in names if _REQUIREMENTS.fullmatch(name))
    if "requirements" not in names:
        return tuple(found)
    try:
        inner = [each.name for each in (folder / "requirements").iterdir()]
    except OSError:
        inner = []
    more = sorted(f"requirements/{name}" for name in inner if name.endswith(".txt"))
    return (*found, "requirements/", *more[:MOST_FILES])


def declared_in(folder: Path, wanted: frozenset[str], within: Path | None = None) -> Declarations:
    """What the files in ``folder`` declare of the packages ``wanted``, includes of requirement files followed.

    No link and no include leads out of the folder ``within``.
    """
    reader = _Reader(wanted, within)
    names = declaring(folder)
    for name in names:
        if not name.endswith("/"):
            reader.read(folder / name, _READERS.get(name, _requirements))
    return Declarations(tuple(reader.found), tuple(reader.consulted), names, tuple(reader.tried.items()))


_REQUIREMENTS = re.compile(r"(?:[\w.-]*[-_.])?requirements?(?:[-_.][\w.-]*)?\.(?:txt|in)|conda-[\w-]+\.lock")


class _Reader:
    """Collects the statements of one folder."""

    def __init__(self, wanted: frozenset[str], within: Path | None) -> None:
        self.wanted = wanted
        self.within = within
        self.found: list[Dependency] = []
        self.consulted: list[Path] = []
        self.tried: dict[Path, str | None] = {}

    def read(self, path: Path, parse: Parser) -> None:
        """Read one file, unless it was read before; whatever is wrong with it, it then says nothing."""
        if path in self.consulted or len(self.consulted) >= MOST_FILES:
            return
        outside = self.within is not None and not is_inside(path, (self.within,))
        data = _content(path) if not outside else None
        self.tried[path] = digest(data) if data is not None else None
        if data is None:
            return
        text = data.decode("utf-8-sig", "replace")
        self.consulted.append(path)
        before = len(self.found)
        try:
            parse(self, path, text)
        except Exception:  # a stranger's file: nothing in it is worth stopping for
            del self.found[before:]

    def add(self, path: Path, requirement: str, *, optional: bool = False) -> None:
        """A requirement as in PEP 508."""
        if len(requirement) > LONGEST_LINE:
            return
        try:
            parsed = Requirement(requirement.strip())
        except InvalidRequirement:
            return
        name = canonicalize_name(parsed.name)
        if name not in self.wanted:
            return
        specifier = parsed.specifier if parsed.url is None else _of_url(parsed.url)
        if specifier is not None:
            self._keep(Dependency(name, specifier, path, conditional=parsed.marker is not None, optional=optional))

    def _keep(self, dependency: Dependency) -> None:
        if len(self.found) < MOST_STATEMENTS and dependency not in self.found:
            self.found.append(dependency)

    def add_version(
        self,
        path: Path,
        name: str,
        specifier: str,
        *,
        conditional: bool = False,
        locked: bool = False,
        optional: bool = False,
    ) -> None:
        """A package and a specifier such as ``==2.4.*``."""
        normal = canonicalize_name(name)
        if normal not in self.wanted or len(specifier) > LONGEST_LINE:
            return
        try:
            parsed = SpecifierSet(specifier)
        except InvalidSpecifier:
            return
        self._keep(Dependency(normal, parsed, path, conditional, locked, optional))


Parser = Callable[[_Reader, Path, str], None]


def _content(path: Path) -> bytes | None:
    try:
        return read_regular(path, LARGEST_LOCK if path.name in _LOCKS else LARGEST)
    except (OSError, ValueError):
        return None


def _of_url(url: str) -> SpecifierSet | None:
    """The version that the file name in a URL states."""
    try:
        _, version, _, _ = parse_wheel_filename(url.partition("#")[0].rpartition("/")[2].replace("%2B", "+"))
    except (InvalidWheelFilename, ValueError):
        return None
    return SpecifierSet(f"=={version.public}")


# requirements.txt ---------------------------------------------------------------------------------------------

_INCLUDE = re.compile(r"(?:-r|--requirement|-c|--constraint)[ =]+(\S+)")
_CONDA_URL = re.compile(r"/([a-z0-9_.-]{1,80}?)-(\d[\w.]{0,40})-[^/]{0,200}\.(?:conda|tar\.bz2)")


def _requirements(reader: _Reader, path: Path, text: str, depth: int = 0) -> None:
    if "@EXPLICIT" in text[:4000]:
        for line in text.splitlines():
            match = _CONDA_URL.search(line[:LONGEST_LINE])
            if match is not None:
                reader.add_version(path, match[1], f"=={match[2]}", locked=True)
        return
    for raw in text.replace("\\\r\n", " ").replace("\\\n", " ").splitlines():
        line = re.sub(r"(?:^|\s)#.*", "", raw[:LONGEST_LINE]).strip()
        include = _INCLUDE.match(line)
        if include is not None:
            if depth < DEEPEST_INCLUDE:
                reader.read(
                    Path(path.parent, include[1].strip("\"'")),
                    lambda reader, path, text: _requirements(reader, path, text, depth + 1),
                )
        elif line and not line.startswith("-"):
            if line.startswith(("http://", "https://")):
                name = line.rpartition("/")[2].partition("-")[0].replace("_", "-")
                line = f"{name} @ {line}"
            reader.add(path, re.sub(r"\s--?\w[\w-]*[= ].*", "", line))


# pyproject.toml, setup.cfg, setup.py --------------------------------------------------------------------------


def _pyproject(reader: _Reader, path: Path, text: str) -> None:
    document = read_toml(text)
    project = _table(document, "project")
    for requirement in _strings(project.get("dependencies")):
        reader.add(path, requirement)
    for groups in (_table(project, "optional-dependencies"), _table(document, "dependency-groups")):
        for listed in groups.values():
            for requirement in _strings(listed):
                reader.add(path, requirement, optional=True)
    tool = _table(document, "tool")
    for requirement in _strings(_table(tool, "uv").get("dev-dependencies")):
        reader.add(path, requirement, optional=True)
    for listed in _table(_table(tool, "pdm"), "dev-dependencies").values():
        for requirement in _strings(listed):
            reader.add(path, requirement, optional=True)
    poetry = _table(tool, "poetry")
    _poetry(reader, path, _table(poetry, "dependencies"), optional=False)
    _poetry(reader, path, _table(poetry, "dev-dependencies"), optional=True)
    for group in _table(poetry, "group").values():
        if isinstance(group, dict):
            _poetry(reader, path, _table(group, "dependencies"), optional=True)


def _poetry(reader: _Reader, path: Path, table: Mapping[str, Any], *, optional: bool) -> None:
    for name, value in table.items():
        entries = value if isinstance(value, list) else [value]
        for entry in entries:
            given = entry.get("version") if isinstance(entry, dict) else entry
            if isinstance(given, str):
                extra = isinstance(entry, dict) and entry.get("optional") is True
                for alternative in given.split("||"):
                    reader.add_version(
                        path,
                        name,
                        _from_poetry(alternative),
                        conditional=len(entries) > 1
                        or "||" in given
                        or (isinstance(entry, dict) and "markers" in entry),
                        optional=optional or extra,
                    )


def _from_poetry(text: str) -> str:
    """``^2.4`` and ``~2.4`` of Poetry, ``2.4.*`` and ``*`` as in PEP 440."""
    parts: list[str] = []
    for each in text.replace(" ", ",").split(","):
        part = each.strip()
        if not part or part == "*":
            continue
        numbers = re.findall(r"\d+", part.split("-")[0])[:3]
        if part.startswith(("^", "~")) and not part.startswith("~=") and numbers:
            place = 0 if part.startswith("^") or len(numbers) == 1 else 1
            while part.startswith("^") and numbers[place] == "0" and place < len(numbers) - 1:
                place += 1
            upper = [*numbers[:place], str(int(numbers[place]) + 1)]
            parts.append(f">={'.'.join(numbers)},<{'.'.join(upper)}")
        else:
            parts.append(part if not part[0].isdigit() else f"=={part}")
    return ",".join(parts)


def _table(value: object, key: str) -> Mapping[str, Any]:
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        yield from (each for each in value if isinstance(each, str))


def _setup_cfg(reader: _Reader, path: Path, text: str) -> None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(text)
    for requirement in parser.get("options", "install_requires", fallback="").splitlines():
        reader.add(path, requirement)
    if parser.has_section("options.extras_require"):
        for _, listed in parser.items("options.extras_require"):
            for requirement in listed.splitlines():
                reader.add(path, requirement, optional=True)


def _setup_py(reader: _Reader, path: Path, text: str) -> None:
    if too_complex(text) is not None:
        return
    tree = ast.parse(text)
    bound: dict[str, ast.expr] = {}
    calls: list[ast.Call] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            # a name that is bound twice says nothing
            bound[node.targets[0].id] = node.value if node.targets[0].id not in bound else ast.Constant(None)
        elif isinstance(node, ast.Call) and (
            (isinstance(node.func, ast.Name) and node.func.id == "setup")
            or (isinstance(node.func, ast.Attribute) and node.func.attr == "setup")
        ):
            calls.append(node)
    for call in calls:
        for keyword in call.keywords:
            if keyword.arg in {"install_requires", "extras_require"}:
                for requirement in _literals(keyword.value, bound):
                    reader.add(path, requirement, optional=keyword.arg == "extras_require")


def _literals(node: ast.expr, bound: Mapping[str, ast.expr]) -> Iterator[str]:
    """The strings that an expression lists, as far as they are written down, in order.

    Names that list names that list names can stand for any number of strings, so that expressions are counted.
    """
    waiting = [node]
    for _ in range(MOST_EXPRESSIONS):
        if not waiting:
            return
        node = waiting.pop()
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from node.value.splitlines()
        elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            waiting += reversed(node.elts)
        elif isinstance(node, ast.Dict):
            waiting += reversed(node.values)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            waiting += (node.right, node.left)
        elif isinstance(node, ast.Name) and node.id in bound:
            waiting.append(bound[node.id])


# Pipfile, conda -----------------------------------------------------------------------------------------------


def _pipfile(reader: _Reader, path: Path, text: str) -> None:
    document = read_toml(text)
    for section in ("packages", "dev-packages"):
        for name, value in _table(document, section).items():
            given = value.get("version") if isinstance(value, dict) else value
            if isinstance(given, str):
                conditional = isinstance(value, dict) and any(
                    key not in {"version", "extras", "index"} for key in value
                )
                reader.add_version(
                    path, name, _from_poetry(given), conditional=conditional, optional=section != "packages"
                )


_CONDA_LINE = re.compile(
    r"""
    ^\s*-\s*["']?
    (?:[\w.-]+::)?  # the channel
    ([A-Za-z][\w.-]*)(?:\[[^\]]*\])?
    ((?:\s*[=<>!~]{1,2}|\s)[\w.*+!<>=,|~\s]+)?
    ["']?\s*(?:\#.*)?$
    """,
    re.VERBOSE,
)


def _conda(reader: _Reader, path: Path, text: str) -> None:
    for line in text.splitlines():
        match = _CONDA_LINE.match(" ".join(line[:400].split()))
        if match is not None:
            for alternative in (match[2] or "").split("|"):
                reader.add_version(path, match[1], _from_conda(alternative), conditional="|" in (match[2] or ""))


def _from_conda(text: str) -> str:
    """``=2.4``, ``=2.4.1=py38_0`` and ``2.4.*`` of conda as in PEP 440."""
    parts: list[str] = []
    for each in text.strip().split(","):
        part = each.strip()
        if part.startswith("=") and not part.startswith("=="):
            version = part[1:].split("=")[0].strip().rstrip("*").rstrip(".")
            parts.append(f"=={version}.*")
        elif part[:1].isdigit():
            parts.append(f"=={part.split('=')[0].split(' ')[0]}")
        elif part.startswith("=="):
            parts.append("==" + part[2:].split("=")[0].strip())
        elif part:
            parts.append(part)
    return ",".join(parts)


# Locks --------------------------------------------------------------------------------------------------------

_LOCKED = re.compile(r'^\[\[package\]\][ \t]*\nname = "([^"\n]+)"[ \t]*\nversion = "([^"\n]+)"', re.MULTILINE)
_CONDA_LOCKED = re.compile(
    r"""^[ \t]*(?:-[ \t]*)?name:[ \t]*["']?([\w.-]+)["']?[ \t]*\n[ \t]*version:[ \t]*["']?([\w.]+)""", re.MULTILINE
)


def _toml_lock(reader: _Reader, path: Path, text: str) -> None:
    # by lines: reading megabytes of TOML takes seconds
    for match in _LOCKED.finditer(text.replace("\r\n", "\n")):
        reader.add_version(path, match[1], f"=={match[2]}", locked=True, conditional=True)


def _conda_lock(reader: _Reader, path: Path, text: str) -> None:
    for match in _CONDA_LOCKED.finditer(text.replace("\r\n", "\n")):
        reader.add_version(path, match[1], f"=={match[2]}", locked=True, conditional=True)


def _pipfile_lock(reader: _Reader, path: Path, text: str) -> None:
    document = json.loads(text)
    for section in ("default", "develop"):
        for name, value in _table(document, section).items():
            given = value.get("version") if isinstance(value, dict) else None
            if isinstance(given, str):
                reader.add_version(path, name, given, locked=True, conditional=True)


_LOCKS = frozenset({"poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock", "conda-lock.yml"})
_READERS: dict[str, Parser] = {
    "uv.lock": _toml_lock,
    "poetry.lock": _toml_lock,
    "pdm.lock": _toml_lock,
    "Pipfile.lock": _pipfile_lock,
    "conda-lock.yml": _conda_lock,
    "pyproject.toml": _pyproject,
    "setup.cfg": _setup_cfg,
    "setup.py": _setup_py,
    "Pipfile": _pipfile,
    "environment.yml": _conda,
    "environment.yaml": _conda,
}
