"""The errors that a user can meet: what went wrong, where, and what to do next."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is: a file or a named text, and from there a line and a column (both from 1)."""

    source: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        parts = [self.source, *(str(number) for number in (self.line, self.column) if number is not None)]
        return ":".join(parts)


class HerdsightError(Exception):
    """The root of every error that Herdsight raises on purpose.

    `exit_status` is what the command line ends with (2: the call or an input is wrong; 3: not supported).
    """

    exit_status = 2

    def __init__(self, what: str, *, place: Place | None = None, hint: str | None = None) -> None:
        what = _short(what)
        super().__init__(what)
        self.what = what
        self.place = place
        self.hint = hint

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}{self.what}{hint}"


_LONGEST = 2000  # characters of a message: a query may have a name of a million


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} ... {text[-100:]}"


class InputError(HerdsightError):
    """A log, a path or an option that cannot be used."""


class QueryError(HerdsightError):
    """A KQL text that is wrong; `code` names the kind of fault.

    `problems` has every error of the text where several were collected, in its order, and `source_text` the text itself
    where a message can show its line.
    """

    def __init__(self, what: str, *, code: str, place: Place | None = None, hint: str | None = None) -> None:
        super().__init__(what, place=place, hint=hint)
        self.code = code
        self.problems: tuple[QueryError, ...] = (self,)
        self.source_text: str | None = None


class UnsupportedError(QueryError):
    """A KQL text that is right, and uses something that Herdsight does not do."""

    exit_status = 3


class RuleError(HerdsightError):
    """A rule file that is wrong; `problems` are as those of a QueryError."""

    def __init__(self, what: str, *, place: Place | None = None, hint: str | None = None) -> None:
        super().__init__(what, place=place, hint=hint)
        self.problems: tuple[RuleError, ...] = (self,)
        self.source_text: str | None = None


class MappingError(HerdsightError):
    """A mapping file that is wrong; `problems` and `source_text` are as those of a QueryError."""

    def __init__(self, what: str, *, place: Place | None = None, hint: str | None = None) -> None:
        super().__init__(what, place=place, hint=hint)
        self.problems: tuple[MappingError, ...] = (self,)
        self.source_text: str | None = None


class EngineError(HerdsightError):
    """An engine that could not run what it was given: memory, disk, a value that does not fit."""
