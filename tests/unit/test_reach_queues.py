"""Queues and buckets, with the answers that wrangler 4.86 is written for, and short pages: the local Cloudflare
has none of them."""

from typing import Any, cast

import pytest

from plugins.module_utils.cloudflare.client import Client
from plugins.module_utils.cloudflare.errors import Refused
from plugins.module_utils.cloudflare.reach import Reach
from plugins.module_utils.release.model import Component

WORKER = Component("jobs", "worker", "jobs")


class Answers:
    """``read`` of a client: one version with one binding, no queue and no bucket but those named."""

    def __init__(self, binding: dict[str, str], *there: str) -> None:
        self.binding = binding
        self.there = there

    def read(self, path: str, **params: Any) -> Any:
        if path.startswith("workers/scripts/jobs/versions/"):
            return {"resources": {"bindings": [{"name": "IT", **self.binding}]}}
        if path == "storage/kv/namespaces":
            first = (params["page"] - 1) * 50  # however many were asked for
            return [{"id": id_} for id_ in self.there[first : first + 50]]
        if path == "queues":
            return [{"queue_name": name} for name in self.there if name == params["name"]]
        if path.removeprefix("r2/buckets/") in self.there:
            return {"name": path.removeprefix("r2/buckets/")}
        raise Refused("The specified bucket does not exist.", code=10006)


QUEUE = {"type": "queue", "queue_name": "work"}
BUCKET = {"type": "r2_bucket", "bucket_name": "files"}


@pytest.mark.parametrize(
    ("binding", "there", "gone"),
    [
        (QUEUE, ("work",), None),
        (QUEUE, (), "queue work (binding IT)"),
        (BUCKET, ("files",), None),
        (BUCKET, (), "R2 bucket files (binding IT)"),
        # It is not found among the others, wherever it is.
        ({**BUCKET, "jurisdiction": "eu"}, (), None),
    ],
)
def test_a_queue_and_a_bucket(binding: dict[str, str], there: tuple[str, ...], gone: str | None) -> None:
    client = cast(Client, Answers(binding, *there))
    said = Reach(client).why_unreachable({WORKER: ("old", "new")})
    assert said == ({} if gone is None else {"jobs": f"old is bound to what is not there any more: {gone}"})


@pytest.mark.parametrize(
    ("number", "is_there"), [(0, True), (49, True), (50, True), (119, True), (120, False)]
)
def test_a_page_that_is_shorter_than_asked_is_not_the_end(number: int, is_there: bool) -> None:
    binding = {"type": "kv_namespace", "namespace_id": f"namespace-{number}"}
    client = cast(Client, Answers(binding, *(f"namespace-{each}" for each in range(120))))
    assert (Reach(client).why_unreachable({WORKER: ("old", "new")}) == {}) is is_there
