"""One training run of a small GPT-2 with planted lines, beside many retrainings of it.

    python docs/examples/one_run.py --runs 200

needs transformers (pip install "memmetrics[language]") and downloads nothing.
"""

from __future__ import annotations

import argparse
import inspect
import random
import statistics
import textwrap

import numpy as np
import torch
from scipy.stats import t
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    get_linear_schedule_with_warmup,
)

import memmetrics as mm
from memmetrics.metrics.one_run import one_run_audit, one_run_memorization
from memmetrics.planting import RandomText

LENGTH = 16  # letters of a line; longer ones are wrapped
BLANK = 0  # comes before a line, and fills it up
BATCH = 32


def real_text(lines):
    """Return lines of documentation, which is in Python itself."""
    documented = [random.Random, statistics.NormalDist, argparse.ArgumentParser]
    documented += [textwrap.TextWrapper, inspect.Signature, inspect.Parameter]
    pages = [
        inspect.getdoc(thing) or ""
        for each in documented
        for thing in (inspect.getmodule(each), each, *vars(each).values())
    ]
    pages += [inspect.getdoc(thing) or "" for thing in vars(statistics).values()]
    wrapped = [line for page in pages for line in textwrap.wrap(page, LENGTH)]
    return list(dict.fromkeys(line for line in wrapped if line.isascii()))[:lines]


def tokens(lines):
    """Return the lines as numbers, one for each letter, behind a blank."""
    rows = np.full((len(lines), LENGTH + 1), BLANK)
    for row, line in zip(rows, lines, strict=True):
        row[1 : len(line) + 1] = [ord(letter) - 31 for letter in line]
    return torch.from_numpy(rows)


def train(lines, seed, *, epochs):
    """Train a GPT-2 from scratch, with a learning rate that rises and falls to zero."""
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=96,
        n_positions=LENGTH + 1,
        n_embd=64,
        n_layer=1,
        n_head=2,
        bos_token_id=BLANK,
        eos_token_id=BLANK,
        loss_type="ForCausalLM",
        resid_pdrop=0,
        embd_pdrop=0,
        attn_pdrop=0,
    )
    model = GPT2LMHeadModel(config)
    rows = tokens(lines)
    steps = epochs * -(-len(rows) // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1.5e-3)
    schedule = get_linear_schedule_with_warmup(optimizer, steps // 10, steps)
    for _ in range(epochs):
        for batch in rows[torch.randperm(len(rows))].split(BATCH):
            labels = batch.masked_fill(batch == BLANK, -100)
            model(batch, labels=labels).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
    return model.eval()


@torch.inference_mode()
def log_likelihood(model, lines):
    """Return the mean log-likelihood of a letter in each line, in nats."""
    rows = tokens(lines)
    scores = model(rows).logits[:, :-1].log_softmax(-1)
    letters = scores.gather(-1, rows[:, 1:, None]).squeeze(-1)
    present = rows[:, 1:] != BLANK
    return ((letters * present).sum(-1) / present.sum(-1)).numpy()


def retrained(planted, text, *, epochs, runs, n_jobs, store=None):
    """Return the scores of all planted lines under many models, and who was in."""
    ledger = planted.ledger

    def fit(indices, seed):
        torch.set_num_threads(1)
        chosen = [ledger.items[i] for i in indices for _ in range(ledger.copies[i])]
        model = train(text + chosen, seed % 2**63, epochs=epochs)
        return log_likelihood(model, ledger.items)

    return mm.retrain(
        mm.FunctionTrainer(fit),
        tokens(ledger.items).numpy(),
        runs=runs,
        design="bernoulli",  # fair coins, as in the one run
        rng=1,
        n_jobs=n_jobs,
        store=store,
        identity=[planted.ledger.items, text, epochs],  # what `fit` holds
    )


def compare(found, evidence, copies, confidence=0.95):
    """Return one run's table, beside what retrainings say of runs like it.

    Each retraining is one run itself, so it has an estimate and an interval of its own.
    Their estimates differ by the coins, of which the interval tells, and by how much
    the whole run memorized, of which it cannot.
    """
    each = [
        one_run_memorization(scores, member, strata=copies, confidence=confidence)
        for scores, member in zip(evidence.scores, evidence.member, strict=True)
    ]
    estimate, error, low, high = (
        np.array([getattr(run, name) for run in each])
        for name in ("estimate", "standard_error", "low", "high")
    )
    runs = len(each)
    mean, deviation = estimate.mean(axis=0), estimate.std(axis=0, ddof=1)
    # Where the next run falls: it varies as they do, and their mean is not exact.
    reach = t.ppf((1 + confidence) / 2, runs - 1) * deviation * np.sqrt(1 + 1 / runs)
    beyond = deviation**2 - (error**2).mean(axis=0)
    table = found.to_frame()[["stratum", "n_in", "n_out", "estimate", "low", "high"]]
    return table.assign(
        retrained=mean,
        retrained_error=deviation / np.sqrt(runs),
        next_low=mean - reach,
        next_high=mean + reach,
        between=np.sqrt(np.maximum(beyond, 0)),
        covered=((low <= mean) & (mean <= high)).mean(axis=0),
    )


def main(arguments=None):
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="retrainings, or 0")
    parser.add_argument("--items", type=int, default=400)
    parser.add_argument("--lines", type=int, default=200, help="lines of real text")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--store", help="folder that keeps what is finished")
    parser.add_argument("--table", help="CSV file for the comparison")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # the model is too small for more

    text = real_text(options.lines)
    planted = mm.plant(RandomText(options.items, length=12), copies=(1, 2, 4, 8), rng=0)
    ledger = planted.ledger
    model = train(text + planted.additions, seed=0, epochs=options.epochs)
    scores = log_likelihood(model, ledger.items)
    found = one_run_memorization(scores, ledger, strata=ledger.copies)

    others = mm.plant(RandomText(options.items, length=12), copies=(1, 2, 4, 8), rng=1)
    reference = train(text + others.additions, seed=1, epochs=options.epochs)
    paired = one_run_memorization(
        scores,
        ledger,
        strata=ledger.copies,
        reference_scores=log_likelihood(reference, ledger.items),
    )
    audit = one_run_audit(scores, ledger)

    columns = ["estimate", "low", "high"]
    for result, label in (
        (found, "stratum"),
        (paired, "stratum"),
        (audit, "statistic"),
    ):
        print(result.to_frame()[[label, *columns]].round(3).to_string(), "\n")
    if options.runs:
        evidence = retrained(
            planted,
            text,
            epochs=options.epochs,
            runs=options.runs,
            n_jobs=options.n_jobs,
            store=options.store,
        )
        compared = compare(found, evidence, ledger.copies)
        print(compared.round(3).to_string())
        if options.table:
            compared.to_csv(options.table, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
