"""What window functions need that depends on itself, row by row."""

from herdsight.prelude.registry import Dynamic, function


@function
def kql_session_starts(moments: Dynamic, longest: int) -> Dynamic:
    """When the session of each row began: anew where a row lies more than `longest` behind the first of its session.

    `moments` are in microseconds and in order; a null has none.
    """
    starts: list[int | None] = []
    begun: int | None = None
    for moment in moments:
        if moment is not None and (begun is None or moment - begun > longest):
            begun = moment
        starts.append(begun if moment is not None else None)
    return starts
