"""Which documents are recited, how often they occurred, and what breaks it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

import memmetrics as mm
from memmetrics.metrics import prefix_needed, verbatim_recital
from memmetrics.plotting import COLORS
from studies._kit.chapter import Begin, Chapter, Picture, Settings
from studies._kit.estimates import median_of
from studies._kit.pictures import BAND
from studies._kit.randomness import generator, run_seeds
from studies._text.model import (
    BATCH,
    likelihoods_and_predictions,
    split,
    text_trainer,
)
from studies._text.retrainings import is_done, retrained, seconds_per_step
from studies._text.texts import LENGTH, load_text
from studies.recital.planting import (
    CHANGES,
    COLOR,
    KINDS,
    RUNS,
    STREAM,
    Planting,
    changed_prefixes,
)

RECITED, UNSEEN, SURVIVED = "recital_rate", "unseen_recital_rate", "survival_of_change"
NEEDED, MEMORIZED = "prefix_needed", "counterfactual_memorization"
_NAMES = {RECITED: "share of models", UNSEEN: "share of models", NEEDED: "characters"}


@dataclass(frozen=True)
class Prefixes:
    """The scale at which to look."""

    planting: Planting = field(default_factory=Planting)
    runs: int = 64

    def check(self, settings: Settings) -> None:
        """Read the text, and see that there is enough of it."""
        self.planting.collection(settings, 0)

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds of all retrainings, from a few steps."""
        planting = self.planting
        if is_done(settings, "prefixes", planting.data_sets - 1):
            return {"retrainings": 0.0}
        collection = planting.collection(settings, 0)
        steps = collection.steps(planting.epochs, BATCH)
        runs = self.runs * planting.data_sets / settings.n_jobs
        return {"retrainings": seconds_per_step(collection.data) * steps * runs}

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Retrain, and have every document recited by every model."""
        begin("retrainings")
        tables = [
            self._measure(settings, data_set).assign(data_set=data_set)
            for data_set in range(self.planting.data_sets)
        ]
        table = pd.concat(tables, ignore_index=True)
        return Chapter(
            name="prefixes",
            title="What is recited, and which changes break it",
            text=_text(load_text(settings.data).name, self.planting.prefix),
            table=table,
            summary=summarize(table),
            pictures=[agreement(table), breaking(table)],
            configuration=vars(self),
        )

    def _measure(self, settings: Settings, data_set: int) -> pd.DataFrame:
        planting = self.planting
        collection = planting.collection(settings, data_set)
        documents = collection.documents[: planting.planted]
        changed = changed_prefixes(
            collection.text,
            documents["document"].tolist(),
            planting.prefix,
            generator(settings.seed, STREAM, CHANGES, data_set),
        )
        (seed,) = run_seeds(settings.seed, STREAM, RUNS, data_set, runs=1)
        runs = retrained(
            text_trainer(
                collection.steps(planting.epochs, BATCH),
                score=likelihoods_and_predictions,
            ),
            collection.data,
            settings,
            "prefixes",
            data_set,
            runs=self.runs,
            groups=collection.row_document,
            targets=changed,
            include_points=True,
            rng=seed,
        )
        rows = collection.first_row[: planting.planted]
        member = runs.member[:, rows]
        likelihood, predicted = split(runs.scores)
        tokens = collection.data[1][rows]
        whole = _of_documents(
            likelihood[:, rows], predicted[:, rows], tokens, member, planting.prefix
        )
        recited = verbatim_recital(predicted[:, rows], tokens, prefix=planting.prefix)
        after = verbatim_recital(
            predicted[:, len(collection.row_document) :],
            changed[1],
            prefix=planting.prefix,
        ).reshape(*recited.shape, planting.prefix)
        kind = documents["kind"].to_numpy()
        facts = documents[["document", "kind", "copies"]]
        return pd.concat(
            [
                *(pd.concat([frame, facts], axis=1) for frame in whole),
                _of_changes(after, recited & member, kind),
            ],
            ignore_index=True,
        )


def _of_documents(
    likelihood: npt.NDArray[Any],
    predicted: npt.NDArray[np.int64],
    tokens: npt.NDArray[np.int64],
    member: npt.NDArray[np.bool_],
    prefix: int,
) -> list[pd.DataFrame]:
    """Return what there is to say of each document, a frame a metric."""
    recited = verbatim_recital(predicted, tokens, prefix=prefix)
    needed = prefix_needed(predicted, tokens)
    memorized = mm.counterfactual_memorization(likelihood.mean(-1), member).to_frame()
    columns = ["metric", "estimate", "standard_error", "low", "high"]
    values = {
        RECITED: _mean(recited, member),
        UNSEEN: _mean(recited, ~member),
        NEEDED: _mean(needed, member),
    }
    return [
        memorized[columns].assign(unit="nats a character"),
        *(
            pd.DataFrame({"metric": name, "estimate": value, "unit": _NAMES[name]})
            for name, value in values.items()
        ),
    ]


def _mean(
    values: npt.NDArray[Any], counted: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Return the mean over the runs that count, (documents,)."""
    means: npt.NDArray[np.float64] = (values * counted).sum(0) / counted.sum(0)
    return means


def _of_changes(
    after: npt.NDArray[np.bool_],
    recited: npt.NDArray[np.bool_],
    kind: npt.NDArray[np.str_],
) -> pd.DataFrame:
    """Return how many recitals survive a change: one row a kind and place.

    `after` is (runs, documents, places); `recited` (runs, documents) says which to
    count: those that trained on the document and recite it from the true prefix.
    """
    rows = []
    for name in KINDS:
        counted = recited & (kind == name)
        if counted.any():
            shares = after[counted].mean(0)
            rows += [
                {
                    "metric": SURVIVED,
                    "unit": "share of recitals",
                    "kind": name,
                    "place": place,
                    "estimate": share,
                }
                for place, share in enumerate(shares, start=1)
            ]
    return pd.DataFrame(rows)


def _text(name: str, prefix: int) -> str:
    return f"""
Random strings and sentences of {LENGTH} characters, in several numbers of copies, are
planted among ordinary sentences (from {name}). A document is recited if the likeliest
character is the true one at every place after the first {prefix}: that is what greedy
decoding from those {prefix} gives. The rate is over models that had the document. Then
one character of the prefix is changed to another, at each place in turn, and the
recitals that go on as before are counted.
"""


def by_document(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row a document, one column a metric."""
    wide = table[table["metric"].isin([MEMORIZED, RECITED, UNSEEN, NEEDED])]
    return wide.pivot_table(
        index=["data_set", "kind", "copies", "document"],
        columns="metric",
        values="estimate",
    ).reset_index()


def survival(table: pd.DataFrame) -> pd.DataFrame:
    """Return the share of recitals that survive a change: data sets by places."""
    rows = table[table["metric"] == SURVIVED]
    return rows.pivot_table(
        index="data_set", columns="place", values="estimate", aggfunc="mean"
    )


def agreements(table: pd.DataFrame, kind: str | None = None) -> pd.Series:
    """Rank correlation of recital rate and memorization, one a data set."""
    wide = by_document(table)
    if kind is not None:
        wide = wide[wide["kind"] == kind]
    return pd.Series(
        {
            data_set: _spearman(rows[RECITED], rows[MEMORIZED])
            for data_set, rows in wide.groupby("data_set")
        }
    )


def _spearman(first: pd.Series, second: pd.Series) -> float:
    if first.nunique() < 2 or second.nunique() < 2:
        return float("nan")
    return float(stats.spearmanr(first, second).statistic)


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets of the means over documents, a row a kind and copies."""
    wide = by_document(table).drop(columns="document")
    means = wide.groupby(["kind", "copies", "data_set"]).mean()
    columns = {
        MEMORIZED: "memorization (nats a character)",
        RECITED: "recited by models that had it",
        UNSEEN: "recited by models that had not",
        NEEDED: "prefix needed (characters)",
    }
    found = means.groupby(["kind", "copies"]).median()[list(columns)]
    return found.rename(columns=columns).round(3).reset_index()


def agreement(table: pd.DataFrame) -> Picture:
    """Draw recital rate against memorization, every document."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    wide = by_document(table)
    axes = figure.subplots(1, 2, sharey=True)
    for kind in KINDS:
        rows = wide[wide["kind"] == kind]
        axes[0].scatter(
            rows[MEMORIZED],
            rows[RECITED],
            s=14 + 6 * rows["copies"],
            alpha=0.6,
            color=COLOR[kind],
            label=kind,
        )
        means = rows.groupby(["copies", "data_set"], as_index=False)[RECITED].mean()
        each = means.groupby("copies")[RECITED]
        bands = [median_of(values) for _, values in each]
        places = list(each.groups)
        axes[1].plot(
            places,
            [it.value for it in bands],
            marker="o",
            color=COLOR[kind],
            label=kind,
        )
        axes[1].fill_between(
            places,
            [it.low for it in bands],
            [it.high for it in bands],
            color=COLOR[kind],
            alpha=0.2,
            linewidth=0,
        )
    axes[0].set(
        xlabel="memorization (nats a character)",
        ylabel="recital rate (share of models)",
    )
    axes[1].legend()
    axes[1].set_xscale("log", base=2)
    axes[1].set_xticks(places, [f"{place:g}" for place in places])
    axes[1].set_xlabel("copies (number)")
    found = median_of(agreements(table)).value
    within = ", ".join(
        f"{median_of(agreements(table, kind)).value:.2f} among {kind} documents"
        for kind in KINDS
    )
    caption = (
        "Left: every document of every data set; the larger the mark, the more copies. "
        f"Right: {BAND.lower()} Rank correlation of recital with memorization, median "
        f"over data sets: {found:.2f}; {within}."
    )
    return Picture("agreement", "Recital against memorization", caption, figure)


def breaking(table: pd.DataFrame) -> Picture:
    """Draw the share of recitals that survive a change, by its place."""
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    ax = figure.subplots()
    rows = table[table["metric"] == SURVIVED]
    for kind in KINDS:
        wide = rows[rows["kind"] == kind].pivot_table(
            index="data_set", columns="place", values="estimate"
        )
        if wide.empty:
            continue
        bands = [median_of(wide[place].dropna()) for place in wide]
        ax.plot(
            wide.columns,
            [it.value for it in bands],
            marker="o",
            color=COLOR[kind],
            label=kind,
        )
        ax.fill_between(
            wide.columns,
            [it.low for it in bands],
            [it.high for it in bands],
            color=COLOR[kind],
            alpha=0.2,
            linewidth=0,
        )
    ax.axhline(1.0, linestyle="--", color=COLORS["gray"])
    ax.set(
        xlabel="place of the changed character in the prefix",
        ylabel="recitals that survive (share)",
        ylim=(0, 1.05),
    )
    ax.legend()
    median = survival(table).median()
    caption = (
        f"{BAND} Over both kinds, the change that breaks most is at place "
        f"{median.idxmin():g} (survival {median.min():.2f}), the one that breaks least "
        f"at place {median.idxmax():g} ({median.max():.2f})."
    )
    return Picture("breaking", "One changed character", caption, figure)
