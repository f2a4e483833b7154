"""The function table: every operator, scalar function and aggregate, one row each."""

from collections.abc import Mapping

from herdsight.kql.functions import addresses, aggregates, arithmetic, comparisons, conversions, logic, strings, times
from herdsight.kql.functions.model import Aggregate, Scalar


def _by_name(rows: tuple[Scalar, ...]) -> Mapping[str, tuple[Scalar, ...]]:
    names = dict.fromkeys(row.name for row in rows)
    return {name: tuple(row for row in rows if row.name == name) for name in names}


# A name may have several rows, for several types of arguments: the first that fits is meant.
SCALARS: Mapping[str, tuple[Scalar, ...]] = _by_name(
    (*addresses.ROWS, *arithmetic.ROWS, *comparisons.ROWS, *conversions.ROWS, *logic.ROWS, *strings.ROWS, *times.ROWS)
)
AGGREGATES: Mapping[str, Aggregate] = {row.name: row for row in aggregates.ROWS}
