"""``python -m dropout_lint`` and the console script."""

from __future__ import annotations


def main() -> None:
    """Run the command line and end the process with its exit status."""
    from dropout_lint.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
