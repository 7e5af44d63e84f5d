"""The arguments that stages share, as Ansible's argument specifications."""

from __future__ import annotations

from typing import Any

from ..incident import TRIGGERS
from ..release.group import KEYS
from ..signal.declared import ADAPTERS

__all__ = [
    "CLOUDFLARE",
    "COMPONENTS",
    "DATABASES",
    "EVIDENCE",
    "GROUPING",
    "LEDGER",
    "LOCKED",
    "MAINTENANCE",
    "MOVING",
    "NAMES",
    "PROBING",
    "RUN",
    "SIGNALS",
    "THIRD_PARTIES",
]

RUN: dict[str, Any] = {
    "run": {"type": "str", "default": ""},
    "runs_dir": {"type": "path", "required": True},
    "environment_name": {"type": "str", "required": True},
}
CLOUDFLARE: dict[str, Any] = {
    "cloudflare": {
        "type": "dict",
        "required": True,
        "options": {
            "account_id": {"type": "str", "required": True},
            "api_token": {"type": "str", "no_log": True, "default": ""},
            "api_url": {"type": "str", "default": "https://api.cloudflare.com/client/v4"},
            "transport": {"type": "str", "choices": ["rest", "wrangler"], "default": "rest"},
            "wrangler": {"type": "list", "elements": "str", "default": ["npx", "--no-install", "wrangler"]},
            "patience": {"type": "float", "default": 60},
        },
    }
}
COMPONENTS: dict[str, Any] = {
    "components": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "kind": {"type": "str", "required": True, "choices": ["worker", "pages"]},
            "target": {"type": "str", "required": True},
            "follows": {"type": "str", "choices": ["always", "when_changed"], "default": "always"},
            "after": {"type": "list", "elements": "str", "default": []},
            "health": {"type": "dict", "required": True},
        },
    }
}
PROBING: dict[str, Any] = {
    "probing": {
        "type": "dict",
        "required": True,
        "options": {
            "connect_to": {"type": "str", "default": ""},
            "ca_file": {"type": "str", "default": ""},
            "timeout": {"type": "float", "default": 10},
            "seconds": {"type": "float", "required": True},
            "max_skew": {"type": "float", "default": 60},
            "slow": {"type": "float", "default": 2},
            "tls_margin": {"type": "float", "default": 14},
        },
    }
}
THIRD_PARTIES: dict[str, Any] = {
    "third_parties": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"name": {"type": "str", "required": True}, "health": {"type": "dict", "required": True}},
    }
}
EVIDENCE: dict[str, Any] = {
    **THIRD_PARTIES,
    "trigger": {"type": "str", "choices": list(TRIGGERS), "default": "person"},
    "probing": {**PROBING["probing"], "required": False, "default": {"seconds": 2}},
}
DATABASES: dict[str, Any] = {
    "databases": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "kind": {"type": "str", "required": True, "choices": ["d1", "postgres"]},
            "migrations": {
                "type": "dict",
                "required": True,
                "options": {
                    "driver": {
                        "type": "str",
                        "required": True,
                        "choices": ["d1", "plain", "alembic", "dbmate", "golang-migrate"],
                    },
                    "path": {"type": "path", "required": True},
                    "table": {"type": "str"},
                },
            },
            "schema_levels": {"type": "dict", "default": {}},
            "schema_works_up_to": {"type": "dict", "default": {}},
            "when_unclear": {
                "type": "str",
                "choices": ["refuse", "nothing", "down", "rewind"],
                "default": "refuse",
            },
            "loss_allowed": {"type": "int", "default": 0},
            "method": {"type": "str", "choices": ["", "nothing", "down", "rewind"], "default": ""},
            "database": {"type": "str", "default": ""},
            "written_at": {"type": "dict", "default": {}},
            "dsn": {"type": "str", "no_log": True, "default": ""},
            "identity": {"type": "dict", "default": {}},
            "backups": {
                "type": "dict",
                "default": {},
                "options": {
                    "folder": {"type": "path"},
                    "max_age": {"type": "float", "default": 86400},
                    "format": {"type": "str", "choices": ["custom", "directory"], "default": "custom"},
                    "jobs": {"type": "int", "default": 2},
                },
            },
            "tools": {"type": "str", "default": ""},
            "maintenance": {"type": "str", "default": "postgres"},
            "direct": {"type": "bool", "default": False},
            "checks": {
                "type": "dict",
                "default": {},
                "options": {
                    "audit": {"type": "dict"},
                    "sentinel": {"type": "dict"},
                    "queries": {"type": "list", "elements": "str"},
                    "limit_ms": {"type": "float", "default": 100},
                    "sql": {"type": "path"},
                },
            },
        },
    }
}
SIGNALS: dict[str, Any] = {
    "signals": {
        "type": "dict",
        "default": {},
        "options": {
            "sources": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "adapter": {"type": "str", "required": True, "choices": list(ADAPTERS)},
                    "check": {"type": "str", "required": True},
                    "name": {"type": "str", "default": ""},
                    "component": {"type": "str", "default": ""},
                    "url": {"type": "str", "default": ""},
                    "token": {"type": "str", "no_log": True, "default": ""},
                    "headers": {"type": "dict", "no_log": True, "default": {}},
                    "query": {"type": "str", "default": ""},
                    "value": {"type": "str", "default": ""},
                    "organization": {"type": "str", "default": ""},
                    "project": {"type": "list", "elements": "str", "default": []},
                    "environment": {"type": "str", "default": ""},
                    "by": {"type": "str", "default": ""},
                    "max": {"type": "float"},
                    "min": {"type": "float"},
                    "min_requests": {"type": "int", "default": 100},
                },
            },
            "problems": {"type": "list", "elements": "str", "default": []},
        },
    }
}
NAMES: dict[str, Any] = {
    "names": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "component": {"type": "str", "required": True},
            "zone": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "records": {"type": "list", "elements": "dict", "default": []},
            "failover": {"type": "list", "elements": "dict", "default": []},
            "authority": {"type": "list", "elements": "str", "default": []},
            "resolvers": {"type": "list", "elements": "str", "default": []},
        },
    }
}
MAINTENANCE: dict[str, Any] = {
    "maintenance": {
        "type": "dict",
        "default": {},
        "options": {
            "worker": {"type": "str", "default": ""},
            "hosts": {"type": "list", "elements": "str", "default": []},
            "records": {"type": "dict", "default": {}},
            "names": {"type": "list", "elements": "dict", "default": []},
            "url": {"type": "str", "default": ""},
        },
    }
}
GROUPING: dict[str, Any] = {
    "others": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "kind": {"type": "str", "required": True, "choices": ["worker", "pages"]},
            "target": {"type": "str", "required": True},
            "follows": {"type": "str", "choices": ["always", "when_changed"], "default": "always"},
        },
    },
    "keys": {"type": "list", "elements": "str", "choices": list(KEYS), "default": list(KEYS)},
    "window": {"type": "float", "default": 900},
}
LEDGER: dict[str, Any] = {
    "ledger": {
        "type": "dict",
        "required": True,
        "options": {
            "backend": {"type": "str", "required": True, "choices": ["directory", "kv", "git", "none"]},
            "path": {"type": "path"},
            "namespace": {"type": "str"},
            "prefix": {"type": "str"},
            "repository": {"type": "str"},
            "branch": {"type": "str", "default": "knowngood-ledger"},
            "folder": {"type": "str"},
        },
    },
    "operator": {"type": "str", "default": ""},
}
# For what changes something: it goes on only while the run holds the lock of the environment.
LOCKED: dict[str, Any] = {**LEDGER, "ledger": {**LEDGER["ledger"], "required": False}}
MOVING: dict[str, Any] = {
    "moves": {"type": "list", "elements": "dict", "required": True},
    "accept_secret_change": {"type": "bool", "default": False},
    "message": {"type": "str", "required": True},
}
