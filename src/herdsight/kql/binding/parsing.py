"""Binding of parse, parse-where and parse-kv: a pattern of texts and columns to one regular expression."""

import re
from collections.abc import Iterator, Sequence

from herdsight.kql import plan, syntax
from herdsight.kql.binding.applying import converted
from herdsight.kql.binding.dispatch import bind_operator
from herdsight.kql.binding.items import check_distinct, constant, with_columns
from herdsight.kql.binding.scalars import scalar
from herdsight.kql.binding.scope import Bound, Context, hidden
from herdsight.kql.functions import SCALARS, re2
from herdsight.kql.functions.internal import PARSE_KV
from herdsight.tables import ColumnType

_MARK = re.compile(r"[!-/:-@\[-`{-~]")  # what a pattern must have escaped
_WHOLE, _NUMBER = r"\s*[-+]?\d+", r"\s*[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_FORMS = {
    ColumnType.LONG: _WHOLE,
    ColumnType.INT: _WHOLE,
    ColumnType.REAL: _NUMBER,
    ColumnType.DECIMAL: _NUMBER,
}

_Part = syntax.Literal | syntax.Capture | syntax.Star


@bind_operator.register
def _(operator: syntax.Parse, context: Context, bound: Bound) -> Bound:
    text = converted(scalar(context, operator.value, bound.scope()), ColumnType.STRING)
    if operator.kind == "regex":
        pattern, captures = _regular(operator)
        if (why := re2.fault(pattern)) is not None:
            raise context.wrong(f"the pattern is no regular expression: {why}", operator.start, code="KS131")
    else:
        pattern, captures = _simple(operator.parts, relaxed=operator.kind == "relaxed")
    check_distinct(context, [capture.name for capture in captures], operator.start)
    relaxed = operator.kind == "relaxed"
    return bound.over(plan.Parsed(bound.relation, text, pattern, tuple(captures), relaxed, operator.only))


def _simple(parts: Sequence[_Part], *, relaxed: bool) -> tuple[str, list[plan.Capture]]:
    """Texts as they are; a column is what stands between them, as short as it can be.

    The whole may begin anywhere and must reach to the end: so the team of duckdb-kql measured Microsoft's engine.
    """
    pattern = "(?s)"
    captures: list[plan.Capture] = []
    for part, following in _with_following(parts):
        match part:
            case syntax.Star():
                pattern += ".*?"
            case syntax.Literal(value=value):
                pattern += _MARK.sub(r"\\\g<0>", str(value))
            case syntax.Capture(name=name, type=kind):
                captures.append(plan.Capture(name, len(captures) + 1, kind))
                # Before a star a number ends where its digits do; else it is what stands there, number or not.
                bounded = not isinstance(following, syntax.Star) or kind not in _FORMS
                pattern += "(.*?)" if bounded else f"({_FORMS[kind]}{'|' if relaxed else ''})"
    return f"{pattern}$", captures


def _regular(operator: syntax.Parse) -> tuple[str, list[plan.Capture]]:
    """Texts are patterns with groups of their own; a column is as long as it can be, unless flags say otherwise.

    The whole may begin and end anywhere.
    """
    flags = "".join(flag for flag in operator.flags if flag in "imsU")
    pattern, groups = f"(?{flags})" if flags else "", 0
    captures: list[plan.Capture] = []
    for part in operator.parts:
        match part:
            case syntax.Star():
                pattern += ".*?"
            case syntax.Literal(value=value):
                pattern += str(value)
                groups += len(re2.groups(str(value)))
            case syntax.Capture(name=name, type=kind):
                groups += 1
                captures.append(plan.Capture(name, groups, kind))
                pattern += f"({_FORMS[kind]})" if kind in _FORMS else "(.*)"
    return re2.spelt(pattern), captures


def _with_following(parts: Sequence[_Part]) -> Iterator[tuple[_Part, _Part | None]]:
    yield from zip(parts, [*parts[1:], None], strict=True)


@bind_operator.register
def _(operator: syntax.ParseKv, context: Context, bound: Bound) -> Bound:
    text = converted(scalar(context, operator.value, bound.scope()), ColumnType.STRING)
    options = {option.name: _option(context, option) for option in operator.options}
    names = [key.name for key in operator.keys]
    check_distinct(context, names, operator.start)
    options["keys"] = list(names)
    found = plan.Apply(PARSE_KV, (text, plan.Const(options, ColumnType.DYNAMIC)), ColumnType.DYNAMIC)
    bag = plan.Ref(hidden("pairs"), ColumnType.DYNAMIC)
    with_bag = with_columns(bound, (), [plan.Item(bag.name, found)])
    filled = with_columns(with_bag, (), [plan.Item(key.name, _of_key(bag, key)) for key in operator.keys])
    return filled.narrowed(column for column in filled.fields if column.name != bag.name)


_TEXTS = ("pair_delimiter", "kv_delimiter", "quote", "escape", "regex")
_KEY_AND_VALUE = 2  # the groups that a regular expression for pairs has


def _option(context: Context, option: syntax.Assignment) -> syntax.Value:
    """The value of an option of parse-kv.

    Raises:
        QueryError: there is no such option, or it is not what it takes.
    """
    if option.name not in (*_TEXTS, "greedy"):
        raise context.wrong(f"parse-kv has no option '{option.name}'", option.start, code="KS109")
    value = constant(context, option.value, f"the option {option.name}").value
    if not isinstance(value, str if option.name in _TEXTS else bool):
        taken = "a text" if option.name in _TEXTS else "true or false"
        raise context.wrong(f"the option {option.name} is {taken}", option.value.start, code="KS222")
    if option.name == "regex" and (why := _no_pair(str(value))):
        raise context.wrong(f"the option regex finds no pairs: {why}", option.value.start, code="KS131")
    return value


def _no_pair(pattern: str) -> str | None:
    """Why a regular expression finds no pairs of a key and a value."""
    few = len(re2.groups(pattern)) < _KEY_AND_VALUE
    return re2.fault(pattern) or ("it has no two groups, for the key and the value" if few else None)


def _of_key(bag: plan.Ref, key: syntax.ColumnDeclaration) -> plan.Scalar:
    """The value of a key as its column's type; a dynamic is what the text spells."""
    value = plan.Apply(_MEMBER, (bag, plan.Const(key.name, ColumnType.STRING)), bag.type)
    if key.type is ColumnType.DYNAMIC:
        return plan.Apply(_PARSE_JSON, (converted(value, ColumnType.STRING),), key.type)
    return converted(value, key.type)


_PARSE_JSON = SCALARS["parse_json"][0]
_MEMBER = SCALARS["[]"][0]
