"""The door that the lowering of each plan node is registered at, and what nodes select from.

Nodes that SQL can say in one SELECT are merged into one. A column keeps its KQL name where SQL can tell it from the
others (KQL has case-sensitive names, SQL engines do not); `sql_names` says what each is called.
"""

from collections.abc import Mapping, Sequence
from functools import singledispatch

from sqlglot import exp

from herdsight import trees
from herdsight.kql import plan
from herdsight.kql.literals import moment
from herdsight.kql.lowering.scalars import Open, as_condition, operand_of, queries, sql_names


@singledispatch
def select(relation: plan.Relation) -> exp.Select:
    """A relation as a SELECT of its fields, in order, under their `sql_names`."""
    below = opened(relation)
    names = sql_names(relation.fields)
    columns = (trees.named(below.columns[field.name].copy(), names[field.name]) for field in relation.fields)
    return below.tree.select(*columns, copy=False)


def opened(relation: plan.Relation) -> Open:
    """The relation as something to select from."""
    match relation:
        case plan.Scan():
            return _scan(relation)
        case plan.Filter(input=inner, condition=condition):
            below = opened(inner)
            below.tree = below.tree.where(as_condition(below.sql(condition)), copy=False)
            return below
        case _:
            names = sql_names(relation.fields)
            source = nested(select(relation))
            return Open(
                exp.Select().from_(source, copy=False), {name: trees.column(sql) for name, sql in names.items()}
            )


def _scan(scan: plan.Scan) -> Open:
    tree = exp.Select().from_(trees.relation(scan.table, scan.schema), copy=False)
    time = trees.column(scan.time)
    if scan.since is not None:
        tree = tree.where(exp.GT(this=time.copy(), expression=_bound(scan.since)), copy=False)
    if scan.until is not None:
        tree = tree.where(exp.LTE(this=time.copy(), expression=_bound(scan.until)), copy=False)
    return Open(tree, {field.name: trees.column(field.name) for field in scan.fields})


def _bound(value: int | plan.Given) -> exp.Expr:
    return operand_of(value, {}).sql if isinstance(value, plan.Given) else trees.timestamp(moment(value))


queries.append(select)


def nested(tree: exp.Query, alias: str = "t") -> exp.Subquery:
    """A tree to select from."""
    return tree.subquery(exp.to_identifier(alias, quoted=True), copy=False)


def outputs(below: Open, items: Sequence[plan.Item], names: Mapping[str, str]) -> list[exp.Alias]:
    """Named scalars over an open select, under the names that SQL calls them by."""
    return [trees.named(below.sql(item.value), names[item.name]) for item in items]


def from_open(below: Open, relation: plan.Relation) -> list[exp.Alias]:
    """The input's fields as they are, of an open select."""
    names = sql_names(relation.fields)
    return [trees.named(below.columns[field.name].copy(), names[field.name]) for field in relation.fields]
