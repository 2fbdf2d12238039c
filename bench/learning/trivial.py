"""Writes held-out tasks that SmolLM2-135M may solve: functions of one expression, a hundred tasks a type to test and thirty to look at.

    python3 bench/learning/trivial.py VALIDATION.jsonl TEST.jsonl

The two files have no program in common: where an expression has a number in it, odd ones are for validation and even ones for
the test; of the others each has its half. Outputs are what Python says. An abduction task is not solved by repeating its output.
"""

import json
import random
import sys

NUMBERS = ["x + {k}", "x - {k}", "x * {k}", "{k} - x", "x % {k}", "x // {k}", "x > {k}", "x == {k}", "x * x + {k}", "-x", "abs(x)", "x * x", "x % 2 == 0"]
TEXTS = ["x * {k}", "x[:{k}]", "x + str({k})", "x.upper()", "x.lower()", "len(x)", "x[::-1]", "x + x", "x[0]", "x[-1]", "x + '!'", "x.title()"]
LISTS = ["x + [{k}]", "[{k}] + x", "x.count({k})", "sum(x)", "max(x)", "min(x)", "sorted(x)", "x[0]", "x[-1]", "len(x)", "x[1:]", "x[::-1]"]
WORDS = ["cat", "Sun", "tree", "book", "Rain", "apple", "go", "River", "stone", "light"]


def number(draw):
    return draw.randint(-9, 30)


def text(draw):
    return draw.choice(WORDS)


def numbers(draw):
    return [draw.randint(0, 9) for _ in range(draw.randint(2, 4))]


KINDS = [(NUMBERS, number), (TEXTS, text), (LISTS, numbers)]


def programs(half):
    """Expressions of a half, 0 for validation and 1 for the test, each with the maker of its inputs."""
    plain = list(dict.fromkeys(t for templates, _ in KINDS for t in templates if "{k}" not in t))
    numbered = list(dict.fromkeys(t for templates, _ in KINDS for t in templates if "{k}" in t))
    own = set(plain[half::2]) | {t.format(k=k) for t in numbered for k in range(2, 10) if k % 2 != half}
    return [(t.format(k=k), make) for templates, make in KINDS for t in templates for k in range(2, 10 if "{k}" in t else 3) if t.format(k=k) in own]


def task(kind, expression, values):
    f = eval("lambda x: " + expression)
    entry = {"type": kind, "program": "def f(x):\n    return " + expression, "examples": [{"input": repr(v), "output": repr(f(v))} for v in values]}
    if kind == "induction":
        entry["message"] = "Find the function."
    return entry | {"solve_rate": -1}


def repeats(entry):
    """Whether an abduction task's output, given as the input, gives it again."""
    f = eval("lambda x: " + entry["program"].split("return ")[1])
    output = entry["examples"][0]["output"]
    try:
        return repr(f(eval(output))) == output
    except (TypeError, ValueError, IndexError, AttributeError):
        return False


def tasks(half, count):
    draw = random.Random(half)
    for kind in ("deduction", "abduction", "induction"):
        made, pool = [], programs(half)
        draw.shuffle(pool)
        for i in range(100 * count):
            if len(made) == count:
                break
            expression, make = pool[i % len(pool)]
            values = []
            for _ in range(1000):
                value = make(draw)
                if value not in values:
                    values.append(value)
                if len(values) == (6 if kind == "induction" else 1):
                    break
            entry = task(kind, expression, values)
            if entry not in made and not (kind == "abduction" and repeats(entry)):
                made.append(entry)
        yield from made


for half, (path, count) in enumerate(zip(sys.argv[1:], (30, 100))):
    with open(path, "w") as out:
        for entry in tasks(half, count):
            out.write(json.dumps(entry) + "\n")
