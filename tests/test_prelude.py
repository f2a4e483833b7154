"""The Python functions of the prelude: whatever stands in a log, each gives a value of its type or null, in time."""

import json
import math
import time
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herdsight.engines.duckdb import _ARROW
from herdsight.prelude import registry
from herdsight.prelude.registry import Function, Parameter
from herdsight.prelude.units import QUANTITIES
from herdsight.tables import ColumnType

FUNCTIONS = registry.names()


def sorted_moments(found: list[int | None]) -> list[int | None]:
    """In order, with nulls where they were."""
    known = iter(sorted(moment for moment in found if moment is not None))
    return [None if moment is None else next(known) for moment in found]


_TELLING = ("", "1.2.3.4", "1.2.3.0/24", "::1", "fe80::%1", "http://a:1/b?c=d#e", "a=1 b='c'", "C:\\x.exe -a", "PT1H")
_texts = st.text(max_size=20) | st.sampled_from(_TELLING) | st.text("01:./-+eE%&=,;\\'\"[]{}", max_size=20)
_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64)
    | st.floats()
    | st.sampled_from(("NaN", "Infinity", "2024-01-01T00:00:00Z", "\ud800", ""))
    | _texts
)
_json = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(_texts | st.just("\udfff"), inner, max_size=4),
    max_leaves=12,
) | st.lists(st.floats() | st.integers(-5, 5) | st.none(), max_size=20)
_VALUES: dict[ColumnType, st.SearchStrategy[Any]] = {
    ColumnType.STRING: _texts,
    ColumnType.LONG: st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 12),
    ColumnType.REAL: st.floats() | st.integers(-3, 12).map(float),
    ColumnType.BOOL: st.booleans(),
    ColumnType.DATETIME: st.datetimes(),
    ColumnType.DYNAMIC: _json.map(json.dumps) | st.sampled_from(("[" * 5_000 + "]" * 5_000, "9" * 5_000, "[1e999]")),
}


_pairs = st.lists(st.tuples(_texts, _json), max_size=4)
_options = st.fixed_dictionaries(
    {"keys": st.lists(_texts, max_size=3)},
    optional=dict.fromkeys(("pair_delimiter", "kv_delimiter", "quote", "escape"), _texts) | {"greedy": st.booleans()},
)
# Arguments that a lowering makes, by their place: these are of no other form.
_MADE: dict[str, dict[int, st.SearchStrategy[Any]]] = {
    "kql_array_sort_asc": {0: st.lists(_json, min_size=1, max_size=3)},
    "kql_array_sort_desc": {0: st.lists(_json, min_size=1, max_size=3)},
    "kql_bag": {0: _pairs.map(lambda pairs: [part for pair in pairs for part in pair])},
    "kql_bag_of_last": {0: _pairs},
    "kql_convert": {0: st.sampled_from(QUANTITIES)},
    "kql_decimal": {0: st.sampled_from(("+", "-", "*", "/", "%", "bin"))},
    "kql_kv_by_delimiters": {1: _options},
    "kql_session_starts": {0: st.lists(st.none() | st.integers(0, 2**62), max_size=9).map(sorted_moments)},
}


def rows_for(function: Function) -> st.SearchStrategy[tuple[Any, ...]]:
    """Rows of arguments of its types, with nulls."""

    def values(place: int, parameter: Parameter) -> st.SearchStrategy[Any]:
        made = _MADE.get(function.name, {}).get(place)
        if made is None:
            return st.none() | _VALUES[parameter.type]
        return made.map(json.dumps) if parameter.type is ColumnType.DYNAMIC else made

    return st.tuples(*(values(place, parameter) for place, parameter in enumerate(function.parameters)))


def found(name: str) -> Function:
    function = registry.find(name)
    assert function is not None
    return function


@pytest.mark.parametrize("name", FUNCTIONS)
def test_any_row_gives_a_value_of_its_type_or_null(name: str) -> None:
    function = found(name)
    kind: Any = _ARROW[function.result]

    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(rows_for(function))
    def check(row: tuple[Any, ...]) -> None:
        (value,) = function.column([[each] for each in row])
        assert pa.array([value], kind)[0].as_py() == value or math.isnan(value)
        if value is not None and function.result is ColumnType.DYNAMIC:
            json.loads(value)

    check()


_LARGE: dict[ColumnType, Any] = {
    ColumnType.LONG: 2**62,
    ColumnType.REAL: 1e300,
    ColumnType.BOOL: True,
    ColumnType.DATETIME: datetime(9999, 12, 31),  # noqa: DTZ001 times are UTC without saying so
    ColumnType.DYNAMIC: json.dumps([number % 977 / 7 for number in range(100_000)]),
}


_LARGE_TEXTS = {
    "parts": "1.a-" * 250_000,
    "letters": "ab" * 500_000,
    "no ASCII": "\u00e9\u4e00" * 500_000,
    "punycode": "xn--" + "a9" * 500_000,
    "escapes": "%41\\u0041" * 110_000,
    "tags": "<a b='c'>" * 110_000,
    "quotes": "'\"\\" * 330_000,
    "digits": "1" * 1_000_000,
    "opened": "([{" * 330_000,
    "blanks": " \t" * 500_000,
}
_LARGE_MADE: dict[str, dict[int, Any]] = {
    "kql_array_sort_asc": {0: f"[{_LARGE[ColumnType.DYNAMIC]}]"},
    "kql_array_sort_desc": {0: f"[{_LARGE[ColumnType.DYNAMIC]}]"},
    "kql_bag": {0: json.dumps(["a", 1] * 50_000)},
    "kql_bag_of_last": {0: json.dumps([["a", 1]] * 50_000)},
    "kql_convert": {0: "length"},
    "kql_decimal": {0: "+"},
    "kql_kv_by_delimiters": {1: '{"keys":["a"],"pair_delimiter":"-","kv_delimiter":"."}'},
}


def large(function: Function, place: int, text: str) -> Any:
    made = _LARGE_MADE.get(function.name, {})
    kind = function.parameters[place].type
    return made[place] if place in made else text if kind is ColumnType.STRING else _LARGE[kind]


@pytest.mark.parametrize("kind", _LARGE_TEXTS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_row_of_a_megabyte_takes_no_longer_than_a_second_or_two(name: str, kind: str) -> None:
    function = found(name)
    if kind != "parts" and all(each.type is not ColumnType.STRING for each in function.parameters):
        return  # as with the first
    before = time.process_time()
    function.column([[large(function, place, _LARGE_TEXTS[kind])] for place in range(len(function.parameters))])
    assert time.process_time() - before < 2
