"""Series functions: the laws they keep, and the figures that Microsoft's pages and its team have printed."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from herdsight import prelude, trees
from herdsight.engines.duckdb import DuckDbEngine
from herdsight.kql.functions.model import Operand
from herdsight.kql.functions.series import MULTI, ROWS
from herdsight.prelude import series_fit
from herdsight.prelude.registry import Function
from herdsight.prelude.series import (
    kql_series_fft,
    kql_series_fir,
    kql_series_ifft,
    kql_series_iir,
    kql_series_pearson_correlation,
    kql_series_stats,
)
from herdsight.prelude.series_decompose import (
    kql_series_decompose,
    kql_series_decompose_anomalies,
    kql_series_decompose_forecast,
    kql_series_outliers,
)
from herdsight.prelude.series_fill import (
    kql_series_fill_backward,
    kql_series_fill_const,
    kql_series_fill_forward,
    kql_series_fill_linear,
)
from herdsight.prelude.series_fit import kql_series_fit_2lines, kql_series_fit_line, kql_series_fit_poly
from herdsight.prelude.series_periods import (
    kql_series_periods_detect,
    kql_series_periods_validate,
    kql_series_seasonal,
)
from herdsight.tables import ColumnType

number = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
numbers = st.lists(number, min_size=1, max_size=40)
gaps = st.lists(st.none() | st.integers(-100, 100), max_size=30)
small = st.integers(-50, 50)


def close(values: Any, tolerance: float = 1e-9) -> Any:
    """Equal but for rounding, which grows with the values."""
    largest = max([1.0, *(abs(value) for value in values)])
    return pytest.approx(values, abs=tolerance * largest, rel=tolerance)


# --- transforms and filters -----------------------------------------------------------------------------------------


@given(numbers, st.data())
def test_the_inverse_transform_gives_the_series_back(real: list[float], data: st.DataObject) -> None:
    imaginary = data.draw(st.lists(number, min_size=len(real), max_size=len(real)))
    there = kql_series_fft(real, imaginary)
    back = kql_series_ifft(there["real"], there["imag"])
    assert back["real"] == close(real)
    assert back["imag"] == close(imaginary)


def test_a_wave_has_its_frequency_alone() -> None:
    wave = [float(np.cos(2 * np.pi * 3 * t / 16)) for t in range(16)]
    found = kql_series_fft(wave, None)
    assert found["real"] == close([8.0 if f in (3, 13) else 0.0 for f in range(16)])
    assert found["imag"] == close([0.0] * 16)


def test_a_transform_of_a_gap_is_nothing_but_gaps() -> None:
    assert kql_series_fft([1, None], None)["real"] == [None, None]
    assert kql_series_fft([1, 2], [0]) == {"real": [None, None], "imag": [None, None]}
    assert kql_series_fft([], None) == {"real": [], "imag": []}


@given(numbers)
def test_a_running_sum_is_undone_by_differences(values: list[float]) -> None:
    total = kql_series_iir(values, [1], [1, -1])
    assert total == close(np.cumsum(values).tolist())
    assert kql_series_fir(total, [1, -1], None, center=False) == close(values, 1e-6)


@given(numbers, st.integers(1, 6))
def test_an_average_around_a_point_is_that_behind_it_moved(values: list[float], half: int) -> None:
    ones = [1] * (2 * half + 1)
    behind = kql_series_fir([*values, *[0] * half], ones, None, center=False)
    assert kql_series_fir(values, ones, None, center=True) == close(behind[half:])


# --- statistics -----------------------------------------------------------------------------------------------------


@given(st.lists(number, min_size=2, max_size=40))
def test_statistics_are_those_of_numpy(values: list[float]) -> None:
    stats = kql_series_stats(values, ignore_nonfinite=False)
    assert (stats["min"], stats["max"]) == (min(values), max(values))
    assert (stats["min_idx"], stats["max_idx"]) == (values.index(min(values)), values.index(max(values)))
    assert stats["avg"] == pytest.approx(np.mean(values), abs=1e-6)
    assert stats["variance"] == pytest.approx(np.var(values, ddof=1))
    assert stats["stdev"] == pytest.approx(np.std(values, ddof=1))
    assert stats["len"] == len(values)


@given(st.lists(number, min_size=1, max_size=20), st.integers(0, 20))
def test_what_is_not_finite_is_left_out_where_it_is_to_be(values: list[float], place: int) -> None:
    place = min(place, len(values))
    with_gap = [*values[:place], "NaN", *values[place:]]
    assert kql_series_stats(with_gap, ignore_nonfinite=False) is None
    found = kql_series_stats(with_gap, ignore_nonfinite=True)
    assert found["sum"] == pytest.approx(sum(values), abs=1e-3)
    assert with_gap[found["min_idx"]] == min(values)


def test_the_statistics_on_the_page() -> None:
    series = [23, 46, 23, 87, 4, 8, 3, 75, 2, 56, 13, 75, 32, 16, 29]
    expected = {"min": 2, "min_idx": 8, "max": 87, "max_idx": 3, "avg": 32.8, "stdev": 28.503633853548269}
    expected |= {"variance": 812.45714285714291, "sum": 492, "len": 15}
    assert kql_series_stats(series, ignore_nonfinite=False) == pytest.approx(expected)


@given(st.lists(small, min_size=2, max_size=20).filter(lambda s: len(set(s)) > 1), small.filter(bool), small)
def test_a_series_correlates_with_itself_on_any_scale(values: list[int], factor: int, shift: int) -> None:
    scaled = [factor * value + shift for value in values]
    assert kql_series_pearson_correlation(values, scaled) == pytest.approx(1 if factor > 0 else -1)


# --- filling --------------------------------------------------------------------------------------------------------


@given(gaps)
def test_a_fill_touches_the_gaps_alone(series: list[int | None]) -> None:
    filled = (
        kql_series_fill_const(series, 7, None),
        kql_series_fill_forward(series, None),
        kql_series_fill_backward(series, None),
        kql_series_fill_linear(series, None, fill_edges=True, constant=0.0),
    )
    for result in filled:
        assert [new for new, old in zip(result, series, strict=True) if old is not None] == [
            old for old in series if old is not None
        ]


@given(gaps)
def test_backward_is_forward_from_behind(series: list[int | None]) -> None:
    assert kql_series_fill_backward(series, None) == kql_series_fill_forward(series[::-1], None)[::-1]


@given(gaps)
def test_a_line_leaves_no_gap_and_keeps_between_its_ends(series: list[int | None]) -> None:
    filled = kql_series_fill_linear(series, None, fill_edges=True, constant=0.0)
    ahead, behind = kql_series_fill_forward(series, None), kql_series_fill_backward(series, None)
    for value, before, after in zip(filled, ahead, behind, strict=True):
        ends = [end for end in (before, after) if end is not None] or [0.0]
        assert min(ends) <= value <= max(ends)


@given(small, st.integers(1, 20))
def test_a_gap_in_a_line_is_filled_with_the_line(slope: int, length: int) -> None:
    line = [slope * x for x in range(length + 2)]
    assert kql_series_fill_linear([line[0], *[None] * length, line[-1]], None, fill_edges=True, constant=0) == line


# --- fits -----------------------------------------------------------------------------------------------------------


@given(small, small, st.integers(2, 50))
def test_a_line_is_found(slope: int, interception: int, length: int) -> None:
    line = [slope * x + interception for x in range(1, length + 1)]
    fit = kql_series_fit_line(line)
    assert (fit["slope"], fit["interception"]) == pytest.approx((slope, interception), abs=1e-9)
    assert fit["rsquare"] == pytest.approx(1)
    assert fit["line_fit"] == close(line)


@given(st.lists(number, min_size=2, max_size=40))
def test_a_polynomial_of_degree_1_is_the_line(values: list[float]) -> None:
    line, polynomial = kql_series_fit_line(values), kql_series_fit_poly(values, None, 1)
    assert polynomial["poly_fit"] == close(line["line_fit"])
    assert polynomial["coefficients"] == close([line["slope"], line["interception"]], 1e-6)
    assert polynomial["variance"] == line["variance"]


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=5))
def test_a_polynomial_is_found(coefficients: list[int]) -> None:
    x = [0.5 * place for place in range(-6, 7)]
    fit = kql_series_fit_poly(np.polyval(coefficients, x).tolist(), x, len(coefficients) - 1)
    assert fit["coefficients"] == close(coefficients, 1e-8)


def left_over(values: list[float], split: int) -> float:
    parts = (kql_series_fit_line(part) for part in (values[:split], values[split:]))
    return float(sum(part["rvariance"] * (len(part["line_fit"]) - 1) for part in parts))


@given(st.lists(small, min_size=4, max_size=25))
def test_no_split_is_better_than_the_one_of_two_lines(values: list[float]) -> None:
    fit = kql_series_fit_2lines(values)
    best = min(left_over(values, split) for split in range(2, len(values) - 1))
    assert left_over(values, fit["split_idx"]) == pytest.approx(best, abs=1e-6)
    assert fit["rvariance"] * (len(values) - 1) == pytest.approx(best, abs=1e-6)


def test_the_line_on_the_page() -> None:
    fit = kql_series_fit_line([2, 5, 6, 8, 11, 15, 17, 18, 25, 26, 30, 30])
    printed = {"rsquare": 0.982, "slope": 2.730, "variance": 98.628, "rvariance": 1.686, "interception": -1.666}
    assert {name: fit[name] for name in printed} == pytest.approx(printed, abs=0.001)
    assert (fit["line_fit"][0], fit["line_fit"][-1]) == pytest.approx((1.064, 31.102), abs=0.001)


def test_a_constant_is_fitted_exactly() -> None:
    fit = kql_series_fit_line([3, 3, 3])
    assert (fit["rsquare"], fit["slope"], fit["variance"]) == (1.0, 0.0, 0.0)


def test_a_degree_that_the_places_do_not_tell_apart_has_no_fit() -> None:
    assert kql_series_fit_poly([1, 2, 3], None, 3) is None
    assert kql_series_fit_poly([1, 2, 3], None, -1) is None
    assert kql_series_fit_poly([1, 2, 3], [1, 2], 1) is None
    assert kql_series_fit_poly([1.0] * 200, None, series_fit._HIGHEST + 1) is None


# --- periods and seasons --------------------------------------------------------------------------------------------

# From the page of series_periods_detect: traffic of a month, two bins a day.
TRAFFIC = [
    *(80, 139, 87, 110, 68, 54, 50, 51, 53, 133, 86, 141, 97, 156, 94, 149, 95, 140, 77, 61, 50, 54, 47, 133, 72),
    *(152, 94, 148, 105, 162, 101, 160, 87, 63, 53, 55, 54, 151, 103, 189, 108, 183, 113, 175, 113, 178, 90, 71),
    *(62, 62, 65, 165, 109, 181, 115, 182, 121, 178, 114, 170),
]


def test_the_periods_on_the_pages() -> None:
    found = kql_series_periods_detect(TRAFFIC, 0.0, 50.0, 2)
    assert found == {"periods": [14.0, 0.0], "scores": [pytest.approx(0.84, abs=0.005), 0.0]}
    valid = kql_series_periods_validate(TRAFFIC, [14.0, 10.0])
    assert valid == {"periods": [14.0, 10.0], "scores": [pytest.approx(0.84, abs=0.005), 0.0]}


@pytest.mark.parametrize(
    ("series", "season"),
    [
        ([2, 5, 3, 4, 3, 2, *[1, 2, 3, 4, 3, 2] * 3, 1], [*[1, 2, 3, 4, 3, 2] * 4, 1]),
        ([8, 12, 14, 12, 10, *[10, 12, 14, 12, 10] * 3], [10, 12, 14, 12, 10] * 4),
        ([1, 3, 5, 2, 4, 6] * 2, [0] * 12),  # half the series is too long to be detected
    ],
)
def test_the_seasons_on_the_page(series: list[int], season: list[int]) -> None:
    assert kql_series_seasonal(series, -1, 0) == season


@given(st.integers(4, 20), st.integers(3, 8), st.randoms())
def test_the_period_of_what_repeats_is_found(period: int, cycles: int, random: Any) -> None:
    pattern = random.sample(range(1000), period)
    found = kql_series_periods_detect(pattern * cycles, 0.0, 1e9, 1)
    assert found["periods"] == [period]
    assert found["scores"][0] == pytest.approx(((cycles - 1) / cycles) ** 0.5, abs=0.05)


@given(numbers)
def test_a_score_lies_between_0_and_1(values: list[float]) -> None:
    found = kql_series_periods_detect(values, 0.0, 1e9, len(values))
    assert all(0 <= score <= 1 for score in found["scores"])
    assert found["scores"] == sorted(found["scores"], reverse=True)
    assert len(found["periods"]) == len(values)


def test_noise_has_no_period() -> None:
    noise = np.random.default_rng(7).normal(size=500).tolist()
    assert kql_series_periods_detect(noise, 0.0, 250.0, 1)["scores"][0] < 0.3


# --- outliers and decomposition -------------------------------------------------------------------------------------


def test_the_scores_that_were_published() -> None:
    series = [-3, 2.4, 15, 3.9, 5, 6, 4.5, 5.2, 3, 4, 5, 16, 7, 5, 5, 4]
    scores = {0: -1.9040785483608571, 1: -0.10021466044004519, 2: 1.3361954725339347, 11: 1.6702443406674186}
    found = kql_series_outliers(series, "ctukey", None, 10.0, 90.0, 0)
    assert found == pytest.approx([scores.get(place, 0.0) for place in range(16)], abs=1e-14)


@given(st.lists(small, min_size=4, max_size=30), st.integers(1, 9), small)
def test_a_score_does_not_depend_on_the_scale(values: list[int], factor: int, shift: int) -> None:
    scaled = [factor * value + shift for value in values]
    scores = [kql_series_outliers(each, "ctukey", None, 10.0, 90.0, 0) for each in (values, scaled)]
    assert scores[1] == pytest.approx(scores[0], abs=1e-9)


@given(st.lists(small, min_size=4, max_size=30))
def test_by_the_quartiles_an_outlier_lies_beyond_the_fences_of_tukey(values: list[int]) -> None:
    low, high = np.percentile(values, (25, 75))
    scores = kql_series_outliers(values, "tukey", None, 10.0, 90.0, 0)
    fences = low - 1.5 * (high - low), high + 1.5 * (high - low)
    beyond = [value < fences[0] - 1e-9 or value > fences[1] + 1e-9 for value in values]
    assert [abs(score) > 1.5 + 1e-9 for score in scores] == beyond


@given(st.floats(2, 49).map(lambda p: round(p, 1)))
def test_by_any_percentiles_a_mild_outlier_of_a_normal_distribution_has_about_the_same_score(low: float) -> None:
    normal = np.random.default_rng(3).normal(size=20_000)
    at_fence = [*normal.tolist(), 2.698]
    score = kql_series_outliers(at_fence, "ctukey", None, low, 100 - low, 0)[-1]
    assert score == pytest.approx(1.5, rel=0.15)


@given(
    st.lists(number, min_size=1, max_size=40),
    st.integers(-1, 10),
    st.sampled_from(["avg", "linefit", "none"]),
)
def test_the_parts_add_up(values: list[float], period: int, trend: str) -> None:
    parts = kql_series_decompose(values, period, trend, 0, 0.6)
    assert np.add(parts["seasonal"], parts["trend"]).tolist() == close(parts["baseline"])
    assert np.add(parts["baseline"], parts["residual"]).tolist() == close(values, 1e-8)


def hourly(*, weekend: float, trend: float) -> list[float]:
    """Five weeks in the manner of the page's examples: days, weekends, noise, and six odd hours."""
    noise = np.random.default_rng(11).random(24 * 7 * 5)
    t = np.arange(24 * 7 * 5)
    values = 2 * noise + np.where(t // 24 % 7 >= 5, weekend, 15.0) - (t % 24 / 10) ** 2 + trend * t
    for place, change in ODD.items():
        values[place] += change
    result: list[float] = values.tolist()
    return result


ODD = {150: -8, 200: -8, 780: -8, 300: 8, 400: 8, 600: 8}


def test_odd_hours_are_found_in_a_weekly_series() -> None:
    found = kql_series_decompose_anomalies(hourly(weekend=10, trend=0), 1.5, -1, "avg", 0, "ctukey", 0.6)
    assert [found["ad_flag"][place] for place in ODD] == [np.sign(change) for change in ODD.values()]
    assert sum(map(abs, found["ad_flag"])) < 30


def test_with_a_trend_they_are_found_by_the_line_alone() -> None:
    series = hourly(weekend=5, trend=1 / 72)
    by_line, by_average = (
        kql_series_decompose_anomalies(series, 1.5, -1, trend, 0, "ctukey", 0.6)["ad_flag"]
        for trend in ("linefit", "avg")
    )
    assert [by_line[place] for place in ODD] == [np.sign(change) for change in ODD.values()]
    assert sum(by_average[place] != 0 for place in ODD) < len(ODD)


def test_a_week_is_foretold() -> None:
    series = hourly(weekend=5, trend=1 / 72)
    known = [*series[: -24 * 7], *[0.0] * (24 * 7)]
    foretold = kql_series_decompose_forecast(known, 24 * 7, -1, "linefit", 0.6)["baseline"]
    assert np.abs(np.subtract(foretold, series))[-24 * 7 :].mean() < 1.5


def test_rounding_is_no_anomaly() -> None:
    line = [0.1 * x for x in range(50)]
    assert kql_series_decompose_anomalies(line, 1.5, 0, "linefit", 0, "ctukey", 0.6)["ad_flag"] == [0] * 50


# --- whatever comes -------------------------------------------------------------------------------------------------

element = st.one_of(
    *(st.none(), st.booleans(), small, st.integers(), st.floats(), st.just([1]), st.just({"a": 1})),
    st.sampled_from(["a", "NaN", "Infinity", "2020-01-01T00:00:00.0000000Z", "2020-99-01T00:00:00Z", 10**400, -1e308]),
)
anything = st.one_of(
    st.lists(element, max_size=20),
    st.lists(st.integers(0, 9), max_size=40),
    st.sampled_from([1, "x", {"a": 1}, True]),
)
arguments = {
    ColumnType.DYNAMIC: anything.map(json.dumps),
    ColumnType.LONG: st.integers(-3, 40) | st.integers(-(2**63), 2**63 - 1),
    ColumnType.REAL: st.floats(-5, 100) | st.floats(),
    ColumnType.STRING: st.sampled_from(["ctukey", "Tukey", "avg", "linefit", "none", ""]),
    ColumnType.BOOL: st.booleans(),
}
COMPUTED = sorted({row.name for row in ROWS if prelude.find(f"kql_{row.name}")} - {"series_periods_validate"})


@pytest.mark.parametrize("name", COMPUTED)
@given(data=st.data())
def test_no_series_is_an_error(name: str, data: st.DataObject) -> None:
    function = prelude.find(f"kql_{name}")
    assert function is not None
    row = [
        data.draw(arguments[parameter.type] | st.none() if parameter.takes_null else arguments[parameter.type])
        for parameter in function.parameters
    ]
    (result,) = function.column([[value] for value in row])
    if function.result is ColumnType.DYNAMIC and result is not None:
        json.loads(result, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


# --- in SQL ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDbEngine]:
    with DuckDbEngine() as opened:
        yield opened


def constant(value: Any) -> Operand:
    return Operand(exp.cast(trees.text(json.dumps(value)), "varchar"), ColumnType.DYNAMIC)


def result(engine: DuckDbEngine, name: str, *series: Any) -> Any:
    row = next(row for row in ROWS if row.name == name)
    tree = exp.select(trees.named(row.lower(*map(constant, series)), "it"))
    value = engine.run(tree).to_pylist()[0]["it"]
    return json.loads(value) if isinstance(value, str) else value


def test_element_by_element_sql_does_what_python_does(engine: DuckDbEngine) -> None:
    random = np.random.default_rng(5)
    a, b = (random.integers(-99, 99, size=50).tolist() for _ in range(2))
    c = random.normal(size=50).tolist()
    assert result(engine, "series_add", a, b) == [x + y for x, y in zip(a, b, strict=True)]
    assert result(engine, "series_multiply", a, b) == [x * y for x, y in zip(a, b, strict=True)]
    assert result(engine, "series_subtract", a, c) == [x - y for x, y in zip(a, c, strict=True)]
    assert result(engine, "series_divide", a, c) == [x / y for x, y in zip(a, c, strict=True)]
    assert result(engine, "series_exp", c) == pytest.approx(np.exp(c).tolist())
    assert result(engine, "series_dot_product", a, c) == pytest.approx(np.dot(a, c))
    assert result(engine, "series_magnitude", c) == pytest.approx(np.linalg.norm(c))


@pytest.mark.parametrize("name", [row.name for row in ROWS if len(row.parameters) == 1])
def test_what_is_no_number_is_null_in_sql_and_in_python(engine: DuckDbEngine, name: str) -> None:
    odd = [None, True, "7", [1], {"a": 1}, "NaN", "Infinity", 10**30, -1e400 * 0]
    result(engine, name, odd)  # no error, and valid JSON
    assert result(engine, name, "text") is None


def test_a_datetime_counts_in_ticks(engine: DuckDbEngine) -> None:
    ticks = 637134336000000000  # of 2020-01-01, as tolong() has it
    moment = "2020-01-01T00:00:00.0000000Z"
    assert result(engine, "series_add", [moment], [0]) == [ticks]
    assert kql_series_stats([moment], ignore_nonfinite=False)["min"] == ticks


def test_columns_are_called_as_microsoft_calls_them() -> None:
    assert [part.suffix for part in MULTI["series_stats"]] == [
        *("min", "min_idx", "max", "max_idx", "avg", "stdev", "variance"),
    ]
    assert [part.suffix for part in MULTI["series_decompose_anomalies"]] == ["ad_flag", "ad_score", "baseline"]
    assert {len(MULTI[name]) for name in ("series_fit_2lines", "series_fit_line")} == {15, 6}


ALL_COLUMNS = {
    "series_stats": [4, 2, 9],
    "series_fit_line": [3, 5, 7],
    "series_fit_2lines": [0, 2, 4, 6, 3, 2, 1, 0],
    "series_fft": [1, 2],
    "series_decompose": [1, 2, 1, 2],
    "series_decompose_anomalies": [1, 2, 1, 2],
}


@pytest.mark.parametrize(("name", "series"), ALL_COLUMNS.items())
def test_all_columns_come_of_one_computation(
    engine: DuckDbEngine, monkeypatch: pytest.MonkeyPatch, name: str, series: list[int]
) -> None:
    computed = []
    value = Function._value

    def counted(function: Function, row: tuple[Any, ...]) -> Any:
        computed.append(function.name)
        return value(function, row)

    monkeypatch.setattr(Function, "_value", counted)
    text = trees.text(json.dumps(series))
    nothing = trees.call("repeat", trees.text(""), trees.column("range"))  # what is no constant is not folded
    source = exp.select(trees.named(trees.call("concat", text, nothing), "s")).from_("range(1)").subquery("source")
    operand = Operand(trees.column("s"), ColumnType.DYNAMIC)
    columns = [trees.named(part.lower(operand), part.suffix) for part in MULTI[name]]
    (row,) = engine.run(exp.select(*columns).from_(source)).to_pylist()
    assert list(row) == [part.suffix for part in MULTI[name]]
    assert None not in row.values()
    assert computed == [f"kql_{name}"]
