"""Lowering of the interval join: counts over ranges of time in place of pairs.

The partners of a row are the rows of the other side with its key and a time in its range, less those among them whose
`differ` is its own. Over the union of the two sides both numbers are RANGE window functions.
"""

from collections.abc import Iterable, Sequence

from sqlglot import exp

from herdsight import trees
from herdsight.kql import plan
from herdsight.kql.lowering.scalars import Open, grouped, lower_measure, same_key, sql_names
from herdsight.tables import ColumnType

_BUILD, _PROBE, _PARTNERED = "build rows", "probe rows", "partnered rows"
_MICROS, _OTHER, _PARTNERS = "micros", "other", "partners"


def lower_interval_join(join: plan.IntervalJoin, probe: exp.Select, build: exp.Select) -> exp.Select:
    """The SQL tree: one row per group that has a pair, with the node's fields in order; the sides come lowered."""
    probe_columns = [field.name for field in join.probe.fields]
    reach = (-join.high, -join.low)
    parts = {
        _BUILD: _timed(join.build, build, join.time),
        # Most hosts are on one side alone: their rows need no window.
        _PROBE: _where_key(_timed(join.probe, probe, join.time), join, _BUILD),
        _PARTNERED: _with_partners(join, _table(_PROBE), probe_columns, _build_of_probe(join), join.equal, reach),
    }
    measured = _by_group(join, _table(_PARTNERED), [*join.pairs, *join.probe_measures])
    mirrored = _by_group(join, _mirrored(join), join.build_measures) if join.build_measures else None
    tree = _in_order(join, measured, mirrored)
    for name, part in parts.items():
        tree = tree.with_(exp.to_identifier(name, quoted=True), as_=part, copy=False)
    return tree


def _build_of_probe(join: plan.IntervalJoin) -> exp.Select:
    return _where_key(_table(_BUILD), join, _PROBE)


def _same(join: plan.IntervalJoin, left: str, right: str) -> exp.Expr:
    """Whether the keys of two tables match."""
    kinds = {field.name: field.type for field in join.build.fields}
    return trees.conjunction(
        same_key(kinds[name], trees.column(name, left), trees.column(name, right)) for name in join.equal
    )


def _where_key(rows: exp.Select, join: plan.IntervalJoin, other: str) -> exp.Select:
    """The rows whose key the other table has, too."""
    same = _same(join, "k", "x")
    there = exp.Exists(this=exp.select(trees.number(1)).from_(trees.relation(other, alias="x")).where(same))
    return exp.select(exp.Star()).from_(_nested(rows, "k")).where(there)


def _mirrored(join: plan.IntervalJoin) -> exp.Select:
    """The build's rows that have a partner, once for each group that they have one in."""
    groups = _group_columns(join)
    columns = [*groups, *(field.name for field in join.build.fields)]
    rows = _per_group(join) if groups else _table(_BUILD)
    return _with_partners(join, rows, columns, _table(_PARTNERED), (*join.equal, *groups), (join.low, join.high))


def _table(name: str) -> exp.Select:
    return exp.select(exp.Star()).from_(trees.relation(name))


def _timed(relation: plan.Relation, lowered: exp.Select, time: str) -> exp.Select:
    """One side with its time in microseconds, which window ranges count in on every engine."""
    micros = trees.named(trees.call("kql_micros", trees.column(time)), _MICROS)
    return exp.select(*_columns(field.name for field in relation.fields), micros).from_(_nested(lowered, "s"))


def _with_partners(  # noqa: PLR0913,PLR0917 the six things that a range count is made of
    join: plan.IntervalJoin,
    rows: exp.Select,
    columns: Sequence[str],
    others: exp.Select,
    partition: Sequence[str],
    reach: tuple[int, int],
) -> exp.Select:
    """The rows that have a partner among the others, with their number; `reach` is where in time, from a row's own."""
    shared = [*partition, *([join.differ] if join.differ else []), _MICROS]
    mine = exp.select(*_columns([*columns, _MICROS]), trees.named(exp.null(), _OTHER)).from_(_nested(rows, "m"))
    padding = [trees.column(name) if name in shared else trees.named(exp.null(), name) for name in columns]
    theirs = exp.select(*padding, trees.column(_MICROS), trees.named(trees.number(1), _OTHER)).from_(
        _nested(others, "o")
    )
    union = exp.Union(this=mine, expression=theirs, distinct=False)
    counted = exp.select(
        *_columns([*columns, _MICROS, _OTHER]), trees.named(_partners(join, partition, reach), _PARTNERS)
    ).from_(_nested(union, "u"))
    is_mine = exp.Is(this=trees.column(_OTHER), expression=exp.null())
    has_partner = exp.GT(this=trees.column(_PARTNERS), expression=trees.number(0))
    kept = exp.select(*_columns([*columns, _MICROS, _PARTNERS])).from_(_nested(counted, "c"))
    return kept.where(is_mine, has_partner)


def _partners(join: plan.IntervalJoin, partition: Sequence[str], reach: tuple[int, int]) -> exp.Expr:
    within = _counted(partition, reach)
    if join.differ is None:
        return within
    return exp.Sub(this=within, expression=_counted([*partition, join.differ], reach))


def _counted(partition: Sequence[str], reach: tuple[int, int]) -> exp.Expr:
    (start, start_side), (end, end_side) = (_bound(offset) for offset in reach)
    spec = exp.WindowSpec(kind="RANGE", start=start, start_side=start_side, end=end, end_side=end_side)
    return exp.Window(
        this=exp.Count(this=trees.column(_OTHER)),
        partition_by=list(_columns(partition)),
        order=exp.Order(expressions=[exp.Ordered(this=trees.column(_MICROS))]),
        spec=spec,
    )


def _bound(offset: int) -> tuple[exp.Expr, str]:
    return trees.number(abs(offset)), "FOLLOWING" if offset > 0 else "PRECEDING"


def _per_group(join: plan.IntervalJoin) -> exp.Select:
    """The build's rows once for each group of their key, so that a range can be counted within a group."""
    groups = _group_columns(join)
    wanted = exp.select(*_columns(dict.fromkeys((*join.equal, *groups)))).distinct().from_(trees.relation(_PARTNERED))
    equal = _same(join, "b", "g")
    columns = [
        *(trees.column(name, "g") for name in groups),
        *(trees.column(field.name, "b") for field in join.build.fields),
    ]
    tree = exp.select(*columns, trees.column(_MICROS, "b")).from_(trees.relation(_BUILD, alias="b"))
    return tree.join(_nested(wanted, "g"), on=equal, join_type="INNER", copy=False)


def _by_group(join: plan.IntervalJoin, rows: exp.Select, measures: Sequence[plan.Measure]) -> exp.Select:
    names = sql_names(join.fields)
    below = Open(exp.Select().from_(_nested(rows, "r")), _Columns())
    keys = [trees.named(below.sql(key.value), names[key.name]) for key in join.keys]
    values = [
        trees.named(_pairs() if measure in join.pairs else lower_measure(measure, below), names[measure.name])
        for measure in measures
    ]
    # An aggregate where there are no measures, so that without keys, too, there is one row.
    return grouped(
        below.tree.select(*keys, *(values or [trees.named(exp.Count(this=exp.Star()), _PARTNERS)]), copy=False),
        len(keys),
    )


class _Columns(dict[str, exp.Expr]):
    """Columns that are called as the plan calls them."""

    def __missing__(self, name: str) -> exp.Expr:
        return trees.column(name)


def _pairs() -> exp.Expr:
    total = exp.Cast(this=exp.Sum(this=trees.column(_PARTNERS)), to=trees.sql_type(ColumnType.LONG))
    return exp.Coalesce(this=total, expressions=[trees.number(0)])


def _in_order(join: plan.IntervalJoin, measured: exp.Select, mirrored: exp.Select | None) -> exp.Select:
    names = sql_names(join.fields)
    of_build = {measure.name for measure in join.build_measures}
    tree = exp.select(
        *(trees.column(names[field.name], "b" if field.name in of_build else "p") for field in join.fields)
    ).from_(_nested(measured, "p"))
    if mirrored is None:
        return tree
    same = trees.conjunction(
        exp.NullSafeEQ(this=trees.column(names[key.name], "p"), expression=trees.column(names[key.name], "b"))
        for key in join.keys
    )
    return tree.join(_nested(mirrored, "b"), on=same, join_type="INNER", copy=False)


def _group_columns(join: plan.IntervalJoin) -> list[str]:
    return [key.value.name for key in join.keys if isinstance(key.value, plan.Ref)]


def _columns(names: Iterable[str]) -> list[exp.Column]:
    return [trees.column(name) for name in names]


def _nested(tree: exp.Query, alias: str) -> exp.Subquery:
    return tree.copy().subquery(exp.to_identifier(alias, quoted=True), copy=False)
