"""Answers what CPython makes of literal texts: for each line ["a", "b"] of JSON on stdin a line
[canonical text of a, canonical text of b, whether a == b] on stdout, null where a text cannot be read.

Texts with nan, inf or frozenset, which ast.literal_eval does not know, are evaluated with these names alone. All
are read inside brackets, as blank lines around a literal, which package literal skips, may be an error outside.
"""

import ast
import json
import math
import re
import sys
import warnings

warnings.simplefilter("ignore")


class Names(dict):
    """Gives each nan an object of its own, as two that a program computes are."""

    def __getitem__(self, name):
        if name in ("nan", "nanj"):
            return float("nan") if name == "nan" else complex(0, float("nan"))
        return super().__getitem__(name)


NAMES = Names(inf=math.inf, infj=complex(0, math.inf), set=set, frozenset=frozenset)


def read(text):
    text = "(\n" + text + "\n)"
    if re.search("nan|inf|frozenset", text):
        return eval(text, {"__builtins__": {}}, NAMES)
    return ast.literal_eval(text)


def canonical(v):
    if type(v) is list:
        return "[" + ", ".join(map(canonical, v)) + "]"
    if type(v) is tuple:
        return "(" + ", ".join(map(canonical, v)) + (",)" if len(v) == 1 else ")")
    if type(v) is dict:
        return "{" + ", ".join(canonical(k) + ": " + canonical(x) for k, x in v.items()) + "}"
    if type(v) is set and v:
        return "{" + ", ".join(sorted(map(canonical, v))) + "}"
    if type(v) is frozenset and v:
        return "frozenset({" + ", ".join(sorted(map(canonical, v))) + "})"
    if v is ...:
        raise ValueError
    return repr(v)


def answer(a, b):
    values, texts = [], []
    for text in (a, b):
        try:
            values.append(read(text))
            texts.append(canonical(values[-1]))
        except (ValueError, SyntaxError, TypeError, NameError, MemoryError, RecursionError):
            values.append(None)
            texts.append(None)
    return [*texts, values[0] == values[1]]


for line in sys.stdin:
    print(json.dumps(answer(*json.loads(line))), flush=True)
