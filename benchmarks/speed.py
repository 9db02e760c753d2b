"""How long linting takes, held against other work on the same files in the same minutes.

    python -m benchmarks.speed [--repeat N] [--changed N] [--curve] FOLDER...

Yardsticks are parsing every file with LibCST and ``ruff check``; TorchFix is a third one where it is installed. Printed
are seconds of CPU (children included), the least of N runs, and what they are as multiples. ``--changed`` lints a copy
of the first folder after each of N edits of one file; ``--curve`` lints growing parts of the files, and tells the cost
of a line in each.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

_PARSE = """
import sys, libcst
for path in open(sys.argv[1]).read().split(chr(10)):
    try:
        libcst.parse_module(open(path, "rb").read())
    except Exception:
        pass
"""


def cost_of(command: Sequence[str], *, of: str | None = None, where: Path | None = None) -> tuple[float, float]:
    """Seconds that a command takes of CPU, its children included, and by the clock; its output goes nowhere.

    ``of`` is a file for its standard input, ``where`` the folder that it runs in.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    with Path(of or os.devnull).open("rb") as given:
        subprocess.run(
            command, check=False, stdin=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=where
        )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def cpu_of(command: Sequence[str], *, of: str | None = None, where: Path | None = None) -> float:
    """The seconds of CPU alone."""
    return cost_of(command, of=of, where=where)[0]


def least(repeat: int, run: Callable[[], float]) -> float:
    """The least of several runs: what is more was somebody else's."""
    return min(run() for _ in range(repeat))


def linting(folders: Sequence[str], cache: str | None, jobs: int = 1) -> list[str]:
    """The command that lints, on a cache or without."""
    kept = ["--no-cache"] if cache is None else ["--cache-dir", cache]
    return [
        sys.executable,
        "-m",
        "dropout_lint",
        "check",
        "--isolated",
        "--exit-zero",
        "-q",
        f"-j{jobs}",
        *kept,
        *folders,
    ]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--changed", type=int, default=0, metavar="N", help="lint after each of N edits as well")
    parser.add_argument("--curve", action="store_true", help="lint growing parts of the files as well")
    options = parser.parse_args()
    files = sorted(str(path) for folder in options.folders for path in Path(folder).rglob("*.py") if path.is_file())
    if not files:
        parser.error("there are no Python files")
    lines = sum(Path(path).read_bytes().count(b"\n") for path in files)
    print(f"{len(files):,} files, {lines:,} lines; seconds of CPU, least of {options.repeat}")
    with tempfile.TemporaryDirectory() as folder:
        _table(options.folders, files, options.repeat, folder)
        if options.changed:
            _changed(Path(options.folders[0]), options.changed, Path(folder))
        if options.curve:
            _curve(files, folder)


def _table(folders: Sequence[str], files: Sequence[str], repeat: int, folder: str) -> None:
    listed = Path(folder, "files")
    listed.write_text("\n".join(files))
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff") or "ruff"
    checked = [ruff, "check", "--isolated", "--exit-zero", "-q"]
    bare = least(max(repeat, 5), lambda: cpu_of([sys.executable, "-c", "pass"]))
    version = least(max(repeat, 5), lambda: cpu_of([sys.executable, "-m", "dropout_lint", "--version"]))
    parse = least(repeat, lambda: cpu_of([sys.executable, "-c", _PARSE, str(listed)]))
    ruff_cold = least(repeat, lambda: cpu_of([*checked, "--no-cache", *folders]))
    (cold, one_wall), (two, two_wall) = (
        map(min, zip(*(cost_of(linting(folders, None, jobs)) for _ in range(repeat)), strict=True)) for jobs in (1, 2)
    )
    cpu_of([*checked, "--cache-dir", f"{folder}/ruff", *folders])
    ruff_warm = least(repeat, lambda: cpu_of([*checked, "--cache-dir", f"{folder}/ruff", *folders]))
    cpu_of(linting(folders, f"{folder}/own"))
    warm = least(repeat, lambda: cpu_of(linting(folders, f"{folder}/own")))
    # neither one of those that hold next to nothing nor a whole library
    middle = sorted(files, key=os.path.getsize)[len(files) * 3 // 4]
    listed.write_text(middle)
    one = least(max(repeat, 5), lambda: cpu_of([sys.executable, "-c", _PARSE, str(listed)]))
    given = [*linting(["-"], None), "--stdin-filename", middle]
    typed = least(max(repeat, 5), lambda: cpu_of(given, of=middle))
    print(f"{'LibCST, parsing alone':36}{parse:8.2f}")
    print(f"{'ruff check --no-cache':36}{ruff_cold:8.2f}")
    torchfix = shutil.which("torchfix", path=str(Path(sys.executable).parent))
    if torchfix is not None:
        fixed = least(1, lambda: cpu_of([torchfix, "--select=ALL", *folders]))
        print(f"{'TorchFix':36}{fixed:8.2f}   {fixed / parse:6.2f} × LibCST")
    print(f"{'dropout-lint, cold':36}{cold:8.2f}   {cold / parse:6.2f} × LibCST   {cold / ruff_cold:6.1f} × ruff")
    print(f"{'dropout-lint, cold, 2 processes':36}{two:8.2f}   {two / cold:6.2f} × one process")
    print(f"{'  by the clock, 1 and 2 processes':36}{one_wall:8.2f}{two_wall:9.2f} = {two_wall / one_wall:.2f} ×")
    print(f"{'ruff check, warm':36}{ruff_warm:8.2f}")
    print(f"{'dropout-lint, warm':36}{warm:8.2f}   {warm / cold:6.2f} × cold     {warm / ruff_warm:6.1f} × ruff")
    print(f"{'python -c pass':36}{bare:8.3f}")
    print(f"{'dropout-lint --version':36}{version:8.3f}   {version / bare:6.2f} × python")
    print(f"{'LibCST, one file':36}{one:8.3f}   {Path(middle).read_bytes().count(10)} lines")
    print(f"{'dropout-lint -, that file':36}{typed:8.3f}   {typed / one:6.2f} × LibCST")


def _changed(project: Path, number: int, folder: Path) -> None:
    """Lint a copy of a project, and the part of it that holds most files, after each of some edits of one file."""
    copy = folder / "copy"
    shutil.copytree(project, copy, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    files = sorted(path.relative_to(copy) for path in copy.rglob("*.py") if path.is_file())
    parts = Counter(path.parts[0] for path in files if len(path.parts) > 1)
    for target in (".", *(part for part, _ in parts.most_common(1))):
        command = linting([target], str(folder / f"cache of {target}"))
        _settle()
        cold = cpu_of(command, where=copy)
        inside = [path for path in files if target in (".", path.parts[0])]
        found = []
        for path in inside[:: max(1, len(inside) // number)][:number]:
            with (copy / path).open("a", encoding="utf-8") as stream:
                stream.write("\n# edited\n")
            _settle()
            found.append((cpu_of(command, where=copy) / cold, str(path)))
        print(f"one of {len(found)} files changed, checking {target}: {cold:.2f} s at first, then")
        middle = statistics.median(each for each, _ in found)
        (low, _), (high, dearest) = min(found), max(found)
        print(f"  {low:.2f} to {high:.2f}, median {middle:.2f} × that; most after {dearest}")


def _settle() -> None:
    """Wait until the times of files say that nobody writes them any more."""
    time.sleep(2.5)


def _curve(files: Sequence[str], folder: str) -> None:
    """Lint an eighth, a quarter, half and all of the files; every eighth of them, so that the parts are alike."""
    for parts in (8, 4, 2, 1):
        some = files[::parts]
        lines = sum(Path(path).read_bytes().count(b"\n") for path in some)
        Path(folder, "part").write_text("\n".join(some))
        seconds = cpu_of([*linting([], None), *some]) if len(some) < 20_000 else float("nan")
        each = seconds / max(lines, 1) * 1e6
        print(f"{len(some):7,} files {lines:10,} lines{seconds:9.2f} s{each:9.1f} s per million lines")


if __name__ == "__main__":
    main()
