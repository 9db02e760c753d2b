"""The editor set-ups of README, tried in the real editors."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PLACE = ("fixtures/two_modules/train.py", 30, 38)


def needs(program):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def block(language):
    return re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)[1]


@pytest.fixture
def environment(tmp_path):
    """Where `dropout-lint` is this one, and nobody's configuration is read."""
    tool = tmp_path / "bin" / "dropout-lint"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dropout_lint "$@"\n', encoding="utf-8")
    tool.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NVIM", "VIM", "EMACS"))}
    return {
        **kept,
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "PATH": f"{tool.parent}{os.pathsep}{os.environ['PATH']}",
    }


def run_editor(command, environment, cwd=ROOT):
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        timeout=120,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    "editor",
    [
        pytest.param(["vim", "-Nu", "NONE", "-es"], marks=needs("vim"), id="vim"),
        pytest.param(["nvim", "--headless", "-u", "NONE"], marks=needs("nvim"), id="neovim"),
    ],
)
def test_vim_fills_its_quickfix_list(tmp_path, environment, editor):
    settings = [line for line in block("vim").splitlines() if line.startswith("set ")]
    script = tmp_path / "script.vim"
    result = tmp_path / "quickfix.json"
    entries = "map(getqflist(), {_, e -> [bufname(e.bufnr), e.lnum, e.col, e.text]})"
    script.write_text(
        "\n".join([*settings, "silent make", f"call writefile([json_encode({entries})], '{result}')", "qa!"])
    )

    run_editor([*editor, "-S", str(script), PLACE[0]], environment)

    found = [entry for entry in json.loads(result.read_text()) if entry[1]]
    assert [(name, line, column) for name, line, column, _ in found] == [PLACE]
    assert found[0][3].startswith("KTM101 ")


@needs("nvim")
@pytest.mark.skipif(find_spec("pygls") is None, reason="pygls is not installed")
def test_neovim_talks_to_the_language_server(tmp_path, environment):
    # Before version 0.8, Neovim had the parts of vim.lsp.start, but not the whole.
    older = """
    vim.lsp.start = vim.lsp.start or function(config, options)
      vim.lsp.buf_attach_client(options.bufnr, vim.lsp.start_client(config))
    end
    """
    result = tmp_path / "found.json"
    ask = f"""
    vim.cmd("filetype on")
    vim.cmd("edit {PLACE[0]}")
    vim.wait(60000, function() return #vim.diagnostic.get(0) > 0 end)
    local found = {{}}
    for _, each in ipairs(vim.diagnostic.get(0)) do
      table.insert(found, {{ each.source, each.lnum, each.col, each.message }})
    end
    local wanted = {{ textDocument = vim.lsp.util.make_text_document_params(), context = {{ diagnostics = {{}} }} }}
    wanted.range = {{ start = {{ line = 29, character = 40 }}, ["end"] = {{ line = 29, character = 40 }} }}
    local titles = {{}}
    for _, answer in pairs(vim.lsp.buf_request_sync(0, "textDocument/codeAction", wanted, 60000)) do
      for _, action in ipairs(answer.result) do
        table.insert(titles, action.title)
        if vim.startswith(action.title, "Pass") then vim.lsp.util.apply_workspace_edit(action.edit, "utf-16") end
      end
    end
    local line = vim.api.nvim_buf_get_lines(0, 29, 30, true)[1]
    vim.fn.writefile({{ vim.fn.json_encode({{ found, titles, line }}) }}, "{result}")
    vim.cmd("qa!")
    """
    script = tmp_path / "script.lua"
    script.write_text(older + block("lua") + ask, encoding="utf-8")

    done = run_editor(["nvim", "--headless", "-u", "NONE", "-c", f"luafile {script}", "-c", "qa!"], environment)

    found, titles, line = json.loads(result.read_text()) if result.exists() else pytest.fail(done.stderr)
    assert [(source, row + 1, column + 1) for source, row, column, _ in found] == [("dropout-lint", *PLACE[1:])]
    assert [title.split(" ")[0] for title in titles] == ["Pass", "Silence"]
    assert line == "    return agreement(grade(model, x, training=False), y)"


@needs("emacs")
def test_emacs_goes_to_findings_of_a_compilation(environment):
    command = re.search(r"`M-x compile RET (.*?)`", README)[1].replace(" .", " fixtures/two_modules")
    program = f"""
    (progn
      (require 'compile)
      (let ((process (get-buffer-process (compile "{command}"))))
        (while (process-live-p process) (accept-process-output process 0.1)))
      (with-current-buffer "*compilation*"
        (compilation--ensure-parse (point-max))
        (next-error 1 t))
      (with-current-buffer (get-file-buffer "{PLACE[0]}")
        (princ (format "%s:%d:%d" (file-relative-name buffer-file-name "{ROOT}")
          (line-number-at-pos) (1+ (current-column))))))
    """

    done = run_editor(["emacs", "-Q", "--batch", "--eval", program], environment)

    assert done.stdout.splitlines()[-1:] == [":".join(map(str, PLACE))], done.stdout + done.stderr


@needs("emacs")
def test_emacs_shows_findings_of_unsaved_buffers(environment):
    program = f"""
    (progn
      (load "{ROOT}/editors/dropout-lint-flymake.el")
      (find-file "{PLACE[0]}")
      (goto-char (point-min))
      (insert "# unsaved\\n")
      (dropout-lint-flymake
        (lambda (found)
          (dolist (each found)
            (goto-char (flymake-diagnostic-beg each))
            (princ (format "%d:%d:%s\\n" (line-number-at-pos) (1+ (current-column)) (flymake-diagnostic-text each))))))
      (while (process-live-p dropout-lint-flymake--process)
        (accept-process-output dropout-lint-flymake--process 0.1))
      (accept-process-output nil 0.1)
      (princ (if (memq #'dropout-lint-flymake flymake-diagnostic-functions) "asked by Flymake" "not asked"))
      (set-buffer-modified-p nil))
    """

    done = run_editor(["emacs", "-Q", "--batch", "--eval", program], environment)

    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"{PLACE[1] + 1}:{PLACE[2]}:KTM101 `model` runs with training=True"), done.stderr
    assert lines[1:] == ["asked by Flymake"]


@needs("emacs")
def test_the_flymake_backend_compiles_without_warnings(environment, tmp_path):
    shutil.copy(ROOT / "editors" / "dropout-lint-flymake.el", tmp_path)
    command = ["emacs", "-Q", "--batch", "--eval", "(setq byte-compile-error-on-warn t)", "-f", "batch-byte-compile"]

    done = run_editor([*command, "dropout-lint-flymake.el"], environment, cwd=tmp_path)

    assert done.returncode == 0, done.stderr


def matcher():
    (task,) = json.loads(block("json"))["tasks"]
    return task["problemMatcher"]["pattern"]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("a.py:3:7: KTM101 `model` runs: badly", ("a.py", "3", "7", "KTM101", "`model` runs: badly")),
        ("a b/日本.py:30:1: KTM990 x", ("a b/日本.py", "30", "1", "KTM990", "x")),
        ("/abs/a.py:3:7: KTM101 x", ("/abs/a.py", "3", "7", "KTM101", "x")),
        ("C:/a.py:3:7: KTM101 x", ("C:/a.py", "3", "7", "KTM101", "x")),
        ("-rf.py:3:7: KTM101 x", ("-rf.py", "3", "7", "KTM101", "x")),
        # VS Code cannot go to a line of a cell.
        ("a.ipynb:cell 3:2:5: KTM101 x", None),
        ("Found 1 finding in 1 file: 1 error.", None),
        ("[*] 1 fixable with --fix --unsafe-fixes.", None),
    ],
)
def test_the_problem_matcher_reads_findings(line, place):
    pattern = matcher()
    match = re.search(pattern["regexp"], line)

    assert (match and tuple(match[pattern[key]] for key in ("file", "line", "column", "code", "message"))) == place


@needs("node")
def test_the_problem_matcher_reads_the_output_in_javascript():
    command = [sys.executable, "-m", "dropout_lint", "--output-format", "concise", "fixtures/two_modules"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    matching = "t.split('\\n').map(line => line.match(new RegExp(r)))"
    program = f"const [r, t] = process.argv.slice(1); console.log(JSON.stringify({matching}))"
    done = subprocess.run(
        ["node", "-e", program, matcher()["regexp"], printed], capture_output=True, text=True, check=True
    )

    found = [match[1:5] for match in json.loads(done.stdout) if match]
    assert found == [[PLACE[0], str(PLACE[1]), str(PLACE[2]), "KTM101"]]
