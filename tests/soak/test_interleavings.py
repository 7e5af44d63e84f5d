"""The model test of races at its full size: 5,000 interleavings, with the figures for ``docs/soak.md``."""

from collections import Counter
from pathlib import Path

import pytest

from plugins.module_utils.journal import Journal
from plugins.module_utils.redact import Redactor
from tests.unit.test_races_model import play

pytestmark = pytest.mark.soak


def test_no_deploy_disappears_unseen_in_5_000_interleavings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(tmp_path, "run", Redactor())
    found: Counter[str] = Counter()
    for seed in range(5_000):
        found += play(seed, journal, monkeypatch)
    with capsys.disabled():
        print("\n")
        for what, count in sorted(found.items()):
            print(f"{what}: {count}")
