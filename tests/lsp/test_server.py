"""The language server as an editor meets it: a process, spoken to over its pipes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

types = pytest.importorskip("lsprotocol.types", reason="pygls is not installed")
from pygls.lsp.client import LanguageClient  # noqa: E402

import dropout_lint as package  # noqa: E402
from dropout_lint.baseline import write_baseline  # noqa: E402
from dropout_lint.engine import run  # noqa: E402
from dropout_lint.settings import Resolver  # noqa: E402

PROGRAM = """\
import keras, numpy as np

model = keras.Sequential([keras.layers.Dense(3), keras.layers.Dropout(0.5)])
for layer in model.layers:
    if isinstance(layer, keras.layers.Dropout):
        layer.trainable = False
x_test = np.ones((2, 4))
print("日本😀", np.argmax(model(x_test, training=True), 1))
"""
CLEAN = PROGRAM.replace("training=True", "training=False")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(package.__file__).parents[1])}
PATIENCE = 60


class Client(LanguageClient):
    """A client that keeps what it is told."""

    def __init__(self):
        super().__init__("test-client", "1")
        self.messages = asyncio.Queue()
        self.diagnostics = {}

        @self.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def published(parameters):
            self.diagnostics[parameters.uri] = parameters
            self.messages.put_nowait(parameters)

        @self.feature(types.WINDOW_SHOW_MESSAGE)
        def shown(parameters):
            self.messages.put_nowait(parameters)

    def open(self, path, text, language="python"):
        uri = path.absolute().as_uri()
        self.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, language, version=1, text=text))
        )
        return uri

    def change(self, uri, version, text):
        self.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(version, uri),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    async def told(self, uri, version=1):
        """The diagnostics of this version of a document, as (code, line, first column, last column)."""
        while True:
            known = self.diagnostics.get(uri)
            if known is not None and known.version == version:
                return [
                    (each.code, each.range.start.line, each.range.start.character, each.range.end.character)
                    for each in known.diagnostics
                ]
            await asyncio.wait_for(self.messages.get(), PATIENCE)

    async def actions(self, uri, line, only=None):
        """The code actions at the beginning of the findings of a line, by their titles."""
        at = next(each.range.start for each in self.diagnostics[uri].diagnostics if each.range.start.line == line)
        found = await self.text_document_code_action_async(
            types.CodeActionParams(
                types.TextDocumentIdentifier(uri), types.Range(at, at), types.CodeActionContext([], only=only)
            )
        )
        return {action.title: action for action in found or []}


@asynccontextmanager
async def started(folder, *arguments, encoding=types.PositionEncodingKind.Utf16):
    client = Client()
    await client.start_io(sys.executable, "-m", "dropout_lint", "lsp", *arguments, cwd=folder, env=ENVIRONMENT)
    capabilities = types.ClientCapabilities(general=types.GeneralClientCapabilities(position_encodings=[encoding]))
    await client.initialize_async(types.InitializeParams(capabilities, root_uri=folder.absolute().as_uri()))
    client.initialized(types.InitializedParams())
    try:
        yield client
    finally:
        await client.shutdown_async(None)
        client.exit(None)
        await client.stop()


def conversation(talk):
    """Makes a test of a coroutine function."""

    def test(project):
        asyncio.run(asyncio.wait_for(talk(project), 3 * PATIENCE))

    test.__name__ = talk.__name__
    return test


def applied(text, action):
    """``text`` with the edit of an action, in UTF-16 units as this client counts."""
    (changed,) = action.edit.document_changes
    lines = text.split("\n")
    for edit in sorted(
        changed.edits, key=lambda each: (each.range.start.line, each.range.start.character), reverse=True
    ):
        start, end = edit.range.start, edit.range.end
        lines += [""] * (end.line + 1 - len(lines))
        head = lines[start.line].encode("utf-16-le")[: 2 * start.character].decode("utf-16-le")
        tail = lines[end.line].encode("utf-16-le")[2 * end.character :].decode("utf-16-le")
        lines[start.line : end.line + 1] = (head + edit.new_text + tail).split("\n")
    return "\n".join(lines)


@conversation
async def test_findings_come_while_one_types_and_go_again(project):
    (project / "a.py").write_text("", encoding="utf-8")
    async with started(project) as client:
        uri = client.open(project / "a.py", PROGRAM)

        # The columns are those of UTF-16: an emoji counts twice.
        assert await client.told(uri) == [("KTM201", 5, 8, 23), ("KTM101", 7, 38, 51)]
        diagnostic = client.diagnostics[uri].diagnostics[1]
        assert diagnostic.source == "dropout-lint"
        assert diagnostic.severity is types.DiagnosticSeverity.Error
        assert diagnostic.message.endswith("help: pass training=False")

        client.change(uri, 2, CLEAN)
        assert [code for code, *_ in await client.told(uri, 2)] == ["KTM201"]
        client.change(uri, 3, "def broken(:\n    import keras; model(x, training=True)\n")
        assert [code for code, *_ in await client.told(uri, 3)] == ["KTM990"]
        for version, letter in enumerate("abcde", 4):
            client.change(uri, version, f"{PROGRAM}{letter} = 1\n")
        assert [code for code, *_ in await client.told(uri, 8)] == ["KTM201", "KTM101"]
        assert (project / "a.py").read_text(encoding="utf-8") == ""

        client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))
        assert await client.told(uri, None) == []
        client.open(project / "a.py", CLEAN)
        assert [code for code, *_ in await client.told(uri, 1)] == ["KTM201"]


@conversation
async def test_columns_are_counted_as_the_client_counts(project):
    async with started(project, encoding=types.PositionEncodingKind.Utf32) as client:
        uri = client.open(project / "a.py", PROGRAM)

        assert (await client.told(uri))[1] == ("KTM101", 7, 37, 50)


@conversation
async def test_form_feeds_and_carriage_returns_are_no_riddle(project):
    async with started(project) as client:
        uri = client.open(project / "a.py", "\x0c" + PROGRAM.replace("\n", "\r\n"))

        assert [(code, line) for code, line, *_ in await client.told(uri)] == [("KTM201", 5), ("KTM101", 7)]


@conversation
async def test_fixes_and_suppressions_are_offered(project):
    async with started(project) as client:
        uri = client.open(project / "a.py", PROGRAM)
        await client.told(uri)

        found = await client.actions(uri, 7)
        assert list(found) == [
            "Pass training=False (unsafe fix of KTM101: it changes what is computed)",
            "Silence KTM101 here (dropout-lint: ignore[training-true-in-inference])",
        ]
        fix, silence = found.values()
        assert applied(PROGRAM, fix) == CLEAN
        assert fix.kind == types.CodeActionKind.QuickFix
        assert not fix.is_preferred
        silenced = applied(PROGRAM, silence)
        assert silenced.splitlines()[7].endswith("1))  # dropout-lint: ignore[training-true-in-inference]")

        safe, _ = (await client.actions(uri, 5)).values()
        assert safe.title.endswith("(safe fix of KTM201)")
        assert safe.is_preferred
        assert "trainable" not in applied(PROGRAM, safe)

        client.change(uri, 2, silenced)
        assert [code for code, *_ in await client.told(uri, 2)] == ["KTM201"]


@conversation
async def test_all_safe_fixes_are_applied_when_they_are_asked_for(project):
    async with started(project, "--config", "unsafe-fixes=true") as client:
        uri = client.open(project / "a.py", PROGRAM)
        await client.told(uri)

        found = await client.actions(uri, 5, only=[types.CodeActionKind.SourceFixAll])
        assert list(found) == ["Apply all safe fixes of dropout-lint"]
        fixed = applied(PROGRAM, found["Apply all safe fixes of dropout-lint"])
        assert "trainable" not in fixed
        assert "training=True" in fixed
        assert await client.actions(uri, 5, only=[types.CodeActionKind.Refactor]) == {}


@conversation
async def test_documentation_is_under_the_cursor(project):
    text = PROGRAM.replace("import keras,", "# dropout-lint: file-ignore[KTM201] meant\nimport keras,")
    async with started(project) as client:
        uri = client.open(project / "a.py", text)
        await client.told(uri)

        async def hover(line, word):
            column = text.splitlines()[line].replace("😀", "xx").index(word)
            position = types.Position(line, column)
            told = await client.text_document_hover_async(
                types.HoverParams(types.TextDocumentIdentifier(uri), position)
            )
            return told.contents.value if told is not None else None

        told = await hover(8, "training=")
        assert told.startswith("**KTM101 training-true-in-inference** (error, confidence high)\n\n`model` runs")
        assert "# KTM101 training-true-in-inference\n" in told
        assert "## Why is this bad" in told
        assert (await hover(0, "KTM201")).startswith("# KTM201 trainable-on-weightless-layer\n")
        assert await hover(0, "meant") is None
        assert await hover(1, "numpy") is None


@conversation
async def test_unsaved_imports_count_and_their_findings_are_told_where_they_are(project):
    tools = "import numpy as np\n\n\ndef score(model, x, flag):\n    return np.argmax(model(x, training=flag), 1)\n"
    main = (
        "import keras, numpy as np\nimport tools\n\nmodel = keras.Sequential([keras.layers.Dropout(0.5)])\n"
        "print(tools.score(model, np.ones((2, 4)), True))\n"
    )
    (project / "tools.py").write_text("", encoding="utf-8")
    async with started(project) as client:
        first = client.open(project / "tools.py", tools)
        assert await client.told(first) == []
        second = client.open(project / "main.py", main)
        assert [(code, line) for code, line, *_ in await client.told(second)] == [("KTM101", 4)]
        (diagnostic,) = client.diagnostics[second].diagnostics
        places = [each.location for each in diagnostic.related_information]
        assert {place.uri for place in places} >= {first}

        client.change(first, 2, tools.replace("training=flag", "training=True"))
        client.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(first)))
        while [code for code, *_ in await client.told(first, 2)] != ["KTM101"]:
            await asyncio.wait_for(client.messages.get(), PATIENCE)


@conversation
async def test_the_configuration_holds_and_mistakes_in_it_are_said_once(project):
    (project / "pyproject.toml").write_text('[tool.dropout-lint]\nignore = ["KTM201"]\nexclude = ["gen"]\n')
    async with started(project) as client:
        uri = client.open(project / "a.py", PROGRAM)
        assert [code for code, *_ in await client.told(uri)] == ["KTM101"]
        excluded = client.open(project / "gen" / "a.py", PROGRAM)
        assert await client.told(excluded) == []

        (project / "pyproject.toml").write_text("[tool.dropout-lint]\nignor = []\n")
        while not client.messages.empty():
            client.messages.get_nowait()
        client.change(uri, 2, PROGRAM + "\n")
        message = await asyncio.wait_for(client.messages.get(), PATIENCE)
        assert message.message == 'dropout-lint: pyproject.toml: unknown key "ignor"; did you mean "ignore"?'
        assert await client.told(uri, 2) == []


@conversation
async def test_a_baseline_is_respected(project):
    (project / "a.py").write_text(PROGRAM, encoding="utf-8")
    write_baseline(run([Path("a.py")], Resolver(overrides={"select": ["KTM201"]})), project / "known.json")
    async with started(project, "--config", 'baseline="known.json"') as client:
        uri = client.open(project / "a.py", PROGRAM)

        assert [code for code, *_ in await client.told(uri)] == ["KTM101"]


@conversation
async def test_what_is_no_python_file_is_left_alone(project):
    async with started(project) as client:
        client.open(project / "a.ipynb", '{"cells": []}', "json")
        client.open(project / "a.txt", PROGRAM)
        uri = client.open(project / "a.py", PROGRAM)
        await client.told(uri)

        assert list(client.diagnostics) == [uri]


def test_without_pygls_the_command_says_what_to_install(project):
    program = (
        "import sys\nsys.modules['pygls'] = sys.modules['lsprotocol'] = None\n"
        "from dropout_lint.cli import main\nmain(['lsp'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=ENVIRONMENT)

    assert done.returncode == 2
    assert done.stderr.startswith('error: the language server needs pygls 2: pip install "dropout-lint[lsp]"')


def test_a_mistake_on_the_command_line_ends_it(project):
    command = [sys.executable, "-m", "dropout_lint", "lsp", "--config", "selct=[]"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT, timeout=PATIENCE)

    assert (done.returncode, done.stderr) == (2, 'error: command line: unknown key "selct"; did you mean "select"?\n')
