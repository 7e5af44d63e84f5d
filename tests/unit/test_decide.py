"""What happens to a database when the code goes back (D13, D14, S31, S127-S129)."""

import pytest

from plugins.module_utils.database.decide import DOWN, NOTHING, REFUSE, REWIND, Decision, decide
from plugins.module_utils.migrate.model import Finding, Kind, Migration


def migration(down: str | None = "DROP ...") -> Migration:
    return Migration("0003", "change", "...", down, "0003_change.sql", "0003_change.down.sql")


def finding(kind: Kind, loses: str = "") -> Finding:
    return Finding("0003", "ALTER ...", 1, kind, "a reason", loses)


def decided(
    kind: Kind | None, *, loses: str = "", down: str | None = "DROP ...", **facts: object
) -> Decision:
    since = [] if kind is None else [migration(down)]
    findings = [] if kind is None else [finding(kind, loses)]
    given: dict[str, object] = {"works_with_now": None, "rewind": "Time Travel", "wanted": None, **facts}
    return decide("r2", since, findings, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("decision", "method"),
    [
        (decided(None), NOTHING),
        (decided(Kind.ADDITIVE), NOTHING),
        (decided(Kind.ADDITIVE, down=None), NOTHING),
        (decided(Kind.IRREVERSIBLE, works_with_now=True), NOTHING),
        (decided(Kind.REVERSIBLE), DOWN),
        (decided(Kind.ADDITIVE, works_with_now=False), DOWN),
        (decided(Kind.LOSSY, loses="down"), DOWN),
        (decided(Kind.REVERSIBLE, down=None), REFUSE),
        (decided(Kind.LOSSY, loses="up"), REFUSE),
        (decided(Kind.IRREVERSIBLE), REFUSE),
        (decided(Kind.IRREVERSIBLE, wanted=REWIND), REWIND),
        (decided(Kind.IRREVERSIBLE, wanted=REWIND, rewind=None), REFUSE),
        (decided(Kind.LOSSY, loses="up", wanted=DOWN), DOWN),
        (decided(Kind.LOSSY, wanted=DOWN, down=None), REFUSE),
        (decided(Kind.IRREVERSIBLE, wanted=NOTHING), NOTHING),
    ],
)
def test_the_least_destructive_way_that_is_no_guess(decision: Decision, method: str) -> None:
    assert decision.method == method, decision


def test_a_way_down_that_loses_data_says_which_statement() -> None:
    assert [loss.migration for loss in decided(Kind.LOSSY, loses="down").losses] == ["0003"]
    assert decided(Kind.REVERSIBLE).losses == ()


def test_a_refusal_names_the_choices_and_the_missing_file() -> None:
    refused = decided(Kind.REVERSIBLE, down=None)
    assert "no way down for 0003" in refused.why
    assert [method for method, _ in refused.choices] == [NOTHING, DOWN, REWIND]
    assert "0003_change.down.sql" in dict(refused.choices)[DOWN]
    lost = decided(Kind.LOSSY, loses="up")
    assert [method for method, _ in lost.choices] == [NOTHING, DOWN, REWIND]
    assert "stays lost" in dict(lost.choices)[DOWN]
