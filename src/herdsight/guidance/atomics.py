"""Tests in the form of Atomic Red Team: what to run so that a detection has something to find.

The form is that of the project's own validator: a folder of such files beside its own is run by its tools.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from herdsight.content import shipped
from herdsight.guidance.reading import read_document

Platform = Literal[
    "windows", "macos", "linux", "office-365", "azure-ad", "google-workspace", "saas", "iaas", "containers", "esxi"
]
Shell = Literal["powershell", "command_prompt", "bash", "sh"]
_ARGUMENT = re.compile(r"#\{(.*?)\}")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Argument(_Part):
    """A value that one may change."""

    description: Annotated[str, Field(min_length=1)]
    type: Literal["url", "string", "float", "integer", "path"]
    default: str | int | float


class Dependency(_Part):
    """What a test needs, how to see whether it is there, and how to get it."""

    description: Annotated[str, Field(min_length=1)]
    prereq_command: Annotated[str, Field(min_length=1)]
    get_prereq_command: str | None = None


class Executor(_Part):
    """What is run, and what takes away what it left."""

    name: Shell
    command: Annotated[str, Field(min_length=1)]
    cleanup_command: str | None = None
    elevation_required: bool = False


class AtomicTest(_Part):
    """One test. Every argument is used, and every `#{name}` is an argument."""

    name: Annotated[str, Field(min_length=1)]
    auto_generated_guid: UUID
    description: Annotated[str, Field(min_length=1)]
    supported_platforms: Annotated[tuple[Platform, ...], Field(min_length=1)]
    input_arguments: dict[Annotated[str, Field(pattern=r"^[\w-]{2,}$")], Argument] = {}
    dependency_executor_name: Shell | None = None
    dependencies: tuple[Dependency, ...] = ()
    executor: Executor

    @model_validator(mode="after")
    def _uses_its_arguments(self) -> "AtomicTest":
        used = {name for text in self.texts() for name in _ARGUMENT.findall(text)}
        for name in self.input_arguments.keys() - used:
            raise ValueError(f"no command uses the argument {name!r}")
        for name in used - self.input_arguments.keys():
            raise ValueError(f"a command uses {name!r}, which is no argument")
        return self

    def texts(self) -> Iterator[str]:
        """Every command of the test, its arguments not yet filled in."""
        yield self.executor.command
        yield self.executor.cleanup_command or ""
        for each in self.dependencies:
            yield each.prereq_command
            yield each.get_prereq_command or ""

    def filled(self, text: str, values: Mapping[str, object] | None = None) -> str:
        """A command with these values in place of its arguments, or their defaults."""
        given = {name: each.default for name, each in self.input_arguments.items()} | dict(values or {})
        return _ARGUMENT.sub(lambda match: str(given[match[1]]), text)


class Atomics(_Part):
    """The tests of a technique."""

    attack_technique: Annotated[str, Field(pattern=r"^T\d{4}(\.\d{3})?$")]
    display_name: Annotated[str, Field(min_length=5)]
    atomic_tests: Annotated[tuple[AtomicTest, ...], Field(min_length=1)]


class AtomicsFile(_Part):
    """The tests of a technique, and the text of their file."""

    atomics: Atomics
    text: str


@cache
def atomics() -> tuple[AtomicsFile, ...]:
    """The tests that come with Herdsight, by technique."""
    return tuple(
        AtomicsFile(atomics=read_document(each.name, each.text, Atomics, "a file of tests"), text=each.text)
        for each in shipped("atomics")
    )
