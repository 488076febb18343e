"""Measure everything and write docs/benchmarks.md: ``python -m benchmarks.report``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from benchmarks.machine import wait_for_quiet
from benchmarks.measurements import measure
from benchmarks.page import page
from benchmarks.pictures import draw_all

_DOCS = Path(__file__).resolve().parent.parent / "docs"


def main() -> int:
    """Measure, unless told to draw anew what was measured before; write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report")
    parser.add_argument("--rounds", type=int, default=5, help="timings of each thing")
    parser.add_argument("--redraw", action="store_true", help="measure nothing anew")
    parser.add_argument(
        "--only", nargs="*", default=(), help="parts to measure; others stay as known"
    )
    parser.add_argument("--docs", type=Path, default=_DOCS, help="where to write")
    parser.add_argument(
        "--wait", type=float, default=0.0, help="seconds to wait for a quiet machine"
    )
    arguments = parser.parse_args()

    folder: Path = arguments.docs / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    numbers = folder / "measurements.json"
    found = {}
    if arguments.redraw or arguments.only:
        found = json.loads(numbers.read_text(encoding="utf-8"))
    if not arguments.redraw:
        wait_for_quiet(0.7, arguments.wait)
        found |= measure(_say, rounds=arguments.rounds, only=arguments.only)
        numbers.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    draw_all(found, folder)
    (arguments.docs / "benchmarks.md").write_text(page(found), encoding="utf-8")
    print(f"wrote {arguments.docs / 'benchmarks.md'}")
    return 0


def _say(what: str) -> None:
    print(f"{time.perf_counter() - _BEGAN:5.0f} s  {what}", flush=True)


_BEGAN = time.perf_counter()

if __name__ == "__main__":
    sys.exit(main())
