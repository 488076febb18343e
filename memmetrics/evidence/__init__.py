"""What a metric may look at: a fit's activations or losses, many retrainings, one run.

Evidence says nothing of how it was obtained, and a metric sees nothing else. All four
kinds are frozen; their arrays are the caller's own, not copies, and are never written.
"""

from __future__ import annotations

from typing import TypeAlias

from memmetrics.evidence.fit import Fit, Losses, check_same_model, losses_iv
from memmetrics.evidence.one_run import OneRun
from memmetrics.evidence.retrainings import (
    Retrainings,
    groups_iv,
    own_iv,
    tokens_present,
)

__all__ = [
    "Evidence",
    "Fit",
    "Losses",
    "OneRun",
    "Retrainings",
    "check_same_model",
    "groups_iv",
    "losses_iv",
    "own_iv",
    "tokens_present",
]

Evidence: TypeAlias = Fit | Losses | OneRun | Retrainings
