"""A report on anybody's retrainings: a page to read, and a record for programs."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from memmetrics._arrays.files import write_whole
from memmetrics._arrays.validation import as_confidence, count_iv
from memmetrics.evidence import Retrainings
from memmetrics.metrics.counterfactual import CounterfactualMemorization
from memmetrics.reporting.findings import find
from memmetrics.reporting.record import record_of, settings_iv, written

__all__ = ["check_folder", "report"]


def report(
    evidence: Retrainings,
    out: str | PathLike[str],
    *,
    points: Sequence[Any] | Any | None = None,
    targets: Sequence[Any] | Any | None = None,
    title: str = "What was memorized",
    confidence: float = 0.95,
    minimum: float = 0.0,
    false_discovery_rate: float = 0.05,
    shown: int = 500,
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """Write what was memorized as a page to read and a file for programs.

    Counterfactual memorization of every training point, largest first, with its
    interval; which points are memorized at a false-discovery rate; where held-out
    targets were scored too, the training points that matter most to them; what the
    intervals rest on; settings, seeds and versions. ``report.html`` holds everything,
    pictures included, and asks nothing of the network; ``report.json`` holds the
    numbers, and is what ``memmetrics check`` reads. The same arguments write the same
    files.

    Parameters
    ----------
    evidence : Retrainings
        Of `retrain`, `read_retrainings` or one's own arrays. Scores of tokens are
        averaged over the tokens of each target.
    out : path
        Folder to write to, created if there is none; a report that is there already is
        replaced.
    points : sequence of str, or array, optional
        The training points, to show beside their scores: texts, or pictures ``(points,
        rows, columns)`` or with 1, 3 or 4 channels, first or last. Pixels that are no
        bytes are scaled from black, the smallest of those shown, to white.
    targets : sequence of str, or array, optional
        The held-out targets, of the same kind as `points` and given with them, in the
        order of the evidence: those whose `own` is -1.
    title : str
        Of the page.
    confidence : float
        Of the intervals.
    minimum : float
        Memorization worth the name, in the unit of the scores: what is called memorized
        has more.
    false_discovery_rate : float
        Expected share of chance finds among what is called memorized, at most.
    shown : int
        How many points the page and the record list, of the largest estimates.
    settings : mapping, optional
        What else should stand under the settings, as plain JSON values.

    Returns
    -------
    Path
        Of ``report.html``.

    Raises
    ------
    TypeError, ValueError
        For unsuitable arguments, before any work.
    OSError
        If nothing can be written to `out`, which is found out before the work.
    ImportError
        If matplotlib is missing (``pip install memmetrics[plot]``).

    Warns
    -----
    RuntimeWarning
        As `counterfactual_memorization`.

    References
    ----------
    Feldman and Zhang, "What Neural Networks Memorize and Why" (2020), section 2;
    Benjamini and Hochberg, Journal of the Royal Statistical Society B 57 (1995).

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> member = rng.random((40, 6)) < 0.5
    >>> evidence = Retrainings(rng.normal(size=(40, 6)) + member, member)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = report(evidence, folder, points=list("abcdef"))
    ...     page.name, sorted(path.name for path in page.parent.iterdir())
    ('report.html', ['report.html', 'report.json'])
    """
    if not isinstance(evidence, Retrainings):
        raise TypeError(
            f"`evidence` must be Retrainings; got {type(evidence).__name__}"
        )
    metric = CounterfactualMemorization(as_confidence(confidence), float(minimum))
    if not 0 < false_discovery_rate < 1:
        raise ValueError(
            "`false_discovery_rate` must lie strictly between 0 and 1; "
            f"got {false_discovery_rate!r}"
        )
    shown = count_iv(shown, "shown", least=1)
    own_settings = settings_iv(settings)
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError("a report needs matplotlib: pip install 'memmetrics[plot]'")
    # These draw, and nothing else of the package may need what draws.
    from memmetrics.reporting.contents import report_page
    from memmetrics.reporting.examples import examples_iv

    examples = None if points is None else examples_iv(points, evidence.member.shape[1])
    others = None if targets is None else _targets_iv(targets, evidence, examples)
    check_folder(out)
    findings = find(evidence, metric=metric, rate=false_discovery_rate)
    record = record_of(findings, title=title, settings=own_settings, shown=shown)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "report.html"
    write_whole(page, report_page(findings, record, examples, others))
    write_whole(folder / "report.json", written(record))
    return page


def _targets_iv(
    targets: Any, evidence: Retrainings, points: Sequence[Any] | None
) -> Sequence[Any]:
    from memmetrics.reporting.examples import examples_iv

    if points is None:
        raise TypeError("`targets` are shown beside `points`, which must be given too")
    held_out = int((np.asarray(evidence.own) < 0).sum())
    shown = examples_iv(targets, held_out, "targets")
    if isinstance(shown[0], str) != isinstance(points[0], str):
        raise TypeError("`targets` must be texts if `points` are, and pictures if not")
    return shown


def check_folder(out: str | PathLike[str]) -> None:
    """Find out, before the work, that a report cannot be written; nothing is created.

    Raises
    ------
    OSError
        If `out`, or the folder that it is to be created in, is none or cannot be
        written to, or a folder has the name of one of the files.
    """
    folder = Path(out)
    for name in ("report.html", "report.json"):
        if (folder / name).is_dir():
            raise FileExistsError(f"{folder / name} is a folder; a file goes there")
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise NotADirectoryError(f"{out}: {there} is no folder")
    # To write is the only sure way to learn whether one can.
    with tempfile.TemporaryFile(dir=there):
        pass
