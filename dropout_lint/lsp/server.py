"""The server: what the client says, and what it is told."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls import uris
from pygls.lsp.server import LanguageServer

from dropout_lint.findings import Span
from dropout_lint.lsp.actions import FIX_ALL, actions, whole
from dropout_lint.lsp.checking import Checked, Configuration, check, repaired
from dropout_lint.lsp.places import Buffer, place_of
from dropout_lint.lsp.telling import diagnostic, hover
from dropout_lint.settings import SettingsError, normal
from dropout_lint.sources.text import SourceError
from dropout_lint.version import __version__

if TYPE_CHECKING:
    from dropout_lint.findings import Finding

DELAY = 0.3
"""Seconds without a keystroke after which a document is checked."""

SUFFIXES = (".py", ".pyi", ".pyw")
"""Documents that are checked. Notebooks come in cells, which the protocol treats as documents of their own."""


class Server(LanguageServer):
    """Open documents, and what is known of them."""

    def __init__(self, configuration: Configuration) -> None:
        super().__init__("dropout-lint", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self.configuration = configuration
        self._checked: dict[str, Checked] = {}
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        # One at a time: a check is all computation, and two would only slow each other down.
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._turn = asyncio.Lock()
        self._told = ""

    def buffers(self) -> dict[str, Buffer]:
        """The open documents that are checked, by their URIs."""
        found: dict[str, Buffer] = {}
        for uri, document in self.workspace.text_documents.items():
            path = uris.to_fs_path(uri) if uri.startswith("file:") else None
            if path is not None and path.endswith(SUFFIXES):
                found[uri] = Buffer(uri, normal(Path(path)), document.version or 0, document.source)
        return found

    def check_later(self, uri: str, delay: float = DELAY) -> None:
        """Check a document when no other change of it has come for ``delay`` seconds."""
        waiting = self._waiting.pop(uri, None)
        if waiting is not None:
            waiting.cancel()
        self._waiting[uri] = asyncio.get_running_loop().call_later(delay, self._start, uri)

    def _start(self, uri: str) -> None:
        self._waiting.pop(uri, None)
        if uri in self._running:
            # It has not been looked at since: checks of what has been typed over would queue up.
            self._again.add(uri)
            return
        self._running[uri] = asyncio.get_running_loop().create_task(self._check(uri))
        self._running[uri].add_done_callback(lambda _: self._done(uri))

    def _done(self, uri: str) -> None:
        del self._running[uri]
        if uri in self._again:
            self._again.discard(uri)
            self._start(uri)

    async def _check(self, uri: str) -> None:
        async with self._turn:
            await self._check_now(uri)

    async def _check_now(self, uri: str) -> None:
        buffers = self.buffers()
        entry = buffers.get(uri)
        if entry is None:
            return
        loop = asyncio.get_running_loop()
        try:
            self._checked[uri] = await loop.run_in_executor(
                self._pool, check, entry, tuple(buffers.values()), self.configuration
            )
        except SettingsError as error:
            self._checked[uri] = Checked((), {uri: entry.version})
            self._complain(str(error))
        except Exception as error:
            # The server outlives what it cannot check.
            self._checked[uri] = Checked((), {uri: entry.version})
            self._complain(f"this is a defect of dropout-lint: {type(error).__name__}: {error}")
        else:
            self._told = ""
        present = self.buffers()
        if uri not in present:
            self._checked.pop(uri, None)
            return
        touched = [buffer for buffer in present.values() if buffer.uri == uri or self.findings(buffer)]
        for buffer in touched:
            self.publish(buffer)

    def _complain(self, message: str) -> None:
        if message != self._told:
            self._told = message
            self.window_show_message(types.ShowMessageParams(types.MessageType.Error, f"dropout-lint: {message}"))

    def findings(self, buffer: Buffer) -> list[Finding]:
        """What is known of this version of a document, whichever open document it was found from."""
        found: dict[tuple[Span, str], Finding] = {}
        for uri in sorted(self._checked, key=lambda each: each != buffer.uri):
            checked = self._checked[uri]
            if checked.versions.get(buffer.uri) == buffer.version:
                for finding in checked.findings:
                    if finding.cell is None and buffer.owns(finding.path):
                        found.setdefault((finding.span, finding.code), finding)
        return sorted(found.values(), key=lambda finding: finding.sort_key)

    def publish(self, buffer: Buffer) -> None:
        """Tell the client what is known of a document, unless a newer version of it waits to be checked."""
        if buffer.uri not in self._checked or self._checked[buffer.uri].versions.get(buffer.uri) != buffer.version:
            return
        codec = self.workspace.position_codec
        told = [diagnostic(finding, buffer, codec) for finding in self.findings(buffer)]
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(buffer.uri, told, buffer.version))

    def close(self, uri: str) -> None:
        """Forget a document; what is said of a closed one would stay for ever."""
        waiting = self._waiting.pop(uri, None)
        if waiting is not None:
            waiting.cancel()
        self._checked.pop(uri, None)
        for checked in self._checked.values():
            # When it is opened again, its versions are counted anew.
            checked.versions.pop(uri, None)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))


def make_server(configuration: Configuration) -> Server:
    """The server with all it can do; ``start_io`` runs it."""
    server = Server(configuration)

    @server.feature(types.INITIALIZED)
    def initialized(_: types.InitializedParams) -> None:
        # Paths in messages are relative to where one works.
        root = server.workspace.root_path
        if root and Path(root).is_dir():
            os.chdir(root)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(parameters: types.DidOpenTextDocumentParams) -> None:
        server.check_later(parameters.text_document.uri, 0)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(parameters: types.DidChangeTextDocumentParams) -> None:
        server.check_later(parameters.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def did_save(_: types.DidSaveTextDocumentParams) -> None:
        # What others import may have changed, or the configuration.
        for uri in server.buffers():
            server.check_later(uri, 0)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def did_change_watched_files(_: types.DidChangeWatchedFilesParams) -> None:
        for uri in server.buffers():
            server.check_later(uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(parameters: types.DidCloseTextDocumentParams) -> None:
        server.close(parameters.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def text_hover(parameters: types.HoverParams) -> types.Hover | None:
        buffer = server.buffers().get(parameters.text_document.uri)
        if buffer is None:
            return None
        place = place_of(parameters.position, buffer.lines, server.workspace.position_codec)
        text = hover(server.findings(buffer), buffer.lines, place)
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text)) if text else None

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix, FIX_ALL]),
    )
    def code_action(parameters: types.CodeActionParams) -> list[types.CodeAction]:
        buffers = server.buffers()
        buffer = buffers.get(parameters.text_document.uri)
        if buffer is None:
            return []
        codec = server.workspace.position_codec
        only = parameters.context.only
        found: list[types.CodeAction] = []
        if _asks_for(only, types.CodeActionKind.QuickFix.value):
            start, end = (
                place_of(each, buffer.lines, codec) for each in (parameters.range.start, parameters.range.end)
            )
            found += actions(buffer, server.findings(buffer), Span(start, end), codec)
        if only and _asks_for(only, FIX_ALL):
            # It takes several checks, so it is worked out when it is asked for by name only.
            try:
                text = repaired(buffer, tuple(buffers.values()), server.configuration)
            except (SettingsError, SourceError):
                text = None
            found += [whole(buffer, text, codec)] if text is not None else []
        return found

    return server


def _asks_for(only: object, kind: str) -> bool:
    """Whether a client that asks for the kinds ``only`` wants this one, too; a kind stands for those below it."""
    if not only:
        return True
    assert isinstance(only, (list, tuple))
    kinds = [str(getattr(each, "value", each)) for each in only]
    return any(kind == each or kind.startswith(f"{each}.") for each in kinds)
