"""The wheel, installed in a fresh environment, with other people's plug-ins beside it.

Nothing is downloaded: torch and the like are lent by the environment that runs the
tests, through a path file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{distribution}"
version = "1.0"

[project.entry-points."memmetrics.metrics"]
{metric} = "{module}:LargestLoss"
"""
PLUGIN = """
import memmetrics as mm

class LargestLoss:
    name, version, needs = "largest_loss", 1, mm.Losses

    def __call__(self, evidence):
        largest = evidence.train.max(-1)
        return mm.Result(metric=self.name, unit="loss", estimate=largest)
"""
MEASURE = """
import memmetrics as mm

data = mm.sparse_features(8, 20, 0.8, rng=0)
trainer = mm.ToyTrainer(steps=5)
table = mm.measure(trainer, data, ["largest_loss"], test=data, fits=2, rng=0)
assert list(table.metric) == ["largest_loss"] * 2, table
assert (table.estimate > 0).all(), table
"""

BARE = """
import sys, warnings

for name in sys.argv[1:]:
    sys.modules[name] = None  # as if it was not installed
warnings.simplefilter("error")
warnings.filterwarnings("default", "training runs in eager torch")

import numpy as np
import torch
import memmetrics as mm

data = mm.sparse_features(20, 50, 0.9, rng=0)
names = ["feature_dimensionality", "train_test_gap", "counterfactual_memorization"]
options = {"test": data, "runs": 8, "fits": 2, "rng": 0}
table = mm.measure(mm.ToyTrainer(steps=20), data, names, **options)
assert np.isfinite(table.estimate).all()

def score(output, target):
    return -torch.nn.functional.cross_entropy(output, target, reduction="none")

inputs = np.random.default_rng(0).normal(size=(20, 4))
labels = (inputs[:, 0] > 0).astype(int)
trainer = mm.ModuleTrainer(lambda: torch.nn.Linear(4, 2), score=score, steps=5)
runs = mm.retrain(trainer, (inputs, labels), runs=8, rng=0)
assert runs.scores.shape == (8, 20)
"""
EXTRAS = ("numba", "matplotlib", "sklearn", "tqdm", "pyarrow", "dask", "distributed")


def run(*command, path=None, **variables):
    """Run a command away from the source tree, with `path` as its only PYTHONPATH."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    environment.update(variables)
    return subprocess.run(
        [str(word) for word in command],
        check=False,
        capture_output=True,
        text=True,
        cwd=path or Path(sys.prefix),
        env=environment,
    )


def build(source, into, kind="wheel"):
    build_command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d"]
    subprocess.run([*build_command, into], check=True, cwd=source, capture_output=True)
    (built,) = into.iterdir()
    return built


def pip_install(wheel, *options, python=sys.executable):
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install"]
    offline = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*pip, *offline, *options, wheel], check=True, capture_output=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """Return the interpreter of a fresh environment with the wheel in it."""
    home = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    paths = {"base": str(home), "platbase": str(home)}
    packages = Path(sysconfig.get_path("purelib", vars=paths))
    lent = sysconfig.get_path("purelib")
    (packages / "lent.pth").write_text(f"{lent}\n", encoding="utf-8")
    interpreter = Path(sysconfig.get_path("scripts", vars=paths)) / "python"
    pip_install(wheel, python=interpreter)
    return interpreter


@pytest.fixture
def plugin(tmp_path):
    """Return a function that builds and installs a distribution with one metric."""

    def install(distribution, *, metric="largest_loss", source=PLUGIN):
        module = distribution.replace("-", "_")
        project, wheels = tmp_path / distribution, tmp_path / f"{distribution}-wheel"
        project.mkdir()
        wheels.mkdir()
        description = PROJECT.format(
            distribution=distribution, metric=metric, module=module
        )
        (project / "pyproject.toml").write_text(description, encoding="utf-8")
        (project / f"{module}.py").write_text(source, encoding="utf-8")
        target = tmp_path / "plugins"
        pip_install(build(project, wheels), "--target", str(target))
        return target

    return install


def test_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0].partition("-")[0] for name in names}
    assert tops == {"memmetrics"}
    assert "memmetrics/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    modules = (ROOT / "memmetrics").rglob("*.py")
    assert {str(path.relative_to(ROOT)) for path in modules} <= set(names)


@pytest.mark.slow
def test_wheel_works_without_extras_and_without_a_compiler(python):
    done = run(python, "-c", BARE, *EXTRAS, PATH="", CC="", CXX="")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_wheel_and_source_pass_the_usual_checks(wheel, tmp_path):
    pytest.importorskip("twine")
    pytest.importorskip("check_wheel_contents")
    source = build(ROOT, tmp_path, "sdist")
    done = run(sys.executable, "-m", "twine", "check", "--strict", wheel, source)
    assert done.returncode == 0, done.stdout
    done = run(sys.executable, "-m", "check_wheel_contents", wheel)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_wheel_is_built_from_the_source_distribution_alone(wheel, tmp_path):
    for name in ("source", "unpacked", "wheel"):
        (tmp_path / name).mkdir()
    with tarfile.open(build(ROOT, tmp_path / "source", "sdist")) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    rebuilt = build(unpacked, tmp_path / "wheel")
    assert zipfile.ZipFile(rebuilt).namelist() == zipfile.ZipFile(wheel).namelist()
    expected = {"README.md", "CHANGELOG.md", "CITATION.cff", "LICENSE", "Makefile"}
    assert expected <= {path.name for path in unpacked.iterdir()}


def test_installed_wheel_is_what_gets_imported(python):
    code = "import memmetrics as mm; print(mm.__file__); mm.ToyTrainer; mm.leverage"
    done = run(python, "-c", code)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(python.parents[1])


def test_installed_command_lists_our_metrics(python):
    done = run(python.parent / "memmetrics", "list")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    assert {row[0] for row in rows} >= {"leverage", "train_test_gap"}
    assert {row[-1] for row in rows} == {"memmetrics"}


def test_plugin_runs_by_name(python, plugin):
    done = run(python, "-c", MEASURE, path=plugin("metric-of-others"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import no_such_module", "No module named 'no_such_module'"),
        ("class LargestLoss: name = 'largest_loss'", "no attribute `version`"),
        ("1 / 0", "ZeroDivisionError"),
    ],
    ids=["missing import", "not a metric", "raises"],
)
def test_broken_plugin_is_named(python, plugin, source, cause):
    path = plugin("broken-plugin", source=source)
    done = run(python, "-m", "memmetrics", "measure", "largest_loss", path=path)
    assert done.returncode == 2
    assert "broken-plugin 1.0" in done.stderr
    assert cause in done.stderr


def test_broken_plugin_harms_no_other_metric(python, plugin):
    path = plugin("broken-plugin", source="1 / 0")
    done = run(python, "-m", "memmetrics", "list", path=path)
    assert done.returncode == 0
    assert "train_test_gap" in done.stdout
    assert "broken-plugin" in done.stderr


def test_duplicate_plugins_are_both_named(python, plugin):
    plugin("first-of-two")
    path = plugin("second-of-two")
    done = run(python, "-m", "memmetrics", "measure", "largest_loss", path=path)
    assert done.returncode == 2
    assert "first-of-two 1.0 and second-of-two 1.0" in done.stderr


def test_plugin_may_not_take_a_name_of_ours(python, plugin):
    path = plugin("impostor", metric="leverage")
    done = run(python, "-m", "memmetrics", "measure", "leverage", path=path)
    assert done.returncode == 2
    assert "impostor 1.0 and memmetrics" in done.stderr
