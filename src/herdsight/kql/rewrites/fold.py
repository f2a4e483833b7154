"""Constants computed ahead of time, and now() replaced by the time it is pinned to."""

from dataclasses import replace

from herdsight.kql import plan
from herdsight.kql.literals import DAY
from herdsight.kql.syntax import Value
from herdsight.tables import ColumnType


def fold(value: plan.Scalar, now: int | plan.Given | None = None) -> plan.Scalar:
    """The scalar with its constant parts computed.

    `now` is in microseconds since 1970, or what each run is given for it; None leaves now() open.
    """
    match value:
        case plan.Now() if now is not None:
            return now if isinstance(now, plan.Given) else plan.Const(now, ColumnType.DATETIME)
        case plan.Apply(function=function, arguments=arguments):
            folded = tuple(fold(argument, now) for argument in arguments)
            if function.evaluate and all(isinstance(argument, plan.Const) for argument in folded):
                values = [argument.value for argument in folded if isinstance(argument, plan.Const)]
                return _computed(None if None in values else function.evaluate(*values), value.type)
            return replace(value, arguments=folded)
        case plan.InQuery(value=inner):
            return replace(value, value=fold(inner, now))
        case _:
            return value


# 0001-01-01 and the end of 9999-12-31, between which a datetime lies; and the reach of 64 bits.
_FIRST, _LAST = -719_162 * DAY, 2_932_897 * DAY - 1
_LEAST, _MOST = -(2**63), 2**63 - 1


def _computed(result: Value, kind: ColumnType) -> plan.Const:
    """A result as a constant; null where it is out of the range of its type."""
    low, high = (_FIRST, _LAST) if kind is ColumnType.DATETIME else (_LEAST, _MOST)
    outside = isinstance(result, int) and not low <= result <= high
    return plan.Const(None if outside else result, kind)
