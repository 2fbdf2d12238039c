# Random tasks over lists of digits. It runs in the sandbox, so that every value is one that Python gave.
import json
import random

NAMES = 'abcdegh'  # not f, which is the function's


def inverse_map(out):
    return [9 - v for v in out]


# A statement is an expression over the variable before it, and for each value the one that it most plainly comes from.
STATEMENTS = [
    lambda r: ('{0}[::-1]', lambda out: out[::-1]),
    lambda r: ('sorted({0})', list),
    lambda r: ('{0}[1:]', lambda out: [0] + out),
    lambda r: (f'{{0}}[:{r.randint(2, 3)}]', list),
    lambda r: ('{0}[1:] + {0}[:1]', lambda out: out[-1:] + out[:-1]),
    lambda r: (f'{{0}} + [{r.randint(1, 9)}]', lambda out: out[:-1]),
    lambda r: (f'[{r.randint(1, 9)}] + {{0}}', lambda out: out[1:]),
    lambda r: (f'[v for v in {{0}} if v > {r.randint(2, 6)}]', list),
    lambda r: (f'[v for v in {{0}} if v % 2 == {r.randint(0, 1)}]', list),
    lambda r: ('[9 - v for v in {0}]', inverse_map),
]

# What a program returns of its last variable: mostly all of it, since a guess is often right about a number.
RETURNS = ['{0}'] * 36 + ['len({0})', 'max({0})', '{0}[0]', '{0}[-1]']


class Program:
    """Statements of which the live ones are a chain: each reads the variable of the one before. Nothing reads the others."""

    def __init__(self, r, size, first, dead_share):
        names = [NAMES[(first + i) % len(NAMES)] for i in range(size)]
        drawn = [r.choice(STATEMENTS)(r) for _ in range(size)]
        returned = r.choice(RETURNS)
        live = live_places(r, size, dead_share)
        lines, last = [], 'x'
        for i, (name, (expression, _)) in enumerate(zip(names, drawn)):
            read = last if i in live else r.choice((['x'] + names[:i])[-3:])
            lines.append(f'{name} = {expression.format(read)}')
            last = name if i in live else last
        lines.append('return ' + returned.format(last))
        self.size = size
        self.text = 'def f(x):\n    ' + '\n    '.join(lines)
        self.chain = [lines[i] for i in live] + lines[-1:]
        self.expressions = [drawn[i][0] for i in live] + [returned]
        self.inverses = [drawn[i][1] for i in live]
        self.steps = [compile(e.format('y'), 'step', 'eval') for e in self.expressions]

    def values(self, x):
        """The input, the value of each live variable, and what is returned; None if a line raises."""
        values = [x]
        try:
            for step in self.steps:
                values.append(eval(step, {'y': values[-1]}))
        except (IndexError, ValueError):
            return None
        return values

    def plain(self, values):
        """The values on the way from the plainest input that gives the same output."""
        y = values[-2]
        for back in reversed(self.inverses):
            y = back(y)
        if len(y) > 8:
            return values
        other = self.values(y)
        return other if other and other[-1] == values[-1] and y else values


def live_places(r, size, dead_share):
    """The places of the statements that the output depends on: all, or with the given chance only some."""
    if size == 1 or r.random() >= dead_share:
        return range(size)
    return sorted(r.sample(range(size), r.randint(1, size - 1)))


def small(values):
    return all(len(v) <= 8 for v in values[:-1])


def lively(values):
    """No live variable is empty, and every live statement changes something."""
    return [] not in values and all(a != b for a, b in zip(values[:-1], values[1:-1]))


def drawn_input(r):
    return [r.randint(0, 9) for _ in range(r.randint(2, 5))]


def task(r, sizes, lively_share, inputs, dead_share):
    """A program with several inputs, all of which it runs on; the first one decides how lively it is."""
    while True:
        program = Program(r, r.choice(sizes), r.randrange(len(NAMES)), dead_share)
        strict = r.random() < lively_share
        runs = []
        for _ in range(10 * inputs):
            x = drawn_input(r)
            values = program.values(x)
            if values and small(values) and x not in [run[0] for run in runs] and (runs or not strict or lively(values)):
                runs.append(values)
            if len(runs) == inputs:
                return program, runs


def run(values):
    """What Go reads as a Run."""
    texts = [repr(v) for v in values]
    return {'Input': texts[0], 'States': texts[1:-1], 'Output': texts[-1]}


def f(seed, count, sizes, lively_share, inputs, dead_share):
    r = random.Random(seed)
    programs = []
    for _ in range(count):
        program, runs = task(r, sizes, lively_share, inputs, dead_share)
        programs.append({
            'Source': program.text, 'Statements': program.size, 'Shape': '; '.join(program.expressions), 'Chain': program.chain,
            'Runs': [run(values) for values in runs], 'Plain': run(program.plain(runs[0]))})
    return json.dumps(programs)
