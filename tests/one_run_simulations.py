"""Lists of items with known effects, whose coins are tossed again and again."""

from __future__ import annotations

import numpy as np

from memmetrics.metrics.one_run import one_run_memorization


def student(rng, items):
    return rng.standard_t(3, size=items)


def normal(rng, items):
    return rng.normal(size=items)


def log_normal(rng, items):
    return rng.lognormal(size=items)


def constant(rng, base):
    return np.full(len(base), 0.7)


def varied(rng, base):
    return rng.normal(0.7, 1, size=len(base))


def a_few_much(rng, base):
    return np.where(rng.random(len(base)) < 0.1, 4.0, 0.0)


BASES = {"normal": normal, "Student's t, 3": student, "log-normal": log_normal}
EFFECTS = {"constant": constant, "normal": varied, "a few, much": a_few_much}


def coverage(base, effect, items, audits, *, seed=0, fixed=True):
    """Share of audits whose interval covers, and share that has an interval.

    The effect that is covered is the mean over these very items, or over all that they
    are drawn from if not `fixed`.
    """
    rng = np.random.default_rng([seed, items])
    everyone = np.mean(effect(rng, base(rng, 10**6))) if not fixed else None
    covered, known = [], []
    for _ in range(audits):
        out = base(rng, items)
        effects = effect(rng, out)
        entered = rng.random(items) < 0.5
        if not 0 < entered.sum() < items:
            continue
        truth = effects.mean() if fixed else everyone
        row = one_run_memorization(out + effects * entered, entered)
        known.append(np.isfinite(row.low.item()))
        covered.append(row.low.item() <= truth <= row.high.item())
    known = np.array(known)
    return np.array(covered)[known].mean(), known.mean()


def outcomes(share_in, share_out, items, audits, *, seed=0, fixed=False):
    """As `coverage`, for scores of 0 and 1."""

    def base(rng, size):
        return (rng.random(size) < share_out).astype(float)

    def effect(rng, base):
        return (rng.random(len(base)) < share_in) - base

    return coverage(base, effect, items, audits, seed=seed, fixed=fixed)
