"""State and processes: what survives, what a reset forgets, and that nothing is left behind."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from local_cloudflare.launch import LaunchError, start
from tests.support.api import Api

COMMAND = [sys.executable, "-m", "local_cloudflare"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=20)


def gone(pid: int, within: float) -> bool:
    """Whether the process ends (or is a zombie that only its parent can bury) in that many seconds."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


def test_state_survives_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with start(state) as first:
        api = Api(first)
        api.release("w", "r1", "r2")
        api("PUT", "A/workers/scripts/w/secrets", {"name": "K", "text": "1", "type": "secret_text"})
        before = api("GET", "A/workers/scripts/w/deployments"), api("GET", "A/workers/scripts/w/versions")
    assert not (state / "ready.json").exists()
    with start(state) as second:
        assert (second.account_id, second.api_token) == (first.account_id, first.api_token)
        api = Api(second)
        after = api("GET", "A/workers/scripts/w/deployments"), api("GET", "A/workers/scripts/w/versions")
        assert after == before
        assert api.upload("w", "r4"), "and it goes on from there"


def test_state_survives_sigkill(tmp_path: Path) -> None:
    with start(tmp_path / "state") as first:
        Api(first).release("w", "r1", "r2")
        live = Api(first).live("w")
        helpers = children(first.process.pid)
        first.process.kill()
        assert all(gone(pid, 2) for pid in helpers)
    with start(tmp_path / "state") as second:
        assert Api(second).live("w") == live


def test_ready_file(tmp_path: Path) -> None:
    with start(tmp_path / "state", zones=("example.com", "example.org")) as instance:
        path = tmp_path / "state" / "ready.json"
        ready = json.loads(path.read_text())
        assert ready["pid"] == instance.process.pid
        assert ready["api_url"] == instance.api_url and instance.api_url.endswith("/client/v4")
        assert set(ready["zones"]) == {"example.com", "example.org"}
        assert path.stat().st_mode & 0o777 == 0o600, "it holds the token"
        assert "ready" in (tmp_path / "state" / "server.log").read_text()


def test_admin_reset_forgets_all_but_the_identity(tmp_path: Path) -> None:
    with start(tmp_path / "state") as instance:
        api = Api(instance)
        api.release("w", "r1")
        zone = instance.zones["mustbeviral.com"]
        api("POST", f"/zones/{zone}/dns_records", {"type": "A", "name": "x", "content": "192.0.2.1"})
        api.fault({"kind": "error", "match": {"path": "/never"}})
        assert requests.post(instance.admin_url + "/reset", timeout=5).status_code == 204
        assert api("GET", "A/workers/scripts") == []
        assert api("GET", f"/zones/{zone}/dns_records") == []
        assert requests.get(instance.admin_url + "/faults", timeout=5).json() == {"faults": []}
        assert api.release("w", "r1"), "and works on"


def test_reset_command(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with start(state) as instance:
        Api(instance).release("w", "r1")
        refused = run("reset", "--state", str(state))
        assert refused.returncode == 1 and str(instance.process.pid) in refused.stderr
        assert Api(instance).live("w")
    assert run("reset", "--state", str(state)).returncode == 0
    assert [entry.name for entry in state.iterdir()] == ["local_cloudflare.lock"]
    with start(state) as fresh:
        assert Api(fresh)("GET", "A/workers/scripts") == []


def test_reset_does_not_touch_strange_directories(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    done = run("reset", "--state", str(tmp_path))
    assert done.returncode == 1 and "not a state directory" in done.stderr
    assert (tmp_path / "precious").read_text() == "x"


def test_second_server_on_the_same_state_is_refused(tmp_path: Path) -> None:
    with start(tmp_path / "state") as instance:
        done = run("--state", str(tmp_path / "state"))
        assert done.returncode == 1 and "in use by another local_cloudflare" in done.stderr
        assert "Traceback" not in done.stderr
        with pytest.raises(LaunchError, match="in use"):
            start(tmp_path / "state")
        assert Api(instance)("GET", "/user"), "the first one is not disturbed"


def test_two_servers_do_not_meet(tmp_path: Path) -> None:
    with start(tmp_path / "a") as one, start(tmp_path / "b") as other:
        assert one.account_id != other.account_id and one.api_url != other.api_url
        Api(one).release("w", "r1")
        assert Api(other)("GET", "A/workers/scripts") == []
        wrong = {"authorization": f"Bearer {one.api_token}"}
        assert requests.get(other.api_url + "/user", headers=wrong, timeout=5).status_code == 401


def test_sigterm_stops_quickly_even_in_the_middle_of_a_call(tmp_path: Path) -> None:
    with start(tmp_path / "state") as instance:
        Api(instance).fault({"kind": "timeout", "match": {"path": "/user$"}})
        helpers = children(instance.process.pid)
        fetch = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1])"
        caller = subprocess.Popen(
            [sys.executable, "-c", fetch, instance.api_url + "/user"], stderr=subprocess.DEVNULL
        )
        time.sleep(0.4)
        started = time.monotonic()
        instance.process.terminate()
        assert instance.process.wait(5) == 0
        assert time.monotonic() - started < 1
        assert not (tmp_path / "state" / "ready.json").exists()
        assert all(gone(pid, 1) for pid in helpers)
        caller.wait(5)


def test_nothing_outlives_a_killed_parent(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from local_cloudflare.launch import start;"
        "instance = start(Path(sys.argv[1])); print(instance.process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "state")], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        server = int(parent.stdout.readline())
        helpers = children(server)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert gone(server, 3)
    assert all(gone(pid, 2) for pid in helpers)
    with start(tmp_path / "state"):
        pass


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "--state"),
        (("--state", "x", "--api-port", "none"), 2, "invalid int"),
        (("--state", "/proc/nowhere"), 1, "cannot be used"),
        (("explode", "--state", "x"), 2, "invalid choice"),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], status: int, said: str) -> None:
    done = run(*arguments)
    assert done.returncode == status and said in done.stderr and "Traceback" not in done.stderr


def test_taken_port(tmp_path: Path) -> None:
    with start(tmp_path / "a") as instance:
        port = instance.api_url.split(":")[2].split("/")[0]
        done = run("--state", str(tmp_path / "b"), "--api-port", port)
        assert done.returncode == 1 and f"port {port}" in done.stderr and "Traceback" not in done.stderr


def test_help() -> None:
    done = run("--help")
    assert done.returncode == 0
    for word in ("reset", "--state", "--latency-ms", "--budget", "--zone"):
        assert word in done.stdout


def test_base_latency(tmp_path: Path) -> None:
    with start(tmp_path / "state", latency_ms=120) as instance:
        started = time.monotonic()
        Api(instance)("GET", "/user")
        assert time.monotonic() - started >= 0.12
        assert requests.get(instance.admin_url + "/health", timeout=5).elapsed.total_seconds() < 0.1
