"""Windows' own files of events, binary or XML, as lines of text that the readers of logs take."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import NamedTemporaryFile

from herdsight.logs.packed.packing import Allowance, Compression, fitting, plain_blocks
from herdsight.logs.values import CUT_SHORT, DAMAGED
from herdsight.logs.windows.event_xml import is_xml_events, xml_in_lines
from herdsight.logs.windows.events import MARKS
from herdsight.logs.windows.evtx_file import Lines, evtx_in_lines, is_evtx
from herdsight.logs.windows.records import LOST_JSON, LOST_XML, OTHER_JSON


def is_event_log(first: bytes) -> bool:
    """Whether a file that begins like that is one."""
    return is_evtx(first) or is_xml_events(first)


def in_lines(path: Path, first: bytes, folder: Path, allowance: Allowance) -> tuple[Path, str | None]:
    """A file in the folder with a line for each event of a log, and why it has not all of them.

    `first` is what the log begins with.

    Raises:
        OSError: the log cannot be read, or the file not written.
    """
    if is_evtx(first):
        lines = Lines([f'"{mark}"' for mark in MARKS], OTHER_JSON, LOST_JSON[DAMAGED], LOST_JSON[CUT_SHORT])
        return evtx_in_lines(path, lines, folder, allowance)
    blocks = plain_blocks(path, Compression.NONE)
    lost = {why: line.encode() for why, line in LOST_XML.items()}
    return _written(allowance.over(xml_in_lines(blocks, lost[DAMAGED], lost[CUT_SHORT])), folder)


def _written(blocks: Iterable[bytes], folder: Path) -> tuple[Path, str | None]:
    with NamedTemporaryFile(prefix="events-", dir=folder, delete=False) as out:
        try:
            out.writelines(fitting(blocks, folder))
        except EOFError as error:
            return Path(out.name), str(error)
    return Path(out.name), None
