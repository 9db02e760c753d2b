"""Code actions: the fixes of findings, and comments that silence them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from dropout_lint.findings import Applicability, Edit, Finding, Position, Span
from dropout_lint.ignoring import ignore_edits, silenceable
from dropout_lint.lsp.places import Buffer, range_of
from dropout_lint.lsp.telling import diagnostic
from dropout_lint.sources.text import NEWLINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pygls.workspace import PositionCodec

FIX_ALL = f"{types.CodeActionKind.SourceFixAll.value}.dropout-lint"

_TITLES = {
    Applicability.SAFE: "{title} (safe fix of {code})",
    Applicability.UNSAFE: "{title} (unsafe fix of {code}: it changes what is computed)",
}


def actions(
    buffer: Buffer, findings: Iterable[Finding], wanted: Span, codec: PositionCodec
) -> Iterator[types.CodeAction]:
    """What can be done about the findings that touch ``wanted``."""
    for finding in findings:
        if finding.span.end < wanted.start or wanted.end < finding.span.start:
            continue
        told = [diagnostic(finding, buffer, codec)]
        fix = finding.fix
        if fix is not None and fix.applicability in _TITLES:
            yield types.CodeAction(
                title=_TITLES[fix.applicability].format(title=_capital(fix.title), code=finding.code),
                kind=types.CodeActionKind.QuickFix,
                diagnostics=told,
                is_preferred=fix.applicability is Applicability.SAFE,
                edit=workspace_edit(buffer, fix.edits, codec),
            )
        if silenceable(finding):
            yield types.CodeAction(
                title=f"Silence {finding.code} here (dropout-lint: ignore[{finding.name}])",
                kind=types.CodeActionKind.QuickFix,
                diagnostics=told,
                edit=workspace_edit(buffer, ignore_edits(buffer.text, [finding], "")[0], codec),
            )


def whole(buffer: Buffer, text: str, codec: PositionCodec) -> types.CodeAction:
    """The action that makes ``text`` of the document."""
    lines = buffer.lines
    at_end = NEWLINE.search(buffer.text[-1:]) is not None or not lines
    end = Position(len(lines) + 1, 1) if at_end else Position(len(lines), len(lines[-1]) + 1)
    edit = Edit(Span(Position(1, 1), end), text)
    return types.CodeAction(
        title="Apply all safe fixes of dropout-lint", kind=FIX_ALL, edit=workspace_edit(buffer, [edit], codec)
    )


def workspace_edit(buffer: Buffer, edits: Iterable[Edit], codec: PositionCodec) -> types.WorkspaceEdit:
    """``edits`` of the document, good for the version of it that was looked at only."""
    newline = NEWLINE.search(buffer.text)
    end = newline[0] if newline is not None else "\n"
    lines = buffer.lines
    changes = [types.TextEdit(range_of(edit.span, lines, codec), NEWLINE.sub(end, edit.replacement)) for edit in edits]
    document = types.OptionalVersionedTextDocumentIdentifier(uri=buffer.uri, version=buffer.version)
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, changes)])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
