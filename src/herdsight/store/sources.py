"""Which files bring something new, and from which byte on."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import NamedTemporaryFile

from herdsight.loading.recognition import readings
from herdsight.loading.records import LogFile, ReadOptions
from herdsight.logs.formats import Layout, Shape
from herdsight.logs.packed.archives import Member
from herdsight.logs.packed.packing import Compression, compression_of, fitting
from herdsight.store.identity import HEAD, Content, blocks_of, content, head_digest, new_hash
from herdsight.store.manifest import Manifest
from herdsight.store.records import Slice

_RESTING = 60.0  # seconds without a change after which a file's last line is taken for whole
_LINES = (Shape.DELIMITED, Shape.CSV, Shape.JSON_LINES)
_LONGEST_HEADER = 8 << 20  # bytes
_LONGEST_LINE = 1 << 16  # bytes of a line with the names of fields
_UNFINISHED = "its last line is still being written, and was left for the next import"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the file system says of a file: it changes whenever the file does."""

    size: int
    modified: int  # nanoseconds

    @classmethod
    def of(cls, path: Path) -> "Stamp":
        """That of a file as it is now."""
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Known:
    """A file of which everything is in the store already; `stamp` where that had to be found out by reading it."""

    shown: str
    slice: Slice
    stamp: Stamp | None = None
    is_beginning: bool = False

    @property
    def note(self) -> str | None:
        """What is said of the file."""
        if self.is_beginning:
            return f"is the beginning of {self.slice.path}, which is in the store"
        return None if self.slice.path == self.shown else f"has the same content as {self.slice.path}"


@dataclass(frozen=True, slots=True)
class New:
    """A file that brings records: its readings, to load from `begin` on; `follows` is the slice that it continues.

    `is_part`: a copy of what is new is to be loaded, for it is not the whole file, or the file may change meanwhile.
    """

    member: Member
    stamp: Stamp
    content: Content
    readings: tuple[LogFile, ...]
    follows: Slice | None
    is_part: bool
    is_member: bool  # of an archive: nothing changes it
    notes: tuple[str, ...] = ()

    @property
    def begin(self) -> int:
        """The plain bytes that are in the store already."""
        return self.follows.end if self.follows else 0


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that cannot be read, with its one reading that says why."""

    file: LogFile


@dataclass(slots=True)
class Sources:
    """What a store knows of the files that were imported, and those that are about to be."""

    manifest: Manifest
    options: ReadOptions
    folder: Path  # where members of archives are unpacked
    waiting: list[Slice] = field(default_factory=list)  # of this import, not in the manifest yet

    def look(self, member: Member) -> Known | New | Unread:
        """What a file brings."""
        try:
            if member.path is None or not member.path.is_file():
                return Unread(readings(member, 0, 0, self.options)[0])
            return self._look(member, member.path)
        except OSError as error:
            trouble = f"cannot be read: {error.strerror or type(error).__name__}"
            return Unread(LogFile(Path(member.shown), 0, 0, member.shown, notes=[trouble]))

    def _look(self, member: Member, path: Path) -> Known | New | Unread:
        stamp = Stamp.of(path)
        is_member = path.parent == self.folder  # of an archive: nothing changes it, and its stamp tells nothing
        if not is_member and (found := self.manifest.seen(member.shown, stamp.size, stamp.modified)):
            return Known(member.shown, found)
        is_live = not is_member and time.time() - stamp.modified / 1e9 < _RESTING
        found_readings = readings(member, 0, 0, self.options)
        if not any(each.is_readable for each in found_readings):
            return Unread(found_readings[0])
        known = self._known_content(found_readings, path, member.shown, is_live=is_live)
        seen = None if is_member or is_live else stamp
        if isinstance(known, Slice):
            return Known(member.shown, known, seen)
        inside, follows = known
        longer = self._longer(inside)
        if (whole := next((each for each in longer if _begins_with(each, inside)), None)) is not None:
            return Known(member.shown, whole, seen, is_beginning=True)
        if not inside.end and inside.size:
            return Unread(replace(found_readings[0], notes=[inside.trouble or _UNFINISHED]))
        is_part = _grows(found_readings[0]) and (is_live or follows is not None or inside.end < inside.size)
        notes = (*self._notes(member.shown, follows, inside), *map(_doubt, filter(_is_gone, longer[:1])))
        return New(member, stamp, inside, tuple(found_readings), follows, is_part, is_member, notes)

    def _known_content(
        self, found: Sequence[LogFile], path: Path, shown: str, *, is_live: bool
    ) -> Slice | tuple[Content, Slice | None]:
        """The slice that has the same content; else the content, with the slice that it continues."""
        compression = _compression(found[0])
        candidates = self._candidates(path, compression) if _grows(found[0]) else []
        short = self._short_ends() if _grows(found[0]) else set()
        whole_lines = is_live and compression is Compression.NONE and _grows(found[0])
        ends = {*short, *(each.end for each in candidates)}
        is_csv = found[0].known_layout.shape is Shape.CSV
        inside = content(path, compression, ends, whole_lines=whole_lines, quoted=is_csv)
        same = [each for each in self._with_digest(inside.digest) if each.end == inside.end > 0]
        if same:
            return same[-1]
        for end in short & inside.beginnings.keys():
            candidates += [each for each in self._with_digest(inside.beginnings[end]) if each.end == end]
        begun = [
            each
            for each in candidates
            if inside.beginnings.get(each.end) == each.digest and (each.path == shown or not _is_header(each))
        ]
        return inside, max(begun, key=lambda each: each.end, default=None)

    def _candidates(self, path: Path, compression: Compression) -> list[Slice]:
        """The slices, but for short ones, that the file may be the continuation of: those that begin alike."""
        head = head_digest(blocks_of(path, compression))
        known = self.manifest.slices('head = ? AND "end" >= ?', (head, HEAD))
        return [*known, *(each for each in self.waiting if each.head == head and each.end >= HEAD)]

    def _short_ends(self) -> set[int]:
        """How long the slices are that have no whole head: they are so few lengths that all of them can be tried."""
        return self.manifest.ends_before(HEAD) | {each.end for each in self.waiting if each.end < HEAD}

    def _longer(self, inside: Content) -> list[Slice]:
        """The slices that begin as a content does and are longer, of which it may be an older copy; latest first."""
        if inside.end < HEAD:
            return []
        known = self.manifest.slices('head = ? AND "end" > ?', (inside.head, inside.end))
        waiting = [each for each in self.waiting if each.head == inside.head and each.end > inside.end]
        return sorted((*known, *waiting), key=lambda each: -each.end)

    def _with_digest(self, digest: bytes) -> list[Slice]:
        known = self.manifest.slices("digest = ?", (digest,))
        return [*known, *(each for each in self.waiting if each.digest == digest)]

    def is_continued(self, part: Slice) -> bool:
        """Whether a file was found already that continues a slice: another one that does is a source of its own."""
        known = self.manifest.slices('source = ? AND "begin" = ?', (part.source, part.end))
        return bool(known) or any((each.source, each.begin) == (part.source, part.end) for each in self.waiting)

    def _notes(self, shown: str, follows: Slice | None, inside: Content) -> tuple[str, ...]:
        notes = []
        if follows is None and self.manifest.slices("path = ?", (shown,)):
            notes.append("was imported before with other content: all of it was added")
        if inside.end < inside.size and not inside.trouble:
            notes.append(_UNFINISHED)
        if inside.trouble:
            notes.append(f"{inside.trouble}: what came before is read")
        return tuple(notes)


def _begins_with(longer: Slice, inside: Content) -> bool:
    """Whether the file that a slice was taken of still lies there, and begins with all of a content."""
    path = Path(longer.path)
    try:
        with path.open("rb") as file:
            compression = compression_of(file.read(HEAD))
        found = content(path, compression, {inside.end}, whole_lines=False)
    except OSError:
        return False
    return found.beginnings.get(inside.end) == inside.digest


def _is_gone(part: Slice) -> bool:
    return not Path(part.path).is_file()


def _doubt(longer: Slice) -> str:
    return f"begins as {longer.path} did, which is in the store and no longer there: an older copy of it is twice now"


def _is_header(part: Slice) -> bool:
    """Whether a slice is known to hold no record: many a file begins with the same header."""
    account = part.account
    return account.table is not None and part.before + account.rows + account.rejected == 0


def _compression(file: LogFile) -> Compression:
    return file.known_head.compression


def _grows(file: LogFile) -> bool:
    """Whether records can be added to the file's end."""
    head = file.known_head
    return head.parquet is None and head.encoding in (None, "utf-8-sig") and file.known_layout.shape in _LINES


class ChangedError(Exception):
    """A file is no longer what it was when it was looked at."""


def to_load(new: New, folder: Path, number: int, place: int) -> list[LogFile]:
    """The readings to load, numbered from `number`, as those of input `place`; what is in the store is left out.

    Raises:
        OSError: what is left cannot be copied.
        ChangedError: the file was written anew meanwhile.
    """
    if not new.is_part:
        return [
            replace(each, number=number + count, input=place, notes=[*each.notes, *new.notes])
            for count, each in enumerate(new.readings)
        ]
    rest = _rest(new, folder)
    return [
        replace(
            each,
            path=rest.path,
            head=replace(each.known_head, compression=Compression.NONE),
            number=number + count,
            input=place,
            notes=[*each.notes, *new.notes, *rest.notes],
            cut=None,
        )
        for count, each in enumerate(new.readings)
    ]


@dataclass(frozen=True, slots=True)
class _Rest:
    path: Path
    notes: tuple[str, ...]


def _rest(new: New, folder: Path) -> _Rest:
    """A plain copy of the header, and of those bytes that count and are not in the store."""
    first = new.readings[0]
    beginning = _Beginning(first.known_layout)
    digest = new_hash()
    blocks = _first_bytes(blocks_of(first.path, _compression(first)), new.content.end)
    with NamedTemporaryFile(prefix="rest-", dir=folder, delete=False) as out:
        if new.begin:  # else the file's own header follows
            out.write(_header(blocks_of(first.path, _compression(first)), first.known_layout.skip))
        at = 0
        notes: tuple[str, ...] = ()
        for block in blocks:
            digest.update(block)
            known, rest = block[: max(new.begin - at, 0)], block[max(new.begin - at, 0) :]
            beginning.pass_over(known)
            if rest and at <= new.begin and new.begin:
                out.write(beginning.last_header)
                rest, notes = _from_line_on(rest, beginning.last_byte)
            out.writelines(fitting([rest], folder))
            at += len(block)
    if digest.digest() != new.content.digest:
        raise ChangedError
    return _Rest(Path(out.name), notes)


def _from_line_on(rest: bytes, before: bytes) -> tuple[bytes, tuple[str, ...]]:
    """What begins with a whole line, where the last line that was imported had no end."""
    if before == b"\n":
        return rest, ()
    end = rest.find(b"\n") + 1 or len(rest)
    if not rest[:end].strip():
        return rest[end:], ()
    return rest[end:], ("the last record of the import before was cut: it was still being written",)


class _Beginning:
    """What must be known of the bytes that are passed over: the last one, and the last header of a Zeek log."""

    def __init__(self, layout: Layout) -> None:
        self._fields = layout.delimiter.join(("#fields", *layout.fields)).encode()
        self._is_sought = layout.shape is Shape.DELIMITED and bool(layout.skip)
        self._held = b""
        self.last_byte = b"\n"
        self.last_header = b""

    def pass_over(self, block: bytes) -> None:
        """Look at the next bytes."""
        if not block:
            return
        self.last_byte = block[-1:]
        if not self._is_sought:
            return
        window = self._held + block
        start = window.rfind(b"\n#fields") + 1
        line = window[start : window.find(b"\n", start) + 1] if start else b""
        if line:
            self.last_header = b"" if line.rstrip() == self._fields else line
        self._held = window[-_LONGEST_LINE:]


def _first_bytes(blocks: Iterable[bytes], count: int) -> Iterator[bytes]:
    """The first so many bytes, as far as packed data can be read."""
    try:
        for block in blocks:
            yield block[:count]
            count -= len(block)
            if count <= 0:
                return
    except EOFError:
        return


def _header(blocks: Iterable[bytes], lines: int) -> bytes:
    """The first lines."""
    data = b""
    for block in _first_bytes(blocks, _LONGEST_HEADER):
        data += block
        if data.count(b"\n") >= lines:
            break
    return b"".join(line + b"\n" for line in data.split(b"\n")[:lines])
