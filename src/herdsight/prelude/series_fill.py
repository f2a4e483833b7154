"""Missing elements of a series filled in: with a constant, with their neighbours, or on a line between them.

Missing is what equals the placeholder; by default it is null. All other elements stay as they are.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from herdsight.prelude.registry import Dynamic, function
from herdsight.prelude.series import numbers

_LONG = 2**63


def _is_number(item: Any) -> bool:
    return isinstance(item, int | float) and not isinstance(item, bool)


def _is_missing(item: Any, placeholder: Any) -> bool:
    if placeholder is None or not _is_number(item):
        return item is None and placeholder is None
    return bool(item == placeholder)


@function
def kql_series_fill_const(series: Dynamic, constant: Dynamic | None, placeholder: Dynamic | None) -> Dynamic:
    """Every missing element becomes the constant."""
    if not isinstance(series, list):
        return None
    return [constant if _is_missing(item, placeholder) else item for item in series]


@function
def kql_series_fill_forward(series: Dynamic, placeholder: Dynamic | None) -> Dynamic:
    """Every missing element becomes the last before it that is there."""
    return _carried(series, placeholder) if isinstance(series, list) else None


@function
def kql_series_fill_backward(series: Dynamic, placeholder: Dynamic | None) -> Dynamic:
    """Every missing element becomes the next behind it that is there."""
    return _carried(reversed(series), placeholder)[::-1] if isinstance(series, list) else None


def _carried(items: Iterable[Any], placeholder: Any) -> list[Any]:
    filled = []
    last = placeholder
    for item in items:
        if not _is_missing(item, placeholder):
            last = item
        filled.append(last)
    return filled


@function
def kql_series_fill_linear(
    series: Dynamic, placeholder: Dynamic | None, fill_edges: bool, constant: Dynamic | None
) -> Dynamic:
    """Every missing element becomes what a line between its neighbours says; at the edges, the nearest there is.

    Between whole numbers the result drops what is behind the point. Where all are missing they become the constant.
    """
    if not isinstance(series, list):
        return None
    missing = [place for place, item in enumerate(series) if _is_missing(item, placeholder)]
    if len(missing) == len(series):
        return [constant] * len(series)
    known = [place for place, item in enumerate(series) if _is_number(item) and not _is_missing(item, placeholder)]
    if known and not fill_edges:
        missing = [place for place in missing if known[0] < place < known[-1]]
    return _interpolated(series, missing, known) if known else series


def _interpolated(series: list[Any], missing: list[int], known: list[int]) -> list[Any]:
    there = [series[place] for place in known]
    values = np.interp(missing, known, numbers(there))
    if all(isinstance(item, int) and abs(item) < _LONG for item in there):
        values = np.trunc(values.round(9)).astype(np.int64)  # 6.9999999999 is 7
    filled = list(series)
    for place, value in zip(missing, values.tolist(), strict=True):
        filled[place] = value
    return filled
