"""Conditions of a plan over one row as tests of Sigma."""

from collections.abc import Callable, Mapping

from herdsight.exporting.sigma.asked import All, Any, Match, Not, Test, Value, is_sayable, simplified
from herdsight.exporting.sigma.logs import PATHS, Log
from herdsight.kql import plan

# RFC 1918, as ipv4_is_private() has it.
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
# Sigma compares texts without case, so that operators which differ in that alone are the same.
_OPERATORS: Mapping[str, str] = {
    "==": "",
    "=~": "",
    "in": "",
    "in~": "",
    "contains": "contains",
    "startswith": "startswith",
    "endswith": "endswith",
    "has": "contains",
    "has_any": "contains",
    "<": "lt",
    "<=": "lte",
    ">": "gt",
    ">=": "gte",
    "matches regex": "re",
}
_OPPOSITES = {"!=": "==", "!~": "=~", **{f"!{name}": name for name in _OPERATORS if name[0].isalpha()}}
_ROUGHLY = {
    "has": "it finds whole words; `contains` finds them inside of others, too",
    "has_any": "it finds whole words; `contains` finds them inside of others, too",
}


def test_of(condition: plan.Scalar, log: Log) -> Test | None:
    """The test that stands for a condition on columns of the log's table; None where Sigma has none."""
    found = _test(condition, log)
    test = simplified(found) if found is not None else None
    return test if test is not None and is_sayable(test) else None


def roughness(condition: plan.Scalar, log: Log) -> str:
    """In what the test of a condition is another than the condition; "" where in nothing."""
    match condition:
        case plan.Apply(arguments=(plan.Ref(name=column), plan.Const(value=str() as value))) if column in log.values:
            return log.roughly.get(value, "")
        case plan.Ref(name=column) if log.fields.get(column) in log.unnamed:
            return f"`{log.fields[column]}` is no name of Sigma's taxonomy: give it that of your log's field"
        case plan.Apply(function=function, arguments=arguments):
            own = _ROUGHLY.get(function.name.removeprefix("!"), "")
            return own or next((said for each in arguments if (said := roughness(each, log))), "")
        case _:
            return ""


def _test(condition: plan.Scalar, log: Log) -> Test | None:
    match condition:
        case plan.Apply(function=function, arguments=arguments) if function.name in _JOINED:
            tests = [_test(each, log) for each in arguments]
            return _JOINED[function.name](tuple(filter(None, tests))) if all(tests) else None
        case plan.Apply(function=function, arguments=(inner,)) if function.name == "not":
            test = _test(inner, log)
            return Not(test) if test else None
        case plan.Apply(function=function, arguments=(inner, plan.Const(value=False))) if function.name == "coalesce":
            return _test(inner, log)
        case plan.Apply(function=function, arguments=arguments) if function.name in _OPPOSITES:
            test = _compared(_OPPOSITES[function.name], arguments, log)
            return Not(test) if test else None
        case plan.Apply(function=function, arguments=(plan.Ref(name=column),)) if function.name == "ipv4_is_private":
            return Match(log.fields[column], ("cidr",), _PRIVATE) if column in log.fields else None
        case plan.Apply(function=function, arguments=(inner,)) if function.name == "isnotempty":
            return _listed(inner, log)
        case plan.Apply(function=function, arguments=arguments):
            return _compared(function.name, arguments, log)
        case _:
            return None


_JOINED: Mapping[str, Callable[[tuple[Test, ...]], Test]] = {"and": All, "or": Any}


def _compared(operator: str, arguments: tuple[plan.Scalar, ...], log: Log) -> Test | None:
    match arguments:
        case (plan.Ref(name=left), plan.Ref(name=right)) if operator == "==":
            both = log.fields.get(left), log.fields.get(right)
            return Match(both[0], ("fieldref",), (both[1],)) if both[0] and both[1] else None
        case (plan.Ref(name=column), *others) if operator in _OPERATORS:
            values = [each.value for each in others if isinstance(each, plan.Const)]
            texts = tuple(each for each in values if isinstance(each, str | int | float))
            return _matched(column, operator, texts, log) if texts and len(texts) == len(others) else None
        case _:
            return None


def _matched(column: str, operator: str, values: tuple[Value, ...], log: Log) -> Test | None:
    if column in log.values:
        tests = [log.values[column].get(str(each)) for each in values]
        return Any(tuple(filter(None, tests))) if all(tests) and not _OPERATORS[operator] else None
    name = log.fields.get(column)
    if name is None or "" in values:
        return None
    modifier = _OPERATORS[operator]
    if name in PATHS:
        return _file(name, modifier, values)
    return Match(name, (modifier,) if modifier else (), values)


def _file(name: str, modifier: str, values: tuple[Value, ...]) -> Test | None:
    """The name of a file, where the log has its path: what it is or ends with can be said, what it holds cannot."""
    if modifier not in {"", "endswith"}:
        return None
    return Match(name, ("endswith",), tuple(str(each) if modifier else f"\\{each}" for each in values))


def _listed(value: plan.Scalar, log: Log) -> Test | None:
    """`isnotempty(tostring(LIST[tostring(Column)]))`: whether the column is a key of a list written in the query."""
    match value:
        case plan.Apply(arguments=(plan.Apply(arguments=(plan.Const(value=dict() as bag), inner)),)):
            pass
        case _:
            return None
    column = inner.arguments[0] if isinstance(inner, plan.Apply) else inner
    name = log.fields.get(column.name) if isinstance(column, plan.Ref) else None
    filled = [key for key, each in bag.items() if each not in (None, "")]
    if name is None or not filled:
        return None
    isnumber = isinstance(inner, plan.Apply) and all(key.isdecimal() for key in filled)
    return Match(name, (), tuple(int(key) if isnumber else key for key in filled))
