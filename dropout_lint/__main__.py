"""``python -m dropout_lint`` and the console script."""

from __future__ import annotations


def main() -> None:
    """Run the command line and end the process with its exit status."""
    import sys

    from dropout_lint.cache.replay import key_of, replay

    key = key_of(sys.argv[1:])
    status = replay(key, sys.argv[1:]) if key is not None else None
    if status is not None:
        sys.exit(status)

    from dropout_lint.cli import main as command_line

    command_line(key=key)


if __name__ == "__main__":
    main()
