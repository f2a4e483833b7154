"""Constants computed ahead of time, and now() replaced by the time it is pinned to."""

from dataclasses import replace

from herdsight.kql import plan
from herdsight.tables import ColumnType


def fold(value: plan.Scalar, now: int | None = None) -> plan.Scalar:
    """The scalar with its constant parts computed; `now` is in microseconds since 1970, None leaves now() open."""
    match value:
        case plan.Now() if now is not None:
            return plan.Const(now, ColumnType.DATETIME)
        case plan.Apply(function=function, arguments=arguments):
            folded = tuple(fold(argument, now) for argument in arguments)
            if function.evaluate and all(isinstance(argument, plan.Const) for argument in folded):
                values = [argument.value for argument in folded if isinstance(argument, plan.Const)]
                return plan.Const(None if None in values else function.evaluate(*values), value.type)
            return replace(value, arguments=folded)
        case _:
            return value
