"""Analytics by GraphQL: the query of Cloudflare's own page, with what the edge really counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local_cloudflare.launch import Instance
from tests.support import edge
from tests.support.api import WORKER, Api
from tests.support.workers import new_name, publish, upload, url

# developers.cloudflare.com/analytics/graphql-api/tutorials/querying-workers-metrics, word for word.
DOCUMENTED = """
query GetWorkersAnalytics($accountTag: string, $datetimeStart: string, $datetimeEnd: string, $scriptName: string) {
  viewer {
    accounts(filter: {accountTag: $accountTag}) {
      workersInvocationsAdaptive(limit: 100, filter: {
        scriptName: $scriptName,
        datetime_geq: $datetimeStart,
        datetime_leq: $datetimeEnd
      }) {
        sum {
          subrequests
          requests
          errors
        }
        quantiles {
          cpuTimeP50
          cpuTimeP99
        }
        dimensions{
          datetime
          scriptName
          status
        }
      }
    }
  }
}
"""

BY_VERSION = """
query($account: string!, $since: Time!, $scripts: [string!]) {
  viewer { accounts(filter: {accountTag: $account}) {
    rows: workersInvocationsAdaptive(
      limit: 50, filter: {datetime_geq: $since, scriptName_in: $scripts}, orderBy: [sum_requests_DESC]
    ) { sum { requests errors } dimensions { scriptVersion } }
  } }
}
"""
THROWS = "export default { fetch() { throw new Error('broken'); } };"


def graphql(api: Api, query: str, **variables: Any) -> tuple[int, dict[str, Any]]:
    answer = api.raw("POST", "/graphql", json={"query": query, "variables": variables})
    told: dict[str, Any] = answer.json()
    return answer.status_code, told


def since(seconds: float = 600) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_requests_and_errors_are_counted_by_version(shared: Instance, shared_api: Api) -> None:
    script = new_name()
    good = publish(shared_api, script, WORKER % "good")
    with edge.session(shared) as http:
        for _ in range(5):
            http.get(url(shared_api, script), timeout=30)
        bad = upload(shared_api, script, THROWS)
        shared_api.deploy(script, bad)
        for _ in range(3):
            assert http.get(url(shared_api, script), timeout=30).status_code == 500
    for _ in range(2):
        # Asked twice: what was counted stays counted.
        _, told = graphql(shared_api, BY_VERSION, account=shared.account_id, since=since(), scripts=[script])
        assert told["errors"] is None
        assert told["data"]["viewer"]["accounts"][0]["rows"] == [
            {"sum": {"requests": 5, "errors": 0}, "dimensions": {"scriptVersion": good}},
            {"sum": {"requests": 3, "errors": 3}, "dimensions": {"scriptVersion": bad}},
        ]


def test_the_query_of_the_documentation_is_answered_in_its_shape(shared: Instance, shared_api: Api) -> None:
    script = new_name()
    publish(shared_api, script, WORKER % "good")
    edge.get(shared, url(shared_api, script))
    account, now = shared.account_id, since(-60)
    told = graphql(
        shared_api,
        DOCUMENTED,
        accountTag=account,
        datetimeStart=since(),
        datetimeEnd=now,
        scriptName=script,
    )[1]
    [row] = told["data"]["viewer"]["accounts"][0]["workersInvocationsAdaptive"]
    assert row.keys() == {"sum", "quantiles", "dimensions"}
    assert row["dimensions"]["status"] == "success"
    # What this machine does not measure is not made up.
    assert row["sum"] == {"subrequests": None, "requests": 1, "errors": 0}
    empty = graphql(
        shared_api, DOCUMENTED, accountTag=account, datetimeStart=now, datetimeEnd=now, scriptName=script
    )[1]
    assert empty["data"]["viewer"]["accounts"][0]["workersInvocationsAdaptive"] == []


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        (
            '{ viewer { accounts(filter: {accountTag: "other"}) { x } } }',
            403,
            "not authorized for that account",
        ),
        ("{ viewer { nonsense } }", 400, 'unknown field "nonsense"'),
        ("{ viewer { ", 400, "query contains error, please review it and retry"),
        ("LIMIT", 400, "limit must be positive number and not greater than 10000"),
        ("OLD", 400, "cannot request data older than 7776000s"),
        ("FIELD", 400, 'unknown field "succeses"'),
    ],
    ids=["account", "field", "syntax", "limit", "age", "sum"],
)
def test_errors_are_those_of_the_documentation(
    shared: Instance, shared_api: Api, query: str, status: int, message: str
) -> None:
    """developers.cloudflare.com/analytics/graphql-api/errors"""
    inner = {
        "LIMIT": "workersInvocationsAdaptive(limit: 0) { sum { requests } }",
        "OLD": 'workersInvocationsAdaptive(limit: 9, filter: {datetime_geq: "2020-01-01T00:00:00Z"}) {sum{errors}}',
        "FIELD": "workersInvocationsAdaptive(limit: 9) { sum { succeses } }",
    }
    if query in inner:
        publish(shared_api, script := new_name(), WORKER % "good")
        edge.get(shared, url(shared_api, script))
        query = (
            f'{{ viewer {{ accounts(filter: {{accountTag: "{shared.account_id}"}}) {{ {inner[query]} }} }} }}'
        )
    found, told = graphql(shared_api, query)
    assert (found, told["data"]) == (status, None)
    [error] = told["errors"]
    assert error["message"] == message
    assert "timestamp" in error["extensions"]
