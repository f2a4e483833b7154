"""The formats of format_datetime and format_timespan, translated to SQL.

A format is made of .NET's custom specifiers: runs of one letter, whose length says how much is written. All else
stands for itself.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import reduce

from sqlglot import exp

from herdsight import trees
from herdsight.errors import UnsupportedError
from herdsight.kql.functions.model import Operand
from herdsight.prelude.times import DAY, SECOND

# letter -> the strftime directive for one, two, ... of it; a longer run is as the longest
_DIRECTIVES = {
    "y": ("%-y", "%y", "%Y", "%Y"),
    "M": ("%-m", "%m", "%b", "%B"),
    "d": ("%-d", "%d", "%a", "%A"),
    "H": ("%-H", "%H"),
    "h": ("%-I", "%I"),
    "m": ("%-M", "%M"),
    "s": ("%-S", "%S"),
    "t": ("%p", "%p"),
}
# letter -> the unit that it counts, in microseconds, and how many of it there are; of days any number
_COUNTED = {
    "d": (DAY, None),
    "H": (3600 * SECOND, 24),
    "h": (3600 * SECOND, 24),
    "m": (60 * SECOND, 60),
    "s": (SECOND, 60),
}
_TICKS = 7  # digits that a second has
_RUN = re.compile(r"(.)\1*", re.DOTALL)
_Piece = str | exp.Expr
_WORDS: Mapping[int, str] = {3: "%g", 6: "%f", 7: "%f0"}  # fractions that strftime knows


def formatted_datetime(time: Operand, pattern: Operand) -> exp.Expr:
    """The datetime in that format; "" for null."""
    pieces = [_datetime_piece(time, run[0], len(run)) for run in _runs(pattern)]
    return _text(_joined(pieces, lambda text: trees.call("strftime", time.sql.copy(), trees.text(text))))


def _datetime_piece(time: Operand, letter: str, length: int) -> _Piece:
    if letter in _DIRECTIVES:
        forms = _DIRECTIVES[letter]
        return forms[min(length, len(forms)) - 1]
    if letter not in "fF":
        return letter.replace("%", "%%") * length
    length = min(length, _TICKS)
    if letter == "f" and length in _WORDS:
        return _WORDS[length]
    return _fraction(trees.call("strftime", time.sql.copy(), trees.text("%f0")), letter, length)


def _joined(pieces: list[_Piece], write: Callable[[str], exp.Expr]) -> exp.Expr:
    """The pieces behind each other; those that are text as few calls of `write`."""
    parts: list[exp.Expr] = []
    text = ""
    for piece in [*pieces, None]:
        if isinstance(piece, str):
            text += piece
            continue
        parts += [write(text)] if text else []
        parts += [piece] if piece else []
        text = ""
    return reduce(lambda left, right: exp.DPipe(this=left, expression=right), parts or [trees.text("")])


def formatted_timespan(span: Operand, pattern: Operand) -> exp.Expr:
    """The timespan in that format, without its sign; "" for null."""
    values: list[exp.Expr] = []
    template = "".join(_timespan_piece(span, run[0], len(run), values) for run in _runs(pattern))
    return _text(trees.call("format", trees.text(template), *values))


def _timespan_piece(span: Operand, letter: str, length: int, values: list[exp.Expr]) -> str:
    """What stands in the template for a run; the value that it takes is added to `values`."""
    if letter in _COUNTED:
        unit, most = _COUNTED[letter]
        values.append(_count(span, unit, most))
        return f"{{:0{length if most is None else min(length, 2)}d}}"
    if letter in "fF":
        micros = trees.call("format", trees.text("{:06d}0"), _count(span, 1, SECOND))
        values.append(_fraction(micros, letter, min(length, _TICKS)))
        return "{}"
    return letter.replace("{", "{{").replace("}", "}}") * length


def _count(span: Operand, unit: int, most: int | None) -> exp.Expr:
    count = trees.call("kql_units", span.sql.copy(), trees.number(unit))
    return exp.Mod(this=count, expression=trees.number(most)) if most else count


def _fraction(digits: exp.Expr, letter: str, length: int) -> exp.Expr:
    """The first digits of a second's fraction; of an F without the zeros at their end."""
    cut = exp.Left(this=digits, expression=trees.number(length))
    return trees.call("rtrim", cut, trees.text("0")) if letter == "F" else cut


def _runs(pattern: Operand) -> Iterator[str]:
    if not pattern.is_constant:
        raise UnsupportedError("a format that is no constant", code="KS131", hint="write it as a string")
    return (match[0] for match in _RUN.finditer(str(pattern.value)))


def _text(written: exp.Expr) -> exp.Expr:
    return exp.Coalesce(this=written, expressions=[trees.text("")])
