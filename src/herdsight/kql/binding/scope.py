"""What names mean while a plan is made: columns in reach, let bindings, declared tables; and what was meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

from herdsight.errors import QueryError, UnsupportedError
from herdsight.kql import plan, syntax
from herdsight.kql.functions.internal import ANY_VALUE
from herdsight.kql.functions.windows import SESSION
from herdsight.kql.lexer import Text
from herdsight.kql.rewrites.walk import references
from herdsight.kql.rewrites.weight import Weights
from herdsight.tables import ColumnType, Table

Probe = Callable[[plan.Relation], Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Surroundings:
    """What a query may name beside its own bindings.

    `tables`: the declared tables. `watchlists`: the columns of each. `parameters`: texts for declared query
    parameters. `probe`: runs a plan over the logs and gives its rows, for operators whose columns depend on the data;
    None where there are no logs yet.
    """

    tables: Mapping[str, Table]
    watchlists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    probe: Probe | None = None


@dataclass(frozen=True)
class Scope:
    """The columns in reach, and the names that people write for them by mistake.

    `carried` are columns of an outer row, under the names that they have inside. `bag` holds columns that are not known
    before the data is read. `windows` collects calls of window functions; where it is None there can be none. `renamed`
    says what a column is called that may be named otherwise, too, as $left.COLUMN.
    """

    fields: tuple[plan.Field, ...]
    mistaken: Mapping[str, str] = field(default_factory=dict)
    carried: Mapping[str, str] = field(default_factory=dict)
    bag: plan.Ref | None = None
    windows: list[plan.WindowCall] | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _by_name(self) -> dict[str, plan.Field]:
        return {column.name: column for column in self.fields}

    def find(self, name: str) -> plan.Field | None:
        """The column of exactly that name."""
        own = self._by_name.get(name) or self._by_name.get(self.carried.get(name, ""))
        return own or self._by_name.get(self.renamed.get(name, ""))


NOTHING = Scope(())


@dataclass(frozen=True)
class Bound:
    """A relation and the names in reach behind it.

    Inside partition and mv-apply operators work on groups of rows: those equal in the hidden columns `group`. Hidden,
    too, are the outer row's columns (`carried`: name -> hidden column) and the `bag` of columns not yet known.
    """

    relation: plan.Relation
    mistaken: Mapping[str, str] = field(default_factory=dict)
    group: tuple[str, ...] = ()
    carried: Mapping[str, str] = field(default_factory=dict)
    bag: str | None = None

    @cached_property
    def _hidden(self) -> frozenset[str]:
        return frozenset((*self.group, *self.carried.values(), *((self.bag,) if self.bag else ())))

    @cached_property
    def fields(self) -> tuple[plan.Field, ...]:
        """The columns that a reader sees."""
        return tuple(column for column in self.relation.fields if column.name not in self._hidden)

    def scope(self, windows: list[plan.WindowCall] | None = None) -> Scope:
        """What a following operator may name."""
        bag = next((ref(column) for column in self.relation.fields if column.name == self.bag), None)
        return Scope(self.relation.fields, self.mistaken, self.carried, bag, windows)

    def over(self, relation: plan.Relation) -> Bound:
        """The same names over another relation that has the hidden columns."""
        return replace(self, relation=relation)

    def projected(self, items: Iterable[plan.Item]) -> Bound:
        """These columns in place of those in reach; the hidden ones stay."""
        hidden = (kept(column) for column in self.relation.fields if column.name in self._hidden)
        return self.over(plan.Projection(self.relation, (*hidden, *items)))

    def only(self, column: plan.Field) -> plan.Relation:
        """One column, and not even a hidden one beside it."""
        return plan.Projection(self.relation, (kept(column),))

    def narrowed(self, fields: Iterable[plan.Field]) -> Bound:
        """These of the columns in reach."""
        return self.projected(kept(column) for column in fields)

    def aggregated(self, keys: Sequence[plan.Item], measures: Sequence[plan.Measure]) -> Bound:
        """One row per combination of the keys, in each group."""
        hidden = {column.name: column for column in self.relation.fields if column.name in self._hidden}
        groups = tuple(kept(hidden[name]) for name in self.group)
        carried = tuple(
            plan.Measure(name, ANY_VALUE, (ref(hidden[name]),), hidden[name].type)
            for name in dict.fromkeys(self.carried.values())
        )
        relation = plan.Aggregation(self.relation, (*groups, *keys), (*carried, *measures))
        return replace(self, relation=relation, mistaken={}, bag=None)

    def limited(self, count: int) -> Bound:
        """The first rows, of each group."""
        return self.over(plan.Limit(self.relation, count, self.group))

    def windowed(self, calls: Sequence[plan.WindowCall]) -> Bound:
        """With columns for these window functions, which are hidden only by what follows.

        A function may be given another one's value: it comes in a layer above that one.
        """
        relation, waiting = self.relation, list(calls)
        while waiting:
            names = {call.name for call in waiting}
            ready = [call for call in waiting if not names & _read_by(call)]
            waiting = [call for call in waiting if call not in ready]
            plain = tuple(call for call in ready if call.function is not SESSION)
            relation = plan.Windows(relation, plain, self.group) if plain else relation
            for call in ready:
                if call.function is SESSION:
                    relation = _sessions(relation, call, self.group)
        return self.over(relation)


def _read_by(call: plan.WindowCall) -> set[str]:
    return {each.name for argument in call.arguments for each in references(argument)}


def _sessions(relation: plan.Relation, call: plan.WindowCall, per: tuple[str, ...]) -> plan.Sessions:
    value, longest, gap, *restart = call.arguments
    begins = restart[0] if restart else plan.Const(False, ColumnType.BOOL)
    return plan.Sessions(relation, call.name, value, longest, gap, begins, per)


@dataclass(frozen=True)
class Function:
    """A function bound by let, with the names that were bound where it stands.

    `source` is the text that it is from, if not the query's own.
    """

    definition: syntax.Function
    names: Mapping[str, Binding]
    source: Text | None = None


Binding: TypeAlias = "plan.Scalar | Bound | Function"


@dataclass(frozen=True, slots=True)
class Made:
    """An operator, the text that it stands in, and the relation that it made: where it is met again, it is this one."""

    operator: syntax.Operator
    text: Text
    relation: plan.Relation


@dataclass(slots=True)
class Work:
    """What a block has come to so far, in its functions' bodies too."""

    steps: int = 0
    made: list[Made] = field(default_factory=list)
    weights: Weights = field(default_factory=Weights)


_MOST_STEPS = 60_000  # as much as is bound in a second or so
_HEAVIEST = 200_000  # as much as is lowered in a second or so


@dataclass(slots=True)
class Context:
    """One block being bound: its text, what it may name, what let has bound, and the warnings so far.

    `opened`: some columns or types show only when the data is there; a dynamic is then taken for what it may be.

    `pipeline` binds a sub-query and `call` a call of a function that let bound: scalars need them, and are bound below
    the modules that have them.
    """

    text: Text
    surroundings: Surroundings
    pipeline: Callable[[Context, syntax.Pipeline], Bound]
    call: Callable[[Context, syntax.Call, Scope], plan.Scalar | Bound | None]
    names: dict[str, Binding] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    charts: list[str] = field(default_factory=list)
    opened: bool = False
    depth: int = 0
    work: Work = field(default_factory=Work)

    def inside(self, names: Mapping[str, Binding], text: Text | None = None) -> Context:
        """The context of a function's body, where these names are bound; `text`: where it stands, if elsewhere."""
        return replace(self, text=text or self.text, names=dict(names), depth=self.depth + 1)

    def step(self, at: int, count: int = 1) -> None:
        """Count work that is done for the part of the text at that offset.

        Raises:
            QueryError: it becomes too much: functions that call each other twice double it with every one.
        """
        self.work.steps += count
        if self.work.steps > _MOST_STEPS:
            raise self._too_large(at)

    def weigh(self, part: plan.Relation | plan.Scalar, at: int) -> None:
        """Check that a part of the plan is not too large when it is written out.

        Raises:
            QueryError: it is.
        """
        if self.work.weights.of(part) > _HEAVIEST:
            raise self._too_large(at)

    def _too_large(self, at: int) -> QueryError:
        hint = "split it, or give a long list to in (...)"
        return self.wrong("the query is too large with all that it names written out", at, code="HS050", hint=hint)

    def wrong(self, what: str, at: int, *, code: str, hint: str | None = None) -> QueryError:
        """An error about the part of the text at that offset."""
        return QueryError(what, code=code, place=self.text.place(at), hint=hint)

    def unsupported(self, what: str, at: int, hint: str | None = None) -> UnsupportedError:
        """An error for what KQL has and Herdsight has not."""
        error = UnsupportedError(f"{what} is not supported", code="HS020", place=self.text.place(at))
        error.hint = hint
        return error

    def warn(self, what: str, at: int) -> None:
        """Note a warning about the part of the text at that offset, once."""
        message = f"{self.text.place(at)}: {what}"
        if message not in self.warnings:
            self.warnings.append(message)

    def is_relation(self, name: str) -> bool:
        """Whether the name stands for a table: one bound by let, or a declared one."""
        bound = self.names.get(name)
        if isinstance(bound, Function):
            return not bound.definition.parameters
        return isinstance(bound, Bound) or (bound is None and name in self.surroundings.tables)


def ref(column: plan.Field) -> plan.Ref:
    """A reference to the column."""
    return plan.Ref(column.name, column.type)


def kept(column: plan.Field) -> plan.Item:
    """The column as it is."""
    return plan.Item(column.name, ref(column))


def hidden(name: str) -> str:
    """A column's name that no query writes."""
    return f"#{name}"
