"""Measures a program by its syntax tree. It never runs it.

The trainer runs this file like any other program, in the sandbox, and calls f
with the program and those that it may differ from, all of them as strings. The
answer is JSON: the names of azr.Measures.
"""

import ast
import json
import math
from collections import Counter
from difflib import SequenceMatcher

# The largest prime below 2 ** 128.
PRIME = 2**128 - 159
IGNORED_FIELDS = {"ctx", "annotation", "returns", "type_comment", "kind", "simple", "type_params"}
NOT_COUNTED = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Return, ast.Pass, ast.Global, ast.Nonlocal,
)


def has_no_effect(node):
    """Docstrings, and names and constants that stand alone."""
    return isinstance(node, ast.Expr) and isinstance(node.value, (ast.Constant, ast.Name))


def bound_names(tree):
    """Returns the names that the program gives to things of its own, and those of them that are parameters."""
    names, parameters = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            parameters.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.alias) and node.asname:
            names.add(node.asname)
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            names.add(node.name)
    return (names | parameters) - {"f"}, parameters


class Flattener:
    """Writes a tree as a list of tokens in which the names of the program's own things are their numbers."""

    def __init__(self, tree):
        self.own, self.parameters = bound_names(tree)
        self.numbers = {}
        self.tokens = []
        self.visit(tree)

    def name(self, text):
        if text not in self.own:
            return text
        return "$" + str(self.numbers.setdefault(text, len(self.numbers)))

    def visit(self, node):
        if isinstance(node, ast.AnnAssign):
            node = ast.Assign([node.target], node.value) if node.value else ast.Expr(node.target)
        if has_no_effect(node):
            return
        if isinstance(node, ast.Constant):
            self.tokens.append(type(node.value).__name__ + " " + repr(node.value))
            return
        self.tokens.append("(" + type(node).__name__)
        for field, value in ast.iter_fields(node):
            if field not in IGNORED_FIELDS:
                self.field(node, field, value)
        self.tokens.append(")")

    def field(self, node, field, value):
        if isinstance(value, ast.AST):
            self.visit(value)
        elif isinstance(value, list):
            self.tokens.append("[")
            for item in value:
                self.field(node, field, item)
            self.tokens.append("]")
        elif isinstance(value, str):
            foreign = isinstance(node, (ast.Attribute, ast.ImportFrom)) or isinstance(node, ast.alias) and field == "name"
            foreign |= isinstance(node, ast.keyword) and value not in self.parameters
            self.tokens.append(value if foreign else self.name(value))
        else:
            self.tokens.append(repr(value))


def fingerprint(tokens):
    return format(int.from_bytes("\n".join(tokens).encode("utf-8", "surrogatepass"), "big") % PRIME, "032x")


def without_constant(token):
    """Constants are the tokens with a blank; of theirs the type is left."""
    return token.partition(" ")[0]


def distance(tokens, references):
    if not references:
        return 0.0
    others = [Flattener(ast.parse(r)).tokens for r in references]
    return sum(1 - SequenceMatcher(None, o, tokens, False).ratio() for o in others) / len(others)


def size(tree):
    return sum(isinstance(n, ast.stmt) and not isinstance(n, NOT_COUNTED) and not has_no_effect(n) for n in ast.walk(tree))


def cognitive(node, nesting=0):
    """Cognitive complexity: one for each break of the linear flow, and one more for each level that it is nested in."""
    total, inside = 0, nesting
    if isinstance(node, (ast.If, ast.For, ast.AsyncFor, ast.While, ast.IfExp, ast.ExceptHandler, ast.Match)):
        total, inside = 1 + nesting, nesting + 1
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        inside = nesting + 1
        if isinstance(node, ast.FunctionDef):
            total = any(isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == node.name for n in ast.walk(node))
    elif isinstance(node, ast.BoolOp):
        total = 1
    for field, value in ast.iter_fields(node):
        children = [child for child in (value if isinstance(value, list) else [value]) if isinstance(child, ast.AST)]
        if field == "orelse" and isinstance(node, ast.If) and len(children) == 1 and isinstance(children[0], ast.If):
            total += cognitive(children[0], nesting) - nesting  # elif: a level of its own, but not a deeper one
            continue
        total += sum(cognitive(child, inside) for child in children)
        total += field == "orelse" and isinstance(value, list) and bool(children)
    return total


def cyclomatic(function):
    """McCabe's number of independent paths."""
    total = 1
    for node in ast.walk(function):
        if isinstance(node, (ast.If, ast.For, ast.AsyncFor, ast.While, ast.IfExp, ast.ExceptHandler, ast.Assert)):
            total += 1
        elif isinstance(node, ast.BoolOp):
            total += len(node.values) - 1
        elif isinstance(node, ast.comprehension):
            total += 1 + len(node.ifs)
    return total


def operations(tree):
    """Yields each operation as its operators' names and its operands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp):
            yield [node.op], [node.left, node.right]
        elif isinstance(node, ast.AugAssign):
            yield [node.op], [node.target, node.value]
        elif isinstance(node, ast.UnaryOp):
            yield [node.op], [node.operand]
        elif isinstance(node, ast.BoolOp):
            yield [node.op], node.values
        elif isinstance(node, ast.Compare):
            yield node.ops, [node.left, *node.comparators]


def halstead(tree):
    """A mixture of Halstead's effort and volume and of McCabe's number, each cut at 1."""
    operators, operands = Counter(), Counter()
    for ops, values in operations(tree):
        operators.update(type(op).__name__ for op in ops)
        operands.update(ast.dump(v) for v in values)
    vocabulary = len(operators) + len(operands)
    volume = (operators.total() + operands.total()) * math.log2(vocabulary) if vocabulary else 0.0
    effort = volume * len(operators) / 2 * operands.total() / len(operands) if operands else 0.0
    paths = max([cyclomatic(n) for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)], default=0)
    return 0.5 * min(effort / 1e4, 1) + 0.3 * min(paths / 10, 1) + 0.2 * min(volume / 500, 1)


def standalone(tree):
    """Tells whether f can get another name by changing the word f wherever it stands for a name."""
    *imports, last = tree.body or [None]
    if not isinstance(last, ast.FunctionDef) or last.name != "f" or not all(isinstance(n, (ast.Import, ast.ImportFrom)) for n in imports):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "f" or isinstance(node, ast.alias) and "f" in (node.name, node.asname):
            return False
        if isinstance(node, ast.JoinedStr) and any(isinstance(n, ast.Name) and n.id == "f" for n in ast.walk(node)):
            return False
    return True


def f(program, references):
    tree = ast.parse(program)
    tokens = Flattener(tree).tokens
    return json.dumps({
        "program": fingerprint(tokens),
        "skeleton": fingerprint([without_constant(t) for t in tokens]),
        "size": size(tree),
        "complexity": float(sum(cognitive(n, -isinstance(n, ast.FunctionDef)) for n in tree.body)),
        "halstead": float(halstead(tree)),
        "distance": float(distance(tokens, references)),
        "standalone": standalone(tree),
    })
