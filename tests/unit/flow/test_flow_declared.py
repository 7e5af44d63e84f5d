"""What is wrong in a declared flow is named with its place; what is accepted can be tried."""

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.filter.flows import declared_flows
from plugins.filter.flows_before import flows_before
from plugins.module_utils.flow.declared import Flow
from plugins.module_utils.probe.contract import Answer
from plugins.module_utils.probe.posture import Posture
from tests.support.environment import ROOT
from tests.support.shop import FLOWS

INVENTORY = {
    "components": [{"name": name} for name in ("auth-worker", "content-worker", "api-gateway")],
    "left_out": ["websocket-worker"],
}
ADDRESS = "https://example.com"
VALUES = dict.fromkeys(("auth", "content", "api", "rooms"), ADDRESS) | {"ws": "wss://example.com"}
DATABASES = ["content-db"]
NO_PAYMENT = {"payment": {"component": "api-gateway", "not_applicable": "nothing is sold"}}


def checked(flows: Any, values: Any = VALUES, secrets: Any = None) -> dict[str, Any]:
    return declared_flows(flows, values, secrets or {}, INVENTORY, DATABASES, "production")


def test_the_samples_flows_are_accepted_and_belong_to_their_components() -> None:
    found = checked(FLOWS)
    assert found["problems"] == []
    # The component of `room` is not in this run.
    assert set(found["flows"]) == set(FLOWS) - {"room"}
    alone = {
        "components": [{"name": "auth-worker"}],
        "left_out": ["content-worker", "api-gateway", "websocket-worker"],
    }
    found = declared_flows(FLOWS, VALUES, {}, alone, DATABASES, "production")
    assert (found["problems"], set(found["flows"])) == ([], {"login"})


def test_a_flow_that_does_not_apply_says_why() -> None:
    payment = {"component": "api-gateway", "not_applicable": "nothing is sold"}
    assert checked({"payment": payment})["problems"] == []
    assert Flow.of("payment", payment).not_applicable == "nothing is sold"
    (told,) = checked({"payment": {**payment, "not_applicable": ""}})["problems"]
    assert told == "flows.payment: not_applicable needs the reason as its value"
    (told,) = checked({"payment": {**payment, "steps": []}})["problems"]
    assert "stands alone" in told


def test_that_nothing_is_paid_is_declared_and_never_assumed() -> None:
    """S11, S49."""
    (told,) = checked({"login": FLOWS["login"]})["problems"]
    assert told == "flows.payment is not set: a flow, or component and not_applicable with the reason"
    assert checked({})["problems"] == []


def test_the_flow_that_the_page_writes_is_one() -> None:
    text = (ROOT / "docs" / "flows.md").read_text().partition("## Write one")[2]
    written = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])
    assert set(written) == {"waiting-list"}
    assert checked(NO_PAYMENT | written)["problems"] == []


def test_only_what_answers_is_asked_before_a_change() -> None:
    answer = Answer(200, {}, b"{}", 0.1)
    seen = {
        name: Posture.of(answer, own=own, version=None).as_dict()
        for name, own in (("content-worker", True), ("auth-worker", False))
    }
    assert set(flows_before(FLOWS, "production", {"seen": seen})) == {"stored"}
    assert set(flows_before(FLOWS, "production", {"skipped": True})) == {"session", "stored", "room"}
    # A flow of the environment as a whole needs what it says that it depends on.
    whole = {**FLOWS["session"], "component": "production"}
    for needed, chosen in (([], 1), (["content-worker"], 1), (["content-worker", "auth-worker"], 0)):
        flows = {"whole": {**whole, "depends_on": needed}}
        assert len(flows_before(flows, "production", {"seen": seen})) == chosen


STEPS = "flows.login: steps[0] (register)"
WRONG: list[tuple[str, Any, str]] = [
    ("component", "nobody", "flows.login: component names nobody, which is no component"),
    ("component", None, "flows.login: component is not set: which one of"),
    ("depends_on", ["nobody"], "flows.login: depends_on names nobody, which is no component"),
    ("depends_on", "auth-worker", "flows.login: depends_on must be a list of components"),
    ("database", "nothing", "flows.login: database names nothing, which is no database"),
    ("stepz", [], "flows.login: stepz is no setting; there are component, depends_on"),
    ("steps", [], "flows.login: steps must be a list of steps"),
    ("steps", {"a": 1}, "flows.login: steps must be a list of steps"),
    ("steps.0", "go", "flows.login: steps[0] must be a mapping with name"),
    ("steps.0.name", "", "flows.login: steps[0] needs a name of its own"),
    ("steps.0.name", "log in", "flows.login: steps[1] needs a name of its own"),
    ("steps.0.websocket", {"url": "wss://a.b"}, f"{STEPS}: must have one of request and websocket"),
    ("steps.0.request", "GET /", f"{STEPS}: request must be a mapping"),
    ("steps.0.request.url", "/register", f"{STEPS}: request.url must be a whole address"),
    ("steps.0.request.url", "$(ws)/register", f"{STEPS}: request.url must be a whole address"),
    ("steps.0.request.url", "$(token)/register", f"{STEPS}: $(token) is no value that is known here"),
    ("steps.0.request.method", "HEAD", f"{STEPS}: request.method must be one of GET, POST"),
    ("steps.0.request.form", {"a": "b"}, f"{STEPS}: request.json and request.form exclude each other"),
    ("steps.0.request.headers", ["a"], f"{STEPS}: request.headers must be names with values"),
    ("steps.0.request.body", "a", f"{STEPS}: request.body is no setting"),
    ("steps.0.expect.status", "fine", f"{STEPS}: expect.status must be a number"),
    ("steps.0.expect.body", "email ==", f"{STEPS}: expect.body is no JMESPath expression"),
    ("steps.0.expect.body", "email == '$(email)'", f"{STEPS}: expect.body: a value stands without quotes"),
    ("steps.0.expect.text", "(", f"{STEPS}: expect.text is no regular expression"),
    ("steps.0.expect.headers", {"Location": "("}, f"{STEPS}: expect.headers.Location is no regular expression"),
    ("steps.0.capture", {"user": "id"}, f"{STEPS}: capture.user: there is a value of that name already"),
    ("steps.0.capture", {"to ken": "id"}, f"{STEPS}: capture.to ken: a name is made of letters"),
    ("steps.0.capture", {"x": "a =="}, f"{STEPS}: capture.x is no JMESPath expression"),
    ("steps.0.capture", {"x": {"text": "none"}}, f"{STEPS}: capture.x.text needs a group in parentheses"),
    ("steps.0.capture", {"x": {"jwt": "a"}}, f"{STEPS}: capture.x must be a JMESPath expression, or one of"),
    ("before", [], "flows.login: before must be a mapping with steps and lasts"),
    ("before", {"steps": []}, "flows.login: before.lasts must be seconds"),
    ("cleanup", None, "flows.login: cleanup must be a list of steps"),
    ("cleanup.0.request.json", {"a": "$(b)"}, "cleanup[0] (delete the account): $(b) is no value"),
]  # fmt: skip


def changed(path: str, value: Any) -> dict[str, Any]:
    """The flow `login` with another value in one place."""
    flow: dict[str, Any] = copy.deepcopy(FLOWS["login"])
    *parents, last = path.split(".")
    place: Any = flow
    for parent in parents:
        place = place[int(parent)] if parent.isdecimal() else place.setdefault(parent, {})
    place[int(last) if last.isdecimal() else last] = value
    return flow


@pytest.mark.parametrize(("path", "value", "says"), WRONG, ids=lambda item: str(item)[:40])
def test_what_is_wrong_is_named_with_its_place(path: str, value: Any, says: str) -> None:
    found = checked({"login": changed(path, value)})["problems"]
    assert any(says in text for text in found), found


def test_what_changes_something_says_how_it_is_cleaned_up() -> None:
    flow = {name: value for name, value in FLOWS["login"].items() if name != "cleanup"}
    (told,) = checked(NO_PAYMENT | {"login": flow})["problems"]
    assert (
        told
        == "flows.login: cleanup is not set, but register changes something; [] says that nothing is left"
    )
    assert checked(NO_PAYMENT | {"login": {**flow, "cleanup": []}})["problems"] == []


@pytest.mark.parametrize(
    ("flows", "values", "secrets", "says"),
    [
        ([], {}, {}, "flows must be a mapping"),
        ({}, "https://a", {}, "flow_values must be a mapping"),
        ({"Login": {}}, {}, {}, "flows.Login: the name of a flow is made of lower-case letters"),
        ({"login": []}, {}, {}, "flows.login must be a mapping with component and steps"),
        ({}, {"user": "me"}, {}, "flow_values.user: every flow has a value of that name"),
        ({}, {"api": ""}, {}, "flow_values.api is empty"),
        ({}, {"api": "a"}, {"api": "b"}, "flow_secrets.api: flow_values has it too"),
        ({}, {}, {"psp": None}, "flow_secrets.psp is empty"),
    ],
)
def test_values_are_checked_too(flows: Any, values: Any, secrets: Any, says: str) -> None:
    assert any(says in text for text in checked(flows, values, secrets)["problems"])


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["$(user)", "GET", "a == b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PATHS = sorted({path for path, _, _ in WRONG})


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PATHS), ANYTHING)
def test_nothing_crashes_and_what_is_accepted_can_be_read(path: str, value: Any) -> None:
    flow = changed(path, value)
    if not checked(NO_PAYMENT | {"login": flow})["problems"]:
        read = Flow.of("login", flow)
        assert read.steps or read.not_applicable
