"""Where `tt` begins. Asking for the version is answered before anything else is imported."""

from __future__ import annotations

import sys


def main() -> None:
    """Run `tt` with the words of the command line and leave with its exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from tinytown_cli._version import __version__

        print(f"tt {__version__}")
        return
    import gc

    # Importing makes many objects and no garbage; collecting meanwhile is a tenth of a short command.
    gc.set_threshold(100_000)
    from tinytown_cli.run import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
