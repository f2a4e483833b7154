"""Which scalars have the same value whenever they are asked for."""

from herdsight.kql import plan

_UNSTEADY = ("rand", "new_guid")


def is_steady(value: plan.Scalar) -> bool:
    """Whether the scalar has one value for one row, however often it is computed."""
    match value:
        case plan.Apply(function=function, arguments=arguments):
            return function.name not in _UNSTEADY and all(map(is_steady, arguments))
        case plan.InQuery(value=inner):
            return is_steady(inner)
        case _:
            return True
