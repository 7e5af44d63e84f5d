"""A journal cannot be edited unseen: chain, signed close, and the first bad record by its number (S122)."""

import random
from collections import Counter
from pathlib import Path

import pytest

from plugins.module_utils.journal import Journal, read
from plugins.module_utils.redact import Redactor
from plugins.module_utils.report.seal import (
    NotUsable,
    close,
    load_or_make_key,
    public_key,
    verify,
    verify_bytes,
)

LINES = 24


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A journal as a run leaves it: written by two processes' journals, closed at the end."""
    for part in range(2):
        journal = Journal(tmp_path / "runs", "run", Redactor())
        for number in range(LINES // 2):
            journal.write("api", method="GET", path=f"workers/{part}/{number}", status=200, said='größe "x"')
    close(journal, load_or_make_key(tmp_path / "key.pem"))
    return journal.path


def test_a_closed_journal_is_whole_and_names_its_key(closed: Path, tmp_path: Path) -> None:
    key = public_key(load_or_make_key(tmp_path / "key.pem"))
    found = verify(closed, public_key=key)
    assert (found.ok, found.closed, found.complete, found.records) == (True, True, True, LINES + 1)
    assert found.key == key
    assert list(read(closed))[-1]["public_key"] == key


def test_another_key_than_the_one_asked_for_is_found(closed: Path, tmp_path: Path) -> None:
    other = public_key(load_or_make_key(tmp_path / "other.pem"))
    found = verify(closed, public_key=other)
    assert found.bad == LINES + 1
    assert "not with the one that is asked for" in (found.problem or "")


def _flip(lines: list[bytes], random_: random.Random) -> list[bytes]:
    data = bytearray(b"".join(lines))
    data[random_.randrange(len(data))] ^= 1 << random_.randrange(8)
    return [bytes(data)]


def _replace(lines: list[bytes], random_: random.Random) -> list[bytes]:
    data = bytearray(b"".join(lines))
    at = random_.randrange(len(data))
    data[at] = random_.choice([byte for byte in range(256) if byte != data[at]])
    return [bytes(data)]


def _insert(lines: list[bytes], random_: random.Random) -> list[bytes]:
    data = b"".join(lines)
    at = random_.randrange(len(data) + 1)
    return [data[:at] + bytes([random_.randrange(256)]) + data[at:]]


def _remove_bytes(lines: list[bytes], random_: random.Random) -> list[bytes]:
    data = b"".join(lines)
    at = random_.randrange(len(data))
    return [data[:at] + data[at + random_.randint(1, 50) :]]


def _delete(lines: list[bytes], random_: random.Random) -> list[bytes]:
    at = random_.randrange(len(lines))
    return lines[:at] + lines[at + 1 :]


def _swap(lines: list[bytes], random_: random.Random) -> list[bytes]:
    one, other = random_.sample(range(len(lines)), 2)
    lines = list(lines)
    lines[one], lines[other] = lines[other], lines[one]
    return lines


def _duplicate(lines: list[bytes], random_: random.Random) -> list[bytes]:
    at, to = random_.randrange(len(lines)), random_.randrange(len(lines) + 1)
    return [*lines[:to], lines[at], *lines[to:]]


def _cut(lines: list[bytes], random_: random.Random) -> list[bytes]:
    data = b"".join(lines)
    return [data[: random_.randrange(len(data))]]


EDITS = (_flip, _replace, _insert, _remove_bytes, _delete, _swap, _duplicate, _cut)


def misjudged(path: Path, edits: int, seed: int) -> tuple[list[str], Counter[str]]:
    """The random single edits that ``verify`` did not find, or laid on another record; and how the others showed.

    The first line that is not as it was written is the record to be named. Where nothing but the end is gone, or the
    name of the close, what is left is intact: then the missing close is what shows.
    """
    random_ = random.Random(seed)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    wrong, shown = [], Counter[str]()
    for number in range(edits):
        edit = random_.choice(EDITS)
        edited = b"".join(edit(lines, random_))
        if edited == whole:
            continue
        found = verify_bytes(edited)
        first = _first_difference(edited.splitlines(keepends=True), lines)
        if found.complete or found.bad not in (None, first):
            wrong.append(f"{number}: {edit.__name__}, record {first}: {found}")
        shown["by its record" if found.bad else "by the missing close"] += 1
    return wrong, shown


def _first_difference(edited: list[bytes], lines: list[bytes]) -> int:
    same = (one == other for one, other in zip(edited, lines, strict=False))
    return next(
        (number for number, equal in enumerate(same, 1) if not equal), min(len(edited), len(lines)) + 1
    )


def test_a_thousand_single_edits_are_all_found_and_laid_on_the_right_record(closed: Path) -> None:
    wrong, shown = misjudged(closed, 1_000, seed=6)
    assert wrong == []
    assert shown["by its record"] > 900


@pytest.mark.soak
def test_a_hundred_thousand_single_edits_are_all_found_and_laid_on_the_right_record(closed: Path) -> None:
    wrong, shown = misjudged(closed, 100_000, seed=60)
    print(shown)
    assert wrong == []


@pytest.mark.parametrize("number", [1, 2, LINES // 2, LINES, LINES + 1])
def test_the_changed_record_is_named(closed: Path, number: int) -> None:
    lines = closed.read_bytes().splitlines(keepends=True)
    lines[number - 1] = lines[number - 1].replace(b'"elapsed": 0', b'"elapsed": 1')
    found = verify_bytes(b"".join(lines))
    assert found.bad == number
    assert "changed" in (found.problem or "")


@pytest.mark.parametrize("number", [2, LINES, LINES + 1])
def test_a_changed_hash_is_laid_on_the_record_that_carries_it(closed: Path, number: int) -> None:
    lines = closed.read_bytes().splitlines(keepends=True)
    at = lines[number - 1].index(b'"prev": "') + 9
    line = bytearray(lines[number - 1])
    line[at : at + 1] = b"e" if line[at : at + 1] != b"e" else b"d"
    lines[number - 1] = bytes(line)
    assert verify_bytes(b"".join(lines)).bad == number


def test_a_missing_record_is_named(closed: Path) -> None:
    lines = closed.read_bytes().splitlines(keepends=True)
    found = verify_bytes(b"".join(lines[:6] + lines[7:]))
    assert found.bad == 7
    assert "missing" in (found.problem or "")


def test_what_was_cut_off_the_end_shows_with_the_close_or_with_a_head_that_was_kept(closed: Path) -> None:
    lines = closed.read_bytes().splitlines(keepends=True)
    kept = verify(closed).head
    cut = b"".join(lines[:-3])
    assert verify_bytes(cut).ok  # a shorter journal is a journal
    assert not verify_bytes(cut).complete  # but not a closed one
    assert "cut" in (verify_bytes(cut, head=kept).problem or "")
    whole = verify(closed, head=kept)
    assert whole.complete
    assert whole.anchored


def test_an_open_journal_is_complete_only_against_a_head(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "run", Redactor())
    journal.write("run.start")
    open_ = verify(journal.path)
    assert (open_.ok, open_.closed, open_.complete) == (True, False, False)
    assert verify(journal.path, head=open_.head).complete


def test_what_was_written_after_the_close_is_not_covered_by_it(closed: Path, tmp_path: Path) -> None:
    journal = Journal(closed.parents[1], "run", Redactor())
    journal.write("notification", channel="slack")
    found = verify(closed)
    assert (found.ok, found.closed, found.after) == (True, False, 1)
    close(journal, load_or_make_key(tmp_path / "key.pem"))
    assert verify(closed).complete


def test_a_journal_from_before_the_chain_says_so(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"seq": 1, "run": "r", "event": "run.start"}\n')
    found = verify(path)
    assert found.bad == 1
    assert "no hash" in (found.problem or "")


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key.pem"
    first = load_or_make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert public_key(load_or_make_key(path)) == public_key(first)
    assert [each.name for each in path.parent.iterdir()] == ["key.pem"]


def test_a_key_that_is_none_or_that_others_can_read_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text("nothing of the kind")
    path.chmod(0o600)
    with pytest.raises(NotUsable, match="is not a key"):
        load_or_make_key(path)
    path.unlink()
    load_or_make_key(path)
    path.chmod(0o644)
    with pytest.raises(NotUsable, match="chmod 600"):
        load_or_make_key(path)


def test_a_journal_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(NotUsable, match="cannot be read"):
        verify(tmp_path / "nothing")
