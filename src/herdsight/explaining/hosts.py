"""Which columns of a relation name a host, followed through a plan.

A rule says which column of its result has the host. That column is followed back to the tables' columns that it is
made of (also through the keys of joins), and from these forward again to every stage. Where the tables have the host in
none of these columns, or there is no rule, it is looked for in every column that names an end or a device.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import reduce

from herdsight.kql import plan
from herdsight.kql.functions import SCALARS
from herdsight.kql.rewrites.walk import inputs, references
from herdsight.tables import ColumnType

# Columns of the declared tables that name an end of a connection or a device.
DEVICES = frozenset(
    (
        *("DeviceName", "LocalIP", "RemoteIP", "SourceIP", "DestinationIP", "SourceHostName", "DestinationHostName"),
        *("SrcIpAddr", "DstIpAddr", "SrcHostname", "DstHostname", "SrcDvcHostname", "DstDvcHostname", "DvcHostname"),
        *("DvcIpAddr", "Dvc", "Computer", "ClientIP", "HostName", "IPAddress", "SrcFQDN", "DstFQDN"),
    )
)
_PASSING = frozenset(("take_any", "any", "arg_max", "arg_min", "min", "max", "any value"))
_SAME = frozenset(("tolower", "toupper", "tostring", "trim"))

Seeds = Mapping[str, frozenset[str]]  # by table


def condition(columns: Iterable[plan.Field], host: str) -> plan.Scalar:
    """That one of these columns is the host, in any case of its letters."""
    (same,), (either,) = SCALARS["=~"], SCALARS["or"]
    wanted = plan.Const(host, ColumnType.STRING)
    tests: list[plan.Scalar] = [
        plan.Apply(same, (plan.Ref(each.name, each.type), wanted), ColumnType.BOOL) for each in columns
    ]
    return reduce(lambda one, other: plan.Apply(either, (one, other), ColumnType.BOOL), tests)


def device_columns(relation: plan.Relation) -> tuple[plan.Field, ...]:
    """The columns that name a device or an end, by their names."""
    return tuple(each for each in relation.fields if each.name in DEVICES and each.type is ColumnType.STRING)


def origins(relation: plan.Relation, names: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The tables' columns that these columns of a relation are made of."""
    match relation:
        case plan.Scan(table=table):
            yield from ((table, name) for name in names)
        case plan.Projection(input=below, items=items):
            yield from origins(below, _read(item.value for item in items if item.name in names))
        case plan.Aggregation(input=below, keys=keys, measures=measures):
            values = [key.value for key in keys if key.name in names]
            values += [part for each in measures if each.name in names for part in each.arguments[:1]]
            yield from origins(below, _read(values))
        case plan.Join(left=left, right=right) | plan.NetworkJoin(left=left, right=right):
            of_left = _read(item.value for item in relation.left_fields if item.name in names)
            of_right = _read(item.value for item in relation.right_fields if item.name in names)
            yield from origins(left, of_left | {key.left for key in relation.keys if key.right in of_right})
            yield from origins(right, of_right | {key.right for key in relation.keys if key.left in of_left})
        case _:
            for part in inputs(relation):
                yield from origins(part, names & {each.name for each in part.fields})


def _read(values: Iterable[plan.Scalar]) -> frozenset[str]:
    return frozenset(ref.name for value in values for ref in references(value))


def host_columns(relation: plan.Relation, seeds: Seeds) -> tuple[plan.Field, ...]:
    """The columns of a relation that have what these columns of the tables have."""
    names = _marked(relation, seeds, {})
    return tuple(each for each in relation.fields if each.name in names and each.type is ColumnType.STRING)


_Known = dict[int, frozenset[str]]


def _marked(relation: plan.Relation, seeds: Seeds, known: _Known) -> frozenset[str]:
    if id(relation) not in known:
        known[id(relation)] = frozenset(_marks(relation, seeds, known))
    return known[id(relation)]


def _marks(relation: plan.Relation, seeds: Seeds, known: _Known) -> Iterator[str]:
    match relation:
        case plan.Scan(table=table):
            yield from seeds.get(table, ())
        case plan.Rows() | plan.External():
            yield from (each.name for each in device_columns(relation))
        case plan.Projection(input=below, items=items):
            yield from _kept(items, _marked(below, seeds, known))
        case plan.Aggregation(input=below, keys=keys, measures=measures):
            marked = _marked(below, seeds, known)
            yield from _kept(keys, marked)
            for each in measures:
                if each.function.name in _PASSING and each.arguments and _is_same(each.arguments[0], marked):
                    yield each.name
        case plan.Join(left=left, right=right) | plan.NetworkJoin(left=left, right=right):
            yield from _kept(relation.left_fields, _marked(left, seeds, known))
            yield from _kept(relation.right_fields, _marked(right, seeds, known))
        case _:
            own = {each.name for each in relation.fields}
            for part in inputs(relation):
                yield from own & _marked(part, seeds, known)


def _kept(items: Iterable[plan.Item], marked: frozenset[str]) -> Iterator[str]:
    return (item.name for item in items if _is_same(item.value, marked))


def _is_same(value: plan.Scalar, marked: frozenset[str]) -> bool:
    match value:
        case plan.Ref(name=name):
            return name in marked
        case plan.Apply(function=function, arguments=arguments) if function.name in _SAME:
            return any(_is_same(each, marked) for each in arguments)
        case _:
            return False
