"""Prints trivial.jsonl: 36 tasks, 12 a type, that a small model may solve.

    python3 testdata/tasks/make_trivial.py > testdata/tasks/trivial.jsonl

Each program is a one-line function, and the outputs are what Python says. Tasks
of deduction and abduction have one input, those of induction six and a message.
"""

import json

DEDUCTION = [
    ("x + 4", "3"),
    ("x * 2", "7"),
    ("x - 9", "20"),
    ("abs(x)", "-8"),
    ("x % 5", "13"),
    ("len(x)", "'orange'"),
    ("x.upper()", "'cat'"),
    ("x[0]", "[6, 1, 2]"),
    ("sum(x)", "[1, 2, 5]"),
    ("x[::-1]", "'stop'"),
    ("x > 10", "11"),
    ("sorted(x)", "[3, 1, 2]"),
]

ABDUCTION = [
    ("x + 1", "6"),
    ("x * 3", "4"),
    ("x - 5", "8"),
    ("-x", "9"),
    ("x // 2", "9"),
    ("x + '!'", "'hello'"),
    ("x.lower()", "'SUN'"),
    ("x[-1]", "[2, 7]"),
    ("max(x)", "[4, 9, 2]"),
    ("x * 2", "'ab'"),
    ("len(x) + 1", "'abc'"),
    ("not x", "True"),
]

INDUCTION = [
    ("x + 10", "Add a fixed number.", ["1", "5", "0", "-10", "32", "100"]),
    ("x * 4", "Multiply by a fixed number.", ["2", "3", "0", "-1", "25", "7"]),
    ("x * x", "Multiply the number by itself.", ["3", "-2", "0", "5", "12", "1"]),
    ("7 - x", "Subtract the number from a fixed one.", ["2", "7", "0", "-1", "10", "5"]),
    ("x % 2 == 0", "Tell whether the number is even.", ["4", "7", "0", "-3", "10", "21"]),
    ("len(x)", "Count.", ["'tree'", "''", "[1, 2]", "'a b'", "[]", "'banana'"]),
    ("x + x", "Repeat the text.", ["'ha'", "''", "'abc'", "'1'", "'zz'", "'no '"]),
    ("x[::-1]", "Turn the text around.", ["'abc'", "'level'", "''", "'xy'", "'star'", "'12'"]),
    ("x[0]", "Pick an item.", ["[5, 2]", "[1]", "['k', 'v', 'w']", "[9, 9, 8]", "[0, 3]", "['end']"]),
    ("min(x)", "Pick a number.", ["[4, 2, 8]", "[7]", "[-1, 0]", "[3, 3]", "[9, 1]", "[6, 5, 10]"]),
    ("x.upper()", "Change the letters.", ["'low'", "'Mid'", "''", "'a-b'", "'HIGH'", "'q7'"]),
    ("sum(x)", "Reduce the list to one number.", ["[1, 2]", "[]", "[5]", "[-1, 4]", "[10, 20, 30]", "[0, 0]"]),
]


def examples(expression, inputs):
    f = eval("lambda x: " + expression)
    return [{"input": text, "output": repr(f(eval(text)))} for text in inputs]


def task(kind, expression, inputs, message=""):
    program = "def f(x):\n    return " + expression
    entry = {"type": kind, "program": program, "examples": examples(expression, inputs)}
    if message:
        entry["message"] = message
    entry["solve_rate"] = -1
    print(json.dumps(entry))


for expression, text in DEDUCTION:
    task("deduction", expression, [text])
for expression, text in ABDUCTION:
    task("abduction", expression, [text])
for expression, message, inputs in INDUCTION:
    task("induction", expression, inputs, message)
