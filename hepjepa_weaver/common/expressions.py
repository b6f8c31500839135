"""Conditions that people type, such as `(jet_pt > 300) & (np.abs(jet_eta) < 2)`: arithmetic of arrays alone."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.Mod: operator.mod, ast.BitAnd: operator.and_, ast.BitOr: operator.or_,
    ast.USub: operator.neg, ast.Invert: operator.invert, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
FUNCTIONS = ("abs", "sqrt", "log", "exp", "hypot", "sin", "cos", "arctan2", "isfinite", "minimum", "maximum", "isin")
"""Functions of numpy that an expression may call, as `np.abs`."""


def evaluated(expression: str, columns: Mapping[str, Any]) -> Any:
    """Return the value of an expression of columns.

    Raises:
        ValueError: it is no expression, or holds what is not known here; the message names it.
    """
    try:
        tree = ast.parse(expression, mode="eval")
    except SyntaxError as error:
        raise ValueError(f"it is no expression ({error.msg})") from error
    return _value(tree.body, columns)


def _value(node: ast.AST, columns: Mapping[str, Any]) -> Any:  # noqa: PLR0911 - one for each kind of node
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.Name(id=name) if name in columns:
            return columns[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return OPERATORS[type(op)](_value(left, columns), _value(right, columns))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in OPERATORS:
            return OPERATORS[type(op)](_value(operand, columns))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in OPERATORS:
            return OPERATORS[type(op)](_value(left, columns), _value(right, columns))
        case ast.List(elts=items):
            return [_value(item, columns) for item in items]
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr=name), args=arguments, keywords=[]) if (
            name in FUNCTIONS
        ):
            return getattr(np, name)(*(_value(argument, columns) for argument in arguments))
    known = f"columns, numbers, arithmetic, comparisons by two, &, |, ~ and np.{', np.'.join(FUNCTIONS)}"
    raise ValueError(f"`{ast.unparse(node)}` is not known here: there are {known}")
