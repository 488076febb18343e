"""The command line: which studies there are, run some, report on all."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import joblib

from studies._explorer.command import PRESETS, write_explorer
from studies._kit import registry
from studies._kit.chapter import Settings, Study
from studies._kit.findings import write_findings
from studies._kit.runner import run_checked

_PROGRAM = "python -m studies"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit status."""
    parser = argparse.ArgumentParser(prog=_PROGRAM, description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="name the studies")
    run = commands.add_parser("run", help="run studies")
    run.add_argument("names", nargs="*", help="which (default: all)", metavar="NAME")
    _add_group(run, "run a group's studies, if none is named")
    _add_options(run, sorted(_presets(registry.names())))
    explorer = commands.add_parser("explorer", help="one page to look around in")
    _add_explorer_options(explorer)
    report = commands.add_parser("report", help="one page of what all studies found")
    report.add_argument("--results", type=Path, default=Path("results"))
    report.add_argument(
        "--again",
        type=Path,
        action="append",
        default=[],
        metavar="RESULTS",
        help="results at another seed, which verdicts have to stand; may be repeated",
    )
    report.add_argument("--out", type=Path, default=Path("results/findings"))
    _add_group(report, "of which studies (default: of each group, a page)")
    report.add_argument("--page", help="name of the page (default: the group's)")
    chosen = parser.parse_args(arguments)
    if chosen.command == "list":
        for name in registry.names():
            study = registry.find(name)
            print(f"{name:24}{study.group:14}{study.title}")
        return 0
    if chosen.command == "report":
        groups = [chosen.group] if chosen.group else registry.groups()
        return _report(chosen, groups)
    if chosen.command == "explorer":
        return write_explorer(_explorer_settings(explorer, chosen))
    return _run_all(run, chosen)


def run_alone(study: Study, arguments: Sequence[str] | None = None) -> int:
    """Run one study by the command line of its own module."""
    parser = argparse.ArgumentParser(
        prog=f"python -m studies.{study.name}", description=study.title
    )
    _add_options(parser, sorted(study.presets))
    return run_checked(study, _settings(parser, parser.parse_args(arguments), study))


def _add_group(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--group", choices=registry.groups(), help=text)


def _presets(names: Sequence[str]) -> set[str]:
    return {preset for name in names for preset in registry.find(name).presets}


def _add_options(parser: argparse.ArgumentParser, presets: Sequence[str]) -> None:
    parser.add_argument("--preset", choices=presets, default="laptop", help="scale")
    parser.add_argument(
        "--n-jobs",
        type=int,
        default=joblib.cpu_count(),
        help="processor cores to use (default: all)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random")
    parser.add_argument(
        "--out", type=Path, help="folder to write to (default: results/NAME)"
    )
    parser.add_argument(
        "--store", type=Path, help="folder of finished trainings, to go on from"
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="folder with MNIST-format IDX files, gzipped or not, to use as real data; "
        "for studies of documents, a text file, one document a line",
    )
    parser.add_argument(
        "--classes",
        type=_classes,
        metavar="NAMES",
        help="what the labels 0, 1, ... of real data stand for: names with commas "
        "between them, or a file with one a line",
    )


def _add_explorer_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", choices=list(PRESETS), default="laptop")
    parser.add_argument("--n-jobs", type=int, default=joblib.cpu_count())
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random")
    parser.add_argument("--out", type=Path, default=Path("results/explorer"))
    parser.add_argument("--store", type=Path, help="folder of finished trainings")


def _classes(text: str) -> tuple[str, ...]:
    file = Path(text)
    if not _is_file(file):
        return tuple(name.strip() for name in text.split(","))
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise argparse.ArgumentTypeError(f"{file} is not UTF-8 text: {error}") from None
    return tuple(line.strip() for line in lines if line.strip())


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # many names are longer than any path may be
        return False


def _settings(
    parser: argparse.ArgumentParser, chosen: argparse.Namespace, study: Study
) -> Settings:
    _check_numbers(parser, chosen)
    if chosen.preset not in study.presets:
        known = ", ".join(sorted(study.presets))
        parser.error(f"{study.name} has the presets {known}, not {chosen.preset}")
    return Settings(
        preset=chosen.preset,
        seed=chosen.seed,
        n_jobs=chosen.n_jobs,
        out=chosen.out or Path("results") / study.name,
        data=chosen.data if study.data else None,
        classes=chosen.classes if study.data == "images" else None,
        store=chosen.store and chosen.store / study.name,
    )


def _explorer_settings(
    parser: argparse.ArgumentParser, chosen: argparse.Namespace
) -> Settings:
    _check_numbers(parser, chosen)
    return Settings(
        preset=chosen.preset,
        seed=chosen.seed,
        n_jobs=chosen.n_jobs,
        out=chosen.out,
        store=chosen.store and chosen.store / "explorer",
    )


def _check_numbers(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> None:
    if chosen.n_jobs < 1:
        parser.error(f"--n-jobs must be at least 1; received {chosen.n_jobs}")
    if chosen.seed < 0:
        parser.error(f"--seed must not be negative; received {chosen.seed}")


def _run_all(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    """Run the studies named, or all; the status is that of the worst."""
    try:
        names = chosen.names or registry.names(chosen.group)
        studies = [registry.find(name) for name in names]
    except ValueError as error:
        parser.error(str(error))
    _check_data(parser, chosen, studies)
    if chosen.out and len(studies) > 1:
        folder = chosen.out
        each = [argparse.Namespace(**vars(chosen)) for _ in studies]
        for options, study in zip(each, studies, strict=True):
            options.out = folder / study.name
    else:
        each = [chosen] * len(studies)
    settings = [
        _settings(parser, options, study)
        for options, study in zip(each, studies, strict=True)
    ]
    return max(map(run_checked, studies, settings))


def _check_data(
    parser: argparse.ArgumentParser,
    chosen: argparse.Namespace,
    studies: Sequence[Study],
) -> None:
    """Refuse data that a study would not look at, if it was asked for by its name."""
    for option, kinds in (("data", ("images", "documents")), ("classes", ("images",))):
        others = [study.name for study in studies if study.data not in kinds]
        if chosen.names and others and getattr(chosen, option) is not None:
            parser.error(
                f"--{option} is for studies of {' or '.join(kinds)}; received it for "
                f"{', '.join(others)}"
            )


def _report(chosen: argparse.Namespace, groups: Sequence[str]) -> int:
    """Write the page of each group that has results."""
    try:
        if missing := [str(each) for each in chosen.again if not each.is_dir()]:
            raise FileNotFoundError(f"--again: no folder {', '.join(missing)}")
        pages = [
            write_findings(
                chosen.results,
                [registry.find(name) for name in registry.names(group)],
                chosen.out,
                chosen.page or group,
                chosen.again,
            )
            for group in groups
        ]
        if not any(pages):
            raise FileNotFoundError(f"{chosen.results} holds no finished study")
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{_PROGRAM} report: {error}\n")
        return 2
    print(*filter(None, pages), sep="\n")
    return 0
