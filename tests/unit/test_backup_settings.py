"""How backups are made is declared in the inventory, and a wrong word is refused with host, variable and file."""

from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from plugins.filter.databases import declared_databases
from plugins.module_utils.stage.options import DATABASES


def declared(tmp_path: Path, backups: Any) -> dict[str, Any]:
    hosts = {
        "app-db": {
            "inventory_file": "/x/production/hosts.yml",
            "postgres_dsn": "postgresql://app@db.example.com/shop",
            "postgres_identity": {"name": "shop"},
            "migrations": {"driver": "plain", "path": str(tmp_path)},
            "backups": backups,
        }
    }
    return declared_databases(hosts, list(hosts), {"postgres": ["app-db"]})


@pytest.mark.parametrize(
    ("backups", "named"),
    [
        ({"format": "zip"}, "backups.format must be one of custom, directory, not zip"),
        ({"format": ["custom"]}, "backups.format must be one of custom, directory"),
        ({"jobs": 0}, "backups.jobs must be a whole number from 1 on, not 0"),
        ({"jobs": "many"}, "backups.jobs must be a whole number from 1 on, not many"),
        ({"jobs": True}, "backups.jobs must be a whole number"),
        ({"jobs": 1.5}, "backups.jobs must be a whole number"),
        ("/var/backups", "backups must be a mapping"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, backups: Any, named: str) -> None:
    (problem,) = declared(tmp_path, backups)["problems"]
    assert problem.startswith("production/hosts.yml: app-db: ")
    assert named in problem


@pytest.mark.parametrize("backups", [None, {}, {"folder": "/b"}, {"format": "directory", "jobs": "4"}])
def test_what_is_right_is_taken(tmp_path: Path, backups: Any) -> None:
    found = declared(tmp_path, backups)
    assert found["problems"] == []
    checked = ArgumentSpecValidator(DATABASES).validate({"databases": found["databases"]})
    assert not checked.error_messages
    taken = checked.validated_parameters["databases"][0]["backups"]
    assert taken["format"] == ("directory" if backups and "format" in backups else "custom")
    assert taken["jobs"] in (2, 4)
