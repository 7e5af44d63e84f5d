"""Simulated services: how often the verdict is wrong, and how many requests it takes.

`pytest -m soak -s tests/unit/verdict/test_simulated.py` prints the table of docs/validation.md.
"""

from collections import Counter
from dataclasses import dataclass
from random import Random
from statistics import mean

import pytest

from plugins.module_utils.verdict.bounds import lower
from plugins.module_utils.verdict.sequential import Hypotheses, Sequential

ERRORS = Hypotheses(limit=0.01, p0=0.005, p1=0.02)
LATE = Hypotheses(limit=0.05, p0=0.025, p1=0.1)
# What 60 s at 100 requests/s give.
MOST = 6000
RATES = (0, 0.005, 0.01, 0.02, 0.05, 0.2, 1)
LATE_RATES = (0, 0.025, 0.05, 0.1, 0.2, 1)


@dataclass
class Simulated:
    verdicts: Counter[str]
    requests: list[int]

    @property
    def p95(self) -> int:
        return sorted(self.requests)[int(len(self.requests) * 0.95)]


def simulate(hypotheses: Hypotheses, rate: float, runs: int) -> Simulated:
    chance = Random(f"{hypotheses} {rate}")
    verdicts: Counter[str] = Counter()
    requests = []
    for _ in range(runs):
        test = Sequential(hypotheses)
        while test.n < MOST and test.observe(chance.random() < rate) is None:
            pass
        verdicts[test.finding().verdict] += 1
        requests.append(test.n)
    return Simulated(verdicts, requests)


def keeps_its_word(hypotheses: Hypotheses, rate: float, found: Simulated) -> bool:
    """Whether wrong verdicts are no more than stated; more than chance makes of it would be."""
    runs = len(found.requests)
    if rate <= hypotheses.p0:
        return lower(found.verdicts["fail"], runs, 0.999) <= hypotheses.alpha
    if rate >= hypotheses.p1:
        return lower(found.verdicts["pass"], runs, 0.999) <= hypotheses.beta
    return True


CASES = [(ERRORS, rate) for rate in RATES] + [(LATE, rate) for rate in LATE_RATES]


@pytest.mark.parametrize(
    ("hypotheses", "rate"), [case for case in CASES if case not in [(ERRORS, 0.01), (LATE, 0.05)]]
)
def test_verdicts_are_wrong_no_more_often_than_stated(hypotheses: Hypotheses, rate: float) -> None:
    found = simulate(hypotheses, rate, 300)
    assert keeps_its_word(hypotheses, rate, found), found.verdicts
    if rate == 0:
        assert found.verdicts == {"pass": 300}
    if rate == 1:
        assert found.verdicts == {"fail": 300}
        assert max(found.requests) == 5


@pytest.mark.soak
@pytest.mark.parametrize(("hypotheses", "rate"), CASES)
def test_verdicts_of_10000_runs(hypotheses: Hypotheses, rate: float) -> None:
    found = simulate(hypotheses, rate, 10_000)
    counts = " | ".join(str(found.verdicts[verdict]) for verdict in ("pass", "fail", "inconclusive"))
    check = "error rate" if hypotheses is ERRORS else "late"
    print(f"\n| {check} | {100 * rate:g} % | {counts} | {mean(found.requests):.0f} | {found.p95} |")
    assert keeps_its_word(hypotheses, rate, found), found.verdicts
    assert rate not in (0, 1) or len(found.verdicts) == 1
