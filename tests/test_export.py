"""Exports: the folder that is written whole and never over anybody's own work, and the verbs around it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from herdsight.cli import main
from herdsight.errors import InputError, RuleError
from herdsight.exporting.exporting import export_rules, target_of, targets
from herdsight.exporting.folder import write_files
from herdsight.exporting.model import Content, Export, File, Loss, RuleTarget
from herdsight.findings.reading import read_hunt
from herdsight.rules.reading import shipped_rules

OLD = (File("a.yaml", "a: 1\n"), File("deep/b.json", "{}\n"))


def call(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, words, input=stdin, prog_name="herdsight")


def done(files: tuple[File, ...], folder: Path, target: str = "one", *, force: bool = False) -> dict[str, str]:
    return {each.path: each.done for each in write_files(files, folder, target, force=force)}


class TestFolder:
    def test_is_made_and_written(self, tmp_path: Path) -> None:
        assert done(OLD, tmp_path / "new") == {"a.yaml": "written", "deep/b.json": "written"}
        assert (tmp_path / "new/deep/b.json").read_text() == "{}\n"

    def test_the_same_again_changes_nothing(self, tmp_path: Path) -> None:
        done(OLD, tmp_path)
        before = (tmp_path / "a.yaml").stat().st_mtime_ns
        assert set(done(OLD, tmp_path).values()) == {"same"}
        assert (tmp_path / "a.yaml").stat().st_mtime_ns == before

    def test_a_change_touches_its_file_and_what_is_gone_is_taken_away(self, tmp_path: Path) -> None:
        done(OLD, tmp_path)
        assert done((File("a.yaml", "a: 2\n"),), tmp_path) == {"a.yaml": "changed", "deep/b.json": "removed"}
        assert not (tmp_path / "deep/b.json").exists()

    def test_two_targets_share_a_folder(self, tmp_path: Path) -> None:
        done(OLD, tmp_path)
        assert done((File("c.yaml", "c"),), tmp_path, "two") == {"c.yaml": "written"}
        assert set(done(OLD, tmp_path).values()) == {"same"}

    @pytest.mark.parametrize("edited", ["a.yaml", "deep/b.json"])
    def test_what_somebody_edited_is_left_and_so_is_all_else(self, tmp_path: Path, edited: str) -> None:
        done(OLD, tmp_path)
        (tmp_path / edited).write_text("mine\n")
        with pytest.raises(InputError, match="somebody edited it") as raised:
            done((File("a.yaml", "a: 2\n"), File("c.yaml", "c")), tmp_path)
        assert str(raised.value.place) == str(tmp_path / edited)
        assert "--force" in str(raised.value)
        assert (tmp_path / edited).read_text() == "mine\n"
        assert not (tmp_path / "c.yaml").exists()

    def test_force_writes_over_it(self, tmp_path: Path) -> None:
        done(OLD, tmp_path)
        (tmp_path / "a.yaml").write_text("mine\n")
        assert done(OLD, tmp_path, force=True) == {"a.yaml": "changed", "deep/b.json": "same"}

    def test_a_file_that_was_there_before_is_nobodys_to_overwrite(self, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").write_text("mine\n")
        with pytest.raises(InputError, match="it was there before"):
            done(OLD, tmp_path)

    def test_a_file_that_somebody_made_as_it_will_be_is_no_hindrance(self, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").write_text("a: 1\n")
        assert done(OLD, tmp_path) == {"a.yaml": "same", "deep/b.json": "written"}

    @pytest.mark.parametrize(
        "record", ["", "[]", '{"one": 1}', '{"one": {"../x": "0"}}', '{"one": {"/etc/x": "0"}}', "[" * 5000]
    )
    def test_a_record_that_is_none_is_not_believed(self, tmp_path: Path, record: str) -> None:
        (tmp_path / ".herdsight-export.json").write_text(record)
        (tmp_path.parent / "x").write_text("precious")
        assert done(OLD, tmp_path) == {"a.yaml": "written", "deep/b.json": "written"}
        assert (tmp_path.parent / "x").exists()

    def test_a_folder_that_is_a_file_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "out").write_text("")
        with pytest.raises(InputError, match="out"):
            done(OLD, tmp_path / "out")


def _half(content: Content) -> Export:
    files = tuple(File(f"{each.slug}.txt", each.slug) for each in content.rules)
    return Export(files, tuple(Loss(each.slug, "the query", "all of it") for each in content.rules))


class TestLosses:
    target = RuleTarget("half", "Half of it.", _half)
    content = Content(shipped_rules()[:2])

    def test_are_told_all_at_once_and_nothing_is_written(self, tmp_path: Path) -> None:
        with pytest.raises(RuleError, match=r"half cannot say the query: all of it \(and 1 more\)") as raised:
            export_rules(self.target, self.content, tmp_path)
        assert "--allow-lossy" in str(raised.value)
        assert len(raised.value.problems) == 2
        assert list(tmp_path.iterdir()) == []

    def test_are_listed_where_they_are_allowed(self, tmp_path: Path) -> None:
        found = export_rules(self.target, self.content, tmp_path, allow_lossy=True)
        assert [each.rule for each in found.losses] == [each.slug for each in self.content.rules]
        assert len(found.files) == 2


class TestCommand:
    def test_lists_every_target(self) -> None:
        shown = call("export", "--help").stdout
        assert all(name in shown for name in targets())

    def test_an_unknown_target_is_told_with_what_there_is(self) -> None:
        result = call("export", "cvs", "x.json")
        assert result.exit_code == 2
        assert "csv" in result.stderr

    def test_findings_go_to_stdout_or_to_a_new_file(self, tmp_path: Path) -> None:
        made = call("simulate", "beacon", "--out", str(tmp_path / "logs"), "--seed", "3")
        assert made.exit_code == 0, made.stderr
        hunt = call("hunt", str(tmp_path / "logs"), "--format", "json", "--quiet").stdout
        assert json.loads(hunt)["findings"]
        printed = call("export", "csv", "-", stdin=hunt).stdout
        assert printed == call("hunt", str(tmp_path / "logs"), "--format", "csv", "--quiet").stdout
        words = ("export", "csv", "-", "-o", str(tmp_path / "f.csv"))
        assert call(*words, stdin=hunt).exit_code == 0
        again = call(*words, stdin=hunt)
        assert again.exit_code == 2
        assert "--force" in again.stderr
        assert call(*words, "--force", stdin=hunt).exit_code == 0
        assert (tmp_path / "f.csv").read_bytes().decode() == printed

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 1}', "[" * 100_000, "nonsense"])
    def test_what_is_no_hunt_is_told(self, text: str) -> None:
        result = call("export", "csv", "-", stdin=text)
        assert result.exit_code == 2
        assert "not a hunt's JSON" in result.stderr


def test_a_hunt_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_hunt(tmp_path / "none.json")


def test_a_target_that_is_not_there_is_told() -> None:
    with pytest.raises(InputError, match="nothing is exported as 'sentinl'"):
        target_of("sentinl")
