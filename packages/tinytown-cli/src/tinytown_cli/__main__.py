"""Where `tt` begins. Asking for the version is answered before anything else is imported."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run `tt` with the words of the command line and leave with its exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from tinytown_cli._version import __version__

        print(f"tt {__version__}")
        return
    _open_what_is_closed()
    import gc

    # Importing makes many objects and no garbage; collecting meanwhile is a tenth of a short command.
    gc.set_threshold(100_000)
    from tinytown_cli.run import run

    sys.exit(run(sys.argv[1:]))


def _open_what_is_closed() -> None:
    """Give closed standard streams to nobody, so that the next file that is opened does not get their numbers.

    A lock with the number 0 would be lost when a process is started with a standard input of its own.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number, so this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 - for as long as `tt` runs


if __name__ == "__main__":
    main()
