"""Cloudflare's analytics: invocations of Workers by version, and how many of them threw.

https://developers.cloudflare.com/analytics/graphql-api/tutorials/querying-workers-metrics/
An error here is what the Workers runtime calls one (an exception, a limit); an answer of status 500 is none.
The numbers come with a delay, of up to some minutes, and are samples where there are many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..verdict.bounds import lower, upper
from .http import ask
from .model import Declared, Reading, Unread, Window, iso

__all__ = ["Invocations", "invocations", "readings"]

# Variables as in Cloudflare's own page; scriptVersion as its schema has it (AccountWorkersInvocationsAdaptive).
QUERY = """
query Invocations($accountTag: string!, $begin: Time!, $end: Time!, $scripts: [string!]) {
  viewer {
    accounts(filter: {accountTag: $accountTag}) {
      workersInvocationsAdaptive(
        limit: 10000, filter: {datetime_geq: $begin, datetime_leq: $end, scriptName_in: $scripts}
      ) {
        sum { requests errors }
        dimensions { scriptName scriptVersion }
      }
    }
  }
}
"""
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Invocations:
    """How often a version of a Worker was called, and how often it threw."""

    script: str
    version: str
    requests: int
    errors: int


def invocations(
    api_url: str, account: str, token: str, scripts: Iterable[str], window: Window
) -> list[Invocations]:
    """Of these Workers, all versions. Raises :class:`Unread`."""
    variables = {
        "accountTag": account,
        "begin": iso(window.begin),
        "end": iso(window.end),
        "scripts": list(scripts),
    }
    body = {"query": QUERY, "variables": variables}
    told = ask("POST", f"{api_url.rstrip('/')}/graphql", token=token, body=body, said="errors")
    try:
        if told.get("errors"):
            raise Unread(str(told["errors"][0]["message"]))
        [account_] = told["data"]["viewer"]["accounts"]
        return [
            Invocations(
                row["dimensions"]["scriptName"],
                row["dimensions"]["scriptVersion"],
                int(row["sum"]["requests"]),
                int(row["sum"]["errors"]),
            )
            for row in account_["workersInvocationsAdaptive"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unread("an answer that is not Cloudflare's") from None


def readings(
    declared: Declared,
    workers: Mapping[str, str],
    live: Mapping[str, str | None],
    rows: Iterable[Invocations],
    window: Window,
) -> list[Reading]:
    """The share of errors of what serves, for each component. ``workers`` maps a component to its script.

    Below ``min_requests`` nothing is said: one error in three requests is no error rate. Above it a component fails
    when its rate is above ``max`` beyond doubt, and passes when it is not.
    """
    by_script: dict[str, list[Invocations]] = {}
    for row in rows:
        by_script.setdefault(row.script, []).append(row)
    return [
        _reading(declared, name, live.get(name), by_script.get(script, []), window)
        for name, script in workers.items()
    ]


def _reading(
    declared: Declared, name: str, version: str | None, rows: list[Invocations], window: Window
) -> Reading:
    mine = [row for row in rows if version is None or row.version == version]
    n, bad = sum(row.requests for row in mine), sum(row.errors for row in mine)
    most, least = float(declared["max"]), int(declared["min_requests"])
    figures: dict[str, Any] = {
        "window": [iso(window.begin), iso(window.end)],
        "max": most,
        "n": n,
        "bad": bad,
        "versions": {row.version: [row.requests, row.errors] for row in rows},
    }
    check = declared["check"]
    if n < least:
        why = f"{n} requests from {window.words}, and {least} are needed for a verdict"
        return Reading(name, check, "inconclusive", why, figures)
    figures |= {
        "number": round(bad / n, 6),
        "interval": [lower(bad, n, _CONFIDENCE), upper(bad, n, _CONFIDENCE)],
    }
    share = f"{bad} errors in {n} requests ({100 * bad / n:.3g} %)"
    detail = f"{share}; at most {100 * most:g} % is allowed; {window.words}"
    if bad / n <= most:
        return Reading(name, check, "pass", detail, figures)
    sure = figures["interval"][0] > most
    return Reading(
        name,
        check,
        "fail" if sure else "inconclusive",
        detail + ("" if sure else "; too few to be sure"),
        figures,
    )
