"""Memorization along a document: where it begins, and where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memmetrics as mm
from memmetrics.plotting import COLORS
from studies._kit.chapter import Begin, Chapter, Picture, Settings
from studies._kit.estimates import median_of
from studies._kit.pictures import BAND
from studies._kit.randomness import generator, run_seeds, stream_of
from studies._text.collection import Collection, plant_documents
from studies._text.model import BATCH, text_trainer
from studies._text.retrainings import is_done, retrained, seconds_per_step
from studies._text.texts import LENGTH, load_text

STREAM = stream_of("tokens")
DOCUMENTS, RUNS, SUBSTRINGS = range(3)
KINDS = ("random", "sentence")
COLOR = {"random": COLORS["vermillion"], "sentence": COLORS["blue"]}
MEMORIZED, UNSEEN = "token_memorization", "never_seen_token_loss"
# How far from where a document becomes the only one, in the second panel.
_OFFSETS = range(-8, 9)


@dataclass(frozen=True)
class Places:
    """The scale at which to look: `each` documents a kind, of every number of copies.

    `background` sentences more are trained on and counted as well.
    """

    epochs: int = 20
    copies: tuple[int, ...] = (1, 4)
    each: int = 6
    background: int = 60
    runs: int = 64
    data_sets: int = 6

    def check(self, settings: Settings) -> None:
        """Read the text, and see that there is enough of it."""
        self._collection(settings, 0)

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds of all retrainings, from a few steps."""
        if is_done(settings, "places", self.data_sets - 1):
            return {"places": 0.0}
        collection = self._collection(settings, 0)
        steps = collection.steps(self.epochs, BATCH)
        runs = self.runs * self.data_sets / settings.n_jobs
        return {"places": seconds_per_step(collection.data) * steps * runs}

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Measure every character of every document."""
        begin("places")
        tables = [
            self._measure(settings, data_set).assign(data_set=data_set)
            for data_set in range(self.data_sets)
        ]
        table = pd.concat(tables, ignore_index=True)
        return Chapter(
            name="places",
            title="Along a document",
            text=_text(load_text(settings.data).name),
            table=table,
            summary=summarize(table),
            pictures=[along(table)],
            configuration=vars(self),
        )

    def _collection(self, settings: Settings, data_set: int) -> Collection:
        text = load_text(settings.data)
        rng = generator(settings.seed, STREAM, DOCUMENTS, data_set)
        planted = plant_documents(
            text,
            rng,
            copies=self.copies,
            each=self.each,
            background=self.background,
            kinds=KINDS,
        )
        return Collection(text, planted)

    def _measure(self, settings: Settings, data_set: int) -> pd.DataFrame:
        collection = self._collection(settings, data_set)
        (seed,) = run_seeds(settings.seed, STREAM, RUNS, data_set, runs=1)
        runs = retrained(
            text_trainer(collection.steps(self.epochs, BATCH)),
            collection.data,
            settings,
            "places",
            data_set,
            runs=self.runs,
            groups=collection.row_document,
            rng=seed,
        )
        rows = collection.first_row
        facts = collection.documents[["document", "kind", "copies"]]
        alone = alone_after(facts["document"].tolist())
        table = by_token(runs.scores[:, rows], runs.member[:, rows], facts)
        # Characters read before this one, less those that make the document known.
        table["offset"] = table["place"] - 1 - alone[table["index"].to_numpy(int)]
        return table.drop(columns="index")


def by_token(
    scores: npt.NDArray[Any], member: npt.NDArray[np.bool_], facts: pd.DataFrame
) -> pd.DataFrame:
    """Return two rows a character: its memorization, and its never-seen loss.

    `scores` are (runs, documents, places); places are counted from 1.
    """
    memorized = mm.counterfactual_memorization(scores, member).to_frame()
    out = ~member[:, :, None]
    unseen = -np.where(out, scores, 0).sum(0) / out.sum(0)  # (documents, places)
    memorized["place"] = memorized["token"].astype(int) + 1
    columns = ["index", "place", "estimate", "standard_error", "low", "high"]
    memorized = memorized[columns].assign(metric=MEMORIZED)
    losses = memorized[["index", "place"]].assign(
        estimate=unseen.ravel(), metric=UNSEEN
    )
    both = pd.concat([memorized, losses], ignore_index=True)
    return both.assign(unit="nats").join(facts, on="index")


def alone_after(documents: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return how many first characters of each document no other begins with.

    Documents are different, so that all of a document is enough.
    """
    tokens = np.array([list(document) for document in documents])
    alike = tokens[:, None] == tokens  # (documents, documents, places)
    shared = np.cumprod(alike, axis=2).sum(2)
    np.fill_diagonal(shared, -1)
    alone: npt.NDArray[np.int64] = np.minimum(shared.max(1) + 1, LENGTH)
    return alone


def _text(name: str) -> str:
    return f"""
Every character of a document is a prediction of its own, from the characters before it,
and has a counterfactual memorization of its own. Random strings and sentences (from
{name}) are trained on in retrainings of random halves. A document is known once so many
of its characters were read that no other document of the collection begins with them.
"""


def ends(table: pd.DataFrame, kind: str) -> Any:
    """Return memorization of the last quarter less that of the first, by data set."""
    rows = table[(table["metric"] == MEMORIZED) & (table["kind"] == kind)]
    quarter = LENGTH // 4
    first = rows[rows["place"] <= quarter].groupby("data_set")["estimate"].mean()
    last = rows[rows["place"] > LENGTH - quarter].groupby("data_set")["estimate"]
    return last.mean() - first


def known(table: pd.DataFrame, kind: str, metric: str = MEMORIZED) -> pd.DataFrame:
    """Return means before and after a document is known: a row a data set."""
    rows = table[(table["metric"] == metric) & (table["kind"] == kind)]
    rows = rows.assign(known=np.where(rows["offset"] >= 0, "after", "before"))
    return rows.pivot_table(index="data_set", columns="known", values="estimate")


def begins(table: pd.DataFrame, kind: str) -> pd.Series:
    """Return the first place with half of the memorization of the last quarter."""
    curves = _curve(table, "place", kind, MEMORIZED)
    plateau = curves.loc[:, LENGTH - LENGTH // 4 + 1 :].mean(axis=1)
    return curves.ge(plateau / 2, axis=0).idxmax(axis=1).astype(float)


def shares_of_unseen(table: pd.DataFrame, kind: str) -> pd.Series:
    """Rank correlation of memorization with never-seen loss over places."""
    memorized, unseen = (
        _curve(table, "place", kind, metric) for metric in (MEMORIZED, UNSEEN)
    )
    return memorized.corrwith(unseen, axis=1, method="spearman")


def _curve(table: pd.DataFrame, along_: str, kind: str, metric: str) -> pd.DataFrame:
    """Return means over documents, data sets by places (or offsets)."""
    rows = table[(table["metric"] == metric) & (table["kind"] == kind)]
    return rows.pivot_table(
        index="data_set", columns=along_, values="estimate", aggfunc="mean"
    )


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets, a row a kind."""
    rows = [
        {
            "kind": kind,
            "first quarter less last": -median_of(ends(table, kind)).value,
            "begins at place": median_of(begins(table, kind)).value,
            "before the document is known": known(table, kind)["before"].median(),
            "after": known(table, kind)["after"].median(),
            "never-seen loss before": known(table, kind, UNSEEN)["before"].median(),
            "never-seen loss after": known(table, kind, UNSEEN)["after"].median(),
        }
        for kind in KINDS
    ]
    return pd.DataFrame(rows).round(2)


def along(table: pd.DataFrame) -> Picture:
    """Draw memorization by place, and by distance from where a document is known."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for kind in KINDS:
        draw_curve(_curve(table, "place", kind, MEMORIZED), left, COLOR[kind], kind)
        unseen = _curve(table, "place", kind, UNSEEN).median()
        left.plot(
            unseen.index,
            unseen,
            linestyle=":",
            color=COLOR[kind],
            label=f"{kind}, loss never seen",
        )
        curve = _curve(table, "offset", kind, MEMORIZED).dropna(axis=1)
        shown = [offset for offset in curve if offset in _OFFSETS]
        draw_curve(curve[shown], right, COLOR[kind], kind)
    right.axvline(-0.5, linestyle="--", color=COLORS["gray"])
    left.set(xlabel="place in the document", ylabel="memorization (nats)")
    right.set_xlabel("characters read since the document is known (number)")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    places = ", ".join(
        f"{kind} documents at place {median_of(begins(table, kind)).value:g}"
        for kind in KINDS
    )
    caption = (
        f"{BAND} Right of the dashed line no other document begins alike. Half of the "
        f"memorization of the last quarter is first reached by {places}."
    )
    return Picture("along", "Memorization by place", caption, figure)


def draw_curve(curve: pd.DataFrame, ax: Axes, color: str, label: str) -> None:
    """Draw the median over data sets (rows) at each place (columns), with its band."""
    bands = [median_of(curve[place]) for place in curve]
    ax.plot(curve.columns, [it.value for it in bands], color=color, label=label)
    ax.fill_between(
        curve.columns,
        [it.low for it in bands],
        [it.high for it in bands],
        color=color,
        alpha=0.2,
        linewidth=0,
    )
