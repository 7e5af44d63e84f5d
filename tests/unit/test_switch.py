"""The switch against a platform that loses answers, refuses, and is deployed to by others."""

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.module_utils.cloudflare import switch as module
from plugins.module_utils.cloudflare.errors import Refused, SecretChanged, Unanswered
from plugins.module_utils.cloudflare.platform import Shares
from plugins.module_utils.cloudflare.switch import Moved, switch
from plugins.module_utils.journal import Journal
from plugins.module_utils.redact import Redactor
from plugins.module_utils.release.model import Component, Deployment, State
from plugins.module_utils.release.plan import Move

SEEN = "2026-11-01T00:00:00+00:00"
OLD, NEW = "version-old", "version-new"


class Model:
    """Cloudflare as a table of what serves. ``faults`` are consumed one per write, per component."""

    def __init__(self, **faults: list[str]) -> None:
        self.serving: dict[str, str] = defaultdict(lambda: NEW)
        self.faults = faults
        self.order: list[str] = []

    def state(self, component: Component) -> State:
        raise NotImplementedError

    def history(self, component: Component) -> tuple[Deployment, ...]:
        return (Deployment("d", datetime.now(UTC), ((self.serving[component.name], 100.0),)),)

    def serve(self, component: Component, shares: Shares, message: str, *, force: bool) -> None:
        queue = self.faults.get(component.name, [])
        fault = queue.pop(0) if queue else ""
        if fault == "refused":
            raise Refused("no")
        if fault == "secret" and not force:
            raise SecretChanged("changed", ["KEY"])
        if fault == "lost before":
            raise Unanswered("reset")
        self.serving[component.name] = shares[0][0]
        self.order.append(component.name)
        if fault == "lost after":
            raise Unanswered("reset")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BACKOFF", (0.0,) * 5)


def move(name: str) -> Move:
    return Move(
        component=name, kind="worker", target=name, live=((NEW, 100.0),), seen=SEEN, from_label="r3",
        to_id=OLD, to_label="r2", to_created="", method="deployment at 100 %", why="", identity={},
    )  # fmt: skip


def run(model: Model, names: list[str], journal: Journal, **more: object) -> dict[str, Moved]:
    given: dict[str, object] = {"order": {}, "message": "m", "force": False, "journal": journal, **more}
    done = switch(model, [move(name) for name in names], **given)  # type: ignore[arg-type]
    return {item.component: item for item in done}


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path, "run", Redactor())


@pytest.mark.parametrize("fault", ["lost before", "lost after"])
def test_a_lost_answer_is_read_back(journal: Journal, fault: str) -> None:
    model = Model(a=[fault])
    assert run(model, ["a"], journal)["a"].state == "moved"
    assert model.order.count("a") == 1


def test_a_refusal_is_not_tried_again(journal: Journal) -> None:
    model = Model(a=["refused"])
    done = run(model, ["a", "b"], journal)
    assert (done["a"].state, done["b"].state) == ("stayed", "moved")
    assert done["a"].where == NEW


def test_changed_secrets_need_a_word(journal: Journal) -> None:
    assert run(Model(a=["secret"]), ["a"], journal)["a"].secrets == ("KEY",)
    assert run(Model(a=["secret"]), ["a"], journal, force=True)["a"].state == "moved"


def test_what_is_there_is_left_alone(journal: Journal) -> None:
    model = Model()
    model.serving["a"] = OLD
    assert run(model, ["a"], journal)["a"].state == "already"
    assert model.order == []


def test_what_somebody_else_deployed_is_left_alone(journal: Journal) -> None:
    model = Model()
    model.serving["a"] = "version-of-somebody"
    done = run(model, ["a"], journal)["a"]
    assert (done.state, done.where) == ("stayed", "version-of-somebody")
    assert "somebody deployed" in (done.problem or "")


def test_callees_go_before_callers(journal: Journal) -> None:
    model = Model()
    run(model, ["gateway", "auth", "content"], journal, order={"gateway": ["auth", "content"]})
    assert model.order[-1] == "gateway"


def test_a_caller_stays_when_its_callee_did_not_arrive(journal: Journal) -> None:
    model = Model(auth=["refused"])
    done = run(model, ["gateway", "auth"], journal, order={"gateway": ["auth"]})
    assert done["gateway"].state == "stayed"
    assert model.serving["gateway"] == NEW


faults = st.lists(st.sampled_from(["", "lost before", "lost after", "refused"]), max_size=4)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from("abcde"), faults))
def test_what_it_says_is_what_is(
    tmp_path_factory: pytest.TempPathFactory, given_: dict[str, list[str]]
) -> None:
    """Who is said to have arrived serves the target, whatever was lost or refused; and nobody else does."""
    journal = Journal(tmp_path_factory.mktemp("journal"), "run", Redactor())
    model = Model(**{name: list(queue) for name, queue in given_.items()})
    for name, item in run(model, list("abcde"), journal).items():
        assert item.at_target == (model.serving[name] == OLD)
        assert item.where in (OLD, NEW)


def test_again_it_changes_nothing(journal: Journal) -> None:
    model = Model(a=["lost after"])
    run(model, ["a", "b"], journal)
    before = list(model.order)
    again = {item.state for item in run(model, ["a", "b"], journal).values()}
    assert again == {"already"}
    assert model.order == before
