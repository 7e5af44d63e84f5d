"""Reading a directory of migrations."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.module_utils.migrate.bookkeeping import D1Table, PlainTable
from plugins.module_utils.migrate.classify import classify
from plugins.module_utils.migrate.files import read_directory
from plugins.module_utils.migrate.model import Migration, MigrationError
from plugins.module_utils.migrate.script import prepare


def read(directory: Path, **files: str) -> list[Migration]:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return read_directory(directory, PlainTable().identify)


def test_three_ways_to_write_them(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        **{
            "010_last.sql": "SELECT 10;",
            "001_pair.up.sql": "SELECT 1;",
            "001_pair.down.sql": "SELECT -1;",
            "2_sections.sql": "-- why\n-- migrate:up\nSELECT 2;\n\n-- migrate:down\nSELECT -2;\n",
            "003_alone.sql": "SELECT 3;",
            "003_alone.down.sql": "SELECT -3;",
            "004-folder.sql": "SELECT 4;",
            "down/004_folder.sql": "SELECT -4;",
            "readme.md": "not a migration",
        },
    )
    assert [(m.id, m.name, m.up.strip(), (m.down or "none").strip()) for m in found] == [
        ("001", "pair", "SELECT 1;", "SELECT -1;"),
        ("2", "sections", "SELECT 2;", "SELECT -2;"),
        ("003", "alone", "SELECT 3;", "SELECT -3;"),
        ("004", "folder", "SELECT 4;", "SELECT -4;"),
        ("010", "last", "SELECT 10;", "none"),
    ]
    assert found[4].down_file == str(tmp_path / "010_last.down.sql")


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    text = "-- migrate:up\n\nDROP TABLE a;\n-- migrate:down\n\n\nDROP TABLE b;\n"
    migration = read(tmp_path, **{"1_a.sql": text})[0]
    assert classify(migration.up, "postgres")[0].line == 3
    assert classify(migration.down or "", "postgres")[0].line == 7


@pytest.mark.parametrize("down", ["", "  \n", "-- migrate:down", "-- migrate:down\n\n"])
def test_an_empty_way_down_is_none(tmp_path: Path, down: str) -> None:
    sections = "-- migrate:up\nSELECT 1;\n" if down.startswith("--") else "SELECT 1;\n"
    files = (
        {"1_a.sql": sections + down, "1_a.down.sql": down}
        if not down.strip()
        else {"1_a.sql": sections + down}
    )
    assert read(tmp_path, **files)[0].down is None


def test_a_way_down_that_does_nothing_says_so(tmp_path: Path) -> None:
    found = read(tmp_path, **{"1_a.sql": "SELECT 1;", "1_a.down.sql": "-- the value stays in the enum\n"})
    assert found[0].down is not None


def test_dbmate_options(tmp_path: Path) -> None:
    text = "-- migrate:up transaction:false\nVACUUM;\n-- migrate:down\nSELECT 1;"
    assert not read(tmp_path, **{"1_a.sql": text})[0].transaction


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"init.sql": ""}, "init.sql: a migration is called NNN_name.sql"),
        ({"1_a.down.sql": "x"}, "1_a.down.sql: there is a way down, and no way up"),
        ({"1_a.sql": "", "1_a.up.sql": ""}, "the same migration"),
        ({"1_a.sql": "", "1_b.sql": ""}, "1_a.sql has the same number"),
        ({"1_a.sql": "-- migrate:down\nSELECT 1"}, "none migrate:up"),
        ({"1_a.sql": "-- migrate:up\n-- migrate:up\n"}, "there twice"),
    ],
)
def test_what_is_wrong_names_the_file(tmp_path: Path, files: dict[str, str], says: str) -> None:
    with pytest.raises(MigrationError, match="sql") as failed:
        read(tmp_path, **files)
    assert says in str(failed.value)


def test_no_directory_and_no_utf8(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="no such directory"):
        read_directory(tmp_path / "none", PlainTable().identify)
    (tmp_path / "1_a.sql").write_bytes(b"SELECT '\xff'")
    with pytest.raises(MigrationError, match=r"1_a\.sql: it is not UTF-8.* byte 8"):
        read(tmp_path)


def test_wrangler_would_apply_a_way_down_beside_its_migrations(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_text("SELECT 1")
    (tmp_path / "0001_a.down.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError, match=r"move it to down/0001_a\.sql"):
        read_directory(tmp_path, D1Table().identify, down_beside=False)


def test_begin_and_commit_around_a_script_are_taken_off() -> None:
    assert prepare("BEGIN;\nDROP TABLE a;\nCOMMIT;", "postgres", "f").text == "DROP TABLE a"
    assert prepare("BEGIN TRANSACTION; DROP TABLE a; COMMIT", "sqlite", "f").text == "DROP TABLE a"
    for dialect in ("postgres", "sqlite"):
        with pytest.raises(MigrationError, match="f:1: the script begins or ends transactions inside"):
            prepare("DROP TABLE a; COMMIT; DROP TABLE b", dialect, "f")  # type: ignore[arg-type]


def test_what_cannot_be_in_a_transaction_must_be_repeatable() -> None:
    script = prepare("DROP INDEX CONCURRENTLY IF EXISTS i; VACUUM t;", "postgres", "f")
    assert script.pieces == ("DROP INDEX CONCURRENTLY IF EXISTS i", "VACUUM t")
    with pytest.raises(MigrationError, match=r"f:2: .* cannot be in a transaction.* IF EXISTS"):
        prepare("\nDROP INDEX CONCURRENTLY i", "postgres", "f")
    with pytest.raises(MigrationError, match=r"f:1: .* asks for no transaction"):
        prepare("CREATE TABLE a (id int)", "postgres", "f", transaction=False)


def test_a_way_down_that_does_not_parse_is_never_run() -> None:
    with pytest.raises(MigrationError, match="f:2: PostgreSQL does not understand it: syntax error"):
        prepare("DROP TABLE a;\nDROP TABL b;", "postgres", "f")
