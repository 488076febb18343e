"""The study alone: ``python -m studies.what_did_it_memorize``."""

from __future__ import annotations

import sys

from studies._kit.command_line import run_alone
from studies.what_did_it_memorize import STUDY

if __name__ == "__main__":
    sys.exit(run_alone(STUDY))
