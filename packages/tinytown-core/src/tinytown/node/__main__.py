"""`python -m tinytown.node --town PATH`."""

import sys

from tinytown.node.main import main

if __name__ == "__main__":
    sys.exit(main())
