"""A plan as text to read: one node a line, inputs below and indented."""

from collections.abc import Iterator

from herdsight.kql import plan
from herdsight.kql.literals import moment
from herdsight.kql.rewrites.walk import inputs
from herdsight.tables import ColumnType

_MOST_COLUMNS = 8


def shown(relation: plan.Relation) -> str:
    """The plan as an indented tree."""
    return "\n".join(_lines(relation, 0))


def _lines(relation: plan.Relation, depth: int) -> Iterator[str]:
    yield "  " * depth + _line(relation)
    for part in inputs(relation):
        yield from _lines(part, depth + 1)


def _line(relation: plan.Relation) -> str:  # noqa: C901, PLR0912 a case a node
    match relation:
        case plan.Scan(table=table):
            return f"scan {table}{_bounds(relation)}"
        case plan.Rows(rows=rows):
            return f"rows {len(rows)}: {_names(relation.fields)}"
        case plan.Series(name=name, low=low, high=high, step=step):
            return f"series {name} from {scalar_text(low)} to {scalar_text(high)} step {scalar_text(step)}"
        case plan.Filter(condition=condition):
            return f"filter {scalar_text(condition)}"
        case plan.Projection(items=items):
            return f"project {', '.join(_item(item) for item in items)}"
        case plan.Aggregation(keys=keys, measures=measures):
            by = f" by {', '.join(_item(key) for key in keys)}" if keys else ""
            return f"aggregate {', '.join(_measure(measure) for measure in measures)}{by}"
        case plan.Sorted(keys=keys):
            return f"sort {', '.join(_sort_key(key) for key in keys)}"
        case plan.Limit(count=count, per=per):
            return f"limit {count}" + (f" per {', '.join(per)}" if per else "")
        case plan.Join(kind=kind, keys=keys):
            return f"join {kind} on {', '.join(f'{key.left} == {key.right}' for key in keys)}"
        case plan.NetworkJoin():
            return "join of addresses with their networks"
        case plan.IntervalJoin():
            return _interval(relation)
        case plan.Union(parts=parts):
            return f"union of {len(parts)}: {_names(relation.fields)}"
        case plan.Numbered(name=name):
            return f"number rows as {name}"
        case plan.Unnest(expansions=expansions):
            return f"expand {', '.join(f'{each.name} = {scalar_text(each.value)}' for each in expansions)}"
        case plan.Windows(calls=calls):
            return f"windows {', '.join(_window(call) for call in calls)}"
        case plan.Sessions(value=value, longest=longest, gap=gap):
            return f"sessions of {scalar_text(value)}, at most {scalar_text(longest)}, gaps to {scalar_text(gap)}"
        case plan.Parsed(pattern=pattern, captures=captures):
            return f"parse {', '.join(capture.name for capture in captures)} with {pattern!r}"
        case plan.SeriesTable(measures=series, axis=axis, step=step):
            names = ", ".join(_measure(each.measure) for each in series)
            return f"series {names} on {axis.name} step {scalar_text(step)}"
        case plan.Steps(steps=steps):
            return f"scan {', '.join(step.name for step in steps)}"
        case plan.External(uri=uri, format=kind):
            return f"external {kind} {uri}"
        case plan.Shared(name=name):
            return f"shared as {name}"


def _interval(join: plan.IntervalJoin) -> str:
    differ = ", differ unequal" if join.differ else ""
    measures = ", ".join(_measure(measure) for measure in (*join.pairs, *join.probe_measures, *join.build_measures))
    by = f" by {', '.join(_item(key) for key in join.keys)}" if join.keys else ""
    return f"interval join on {', '.join(join.equal)}, {join.low} to {join.high} us{differ}: {measures}{by}"


def _bounds(scan: plan.Scan) -> str:
    since = f" after {moment(scan.since)}" if scan.since is not None else ""
    return since + (f" until {moment(scan.until)}" if scan.until is not None else "")


def _names(fields: tuple[plan.Field, ...]) -> str:
    names = [field.name for field in fields]
    return ", ".join(names[:_MOST_COLUMNS]) + (" ..." if len(names) > _MOST_COLUMNS else "")


def _item(item: plan.Item) -> str:
    value = scalar_text(item.value)
    return value if value == item.name else f"{item.name} = {value}"


def _measure(measure: plan.Measure) -> str:
    return f"{measure.name} = {measure.function.name}({', '.join(scalar_text(part) for part in measure.arguments)})"


def _window(call: plan.WindowCall) -> str:
    return f"{call.function.name}({', '.join(scalar_text(part) for part in call.arguments)})"


def _sort_key(key: plan.SortKey) -> str:
    return (
        f"{scalar_text(key.value)} {'desc' if key.descending else 'asc'} nulls {'first' if key.nulls_first else 'last'}"
    )


def scalar_text(value: plan.Scalar) -> str:
    """A scalar as one reads it."""
    match value:
        case plan.Ref(name=name):
            return name
        case plan.Now():
            return "now()"
        case plan.ScalarQuery(relation=relation):
            return f"first of ({_line(relation)})"
        case plan.InQuery(value=inner, relation=relation):
            return f"({scalar_text(inner)} in ({_line(relation)}))"
        case plan.Const(value=int() as number, type=ColumnType.DATETIME):
            return f"datetime({moment(number).isoformat()})"
        case plan.Const(value=int() as number, type=ColumnType.TIMESPAN):
            return f"{number} us"
        case plan.Const(value=constant):
            return repr(constant)
        case plan.Apply(function=function, arguments=(left, right)) if not function.name[0].isalpha():
            return f"({scalar_text(left)} {function.name} {scalar_text(right)})"
        case plan.Apply(function=function, arguments=arguments):
            return f"{function.name}({', '.join(scalar_text(argument) for argument in arguments)})"
