"""The editor set-ups of README, tried in the real editor."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.skipif(shutil.which("vim") is None, reason="vim is not installed")
def test_vim_fills_its_quickfix_list(tmp_path):
    block = re.search(r"```vim\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    settings = [line for line in block.splitlines() if line.startswith("set ")]
    tool = tmp_path / "dropout-lint"
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dropout_lint "$@"\n', encoding="utf-8")
    tool.chmod(0o755)
    script = tmp_path / "script.vim"
    result = tmp_path / "quickfix.json"
    entries = "map(getqflist(), {_, e -> [bufname(e.bufnr), e.lnum, e.col, e.text]})"
    script.write_text(
        "\n".join([*settings, "silent make", f"call writefile([json_encode({entries})], '{result}')", "qa!"])
    )
    subprocess.run(
        ["vim", "-Nu", "NONE", "-es", "-S", str(script), "fixtures/two_modules/train.py"],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        timeout=60,
        check=False,
    )
    found = [entry for entry in json.loads(result.read_text()) if entry[1]]
    assert [(name, line, column) for name, line, column, _ in found] == [("fixtures/two_modules/train.py", 30, 38)]
    assert found[0][3].startswith("KTM101 ")
