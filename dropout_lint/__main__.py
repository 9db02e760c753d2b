"""``python -m dropout_lint`` and the console script."""

from __future__ import annotations


def main() -> None:
    """Run the command line and end the process with its exit status."""
    import sys

    try:
        from dropout_lint.cache.replay import key_of, replay

        key = key_of(sys.argv[1:])
        status = replay(key, sys.argv[1:]) if key is not None else None
        if status is not None:
            sys.exit(status)

        from dropout_lint.cli import main as command_line

        command_line(key=key)
    except KeyboardInterrupt:
        # before the command line could say so, or while the process ends
        raise SystemExit(130) from None
    finally:
        import gc

        # the process ends: to look for what a large run leaves behind, and to free it, takes long and is of no use
        gc.freeze()


if __name__ == "__main__":
    main()
