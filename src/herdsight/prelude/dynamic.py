"""Arrays and bags: what is done to them that rules seldom need.

Several values come as one array, since a function has a fixed number of arguments.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise, zip_longest
from typing import Any

from herdsight.prelude.json_path import steps
from herdsight.prelude.registry import Dynamic, function

# --- arrays -----------------------------------------------------------------------------------------------------------


@function
def kql_array_iff(conditions: Dynamic, yes: Dynamic | None, no: Dynamic | None) -> Dynamic:
    """Of each condition the element of `yes` or `no` at its place; what is no array is its own element everywhere."""
    if not isinstance(conditions, list):
        return None
    return [_chosen(condition, yes, no, place) for place, condition in enumerate(conditions)]


def _chosen(condition: Any, yes: Any, no: Any, place: int) -> Any:
    if not isinstance(condition, bool | int | float):
        return None
    chosen = yes if condition else no
    if not isinstance(chosen, list):
        return chosen
    return chosen[place] if place < len(chosen) else None


@function
def kql_array_sort_asc(arrays: Dynamic, nulls_last: bool) -> Dynamic:
    """The first array in ascending order and the others in its order; one array alone is not in a further one."""
    return _sorted(arrays, nulls_last=nulls_last, descending=False)


@function
def kql_array_sort_desc(arrays: Dynamic, nulls_last: bool) -> Dynamic:
    """The first array in descending order and the others in its order; one array alone is not in a further one."""
    return _sorted(arrays, nulls_last=nulls_last, descending=True)


def _sorted(arrays: list[Any], *, nulls_last: bool, descending: bool) -> Any:
    leading = arrays[0]
    if not isinstance(leading, list):
        return None
    order = _order(leading, nulls_last=nulls_last, descending=descending)
    ordered = [
        [array[place] for place in order] if isinstance(array, list) and len(array) == len(leading) else None
        for array in arrays
    ]
    return ordered if len(ordered) > 1 else ordered[0]


def _order(values: Sequence[Any], *, nulls_last: bool, descending: bool) -> list[int]:
    """The places of the values in order: within each kind by value, the kinds always in the same order."""
    ranks = [_rank(value) for value in values]
    given: list[int] = []
    for kind in (_NUMERIC, _STRING, _OTHER):
        places = [place for place, rank in enumerate(ranks) if rank[0] == kind and values[place] is not None]
        given += sorted(places, key=lambda place: ranks[place][1:], reverse=descending)
    nulls = [place for place, value in enumerate(values) if value is None]
    return given + nulls if nulls_last else nulls + given


_TIMESPAN = re.compile(r"(-?)(?:(\d+)\.)?(\d\d):(\d\d):(\d\d)(?:\.(\d{7}))?")
_NUMERIC, _STRING, _OTHER = 0, 1, 2


def _rank(value: Any) -> tuple[Any, ...]:
    """A value's kind, as "array-sort-asc-function" orders them, and what it is ordered by within that kind."""
    match value:
        case bool():
            return (_OTHER,)
        case int() | float():
            return _NUMERIC, value
        case str():
            span = _TIMESPAN.fullmatch(value)
            return (_NUMERIC, _ticks(span)) if span else (_STRING, value)
        case _:
            return (_OTHER,)


def _ticks(span: re.Match[str]) -> int:
    days, hours, minutes, seconds, ticks = (int(part or 0) for part in span.groups()[1:])
    amount = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 10_000_000 + ticks
    return -amount if span[1] else amount


@function
def kql_array_split(array: Dynamic, places: Dynamic) -> Dynamic:
    """The array cut at that place or those places; a negative place counts from the end."""
    cuts = places if isinstance(places, list) else [places]
    if not isinstance(array, list) or not all(type(cut) is int for cut in cuts):
        return None
    ends = [max(cut + len(array), 0) if cut < 0 else cut for cut in cuts]
    return [array[start:end] for start, end in pairwise((0, *ends, len(array)))]


@function
def kql_zip(arrays: Dynamic) -> Dynamic:
    """Rows of the elements at the same place; null where a shorter array has none."""
    if not all(isinstance(array, list) for array in arrays):
        return None
    return [list(row) for row in zip_longest(*arrays)]


# --- bags -------------------------------------------------------------------------------------------------------------


@function
def kql_bag(pairs: Dynamic) -> Dynamic:
    """A bag of names and values in turn; of a name that is given twice the first value counts."""
    return _merged(zip(pairs[::2], pairs[1::2], strict=True))


@function
def kql_bag_merge(bags: Dynamic) -> Dynamic:
    """One bag of all properties; of a name that several bags have the first one's value counts."""
    given = [bag for bag in bags if isinstance(bag, dict)]
    return _merged(chain.from_iterable(bag.items() for bag in given)) if given else None


def _merged(properties: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for name, value in properties:
        merged.setdefault(name, value)
    return merged


@function
def kql_bag_zip(names: Dynamic, values: Dynamic | None) -> Dynamic:
    """A bag of the names and the values at their places; what is no string is no name."""
    if not isinstance(names, list):
        return None
    given = values if isinstance(values, list) else []
    padded = [*given, *[None] * (len(names) - len(given))]
    return {name: value for name, value in zip(names, padded, strict=False) if isinstance(name, str)}


@function
def kql_bag_has_key(bag: Dynamic | None, key: str) -> bool:
    """Whether the bag has the property, which may be named by a path."""
    *above, name = _names(key)
    owner = _inside(bag, above)
    return isinstance(owner, dict) and name in owner


@function
def kql_bag_remove_keys(bag: Dynamic, keys: Dynamic) -> Dynamic:
    """The bag without those properties, which may be named by paths."""
    if not isinstance(bag, dict) or not isinstance(keys, list):
        return None
    for key in keys:
        *above, name = _names(key) if isinstance(key, str) else (key,)
        owner = _inside(bag, above)
        if isinstance(owner, dict):
            owner.pop(name, None)
    return bag


@function
def kql_bag_set_key(bag: Dynamic, key: str, value: Dynamic | None) -> Dynamic:
    """The bag with the property set, which may be named by a path; what is missing on the way is made."""
    *above, name = _names(key)
    if not isinstance(bag, dict) or not all(isinstance(step, str) for step in (*above, name)):
        return None
    owner = bag
    for step in above:
        if not isinstance(owner.get(step), dict):
            owner[step] = {}
        owner = owner[step]
    owner[name] = value
    return bag


def _names(key: str) -> Sequence[str | int]:
    return steps(key) or (key,)


def _inside(bag: Any, names: Sequence[str | int]) -> Any:
    for name in names:
        bag = bag.get(name) if isinstance(bag, dict) else None
    return bag


# --- text and paths ---------------------------------------------------------------------------------------------------


@function
def kql_dynamic_to_json(value: Dynamic) -> str:
    """The one JSON text of all values that are equal: properties in the order of their names."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


@function
def kql_extract_json_at(path: str, text: str) -> Dynamic:
    """What stands at the path in JSON text, whatever the row's path is."""
    way = steps(path)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return None if way is None else _at(value, way)


def _at(value: Any, way: Sequence[str | int]) -> Any:
    for step in way:
        match value, step:
            case dict(), str():
                value = value.get(step)
            case list(), int() if step < len(value):
                value = value[step]
            case _:
                return None
    return value


@function
def kql_treepath(value: Dynamic) -> Dynamic:
    """The paths to all that the value holds; the elements of an array share one."""
    return list(dict.fromkeys(_paths(value, ""))) if isinstance(value, dict) else None


def _paths(value: Any, above: str) -> Iterator[str]:
    """The paths below a value, each behind that of what holds it."""
    parts = value.items() if isinstance(value, dict) else [(0, part) for part in value]
    for name, part in parts:
        path = f"{above}[{_quoted(name)}]"
        yield path
        if isinstance(part, dict | list):
            yield from _paths(part, path)


def _quoted(name: str | int) -> str:
    return str(name) if isinstance(name, int) else "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"


@function
def kql_filled(bag: Dynamic) -> Dynamic:
    """The bag without properties that are null or empty texts."""
    return {name: value for name, value in bag.items() if value not in (None, "")} if isinstance(bag, dict) else bag
