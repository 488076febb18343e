"""Write marked loops out, so that what is left is straight-line code.

Numba turns a loop into vector instructions only when what is inside it is
straight-line code and its sums are local variables. What is to be compiled marks such
loops, in Python that also runs as it stands:

``for k in unrolled(UNITS): ...``
    is the body, once for each ``k``;
``sum(... for k in unrolled(UNITS))``
    is the terms with a plus between them;
``h, w = registers(2)``, and from then on ``h[q, k]`` and ``w[k]``
    are local variables, one for every index.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Container, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

__all__ = ["registers", "specialized", "unrolled"]


def unrolled(count: int) -> range:
    """Return the indices of a loop that is to be written out."""
    return range(count)


def registers(count: int) -> tuple[dict[Any, Any], ...]:
    """Return so many families of local variables, whose members differ by index."""
    return tuple({} for _ in range(count))


def specialized(
    modules: Sequence[ModuleType],
    constants: Mapping[str, int],
    *,
    write_out: bool = True,
) -> dict[str, Any]:
    """Execute modules once more with other `constants`; return all that they define.

    Parameters
    ----------
    modules : sequence of module
        In an order in which each imports only from those before it.
    constants : mapping of str to int
        Instead of the values that they are given at the top level of a module.
    write_out : bool
        Whether to write out what is marked, or to leave it as it is.
    """
    names = {module.__name__ for module in modules}
    namespace: dict[str, Any] = {"__name__": modules[-1].__name__}
    for module in modules:
        source = inspect.getsource(module)
        tree = ast.parse(source)
        tree.body = [line for line in tree.body if not _imports(line, names)]
        for line in tree.body:
            name = ast.unparse(line.targets[0]) if isinstance(line, ast.Assign) else ""
            if isinstance(line, ast.Assign) and name in constants:
                line.value = ast.copy_location(ast.Constant(constants[name]), line)
        if write_out and "unrolled" in source:
            tree = _WriteOut(constants).visit(tree)
        # Under the module's own file name: a traceback shows its lines, and numba
        # keeps a cache beside it.
        code = compile(tree, inspect.getfile(module), "exec")
        exec(code, namespace)  # noqa: S102 - the text of a module of ours
    return namespace


class _WriteOut(ast.NodeVisitor):
    """Repeat what is marked, with the loop's index as a number."""

    def __init__(self, constants: Mapping[str, int]) -> None:
        self.constants = constants
        self.families: set[str] = set()
        self.indices: dict[str, int] = {}

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        self.families = set()
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> Any:
        if not _calls(node.value, "registers"):
            return self.generic_visit(node)
        targets = ast.walk(node.targets[0])
        self.families |= {name.id for name in targets if isinstance(name, ast.Name)}
        return []

    def visit_For(self, node: ast.For) -> Any:
        if not _calls(node.iter, "unrolled"):
            return self.generic_visit(node)
        return [line for body in self._copies(node, node.body) for line in body]

    def visit_Call(self, node: ast.Call) -> Any:
        if not (_calls(node, "sum") and isinstance(node.args[0], ast.GeneratorExp)):
            return self.generic_visit(node)
        loop = node.args[0].generators[0]
        terms = [term for (term,) in self._copies(loop, [node.args[0].elt])]
        return functools.reduce(_sum, terms)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in self.indices:
            return node
        return ast.copy_location(ast.Constant(self.indices[node.id]), node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        node = self.generic_visit(node)
        if not (isinstance(node.value, ast.Name) and node.value.id in self.families):
            return node
        index = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        name = "_".join([node.value.id, *(str(ast.literal_eval(i)) for i in index)])
        return ast.copy_location(ast.Name(name, node.ctx), node)

    def generic_visit(self, node: ast.AST) -> Any:
        """Return a copy, since what is in a loop is visited several times."""
        fields = {name: self._visited(value) for name, value in ast.iter_fields(node)}
        return ast.copy_location(type(node)(**fields), node)

    def _visited(self, value: Any) -> Any:
        if isinstance(value, ast.AST):
            return self.visit(value)
        if not isinstance(value, list):
            return value
        visited = [self._visited(item) for item in value]
        nested = [item if isinstance(item, list) else [item] for item in visited]
        return [item for items in nested for item in items]

    def _copies(self, loop: Any, body: list[Any]) -> Iterator[list[Any]]:
        for index in range(self.constants[loop.iter.args[0].id]):
            self.indices[loop.target.id] = index
            yield self._visited(body)
        del self.indices[loop.target.id]


def _sum(left: ast.expr, right: ast.expr) -> ast.expr:
    return ast.copy_location(ast.BinOp(left, ast.Add(), right), left)


def _imports(line: ast.stmt, names: Container[str | None]) -> bool:
    return isinstance(line, ast.ImportFrom) and line.module in names


def _calls(node: ast.AST, function: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == function
    )
