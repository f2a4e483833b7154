"""The loop of a prompt: a query is read, answered and shown, until the user leaves."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer
from prompt_toolkit.completion import Completion as MenuItem
from prompt_toolkit.document import Document
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from herdsight import tables
from herdsight.cli.ending import asked_to_end
from herdsight.cli.printing import Printer
from herdsight.cli.problems import report
from herdsight.cli.prompt.completion import completions
from herdsight.cli.prompt.dots import Dots
from herdsight.cli.prompt.endings import is_ended
from herdsight.cli.prompt.history import history
from herdsight.cli.prompt.vocabulary import Vocabulary
from herdsight.cli.questions import Question
from herdsight.errors import HerdsightError
from herdsight.output import printable
from herdsight.output.words import count_words
from herdsight.querying import Session
from herdsight.telemetry import Options

_MOST_ROWS = 100  # of an answer: as many as one still looks through on a terminal
_ADVICE = "| top and | summarize make them fewer, and -e with --format csv writes them all"


def run(paths: Sequence[Path], options: Options, printer: Printer) -> None:
    """Read the logs and answer what is typed about them, until the user leaves.

    Raises:
        InputError: the logs cannot be read.
    """
    with Session(paths, options, printer.bar, lasting=True) as session:
        with printer.bar:
            _ = session.telemetry
        printer.warn(session.unread())
        printer.say(_greeting(session))
        watchlists = {each.name: each.columns for each in session.telemetry.watchlists}
        vocabulary = Vocabulary(tables.DECLARED, tables.NAMES if paths or options.store else (), watchlists)
        _loop(_reader(vocabulary), session, printer, Dots(session, printer, vocabulary))


def _greeting(session: Session) -> str:
    rows: dict[str, int] = {}
    for each in session.telemetry.inputs:
        if each.table is not None:
            rows[each.table] = rows.get(each.table, 0) + each.rows
    read = ", ".join(f"{count_words(count, 'row')} of {name}" for name, count in rows.items())
    return f"{read or 'No logs'}. An empty line or ; ends a query; .help says more, Ctrl-D leaves."


def _loop(read: Callable[[], str], session: Session, printer: Printer, dots: Dots) -> None:
    while True:
        try:
            typed = read()
            if not _answered(typed, session, printer, dots):
                return
        except EOFError:
            return
        except KeyboardInterrupt:
            if asked_to_end():
                raise


def _answered(typed: str, session: Session, printer: Printer, dots: Dots) -> bool:
    """Whether to go on, behind what was typed."""
    question = Question(typed, "query", ())
    try:
        if typed.lstrip().startswith("."):
            return dots.run(typed)
        if typed.strip():
            with question.sourced():
                printer.answers(session.answers(typed, most=_MOST_ROWS), _ADVICE)
    except HerdsightError as error:
        report(error)
    except KeyboardInterrupt:
        if asked_to_end():
            raise
        printer.say("stopped")
    return True


def _reader(vocabulary: Vocabulary) -> Callable[[], str]:
    """What reads a query from the terminal.

    Its end is EOFError, and Ctrl-C is KeyboardInterrupt.
    """
    session: PromptSession[str] = PromptSession(
        "kql> ",
        multiline=True,
        prompt_continuation="   > ",
        history=history(),
        completer=_Menu(vocabulary),
        key_bindings=_keys(),
    )
    return session.prompt


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None  # the word stands there already
        elif buffer.document.is_cursor_at_the_end and is_ended(buffer.text):
            buffer.text = buffer.text.rstrip()
            buffer.validate_and_handle()
        else:
            buffer.newline(copy_margin=False)

    return keys


class _Menu(Completer):
    """The completions as a menu; while one types it shows only where a word, or an operator, has begun."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[MenuItem]:
        if complete_event.text_inserted and not re.search(r"[\w.]$|\|\s*$", document.text_before_cursor):
            return
        for each in completions(document.text, document.cursor_position, self._vocabulary):
            yield MenuItem(
                each.text,
                start_position=each.start - document.cursor_position,
                display=printable(each.text.removesuffix("(")),
                display_meta=printable(each.note or each.kind),
            )
