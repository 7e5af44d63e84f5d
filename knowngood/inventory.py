"""What an inventory says of its environment, resolved as a playbook would."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

__all__ = ["NotUsable", "project", "variables"]


class NotUsable(Exception):
    """The inventory does not say what is needed; the message names what to change."""


def variables(inventory: str, *names: str) -> dict[str, Any]:
    """Values of variables that the inventory gives to all hosts. Raises :class:`NotUsable`."""
    # Ansible finds its configuration when it is first imported, and that takes a third of a second.
    os.environ.setdefault("ANSIBLE_CONFIG", str(project() / "ansible.cfg"))
    from ansible.errors import AnsibleError
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import init_plugin_loader
    from ansible.template import Templar
    from ansible.vars.manager import VariableManager

    place = project() / inventory
    if not place.exists():
        raise NotUsable(f"there is no inventory {inventory} in {project()}")
    init_plugin_loader()
    loader = DataLoader()
    try:
        hosts = InventoryManager(loader=loader, sources=[str(place)])
        manager = VariableManager(loader=loader, inventory=hosts)
        found = manager.get_vars(host=hosts.get_hosts()[0]) if hosts.get_hosts() else {}
        templar = Templar(loader=loader, variables=found)
        return {name: templar.template(found[name]) for name in names}
    except KeyError as error:
        raise NotUsable(f"{inventory}/group_vars/all.yml does not set {error.args[0]}") from None
    except AnsibleError as error:
        raise NotUsable(f"{inventory}: {error.message}") from None


def project() -> Path:
    """The folder of the playbooks: where one stands, or else where this package lies."""
    here = Path.cwd()
    return here if (here / "ansible.cfg").is_file() else Path(__file__).resolve().parents[1]
