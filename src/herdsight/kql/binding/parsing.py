"""Binding of parse, parse-where and parse-kv: a pattern of texts and columns to one regular expression."""

import re
from collections.abc import Iterator, Sequence

from herdsight.kql import plan, syntax
from herdsight.kql.binding.applying import converted
from herdsight.kql.binding.dispatch import bind_operator
from herdsight.kql.binding.items import constant, with_columns
from herdsight.kql.binding.scalars import scalar
from herdsight.kql.binding.scope import Bound, Context, hidden
from herdsight.kql.functions import SCALARS
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
    else:
        pattern, captures = _simple(operator.parts)
    relaxed = operator.kind == "relaxed"
    return bound.over(plan.Parsed(bound.relation, text, pattern, tuple(captures), relaxed, operator.only))


def _simple(parts: Sequence[_Part]) -> tuple[str, list[plan.Capture]]:
    """Texts as they are; a column is what stands between them, as short as it can be."""
    pattern = "(?s)^"
    captures: list[plan.Capture] = []
    for part, following in _with_following(parts):
        match part:
            case syntax.Star():
                pattern += ".*?"
            case syntax.Literal(value=value):
                pattern += _MARK.sub(r"\\\g<0>", str(value))
            case syntax.Capture(name=name, type=kind):
                captures.append(plan.Capture(name, len(captures) + 1, kind))
                # A number ends where its digits do; before a text it is what stands there, number or not.
                bounded = isinstance(following, syntax.Literal) or kind not in _FORMS
                pattern += "(.*?)" if bounded else f"({_FORMS[kind]})"
    return f"{pattern}$", captures


def _regular(operator: syntax.Parse) -> tuple[str, list[plan.Capture]]:
    """Texts are patterns with groups of their own; a column is as long as it can be, unless flags say otherwise."""
    flags = "".join(flag for flag in operator.flags if flag in "imsU")
    pattern, groups = f"(?{flags})^" if flags else "^", 0
    captures: list[plan.Capture] = []
    for part in operator.parts:
        match part:
            case syntax.Star():
                pattern += ".*?"
            case syntax.Literal(value=value):
                pattern += str(value)
                groups += len(_GROUP.findall(str(value)))
            case syntax.Capture(name=name, type=kind):
                groups += 1
                captures.append(plan.Capture(name, groups, kind))
                pattern += f"({_FORMS[kind]})" if kind in _FORMS else "(.*)"
    return f"{pattern}$", captures


_GROUP = re.compile(r"(?<!\\)(?:\\\\)*\((?!\?)|\(\?P<")


def _with_following(parts: Sequence[_Part]) -> Iterator[tuple[_Part, _Part | None]]:
    yield from zip(parts, [*parts[1:], None], strict=True)


@bind_operator.register
def _(operator: syntax.ParseKv, context: Context, bound: Bound) -> Bound:
    text = converted(scalar(context, operator.value, bound.scope()), ColumnType.STRING)
    options: dict[str, syntax.Value] = {
        option.name: constant(context, option.value, f"the option {option.name}").value for option in operator.options
    }
    unknown = set(options) - {"pair_delimiter", "kv_delimiter", "quote", "escape", "greedy", "regex"}
    if unknown:
        raise context.wrong(f"parse-kv has no option '{min(unknown)}'", operator.start, code="KS109")
    options["keys"] = [key.name for key in operator.keys]
    found = plan.Apply(PARSE_KV, (text, plan.Const(options, ColumnType.DYNAMIC)), ColumnType.DYNAMIC)
    bag = plan.Ref(hidden("pairs"), ColumnType.DYNAMIC)
    with_bag = with_columns(bound, (), [plan.Item(bag.name, found)])
    items = [
        plan.Item(
            key.name, converted(plan.Apply(_MEMBER, (bag, plan.Const(key.name, ColumnType.STRING)), bag.type), key.type)
        )
        for key in operator.keys
    ]
    filled = with_columns(with_bag, (), items)
    return filled.narrowed(column for column in filled.fields if column.name != bag.name)


_MEMBER = SCALARS["[]"][0]
