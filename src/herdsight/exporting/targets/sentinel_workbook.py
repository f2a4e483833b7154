"""A workbook of Microsoft Sentinel: what the rules found, on whom, and whether the tables that they read have rows."""

from collections.abc import Iterator

from herdsight.exporting.model import Content, Export, File, RuleTarget
from herdsight.exporting.texts import document
from herdsight.kql.text import literal_text, name_text

_SCHEMA = "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json"
_DAY = 86_400_000  # milliseconds
_SPANS = (1, 7, 14, 30)  # days that one may choose
_LOGS, _WORKSPACES = 0, "microsoft.operationalinsights/workspaces"  # what a tile asks, by the workbooks' own numbers


def export_workbook(content: Content) -> Export:
    """The workbook as the gallery has it."""
    return Export((File("Herdsight.json", document(_workbook(content))),))


def _workbook(content: Content) -> dict[str, object]:
    return {
        "version": "Notebook/1.0",
        "items": [*_items(content)],
        "fallbackResourceIds": [],
        "fromTemplateId": "sentinel-Herdsight",
        "$schema": _SCHEMA,
    }


def _items(content: Content) -> Iterator[dict[str, object]]:
    alerts = _alerts(content)
    yield _text("head", "## Herdsight\nWhat its rules found in the time that is chosen, and what they had to read.")
    yield _times()
    yield _tile("alerts by rule", f"{alerts}\n{_BY_RULE}", "table")
    yield _tile("alerts over time", f"{alerts}\n{_OVER_TIME}", "timechart")
    yield _tile("hosts with most alerts", f"{alerts}\n{_BY_HOST}", "table")
    yield _tile("tables that the rules read", _coverage(content), "table")
    yield _tile("tables, hour by hour", _coverage_over_time(content), "timechart")


# An alert is there as often as it changed: the last time counts.
_BY_RULE = """\
| summarize Alerts = count(), First = min(StartTime), Last = max(EndTime), Severity = take_any(AlertSeverity)
    by Rule = AlertName
| sort by Alerts desc"""
_OVER_TIME = "| summarize Alerts = count() by AlertName, bin(TimeGenerated, 1h)"
_BY_HOST = """\
| mv-expand Entity = todynamic(Entities)
| where tostring(Entity.Type) in ("host", "ip")
| extend Host = tostring(coalesce(tostring(Entity.FullName), tostring(Entity.HostName), tostring(Entity.Address)))
| where isnotempty(Host)
| summarize Alerts = dcount(SystemAlertId), Rules = make_set(AlertName, 20), Last = max(EndTime) by Host
| top 50 by Alerts desc"""


def _alerts(content: Content) -> str:
    names = ", ".join(literal_text(each.rule.name) for each in content.rules)
    return (
        "SecurityAlert\n| summarize arg_max(TimeGenerated, *) by SystemAlertId\n"
        f"| where AlertName in ({names or literal_text('')})"
    )


def _tables(content: Content) -> tuple[str, ...]:
    """The tables that the rules read, by name."""
    from herdsight.querying import compiled, scanned_tables

    found = (
        name
        for each in content.rules
        for name in scanned_tables(compiled(each.rule.query, f"{each.source} (query)")[0].query.relation)
    )
    return tuple(sorted({*found}))


def _coverage(content: Content) -> str:
    """For each table how many rows it has and when the last came; those that a workspace lacks have no row."""
    counted = _each_table(content, "Rows = count(), Last = max(TimeGenerated)")
    return f"{counted}\n| project Table, Rows, Last\n| sort by Table asc"


def _coverage_over_time(content: Content) -> str:
    return f"{_each_table(content, 'Rows = count() by bin(TimeGenerated, 1h)')}\n| project TimeGenerated, Table, Rows"


def _each_table(content: Content, counts: str) -> str:
    """What is counted of each table, with its name."""
    asked = ",".join(
        f"\n    ({name_text(each)} | summarize {counts} | extend Table = {literal_text(each)})"
        for each in _tables(content)
    )
    return f"union isfuzzy=true{asked}"


def _text(name: str, words: str) -> dict[str, object]:
    return {"type": 1, "content": {"json": words}, "name": name}


def _times() -> dict[str, object]:
    parameter = {
        "id": "5f2c7f1e-3c0b-4d0e-9a35-8e8d2a7f6b10",
        "version": "KqlParameterItem/1.0",
        "name": "TimeRange",
        "label": "Time",
        "type": 4,
        "isRequired": True,
        "value": {"durationMs": 7 * _DAY},
        "typeSettings": {"selectableValues": [{"durationMs": each * _DAY} for each in _SPANS], "allowCustom": True},
    }
    content = {
        "version": "KqlParameterItem/1.0",
        "parameters": [parameter],
        "style": "pills",
        "queryType": _LOGS,
        "resourceType": _WORKSPACES,
    }
    return {"type": 9, "content": content, "name": "time"}


def _tile(name: str, query: str, form: str) -> dict[str, object]:
    content = {
        "version": "KqlItem/1.0",
        "query": query,
        "size": 0,
        "title": name.capitalize(),
        "timeContextFromParameter": "TimeRange",
        "queryType": _LOGS,
        "resourceType": _WORKSPACES,
        "visualization": form,
    }
    return {"type": 3, "content": content, "name": name}


TARGET = RuleTarget("sentinel-workbook", "A workbook of what rules found and what they read, as JSON.", export_workbook)
