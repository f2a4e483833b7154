"""A store whose writers are killed, meet each other, or run out of disk: nothing is lost, and nothing there twice."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from test_store import conns, lines, numbers, rested, written

import herdsight
from herdsight.errors import InputError
from herdsight.store import folder
from herdsight.store.folder import opened_to_write
from herdsight.storing import Dropping, compact_store, drop_from_store, import_logs, store_info, verify_store

# An import that commits after every few kilobytes, so that it can be killed at many places.
_IMPORT = """
import sys
from herdsight.store import importing
from herdsight.storing import import_logs
importing.COMMITTED = 20_000
print("ready", flush=True)
import_logs(sys.argv[2:], sys.argv[1])
print("done", flush=True)
"""


def _importing(store: Path, *paths: Path) -> "subprocess.Popen[str]":
    """A process that imports, once it is about to begin."""
    words = [sys.executable, "-c", _IMPORT, str(store), *map(str, paths)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    place = tmp_path / "logs"
    place.mkdir()
    return place


def test_a_killed_import_is_completed_by_the_next(store: Path, logs: Path) -> None:
    """Twenty times a few logs come, one grows, and the import is killed at some moment; then it is let run."""
    random, last = Random(4), 0  # noqa: S311 - the same moments in each run
    grown = logs / "grown.log"
    grown.write_text(conns(0, 0))
    killed = 0
    for attempt in range(20):
        for part in range(3):
            written(logs / f"conn{attempt}-{part}.log", conns(last, last := last + 150))
        with grown.open("a") as file:
            file.write(lines(last, last := last + 50))
        process = _importing(store, logs)
        with suppress(subprocess.TimeoutExpired):
            process.wait(random.uniform(0, 0.6))
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        process.communicate()
    assert killed > 10, "most of the imports ended before they were killed"
    import_logs([logs], store)
    assert numbers(store) == [*range(last)]
    assert verify_store(store).troubles == ()
    assert sum(each.rows for each in store_info(store).inputs) == last
    assert import_logs([logs], store).rows == 0


class _CrashError(BaseException):
    """The process ends here, and nothing after this is done."""


_STEPS = (
    "_sync",
    "_put_in_place",
    "Manifest.promise",
    "Manifest.add",
    "Store._close",
    "Store._delete_gone",
    "Path.unlink",
)


def _crash(patch: pytest.MonkeyPatch, step: str, *, after: bool) -> None:
    """Let one step of a change be the last that is begun, or the last that is done."""
    owner, _, name = step.rpartition(".")
    place = getattr(folder, owner) if owner else folder
    own = getattr(place, name)

    def crashing(*given: object, **named: object) -> object:
        if after:
            own(*given, **named)
        raise _CrashError

    patch.setattr(place, name, crashing)


@pytest.mark.parametrize("step", _STEPS)
@pytest.mark.parametrize("after", [False, True])
def test_an_import_that_ends_anywhere_is_all_or_nothing(store: Path, logs: Path, step: str, *, after: bool) -> None:
    written(logs / "a.log", conns(0, 5))
    with pytest.MonkeyPatch.context() as patch:
        _crash(patch, step, after=after)
        with suppress(_CrashError):
            import_logs([logs], store)
    if (store / "manifest.sqlite").exists() and store_info(
        store
    ).inputs:  # promised, so it is done when the store is opened
        assert numbers(store) == [*range(5)]
        assert verify_store(store).troubles == ()
    written(logs / "b.log", conns(5, 8))
    import_logs([logs], store)
    assert numbers(store) == [*range(8)]
    assert verify_store(store).troubles == ()


@pytest.mark.parametrize("step", _STEPS)
@pytest.mark.parametrize("after", [False, True])
def test_compacting_that_ends_anywhere_changes_no_row(store: Path, logs: Path, step: str, *, after: bool) -> None:
    for part in range(3):
        import_logs([written(logs / f"{part}.log", conns(10 * part, 10 * part + 10))], store)
    with pytest.MonkeyPatch.context() as patch:
        _crash(patch, step, after=after)
        with suppress(_CrashError):
            compact_store(store)
    assert numbers(store) == [*range(30)]
    assert verify_store(store).troubles == ()
    assert compact_store(store).files[1] == 1
    assert numbers(store) == [*range(30)]


@pytest.mark.parametrize("step", _STEPS)
def test_dropping_that_ends_anywhere_drops_all_or_nothing(store: Path, logs: Path, step: str) -> None:
    for part in range(3):
        written(logs / f"{part}.log", conns(10 * part, 10 * part + 10))
    import_logs([logs], store)
    compact_store(store)
    with pytest.MonkeyPatch.context() as patch:
        _crash(patch, step, after=True)
        with suppress(_CrashError):
            drop_from_store(store, Dropping(source="1.log"))
    left = sum(each.rows for each in store_info(store).inputs)
    assert left in {20, 30}
    assert len(numbers(store)) == left
    assert verify_store(store).troubles == ()


# --- two processes ----------------------------------------------------------------------------------------------------


def test_a_second_writer_says_who_writes(store: Path, logs: Path) -> None:
    written(logs / "a.log", conns(0, 5))
    import_logs([logs], store)
    said: list[str] = []
    with (
        opened_to_write(store),
        pytest.raises(InputError, match=rf"in use: process {os.getpid()} on \S+ writes to it since"),
    ):
        import_logs([logs], store, wait=1.2, say=said.append)
    assert len(said) == 1
    assert said[0].startswith("waiting: process")


def test_a_second_writer_waits_its_turn(store: Path, logs: Path) -> None:
    halves = []
    for half in range(2):
        place = logs / str(half)
        place.mkdir()
        for part in range(8):
            first = 200 * (8 * half + part)
            written(place / f"{part}.log", conns(first, first + 200))
        halves.append(place)
    processes = [_importing(store, half) for half in (*halves, logs)]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert numbers(store) == [*range(3200)]
    assert verify_store(store).troubles == ()


def test_who_reads_while_others_write_sees_whole_imports(store: Path, logs: Path) -> None:
    written(logs / "00.log", conns(0, 100))
    import_logs([logs], store)
    for part in range(1, 30):
        written(logs / f"{part:02}.log", conns(100 * part, 100 * part + 100))
    process = _importing(store, logs)
    seen = [0]
    while process.poll() is None:
        found = numbers(store)
        assert found == [*range(len(found))]
        assert len(found) % 100 == 0
        assert len(found) >= seen[-1]
        seen.append(len(found))
        time.sleep(0.01)
    process.communicate()
    assert process.returncode == 0
    assert numbers(store) == [*range(3000)]


# --- a disk that fills ------------------------------------------------------------------------------------------------

_SMALL = 2 << 20  # bytes of the disk


@pytest.fixture
def small_disk(tmp_path: Path) -> list[str]:
    """The words that begin a command for which a folder is a disk of its own, of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = f'mount -t tmpfs -o size={_SMALL} none "{place}" && exec "$@"'
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    if not shutil.which("unshare") or subprocess.run([*words, "true"], capture_output=True, check=False).returncode:  # noqa: S603
        pytest.skip("this system lets no user mount a small disk")
    return words


_ON_SMALL_DISK = """
import sys
from pathlib import Path
from herdsight.errors import InputError
from herdsight.storing import import_logs, store_info, verify_store
store, first, second = map(Path, sys.argv[1:])
import_logs([first], store)
try:
    import_logs([second], store)
except InputError as error:
    print(error)
print(verify_store(store).troubles, [each.rows for each in store_info(store).tables])
"""


def test_a_full_disk_ends_the_import_and_leaves_the_store_whole(small_disk: list[str], tmp_path: Path) -> None:
    first, second = written(tmp_path / "a.log", conns(0, 100)), tmp_path / "b.log"
    _fill_with_noise(second, 60_000)
    words = [
        *small_disk,
        sys.executable,
        "-c",
        _ON_SMALL_DISK,
        str(tmp_path / "disk" / "store"),
        str(first),
        str(rested(second)),
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    message, state = done.stdout.splitlines()
    assert message.startswith("the disk is full: up to ")
    assert "make room and import again" in message
    assert state == "() [100]"


def _fill_with_noise(path: Path, count: int) -> None:
    """A conn.log whose ids no compression makes small."""
    random = Random(5)  # noqa: S311 - the same ids in each run
    pattern = lines(0, 1)
    with path.open("w") as file:
        file.write(conns(0, 0))
        file.writelines(pattern.replace("C0", f"C{random.getrandbits(320):x}") for _ in range(count))


def test_a_store_is_read_in_the_middle_of_its_folder_of_logs(logs: Path) -> None:
    written(logs / "a.log", conns(0, 5))
    store = logs / "store"
    for _ in range(2):
        herdsight.import_(logs, store)
    assert numbers(store) == [*range(5)]
