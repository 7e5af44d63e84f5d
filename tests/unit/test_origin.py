"""A run says what it was made with: version, code and inventory, by hashes that tell any change (S1)."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from plugins.module_utils.origin import origin_of


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    folder = tmp_path / "production"
    (folder / "group_vars").mkdir(parents=True)
    (folder / "hosts.yml").write_text("all: {}\n")
    (folder / "group_vars/all.yml").write_text("a: 1\n")
    return folder


def test_it_names_version_code_and_inventory(inventory: Path) -> None:
    told = origin_of([str(inventory)])
    assert told["inventory"] == ["production"]
    assert told["version"][0].isdigit()
    assert told["runbook"][0].isdigit()
    assert date.fromisoformat(told["runbook_reviewed"])
    assert len(told["tool_hash"]) == len(told["inventory_hash"]) == 64


def test_a_link_and_a_copy_have_the_same_hash(inventory: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(inventory)
    copy = shutil.copytree(inventory, tmp_path / "elsewhere" / "production")
    hashes = {
        origin_of([str(place)])["inventory_hash"] for place in (inventory, copy, f"{tmp_path / 'link'}/")
    }
    assert len(hashes) == 1


@pytest.mark.parametrize("change", ["content", "name", "new", "gone", "moved between files"])
def test_any_change_of_the_inventory_shows(inventory: Path, change: str) -> None:
    before = origin_of([str(inventory)])
    variables, hosts = inventory / "group_vars/all.yml", inventory / "hosts.yml"
    if change == "content":
        variables.write_text("a: 2\n")
    elif change == "name":
        variables.rename(inventory / "group_vars/workers.yml")
    elif change == "new":
        (inventory / "group_vars/pages.yml").write_text("")
    elif change == "gone":
        variables.unlink()
    else:
        text = variables.read_text()
        variables.write_text(hosts.read_text())
        hosts.write_text(text)
    after = origin_of([str(inventory)])
    assert before["inventory_hash"] != after["inventory_hash"]
    assert before["tool_hash"] == after["tool_hash"]


def test_variables_beside_an_inventory_of_one_file_count(inventory: Path) -> None:
    file = inventory / "hosts.yml"
    before = origin_of([str(file)])["inventory_hash"]
    (inventory / "group_vars/all.yml").write_text("a: 2\n")
    assert before != origin_of([str(file)])["inventory_hash"]


@pytest.mark.parametrize("given", [[], ["a,b,"], ["/nowhere/at/all"]])
def test_an_inventory_that_is_no_file_is_no_reason_to_fail(given: list[str]) -> None:
    assert origin_of(given)["tool_hash"]
