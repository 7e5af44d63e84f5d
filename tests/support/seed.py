"""A state directory with three deployed releases, the good ones recorded, made once and copied for each test."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from local_cloudflare.launch import start
from tests.support.environment import Environment
from tests.support.sample_app import deploy_script
from tests.support.wrangler import VERSIONS, command

RELEASES: dict[str, str | None] = {"r1": None, "r2": None, "r3": "throws"}
"""In the order of their deployment; the last is live, and is the bad one."""


@dataclass(frozen=True)
class Seed:
    """The stopped state. Copies share its account id, its token and its CA."""

    path: Path

    def copy(self, to: Path) -> Path:
        """A state directory of one's own; `to` must not exist."""
        return shutil.copytree(self.path, to, symlinks=True)


def build(path: Path) -> Seed:
    """Deploys the releases with the real wrangler into a new state directory, in about 20 seconds."""
    wrangler = command(VERSIONS[0])
    # Not in the state that is copied: a test looks at the runs of its own.
    runs = path.with_name(f"{path.name}-runs")
    with start(path) as instance:
        target = deploy_script.Target(instance.api_url, instance.api_token, instance.account_id)
        for release, bad in RELEASES.items():
            deploy_script.deploy(release, target=target, bad=bad, wrangler=wrangler)
            if bad is None:
                recorded = Environment(instance, runs).play("record.yml")
                assert recorded.code == 0, recorded.output
    return Seed(path)
