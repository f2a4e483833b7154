"""The house rules that no checker holds: how fast it starts, what the wheel carries, what the lock says."""

import ast
import re
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path

import pytest

import herdsight

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CODE = sorted((ROOT / "src").rglob("*.py"))
START_S = 0.3  # what a person does not notice


def _python(*arguments: str) -> None:
    command = [sys.executable, *arguments]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)  # noqa: S603 - our own interpreter


def _best_of_five(*arguments: str) -> float:
    return min(_seconds(*arguments) for _ in range(5))


def _seconds(*arguments: str) -> float:
    begun = time.perf_counter()
    _python(*arguments)
    return time.perf_counter() - begun


@pytest.mark.parametrize(
    "arguments", [("-c", "import herdsight"), ("-m", "herdsight", "--help")], ids=["import", "help"]
)
def test_it_starts_at_once(arguments: tuple[str, ...]) -> None:
    assert _best_of_five(*arguments) < START_S


def test_the_version_is_said_once_and_again() -> None:
    assert herdsight.__version__ == PROJECT["project"]["version"]


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_every_module_opens_with_what_it_is_for(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert said
    assert said.splitlines()[0].endswith((".", ":"))


def test_the_wheel_carries_its_data(tmp_path: Path) -> None:
    _python("-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path))
    (wheel,) = tmp_path.glob("*.whl")
    carried = set(zipfile.ZipFile(wheel).namelist())
    data = {path for path in (ROOT / "src").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert {str(path.relative_to(ROOT / "src")) for path in data} <= carried
    content = {path for path in (ROOT / "content").rglob("*") if path.is_file()}
    assert {f"herdsight/{path.relative_to(ROOT)}" for path in content} <= carried
    assert any(name.startswith("herdsight/content/rules/") for name in carried)


def _pinned(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


@pytest.mark.parametrize("lock", ["runtime.txt", "dev.txt"])
def test_a_lock_pins_everything_and_names_no_place(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"\n(?=[a-z])", text) if not entry.startswith("#")]
    assert entries
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"://|--(extra-)?index|--find-links|file:", text)


def test_the_locks_agree_and_hold_what_the_project_declares() -> None:
    runtime, dev = _pinned("runtime.txt"), _pinned("dev.txt")
    assert runtime.items() <= dev.items()
    declared = [re.split(r"[<>=~! ]", each)[0].replace(".", "-") for each in PROJECT["project"]["dependencies"]]
    assert set(declared) <= set(runtime)
    tools = [re.split(r"[<>=~! ]", each)[0] for each in PROJECT["dependency-groups"]["dev"]]
    assert set(tools) <= set(dev)
