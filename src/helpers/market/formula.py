"""Formulas of a sizing as text: names, numbers, + - * /, brackets, `share_of(whole, share)` and `total(a, b, ...)`.

Text is read by Python's own parser and walked, never executed, so nothing but arithmetic can be written. What the
module cannot do: powers, functions of the analyst's own, conditions. A sizing that needs them is no sizing.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import lru_cache, reduce
from operator import add, mul, sub, truediv
from typing import Any

import numpy as np

from helpers.errors import ParameterError

OPERATORS: dict[type, Callable] = {ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.Div: truediv}
FUNCTIONS = {"share_of": "share_of(whole, share)", "total": "total(a, b, ...)"}
LONGEST, DEEPEST = 2_000, 40
ALLOWED = "names, numbers, + - * /, brackets, share_of(whole, share) and total(a, b, ...)"


@lru_cache(maxsize=1024)
def parse(text: str, node: str = "") -> ast.expr:
    """The formula as a tree that holds nothing but arithmetic.

    Parameters
    ----------
    text : str
    node : str
        That it belongs to, for messages.

    Raises
    ------
    ParameterError
        It is no formula, or holds what is not allowed.
    """
    where = f"the formula of {node}" if node else "the formula"
    if len(text) > LONGEST:
        raise ParameterError(f"{where} has {len(text):,} characters, at most {LONGEST:,}: split it into nodes")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ParameterError(f"{where} {text!r} cannot be read: {type(error).__name__}") from None
    _check(tree, where, text, DEEPEST)
    return tree


def _check(tree: ast.expr, where: str, text: str, left: int) -> None:
    if left == 0:
        raise ParameterError(f"{where} is nested more than {DEEPEST} deep: split it into nodes")
    if not _is_allowed(tree):
        raise ParameterError(f"{where} {text!r} holds {ast.unparse(tree)!r}: a formula has {ALLOWED}")
    for part in parts_of(tree):
        _check(part, where, text, left - 1)


def _is_allowed(tree: ast.expr) -> bool:
    match tree:
        case ast.Name():
            return tree.id not in FUNCTIONS
        case ast.Constant(value=value):
            return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(float(value)))
        case ast.BinOp():
            return type(tree.op) in OPERATORS
        case ast.UnaryOp():
            return isinstance(tree.op, ast.USub)
        case ast.Call(func=ast.Name(id=name), args=given, keywords=[]):
            return (name == "share_of" and len(given) == 2) or (name == "total" and len(given) >= 2)
    return False


def parts_of(tree: ast.expr) -> list[ast.expr]:
    """Expressions right below one; none below a name or a number."""
    match tree:
        case ast.BinOp():
            return [tree.left, tree.right]
        case ast.UnaryOp():
            return [tree.operand]
        case ast.Call():
            return tree.args
    return []


def names_in(text: str, node: str = "") -> tuple[str, ...]:
    """Names that a formula calls, each once, in the order of reading."""
    return tuple(dict.fromkeys(_names(parse(text, node))))


def _names(tree: ast.expr) -> list[str]:
    return [tree.id] if isinstance(tree, ast.Name) else [name for part in parts_of(tree) for name in _names(part)]


def addends(tree: ast.expr) -> list[ast.expr]:
    """The parts that a formula adds up at its top; one part where it is no sum."""
    match tree:
        case ast.Call(func=ast.Name(id="total")):
            return [part for given in tree.args for part in addends(given)]
        case ast.BinOp(op=ast.Add()):
            return addends(tree.left) + addends(tree.right)
    return [tree]


def compute(tree: ast.expr, values: Mapping[str, Any], node: str = "") -> Any:
    """The formula's value.

    Parameters
    ----------
    tree : ast.expr
        From `parse`.
    values : mapping of str to float or array
        For each name.
    node : str
        For messages.

    Raises
    ------
    ParameterError
        A share beyond 0 and 1.
    """
    match tree:
        case ast.Name():
            return values[tree.id]
        case ast.Constant():
            return float(tree.value)
        case ast.UnaryOp():
            return -compute(tree.operand, values, node)
        case ast.BinOp():
            return OPERATORS[type(tree.op)](compute(tree.left, values, node), compute(tree.right, values, node))
    given = [compute(part, values, node) for part in tree.args]
    if tree.func.id == "total":
        return reduce(add, given)
    whole, share = given
    _refuse_beyond(share, ast.unparse(tree.args[1]), node)
    return whole * share


def _refuse_beyond(share: Any, text: str, node: str) -> None:
    low, high = np.min(share), np.max(share)
    if low < -1e-12 or high > 1 + 1e-12:
        beyond = low if low < 0 else high
        raise ParameterError(f"{node} takes the share {text}, which lies between 0 and 1, got {beyond:.4g}")
