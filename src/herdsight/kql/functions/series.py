"""Series: arrays of numbers, worked on element by element (in SQL) or as a whole (in the prelude's Python).

A call that gives several columns has a row that is the first of them, and all of them in MULTI.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.arithmetic import cast
from herdsight.kql.functions.conversions import boxed
from herdsight.kql.functions.model import BOOL, DYNAMIC, LONG, NUMBER, STRING, Naming, Operand, Scalar, TypeSet, calls
from herdsight.kql.syntax import Value
from herdsight.tables import ColumnType

_ARRAY = ColumnType.DYNAMIC
_FLAG = ColumnType.BOOL
_TEXT = ColumnType.STRING
_WHOLE = ColumnType.LONG
_REAL = ColumnType.REAL


@dataclass(frozen=True, slots=True)
class Part:
    """One column of a call that gives several: what its name ends in, its type, and its meaning of the operands."""

    suffix: str
    type: ColumnType
    lower: Callable[..., exp.Expr]


@dataclass(frozen=True, slots=True)
class _Parameter:
    """What the prelude's function takes: the types in KQL, the type it is passed as, and what is passed for none."""

    types: TypeSet
    type: ColumnType
    default: Value = None
    optional: bool = True

    def passed(self, given: Operand | None) -> exp.Expr:
        if given is None:
            return trees.null(self.type) if self.default is None else trees.literal(self.default)
        return boxed(given) if self.type is _ARRAY else cast(given, self.type)


_SERIES = _Parameter(DYNAMIC, _ARRAY, optional=False)
_SERIES_OR_NONE = _Parameter(DYNAMIC, _ARRAY)
_PLACEHOLDER = _Parameter(NUMBER, _ARRAY)
_PERIOD = _Parameter(LONG, _WHOLE, -1)  # to be detected
_SCORE = _Parameter(NUMBER, _REAL, 0.6)
_POINTS = _Parameter(LONG, _WHOLE, 0)
_LENGTH = _Parameter(NUMBER, _REAL, optional=False)
_TREND = _Parameter(STRING, _TEXT, "avg")
_TUKEY = _Parameter(STRING, _TEXT, "ctukey")
_IGNORING = _Parameter(BOOL, _FLAG, False)

# What is computed of whole series, by the prelude's function of the name that is given or of the same.
_PARAMETERS: Mapping[str, tuple[_Parameter, ...]] = {
    "series_decompose": (_SERIES, _PERIOD, _TREND, _POINTS, _SCORE),
    "series_decompose_anomalies": (
        *(_SERIES, _Parameter(NUMBER, _REAL, 1.5)),
        *(_PERIOD, _TREND, _POINTS, _TUKEY, _SCORE),
    ),
    # The page's table has the trend "avg" by default, as series_decompose has; its example says that a trend is found.
    "series_decompose_forecast": (
        *(_SERIES, _Parameter(LONG, _WHOLE, optional=False)),
        *(_PERIOD, _Parameter(STRING, _TEXT, "linefit"), _SCORE),
    ),
    "series_fft": (_SERIES, _SERIES_OR_NONE),
    "series_fill_backward": (_SERIES, _PLACEHOLDER),
    "series_fill_const": (_SERIES, _Parameter(NUMBER, _ARRAY, "0"), _PLACEHOLDER),
    "series_fill_forward": (_SERIES, _PLACEHOLDER),
    "series_fill_linear": (
        *(_SERIES, _PLACEHOLDER),
        *(_Parameter(BOOL, _FLAG, True), _Parameter(NUMBER, _ARRAY, "0.0")),
    ),
    "series_fir": (_SERIES, _SERIES, _Parameter(BOOL, _FLAG), _Parameter(BOOL, _FLAG, False)),
    "series_fit_2lines": (_SERIES,),
    "series_fit_2lines_dynamic": (_SERIES,),
    "series_fit_line": (_SERIES,),
    "series_fit_line_dynamic": (_SERIES,),
    "series_fit_poly": (_SERIES, _SERIES_OR_NONE, _Parameter(LONG, _WHOLE, 1)),
    "series_ifft": (_SERIES, _SERIES_OR_NONE),
    "series_iir": (_SERIES, _SERIES, _SERIES),
    "series_outliers": (
        *(_SERIES, _TUKEY, _Parameter(NUMBER, _REAL)),
        *(_Parameter(NUMBER, _REAL, 10.0), _Parameter(NUMBER, _REAL, 90.0), _POINTS),
    ),
    "series_pearson_correlation": (_SERIES, _SERIES),
    "series_periods_detect": (_SERIES, _LENGTH, _LENGTH, _Parameter(LONG, _WHOLE, optional=False)),
    "series_seasonal": (_SERIES, _PERIOD, _POINTS),
    "series_stats": (_SERIES, _IGNORING),
    "series_stats_dynamic": (_SERIES, _IGNORING),
}
_FUNCTIONS = {
    "series_fit_2lines_dynamic": "kql_series_fit_2lines",
    "series_fit_line_dynamic": "kql_series_fit_line",
    "series_stats_dynamic": "kql_series_stats",
}

_LINE = {"rsquare": _REAL, "slope": _REAL, "interception": _REAL, "variance": _REAL, "rvariance": _REAL}
_DECOMPOSED = {"baseline": _ARRAY, "seasonal": _ARRAY, "trend": _ARRAY, "residual": _ARRAY}
_COMPLEX = {"real": _ARRAY, "imag": _ARRAY}
_PERIODS = {"periods": _ARRAY, "scores": _ARRAY}
# What the columns are called and of which type: members of the bag that the prelude's function gives.
_COLUMNS: Mapping[str, Mapping[str, ColumnType]] = {
    "series_decompose": _DECOMPOSED,
    "series_decompose_anomalies": {"ad_flag": _ARRAY, "ad_score": _ARRAY, "baseline": _ARRAY},
    "series_decompose_forecast": _DECOMPOSED,
    "series_fft": _COMPLEX,
    "series_fit_2lines": {
        "rsquare": _REAL,
        "split_idx": _WHOLE,
        "variance": _REAL,
        "rvariance": _REAL,
        "line_fit": _ARRAY,
        **{f"{side}_{name}": kind for side in ("right", "left") for name, kind in _LINE.items()},
    },
    "series_fit_line": {
        "rsquare": _REAL,
        "slope": _REAL,
        "variance": _REAL,
        "rvariance": _REAL,
        "interception": _REAL,
        "line_fit": _ARRAY,
    },
    "series_fit_poly": {
        "rsquare": _REAL,
        "coefficients": _ARRAY,
        "variance": _REAL,
        "rvariance": _REAL,
        "poly_fit": _ARRAY,
    },
    "series_ifft": _COMPLEX,
    "series_periods_detect": _PERIODS,
    "series_periods_validate": _PERIODS,
    "series_stats": {
        "min": _REAL,
        "min_idx": _WHOLE,
        "max": _REAL,
        "max_idx": _WHOLE,
        "avg": _REAL,
        "stdev": _REAL,
        "variance": _REAL,
    },
}


def _computed(name: str) -> Callable[..., exp.Expr]:
    """A call of the prelude's function, with a value for every parameter."""

    def lower(*given: Operand) -> exp.Expr:
        passed = [parameter.passed(operand) for parameter, operand in zip_longest(_PARAMETERS[name], given)]
        return trees.call(_FUNCTIONS.get(name, f"kql_{name}"), *passed)

    return lower


def _validated(series: Operand, *periods: Operand) -> exp.Expr:
    """However many periods, as one array."""
    listed = trees.call("list_value", *(cast(period, _REAL) for period in periods))
    return trees.call("kql_series_periods_validate", series.sql, trees.call("kql_boxed", listed))


def _member(whole: Callable[..., exp.Expr], column: str, kind: ColumnType) -> Callable[..., exp.Expr]:
    """A member of the bag that a call gives; no CASE stands around it, so that the engine computes the bag but once."""
    path = "$." + re.sub("^(left|right)_", r"\1.", column)

    def lower(*operands: Operand) -> exp.Expr:
        found = trees.call("json_extract_string", whole(*operands), trees.text(path))
        return found if kind is _ARRAY else exp.TryCast(this=found, to=trees.sql_type(kind))

    return lower


def _parts(name: str) -> tuple[Part, ...]:
    whole = _computed(name) if name in _PARAMETERS else _validated
    return tuple(Part(column, kind, _member(whole, column, kind)) for column, kind in _COLUMNS[name].items())


MULTI: Mapping[str, tuple[Part, ...]] = {name: _parts(name) for name in _COLUMNS}


def _page(name: str) -> str:
    return f"{name.replace('_', '-')}-function"


_NAMED_BY_SERIES = re.compile("series_(fill_.+|fir|iir|outliers)")


def _whole_row(name: str, parameters: Sequence[_Parameter]) -> Scalar:
    lower, result = _computed(name), _REAL if name == "series_pearson_correlation" else _ARRAY
    if name in MULTI:
        lower, result = MULTI[name][0].lower, MULTI[name][0].type
    naming = Naming.ARGUMENT if _NAMED_BY_SERIES.fullmatch(name) else Naming.NUMBERED
    optional = sum(parameter.optional for parameter in parameters)
    types = tuple(parameter.types for parameter in parameters)
    return Scalar(name, types, result, lower, _page(name), naming=naming, optional=optional)


def _elements(operand: Operand, other: Operand) -> exp.Expr:
    """An array's elements; a single number stands for as many as the other has."""
    if operand.type is _ARRAY:
        return trees.call("kql_series_items", operand.sql.copy())
    single = operand.sql.copy() if operand.type in LONG else cast(operand, _REAL)
    return trees.call("kql_series_repeated", single, other.sql.copy())


def _pairwise(name: str, *, turned: bool = False) -> Callable[[Operand, Operand], exp.Expr]:
    def lower(left: Operand, right: Operand) -> exp.Expr:
        elements = [_elements(left, right), _elements(right, left)]
        return trees.call(f"kql_series_{name}", *(reversed(elements) if turned else elements))

    return lower


def _pair_rows(name: str, lower: Callable[..., exp.Expr], result: ColumnType = _ARRAY) -> tuple[Scalar, ...]:
    """Two series, or a series and a number on either side."""
    sides = ((DYNAMIC, DYNAMIC), (DYNAMIC, NUMBER), (NUMBER, DYNAMIC))
    return tuple(Scalar(f"series_{name}", side, result, lower, _page(f"series_{name}")) for side in sides)


def _cosine_similarity(left: Operand, right: Operand, *magnitudes: Operand) -> exp.Expr:
    given = [cast(magnitude, _REAL) for magnitude in magnitudes]
    missing = [trees.null(_REAL) for _ in range(2 - len(given))]
    return trees.call("kql_series_cosine_similarity", _elements(left, right), _elements(right, left), *given, *missing)


_EACH = ("abs", "acos", "asin", "atan", "ceiling", "cos", "exp", "floor", "log", "sign", "sin", "tan")
_PAIRED = ("add", "divide", "equals", "less", "less_equals", "multiply", "not_equals", "pow", "subtract")
_TURNED = {"greater": "less", "greater_equals": "less_equals"}
_TOTALS = ("magnitude", "product", "sum")

ROWS = (
    *(Scalar(f"series_{n}", (DYNAMIC,), _ARRAY, calls(f"kql_series_{n}"), _page(f"series_{n}")) for n in _EACH),
    *(Scalar(f"series_{n}", (DYNAMIC,), _REAL, calls(f"kql_series_{n}"), _page(f"series_{n}")) for n in _TOTALS),
    *(row for name in _PAIRED for row in _pair_rows(name, _pairwise(name))),
    *(row for name, meant in _TURNED.items() for row in _pair_rows(name, _pairwise(meant, turned=True))),
    *_pair_rows("dot_product", _pairwise("dot_product"), _REAL),
    Scalar(
        "series_cosine_similarity",
        (DYNAMIC, DYNAMIC, NUMBER, NUMBER),
        _REAL,
        _cosine_similarity,
        _page("series_cosine_similarity"),
        optional=2,
    ),
    *(_whole_row(name, parameters) for name, parameters in _PARAMETERS.items()),
    Scalar(
        "series_periods_validate",
        (DYNAMIC, NUMBER),
        _ARRAY,
        MULTI["series_periods_validate"][0].lower,
        _page("series_periods_validate"),
        variadic=True,
    ),
)
