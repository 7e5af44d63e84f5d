"""What the inventory says of notifications and contacts, right and wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from plugins.module_utils.notify.declared import declared_notifications

SLACK = {"token": "xoxb-1", "channel": "#production-incidents"}
EMAIL = {
    "host": "smtp.mustbeviral.com",
    "from": "alerts@mustbeviral.com",
    "to": {"responders": "production-alerts@mustbeviral.com", "stakeholders": ["ceo@mustbeviral.com"]},
}
HOOK = {"url": "https://status.mustbeviral.com/hook", "secret": "s3cret-s3cret"}
ANN = {"name": "Ann Lee", "role": "primary on-call", "how": "email", "to": "ann@mustbeviral.com", "after": 0}
BO = {"name": "Bo Roe", "role": "secondary on-call", "how": "slack", "to": "U012AB3CD", "after": 15}
ALL: dict[str, Any] = {
    "slack": SLACK,
    "email": EMAIL,
    "webhook": HOOK,
    "pagerduty": {"routing_key": "k" * 32},
    "drill_channel": "#drills",
    "approver": "primary on-call",
}


def found(notifications: Any = None, contacts: Any = None) -> dict[str, Any]:
    return declared_notifications({"notifications": notifications, "contacts": contacts})


def problems(notifications: Any = None, contacts: Any = None) -> list[str]:
    given = [ANN, BO] if contacts is None else contacts
    told: list[str] = found({**ALL, **(notifications or {})}, given)["problems"]
    return told


def test_what_is_right_is_taken() -> None:
    told = found(ALL, [ANN, BO])
    assert told["problems"] == []
    assert told["channels"]["email"]["port"] == 587
    assert told["channels"]["email"]["to"]["responders"] == ["production-alerts@mustbeviral.com"]
    assert told["channels"]["slack"]["drill_channel"] == "#drills"
    assert [(contact["level"], contact["after"]) for contact in told["contacts"]] == [(1, 0), (2, 15)]
    assert found({"email": {**EMAIL, "tls": "tls"}}, [ANN, BO])["channels"]["email"]["port"] == 465


def test_nothing_declared_is_nothing_wrong() -> None:
    assert found()["channels"] == {} and found()["problems"] == []


@pytest.mark.parametrize(
    "value",
    [
        "[Name]",
        "[Name] ",
        "<name>",
        "{{ name }}",
        "TBD",
        "tba",
        "Todo: somebody",
        "FIXME",
        "XXXX",
        "changeme",
        "your-name",
    ],
)
def test_a_placeholder_is_no_name(value: str) -> None:
    (problem,) = problems(contacts=[ANN, {**BO, "name": value}])
    assert problem == f"contacts, number 2: name is a placeholder: {value}"
    # Who can be called still is.
    assert [c["name"] for c in found(ALL, [ANN, {**BO, "name": value}])["contacts"]] == ["Ann Lee"]


@pytest.mark.parametrize("name", ["Tod Obrien", "Xaver Xu", "Ann-Example Smith"])
def test_a_name_that_looks_a_bit_like_one_is_a_name(name: str) -> None:
    assert problems(contacts=[ANN, {**BO, "name": name}]) == []


@pytest.mark.parametrize("to", ["oncall@example.com", "a@sub.example.org", "a@mail.example", "on-call"])
def test_an_address_that_reaches_nobody_is_found(to: str) -> None:
    assert len(problems({"approver": ""}, [{**ANN, "to": to}, BO])) == 1
    assert (
        len(problems({"email": {**EMAIL, "to": {"responders": [to]}}}, [{**BO, "role": ANN["role"]}, BO]))
        == 1
    )


@pytest.mark.parametrize(
    ("contacts", "said"),
    [
        ([], "at least two levels"),
        ([ANN], "at least two levels"),
        ([ANN, {**BO, "how": "pigeon"}], "how must be email or slack"),
        ([ANN, {**BO, "how": ""}], "how is not set"),
        ([ANN, {**BO, "role": ""}], "role is not set"),
        ([ANN, {**BO, "to": "@bo"}], "the id of a member of Slack"),
        ([ANN, {**BO, "after": "soon"}], "after must be minutes"),
        ([{**ANN, "after": 20}, BO], "before the one above"),
        ([ANN, "Bo"], "must have name"),
        ("Ann", "contacts must be a list"),
    ],
)
def test_what_is_wrong_with_contacts_is_said(contacts: Any, said: str) -> None:
    assert any(said in problem for problem in problems({"approver": ""}, contacts))


@pytest.mark.parametrize(
    ("notifications", "said"),
    [
        ({"teams": {}}, "notifications.teams is no channel"),
        ({"slack": {}, "email": EMAIL}, "notifications.slack cannot be used"),
        ({"slack": {"webhook": ""}}, "either webhook or token"),
        ({"slack": {**SLACK, "webhook": "https://hooks.slack.com/x"}}, "either webhook or token"),
        ({"slack": {"token": "xoxb-1"}}, "channel is not set"),
        ({"slack": {**SLACK, "chanel": "#x"}}, "chanel is nothing that it has"),
        ({"slack": {"webhook": "http://hooks.slack.com/x"}}, "must begin with https://"),
        ({"webhook": {**HOOK, "url": "http://10.0.0.1/x"}}, "must begin with https://"),
        ({"webhook": {**HOOK, "secret": ""}}, "secret is not set"),
        ({"webhook": {**HOOK, "audiences": ["everybody"]}}, "audiences must be a list"),
        ({"pagerduty": {"routing_key": ""}}, "routing_key is not set"),
        ({"pagerduty": {"routing_key": "<key>"}}, "routing_key is a placeholder"),
        ({"email": {**EMAIL, "host": ""}}, "host is not set"),
        ({"email": {**EMAIL, "tls": "ssl3"}}, "tls must be one of"),
        ({"email": {**EMAIL, "tls": "none", "user": "u", "password": "p"}}, "through the network as it is"),
        ({"email": {**EMAIL, "user": "u"}}, "password is not set"),
        ({"email": {**EMAIL, "port": 99999}}, "port must be a number"),
        ({"email": {**EMAIL, "to": {}}}, "to is not set"),
        ({"email": {**EMAIL, "to": {"everybody": ["a@mustbeviral.com"]}}}, "to.everybody is nobody"),
        ({"email": "smtp.mustbeviral.com"}, "must be a mapping"),
        ({"approver": "king"}, "the role of no contact"),
    ],
)
def test_what_is_wrong_with_a_channel_is_said(notifications: dict[str, Any], said: str) -> None:
    assert any(said in problem for problem in problems(notifications)), problems(notifications)


def test_a_wrong_channel_costs_only_itself_and_no_secret_is_told() -> None:
    told = found({**ALL, "webhook": {**HOOK, "url": "ftp://x"}}, [ANN, BO])
    assert set(told["channels"]) == {"slack", "email", "pagerduty"}
    assert "s3cret" not in str(told["problems"])


class Unresolvable(Mapping[str, Any]):
    """As Ansible gives variables: what is undefined shows when it is looked at."""

    def __getitem__(self, name: str) -> Any:
        if name == "slack":
            raise RuntimeError("'the_token' is undefined")
        return ALL[name]

    def __iter__(self) -> Iterator[str]:
        return iter(ALL)

    def __len__(self) -> int:
        return len(ALL)


def test_what_cannot_be_resolved_costs_only_its_channel() -> None:
    told = found(Unresolvable(), [ANN, BO])
    assert "notifications.slack cannot be resolved: 'the_token' is undefined" in told["problems"]
    assert set(told["channels"]) == {"email", "pagerduty", "webhook"}
