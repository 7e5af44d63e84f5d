"""With which migrations a release was deployed, and what a statement would lose (S127-S129)."""

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from plugins.module_utils.database.level import UnknownLevel, applied_after
from plugins.module_utils.database.loss import measure
from plugins.module_utils.migrate.classify import classify

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TIMES = {"0001": NOON, "0002": NOON + timedelta(hours=1), "0003": NOON + timedelta(hours=2)}
APPLIED = list(TIMES)


def after(released: datetime | None, declared: dict[str, str] | None = None, **more: object) -> list[str]:
    facts: dict[str, object] = {"applied_at": TIMES, **more}
    return applied_after("r2", APPLIED, declared=declared or {}, released=released, **facts)  # type: ignore[arg-type]


def test_what_was_applied_after_the_release_belongs_to_a_later_one() -> None:
    assert after(NOON + timedelta(minutes=90)) == ["0003"]
    assert after(NOON + timedelta(minutes=5)) == ["0003", "0002"]
    assert after(NOON + timedelta(days=1)) == []


def test_a_declared_level_wins() -> None:
    assert after(NOON + timedelta(days=1), {"r2": "0001"}) == ["0003", "0002"]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"released": None}, "schema_levels"),
        ({"released": NOON, "applied_at": {}}, "schema_levels"),
        ({"released": NOON, "declared": {"r2": "0009"}}, "0009, which is not applied"),
        (
            {
                "released": NOON + timedelta(minutes=90),
                "applied_at": {**TIMES, "0001": NOON + timedelta(hours=3)},
            },
            "order",
        ),
    ],
)
def test_what_nothing_tells_is_asked_for(facts: dict[str, object], said: str) -> None:
    with pytest.raises(UnknownLevel, match=said):
        after(**facts)  # type: ignore[arg-type]


def test_losses_are_counted_before_they_happen() -> None:
    database = sqlite3.connect(":memory:")
    before = """
        CREATE TABLE items (id INTEGER PRIMARY KEY, title TEXT, "sub title" TEXT);
        CREATE TABLE empty (id INTEGER PRIMARY KEY);
    """
    database.executescript(before)
    database.execute("""INSERT INTO items (title, "sub title") VALUES ('a', 'x'), ('b', NULL), (NULL, 'y')""")
    down = """
        DELETE FROM items WHERE id > 1;
        ALTER TABLE items DROP COLUMN title;
        DROP TABLE empty;
        DROP TABLE items;
        FROBNICATE items;
    """

    def rows(sql: str) -> list[Any]:
        return database.execute(sql).fetchall()

    losses = measure(classify(down, "sqlite", before=before), rows)
    counted = {(loss.what.partition(":")[0], loss.rows, loss.exact) for loss in losses}
    assert ("all rows of items", 3, True) in counted or ('all rows of "items"', 3, True) in counted, counted
    assert any(rows_ == 2 and "title" in what for what, rows_, _ in counted), counted
    assert any(rows_ == 2 and "deleted" in what for what, rows_, _ in counted), counted
    assert not any("empty" in what for what, _, _ in counted)
    assert any(rows_ is None for _, rows_, _ in counted)
