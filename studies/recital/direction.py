"""The direction that detects a document's prefix, and what goes without it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch.func import functional_call

import memmetrics as mm
from memmetrics.metrics import verbatim_recital
from memmetrics.plotting import COLORS
from studies._kit.chapter import Begin, Chapter, Picture, Settings
from studies._kit.randomness import generator, run_seeds
from studies._kit.trainings import Arrays, kept
from studies._text.collection import Collection
from studies._text.model import (
    BATCH,
    UNITS,
    WIDTH,
    Transformer,
    log_likelihoods,
    text_trainer,
)
from studies._text.retrainings import seconds_per_step
from studies._text.texts import LENGTH
from studies.recital.planting import COLOR, KINDS, MODELS, STREAM, Planting

LEVERAGE = "prefix_leverage"
OWN, OTHERS = "loss_without_own_direction", "others_loss_without_direction"
BROKEN, OTHERS_BROKEN = "own_recitals_broken", "others_recitals_broken"
_READ_BY = "block.from_units.weight"
# What is taken out, and by what it is told how much of it is there.
METHODS = ("activation", "detector", "feature")
_UNITS = {
    LEVERAGE: "dimensions",
    OWN: "nats a character",
    OTHERS: "nats a character",
    BROKEN: "share of recitals",
    OTHERS_BROKEN: "share of recitals",
}


@dataclass(frozen=True)
class Directions:
    """The scale at which to look: so many models of each data set."""

    planting: Planting = field(default_factory=Planting)
    models: int = 12

    def check(self, settings: Settings) -> None:
        """Read the text, and see that there is enough of it."""
        self.planting.collection(settings, 0)

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds of all models, from a few steps."""
        last = self._models(settings, self.planting.data_sets - 1)
        path = last.path(settings.store)
        if path is not None and path.exists():
            return {"directions": 0.0}
        steps = last.trainer.steps * self.models * self.planting.data_sets
        # Ablations take about as long as the training.
        return {"directions": 2 * seconds_per_step(last.collection.data) * steps}

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Find the directions, and look at every document without each of them."""
        begin("directions")
        tables = []
        for data_set in range(self.planting.data_sets):
            models = self._models(settings, data_set)
            arrays = kept(models.path(settings.store), models.compute)
            facts = models.collection.documents[: self.planting.planted]
            table = measure(arrays, models.member, facts)
            tables.append(table.assign(data_set=data_set))
        table = pd.concat(tables, ignore_index=True)
        return Chapter(
            name="directions",
            title="The direction that detects a prefix",
            text=_TEXT.format(prefix=self.planting.prefix),
            table=table,
            summary=summarize(table),
            pictures=[effects(table)],
            configuration=vars(self),
        )

    def _models(self, settings: Settings, data_set: int) -> Models:
        collection = self.planting.collection(settings, data_set)
        rng = generator(settings.seed, STREAM, MODELS, data_set)
        halves = [
            rng.permutation(len(collection.documents)) % 2 == 0
            for _ in range(self.models)
        ]
        return Models(
            collection,
            text_trainer(collection.steps(self.planting.epochs, BATCH), hidden=UNITS),
            np.array(halves),
            run_seeds(settings.seed, STREAM, MODELS, data_set, runs=self.models),
            self.planting.prefix,
            self.planting.planted,
        )


@dataclass(frozen=True, eq=False)
class Models:
    """Models to train on halves of the documents, `member` (models, documents)."""

    collection: Collection
    trainer: mm.ModuleTrainer
    member: npt.NDArray[np.bool_]
    seeds: Sequence[int]
    prefix: int
    planted: int

    def path(self, store: Path | None) -> Path | None:
        """Return the file that keeps what `compute` gives, if there is a store."""
        if store is None:
            return None
        recipe = self.trainer.configuration()
        facts = [recipe, list(self.seeds), self.prefix, self.planted, METHODS]
        digest = hashlib.blake2b(digest_size=12)
        digest.update(json.dumps(facts, sort_keys=True, default=str).encode())
        for array in (*self.collection.data, self.member):
            digest.update(np.ascontiguousarray(array).tobytes())
        return store / f"directions-{digest.hexdigest()}.npz"

    def compute(self) -> Arrays:
        """Train, and ablate each planted document's prefix in three ways.

        ``leverage`` (models, planted); ``likelihood`` and ``recited`` (models, 1 +
        methods · planted, documents): as they are, then without each direction. Of
        the documents that are not planted, there are as many as of those that are.
        """
        rows = self.collection.row_document
        stack: Any = self.trainer.fit(
            self.collection.data, self.member[:, rows], seeds=self.seeds
        )
        data = self.collection.text.data(self.collection.documents["document"].tolist())
        seen = 2 * self.planted
        hidden = torch.from_numpy(stack.hidden(data)).unflatten(-1, (LENGTH, -1))
        found = [
            self._of_model(
                {name: value[run] for name, value in stack.parameters.items()},
                hidden[run].double(),
                tuple(part[:seen] for part in data),
            )
            for run in range(len(self.seeds))
        ]
        return {name: np.stack([each[name] for each in found]) for name in found[0]}

    def _of_model(
        self, parameters: dict[str, torch.Tensor], hidden: torch.Tensor, data: Any
    ) -> Arrays:
        """Do so in one model; `hidden` is (documents, places, units)."""
        # The place that has read the prefix, and predicts the first character after.
        own = hidden[: self.planted, self.prefix]
        every = hidden.flatten(0, 1)
        leverage = mm.leverage(every).unflatten(0, hidden.shape[:2])
        weights = parameters[_READ_BY] - torch.cat(
            [
                torch.zeros_like(parameters[_READ_BY])[None],
                *(
                    _read_of(parameters[_READ_BY], taken.float(), told.float())
                    for taken, told in _directions(own, every)
                ),
            ]
        )
        model = Transformer(WIDTH).eval()
        inputs, target = map(torch.from_numpy, data)

        def ask(changed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            state = parameters | {_READ_BY: changed}
            logits = functional_call(model, state, (inputs,))
            rest = log_likelihoods(logits, target)[:, self.prefix :].mean(-1)
            predicted = logits.argmax(-1)
            return rest, verbatim_recital(predicted, target, prefix=self.prefix)

        with torch.no_grad():
            likelihood, recited = torch.vmap(ask)(weights)
        return {
            "leverage": leverage[: self.planted, self.prefix].numpy(),
            "likelihood": likelihood.numpy(),
            "recited": recited.numpy(),
        }


def _directions(
    own: torch.Tensor, every: torch.Tensor
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return, for each method, what is taken out, and what tells how much of it.

    `own` (planted, units) are the activations after the prefixes, `every` (places,
    units) those at all places of all documents.
    """
    detector = own @ torch.linalg.pinv(every.mT @ every, hermitian=True)
    activation = torch.nn.functional.normalize(own, dim=-1)
    unit = torch.nn.functional.normalize(detector, dim=-1)
    # Scaled such that of the activation itself all is taken out.
    told = detector / (detector * own).sum(-1, keepdim=True)
    return [(activation, activation), (unit, unit), (own, told)]


def _read_of(
    weight: torch.Tensor, taken: torch.Tensor, told: torch.Tensor
) -> torch.Tensor:
    """Return what the layer after reads of it: (planted, width, units)."""
    return (taken @ weight.mT)[:, :, None] * told[:, None, :]


_TEXT = """
In single models, the hidden layer (the units after the GELU) is looked at where the
{prefix} characters of a prefix have been read. The detector of this activation is the
direction that attains its leverage: along it, the activation has the largest share of
what there is at all places of all documents. Three things are taken out of the layer,
at every place: what lies along the activation itself; what lies along the detector; and
the feature, that is the activation, as much of it as the detector tells. The
log-likelihood of the rest of the document, and of the others that the model trained on,
is compared with what it was.
"""


def measure(
    arrays: Arrays, member: npt.NDArray[np.bool_], documents: pd.DataFrame
) -> pd.DataFrame:
    """Return one row a planted document and metric, and by whether it was trained on.

    Means over models; of the others, over those that the model trained on.
    """
    planted, frames = len(documents), []
    for number, method in enumerate(METHODS):
        places = slice(1 + number * planted, 1 + (number + 1) * planted)
        losses = arrays["likelihood"][:, :1] - arrays["likelihood"][:, places]
        silent = ~arrays["recited"][:, places]
        seen = member[:, : losses.shape[2]]
        found = _effects(losses, silent, seen, arrays["recited"][:, :1] & seen[:, None])
        frames += [
            documents.assign(metric=name, unit=_UNITS[name], estimate=value).assign(
                trained=True, method=method
            )
            for name, value in found.items()
        ]
    for inside in (True, False):
        value = _mean(arrays["leverage"], member[:, :planted] == inside)
        frames.append(
            documents.assign(
                metric=LEVERAGE, unit=_UNITS[LEVERAGE], estimate=value
            ).assign(trained=inside)
        )
    return pd.concat(frames, ignore_index=True).dropna(subset="estimate")


def _effects(
    losses: npt.NDArray[Any],
    silent: npt.NDArray[np.bool_],
    member: npt.NDArray[np.bool_],
    recited: npt.NDArray[np.bool_],
) -> dict[str, Any]:
    """Return what documents and others lose without each document's direction.

    `losses` and `silent` are (models, planted, documents), `recited` likewise with one
    row for all directions.
    """
    planted = losses.shape[1]
    own = np.arange(planted)
    trained = member[:, :planted]
    others = np.repeat(member[:, None], planted, axis=1)
    others[:, own, own] = False
    return {
        OWN: _mean(losses[:, own, own], trained),
        OTHERS: _mean(_among(losses, others), trained),
        BROKEN: _mean(silent[:, own, own], recited[:, 0, :planted]),
        OTHERS_BROKEN: _mean(_among(silent, others & recited), trained),
    }


def _mean(values: npt.NDArray[Any], counted: npt.NDArray[np.bool_]) -> Any:
    """Return the mean over the models that count; NaN where none does."""
    with np.errstate(invalid="ignore"):
        return np.where(counted, values, 0).sum(0) / counted.sum(0)


def _among(values: npt.NDArray[Any], chosen: npt.NDArray[np.bool_]) -> Any:
    """Return the mean over the documents chosen, (models, directions)."""
    return np.where(chosen, values, 0).sum(-1) / np.maximum(chosen.sum(-1), 1)


def by_data_set(table: pd.DataFrame, metric: str, method: str = "feature") -> pd.Series:
    """Return the mean over planted documents, one a data set."""
    rows = table[(table["metric"] == metric) & (table["method"] == method)]
    return rows.groupby("data_set")["estimate"].mean()


def leverages(table: pd.DataFrame, *, trained: bool) -> pd.Series:
    """Return the mean leverage of the prefixes, one a data set."""
    rows = table[(table["metric"] == LEVERAGE) & (table["trained"] == trained)]
    return rows.groupby("data_set")["estimate"].mean()


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets of the means over documents, a row a method and kind."""
    rows = table[table["metric"].isin(_UNITS) & table["method"].notna()]
    means = rows.pivot_table(
        index=["method", "kind", "data_set"], columns="metric", values="estimate"
    )
    found = means.groupby(["method", "kind"]).median().loc[list(METHODS)]
    found = found.reindex(columns=[OWN, OTHERS, BROKEN, OTHERS_BROKEN]).round(3)
    return found.rename(columns=lambda name: name.replace("_", " ")).reset_index()


def effects(table: pd.DataFrame) -> Picture:
    """Draw what a document loses without its direction, and what the others lose."""
    wide = table[table["method"].notna()].pivot_table(
        index=["data_set", "kind", "document", "copies"],
        columns=["metric", "method"],
        values="estimate",
    )
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    for ax, method in zip(figure.subplots(1, 3), METHODS, strict=True):
        for kind in KINDS:
            rows = wide.xs(kind, level="kind")
            ax.scatter(
                rows[OTHERS, method],
                rows[OWN, method],
                s=16,
                alpha=0.6,
                color=COLOR[kind],
                label=kind,
            )
        ax.axline((0, 0), slope=1, linestyle="--", color=COLORS["gray"])
        ax.set(title=method, xlabel="the others lose (nats a character)")
        ax.locator_params(axis="x", nbins=4)
    figure.axes[0].set_ylabel("the document loses (nats a character)")
    figure.axes[0].legend()
    words = "; ".join(
        f"{method} {by_data_set(table, OWN, method).median():.3f} and "
        f"{by_data_set(table, OTHERS, method).median():.3f}"
        for method in METHODS
    )
    caption = (
        "Planted documents of all data sets, means over the models that trained on "
        "them; on the dashed line both lose as much. What the document and what the "
        f"others lose, medians over data sets: {words}."
    )
    return Picture("effects", "Without the direction of its prefix", caption, figure)
