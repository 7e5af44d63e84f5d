"""Whose addresses lead to the maintenance page, as the ledger knows it."""

from datetime import UTC, datetime

from plugins.module_utils.ledger.view import Maintenance
from plugins.module_utils.recovery.hidden import hides, since, told


def test_the_routes_say_which_names_the_page_hides() -> None:
    patterns = ("api.example.com/v1/*", "https://api.example.com/*", "*.shop.example.com/*")
    routes = tuple({"zone": "z", "pattern": pattern, "script": None, "there": True} for pattern in patterns)
    page = told(Maintenance("page", routes, "ann@ops", datetime(2026, 11, 27, 6, tzinfo=UTC), "run"))
    assert page["hosts"] == ["*.shop.example.com", "api.example.com"]
    assert since(page) == "since 2026-11-27 06:00 UTC, by ann@ops"
    assert hides(page, "https://api.example.com/health")
    assert hides(page, "https://eu.shop.example.com:8443/health")
    assert not hides(page, "https://auth.example.com/health")
    assert not hides(page, "https://shop.example.com/health")


def test_without_a_page_nothing_is_hidden() -> None:
    assert told(None) == {}
    assert not hides({}, "https://api.example.com/health")
