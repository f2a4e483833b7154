"""The function table: every operator, scalar function and aggregate, one row each."""

from collections.abc import Mapping

from herdsight.kql.functions import (
    addresses,
    aggregates,
    arithmetic,
    arrays,
    bags,
    comparisons,
    conversions,
    encodings,
    gathered,
    internal,
    logic,
    mathematics,
    parsing,
    paths,
    patterns,
    percentiles,
    series,
    strings,
    terms,
    times,
    windows,
)
from herdsight.kql.functions.model import Aggregate, Scalar, Window


def _by_name(rows: tuple[Scalar, ...]) -> Mapping[str, tuple[Scalar, ...]]:
    names = dict.fromkeys(row.name for row in rows)
    return {name: tuple(row for row in rows if row.name == name) for name in names}


# A name may have several rows, for several types of arguments: the first that fits is meant.
SCALARS: Mapping[str, tuple[Scalar, ...]] = _by_name(
    (
        *addresses.ROWS,
        *arithmetic.ROWS,
        *arrays.ROWS,
        *bags.ROWS,
        *comparisons.ROWS,
        *conversions.ROWS,
        *encodings.ROWS,
        *gathered.SCALAR_ROWS,
        *internal.ROWS,
        *logic.ROWS,
        *mathematics.ROWS,
        *parsing.ROWS,
        *paths.ROWS,
        *patterns.ROWS,
        *percentiles.SCALAR_ROWS,
        *series.ROWS,
        *strings.ROWS,
        *terms.ROWS,
        *times.ROWS,
    )
)
WINDOWS: Mapping[str, Window] = {row.name: row for row in windows.ROWS}
AGGREGATES: Mapping[str, Aggregate] = {row.name: row for row in (*aggregates.ROWS, *gathered.ROWS, *percentiles.ROWS)}
