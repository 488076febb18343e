"""What every study is made with: runner, trainings, verdicts, pages."""

from __future__ import annotations
