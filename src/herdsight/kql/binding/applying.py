"""Calls of rows of the function table: which row fits the arguments, and what they are taken as where none does."""

import re
from collections.abc import Sequence

from herdsight.errors import QueryError
from herdsight.kql import plan
from herdsight.kql.binding.scope import Context
from herdsight.kql.functions import SCALARS
from herdsight.kql.functions.conversions import CONVERTING
from herdsight.kql.functions.model import ANY, DYNAMIC, NUMBER, STRING, Scalar, TypeSet, result_type
from herdsight.kql.literals import datetime_micros
from herdsight.tables import ColumnType

WRONG_TYPES = "KS106"  # Microsoft's code, so that a reader can look it up


def any_of(conditions: Sequence[plan.Scalar]) -> plan.Scalar:
    """Whether one of the conditions holds; false where there are none."""
    return tree_of("or", list(conditions)) if conditions else plan.Const(False, ColumnType.BOOL)


def all_of(conditions: Sequence[plan.Scalar]) -> plan.Scalar:
    """Whether all of the conditions hold; true where there are none."""
    return tree_of("and", list(conditions)) if conditions else plan.Const(True, ColumnType.BOOL)


def tree_of(operator: str, parts: list[plan.Scalar]) -> plan.Scalar:
    """A chain as a tree that is as flat as it can be: people write hundreds of conditions."""
    row = SCALARS[operator][0]
    while len(parts) > 1:
        pairs = [tuple(parts[start : start + 2]) for start in range(0, len(parts), 2)]
        parts = [plan.Apply(row, pair, ColumnType.BOOL) if pair[1:] else pair[0] for pair in pairs]
    return parts[0]


def member(context: Context, value: plan.Scalar, key: str | int, at: int) -> plan.Scalar:
    """A bag's property by its name, or an array's element by its position."""
    kind = ColumnType.STRING if isinstance(key, str) else ColumnType.LONG
    return apply(context, "[]", [value, plan.Const(key, kind)], at)


def apply(context: Context, name: str, arguments: Sequence[plan.Scalar], at: int) -> plan.Scalar:
    """A call of the row of that name which fits the arguments' types.

    Raises:
        QueryError: none fits.
    """
    row = _row(name, arguments)
    if row is None and any(argument.type is ColumnType.DYNAMIC for argument in arguments):
        row, arguments = _unboxed(name, arguments, ANY if context.opened else _taken_as(name))
    if row is None and name in _EQUATING:
        arguments = _alike(arguments)
        row = _row(name, arguments)
    kinds = [argument.type for argument in arguments]
    if row is None:
        raise misfit(context, name, kinds, at)
    if row.choices:
        _check_choice(context, row, arguments[0], at)
    if row.check is not None:
        fault = row.check(*(each.value if isinstance(each, plan.Const) else None for each in arguments))
        if fault is not None:
            raise context.wrong(fault, at, code="KS131")
    try:
        kind = result_type(row.result, kinds)
    except TypeError as error:
        raise context.unsupported(str(error), at) from error
    except ValueError as error:
        raise context.wrong(str(error), at, code=WRONG_TYPES) from error
    return plan.Apply(row, tuple(arguments), kind)


def _row(name: str, arguments: Sequence[plan.Scalar]) -> Scalar | None:
    kinds = [argument.type for argument in arguments]
    return next(
        (row for row in SCALARS[name] if fits(row.parameters, row.optional, kinds, variadic=row.variadic)), None
    )


def _alike(arguments: Sequence[plan.Scalar]) -> Sequence[plan.Scalar]:
    """Constants as what they are compared with, a number with a text or the other way round."""
    kinds = [argument.type for argument in arguments if not isinstance(argument, plan.Const)]
    kind = (kinds or [argument.type for argument in arguments if argument.type is not ColumnType.STRING])[:1]
    return [_like(each, kind[0]) if kind and isinstance(each, plan.Const) else each for each in arguments]


def _like(constant: plan.Const, kind: ColumnType) -> plan.Scalar:
    return converted(constant, kind) if constant.type is ColumnType.STRING else constant_as(constant, kind)


def constant_as(constant: plan.Const, kind: ColumnType) -> plan.Const:
    """The constant as one of that type, null where it is none; as it is where what it would be is not known here."""
    value = constant.value
    if constant.type is kind or value is None:
        return plan.Const("" if kind is ColumnType.STRING and value is None else value, kind)
    if _is_for_the_engine(constant, kind):
        return constant
    try:
        match kind:
            case ColumnType.STRING if isinstance(value, int):
                return plan.Const(str(value), kind)
            case ColumnType.LONG | ColumnType.INT if isinstance(value, bool | int | str | float):
                return plan.Const(int(value) if kind is ColumnType.LONG else _int(value), kind)
            case ColumnType.REAL if isinstance(value, bool | int | str | float):
                return plan.Const(float(value), kind)
            case ColumnType.BOOL if isinstance(value, str | int):
                return plan.Const(_BOOLS.get(value.lower()) if isinstance(value, str) else bool(value), kind)
            case ColumnType.DATETIME if isinstance(value, str):
                return plan.Const(datetime_micros(value), kind)
            case ColumnType.DYNAMIC if isinstance(value, bool | str | float) or constant.type in _WHOLE:
                return plan.Const(value, kind)
    except (ValueError, OverflowError):
        return plan.Const(None, kind)
    return constant


def _is_for_the_engine(constant: plan.Const, kind: ColumnType) -> bool:
    """Whether the engine must say what the constant is as one of that type."""
    if constant.type in _COUNTED or (constant.type is ColumnType.BOOL and kind is ColumnType.STRING):
        return True
    return isinstance(constant.value, str) and kind in _PLAIN and not _PLAIN[kind].fullmatch(constant.value)


_BOOLS = {"true": True, "1": True, "false": False, "0": False}
_WHOLE = (ColumnType.LONG, ColumnType.INT)
_COUNTED = (ColumnType.DATETIME, ColumnType.TIMESPAN)  # their values are counts of microseconds, which nobody sees
_DIGITS = re.compile(r"[-+]?[0-9]{1,18}")
_PLAIN = {  # the texts that Python reads as the engine does
    ColumnType.LONG: _DIGITS,
    ColumnType.INT: _DIGITS,
    ColumnType.REAL: re.compile(r"[-+]?[0-9]{1,18}(?:\.[0-9]{1,18})?"),
}
_INT_REACH = 2**31


def _int(value: float | str) -> int | None:
    """A whole number, null where 32 bits do not hold it."""
    number = int(value)
    return number if -_INT_REACH <= number < _INT_REACH else None


def _unboxed(
    name: str, arguments: Sequence[plan.Scalar], taken_as: TypeSet
) -> tuple[Scalar | None, Sequence[plan.Scalar]]:
    """The row that fits when what dynamic arguments hold is taken as a type that it takes, and those arguments."""
    for row in SCALARS[name]:
        parameters = [*row.parameters, *([row.parameters[-1]] * len(arguments) if row.parameters else [])]
        taken = [
            _as_one_of(argument, allowed, arguments) if allowed & (taken_as | DYNAMIC) else argument
            for argument, allowed in zip(arguments, parameters, strict=False)
        ]
        if len(taken) == len(arguments) and _row(name, taken) is row:
            return row, taken
    return None, arguments


# What a dynamic is taken as where several types would do: as its text first, which loses nothing.
_PREFERRED = (ColumnType.STRING, ColumnType.REAL, ColumnType.LONG, ColumnType.DATETIME, ColumnType.TIMESPAN)


def _as_one_of(argument: plan.Scalar, allowed: TypeSet, beside: Sequence[plan.Scalar]) -> plan.Scalar:
    if argument.type is not ColumnType.DYNAMIC or ColumnType.DYNAMIC in allowed:
        return argument
    others = [other.type for other in beside if other.type in allowed]
    candidates = [*others, *(kind for kind in _PREFERRED if kind in allowed), *allowed]
    return converted(argument, candidates[0])


def _taken_as(name: str) -> TypeSet:
    """What an operator may take a dynamic as; a function takes it as a string alone: all else must be converted."""
    if name in _BY_NUMBER:
        return NUMBER
    return ANY if name in ("in", "!in") or not name[0].isalpha() else STRING


_BY_NUMBER = ("<", "<=", ">", ">=", "between", "!between", "*", "/", "%")


def unboxing_hint(kinds: Sequence[ColumnType]) -> str | None:
    """What to do where a dynamic is among the types of arguments that are not taken."""
    return "convert it, for example with tolong() or todatetime()" if ColumnType.DYNAMIC in kinds else None


def converted(value: plan.Scalar, kind: ColumnType) -> plan.Scalar:
    """The value as one of that type."""
    if isinstance(value, plan.Const) and value.type is not kind and kind is not ColumnType.DECIMAL:
        value = constant_as(value, kind)
    return value if value.type is kind else plan.Apply(CONVERTING[kind], (value,), kind)


def fits(parameters: Sequence[TypeSet], optional: int, kinds: Sequence[ColumnType], *, variadic: bool = False) -> bool:
    """Whether arguments of these types can be given for these parameters."""
    least, most = len(parameters) - optional, len(parameters)
    if len(kinds) < least or (len(kinds) > most and not variadic):
        return False
    padded = [*parameters, *([parameters[-1]] * max(0, len(kinds) - most) if parameters else [])]
    return all(kind in allowed for kind, allowed in zip(kinds, padded, strict=False))


def _check_choice(context: Context, row: Scalar, argument: plan.Scalar, at: int) -> None:
    value = argument.value if isinstance(argument, plan.Const) else None
    if not isinstance(value, str) or value.lower() not in row.choices:
        choices = ", ".join(f"'{choice}'" for choice in row.choices)
        raise context.wrong(f"the first argument of {row.name} must be a constant, one of {choices}", at, code="KS131")


def misfit(context: Context, name: str, kinds: Sequence[ColumnType], at: int) -> QueryError:
    """The error for arguments that no row of that name takes."""
    rows = SCALARS[name]
    given = " and ".join(dict.fromkeys(kinds)) or "nothing"
    if name in _EQUATING and len(kinds) > 1:  # Kusto converts; which way, its reference does not say
        return context.unsupported(f"comparing {given}", at, hint="convert one side, for example with tostring()")
    if not name[0].isalpha() or name in ("and", "or"):
        what = f"the operator '{name}' is not defined for {given}"
    elif all(len(kinds) < len(row.parameters) - row.optional for row in rows):
        what = f"{name} needs more arguments than the {len(kinds)} given"
    elif all(len(kinds) > len(row.parameters) and not row.variadic for row in rows):
        what = f"{name} takes fewer arguments than the {len(kinds)} given"
    else:
        what = f"{name} cannot take {given}"
    return context.wrong(what, at, code=WRONG_TYPES, hint=unboxing_hint(kinds))


_EQUATING = ("==", "!=", "in", "!in")
