"""Each let of the query is used, and each that one may tune is explained."""

from collections.abc import Iterator

from herdsight.checks.model import Check, Checked
from herdsight.errors import HerdsightError, QueryError
from herdsight.kql import syntax
from herdsight.kql.lexer import Kind, Text, tokens
from herdsight.kql.statements import parse

_SCHEDULE = {"lookback"}  # follows from the schedule, and is no knob


def _lets(rule: Checked) -> tuple[list[syntax.Let], Text]:
    text = Text(rule.file.rule.query)
    try:
        return [each for each in parse(text).statements if isinstance(each, syntax.Let)], text
    except QueryError:  # another check tells of it
        return [], text


def _used(rule: Checked) -> Iterator[HerdsightError]:
    lets, text = _lets(rule)
    names = [each.value for each in tokens(text) if each.kind is Kind.NAME] if lets else []
    for each in lets:
        if names.count(each.name) <= 1:
            unused = HerdsightError(f"`{each.name}` is never used", place=text.place(each.start), hint="leave it out")
            yield rule.in_query(unused)


def _explained(rule: Checked) -> Iterator[HerdsightError]:
    lets, _ = _lets(rule)
    tunable = [each.name for each in lets if not _is_of_data(each.value) and each.name not in _SCHEDULE]
    explained = rule.file.rule.herdsight.parameters
    for name in tunable:
        if name not in explained:
            what = f"`{name}` has no entry under parameters"
            yield rule.wrong(what, "herdsight", "parameters", hint=f"{name}: {{unit: ..., reason: ...}}")
    for name in explained if lets else ():
        if name not in tunable:
            yield rule.wrong(f"the query has no let `{name}`", "herdsight", "parameters", name)


def _is_of_data(value: syntax.Node) -> bool:
    is_asked = isinstance(value, syntax.Call) and value.name in {"materialize", "toscalar"}
    return is_asked or isinstance(value, syntax.Pipeline | syntax.Function)


CHECKS = (
    Check("lets-used", "each let of the query is used", _used),
    Check("parameters", "each let that one may tune says its unit and the reason of its value", _explained),
)
