"""The commands of a prompt: words that begin with a dot."""

from collections.abc import Callable, Mapping, Sequence

from herdsight.cli.printing import Printer
from herdsight.cli.prompt.vocabulary import COMMANDS, Vocabulary
from herdsight.errors import InputError
from herdsight.guesses import did_you_mean
from herdsight.kql.functions.unsupported import UNSUPPORTED, UNSUPPORTED_PLUGINS
from herdsight.kql.operators import UNSUPPORTED as UNSUPPORTED_OPERATORS
from herdsight.output.words import count_words
from herdsight.querying import Session

_HELP = (
    ("Enter", "a new line; behind an empty line, or behind a ;, it runs the query"),
    ("|", "at the end of a line goes on with the next one"),
    ("Tab", "completes tables, columns, operators and functions"),
    ("Up, Down", "earlier queries"),
    ("Alt-Enter", "runs the query as it is"),
    ("Ctrl-C", "clears what was typed, or stops the query that is running"),
    ("Ctrl-D", "leaves"),
)


class Dots:
    """What the commands do, over the logs of a session."""

    def __init__(self, session: Session, printer: Printer, vocabulary: Vocabulary) -> None:
        self._session = session
        self._printer = printer
        self._vocabulary = vocabulary
        self._does: Mapping[str, Callable[[str], None]] = {
            ".tables": self._tables,
            ".columns": self._columns,
            ".help": self._help,
        }

    def run(self, typed: str) -> bool:
        """Do what a line asks; false where it asks to leave.

        Raises:
            InputError: there is no such command, or nothing of that name.
        """
        name, _, argument = typed.strip().partition(" ")
        if name in (".quit", ".exit"):
            return False
        if name not in self._does:
            raise InputError(f"there is no command {name!r}", hint=f"there are {', '.join(COMMANDS)}")
        self._does[name](argument.strip())
        return True

    def _tables(self, word: str) -> None:
        """The tables that have rows; with a word, all declared ones with that in their name."""
        if word:
            found = [name for name in self._vocabulary.table_names if word.lower() in name.lower()]
            if not found:
                raise InputError(f"there is no table with {word!r} in its name")
            self._printer.listing([(name,) for name in found])
            return
        filled = self._vocabulary.filled
        if filled:
            self._printer.answers(self._session.answers(_counting(filled)))
        for name, columns in self._vocabulary.watchlists.items():
            self._printer.listing([(f"_GetWatchlist('{name}')", ", ".join(columns))])
        others = len(self._vocabulary.tables) - len(filled)
        self._printer.say(f"and {count_words(others, 'table')} that no log here fills; .tables WORD lists them by name")

    def _columns(self, name: str) -> None:
        columns = self._vocabulary.columns(name)
        if not columns:
            known = (*self._vocabulary.table_names, *self._vocabulary.watchlists)
            hint = did_you_mean(name, known) if name else "name one: .columns TABLE"
            raise InputError(f"there is no table {name!r}", hint=hint)
        self._printer.listing([(column.name, column.type.value, column.meaning) for column in columns])

    def _help(self, name: str) -> None:
        if not name:
            commands = [(command, what) for command, what in COMMANDS.items()]
            self._printer.listing([*_HELP, *commands])
            return
        entries = self._vocabulary.entries(name)
        if entries:
            self._printer.listing([(entry.form, f"Microsoft's page: {entry.page}") for entry in entries])
            return
        why = {**UNSUPPORTED, **UNSUPPORTED_PLUGINS, **UNSUPPORTED_OPERATORS}
        if name not in why:
            hint = did_you_mean(name, (*self._vocabulary.names, *why))
            raise InputError(f"there is no operator or function {name!r}", hint=hint)
        self._printer.listing([(name, f"not supported: {why[name]}")])


def _counting(names: Sequence[str]) -> str:
    """A query for how many rows each table has, and from when to when."""
    parts = (
        f"({name} | summarize Rows = count(), First = min(TimeGenerated), Last = max(TimeGenerated) "
        f"| project Table = '{name}', Rows, First, Last)"
        for name in names
    )
    return f"union {', '.join(parts)} | sort by Rows desc"
