"""The house: arrows go one way, rooms are small, and doors are marked.

Read from the source alone, nothing is imported. An ``__init__`` is an address: what it
exports is found by its name elsewhere, so that it is no part of the graph.
"""

from __future__ import annotations

import ast
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import memmetrics

HOME = Path(memmetrics.__file__).parent
FILES = sorted(HOME.rglob("*.py"))

# Each imports from those before it only. Rooms of one line know nothing of each other.
LAYERS = [
    ["errors", "_seeds"],
    ["_arrays"],
    ["geometry", "identity", "designs", "evidence", "result"],
    ["statistics", "trainers"],
    ["selection"],
    ["metrics", "experiment", "_selected"],
    ["planning", "measurement", "selection_spectrum"],
    ["plotting", "testing", "command_line"],
]


class Import(NamedTuple):
    """One name that a file takes from another."""

    file: Path
    line: int
    source: Path
    name: str | None


def module_path(name):
    """Return the file of a module, None if there is no such module of ours."""
    path = HOME.parent / name.replace(".", "/")
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def imports_of(file):
    """Yield what a file takes from others of the package, wherever it does."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == HOME.name:
                    yield Import(file, node.lineno, module_path(alias.name), None)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            if node.module.partition(".")[0] != HOME.name:
                continue
            for alias in node.names:
                inner = module_path(f"{node.module}.{alias.name}")
                if inner is not None:
                    yield Import(file, node.lineno, inner, None)
                else:
                    source = module_path(node.module)
                    yield Import(file, node.lineno, source, alias.name)


def exported(file):
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def room(file):
    """Return the top-level folder, or file, that a file is in."""
    return file.relative_to(HOME).parts[0].removesuffix(".py")


def home_of(name, source):
    """Return the file where a name that an ``__init__`` exports is from."""
    while source.name == "__init__.py" and name is not None:
        source = next((i.source for i in imports_of(source) if i.name == name), source)
        if source.name == "__init__.py" and name not in {
            i.name for i in imports_of(source)
        }:
            break
    return source


IMPORTS = [
    each
    for file in FILES
    if file.name not in ("__init__.py", "__main__.py")
    for each in imports_of(file)
]


def graph_of(node):
    """Return which nodes each node imports from; `node` says where a file belongs."""
    graph = {}
    for each in IMPORTS:
        source = home_of(each.name, each.source)
        if source == HOME / "__init__.py":  # for the version
            continue
        here, there = node(each.file), node(source)
        if here != there:
            graph.setdefault(here, set()).add(there)
    return graph


def cycle_in(graph):
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [str(node) for node in error.args[1]]
    return []


def test_no_circle_between_files():
    assert cycle_in(graph_of(lambda file: file.relative_to(HOME))) == []


def test_no_circle_between_rooms():
    assert cycle_in(graph_of(room)) == []


def test_no_circle_between_folders():
    # A folder may know those inside it, which then must not know the folder.
    def folder(file):
        inside = file.relative_to(HOME)
        return inside.parent if len(inside.parts) > 1 else inside

    assert cycle_in(graph_of(folder)) == []


def test_arrows_go_one_way():
    level = {name: place for place, names in enumerate(LAYERS) for name in names}
    rooms = {room(file) for file in FILES} - {"__init__", "__main__"}
    assert rooms <= set(level), "give every room its place in LAYERS"
    wrong = [
        f"{here} imports from {there}"
        for here, sources in graph_of(room).items()
        for there in sources
        if level[there] >= level[here]
    ]
    assert wrong == []


def test_what_other_rooms_use_is_exported():
    hidden = {
        f"{each.source.relative_to(HOME)}: {each.name}"
        for each in IMPORTS
        if each.name is not None
        and room(each.file) != room(each.source)
        and each.source != HOME / "__init__.py"
        and each.name not in exported(each.source)
    }
    assert sorted(hidden) == []


def test_what_is_exported_is_there():
    for file in FILES:
        tree = ast.parse(file.read_text())
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        kinds = (ast.FunctionDef, ast.ClassDef)
        names |= {node.name for node in tree.body if isinstance(node, kinds)}
        names |= {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        assert exported(file) <= names, file


def test_files_are_short():
    lengths = {file: len(file.read_text().splitlines()) for file in FILES}
    assert {file: lines for file, lines in lengths.items() if lines > 400} == {}


@pytest.mark.xfail(strict=True, reason="metrics/ has one file too many")
def test_folders_are_small():
    rooms = Counter(file.parent for file in FILES if file.name != "__init__.py")
    assert [folder for folder, files in rooms.items() if files > 15] == []


def test_circles_are_seen():
    assert cycle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != []
    assert cycle_in({"a": {"b", "c"}, "b": {"c"}}) == []
