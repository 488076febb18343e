"""The page of benchmarks, written from what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from benchmarks import targets
from benchmarks.curves import Curves, by_size
from benchmarks.peers import OURS
from benchmarks.pictures import operations

__all__ = ["page"]

Row: TypeAlias = tuple[str, ...]

_PAGE = """\
# Benchmarks

Measured on {date}: {machine}. {versions}. Written by `make benchmark-report`, which
takes about twenty minutes; the numbers are in
[`measurements.json`](benchmarks/measurements.json).

Times are minima over interleaved repeats, so all implementations saw the same machine.
Each starts from the same weights on the same data with the same recipe (full batch,
AdamW, warm-up and cosine), and after 1,000 steps no score of any point, of order 1,
was further than {difference:.0e} from what the plain loop gives it.

- *torch loop*: one model at a time, dense data, autograd, `torch.optim.AdamW`.
- *torch.func*: stacked models, `vmap` of `grad`, one AdamW for all.
- *JAX*: `jit` of `vmap` of `scan`, with AdamW written out.
- *dattri*, *pyDVL*: the plain loop under their harness (`retrain_lds`; Banzhaf values
  by maximum sample reuse), on subsets that they draw.
- *memmetrics fused*, *compiled*, *eager*: `ToyTrainer(backend=...)`.

## What is promised, and what was measured

{promises}

Gates in continuous integration (`make bench`) compare ratios and exponents of one run
only, never seconds, and allow for other work on the machine: they fail below
{margin:.0%} of a promise.

## One training step

![Cost of one step, by size of the problem](benchmarks/training_step.png)

Features 10,000, points 1,000, sparsity 0.999; milliseconds, and how many times as long
as *{ours}*.

{steps}

The dashed line is the arithmetic of the dense part, {formula} operations for each point
and feature, at the rate of a large float32 matrix product on the same threads in the
same run: {rate:.0f} billion operations a second. Implementations that hold arrays of
(points, features) stop at ten million elements. A compiled implementation that compiles
anew for every shape is timed at some hidden sizes only.

## Many retrainings

![Cost of one model against the number of models](benchmarks/retrainings.png)

64 models of 128 features and hidden 8, each 1,000 steps on a half of 64 points;
milliseconds a model, set-up included. Implementations that train one model after the
other were timed on two. dattri and pyDVL are single marks in the picture, anywhere on
their level line.

{models}

A network (784-128-10 on 1,000 points, 64-16-10 on 1,797; batches of 32, 160 steps) is
retrained 400 times by `ModuleTrainer` on all cores, first call and start of workers
included, and the loop trains one after the other in one process.

The *shared task* is the effect of each of 12 points on the held-out error of a ridge
regression, which pyDVL's Banzhaf value by maximum sample reuse and counterfactual
influence estimate alike: the largest of 12 differences, in standard errors of both.

## Metrics

![Time of each metric against points](benchmarks/metrics.png)

Every registered metric is timed over a grid of sizes by `make bench`, which fits the
exponents and fails where a metric grows faster than it declares. Memory is copied at
{copy:.1f} GB a second, read plus written.
"""


def page(found: dict[str, Any]) -> str:
    """Return the page in Markdown."""
    versions = ", ".join(f"{name} {x}" for name, x in found["versions"].items())
    machine = f"{found['cpu']}, {found['cores']} cores"
    machine += f"; {found['gpu']}" if found["gpu"] else "; no GPU was at hand"
    return _PAGE.format(
        date=found["date"],
        machine=machine,
        versions=versions,
        difference=max(found["difference"].values()),
        promises=_table(("What", "Promised", "Measured", ""), _promises(found)),
        margin=targets.MARGIN,
        ours=OURS.name,
        steps=_times(found["hidden"], "hidden"),
        formula="6 · hidden + 2",
        rate=found["arithmetic_rate"] / 1e9,
        models=_table(("Implementation", "ms", "ratio"), _models(found["runs"])),
        copy=found["copy_rate"] / 1e9,
    )


def _promises(found: dict[str, Any]) -> Iterator[Row]:
    yield from _step_promises(found["hidden"])
    models = by_size(found["runs"])
    for name, promise in targets.SMALL_MODELS.items():
        if name in models:
            ratio = models[name][64] / models[OURS.name][64]
            yield _at_least(f"64 retrainings, hidden 8, over {name}", promise, ratio)
    many = found["many models"]
    ours = many[OURS.name]
    yield _at_least(
        "400 retrainings, 1,000 features, hidden 5, over torch loop",
        targets.MANY_MODELS,
        many["torch loop"] / ours,
    )
    one_thread = many[f"{OURS.name}, one thread"]
    yield _at_least(
        "The same, two cores over one", targets.TWO_CORES, one_thread / ours
    )
    for name, most in targets.NETWORK_RATIOS.items():
        yield _at_most(
            f"400 networks {name}, over the loop", most, found["networks"][name]
        )
    if shared := found["shared task"]:
        yield _at_most(
            "A shared task, apart from pyDVL",
            targets.SHARED_TASK_ERRORS,
            shared["apart"],
            " SE",
        )
        speed = shared["pyDVL"] / shared["ours"]
        yield _at_least("Its retrainings, over pyDVL", 1, speed)
    child = found["children"]
    for what, most, measured, unit in (
        (
            "Step at 100,000 points over 100 at 1,000",
            targets.GROWTH,
            found["growth"],
            "",
        ),
        ("Memory of that step", 1000, child["large step"] / 1e6, " MB"),
        ("First fit of a shape", targets.WARM_UP_SECONDS, child["cold"], " s"),
        ("The same in the next process", targets.WARM_UP_SECONDS, child["warm"], " s"),
        (
            "`feature_dimensionality`, 4,000,000 × 2",
            targets.FEATURE_DIMENSIONALITY_COPIES,
            found["copies"],
            " copies",
        ),
        (
            "`counterfactual_memorization`, 400 × 1,000,000",
            targets.COUNTERFACTUAL_PASSES,
            found["passes"],
            " passes",
        ),
        ("Its memory, in copies of the scores", 1, child["counterfactual"], ""),
    ):
        yield _at_most(what, most, measured, unit)


def _step_promises(curves: Curves) -> Iterator[Row]:
    steps = by_size(curves)
    for hidden, promised in targets.STEP_RATIOS.items():
        for name, promise in promised.items():
            if hidden in steps.get(name, {}):
                ratio = steps[name][hidden] / steps[OURS.name][hidden]
                yield _at_least(
                    f"One step, hidden {hidden}, over {name}", promise, ratio
                )


def _at_least(what: str, promise: float, measured: float) -> Row:
    kept = "kept" if measured >= promise else "**missed**"
    return what, f"≥ {promise:g} ×", f"{measured:.3g} ×", kept


def _at_most(what: str, most: float, measured: float, unit: str = "") -> Row:
    kept = "kept" if measured <= most else "**missed**"
    return what, f"≤ {most:g}{unit}", f"{measured:.3g}{unit}", kept


def _times(curves: Curves, axis: str) -> str:
    steps = by_size(curves)
    sizes = sorted({size for curve in steps.values() for size in curve})
    rows = []
    for size in sizes:
        ours = steps[OURS.name][size]
        cells = [f"{size:g}"]
        for name, seconds in steps.items():
            cells.append(_cell(seconds.get(size), ours, with_ratio=name != OURS.name))
        gigaflops = operations(points=1000, features=10_000, hidden=size) / ours / 1e9
        rows.append((*cells, f"{gigaflops:.0f}"))
    return _table((axis, *steps, "ours, 10⁹ operations/s"), rows)


def _cell(value: float | None, ours: float, *, with_ratio: bool) -> str:
    if value is None:
        return ""
    ratio = f" ({value / ours:.3g} ×)" if with_ratio else ""
    return f"{1e3 * value:.3g}{ratio}"


def _models(curves: Curves) -> Iterator[Row]:
    at_64 = {name: curve[64] for name, curve in by_size(curves).items()}
    for name, value in sorted(at_64.items(), key=lambda item: item[1]):
        yield name, f"{1e3 * value:.3g}", f"{value / at_64[OURS.name]:.3g} ×"


def _table(head: Row, rows: Any) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
