"""Lists of indicators made readable for the analytics, and an account of what became of each list in a hunt."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from herdsight.analytics import Candidate
from herdsight.analytics.listed import LISTED
from herdsight.findings.model import Finding, IndicatorList, iso
from herdsight.indicators import Account, Columns, Indicators
from herdsight.indicators.reading import taken
from herdsight.indicators.records import of_objects
from herdsight.indicators.table import as_table
from herdsight.querying import compiled, run
from herdsight.tables import INDICATORS
from herdsight.telemetry import Telemetry

# Indicators of Sentinel's table as they stood last. That they are active is Sentinel's word, and none is a word, too.
_STORED = """
ThreatIntelIndicators
| summarize arg_max(TimeGenerated, IsActive, IsDeleted, Revoked, ValidFrom, ValidUntil, Confidence, ObservableKey,
    ObservableValue, Tags) by Id
| where coalesce(IsActive, true) and not(coalesce(IsDeleted, false))
| order by Id asc
"""


def indicated(telemetry: Telemetry, files: Indicators) -> Indicators:
    """Give the analytics the indicators of files, and of Sentinel's table in the logs; all of them."""
    columns, accounts = files.columns, files.accounts
    if INDICATORS in telemetry.spans:
        columns = replace(columns, **{name: list(getattr(columns, name)) for name in Columns.__slots__})
        entries = of_objects([_as_texts(row) for row in _stored(telemetry)]) or ()
        accounts = (*accounts, taken(entries, columns, len(accounts), Account(INDICATORS, "table")))
    if columns.value:
        telemetry.give(LISTED, as_table(columns, [each.source for each in accounts]))
    return Indicators(columns, accounts)


def _stored(telemetry: Telemetry) -> list[dict[str, object]]:
    found: list[dict[str, object]] = run(telemetry, compiled(_STORED, "indicators")[0].query.relation).to_pylist()
    return found


def _as_texts(row: dict[str, object]) -> dict[str, object]:
    return {name: iso(value) if isinstance(value, datetime) else value for name, value in row.items()}


def accounts_of(
    lists: Indicators, begin: datetime, looked_at: Iterable[Candidate], findings: Sequence[Finding]
) -> tuple[IndicatorList, ...]:
    """What became of each list. `begin`: of the logs. `looked_at`: every host that meets an indicator, told or not."""
    met: set[int] = set()
    told: set[int] = set()
    known = {(each.detection, each.host, each.remotes, each.domains) for each in findings}
    detections = {each.detection for each in findings}
    for candidate in looked_at:
        numbers = set(_numbers(candidate))
        met |= numbers
        if any((name, candidate.host, candidate.remotes, candidate.domains) in known for name in detections):
            told |= numbers
    by_met, by_told = (Counter(lists.columns.source[number] for number in each) for each in (met, told))
    expired = Counter(
        source
        for source, until in zip(lists.columns.source, lists.columns.until, strict=True)
        if until is not None and until < begin
    )
    return tuple(
        _account(each, expired[number], by_met[number], by_told[number]) for number, each in enumerate(lists.accounts)
    )


def _numbers(candidate: Candidate) -> Iterator[int]:
    value = candidate.row.get("Indicator")
    yield from (each for each in value if isinstance(each, int)) if isinstance(value, tuple) else ()


def _account(account: Account, expired: int, matched: int, told: int) -> IndicatorList:
    return IndicatorList(
        source=account.source,
        form=account.form,
        read=account.read,
        used=account.used,
        repeated=account.repeated,
        refused=dict(account.refused.most_common()),
        samples=tuple(f"{each.line}: {each.text}: {each.reason}" for each in account.samples),
        warnings=tuple(account.warnings),
        expired=expired,
        matched=matched,
        told=told,
    )
