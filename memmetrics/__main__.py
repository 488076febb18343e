"""``python -m memmetrics`` is the command ``memmetrics``."""

from __future__ import annotations

from memmetrics.command_line.main import main

if __name__ == "__main__":
    raise SystemExit(main())
