"""``python .../notebooks.py JOB.json PYTHON``: execute a notebook with nbclient, in a kernel that measures.

The kernel is the child itself (``child/__main__.py`` with a connection file); cells are sent as they stand in the
notebook, and what they put out is printed, for the parent to keep.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__" and sys.path and Path(sys.path[0]).absolute() == Path(__file__).absolute().parent:
    # Started by its path: its neighbours are no modules of anybody's (one is called `statistics`).
    del sys.path[0]

import json
from typing import Any

CHILD = Path(__file__).parent / "child" / "__main__.py"


def main(job: str, python: str) -> int:
    """Execute the job's notebook; 1 when a cell raised or the kernel died."""
    import nbformat
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    script = json.loads(Path(job).read_text(encoding="utf-8"))["script"]
    notebook = nbformat.read(script, as_version=4)  # type: ignore[no-untyped-call]
    manager = AsyncKernelManager()
    manager._kernel_spec = KernelSpec(  # noqa: SLF001  # the only way to a kernel that is not installed
        argv=[python, str(CHILD), job, "{connection_file}"], display_name="dropout-lint", language="python"
    )
    options: dict[str, Any] = {"timeout": None, "startup_timeout": 600, "resources": {"metadata": {"path": "."}}}
    client = NotebookClient(notebook, km=manager, on_cell_executed=_print_outputs, **options)
    try:
        client.execute()
    except CellExecutionError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except DeadKernelError:
        sys.stderr.write("the kernel died\n")
        return 1
    return 0


def _print_outputs(cell: Any, **_: object) -> None:
    for output in cell.get("outputs", ()):
        if output["output_type"] == "stream":
            stream = sys.stdout if output["name"] == "stdout" else sys.stderr
            stream.write(output["text"])
        elif "text/plain" in output.get("data", {}):
            sys.stdout.write(output["data"]["text/plain"] + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
