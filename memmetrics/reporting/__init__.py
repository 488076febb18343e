"""Reports: one page and one machine-readable file for any evidence of retrainings."""

from __future__ import annotations

from memmetrics.reporting import page
from memmetrics.reporting.check import check_report
from memmetrics.reporting.report import report

__all__ = ["check_report", "page", "report"]
