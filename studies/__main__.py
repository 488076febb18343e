"""The studies' command line: ``python -m studies list``."""

from __future__ import annotations

import sys

from studies._kit.command_line import main

if __name__ == "__main__":
    sys.exit(main())
