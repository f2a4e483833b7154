"""Binding of find: the rows of several tables under the columns that they share, the others in a bag."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from herdsight.kql import plan, syntax
from herdsight.kql.binding.applying import converted
from herdsight.kql.binding.dispatch import bind_source
from herdsight.kql.binding.names import Names
from herdsight.kql.binding.scalars import CUSTOM, unknown_column
from herdsight.kql.binding.scope import Bound, Context, Scope, kept, ref
from herdsight.kql.binding.unions import Part, chained, missing, table_parts, term_test
from herdsight.kql.functions import SCALARS
from herdsight.kql.rewrites.fold import fold
from herdsight.tables import ColumnType

_SOURCE, _PACK = "source_", "pack_"


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that find shows: its name there, the tables' column, and its type.

    `cast`: a table's column of another type is converted; elsewhere it is another column.
    """

    name: str
    source: str
    type: ColumnType
    cast: bool

    def item(self, table: Bound) -> plan.Item:
        """The column as a table has it, or empty."""
        own = table.scope().find(self.source)
        if own is None or (own.type is not self.type and not self.cast):
            return plan.Item(self.name, missing(self.type))
        return plan.Item(self.name, ref(own) if own.type is self.type else converted(ref(own), self.type))


@bind_source.register
def _(source: syntax.Find, context: Context) -> Bound:
    """Tables that have none of the columns that the condition names are passed over; of a missing one, all is empty."""
    tables = _tables(context, source)
    used = [name for name in dict.fromkeys(_names(source.condition)) if any(_has(each, name) for each in tables)]
    chosen = [each for each in tables if _is_wide(source.condition) or any(_has(each, name) for name in used)]
    if not chosen:  # no table has what it asks for: the condition must be right in itself
        term_test(context, source.condition, _every_column(tables))
        return Bound(plan.Rows((plan.Field(source.with_source or _SOURCE, ColumnType.STRING),), ()))
    read = _fields(chosen, used)
    found = [Part(each.name, _matching(context, source.condition, each.bound, read)) for each in chosen]
    columns = _smart_columns(chosen, used)
    if source.columns is not None:
        columns = [_given_column(context, each, tables) for each in source.columns]
    return _together(source, chosen, found, columns)


def _tables(context: Context, source: syntax.Find) -> list[Part]:
    found: list[Part] = []
    for table in source.tables or (syntax.Pattern(source.start, "*"),):
        found += table_parts(context, table, len(found), fuzzy=False)
    if not found:
        raise context.wrong("there is no table to search", source.start, code="KS204")
    found = [part for part in found if part.bound.bag != CUSTOM] or found  # a custom log has no rows
    if any(part.bound.bag is not None for part in found):
        hint = "say what columns there are: evaluate bag_unpack(Column): (Name: type, ...)"
        raise context.unsupported("find over columns that only the data tells", source.start, hint)
    return found


def _every_column(tables: Sequence[Part]) -> Scope:
    return Scope(tuple(dict.fromkeys(column for part in tables for column in part.bound.fields)))


def _has(part: Part, name: str) -> bool:
    meant = part.bound.mistaken.get(name, name)
    return any(column.name in (name, meant) for column in part.bound.fields)


def _names(node: object) -> Iterator[str]:
    """The names that a condition reads; those of a query in it are its own."""
    match node:
        case syntax.Name(name=name):
            yield name
        case syntax.Pipeline():
            return
        case syntax.Binary(operator="and" | "or"):
            for operand in chained(node):
                yield from _names(operand)
        case syntax.Node():
            for each in fields(node):
                yield from _names(getattr(node, each.name))
        case tuple():
            for part in node:
                yield from _names(part)


def _is_wide(condition: syntax.Expression) -> bool:
    """Whether it asks for something in any column."""
    match condition:
        case syntax.Literal(value=str()):
            return True
        case syntax.Binary(operator="and" | "or"):
            return any(map(_is_wide, chained(condition)))
        case syntax.Call(name="not", arguments=(inner,)):
            return _is_wide(inner)
        case syntax.Binary(left=syntax.Star()) | syntax.Membership(value=syntax.Star()):
            return True
        case _:
            return False


def _fields(tables: Sequence[Part], used: Sequence[str]) -> list[plan.Field]:
    """The columns of these names, of whichever table has them first."""
    first: dict[str, plan.Field] = {}
    for part in tables:
        for column in part.bound.fields:
            first.setdefault(column.name, column)
    return [first[name] for name in used if name in first]


def _matching(context: Context, condition: syntax.Expression, bound: Bound, read: Sequence[plan.Field]) -> Bound:
    """A table's rows that the condition holds for; what it reads and the table has not is empty."""
    own = {column.name for column in bound.fields} | set(bound.mistaken)
    padding = tuple(plan.Item(column.name, missing(column.type)) for column in read if column.name not in own)
    padded = bound.projected((*(kept(column) for column in bound.fields), *padding)) if padding else bound
    test = fold(term_test(context, condition, padded.scope()))
    return padded.over(plan.Filter(padded.relation, test))


def _smart_columns(tables: Sequence[Part], used: Sequence[str]) -> list[_Column]:
    """The columns that all tables have, then the others that the condition names; one for each type that they have."""
    common = [column.name for column in tables[0].bound.fields if all(_has(part, column.name) for part in tables)]
    names, columns = Names(), []
    for name in dict.fromkeys((*common, *used)):
        kinds = _kinds(tables, name)
        for kind in kinds:
            own = names.free(f"{name}_{kind}" if kinds[1:] else name)
            columns.append(_Column(own, name, kind, cast=False))
    return columns


def _kinds(tables: Sequence[Part], name: str) -> list[ColumnType]:
    """The types that the tables' columns of that name have."""
    return list(dict.fromkeys(c.type for part in tables for c in part.bound.fields if c.name == name))


def _given_column(context: Context, column: syntax.FoundColumn, tables: Sequence[Part]) -> _Column:
    kinds = _kinds(tables, column.name)
    if not kinds:
        raise unknown_column(context, syntax.Name(column.start, column.name), _every_column(tables))
    if column.type is None and kinds[1:]:
        what = f"the column `{column.name}` has several types: {', '.join(kinds)}"
        hint = f"say which it shall have: {column.name}: {kinds[0]}"
        raise context.wrong(what, column.start, code="KS106", hint=hint)
    return _Column(column.name, column.name, column.type or kinds[0], cast=True)


def _together(source: syntax.Find, tables: Sequence[Part], found: Sequence[Part], columns: Sequence[_Column]) -> Bound:
    """The found rows under these columns, before them the table's name, and behind them the others in a bag."""
    shown = {column.source for column in columns}
    rest = [[each for each in part.bound.fields if each.name not in shown] for part in tables]
    packed = source.packed and (source.columns is not None or any(rest))
    relations = []
    for part, others in zip(found, rest, strict=True):
        items = [plan.Item(source.with_source or _SOURCE, plan.Const(part.name, ColumnType.STRING))]
        items += [column.item(part.bound) for column in columns]
        if packed:
            items.append(plan.Item(_PACK, _bag(others)))
        relations.append(plan.Projection(part.bound.relation, tuple(items)))
    return Bound(relations[0] if len(relations) == 1 else plan.Union(tuple(relations), relations[0].fields))


def _bag(columns: Sequence[plan.Field]) -> plan.Scalar:
    if not columns:
        return plan.Const({}, ColumnType.DYNAMIC)
    pairs = [part for column in columns for part in (plan.Const(column.name, ColumnType.STRING), ref(column))]
    return plan.Apply(SCALARS["bag_pack"][0], tuple(pairs), ColumnType.DYNAMIC)
