"""What a trusted program may leave in its process for its next input to find.

Inputs share a child only if the answer is nothing, for each run has a namespace
of its own. What is overlooked here costs no wrong verdict where a program is run
twice: the second worker gets the inputs in reverse.
"""

import ast

# Modules whose state programs change without naming it as a module's, such as the context of decimal.
STATEFUL_MODULES = frozenset(["decimal"])
MUTATORS = frozenset("add append clear discard extend insert pop popitem register remove reverse setdefault sort update".split())


def root_of(node):
    """Returns the name that a chain of attributes, subscripts and calls begins with, or None."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def changes_import(node, imported):
    if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
        return root_of(node) in imported
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
        return not isinstance(node.func.value, ast.Call) and root_of(node.func) in imported
    if isinstance(node, ast.Assign) and isinstance(node.value, (ast.Name, ast.Attribute)):
        return root_of(node.value) in imported
    return False


def keeps_state(program):
    """Tells whether a run of the program may leave something in its process, beyond its own namespace, for the next run to find.

    It is for honest programs: they change what they have imported or not at all. Anything beyond the modules that a task may import is taken to.
    """
    try:
        tree = ast.parse(program)
    except (SyntaxError, ValueError):
        return True
    imported = imported_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            if any(name.partition(".")[0] in STATEFUL_MODULES or name.partition(".")[0] not in ALLOWED_MODULES for name in names):
                return True
        if changes_import(node, imported):
            return True
    return False
