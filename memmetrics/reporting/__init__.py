"""Reports: one page and one machine-readable file for any evidence of retrainings."""

from __future__ import annotations

from memmetrics.reporting import page as page
from memmetrics.reporting.check import check_report as check_report
from memmetrics.reporting.report import report as report

__all__ = ["check_report", "page", "report"]
