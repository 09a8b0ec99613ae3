"""A calculator that models may call."""

import ast
import fractions
import operator

TOOL = {
    "type": "function",
    "function": {
        "name": "calculator",
        "description": "Evaluates an arithmetic expression.",
        "parameters": {
            "type": "object",
            "properties": {
                "expression": {"type": "string", "description": "The expression, such as 12 * 7."}
            },
            "required": ["expression"],
        },
    },
}

OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
LONGEST = 100


def evaluate(expression):
    """What an expression of numbers comes to, as text; there is one for anything."""
    try:
        if not isinstance(expression, str) or len(expression) > LONGEST:
            raise ValueError("no expression")
        return str(value(ast.parse(expression.strip(), mode="eval").body))
    except (ArithmeticError, KeyError, SyntaxError, ValueError):
        return "error: this is no arithmetic"


def value(node):
    """The number that a part of an expression stands for."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return fractions.Fraction(number)
        case ast.BinOp(left=left, op=op, right=right):
            return OPERATORS[type(op)](value(left), value(right))
        case ast.UnaryOp(op=op, operand=operand):
            return OPERATORS[type(op)](value(operand))
    raise ValueError("no number")
