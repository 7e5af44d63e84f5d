"""Accounts, authentication, budget, zones and DNS records of the local Cloudflare, by plain HTTP."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from local_cloudflare.launch import Instance, start
from tests.support.api import Api


@pytest.fixture
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture
def records(shared: Instance) -> str:
    return f"/zones/{shared.zones['mustbeviral.com']}/dns_records"


def codes(answer: requests.Response) -> list[int]:
    body = answer.json()
    assert body["success"] is False
    return [error["code"] for error in body["errors"]]


def bare(instance: Instance, path: str, **headers: str) -> requests.Response:
    return requests.get(instance.api_url + path, headers=headers, timeout=5)


# --- who


def test_tokens(api: Api, shared: Instance) -> None:
    assert api("GET", "/user/tokens/verify")["status"] == "active"
    assert api("GET", "A/tokens/verify")["status"] == "active"
    assert re.fullmatch("[0-9a-f]{32}", shared.account_id)


def test_user_accounts_memberships(api: Api, shared: Instance) -> None:
    assert "@" in api("GET", "/user")["email"]
    (account,) = api("GET", "/accounts?page=1")
    (membership,) = api("GET", "/memberships?page=1")
    assert account["id"] == membership["account"]["id"] == shared.account_id
    assert api("GET", "/accounts?page=2") == []
    assert api.raw("GET", "/accounts?page=1").json()["result_info"]["total_count"] == 1


def test_zones(api: Api, shared: Instance) -> None:
    zone_id = shared.zones["mustbeviral.com"]
    (zone,) = api("GET", f"/zones?name=mustbeviral.com&account.id={shared.account_id}")
    assert zone == api("GET", f"/zones/{zone_id}")
    assert (zone["id"], zone["status"], zone["account"]["id"]) == (zone_id, "active", shared.account_id)
    assert api("GET", "/zones?name=example.org") == []
    assert codes(api.raw("GET", f"/zones/{'0' * 32}")) == [7003, 7000]


# --- who not


def test_refusals_before_the_call(shared: Instance) -> None:
    own = f"Bearer {shared.api_token}"
    account = f"/accounts/{shared.account_id}"
    for path, headers, status, expected in (
        ("/user", {}, 400, [9106]),
        ("/user", {"authorization": shared.api_token}, 400, [6003]),
        ("/user", {"authorization": "Bearer a b"}, 400, [6003]),
        ("/user", {"x-auth-key": "k", "x-auth-email": "e"}, 403, [9103]),
        ("/user", {"authorization": "Bearer other"}, 401, [9109]),
        ("/user/tokens/verify", {"authorization": "Bearer other"}, 401, [1000]),
        (account + "/tokens/verify", {"authorization": "Bearer other"}, 401, [1000]),
        (f"/accounts/{'0' * 32}/workers/scripts", {"authorization": own}, 403, [10000]),
        ("/accounts/mine/workers/scripts", {"authorization": own}, 404, [7003, 7000]),
        (account + "/nothing", {"authorization": own}, 404, [7003, 7000]),
        ("/accounts/", {"authorization": own}, 404, [7003, 7000]),
    ):
        answer = bare(shared, path, **headers)
        assert (answer.status_code, codes(answer)) == (status, expected), (path, headers)
        assert re.fullmatch("[0-9a-f]{16}-[A-Z]{3}", answer.headers["cf-ray"])
    chain = bare(shared, "/user", authorization="x").json()["errors"][0]["error_chain"]
    assert chain == [{"code": 6111, "message": "Invalid format for Authorization header"}]


def test_method_and_body(api: Api, records: str) -> None:
    answer = api.raw("POST", "/user")
    assert (answer.status_code, codes(answer)) == (405, [7001])
    answer = api.raw("POST", records, data=b"{")
    assert (answer.status_code, codes(answer)) == (400, [6007])
    assert codes(api.raw("GET", records + "?page=0")) == codes(api.raw("GET", records + "?page=x")) == [10001]


# --- budget


def test_budget_headers(api: Api) -> None:
    one, two = api.raw("GET", "/user"), api.raw("GET", "/user")
    found = [re.fullmatch(r'"default";r=(\d+);t=(\d+)', answer.headers["ratelimit"]) for answer in (one, two)]
    assert found[0] and found[1] and int(found[0][1]) == int(found[1][1]) + 1
    assert re.fullmatch(r'"default";q=\d+;w=300', one.headers["ratelimit-policy"])
    assert one.headers["cf-ray"] != two.headers["cf-ray"]
    assert "retry-after" not in one.headers


def test_a_token_over_its_budget_is_blocked(tmp_path: Path) -> None:
    options = {"budget": 3, "budget_window_seconds": 60, "budget_block_seconds": 1}
    with start(tmp_path / "state", **options) as instance:
        api = Api(instance)
        assert [api.raw("GET", "/user").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
        answer = api.raw("POST", "/user")
        assert (answer.status_code, codes(answer)) == (429, [971])
        wait = answer.headers["retry-after"]
        assert wait == "1"
        time.sleep(1.05)
        assert api.raw("GET", "/user").status_code == 200


# --- DNS


def record(**fields: Any) -> dict[str, Any]:
    return {"type": "A", "name": "dns-test", "content": "192.0.2.1", **fields}


def test_record_life(api: Api, records: str) -> None:
    made = api("POST", records, record(name="life", proxied=True))
    assert (made["name"], made["ttl"], made["proxied"]) == ("life.mustbeviral.com", 1, True)
    path = f"{records}/{made['id']}"
    patched = api("PATCH", path, {"content": "192.0.2.2", "ttl": 60})
    assert (patched["content"], patched["ttl"], patched["proxied"]) == ("192.0.2.2", 60, True)
    replaced = api("PUT", path, record(name="life.mustbeviral.com", content="192.0.2.3"))
    assert (replaced["ttl"], replaced["proxied"], replaced["id"]) == (1, False, made["id"])
    assert api("GET", f"{records}?name.exact=life.mustbeviral.com&type=A") == [replaced] == [api("GET", path)]
    assert api("DELETE", path) == {"id": made["id"]}
    assert codes(api.raw("GET", path)) == codes(api.raw("DELETE", path)) == [81044]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (record(content="nowhere"), 1004),
        (record(type="AAAA"), 1004),
        (record(type="TXT", proxied=True), 1004),
        (record(type="NONSENSE"), 1004),
        (record(ttl=5), 1004),
        ({"type": "A", "content": "192.0.2.1"}, 1004),
    ],
)
def test_refused_records(api: Api, records: str, body: dict[str, Any], code: int) -> None:
    assert codes(api.raw("POST", records, json=body)) == [code]


def test_conflicting_records(api: Api, records: str) -> None:
    made = api("POST", records, record(name="conflict"))
    assert codes(api.raw("POST", records, json=record(name="conflict"))) == [81058]
    cname = record(name="conflict", type="CNAME", content="example.org")
    assert codes(api.raw("POST", records, json=cname)) == [81053]
    text = api("POST", records, record(name="conflict", type="TXT", content="words"))
    for item in (made, text):
        api("DELETE", f"{records}/{item['id']}")


def test_batch_is_ordered_and_atomic(api: Api, records: str) -> None:
    old = api("POST", records, record(name="batch"))
    changed = api("POST", records, record(name="batch-2"))
    result = api(
        "POST",
        records + "/batch",
        {
            "posts": [record(name="batch", type="CNAME", content="example.org")],
            "deletes": [{"id": old["id"]}],
            "patches": [{"id": changed["id"], "content": "192.0.2.9"}],
        },
    )
    assert [len(result[key]) for key in ("deletes", "patches", "puts", "posts")] == [1, 1, 0, 1]
    broken = {"deletes": [{"id": changed["id"]}], "posts": [record(content="nowhere")]}
    assert codes(api.raw("POST", records + "/batch", json=broken)) == [1004]
    assert api("GET", f"{records}/{changed['id']}")["content"] == "192.0.2.9", "nothing of it was done"
    api("POST", records + "/batch", {"deletes": [{"id": changed["id"]}, {"id": result["posts"][0]["id"]}]})
