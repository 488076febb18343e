"""What a function's code says, whatever its layout, and where it comes from."""

from __future__ import annotations

import ast
import dis
import hashlib
import linecache
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

# Fields of a syntax tree that say nothing about what the code does.
_SILENT = {"ctx", "kind", "returns", "type_comment", "type_params"}


@dataclass(frozen=True)
class Code:
    """What is known of a function's code.

    Parameters
    ----------
    content : dict
        Digest of its syntax tree; of its bytecode, and for which Python that is, where
        no source can be found.
    annotations : frozenset of str
        Names that are mentioned in annotations only.
    """

    content: dict[str, str]
    annotations: frozenset[str] = frozenset()


def code_of(function: FunctionType) -> Code:
    """Return what a function's code says.

    Comments, docstrings, annotations, layout and the function's own name make no
    difference; default values do not either, since they are values of the function.

    Examples
    --------
    >>> code_of(lambda x: x + 1) == code_of(lambda x:    (x + 1))
    True
    >>> code_of(lambda x: x + 1) == code_of(lambda x: x + 2)
    False
    """
    code = function.__code__
    linecache.checkcache(code.co_filename)
    text = "".join(linecache.getlines(code.co_filename, function.__globals__))
    node = _node(text, code) if text else None
    if node is None:
        digest = _digest(_instructions(code))
        python = ".".join(platform.python_version_tuple()[:2])
        return Code({"bytecode": digest, "python": python})
    plain = _plain(_without_header(node))
    mentioned = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return Code({"source": _digest(plain)}, frozenset(mentioned - set(_names(plain))))


def inner_codes(code: CodeType) -> list[CodeType]:
    """Return the code of the functions and classes that are made inside some code."""
    return [item for item in code.co_consts if isinstance(item, CodeType)]


@lru_cache(maxsize=32)
def _parsed(text: str) -> tuple[list[Any], list[CodeType]]:
    """Return all functions of a file: their syntax trees, and their code."""
    tree = ast.parse(text)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    nodes: list[Any] = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    codes = [compile(tree, "", "exec", dont_inherit=True)]
    for code in codes:
        codes.extend(inner_codes(code))
    return nodes, codes


def _node(text: str, code: CodeType) -> Any:
    """Return the syntax tree that some code was compiled from, None if none is."""
    try:
        nodes, codes = _parsed(text)
    except (SyntaxError, ValueError):
        return None
    # A file may have been edited since: only what still compiles to this code counts.
    where = list(code.co_positions())
    if not any(
        other.co_name == code.co_name
        and list(other.co_positions()) == where
        and _instructions(other) == _instructions(code)
        for other in codes
    ):
        return None
    fitting = [node for node in nodes if _begins(node) == _beginning(code)]
    if len(fitting) > 1:  # lambdas on one line: the body's place tells them apart
        fitting = [node for node in fitting if _body_span(node) in where]
    return fitting[0] if len(fitting) == 1 else None


def _begins(node: Any) -> tuple[str, int]:
    lines = [node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]
    return getattr(node, "name", "<lambda>"), min(lines)


def _beginning(code: CodeType) -> tuple[str, int]:
    return code.co_name, code.co_firstlineno


def _body_span(node: Any) -> tuple[int | None, ...] | None:
    if not isinstance(node, ast.Lambda):
        return None
    body = node.body
    return body.lineno, body.end_lineno, body.col_offset, body.end_col_offset


def _without_header(node: Any) -> list[Any]:
    """Return parameters and body of a function, not its name, defaults, decorators."""
    parameters = [
        (kind, [argument.arg for argument in getattr(node.args, kind)])
        for kind in ("posonlyargs", "args", "kwonlyargs")
    ]
    stars = [getattr(star, "arg", None) for star in (node.args.vararg, node.args.kwarg)]
    asynchronous = isinstance(node, ast.AsyncFunctionDef)
    return [parameters, stars, asynchronous, node.body]


def _plain(node: Any) -> Any:
    """Return a syntax tree as nested tuples, without what does nothing."""
    if isinstance(node, (list, tuple)):
        return tuple(_plain(item) for item in node if not _is_idle(item))
    if not isinstance(node, ast.AST):
        return _constant(node)
    if isinstance(node, ast.ClassDef):
        # Fields of a class need their annotations, if only to be there.
        node = ast.ClassDef(**{**dict(ast.iter_fields(node)), "body": _fields(node)})
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        node = ast.Assign(targets=[node.target], value=node.value)
    if isinstance(node, ast.Set) and all(
        isinstance(e, ast.Constant) for e in node.elts
    ):
        return ("Set", *sorted(repr(_plain(element)) for element in node.elts))
    if isinstance(node, ast.arg):
        return ("arg", node.arg)
    fields = [
        (name, _plain(value))
        for name, value in ast.iter_fields(node)
        if name not in _SILENT and value is not None and value != []
    ]
    if isinstance(node, ast.Constant):
        fields = [("value", _constant(node.value))]
    return (type(node).__name__, *fields)


def _fields(node: ast.ClassDef) -> list[Any]:
    return [
        ast.Expr(ast.Tuple([item.target, item.annotation, *filter(None, [item.value])]))
        if isinstance(item, ast.AnnAssign)
        else item
        for item in node.body
    ]


def _is_idle(node: Any) -> bool:
    """Return whether a statement does nothing: a docstring, say."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    bare = isinstance(node, ast.AnnAssign) and node.value is None
    return bare or isinstance(node, ast.Pass)


def _names(plain: Any) -> Iterator[str]:
    """Yield the name of every variable in nested tuples."""
    if isinstance(plain, tuple):
        if len(plain) == 2 and plain[0] == "Name":
            yield ast.literal_eval(plain[1][1][1])
        for item in plain:
            yield from _names(item)


def _instructions(code: CodeType) -> Any:
    """Return what bytecode does, free of file names and line numbers."""
    head = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
    names = (code.co_varnames, code.co_freevars, code.co_flags)
    steps = [
        (step.opname, _constant(step.argval)) for step in dis.get_instructions(code)
    ]
    return (head, names, tuple(steps), code.co_exceptiontable)


def _constant(value: Any) -> Any:
    """Return a constant with its type, in an order that no hash seed changes."""
    if isinstance(value, CodeType):
        return ("code", _instructions(value))
    if isinstance(value, frozenset):
        return ("frozenset", *sorted(repr(_constant(item)) for item in value))
    if isinstance(value, tuple):
        return ("tuple", *(_constant(item) for item in value))
    if isinstance(value, int) and not isinstance(value, bool):
        return ("int", hex(value))
    return (type(value).__name__, repr(value))


def _digest(content: Any) -> str:
    return hashlib.sha256(repr(content).encode()).hexdigest()[:16]
