"""One part of the study: the spectrum of some points, on documents or on digits."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from torch.nn import functional

import memmetrics as mm
from memmetrics.planting import NearDuplicates
from memmetrics.plotting import COLORS
from memmetrics.selection import memorized_share
from memmetrics.selection_spectrum import METRIC
from studies._kit.chapter import Begin, Chapter, Picture, Settings
from studies._kit.estimates import Estimate, median_of
from studies._kit.images import load_images
from studies._kit.randomness import generator, run_seeds, stream_of
from studies._text.collection import random_documents
from studies._text.model import BATCH, text_trainer
from studies._text.retrainings import STACK, is_done
from studies._text.texts import load_text
from studies.selection.rules import AT_RANDOM, Described, digit_rules, document_rules

_STREAM = stream_of("selection")
_DATA, _RUNS = range(2)
SHARE = "memorized_share"
_SHOWN = (-0.5, 2.0)  # of the memorized shares
_MARKERS = ("o", "s", "^", "D")
_COLORS = (COLORS["vermillion"], COLORS["blue"], COLORS["green"])


@dataclass(frozen=True, eq=False)
class Problem:
    """What to train on, what to leave out, and the points to look at, with kinds."""

    trainer: mm.ModuleTrainer
    data: Any
    rules: Mapping[str, Described]
    points: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.str_]


class Domain(Protocol):
    """Where points come from: a frozen dataclass of sizes."""

    @property
    def name(self) -> str:
        """Name of the chapter."""

    @property
    def unit(self) -> str:
        """Unit of the score."""

    @property
    def largest_share(self) -> float:
        """Largest share of the points that a rule may take."""

    @property
    def text(self) -> str:
        """What the rules are."""

    def problem(self, settings: Settings, data_set: int) -> Problem:
        """Return what there is to train on one data set."""


@dataclass(frozen=True)
class Documents:
    """Random strings, sentences, and families of near-duplicates of sentences.

    `looked_at` of each kind are looked at.
    """

    sentences: int = 120
    random: int = 6
    families: int = 2
    members: int = 4
    looked_at: int = 2
    epochs: int = 10
    name: str = "documents"
    unit: str = "nats a character"
    largest_share: float = 0.4
    text: str = (
        "Of a document, ever more of its kind is left out: the string itself, all that "
        "have eight characters in a row in common with it, all of its template, all of "
        "its topic. A random string has no kind but itself. Of a text that is given, a "
        "template is the first four characters, a topic a cluster of trigram counts."
    )

    def problem(self, settings: Settings, data_set: int) -> Problem:
        """Return documents and rules of one data set."""
        text = load_text(settings.data)
        rng = generator(settings.seed, _STREAM, _DATA, data_set)
        chosen = text.sample(self.sentences + self.families, rng)
        lines = [text.documents[place] for place in chosen]
        originals = lines[: self.families]
        near = NearDuplicates(tuple(originals), family=self.members, changed="letter")
        parts = {
            "random": (drawn := random_documents(text, self.random, rng), drawn),
            "near-duplicate": (near.draw(rng), np.repeat(originals, self.members)),
            "sentence": (lines[self.families :], lines[self.families :]),
        }
        documents = pd.concat(
            pd.DataFrame({"document": documents, "original": original, "kind": kind})
            for kind, (documents, original) in parts.items()
        ).reset_index(drop=True)
        first = documents.groupby("kind", sort=False).head(self.looked_at)
        data = text.data(documents["document"].tolist())
        return Problem(
            text_trainer(max(1, self.epochs * len(documents) // BATCH)),
            data,
            document_rules(text, documents, rng, most=self.largest_share),
            first.index.to_numpy(np.int64),
            first["kind"].to_numpy(str),
        )


def _classifier(pixels: int, units: int, classes: int) -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Linear(pixels, units),
        torch.nn.ReLU(),
        torch.nn.Linear(units, classes),
    )


def _log_likelihood(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return -functional.cross_entropy(logits, target, reduction="none")


@dataclass(frozen=True)
class Digits:
    """Small images of digits, a classifier of them with one hidden layer."""

    images: int = 250
    looked_at: int = 6
    units: int = 32
    steps: int = 120
    name: str = "digits"
    unit: str = "nats"
    largest_share: float = 0.4
    text: str = (
        "The same of scikit-learn's digits and a classifier: the image itself, its "
        "five nearest neighbours with it, its cluster, its class."
    )

    def problem(self, settings: Settings, data_set: int) -> Problem:
        """Return images and rules of one data set."""
        rng = generator(settings.seed, _STREAM, _DATA, data_set)
        # Given data are documents; the digits are always the same.
        images = load_images(None, rng)[0].sample(self.images, rng)
        rows = images.unit_rows()
        trainer = mm.ModuleTrainer(
            partial(_classifier, rows.shape[1], self.units, 10),
            score=_log_likelihood,
            steps=self.steps,
            batch_size=32,
            optimizer_options={"lr": 1e-2, "weight_decay": 0.0},
        )
        return Problem(
            trainer,
            (rows.astype(np.float32), images.labels),
            digit_rules(images, rng, most=self.largest_share),
            np.arange(self.looked_at),
            np.full(self.looked_at, "digit"),
        )


@dataclass(frozen=True)
class Spectra:
    """The scale at which to look: `runs` models on all points, and without each set."""

    domain: Domain
    runs: int = 6
    data_sets: int = 6

    def check(self, settings: Settings) -> None:
        """Read the data, and see that there is enough of it."""
        self.domain.problem(settings, 0)

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds of all data sets, from a stack of one."""
        name = self.domain.name
        if is_done(settings, name, self.data_sets - 1):
            return {name: 0.0}
        problem = self.domain.problem(settings, 0)
        everyone = np.ones((STACK, len(problem.data[0])), dtype=bool)
        bound = problem.trainer.bind(problem.data)
        started = time.perf_counter()
        bound.fit(everyone, seeds=list(range(STACK)))
        each = (time.perf_counter() - started) / STACK
        sets = len(problem.points) * len(problem.rules)
        runs = self.runs * (1 + sets) * self.data_sets / settings.n_jobs
        return {name: each * runs}

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Leave out what each rule selects."""
        name = self.domain.name
        begin(name)
        tables = [
            self._measure(settings, data_set).assign(data_set=data_set)
            for data_set in range(self.data_sets)
        ]
        table = pd.concat(tables, ignore_index=True).assign(domain=name)
        return Chapter(
            name=name,
            title=f"The spectrum of {name}",
            text=self.domain.text + _TEXT.format(share=self.domain.largest_share),
            table=table,
            summary=summarize(table),
            pictures=[spectra(table, name, self.domain.unit)],
            configuration=vars(self),
        )

    def _measure(self, settings: Settings, data_set: int) -> pd.DataFrame:
        problem = self.domain.problem(settings, data_set)
        (seed,) = run_seeds(settings.seed, _STREAM, _RUNS, data_set, runs=1)
        table = mm.spectrum(
            problem.trainer,
            problem.data,
            {name: each.rule for name, each in problem.rules.items()},
            points=problem.points,
            runs=self.runs,
            rng=seed,
            largest_share=self.domain.largest_share,
            n_jobs=settings.n_jobs,
            store=settings.store_of(self.domain.name, data_set),
            stack_size=STACK,
        )
        table["bits"] = table["rule"].map(
            {name: each.bits for name, each in problem.rules.items()}
        )
        shares = memorized_share(table).assign(unit="dimensionless")
        kind = dict(zip(problem.points.tolist(), problem.kinds.tolist(), strict=True))
        both = pd.concat([table.assign(unit=self.domain.unit), shares])
        both["kind"] = both["index"].astype(int).map(kind)
        columns = ["metric", "unit", "rule", "kind", "index", "estimate", "low", "high"]
        return both[[*columns, "removed", "share_removed", "bits"]]


_TEXT = """
Each time, models are trained without what the rule selects, and the log-likelihood that
the point loses is measured. A rule is written down by its constants: the bits are those
of the characters, pixels or fitted numbers in it. No rule may take more than
{share:.0%} of the data (of more, some are drawn), and beside the broadest one stands a
control that takes as many at random. The memorized share is what the narrowest rule
alone takes away, of what the broadest does.
"""


def lost(table: pd.DataFrame, domain: str, kind: str) -> pd.DataFrame:
    """Return the mean score lost over points: data sets by rules."""
    rows = table[(table["metric"] == METRIC) & (table["domain"] == domain)]
    wide = rows[rows["kind"] == kind].pivot_table(
        index="data_set", columns="rule", values="estimate"
    )
    return wide[[rule for rule in rows["rule"].unique() if rule in wide]]


def pooled_share(table: pd.DataFrame, domain: str, kind: str) -> pd.Series:
    """Return what the first rule takes of what the last does, by data set."""
    means = lost(table, domain, kind)
    return means.iloc[:, 0] / means.iloc[:, -1]


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets, a row a kind and rule."""
    rows = table[table["metric"] == METRIC]
    means = rows.groupby(["kind", "rule", "data_set"], sort=False)[
        ["estimate", "share_removed", "bits"]
    ].mean()
    found = means.groupby(["kind", "rule"], sort=False).median().round(3)
    return found.rename(
        columns={"estimate": "score lost", "share_removed": "share removed"}
    ).reset_index()


def spectra(table: pd.DataFrame, name: str, unit: str) -> Picture:
    """Draw score lost by rule, against its bits, and the share of every point."""
    kinds = table.loc[table["metric"] == METRIC, "kind"].unique()
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    first = 0
    for color, kind in zip(_COLORS, kinds, strict=False):
        bands = {
            rule: median_of(values) for rule, values in lost(table, name, kind).items()
        }
        _draw_losses(bands, left, color, kind)
        _draw_bits(table, bands, middle, color)
        first = _draw_shares(table, kind, first, right, color)
    left.set(ylabel=f"score lost ({unit})")
    if len(kinds) > 1:
        left.legend()
    middle.set(xlabel="rule (bits)", ylabel=f"score lost ({unit})", xscale="log")
    middle.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    middle.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    middle.xaxis.set_minor_formatter(NullFormatter())
    middle.legend(*_of_rules(middle))
    for share in (0.0, 1.0):
        right.axhline(share, linestyle="--", color=COLORS["gray"], zorder=0)
    right.set(xlabel="points, in order", ylabel="memorized share", ylim=_SHOWN)
    right.set_xticks([])
    shares = table[table["metric"] == SHARE]
    bounded = shares[np.isfinite(shares["low"])]
    unbounded = len(shares) - len(bounded)
    beyond = int((~bounded["estimate"].between(*_SHOWN)).sum())
    far = f" and {beyond} that lie beyond" if beyond else ""
    medians = ", ".join(
        f"{kind} {median_of(pooled_share(table, name, kind)).value:.2f}"
        for kind in kinds
    )
    caption = (
        "Left and middle: medians over data sets, left with their 95% intervals. "
        f"Right: every point with its interval; {unbounded} that have none{far} are "
        "left out. Memorized share of the mean losses, median over data sets: "
        f"{medians}."
    )
    return Picture(name, f"Leaving out ever more: {name}", caption, figure)


def _draw_losses(
    bands: Mapping[Any, Estimate], ax: Axes, color: str, label: str
) -> None:
    values = np.array([it.value for it in bands.values()])
    ends = np.array([[it.low, it.high] for it in bands.values()])
    errors = np.abs(ends.T - values)
    ax.errorbar(
        range(len(values)), values, yerr=errors, color=color, marker="o", label=label
    )
    ax.set_xticks(range(len(values)), [rule.replace(" ", "\n", 2) for rule in bands])


def _draw_bits(
    table: pd.DataFrame, bands: Mapping[Any, Estimate], ax: Axes, color: str
) -> None:
    """Draw each rule with a mark of its own, but for the control."""
    bits = table[table["metric"] == METRIC].groupby("rule")["bits"].mean()
    written = [rule for rule in bands if rule != AT_RANDOM]
    for rule, marker in zip(written, _MARKERS, strict=True):
        ax.scatter(
            bits[rule], bands[rule].value, color=color, marker=marker, s=45, label=rule
        )


def _of_rules(ax: Axes) -> tuple[list[Any], list[str]]:
    """Return one entry of the legend for each mark, in gray."""
    _, labels = ax.get_legend_handles_labels()
    rules = list(dict.fromkeys(labels))
    marks = [
        Line2D([], [], marker=marker, linestyle="none", color=COLORS["gray"])
        for marker in _MARKERS
    ]
    return marks, rules


def _draw_shares(
    table: pd.DataFrame, kind: str, first: int, ax: Axes, color: str
) -> int:
    """Draw the memorized shares of a kind from place `first` on; the next place."""
    shares = table[(table["metric"] == SHARE) & (table["kind"] == kind)]
    shares = shares[np.isfinite(shares["low"])].sort_values("estimate")
    value, low, high = shares[["estimate", "low", "high"]].to_numpy().T
    ax.errorbar(
        first + np.arange(len(shares)),
        value,
        yerr=[value - low, high - value],
        color=color,
        marker="o",
        markersize=3,
        linestyle="none",
        linewidth=0.8,
    )
    return first + len(shares) + 1
