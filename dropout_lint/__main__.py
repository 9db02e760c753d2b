"""``python -m dropout_lint`` and the console script."""

from __future__ import annotations


def main() -> None:
    """Run the command line and end the process with its exit status."""
    try:
        from dropout_lint.cli import main as command_line

        command_line()
    except KeyboardInterrupt:
        # before the command line could say so, or while the process ends
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
