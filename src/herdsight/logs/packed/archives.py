"""The files in zip and tar archives, and events in Windows' own logs, unpacked in bounds and under names of our own."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from herdsight.logs.packed.packing import (
    Allowance,
    Compression,
    Entry,
    OutOfBoundsError,
    compression_of,
    fitting,
    plain_blocks,
)
from herdsight.logs.packed.tar import is_tar, tar_members
from herdsight.logs.packed.zip import BROKEN_ZIP, MOST_MEMBERS, is_zip, zip_members
from herdsight.logs.windows.event_logs import in_lines, is_event_log

_DEEPEST = 2  # an archive within an archive
_LONGEST_NAME = 500  # characters of a member's name that are shown
_HEAD = 512  # bytes that tell an archive
_BROKEN = (*BROKEN_ZIP, EOFError, ValueError, LookupError, MemoryError)  # what reading hostile archives raises


@dataclass(frozen=True, slots=True)
class Member:
    """One file to look at: its name as it is shown, and where it lies.

    `trouble` says why only its beginning lies there; with no path, why there is nothing to look at.
    """

    shown: str
    path: Path | None
    trouble: str | None = None


_Reader = Callable[[Path], Iterator[Entry]]


def is_archive(path: Path) -> bool:
    """Whether a path is a zip or a tar archive, or Windows' own log of events, by its content."""
    return _reader_of(path) is not None or _is_event_log(path)


def _is_event_log(path: Path) -> bool:
    """Whether it is one, maybe compressed."""
    try:
        return path.is_file() and is_event_log(_first(path, compression_of(_first(path, Compression.NONE))))
    except OSError:
        return False


def opened(path: Path, shown: str, folder: Path) -> Iterator[Member]:
    """The file itself, of Windows' own log as lines; or, of an archive, its members, and lines on the archive itself.

    All that one archive holds, however deep, may unpack to what `Allowance` grants for it.
    """
    if _reader_of(path):
        yield from _Opened(path, folder).members(path, shown, 1)
    elif _is_event_log(path):
        yield _Opened(path, folder).events(path, shown)
    else:
        yield Member(shown, path)


def _reader_of(path: Path) -> _Reader | None:
    try:
        first = _first(path, Compression.NONE) if path.is_file() else b""
        if is_zip(first):
            return zip_members
        compression = compression_of(first)
        return _tar_members if is_tar(first if compression is Compression.NONE else _first(path, compression)) else None
    except OSError:
        return None  # looking at it as a log says why it cannot be read


def _first(path: Path, compression: Compression) -> bytes:
    """The first bytes of what a file unpacks to."""
    data = b""
    try:
        for block in plain_blocks(path, compression):
            data += block[:_HEAD]
            if len(data) >= _HEAD:
                break
    except EOFError:
        pass
    return data[:_HEAD]


class _Opened:
    """An archive that a user named: all that it holds shares what may be unpacked."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._folder = folder
        self._allowance = Allowance(path.stat().st_size)
        self._count = 0
        self._exhausted: str | None = None

    def members(self, path: Path, shown: str, depth: int) -> Iterator[Member]:
        """Those of one archive; whatever stands in the way of more of them is a line on the archive."""
        reader = _reader_of(path)
        names: Counter[str] = Counter()
        try:
            for entry in reader(path) if reader else ():
                name = _shown(entry.name)
                if not name:
                    continue
                names[name] += 1
                self._count += 1
                if self._count > MOST_MEMBERS:
                    self._exhausted = f"more than {MOST_MEMBERS:,} files in an archive"
                else:
                    again = f" ({names[name]})" if names[name] > 1 else ""
                    yield from self._member(entry, f"{shown}/{name}{again}", depth)
                if self._exhausted:
                    yield Member(shown, None, _rest(self._exhausted))
                    return
        except _BROKEN as error:
            yield Member(shown, None, _rest(_said(error)))
            return
        if not names:
            yield Member(shown, None, "an archive without files")

    def events(self, path: Path, shown: str, cut: str | None = None) -> Member:
        """Windows' own log of events as lines; `cut` says why it is only the beginning of one."""
        compression = compression_of(_first(path, Compression.NONE))
        plain = path
        try:
            if compression is not Compression.NONE:
                plain, cut = self._written(plain_blocks(path, compression))
            lines, trouble = in_lines(plain, _first(plain, Compression.NONE), self._folder, self._allowance)
        except OSError as error:
            return Member(shown, None, f"cannot be read: {error.strerror or type(error).__name__}")
        if plain != path:
            plain.unlink()
        return Member(shown, lines if lines.stat().st_size else None, trouble or cut or _none_in(lines))

    def _member(self, entry: Entry, shown: str, depth: int) -> Iterator[Member]:
        if entry.refused:
            yield Member(shown, None, f"not read: {entry.refused}")
            return
        path, trouble = self._plain(entry.blocks)
        if compression_of(_first(path, Compression.NONE)) is not Compression.NONE:
            path.unlink()
            yield Member(shown, None, "not read: compressed more than once")
        elif _reader_of(path):
            if depth < _DEEPEST:
                yield from self.members(path, shown, depth + 1)
            else:
                yield Member(shown, None, "not read: an archive within an archive within an archive")
            path.unlink()
        elif _is_event_log(path):
            yield self.events(path, shown, trouble)
            path.unlink()
        else:
            yield Member(shown, path if path.stat().st_size or not trouble else None, trouble)

    def _plain(self, blocks: Iterable[bytes]) -> tuple[Path, str | None]:
        """A file with the content of a member, decompressed, and why it is not the whole content."""
        path, trouble = self._written(blocks)
        compression = compression_of(_first(path, Compression.NONE))
        if compression is Compression.NONE:
            return path, trouble
        plain, further = self._written(plain_blocks(path, compression))
        path.unlink()
        return plain, trouble or further

    def _written(self, blocks: Iterable[bytes]) -> tuple[Path, str | None]:
        with NamedTemporaryFile(prefix="member-", dir=self._folder, delete=False) as out:
            path = Path(out.name)
            try:
                out.writelines(fitting(self._allowance.over(blocks), self._folder))
            except OutOfBoundsError as error:
                self._exhausted = str(error)
                return path, str(error)
            except _BROKEN as error:
                return path, _said(error)
        return path, None


def _none_in(lines: Path) -> str | None:
    return None if lines.stat().st_size else "a log of Windows events without any"


def _rest(trouble: str) -> str:
    return f"{trouble}: what comes after is not read"


def _said(error: BaseException) -> str:
    """What is told of an error: our own words as they are."""
    if isinstance(error, NotImplementedError):
        return "packed in a way that cannot be unpacked"
    return str(error) if isinstance(error, EOFError) and str(error) else "the archive is damaged or ends early"


def _shown(name: str) -> str:
    """A member's name as it is shown: relative; empty for hidden files, which are not read in folders either."""
    parts = [each for each in name.split("/") if each not in ("", ".")]
    if any(each.startswith(".") and each != ".." for each in parts):
        return ""
    shown = "/".join(parts).encode("utf-8", "backslashreplace").decode()
    return (shown if len(shown) <= _LONGEST_NAME else f"{shown[:_LONGEST_NAME]}…") or "unnamed"


def _tar_members(path: Path) -> Iterator[Entry]:
    return tar_members(plain_blocks(path, compression_of(_first(path, Compression.NONE))))
