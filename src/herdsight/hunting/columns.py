"""Whether a rule names columns that are there: of its query's result, and of the table that its evidence is in."""

import re
from collections.abc import Iterable, Iterator

from herdsight import tables
from herdsight.errors import HerdsightError, QueryError, RuleError
from herdsight.guesses import did_you_mean
from herdsight.hunting.evidence import evidence_query
from herdsight.hunting.leads import parts_of
from herdsight.kql.plan import Relation
from herdsight.querying import compiled
from herdsight.rules.model import Rule
from herdsight.rules.reading import RuleFile
from herdsight.tables import ColumnType

Path = tuple[str | int, ...]


def check_columns(file: RuleFile, relation: Relation) -> None:
    """Raise where the rule names a column that is not there.

    Raises:
        RuleError: the first such place, with its line and what was probably meant.
        QueryError: the condition of its evidence is wrong.
    """
    for fault in column_faults(file, relation):
        raise fault


def column_faults(file: RuleFile, relation: Relation) -> Iterator[HerdsightError]:
    """Every place where the rule names a column that is not there, or one of another type than it must have."""
    types = {field.name: field.type for field in relation.fields}
    for path, name in _named(file.rule):
        if name not in types:
            yield _wrong(file, path, f"the query has no column `{name}`", did_you_mean(name, types))
    for part in ("first", "last"):
        name = getattr(file.rule.herdsight.finding, part)
        if types.get(name, ColumnType.DATETIME) is not ColumnType.DATETIME:
            yield _wrong(file, ("herdsight", "finding", part), f"`{name}` is a {types[name]} and no datetime")
    yield from _evidence_faults(file)


def _evidence_faults(file: RuleFile) -> Iterator[HerdsightError]:
    evidence = file.rule.herdsight.evidence
    where: Path = ("herdsight", "evidence")
    if evidence.table not in tables.NAMES:
        hint = f"there are {', '.join(tables.NAMES)}"
        yield _wrong(file, (*where, "table"), f"there is no table `{evidence.table}`", hint)
        return
    known = [column.name for column in tables.table(evidence.table).columns]
    for name in evidence.where:
        if name not in known:
            what = f"{evidence.table} has no column `{name}`"
            yield _wrong(file, (*where, "where", name), what, did_you_mean(name, known))
    try:
        compiled(evidence_query(evidence), f"{file.source} (evidence)")
    except QueryError as error:
        yield error


def _named(rule: Rule) -> Iterator[tuple[Path, str]]:
    """Every column of the result that the rule names, with the place of the name."""
    yield from _named_to_sentinel(rule)
    own: Path = ("herdsight",)
    for part, value in rule.herdsight.finding:
        for name in _each(value):
            yield (*own, "finding", part), name
    for column, parts in rule.herdsight.evidence.where.items():
        for part in parts_of(parts):
            if part.startswith("$"):
                yield (*own, "evidence", "where", column), part[1:]
    for row, reason in enumerate(rule.herdsight.reasons):
        for name in re.findall(r"\{(\w*)\}", reason):
            yield (*own, "reasons", row), name


def _named_to_sentinel(rule: Rule) -> Iterator[tuple[Path, str]]:
    for row, mapping in enumerate(rule.entityMappings):
        for field, each in enumerate(mapping.fieldMappings):
            yield ("entityMappings", row, "fieldMappings", field, "columnName"), each.columnName
    for key, name in rule.customDetails.items():
        yield ("customDetails", key), name


def _each(value: object) -> Iterable[str]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type] # names, by the model


def _wrong(file: RuleFile, path: Path, what: str, hint: str | None = None) -> RuleError:
    return RuleError(what, place=file.place(*path), hint=hint)
