"""What other detections of beacons find on series whose truth is known, beside ours: recall, and false alarms.

Their formulas as their sources and documentation state them, over the times and sizes of one source, destination and
port: RITA 5 (activecm/rita, its beacon score, at 0.7, which it calls a beacon of medium severity), Elastic's network
beaconing (its transform's painless script), Microsoft's Sentinel ASIM "possible beaconing", and Fortinet's "beacon
pattern". Ours is the analytic itself, at the budget of the default level; like the others' it is judged by times and
sizes alone, before what a name or a port says.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlglot import exp

from herdsight import tables
from herdsight.analytics import Sight
from herdsight.analytics.beacon import BEACON
from herdsight.analytics.pairs import made
from herdsight.hunting.analysing import BUDGET
from herdsight.querying import ARROW_TYPES
from herdsight.tables import NETWORK_SESSION
from herdsight.telemetry import Level

Reals = npt.NDArray[np.float64]

HOUR, DAY = 3_600.0, 86_400.0
PERIODS = ((10.0, 1), (60.0, 1), (300.0, 1), (1_800.0, 1), (3_600.0, 1), (21_600.0, 7))  # seconds, days of data
JITTERS = (0.0, 0.1, 0.3, 0.5)
_SERIES, _OF_CHANCE = 20, 80
_RECALL, _FALSE = 0.99, 1  # what ours must reach on every timer, and may make of 80 series of each kind of chance


@dataclass(frozen=True, slots=True)
class Calls:
    """One series: times in seconds from the start of the data, in order, bytes each way, and the data's length."""

    times: Reals
    sent: Reals
    received: Reals
    days: int


# --- RITA 5 ---------------------------------------------------------------------------------------------------------


def rita(calls: Calls) -> float:
    """RITA's beacon score, 0 to 1, of the last 24 hours; 0 of what it does not score."""
    end = calls.days * DAY
    kept = calls.times >= end - DAY
    times, sent = np.floor(calls.times[kept] - (end - DAY)), calls.sent[kept]
    if len(np.unique(times)) < 4 or len(times) >= DAY:  # noqa: PLR2004 RITA's
        return 0.0
    gaps = np.diff(times)
    gaps = gaps[gaps > 0]
    bars = np.histogram(times, 24, (0, DAY))[0]
    parts = (
        _evenness(gaps, 1.0),
        _evenness(sent, 0.0),
        max((times[-1] - times[0]) / DAY, _longest_run(bars) / 12) if np.count_nonzero(bars) >= 6 else 0.0,  # noqa: PLR2004
        max(1 - float(bars.std() / bars.mean()), _bimodal(bars)),
    )
    return float(np.mean(np.clip(parts, 0, 1)))


def _evenness(values: Reals, without_median: float) -> float:
    """The mean of 1 - |Bowley skew| and of (median - MAD) / median."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    flat = high - low < 10 or middle in {low, high}  # noqa: PLR2004 RITA's
    skew = 0.0 if flat else (low + high - 2 * middle) / (high - low)
    spread = float(np.median(np.abs(values - middle)))
    regular = max((middle - spread) / middle, 0.0) if middle >= 1 else without_median
    return float(1 - abs(skew) + regular) / 2


def _longest_run(bars: npt.NDArray[np.int64]) -> int:
    """The longest run of hours with a connection, also over midnight."""
    longest = run = 0
    for each in [*bars, *bars]:
        run = run + 1 if each else 0
        longest = max(longest, run)
    return min(longest, len(bars))


def _bimodal(bars: npt.NDArray[np.int64]) -> float:
    """The share of hours whose heights lie in the two most frequent classes; a class is 5 % of the highest."""
    filled = bars[bars > 0]
    if len(filled) < 11:  # noqa: PLR2004 RITA's
        return 0.0
    width = max(filled.max() * 0.05, 1e-9)
    counts = np.unique(np.floor(filled / width), return_counts=True)[1]
    return float(np.sort(counts)[-2:].sum() / len(filled))


# --- Elastic --------------------------------------------------------------------------------------------------------

_BUCKETS, _BUCKET_S = 360, 60.0


def elastic(calls: Calls) -> bool:
    """Whether Elastic's transform calls any six hours of it a beacon by its times: low variation, or periodic."""
    counts = np.histogram(calls.times, int(calls.days * DAY / _BUCKET_S), (0, calls.days * DAY))[0]
    return any(_elastic_window(each) for each in counts.reshape(-1, _BUCKETS))


def _elastic_window(counts: npt.NDArray[np.int64]) -> bool:
    filled = np.flatnonzero(counts)
    if len(filled) < 7 or filled[-1] - filled[0] + 1 < 12:  # noqa: PLR2004 Elastic's
        return False
    span = counts[filled[0] : filled[-1] + 1].astype(float)
    return _low_variation(span) or _periodic(span)


def _low_variation(counts: Reals) -> bool:
    if np.mean(counts > 0) <= 0.5:  # noqa: PLR2004 Elastic's
        return False
    cut = np.sort(counts)[int(0.1 * len(counts)) : int(0.8 * len(counts))]
    return bool(cut.std() <= 0.1 * cut.mean())


def _periodic(counts: Reals) -> bool:
    """Whether the autocovariance at some period from 2 buckets to a sixth of the span is 0.7 of the variance."""
    away = counts - counts.mean()
    variance = float(np.mean(away**2))
    if not variance:
        return False
    lags = range(2, len(counts) // 6 + 1)
    return any(float(np.mean(away[lag:] * away[:-lag])) / variance >= 0.7 for lag in lags)  # noqa: PLR2004 Elastic's


# --- Sentinel and Fortinet ------------------------------------------------------------------------------------------


def sentinel(calls: Calls) -> bool:
    """Whether some hour has more than 15 gaps above 10 s of which more than 80 % are the same, in whole seconds."""
    gaps, hours = np.floor(np.diff(calls.times)), np.floor(calls.times[1:] / HOUR)
    hours, gaps = hours[gaps > 10], gaps[gaps > 10]  # noqa: PLR2004 Sentinel's
    for hour, count in zip(*np.unique(hours, return_counts=True), strict=True):
        usual = np.unique(gaps[hours == hour], return_counts=True)[1].max()
        if count > 15 and usual > 0.8 * count:  # noqa: PLR2004 Sentinel's
            return True
    return False


def fortinet(calls: Calls) -> bool:
    """Whether gaps above 60 s vary by less than 20 % about a mean of at least 600 s, outliers taken as the mean."""
    gaps = np.diff(calls.times)
    gaps = gaps[gaps > 60]  # noqa: PLR2004 Fortinet's
    if len(gaps) <= 4:  # noqa: PLR2004 Fortinet's
        return False
    low, high = np.quantile(gaps, (0.1, 0.9))
    reach = 1.5 * (high - low)
    mean = gaps.mean()
    kept = np.where((gaps < low - reach) | (gaps > high + reach), mean, gaps)
    return bool(kept.std() < 0.2 * kept.mean() and kept.mean() >= 600)  # noqa: PLR2004 Fortinet's


# --- ours -----------------------------------------------------------------------------------------------------------


def ours(series: Sequence[Calls]) -> list[bool]:
    """Which of the series, the calls of one host to as many places, the beacon analytic tells from chance.

    At the default level: 0.01 false alerts by chance in a day of the host, over all its series.
    """
    allowed = BUDGET[Level.MEDIUM] * max(each.days for each in series) / len(series)
    places = {_place(number): number for number in range(len(series))}
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA kept; SET TimeZone = 'UTC'")
        connection.register("rows", _sessions(series))
        connection.execute(f"CREATE TABLE kept.{NETWORK_SESSION} AS SELECT * FROM rows")
        connection.execute(made("kept").sql(dialect="duckdb"))

        def run(tree: exp.Expr) -> pa.Table:
            answer: pa.Table = connection.sql(tree.sql(dialect="duckdb")).to_arrow_table()
            return answer

        there = frozenset({NETWORK_SESSION})
        found = BEACON.find(Sight(run, "kept", there, lambda _: {}, {}))
    hits = {places[each.remotes[0]] for each in found.candidates if each.p_value <= allowed}
    return [number in hits for number in range(len(series))]


def _place(number: int) -> str:
    return f"203.0.113.{number}"


def _sessions(series: Sequence[Calls]) -> pa.Table:
    """The series as the sessions of one host with places outside."""
    count = sum(len(each.times) for each in series)
    micros = np.concatenate([np.floor(each.times * 1e6) for each in series]).astype("int64")
    values: dict[str, Any] = {
        "TimeGenerated": micros + 1_780_228_800_000_000,  # 2026-05-31 12:00
        "EventType": ["NetworkSession"] * count,
        "NetworkDirection": ["Outbound"] * count,
        "NetworkProtocol": ["TCP"] * count,
        "EventResult": ["Success"] * count,
        "SrcIpAddr": ["10.0.0.5"] * count,
        "DstIpAddr": [_place(number) for number, each in enumerate(series) for _ in each.times],
        "DstPortNumber": [443] * count,
        "SrcBytes": np.concatenate([each.sent for each in series]).astype("int64"),
        "DstBytes": np.concatenate([each.received for each in series]).astype("int64"),
    }
    columns = {}
    for name in dict.fromkeys(("TimeGenerated", *BEACON.reads[NETWORK_SESSION])):
        column = tables.table(NETWORK_SESSION).column(name)
        assert column  # noqa: S101 it is one that the analytic reads
        empty = "" if column.type is tables.ColumnType.STRING else None
        columns[name] = pa.array(values.get(name, [empty] * count), ARROW_TYPES[column.type])
    return pa.table(columns)


# --- the series -----------------------------------------------------------------------------------------------------


def timers(period: float, days: int, jitter: float, random: np.random.Generator) -> Iterator[Calls]:
    """Beacons: gaps uniform within the jitter of the period, sizes that differ by 2 % as those of a heartbeat do."""
    for _ in range(_SERIES):
        gaps = period * random.uniform(1 - jitter, 1 + jitter, size=int(2 * days * DAY / period) + 2)
        times = random.uniform(0, period) + np.cumsum(gaps)
        times = times[times < days * DAY]
        yield Calls(times, _sizes(len(times), 500, 0.02, random), _sizes(len(times), 900, 0.02, random), days)


def chance(kind: str, random: np.random.Generator) -> Iterator[Calls]:
    """A day of what is no timer: 20 to 400 calls at random times, or in bursts, at steady rates or a day's."""
    for _ in range(_OF_CHANCE):
        times = np.sort(np.ravel(_random_times(kind, int(random.integers(20, 400)), random)))
        times = times[times < DAY]
        yield Calls(times, _sizes(len(times), 800, 1, random), _sizes(len(times), 5_000, 1.5, random), 1)


KINDS = ("Poisson", "bursty", "diurnal")


def _random_times(kind: str, count: int, random: np.random.Generator) -> Reals:
    match kind:
        case "Poisson":
            return random.uniform(0, DAY, count)
        case "bursty":
            starts = random.uniform(0, DAY, count // 8 + 1)
            return np.asarray(starts[:, None] + random.exponential(3, (len(starts), 8)))
        case _:
            return DAY * random.beta(4, 3, count)


def _sizes(count: int, usual: float, spread: float, random: np.random.Generator) -> Reals:
    return np.asarray(np.floor(usual * random.lognormal(0, spread, count)))


# --- the table ------------------------------------------------------------------------------------------------------

Detector = Callable[[Sequence[Calls]], list[bool]]

DETECTORS: Mapping[str, Detector] = {
    "Herdsight": ours,
    "RITA 0.7": lambda series: [rita(each) >= 0.7 for each in series],  # noqa: PLR2004 RITA's
    "RITA 0.9": lambda series: [rita(each) >= 0.9 for each in series],  # noqa: PLR2004 RITA's
    "Elastic": lambda series: [elastic(each) for each in series],
    "Sentinel": lambda series: [sentinel(each) for each in series],
    "Fortinet": lambda series: [fortinet(each) for each in series],
}


@dataclass(frozen=True, slots=True)
class Line:
    """How many of `of` series each detector calls a beacon; `is_beacon`: whether they are."""

    what: str
    is_beacon: bool
    of: int
    called: Mapping[str, int]

    def cells(self) -> list[str]:
        """As the table has it: recall in percent, false alarms as they are."""
        counts = self.called.values()
        return (
            [f"{100 * each / self.of:.0f} %" for each in counts] if self.is_beacon else [f"{each}" for each in counts]
        )


def measured(seed: int = 1) -> list[Line]:
    """Every series of the grid and of chance, put to every detector."""
    random = np.random.default_rng(seed)
    lines = [
        _line(f"every {_span(period)}, {days} d, jitter {jitter:.0%}", True, [*timers(period, days, jitter, random)])
        for period, days in PERIODS
        for jitter in JITTERS
    ]
    return [*lines, *(_line(f"{kind}, false of {_OF_CHANCE}", False, [*chance(kind, random)]) for kind in KINDS)]


def _line(what: str, is_beacon: bool, series: Sequence[Calls]) -> Line:
    called = {name: sum(detector(series)) for name, detector in DETECTORS.items()}
    return Line(what, is_beacon, len(series), called)


def _span(seconds: float) -> str:
    size, unit = next((each for each in ((HOUR, "h"), (60.0, "min")) if seconds >= each[0]), (1.0, "s"))
    return f"{seconds / size:.0f} {unit}"


def recall(lines: Sequence[Line], name: str = "Herdsight") -> float:
    """The share of all beacons that a detector finds."""
    own = [each for each in lines if each.is_beacon]
    return sum(each.called[name] for each in own) / sum(each.of for each in own)


def most_false(lines: Sequence[Line], name: str = "Herdsight") -> int:
    """The most false alarms of a detector on one kind of chance."""
    return max(each.called[name] for each in lines if not each.is_beacon)


def main() -> None:
    """Print the table; ends with status 1 where ours misses what it must reach."""
    begun = time.perf_counter()
    lines = measured()
    print(f"{'':<32}" + "".join(f"{name:>12}" for name in DETECTORS))
    for each in lines:
        print(f"{each.what:<32}" + "".join(f"{cell:>12}" for cell in each.cells()))
    good, false = recall(lines), most_false(lines)
    reached = good >= _RECALL and false <= _FALSE
    print(f"ours: recall {good:.1%} (at least {_RECALL:.0%}), at most {false} of {_OF_CHANCE} false (at most {_FALSE})")
    print(f"{time.perf_counter() - begun:.0f} s")
    sys.exit(not reached)


if __name__ == "__main__":
    main()
