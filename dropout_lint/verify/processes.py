"""Processes of one run: how much memory they hold, and none of them left behind.

A program may start others, and they may leave its process group; each inherits a mark in its environment by which it
is found again (where ``/proc`` shows environments; elsewhere the process group has to do).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

MARK = "DROPOUT_LINT_RUN"
PROC = Path("/proc")
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096

GRACE_SECONDS = 5.0
"""Between the polite and the final signal."""


def resident_bytes(group: int, mark: str = "") -> int:
    """Memory that the processes of a group, and those with a mark, hold; shared pages count in each."""
    if not PROC.is_dir():
        return _resident_by_ps(group)
    total = 0
    apart = set(marked(mark)) if mark else set()
    for folder in PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) == group or int(folder.name) in apart:
                total += int((folder / "statm").read_text().split()[1]) * PAGE
        except (OSError, ValueError, IndexError):  # gone in the meantime
            continue
    return total


def _resident_by_ps(group: int) -> int:
    listed = subprocess.run(["ps", "-A", "-o", "pgid=,rss="], capture_output=True, text=True, check=False)  # noqa: S607
    total = 0
    for line in listed.stdout.splitlines():
        fields = line.split()
        if len(fields) == 2 and fields[0] == str(group):
            total += int(fields[1]) * 1024
    return total


def total_memory() -> int | None:
    """Bytes of memory this machine has, None where it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * PAGE
    except (ValueError, OSError, AttributeError):
        return None


def marked(mark: str) -> list[int]:
    """Running processes that carry a mark."""
    wanted = f"{MARK}={mark}".encode()
    found: list[int] = []
    if not PROC.is_dir():
        return found
    for folder in PROC.iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
            except OSError:  # gone, or somebody else's
                continue
    return found


RUNNING: set[tuple[subprocess.Popen[bytes], str]] = set()
"""Children of this process, for the case that it is ended while other threads wait for them."""


def end_everything() -> None:
    """End all children, whoever waits for them."""
    for child, mark in list(RUNNING):
        end_all(child, mark)


def end_all(child: subprocess.Popen[bytes], mark: str = "") -> None:
    """End the child and everything it started: politely, then for good."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except (ProcessLookupError, PermissionError):
            break
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_SECONDS)
    child.wait()
    for _ in range(50 if mark else 0):
        # Again, because one that is being ended may just have started another.
        left = marked(mark)
        for process in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        if not left:
            break
        time.sleep(0.02)
