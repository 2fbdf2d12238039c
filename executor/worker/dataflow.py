"""Finds out, without running it, that f's output cannot depend on its input.

It is a light analysis that errs on the program's side: what it cannot follow
counts as use. Names are followed, and of values that nothing is left of a factor
of zero and its like, so f may still be constant.
"""

import ast


def entry_function(tree):
    """Returns the function that f names when the program has run, or None where that is not plain to see."""
    found = None
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "f":
            found = None if node.decorator_list else node
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda) and [ast.unparse(t) for t in node.targets] == ["f"]:
            found = node.value
        elif any(binds(part, "f") for part in ast.walk(node)):
            found = None
    return found


def binds(node, name):
    if isinstance(node, ast.Name):
        return node.id == name and not isinstance(node.ctx, ast.Load)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return node.name == name
    return isinstance(node, ast.alias) and (node.asname or node.name).partition(".")[0] in (name, "*")


def ignored_input(tree):
    """Returns a refusal if no parameter of f can have a part in what it returns, as far as can be seen without running it."""
    f = entry_function(tree)
    if f is None:
        return None
    a = f.args
    parameters = [p.arg for p in [*a.posonlyargs, *a.args, a.vararg, *a.kwonlyargs, a.kwarg] if p]
    if not parameters:
        return f"output does not depend on the input: f has no parameter, line {f.lineno}"
    body = f.body if isinstance(f.body, list) else [ast.Return(f.body)]
    live = names_that_matter(body)
    for p in parameters:
        if p in live and not reassigned_first(body, p):
            return None
    used = [p for p in parameters if any(isinstance(n, ast.Name) and n.id == p for s in body for n in ast.walk(s))]
    how = f"{used[0]} is never used before it is assigned or has no effect" if used else f"{parameters[0]} is never used"
    return f"output does not depend on the input: {how}, line {f.lineno}"


def is_fixed(node):
    """Tells whether an expression of quiet parts has the same value, whatever its names stand for."""
    if isinstance(node, ast.BinOp):
        zero = any(isinstance(side, ast.Constant) and side.value == 0 for side in (node.left, node.right))
        if isinstance(node.op, (ast.Mult, ast.BitAnd)):
            return zero
        if isinstance(node.op, ast.Pow):
            return isinstance(node.right, ast.Constant) and node.right.value == 0
        return isinstance(node.op, (ast.Sub, ast.BitXor)) and ast.dump(node.left) == ast.dump(node.right)
    if isinstance(node, ast.BoolOp):
        first = node.values[0]
        return isinstance(first, ast.Constant) and bool(first.value) == isinstance(node.op, ast.Or)
    return False


def loads(node):
    """Returns the names that a node's value or doing depends on."""
    if is_fixed(node) and not may_act(node):
        return set()
    found = {node.id} if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) else set()
    return found.union(*(loads(child) for child in ast.iter_child_nodes(node)))


def plain_targets(statement):
    """Returns the names that an assignment gives values to; None if the statement is anything else, or may do more than that."""
    if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)) and statement.value is not None:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        if all(isinstance(t, ast.Name) for t in targets) and not may_act(statement.value):
            return {t.id for t in targets}
    if isinstance(statement, ast.Pass) or isinstance(statement, ast.Expr) and not may_act(statement.value):
        return set()
    return None


QUIET = (
    ast.Name, ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.expr_context, ast.Compare, ast.cmpop, ast.BoolOp, ast.boolop,
    ast.UnaryOp, ast.unaryop, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Pow, ast.BitAnd, ast.BitOr, ast.BitXor, ast.IfExp,
)  # fmt: skip


def may_act(expression):
    """Tells whether an expression may do more than give a value of names, constants, containers, and what is computed and compared of them."""
    return not all(isinstance(node, QUIET) for node in ast.walk(expression))


def idle_parts(statements):
    """Returns what the statements assign and what that depends on, a pair for each, or None if one may do more than that.

    What an if assigns depends on its test too.
    """
    idle = []
    for statement in statements:
        targets = plain_targets(statement)
        if targets is not None:
            idle.append((targets, loads(statement)))
            continue
        if not isinstance(statement, ast.If) or may_act(statement.test):
            return None
        inner = idle_parts(statement.body + statement.orelse)
        if inner is None:
            return None
        idle += inner
        idle.append(({name for targets, _ in inner for name in targets}, loads(statement.test)))
    return idle


def names_that_matter(body):
    """Returns the names whose values reach more than assignments to names that do not matter themselves."""
    live, idle = set(), []
    stack = list(body)
    while stack:
        node = stack.pop()
        parts = idle_parts([node]) if isinstance(node, ast.stmt) else None
        if parts is not None:
            idle += parts
        elif isinstance(node, (ast.If, ast.For, ast.While, ast.With, ast.Try)):
            for child in ast.iter_child_nodes(node):
                stack.append(child)
        else:
            live |= loads(node)
            live |= {name for n in ast.walk(node) if isinstance(n, (ast.Global, ast.Nonlocal)) for name in n.names}
            live |= {n.target.id for n in ast.walk(node) if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)}
    while True:
        more = {name for targets, given in idle if targets & live for name in given} - live
        if not more:
            return live
        live |= more


def reassigned_first(body, name):
    """Tells whether a statement that is always run gives the name another value before anything reads it."""
    for statement in body:
        if name in {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Store)}:
            return False
        if isinstance(statement, ast.AugAssign) or any(isinstance(n, (ast.Global, ast.Nonlocal)) for n in ast.walk(statement)):
            return False
        if isinstance(statement, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in statement.targets):
            return True
        if isinstance(statement, (ast.Return, ast.Raise)):
            return False
    return False
