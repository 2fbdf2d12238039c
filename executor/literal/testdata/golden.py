"""Writes golden.json: what CPython says of literal texts and of == between them.

Run: python3 golden.py > golden.json

Each text has the canonical text of ast.literal_eval's value (repr, sets sorted
by text), or null where literal_eval refuses it. Each pair has the value of ==.
"""

import ast
import json
import random
import sys
import warnings

warnings.simplefilter("ignore")
rng = random.Random(20250505)

TEXTS = r"""
None|True|False|0|00|-0|+7|--1|-(1)|(-1)|-(-1)|-True|1_000|1__0|1_|_1|01|01.5|0777j|0x_ff|0XfF|0o17|0b101|0b12|0x|1e5|1E-5
1e400|-1e400|1e-400|.5|5.|.|1.e3|1_0.0_1e1_0|1._5|1e|1e+|0.1|1e16|1e15|123456789012345678|1e22|0.0001|0.00001|-0.0|5e-324
1.7976931348623157e+308|2.5j|1+2j|1-2j|-1-2j|1+2|1j+2j|2j+1|(1+2j)|-(1+2j)|1+-2j|+1+2j|1e16j|(1)+(2j)|1.5+2J|True+1j
''|'a'|"a"|'''a'b'''|"it's"|'say "hi"'|'both \' and "'|u'x'|U'x'|r'\n'|R"\'"|b'x'|B'x'|rb'\n'|bR'\x00'|ur'x'|f'x'|bu'x'
'\a\b\f\n\r\t\v\\\'\"'|'\0\12\377\400\777'|b'\0\12\377\400'|'\x41\u0041\U0001F600'|'\x4'|'\u12'|'\U00110000'|b'\u0041'|'\q\8'
'\ud800'|'\ud83d\ude00'|'a' 'b'|'a'"b"r'\c'|'a' b'b'|b'a' b'b'|'é漢😀'|'\u202e\x85\xa0\xad'|'\u3000\u200b\ufeff\ue000\uffff'
b'é'|'unterminated|'a\|"a'|'\N{BULLET}'|'tab	in'|[]|()|{}|set()|[1]|(1)|(1,)|1,|1,2|,|(,)|[,]|{,}|[1,]|[1,,]|{1}|{1,}|{1:2}|{1:2,}
{1:2, 1.0:3, True:4}|{1, 1.0, True}|{'b', 'a', b'a'}|{(1, 2): [3]}|{[1]}|{[1]: 2}|{{1}}|{1, 2: 3}|{1: 2, 3}|{**{}}|[*[]]|{(1, [2])}
set([1])|frozenset|...|Ellipsis|x|f(1)|1 if 1 else 2|1 == 1|not 1|~1|1 * 2|[x for x in []]|lambda: 1|{'a': None}|a=1|()()|[1][0]
 1|	1|1 # comment|[1, # comment|[ ]|( )|{ }|( 1 , )|1;2|1 2|[1 2]|(1|1)|[1)|'' ''|0_7|1if|1é|é|١|0|-0.0+1j|0-0j|1-0j
""".replace("\n", "|").split("|")
TEXTS = [t for t in TEXTS if t] + [
    "[1,\n 2]", "1\n", "1\n2", "(1\n+\n2j)", "'a\nb'", "'''a\nb'''", "'''a\r\nb\rc'''", "'a\\\nb'", "1 + \\\n2j", "[1 # x\n, 2]",
    "'a'\n'b'", "('a'\n'b')", "", " ", "#", "'\x00'", "'|'", "[" * 90 + "]" * 90, "(" * 90 + "1" + ")" * 90,
    "1" * 4300, "1" * 4301, "-" + "9" * 4300, "0x" + "f" * 3571, "''''''", "''''a'''", "'''a\\''''", '"""a"b"""', "1\f", "[1]\n\n",
]  # fmt: skip


def number():
    return rng.choice(
        [
            lambda: str(rng.randint(-20, 20)),
            lambda: str(rng.randint(-(10**40), 10**40)),
            lambda: repr(rng.uniform(-10, 10)),
            lambda: repr(rng.uniform(-1, 1) * 10.0 ** rng.randint(-320, 308)),
            lambda: repr(float(rng.randint(-5, 5))),
            lambda: repr(complex(rng.randint(1, 3), rng.choice([-1.5, 0.0, 2.0, 1e17]))),
            lambda: rng.choice(["True", "False", "None", "-0.0", "9007199254740993", "9007199254740992.0", "1e22", str(10**22)]),
        ]
    )()


def string():
    alphabet = "aZ09 '\"\\\n\t\r\0\x1b\x7f\x80\xa0éßλЖ漢\u2028\ud800\uffff😀\U000e0001"
    text = "".join(rng.choice(alphabet) for _ in range(rng.randint(0, 8)))
    return rng.choice([repr(text), ascii(text), repr(text.encode("utf-8", "replace"))])


def atom():
    return rng.choice([number, number, string])()


def literal(depth=0):
    if depth > 3 or rng.random() < 0.4:
        return atom()
    n = rng.randint(0, 4)
    kind = rng.randrange(4)
    if kind == 0:
        return "[" + ", ".join(literal(depth + 1) for _ in range(n)) + "]"
    if kind == 1:
        return "(" + "".join(literal(depth + 1) + "," for _ in range(n)) + ")"
    if kind == 2:
        return "{" + ", ".join(key() + ": " + literal(depth + 1) for _ in range(n)) + "}"
    return "{" + ", ".join(key() for _ in range(n)) + "}" if n else "set()"


def key():
    return rng.choice([atom, atom, lambda: "(" + atom() + ", " + atom() + ")"])()


def canonical(v):
    if type(v) is list:
        return "[" + ", ".join(map(canonical, v)) + "]"
    if type(v) is tuple:
        return "(" + ", ".join(map(canonical, v)) + (",)" if len(v) == 1 else ")")
    if type(v) is dict:
        return "{" + ", ".join(canonical(k) + ": " + canonical(x) for k, x in v.items()) + "}"
    if type(v) is set and v:
        return "{" + ", ".join(sorted(map(canonical, v))) + "}"
    if v is ...:
        raise ValueError
    return repr(v)


def evaluate(text):
    return ast.literal_eval(text)


def reading(text):
    try:
        return canonical(evaluate(text))
    except (ValueError, SyntaxError, TypeError, MemoryError):
        return None


def shuffled(v):
    """An equal value in another notation where there is one."""
    if type(v) is dict:
        items = list(v.items())
        rng.shuffle(items)
        return {k: shuffled(x) for k, x in items}
    if type(v) is set:
        return set(rng.sample(sorted(v, key=repr), len(v)))
    if type(v) in (list, tuple):
        return type(v)(map(shuffled, v))
    if type(v) is int and v in (0, 1):
        return rng.choice([v, bool(v), float(v)])
    if type(v) is float and v.is_integer():
        return rng.choice([v, int(v), complex(v)])
    return v


PAIRS = [
    ("1", "True"), ("1", "1.0"), ("1", "1+0j"), ("0.0", "-0.0"), ("0", "False"), ("1", "'1'"), ("'a'", "b'a'"), ("[1]", "(1,)"),
    ("9007199254740993", "9007199254740992.0"), ("9007199254740992", "9007199254740992.0"), (str(10**22), "1e22"), (str(10**23), "1e23"),
    ("1e400", "-1e400"), ("1e400", "1e500"), ("0.1", "0.1000000000000000055511151231257827"), ("{1: 2, 3: 4}", "{3: 4, 1: 2.0}"),
    ("{1, 2}", "{2.0, True}"), ("set()", "{}"), ("None", "False"), ("()", "[]"), ("''", "b''"), ("1j", "1"), ("0j", "0"),
    ("{(1, 2.0): 'x'}", "{(True, 2): 'x'}"), ("[[1], [2]]", "[[1, 2]]"), ("['ab', 'c']", "['a', 'bc']"), ("'\\ud83d\\ude00'", "'😀'"),
    ("{1: {2}}", "{1: {2, 3}}"), ("1e308", str(int(1e308))), ("1e308", str(int(1e308) + 1)), ("-1", "-1.0"), ("1.5+2j", "1.5-2j"),
]  # fmt: skip


def main():
    texts = TEXTS + [literal() for _ in range(400)]
    pairs = list(PAIRS)
    for _ in range(300):
        a = literal(rng.randint(0, 3))
        pairs.append((a, canonical(shuffled(evaluate(a))) if rng.random() < 0.6 else literal(rng.randint(2, 4))))
    json.dump(
        {
            "python": sys.version.split()[0],
            "texts": [{"text": t, "canonical": reading(t)} for t in texts],
            "pairs": [{"a": a, "b": b, "equal": evaluate(a) == evaluate(b)} for a, b in pairs],
        },
        sys.stdout,
        indent=0,
    )
    print()


main()
