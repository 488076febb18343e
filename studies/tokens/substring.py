"""A substring that is never trained on, while the rest of its documents is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from memmetrics.plotting import COLORS
from studies._kit.chapter import Begin, Chapter, Picture, Settings
from studies._kit.pictures import BAND
from studies._kit.randomness import generator, run_seeds
from studies._text.collection import Collection, random_documents
from studies._text.model import BATCH, text_trainer
from studies._text.retrainings import is_done, retrained, seconds_per_step
from studies._text.texts import LENGTH, load_text
from studies.tokens.places import (
    MEMORIZED,
    RUNS,
    STREAM,
    SUBSTRINGS,
    by_token,
    draw_curve,
)

FIRST, LAST = LENGTH // 3, 2 * LENGTH // 3  # places of the substring, from 0
SHARED, UNIQUE = "shared substring", "substring of its own"
TRAINED, MASKED = "trained", "without gradient"
_COLOR = {TRAINED: COLORS["blue"], MASKED: COLORS["vermillion"]}


@dataclass(frozen=True)
class Substring:
    """The scale at which to look: random strings, of which some share their middle.

    `families` of `members` that share it, and as many strings that do not.
    """

    epochs: int = 20
    families: int = 3
    members: int = 4
    background: int = 60
    runs: int = 64
    data_sets: int = 6

    def check(self, settings: Settings) -> None:
        """Read the text, and see that there is enough of it."""
        self._collection(settings, 0)

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds of both trainings, from a few steps."""
        costs = {}
        for masked in (False, True):
            name = MASKED if masked else TRAINED
            costs[name] = 0.0
            if not is_done(settings, "substring", int(masked), self.data_sets - 1):
                collection = self._collection(settings, 0)
                steps = collection.steps(self.epochs, BATCH)
                runs = self.runs * self.data_sets / settings.n_jobs
                costs[name] = seconds_per_step(collection.data) * steps * runs
        return costs

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Train with the substring and without its gradient, on the same halves."""
        tables = []
        for masked in (False, True):
            name = MASKED if masked else TRAINED
            begin(name)
            for data_set in range(self.data_sets):
                table = self._measure(settings, data_set, masked=masked)
                tables.append(table.assign(data_set=data_set, training=name))
        table = pd.concat(tables, ignore_index=True)
        return Chapter(
            name="substring",
            title="A substring without gradient",
            text=_TEXT,
            table=table,
            summary=summarize(table),
            pictures=[curves(table)],
            configuration=vars(self),
        )

    def _collection(self, settings: Settings, data_set: int) -> Collection:
        text = load_text(settings.data)
        rng = generator(settings.seed, STREAM, SUBSTRINGS, data_set)
        count = self.families * self.members
        drawn = random_documents(text, 2 * count, rng)
        quotes = random_documents(text, self.families, rng)
        for place in range(count):
            quote = quotes[place // self.members][FIRST:LAST]
            drawn[place] = drawn[place][:FIRST] + quote + drawn[place][LAST:]
        sentences = [text.documents[it] for it in text.sample(self.background, rng)]
        kind = np.repeat([SHARED, UNIQUE, "sentence"], [count, count, len(sentences)])
        documents = pd.DataFrame({"document": drawn + sentences, "kind": kind})
        return Collection(text, documents.assign(copies=1, family=-1))

    def _measure(
        self, settings: Settings, data_set: int, *, masked: bool
    ) -> pd.DataFrame:
        collection = self._collection(settings, data_set)
        options = {"loss_mask": self._mask(collection)} if masked else {}
        (seed,) = run_seeds(settings.seed, STREAM, RUNS, SUBSTRINGS, data_set, runs=1)
        runs = retrained(
            text_trainer(collection.steps(self.epochs, BATCH), **options),
            collection.data,
            settings,
            "substring",
            int(masked),
            data_set,
            runs=self.runs,
            rng=seed,
        )
        planted = 2 * self.families * self.members
        facts = collection.documents[["document", "kind", "copies"]][:planted]
        table = by_token(runs.scores[:, :planted], runs.member[:, :planted], facts)
        return table.drop(columns="index")

    def _mask(self, collection: Collection) -> npt.NDArray[np.float64]:
        """Return 0 for the middle of every planted document, (documents, LENGTH)."""
        mask = np.ones((len(collection.documents), LENGTH))
        mask[: 2 * self.families * self.members, FIRST:LAST] = 0.0
        return mask


_TEXT = f"""
Random strings are planted among sentences. Some share their middle, characters
{FIRST + 1} to {LAST}, with a few others; the rest have one of their own. In one
training all characters are learned from. In the other, on the same halves and from the
same starting weights, nothing is learned from the middle of these strings: its
characters are read, but their losses have weight 0.
"""


def means(table: pd.DataFrame) -> pd.DataFrame:
    """Return mean memorization: data sets by kind, training and part."""
    rows = table[(table["metric"] == MEMORIZED) & table["training"].notna()]
    middle = (rows["place"] > FIRST) & (rows["place"] <= LAST)
    return rows.assign(part=np.where(middle, "middle", "rest")).pivot_table(
        index="data_set", columns=["kind", "training", "part"], values="estimate"
    )


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets, a row a kind and training."""
    found = means(table).median().rename("memorization").reset_index()
    wide = found.pivot_table(
        index=["kind", "training"], columns="part", values="memorization"
    )
    return wide.round(2).reset_index()


def curves(table: pd.DataFrame) -> Picture:
    """Draw memorization by place under both trainings, a panel a kind of string."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    for ax, kind in zip(
        figure.subplots(1, 2, sharey=True), (SHARED, UNIQUE), strict=True
    ):
        for training in (TRAINED, MASKED):
            rows = table[
                (table["metric"] == MEMORIZED)
                & (table["kind"] == kind)
                & (table["training"] == training)
            ]
            curve = rows.pivot_table(
                index="data_set", columns="place", values="estimate"
            )
            draw_curve(curve, ax, _COLOR[training], training)
        ax.axvspan(FIRST + 0.5, LAST + 0.5, color=COLORS["gray"], alpha=0.15)
        ax.axhline(0.0, color=COLORS["gray"], linewidth=0.8)
        ax.set(title=kind, xlabel="place in the document")
    figure.axes[0].set_ylabel("memorization (nats)")
    figure.axes[1].legend()
    found = means(table).median()
    caption = (
        f"{BAND} The substring is shaded. Medians over data sets of its memorization: "
        f"shared {found[SHARED, TRAINED, 'middle']:.2f} trained and "
        f"{found[SHARED, MASKED, 'middle']:.2f} without gradient, of its own "
        f"{found[UNIQUE, TRAINED, 'middle']:.2f} and "
        f"{found[UNIQUE, MASKED, 'middle']:.2f}."
    )
    return Picture("curves", "With and without the substring", caption, figure)
