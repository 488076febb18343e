"""What a small transformer memorizes of planted documents: kind, copies, epochs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import memmetrics as mm
from memmetrics.metrics import consistency_score, group_memorization
from memmetrics.plotting import COLORS
from studies._kit.chapter import Begin, Chapter, Picture, Settings, Study
from studies._kit.estimates import Estimate, median_of
from studies._kit.pictures import BAND, draw_band
from studies._kit.randomness import generator, run_seeds, stream_of
from studies._kit.verdicts import Claim
from studies._text.collection import (
    KINDS,
    Collection,
    plant_documents,
    plant_families,
)
from studies._text.model import BATCH, text_trainer
from studies._text.retrainings import is_done, retrained, seconds_per_step
from studies._text.texts import load_text

_NAME = "documents"
_STREAM = stream_of(_NAME)
_DOCUMENTS, _RUNS = range(2)
_THREAD = "nostalgebraist in the thread"
_COLORS = {
    "random": COLORS["vermillion"],
    "sentence": COLORS["blue"],
    "repetition": COLORS["green"],
}
MEMORIZATION, UNSEEN = "counterfactual_memorization", "never_seen_loss"


@dataclass(frozen=True)
class Planting:
    """The scale at which to look.

    `each` documents of every kind in every number of copies, `background` sentences
    more, and `families` of near-duplicates of two kinds; `family_epochs` of the epochs
    are also trained with one coin for a family.
    """

    epochs: tuple[int, ...] = (5, 10, 20, 40)
    family_epochs: int = 20
    copies: tuple[int, ...] = (1, 2, 4, 8)
    each: int = 2
    background: int = 60
    families: int = 2
    members: int = 8
    runs: int = 32
    data_sets: int = 6

    def check(self, settings: Settings) -> None:
        """Read the text, and see that there is enough of it."""
        self._collection(settings, 0)

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds of every part, from a few steps."""
        collection = self._collection(settings, 0)
        step, costs = None, {}
        for epochs, coins in self._designs():
            if is_done(settings, coins, epochs, self.data_sets - 1):
                costs[_named(epochs, coins)] = 0.0
                continue
            step = step or seconds_per_step(collection.data)
            runs = self.runs * self.data_sets / settings.n_jobs
            steps = collection.steps(epochs, BATCH)
            costs[_named(epochs, coins)] = step * runs * steps
        return costs

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Measure every document, at every number of epochs."""
        tables = []
        for epochs, coins in self._designs():
            begin(_named(epochs, coins))
            for data_set in range(self.data_sets):
                table = self._measure(settings, epochs, coins, data_set)
                facts = {"epochs": epochs, "coins": coins, "data_set": data_set}
                tables.append(table.assign(**facts))
        table = pd.concat(tables, ignore_index=True)
        return Chapter(
            name="planting",
            title="Kinds, copies, epochs and near-duplicates",
            text=_text(load_text(settings.data).name),
            table=table,
            summary=summarize(table),
            pictures=[kinds(table), families(table)],
            configuration=vars(self),
        )

    def _designs(self) -> list[tuple[int, str]]:
        each = [(epochs, "own") for epochs in self.epochs]
        return [*each, (self.family_epochs, "family")]

    def _collection(self, settings: Settings, data_set: int) -> Collection:
        text = load_text(settings.data)
        rng = generator(settings.seed, _STREAM, _DOCUMENTS, data_set)
        planted = plant_documents(
            text, rng, copies=self.copies, each=self.each, background=self.background
        )
        near = plant_families(text, rng, families=self.families, members=self.members)
        return Collection(text, pd.concat([planted, near], ignore_index=True))

    def _measure(
        self, settings: Settings, epochs: int, coins: str, data_set: int
    ) -> pd.DataFrame:
        """Retrain on random halves; all copies of a document share a coin."""
        collection = self._collection(settings, data_set)
        own = coins == "own"
        groups = collection.row_document if own else collection.family_of_row
        (seed,) = run_seeds(settings.seed, _STREAM, _RUNS, data_set, runs=1)
        runs = retrained(
            text_trainer(collection.steps(epochs, BATCH)),
            collection.data,
            settings,
            coins,
            epochs,
            data_set,
            runs=self.runs,
            groups=groups,
            rng=seed,
        )
        likelihood = runs.scores.mean(-1)  # (runs, rows), nats a character
        evidence = mm.Retrainings(likelihood, runs.member, groups=groups)
        if not own:
            return _of_families(evidence, collection.documents)
        return _of_documents(evidence, collection)


def _of_documents(evidence: mm.Retrainings, collection: Collection) -> pd.DataFrame:
    """Two rows a document: its memorization, and its loss where it was never seen."""
    rows = collection.first_row
    alone = mm.Retrainings(evidence.scores[:, rows], evidence.member[:, rows])
    memorized = mm.counterfactual_memorization(alone).to_frame()
    unseen = consistency_score(alone).to_frame()
    unseen["metric"], unseen["estimate"] = UNSEEN, -unseen["estimate"]
    unseen["low"], unseen["high"] = -unseen["high"], -unseen["low"]
    facts = collection.documents.reset_index(drop=True)
    return pd.concat(
        [pd.concat([_plain(frame), facts], axis=1) for frame in (memorized, unseen)]
    )


def _of_families(evidence: mm.Retrainings, documents: pd.DataFrame) -> pd.DataFrame:
    """One row a family that came and went as one."""
    found = group_memorization(evidence).to_frame()
    found = found[found["size"] > 1].reset_index(drop=True)
    facts = documents[documents["family"] >= 0].drop_duplicates("family")
    merged = found[found["group"].isin(facts["family"])].merge(
        facts.drop(columns="document"), left_on="group", right_on="family"
    )
    return _plain(merged).join(merged[["kind", "copies", "family"]])


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    columns = ["metric", "estimate", "standard_error", "low", "high", "n_in", "n_out"]
    return frame[columns].assign(unit="nats a character")


def _named(epochs: int, coins: str) -> str:
    return f"{epochs} epochs, {coins} coins"


def _text(name: str) -> str:
    return f"""
A transformer of one block reads documents of 24 characters, here from {name}. Planted
among ordinary sentences are strings of random letters and single words repeated, in
several numbers of copies. Every retraining has a random half of the documents, all
copies of one or none. Counterfactual memorization is the mean log-likelihood of a
character (in nats) under models that had the document, less that under models that had
not. Of the near-duplicates, one sentence or string with one character changed, each has
a coin of its own; in further retrainings a family has one coin.
"""


def _alone(table: pd.DataFrame, metric: str = MEMORIZATION) -> pd.DataFrame:
    """Rows of documents without near-duplicates."""
    chosen = (table["metric"] == metric) & (table["family"] < 0)
    return table[chosen & (table["coins"] == "own")]


def _means(table: pd.DataFrame, *by: str, metric: str = MEMORIZATION) -> Any:
    """Mean over documents: a row a data set, a column each value of `by`."""
    # First over the documents of a stratum, so that background counts once.
    strata = _alone(table, metric).groupby(
        ["data_set", "epochs", "kind", "copies"], as_index=False
    )["estimate"]
    return strata.mean().pivot_table(
        index="data_set", columns=list(by), values="estimate", aggfunc="mean"
    )


def _family_means(table: pd.DataFrame) -> pd.DataFrame:
    """Three numbers a data set and kind, at the epochs of the families' own coins."""
    epochs = table.loc[table["coins"] == "family", "epochs"].iloc[0]
    here = table[(table["epochs"] == epochs) & (table["metric"] != UNSEEN)]
    lone = _alone(here)
    lone = lone[(lone["copies"] == 1) & lone["kind"].isin(["random", "sentence"])]
    near = here[here["family"] >= 0]
    frames = {
        "alone": lone,
        "one of a family": near[near["coins"] == "own"],
        "whole family": near[near["coins"] == "family"],
    }
    return pd.DataFrame(
        {
            name: frame.groupby(["kind", "data_set"])["estimate"].mean()
            for name, frame in frames.items()
        }
    )


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets: a row a kind and copies, a column a number of epochs."""
    memorized = _means(table, "kind", "copies", "epochs").median()
    unseen = _means(table, "kind", "copies", "epochs", metric=UNSEEN).median()
    steps = sorted(table["epochs"].unique())
    columns = {f"{epochs} epochs": memorized[:, :, epochs] for epochs in steps}
    columns[f"loss never seen, {steps[-1]} epochs"] = unseen[:, :, steps[-1]]
    found = pd.DataFrame(columns)
    return found.loc[list(KINDS)].round(2).reset_index()


def kinds(table: pd.DataFrame) -> Picture:
    """Memorization by copies, a panel a number of epochs."""
    steps = sorted(_alone(table)["epochs"].unique())
    figure = Figure(figsize=(3 * len(steps), 3.6), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(steps), sharey=True))
    for ax, epochs in zip(axes, steps, strict=True):
        rows = _alone(table)
        for kind in KINDS:
            chosen = rows[(rows["epochs"] == epochs) & (rows["kind"] == kind)]
            draw_band(
                chosen,
                "copies",
                metric=MEMORIZATION,
                ax=ax,
                color=_COLORS[kind],
                label=kind,
            )
        ax.set(title=f"{epochs} epochs", xlabel="copies (number)", ylabel="")
    axes[0].set_ylabel("memorization (nats a character)")
    axes[0].legend()
    by_kind = _means(table, "kind").median()
    values = ", ".join(f"{kind} {by_kind[kind]:.2f}" for kind in KINDS)
    caption = f"{BAND} Over all copies and epochs, the medians are: {values}."
    return Picture("kinds", "Memorization by kind, copies and epochs", caption, figure)


def families(table: pd.DataFrame) -> Picture:
    """Draw a document alone, one of a family, and the family as a whole."""
    found = _family_means(table)
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for ax, kind in zip(axes, ("random", "sentence"), strict=True):
        values = found.loc[kind]
        for row in values.to_numpy():
            ax.plot(range(3), row, color=COLORS["gray"], linewidth=0.8, marker=".")
        ax.plot(range(3), values.median(), color=_COLORS[kind], linewidth=2, marker="o")
        ax.set_xticks(range(3), list(values.columns))
        ax.set_xlim(-0.3, 2.3)
        ax.set_title(f"{kind} documents")
    axes[0].set_ylabel("memorization (nats a character)")
    epochs = table.loc[table["coins"] == "family", "epochs"].iloc[0]
    caption = (
        f"Thin lines are data sets, the thick one their median; {epochs} epochs. Left: "
        "documents of one copy that have no near-duplicates. Middle: near-duplicates "
        "that come and go one by one. Right: all of a family together."
    )
    return Picture(
        "families", "Near-duplicates, one by one and together", caption, figure
    )


def _difference(table: pd.DataFrame, more: str, less: str) -> Estimate:
    found = _means(table, "kind")
    return median_of(found[more] - found[less])


def _rise(table: pd.DataFrame, along: str, kind: str) -> Any:
    """Memorization at the most copies (epochs) less that at the fewest."""
    found = _means(table, along, "kind")
    values = found.columns.get_level_values(along)
    return found[values.max(), kind] - found[values.min(), kind]


def _extra_rise(table: pd.DataFrame, along: str) -> Estimate:
    return median_of(_rise(table, along, "random") - _rise(table, along, "repetition"))


def _of_family(table: pd.DataFrame, compare: Any) -> Estimate:
    """Compare the three numbers of each data set, kinds together."""
    return median_of(compare(_family_means(table).groupby("data_set").mean()))


def largest_share(table: pd.DataFrame) -> Estimate:
    """Memorization over the never-seen loss of the same document: the largest."""
    key = ["data_set", "epochs", "document", "copies", "kind", "family"]
    own = table[table["coins"] == "own"]
    wide: Mapping[str, Any] = own.pivot_table(
        index=key, columns="metric", values="estimate"
    )
    share = wide[MEMORIZATION] / wide[UNSEEN]
    return median_of(share.groupby("data_set").max())


def _growth_of_bound(table: pd.DataFrame) -> Estimate:
    """Never-seen loss of random strings at the most epochs less that at the fewest."""
    found = _means(table, "epochs", "kind", metric=UNSEEN).xs("random", axis=1, level=1)
    return median_of(found.iloc[:, -1] - found.iloc[:, 0])


def _unseen(table: pd.DataFrame) -> Estimate:
    found = _means(table, "kind", metric=UNSEEN)
    return median_of(found["repetition"] - found["random"])


CLAIMS = (
    Claim(
        "Random strings are memorized more than a repeated word (difference, nats a "
        "character, over all copies and epochs)",
        _THREAD,
        "above 0",
        lambda table: _difference(table, "random", "repetition"),
        at_least=0.0,
    ),
    Claim(
        "Ordinary sentences lie between: random strings more than sentences",
        "this project",
        "above 0",
        lambda table: _difference(table, "random", "sentence"),
        at_least=0.0,
    ),
    Claim(
        "Ordinary sentences lie between: sentences more than a repeated word",
        "this project",
        "above 0",
        lambda table: _difference(table, "sentence", "repetition"),
        at_least=0.0,
    ),
    Claim(
        "More copies raise the memorization of random strings (most copies less one)",
        _THREAD,
        "above 0",
        lambda table: median_of(_rise(table, "copies", "random")),
        at_least=0.0,
    ),
    Claim(
        "More copies raise that of random strings more than that of a repeated word "
        "(difference of the rises)",
        _THREAD,
        "above 0",
        lambda table: _extra_rise(table, "copies"),
        at_least=0.0,
    ),
    Claim(
        "More epochs raise the memorization of random strings (most less fewest)",
        _THREAD,
        "above 0",
        lambda table: median_of(_rise(table, "epochs", "random")),
        at_least=0.0,
    ),
    Claim(
        "More epochs raise that of random strings more than that of a repeated word "
        "(difference of the rises)",
        _THREAD,
        "above 0",
        lambda table: _extra_rise(table, "epochs"),
        at_least=0.0,
    ),
    Claim(
        "Near-duplicates lower each individual score (one of a family over alone)",
        _THREAD,
        "low",
        lambda table: _of_family(
            table, lambda found: found["one of a family"] / found["alone"]
        ),
        at_most=0.5,
    ),
    Claim(
        "The family as a whole stays memorized (whole family over alone)",
        _THREAD,
        "something is memorized",
        lambda table: _of_family(
            table, lambda found: found["whole family"] / found["alone"]
        ),
        at_least=0.8,
    ),
    Claim(
        "Memorization is bounded by the never-seen loss (its largest share of it; a "
        "loss cannot be below 0)",
        _THREAD,
        "at most 1",
        largest_share,
        at_most=1.0,
    ),
    Claim(
        "That bound is a fixed one: the never-seen loss of random strings does not "
        "grow with epochs (most less fewest, nats a character)",
        "this project",
        "about 0",
        _growth_of_bound,
        at_most=0.5,
    ),
    Claim(
        "The never-seen loss of a repeated word is below that of a random string "
        "(difference)",
        _THREAD,
        "low to begin with",
        _unseen,
        at_most=0.0,
    ),
)

STUDY = Study(
    name=_NAME,
    group="thread",
    title="Documents: what is memorized of random text, repetition and sentences",
    text="""
In the thread, nostalgebraist proposes counterfactual memorization for documents and
guesses what it would say: more of random identifiers than of one word repeated, more
with more copies and epochs, little of each of many near-duplicates though something is
memorized. Here it is measured, on a small transformer that is trained many times.
""",
    presets={
        "quick": (
            Planting(
                epochs=(2, 8),
                family_epochs=8,
                copies=(1, 4),
                each=1,
                background=12,
                families=1,
                members=4,
                runs=16,
                data_sets=2,
            ),
        ),
        "laptop": (Planting(),),
        "paper": (Planting(each=4, background=400, families=4, runs=128, data_sets=8),),
    },
    claims=CLAIMS,
)
