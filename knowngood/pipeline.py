"""What a CI system says of the job that runs, and what it wants to be told.

Sources: https://docs.github.com/en/actions/reference/workflows-and-actions/variables,
https://docs.gitlab.com/ci/variables/predefined_variables/
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["about", "tell"]


def about(environ: Mapping[str, str]) -> dict[str, str]:
    """``incident``, ``detected_by`` and ``evidence`` of a rollback that this pipeline starts; empty outside of one.

    A pipeline that is run again is the same incident: a rollback that did not help once is not repeated.
    """
    if environ.get("GITHUB_ACTIONS") == "true":
        run = environ["GITHUB_RUN_ID"]
        url = f"{environ['GITHUB_SERVER_URL']}/{environ['GITHUB_REPOSITORY']}/actions/runs/{run}"
        return {"incident": f"github-{run}", "detected_by": "GitHub Actions", "evidence": url}
    if environ.get("GITLAB_CI") == "true":
        incident = f"gitlab-{environ['CI_PIPELINE_ID']}"
        return {"incident": incident, "detected_by": "GitLab CI", "evidence": environ["CI_PIPELINE_URL"]}
    return {}


def tell(environ: Mapping[str, str], outputs: Mapping[str, str]) -> None:
    """Outputs of the step, and what its page shows, where GitHub gave files for them."""
    if name := environ.get("GITHUB_OUTPUT"):
        with Path(name).open("a", encoding="utf-8") as file:
            # A line break would begin an output of its own.
            file.writelines(f"{key}={' '.join(value.split())}\n" for key, value in outputs.items())
    if name := environ.get("GITHUB_STEP_SUMMARY"):
        summary = Path(outputs["report"]).with_suffix(".md") if outputs.get("report") else None
        text = f"**{outputs['verdict']}**: {outputs['message']}\n"
        if summary is not None and summary.is_file():
            text += f"\n{summary.read_text(encoding='utf-8')}\n"
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(text)
