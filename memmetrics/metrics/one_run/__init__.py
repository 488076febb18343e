"""What one training run tells, where a fair coin decided on every item of a list.

A model that can be trained only once has no retrainings to compare. But what it is
trained on can be drawn: each item of a list enters by a coin of its own. Those that did
are then compared with those that did not, and all that is said is valid over the coins.
"""

from __future__ import annotations

from memmetrics.metrics.one_run.audit import OneRunAudit, one_run_audit
from memmetrics.metrics.one_run.memorization import (
    OneRunMemorization,
    one_run_memorization,
)

__all__ = [
    "OneRunAudit",
    "OneRunMemorization",
    "one_run_audit",
    "one_run_memorization",
]
