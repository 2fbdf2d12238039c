"""The static gate for proposed programs.

It refuses what a task has no need of and what only a program that works against
its judge would use: modules that reach outside or are not deterministic, and
the ways into the interpreter's own objects. It is policy, not the boundary: a
determined program can get past any such list, and the sandbox does not rely on it.
"""

import ast
import re
import sys

ALLOWED_MODULES = frozenset(
    "__future__ abc array bisect cmath collections copy dataclasses decimal difflib enum fractions functools graphlib heapq "
    "itertools json math numbers operator re statistics string textwrap typing unicodedata".split()
)
BANNED_NAMES = frozenset(
    "__import__ __builtins__ __loader__ __spec__ breakpoint compile delattr eval exec exit getattr globals input locals open quit setattr vars".split()
)
# Names that a program may give to things of its own.
SHADOWABLE_NAMES = frozenset("exit input open quit vars".split())
BANNED_ATTRIBUTES = frozenset(
    "f_back f_builtins f_code f_globals f_locals f_trace gi_code gi_frame cr_code cr_frame ag_code ag_frame tb_frame tb_next "
    "co_code co_consts attrgetter methodcaller get_type_hints ForwardRef Formatter format_map".split()
)
# What classes define and call on super(); every other dunder name is a way into the interpreter.
ALLOWED_DUNDERS = frozenset(
    f"__{name}__"
    for name in "abs add and bool call contains delitem divmod doc enter eq exit float floordiv ge getitem gt hash iadd init int invert "
    "isub iter le len lt main matmul mod mul name ne neg new next or pos post_init pow radd repr reversed rmul rsub setitem slots str sub "
    "truediv xor".split()
)


def is_banned_name(name):
    dunder = name.startswith("__") and name.endswith("__") and len(name) > 4
    return name in BANNED_NAMES or name in BANNED_ATTRIBUTES or dunder and name not in ALLOWED_DUNDERS


def is_banned_member(name):
    """Tells whether a member of a module leads to another module or to its inside."""
    return name.startswith("_") or name in BANNED_ATTRIBUTES or name in sys.stdlib_module_names and name not in ALLOWED_MODULES


def banned_import(node):
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name.partition(".")[0] not in ALLOWED_MODULES:
                return "import of " + alias.name
    elif isinstance(node, ast.ImportFrom):
        if node.level or (node.module or "").partition(".")[0] not in ALLOWED_MODULES:
            return "import from " + (node.module or ".")
        for alias in node.names:
            if node.module != "__future__" and is_banned_member(alias.name):
                return "import of " + node.module + "." + alias.name
    return None


def attributes_of(node):
    """Returns the attributes of objects that a node names: with a dot, or in a class pattern of match."""
    if isinstance(node, ast.Attribute):
        return [node.attr]
    return node.kwd_attrs if isinstance(node, ast.MatchClass) else []


def is_banned_attribute(name):
    return name in BANNED_ATTRIBUTES or name.startswith("__") and is_banned_name(name)


def banned_use(node, modules, own, texts):
    if isinstance(node, ast.Name) and is_banned_name(node.id) and not (node.id in SHADOWABLE_NAMES and node.id in own):
        return "use of " + node.id
    for name in attributes_of(node):
        if is_banned_attribute(name):
            return "attribute " + name
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules and is_banned_member(node.attr):
        return "attribute " + node.attr
    return banned_text(node, texts)


def banned_text(node, texts):
    """Refuses names of attributes in texts, by which str.format and a class that is made at run time reach them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        for name in re.findall(r"(?<!\w)__\w+__(?!\w)|(?<=\.)\w+", node.value):
            if is_banned_attribute(name):
                return "text with " + name
    if isinstance(node, ast.Attribute) and node.attr == "format":
        if not (isinstance(node.value, ast.Constant) or isinstance(node.value, ast.Name) and node.value.id in texts):
            return "format of a text that is not written out"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "type" and len(node.args) > 1:
        return "use of type to make a class"
    return None


def imported_names(tree):
    return {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }


def own_names(tree):
    return {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} | {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def text_names(tree):
    """Returns the names that stand for nothing but texts that are written out."""
    written = {
        target
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    others = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load) and node not in written:
                others.add(node.id)
        elif not isinstance(node, (ast.Attribute, ast.Constant, ast.keyword)):  # what is left is names that are bound
            others |= {value for _, value in ast.iter_fields(node) if isinstance(value, str)}
    return {target.id for target in written} - others


def refusal(program):
    """Returns what of the program is refused and where, or None. A program that does not parse is not refused here."""
    try:
        tree = ast.parse(program)
    except (SyntaxError, ValueError):
        return None
    modules, own, texts = imported_names(tree), own_names(tree), text_names(tree)
    found = []
    for node in ast.walk(tree):
        what = banned_import(node) or banned_use(node, modules, own, texts)
        if what:
            found.append((node.lineno, node.col_offset, what))
    if not found:
        return ignored_input(tree)
    line, _, what = min(found)
    return f"{what}, line {line}"
