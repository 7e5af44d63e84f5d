"""What is stored is what was written, or the ledger says where it is not."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.ledger.chain import Piece, entries, heads, whole
from plugins.module_utils.ledger.entry import parse, unparse
from plugins.module_utils.ledger.errors import Damaged

BEGIN = datetime(2026, 11, 24, tzinfo=UTC)


def line(name: str, parents: Sequence[str] = (), *, minute: int = 0, more: int = 0) -> tuple[bytes, str]:
    """A line with its newline, and its hash."""
    raw = unparse("goal", BEGIN + timedelta(minutes=minute), "ann", {"run": name}, parents, more)
    return raw + b"\n", parse(raw, "").hash


def chain(count: int, *, together: int = 1) -> list[bytes]:
    """Lines of appends of ``together`` entries each."""
    lines: list[bytes] = []
    parents: tuple[str, ...] = ()
    for number in range(count):
        raw, hash_ = line(f"r{number}", parents, minute=number, more=together - 1 - number % together)
        lines.append(raw)
        parents = (hash_,)
    return lines


def read(lines: Sequence[bytes]) -> list[str]:
    return [entry.body["run"] for entry in entries([Piece("ledger.jsonl", b"".join(lines))])]


def test_entries_come_in_their_order_with_their_places() -> None:
    found = entries([Piece("ledger.jsonl", b"".join(chain(6, together=3)))])
    assert [entry.body["run"] for entry in found] == [f"r{number}" for number in range(6)]
    assert [entry.seq for entry in found] == [1, 2, 3, 4, 5, 6]
    assert heads(found) == (found[-1].hash,)
    assert entries([]) == []


def test_a_name_that_is_no_text_can_be_written_and_read() -> None:
    raw = unparse("goal", BEGIN, "ann", {"run": "caf\udce9 ✓"}, (), 0)
    assert parse(raw, "").body == {"run": "caf\udce9 ✓"}


@given(st.data())
def test_any_changed_byte_is_found(data: st.DataObject) -> None:
    """Of every line but the last, and of the last one where it is no entry any more."""
    lines = chain(6, together=data.draw(st.sampled_from([1, 2, 3])))
    number = data.draw(st.integers(0, 4))
    at = data.draw(st.integers(0, len(lines[number]) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != lines[number][at]))
    changed = lines[number][:at] + bytes([byte]) + lines[number][at + 1 :]
    with pytest.raises(Damaged, match=rf"ledger\.jsonl, line {number + 1}\b") as told:
        read([*lines[:number], changed, *lines[number + 1 :]])
    assert "Traceback" not in str(told.value)


@pytest.mark.parametrize("gone", range(5))
def test_a_line_that_was_taken_out_is_found(gone: int) -> None:
    lines = chain(6)
    with pytest.raises(Damaged):
        read([*lines[:gone], *lines[gone + 1 :]])


@pytest.mark.parametrize("at", range(6))
def test_a_line_that_was_put_in_or_moved_is_found(at: int) -> None:
    lines = chain(6)
    with pytest.raises(Damaged):
        read([*lines[:at], line("stranger")[0], *lines[at:]] if at else [lines[0], *lines])
    with pytest.raises(Damaged):
        read([*lines[:at], *reversed(lines[at:])] if at < 5 else [*lines, lines[0]])


@pytest.mark.parametrize(
    "text", ["[]", "null", "{}", '{"kind": 1}', "nonsense", '"text"', "[" * 100_000, "\x00"]
)
def test_what_is_no_entry_is_named(text: str) -> None:
    with pytest.raises(Damaged, match=r"ledger\.jsonl, line 3: it is not"):
        read([*chain(2), text.encode() + b"\n"])


def test_entries_that_were_written_together_stay_together() -> None:
    lines = chain(4, together=2)
    with pytest.raises(Damaged, match="written together"):
        read(lines[:3])


@pytest.mark.parametrize("together", [1, 2, 3, 6])
def test_of_a_file_that_was_cut_anywhere_only_whole_appends_count(together: int) -> None:
    lines = chain(6, together=together)
    data = b"".join(lines)
    ends = [len(b"".join(lines[:count])) for count in range(0, 7, together)]
    for cut in range(len(data) + 1):
        assert whole(data[:cut]) == max(end for end in ends if end <= cut)


def test_writers_that_did_not_see_each_other_make_a_fork_that_the_next_entry_joins() -> None:
    first, root = line("root")
    late, late_hash = line("late", [root], minute=2)
    early, early_hash = line("early", [root], minute=1)
    join, join_hash = line("join", [late_hash, early_hash], minute=0)
    pieces = [Piece(f"key {number}", raw) for number, raw in enumerate((first, late, early, join))]
    orders = set()
    for shuffled in itertools.permutations(pieces):
        found = entries(shuffled)
        orders.add(tuple(entry.body["run"] for entry in found))
        assert heads(found) == (join_hash,)
    assert orders == {("root", "early", "late", "join")}
    assert set(heads(entries(pieces[:3]))) == {early_hash, late_hash}
    with pytest.raises(
        Damaged, match=rf"key 3, line 1: the entry before it \({early_hash[:12]}\) is not there"
    ):
        entries([pieces[0], pieces[1], pieces[3]])


def test_a_fork_inside_of_a_file_is_damage() -> None:
    first, root = line("root")
    with pytest.raises(Damaged):
        read([first, line("one", [root])[0], line("two", [root])[0]])
