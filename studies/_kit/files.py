"""Files that are either whole or not there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def write(path: Path, write_to: Callable[[Path], object]) -> None:
    """Write under a temporary name, then rename: no half-written file has the name."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write_to(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
