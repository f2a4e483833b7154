"""A plan as text to read: one node a line, what it is computed from below and indented, each shared part once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from herdsight.kql import plan
from herdsight.kql.literals import moment
from herdsight.kql.rewrites.walk import inputs
from herdsight.kql.text import typed_text
from herdsight.tables import ColumnType

_MOST_NAMES = 8  # columns that are named where they are only passed on
_MOST_VALUES = 8  # of a list written in the query
_MOST_OPERANDS = 16  # of a chain of conditions
_LONGEST_VALUE = 120  # characters of a constant
_TAB = "  "


def shown(relation: plan.Relation) -> str:
    """The plan as an indented tree."""
    return "\n".join(_lines(relation, 0, _Page()))


def value_text(value: plan.Scalar) -> str:
    """A value as one reads it."""
    return _bare(value, _Page())


@dataclass(slots=True)
class _Page:
    """What is on the page so far: shared parts, and how many queries stand inside values.

    `waiting` are the queries of the line at hand, which are shown below it.
    """

    shared: set[str] = field(default_factory=set)
    queries: int = 0
    waiting: list[tuple[str, plan.Relation]] = field(default_factory=list)

    def query(self, relation: plan.Relation) -> str:
        """A name for a query inside a value."""
        self.queries += 1
        name = f"query {self.queries}"
        self.waiting.append((name, relation))
        return name


def _lines(relation: plan.Relation, depth: int, page: _Page) -> Iterator[str]:
    indent = _TAB * depth
    if isinstance(relation, plan.Shared) and relation.name in page.shared - {""}:
        yield f"{indent}{relation.name}, as above"
        return
    yield indent + _line(relation, page)
    waiting, page.waiting = page.waiting, []
    for name, query in waiting:
        yield f"{indent}{_TAB}{name}:"
        yield from _lines(query, depth + 2, page)
    for part in inputs(relation):
        yield from _lines(part, depth + 1, page)


def _line(relation: plan.Relation, page: _Page) -> str:  # noqa: C901, PLR0912 a case a node
    match relation:
        case plan.Scan(table=table):
            return f"scan {table}{_bounds(relation)}"
        case plan.Rows(rows=rows):
            return f"rows {len(rows)}: {_names(relation.fields)}"
        case plan.Series(name=name, low=low, high=high, step=step):
            return f"range {name} from {_text(low, page)} to {_text(high, page)} step {_text(step, page)}"
        case plan.Filter(condition=condition):
            return f"filter {_bare(condition, page)}"
        case plan.Projection():
            return _projection(relation, page)
        case plan.Aggregation(keys=keys, measures=measures):
            what = f"aggregate {_measures(measures, page)}" if measures else "distinct"
            return what + _by(keys, page, " by " if measures else " ")
        case plan.Sorted(keys=keys):
            return f"sort {', '.join(_sort_key(key, page) for key in keys)}"
        case plan.Limit(count=count, per=per):
            return f"limit {count:,}{_per(per)}"
        case plan.Join(kind=kind, keys=keys):
            return f"join {kind} on {_pairs(keys)}"
        case plan.NetworkJoin():
            return _network_join(relation, page)
        case plan.IntervalJoin():
            return _interval_join(relation, page)
        case plan.Union(parts=parts):
            return f"union of {len(parts)}: {_names(relation.fields)}"
        case plan.Numbered(name=name):
            return f"number rows as {name}"
        case plan.Unnest():
            return _unnest(relation, page)
        case plan.Windows(calls=calls, per=per):
            return f"windows {', '.join(_window(call, page) for call in calls)}{_per(per)}"
        case plan.Sessions():
            return _sessions(relation, page)
        case plan.Parsed():
            return _parsed(relation, page)
        case plan.SeriesTable():
            return _series(relation, page)
        case plan.Steps():
            return _steps(relation, page)
        case plan.External(uri=uri, format=kind):
            return f"external {kind} {uri}: {_names(relation.fields)}"
        case plan.Shared(name=name, materialized=materialized):
            page.shared.add(name)
            return (name or "shared") + (", materialized" if materialized else "") + ":"


# --- nodes ----------------------------------------------------------------------------------------------------------


def _bounds(scan: plan.Scan) -> str:
    since = f" after {_bound(scan.since)}" if scan.since is not None else ""
    return since + (f" until {_bound(scan.until)}" if scan.until is not None else "")


def _bound(value: int | plan.Given) -> str:
    return f"each run's {value.name}" if isinstance(value, plan.Given) else str(moment(value))


def _projection(projection: plan.Projection, page: _Page) -> str:
    """`extend` where every column of the input that a reader sees stays as it is, `project` elsewhere.

    Columns that are only passed on, and those that have no value, are named as far as one can read them.
    """
    stays = [item.name for item in projection.items if _is_kept(item)]
    empty = [item.name for item in projection.items if _is_empty(item)]
    made = [_item(item, page) for item in projection.items if not (_is_kept(item) or _is_empty(item))]
    seen = [column.name for column in projection.input.fields if not column.name.startswith("#")]
    extends = stays == seen and (made or empty)
    parts = [*([] if extends else _some(stays, " as they are")), *made, *_some(empty, before="empty: ")]
    return f"{'extend' if extends else 'project'} {', '.join(parts)}"


def _is_kept(item: plan.Item) -> bool:
    return isinstance(item.value, plan.Ref) and item.value.name == item.name


def _is_empty(item: plan.Item) -> bool:
    return isinstance(item.value, plan.Const) and item.value.value in (None, "")


def _some(names: Sequence[str], what: str = "", before: str = "") -> list[str]:
    more = len(names) - _MOST_NAMES
    if more <= 0:
        return [f"{before}{', '.join(names)}"] if names else []
    return [f"{before}{', '.join(names[:_MOST_NAMES])} and {more} more{what}"]


def _network_join(join: plan.NetworkJoin, page: _Page) -> str:
    keys = f", {_pairs(join.keys)}" if join.keys else ""
    kept = ", unmatched rows too" if join.unmatched else ""
    return f"join addresses {_text(join.address, page)} in networks {_text(join.network, page)}{keys}{kept}"


def _interval_join(join: plan.IntervalJoin, page: _Page) -> str:
    differ = f", {join.differ} unequal" if join.differ else ""
    measures = _measures((*join.pairs, *join.probe_measures, *join.build_measures), page)
    low, high = (typed_text(end, ColumnType.TIMESPAN) for end in (join.low, join.high))
    return f"interval join on {', '.join(join.equal)}, {low} to {high}{differ}: {measures}{_by(join.keys, page)}"


def _unnest(unnest: plan.Unnest, page: _Page) -> str:
    parts = (f"{each.name} = {_text(each.value, page)} as {each.type}" for each in unnest.expansions)
    index = f", positions as {unnest.index}" if unnest.index else ""
    limit = f", at most {unnest.limit:,} rows each" if unnest.limit is not None else ""
    return f"expand {', '.join(parts)}{index}{limit}"


def _sessions(sessions: plan.Sessions, page: _Page) -> str:
    restart = sessions.restart
    again = "" if isinstance(restart, plan.Const) and not restart.value else f", anew at {_text(restart, page)}"
    spans = f"at most {_text(sessions.longest, page)}, gaps to {_text(sessions.gap, page)}"
    return f"sessions {sessions.name} of {_text(sessions.value, page)}, {spans}{again}{_per(sessions.per)}"


def _parsed(parsed: plan.Parsed, page: _Page) -> str:
    names = ", ".join(f"{capture.name}: {capture.type}" for capture in parsed.captures)
    only = " or drop the row" if parsed.only else ""
    return f"parse {_text(parsed.text, page)} with {parsed.pattern!r} into {names}{only}"


def _series(table: plan.SeriesTable, page: _Page) -> str:
    series = (f"{_of_bin(each, page)} default {_text(each.default, page)}" for each in table.measures)
    low = f" from {_text(table.low, page)}" if table.low is not None else ""
    high = f" to {_text(table.high, page)}" if table.high is not None else ""
    axis = f"{_item(table.axis, page)}{low}{high} step {_text(table.step, page)}"
    return f"series {', '.join(series)} on {axis}{_by(table.keys, page)}"


def _of_bin(series: plan.SeriesMeasure, page: _Page) -> str:
    measures = _measures(series.measures, page)
    lone = isinstance(series.value, plan.Ref) and series.value.name == series.name
    return measures if lone else f"{series.name} = {_text(series.value, page)} of {measures}"


def _steps(steps: plan.Steps, page: _Page) -> str:
    return f"match steps {'; '.join(_step(step, page) for step in steps.steps)}{_per(steps.per)}"


def _step(step: plan.Step, page: _Page) -> str:
    made = f" => {', '.join(_item(item, page) for item in step.assignments)}" if step.assignments else ""
    return f"{step.name}: {_bare(step.condition, page)}{made}"


# --- parts of nodes -------------------------------------------------------------------------------------------------


def _names(fields: Sequence[plan.Field]) -> str:
    names = [column.name for column in fields]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _by(keys: Sequence[plan.Item], page: _Page, word: str = " by ") -> str:
    return word + ", ".join(_item(key, page) for key in keys) if keys else ""


def _per(names: Sequence[str]) -> str:
    return f" per {', '.join(names)}" if names else ""


def _pairs(keys: Sequence[plan.KeyPair]) -> str:
    return ", ".join(key.left if key.left == key.right else f"{key.left} == {key.right}" for key in keys)


def _item(item: plan.Item, page: _Page) -> str:
    return item.name if _is_kept(item) else f"{item.name} = {_bare(item.value, page)}"


def _measures(measures: Sequence[plan.Measure], page: _Page) -> str:
    return ", ".join(_measure(measure, page) for measure in measures)


def _measure(measure: plan.Measure, page: _Page) -> str:
    return f"{measure.name} = {_call(measure.function.name, measure.arguments, page)}"


def _window(call: plan.WindowCall, page: _Page) -> str:
    return f"{call.name} = {_call(call.function.name, call.arguments, page)}"


def _sort_key(key: plan.SortKey, page: _Page) -> str:
    return f"{_text(key.value, page)} {'desc' if key.descending else 'asc'} nulls {_end(key)}"


def _end(key: plan.SortKey) -> str:
    return "first" if key.nulls_first else "last"


# --- values ---------------------------------------------------------------------------------------------------------


def _text(value: plan.Scalar, page: _Page) -> str:
    """A value as one reads it."""
    match value:
        case plan.Ref(name=name):
            return name
        case plan.Now():
            return "now()"
        case plan.Given(name=name):
            return f"each run's {name}"
        case plan.ScalarQuery(relation=relation):
            return f"first of {page.query(relation)}"
        case plan.Const(value=constant, type=kind):
            return _shortened(typed_text(constant, kind))
        case plan.Apply(function=function, arguments=(of, key)) if function.name == "[]":
            return f"{_text(of, page)}[{_text(key, page)}]"
        case plan.Apply(function=function, arguments=(operand,)) if function.name == "negate":
            return f"-{_text(operand, page)}"
        case plan.Apply(function=function, arguments=arguments) if not _is_operator(value):
            return _call(function.name, arguments, page)
        case plan.Apply() | plan.InQuery():
            return f"({_bare(value, page)})"


def _bare(value: plan.Scalar, page: _Page) -> str:
    """A value that stands alone: an operator needs no parentheses around it."""
    match value:
        case plan.InQuery(value=inner, relation=relation, any_case=any_case):
            return f"{_text(inner, page)} {'in~' if any_case else 'in'} {page.query(relation)}"
        case plan.Apply(function=function, arguments=arguments) if _is_operator(value):
            return _operation(function.name, arguments, page)
        case _:
            return _text(value, page)


def _is_operator(value: plan.Scalar) -> bool:
    """Whether a value is an operator's, that stands between what it is applied to."""
    if not isinstance(value, plan.Apply) or value.function.name in ("[]", "negate", "parse-kv", "row order"):
        return False
    name, page = value.function.name, value.function.page
    return bool(value.arguments) and (not name[0].isalpha() or page.endswith(("-operator", "-operators")))


def _operation(name: str, arguments: Sequence[plan.Scalar], page: _Page) -> str:
    if name in ("and", "or"):
        operands = list(_operands(name, arguments))
        shown = [_text(operand, page) for operand in operands[:_MOST_OPERANDS]]
        more = [f"{len(operands) - _MOST_OPERANDS:,} more"] if len(operands) > _MOST_OPERANDS else []
        return f" {name} ".join([*shown, *more])
    first, *others = arguments
    operator = name.removesuffix(" array")
    if name.endswith("between"):
        return f"{_text(first, page)} {operator} ({' .. '.join(_text(other, page) for other in others)})"
    if len(others) == 1:
        return f"{_text(first, page)} {operator} {_text(others[0], page)}"
    return f"{_text(first, page)} {operator} ({_listed(others, page)})"


def _operands(name: str, arguments: Sequence[plan.Scalar]) -> Iterator[plan.Scalar]:
    """The operands of a chain, whose tree is of no interest."""
    for argument in arguments:
        if isinstance(argument, plan.Apply) and argument.function.name == name:
            yield from _operands(name, argument.arguments)
        else:
            yield argument


def _call(name: str, arguments: Sequence[plan.Scalar], page: _Page) -> str:
    return f"{name}({_listed(arguments, page)})"


def _listed(values: Sequence[plan.Scalar], page: _Page) -> str:
    more = f" and {len(values) - _MOST_VALUES:,} more" if len(values) > _MOST_VALUES else ""
    return ", ".join(_bare(value, page) for value in values[:_MOST_VALUES]) + more


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."
