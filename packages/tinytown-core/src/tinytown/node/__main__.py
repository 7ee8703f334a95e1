"""`python -m tinytown.node [--background FD] --town PATH`.

With ``--background`` the program forks before it loads anything, and its first process leaves: the node is nobody's
child. It tells that it is ready by one byte on the descriptor.
"""

import os
import sys


def _leave_parent(argv: list[str]) -> tuple[list[str], int | None]:
    if argv[:1] != ["--background"]:
        return argv, None
    if os.fork():
        os._exit(0)
    told = int(argv[1])
    os.set_inheritable(told, False)
    return argv[2:], told


if __name__ == "__main__":
    words, descriptor = _leave_parent(sys.argv[1:])
    from tinytown.node.main import main

    sys.exit(main(words, told=descriptor))
