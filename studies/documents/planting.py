"""Documents planted among others, retrained on random halves."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

import memmetrics as mm
from memmetrics.metrics import consistency_score, group_memorization
from studies._kit.chapter import Begin, Chapter, Settings
from studies._kit.randomness import generator, run_seeds, stream_of
from studies._text.collection import (
    Collection,
    plant_documents,
    plant_families,
)
from studies._text.model import BATCH, text_trainer
from studies._text.retrainings import is_done, retrained, seconds_per_step
from studies._text.texts import load_text
from studies.documents.means import (
    UNSEEN,
    summarize,
)
from studies.documents.pictures import families, kinds

_NAME = "documents"
_STREAM = stream_of(_NAME)
_DOCUMENTS, _RUNS = range(2)


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
