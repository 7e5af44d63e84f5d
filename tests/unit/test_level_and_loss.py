"""With which migrations a release was deployed, and what a statement would lose (S127-S129)."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from plugins.module_utils.database.level import UnknownLevel, applied_after
from plugins.module_utils.database.loss import measure

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


def test_losses_are_counted_exactly() -> None:
    database = sqlite3.connect(":memory:")
    database.executescript(
        """
        CREATE TABLE items (id INTEGER PRIMARY KEY, title TEXT, "sub title" TEXT);
        INSERT INTO items (title, "sub title") VALUES ('a', 'x'), ('b', NULL), (NULL, 'y');
        """
    )
    losses = measure(
        [
            "DROP TABLE IF EXISTS items;",
            "ALTER TABLE items DROP COLUMN title",
            'alter table items drop "sub title";',
            "DELETE FROM items WHERE id > 1;",
            "UPDATE items SET title = lower(title)",
        ],
        lambda sql: database.execute(sql).fetchall(),
    )
    assert [(loss.rows, loss.exact) for loss in losses] == [
        (3, True),
        (2, True),
        (2, True),
        (2, True),
        (None, False),
    ]
