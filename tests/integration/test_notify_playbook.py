"""The role and notify.yml, through ``ansible-playbook``."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.journal import read
from tests.support import receivers
from tests.support.environment import ROOT
from tests.support.notifying import CONTACTS, eventually
from tests.support.receivers import HANG, Receiver

PLAY = """\
---
- name: A run that opens an incident
  hosts: workers
  gather_facts: false
  tasks:
    - name: Started
      ansible.builtin.import_role: {name: notify, tasks_from: started}
    - name: Open the incident
      environment_lock:
        environment_name: local
        incident: {reason: r4 answers nonsense}
        ledger: {backend: none}
        cloudflare: {account_id: acc0}
        runs_dir: "{{ runs_dir }}"
        run: "{{ run_id }}"
      run_once: true
    - name: Take a while
      ansible.builtin.command: sleep {{ takes }}
      run_once: true
      changed_when: false
    - name: Finished
      ansible.builtin.import_role: {name: notify, tasks_from: finished}
"""
TOKEN = "canary00-token"


class Player:
    """Runs playbooks with notifications to a receiver; ``runs`` is a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.runs = folder, folder / "runs"
        (folder / "play.yml").write_text(PLAY)

    def start(self, name: str, receiver: Receiver | None, *arguments: str) -> subprocess.Popen[str]:
        told: dict[str, Any] = {"contacts": CONTACTS}
        if receiver is not None:
            told["notifications"] = {"slack": {"token": TOKEN, "channel": "#i", "api_url": receiver.url}}
        (self.folder / "vars.json").write_text(json.dumps(told))
        program = Path(sys.executable).with_name("ansible-playbook")
        kept = {key: value for key, value in os.environ.items() if not key.startswith("KNOWNGOOD")}
        return subprocess.Popen(
            [str(program), name, "-i", "local", "-e", f"@{self.folder / 'vars.json'}", *arguments],
            cwd=ROOT,
            env={**kept, "KNOWNGOOD_RUNS": str(self.runs), "LOCAL_CLOUDFLARE": str(self.folder / "none")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def play(self, name: str, receiver: Receiver | None, *arguments: str) -> tuple[int, str]:
        process = self.start(name, receiver, *arguments)
        output, _ = process.communicate(timeout=60)
        return process.returncode, output

    def senders(self) -> list[str]:
        """The processes that send for a run of this test (Linux)."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if b"module_utils.notify.sender" in (folder / "cmdline").read_bytes():
                    run = dict(
                        part.partition(b"=")[::2] for part in (folder / "environ").read_bytes().split(b"\0")
                    )[b"KNOWNGOOD_RUN"].decode()
                    found += [folder.name] if (self.runs / run).exists() else []
            except (OSError, KeyError):
                continue
        return found

    def clean(self) -> None:
        """What Ansible leaves when it is killed: the task that it was at."""
        sign = f"KNOWNGOOD_RUNS={self.runs}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if sign in (folder / "environ").read_bytes().split(b"\0"):
                    os.kill(int(folder.name), signal.SIGKILL)


@pytest.fixture
def player(tmp_path: Path) -> Iterator[Player]:
    found = Player(tmp_path)
    yield found
    found.clean()


def test_a_playbook_tells_how_it_goes_and_tells_no_secret(player: Player) -> None:
    with receivers.http(receivers.slack) as chat:
        play = str(player.folder / "play.yml")
        code, output = player.play(play, chat, "-e", "takes=0", "-vvv", "--diff")
        eventually(lambda: not player.senders(), player.senders)
    assert code == 0, output
    assert "has begun" in chat.requests[0].json["text"]
    (journal,) = player.runs.glob("*/journal.jsonl")
    told = [event for event in read(journal) if event["event"] == "notification"]
    assert {event["state"] for event in told} == {"sent"} and len(told) == len(chat.requests)
    assert TOKEN not in output
    assert not [path for path in player.runs.rglob("*") if path.is_file() and TOKEN in path.read_text()]


def test_an_environment_without_notifications_starts_nothing(player: Player) -> None:
    code, output = player.play(str(player.folder / "play.yml"), None, "-e", "takes=0")
    assert code == 0, output
    assert not list(player.runs.glob("*/outbox")) and not player.senders()


def test_sigkill_to_ansible_playbook_leaves_no_sender(player: Player) -> None:
    with receivers.http(lambda number, request: HANG) as chat:
        process = player.start(str(player.folder / "play.yml"), chat, "-e", "takes=30")
        eventually(lambda: chat.requests, player.senders)
        assert player.senders()
        process.kill()
        process.communicate()
        eventually(lambda: not player.senders(), player.senders)


def test_notify_yml_refuses_a_placeholder_and_names_it(player: Player) -> None:
    contacts = json.dumps({"contacts": [CONTACTS[0], {**CONTACTS[1], "name": "[Name]"}]})
    with receivers.http(receivers.slack) as chat:
        code, output = player.play("notify.yml", chat, "--check", "-e", contacts)
        assert code == 10 and "local/group_vars/all.yml: contacts, number 2: name is a placeholder" in output
        code, output = player.play("notify.yml", chat, "--check")
        assert code == 0, output
    assert chat.requests == []
