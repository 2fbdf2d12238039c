"""The canonical text of a value: what repr prints, for exact built-in types only.

No method of an untrusted object is ever called: the type must be one of the
twelve below, and their C methods are taken before any program runs. Sets are
sorted by the text of their elements.
"""

MAX_DEPTH = 100
MAX_NODES = 100_000
MAX_DIGITS = 4300


class NotLiteral(Exception):
    """The value is not made of literals alone, or nests too deep (or in itself)."""


class TooLong(Exception):
    """The value's text is over the limit."""


def make_canonical(max_bytes):
    """Returns the function from a value to its text of at most max_bytes bytes of UTF-8."""
    kind, length, in_order, join, encode = type, str.__len__, sorted, str.join, str.encode
    size, digits, error = bytes.__len__, MAX_DIGITS + 1, ValueError
    not_literal, too_long = NotLiteral, TooLong
    elements = {list: list.__iter__, tuple: tuple.__iter__, set: set.__iter__, frozenset: frozenset.__iter__}
    atoms = {
        type(None): lambda v: "None",
        bool: bool.__repr__,
        int: int.__repr__,
        float: float.__repr__,
        complex: complex.__repr__,
        str: str.__repr__,
        bytes: bytes.__repr__,
    }
    integer, pair, mapping, plain_set, frozen, count = int, tuple, dict, set, frozenset, tuple.__len__
    items = dict.items

    def text_of(value, depth, budget):
        budget[0] -= 1
        cls = kind(value)
        if cls in atoms:
            text = atoms[cls](value)
            if cls is integer and length(text) > digits:
                raise error
            budget[1] -= length(text)
            if budget[0] < 0 or budget[1] < 0:
                raise too_long
            return text
        if depth == MAX_DEPTH or cls is not mapping and cls not in elements:
            raise not_literal
        if budget[0] < 0:
            raise too_long
        depth += 1
        if cls is mapping:
            return "{" + join(", ", [text_of(k, depth, budget) + ": " + text_of(v, depth, budget) for k, v in items(value)]) + "}"
        texts = [text_of(v, depth, budget) for v in elements[cls](value)]
        if cls is plain_set or cls is frozen:
            texts = in_order(texts)
        body = join(", ", texts)
        if cls is pair:
            return "(" + body + (",)" if count(value) == 1 else ")")
        if cls is plain_set:
            return "{" + body + "}" if texts else "set()"
        if cls is frozen:
            return "frozenset({" + body + "})" if texts else "frozenset()"
        return "[" + body + "]"

    def canonical(value):
        text = text_of(value, 0, [MAX_NODES, max_bytes])
        if size(encode(text, "utf-8")) > max_bytes:
            raise too_long
        return text

    return canonical
