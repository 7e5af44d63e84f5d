"""Cloudflare's own Python SDK, in its strict mode, drives a local Cloudflare with three releases on it.

Strict mode validates every answer against the SDK's generated models, which makes it a schema test. Where
the SDK itself is wrong about the real API, the test says so and holds on to that.
"""

import time
from collections.abc import Iterator
from typing import Any

import cloudflare
import pydantic
import pytest
from cloudflare import Cloudflare
from cloudflare.types.pages import Deployment, Project

from local_cloudflare.launch import Instance, start
from tests.support.api import Api
from tests.support.seed import RELEASES, Seed

SCRIPT = "must-be-viral-content-local"
PROJECT = "must-be-viral-local"


@pytest.fixture(scope="module")
def instance(seed: Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with start(seed.copy(tmp_path_factory.mktemp("sdk") / "state")) as running:
        yield running


@pytest.fixture(scope="module")
def api(instance: Instance) -> Api:
    return Api(instance)


def client(instance: Instance, *, strict: bool = True, token: str | None = None) -> Cloudflare:
    return Cloudflare(
        api_token=token or instance.api_token,
        base_url=instance.api_url,
        max_retries=0,
        _strict_response_validation=strict,
    )


@pytest.fixture(scope="module")
def sdk(instance: Instance) -> Iterator[Cloudflare]:
    with client(instance) as strict:
        yield strict


@pytest.fixture(scope="module")
def account(instance: Instance) -> dict[str, Any]:
    return {"account_id": instance.account_id}


# --- account


def test_identity(sdk: Cloudflare, instance: Instance) -> None:
    assert sdk.user.tokens.verify().status == "active"
    assert [account.id for account in sdk.accounts.list()] == [instance.account_id]
    (zone,) = sdk.zones.list(name="mustbeviral.com", account={"id": instance.account_id})
    assert (zone.id, zone.account.id) == (instance.zones["mustbeviral.com"], instance.account_id)
    assert list(sdk.zones.list(name="elsewhere.com")) == []


def test_errors_have_their_classes_and_codes(
    sdk: Cloudflare, instance: Instance, account: dict[str, Any]
) -> None:
    with pytest.raises(cloudflare.NotFoundError) as missing:
        sdk.workers.scripts.deployments.list("nowhere", **account)
    assert [error.code for error in missing.value.errors] == [10007]
    with pytest.raises(cloudflare.NotFoundError) as unknown:
        sdk.pages.projects.get("nowhere", **account)
    assert [error.code for error in unknown.value.errors] == [8000007]
    with pytest.raises((cloudflare.AuthenticationError, cloudflare.PermissionDeniedError)) as refused:
        client(instance, token="x" * 40).accounts.list()
    assert refused.value.errors[0].code in (9109, 10000)


def test_throttling_and_failure(sdk: Cloudflare, api: Api, account: dict[str, Any]) -> None:
    path = f"/scripts/{SCRIPT}/secrets"
    api.fault({"kind": "rate_limit", "match": {"path": path}, "count": 1})
    with pytest.raises(cloudflare.RateLimitError) as throttled:
        sdk.workers.scripts.secrets.list(SCRIPT, **account)
    assert int(throttled.value.response.headers["retry-after"]) > 0
    api.fault({"kind": "error", "status": 502, "match": {"path": path}, "count": 1})
    with pytest.raises(cloudflare.InternalServerError):
        sdk.workers.scripts.secrets.list(SCRIPT, **account)


# --- Workers


def test_versions(sdk: Cloudflare, api: Api, account: dict[str, Any]) -> None:
    page = sdk.workers.scripts.versions.list(SCRIPT, deployable=True, **account)
    assert page.result is not None and page.result.items is not None
    assert [version.number for version in page.result.items] == [3, 2, 1]
    everything = list(sdk.workers.scripts.versions.list(SCRIPT, deployable=True, **account))
    assert len(everything) == 3  # ends, because a second page is empty

    newest = page.result.items[0].id
    assert newest is not None
    raw = sdk.workers.scripts.versions.with_raw_response.get(newest, script_name=SCRIPT, **account)
    version = raw.http_response.json()["result"]
    assert version["annotations"]["workers/tag"] == "r3"
    assert version["resources"]["script_runtime"]["compatibility_date"]
    with pytest.raises(pydantic.errors.PydanticSchemaGenerationError):  # a fault of SDK 5.9.0
        sdk.workers.scripts.versions.get(newest, script_name=SCRIPT, **account)


def test_deployments(sdk: Cloudflare, account: dict[str, Any]) -> None:
    deployments = sdk.workers.scripts.deployments
    page = deployments.list(SCRIPT, **account)
    assert list(page) == []  # a fault of SDK 5.9.0, which looks for them under `items`
    assert page.result is not None and page.result.model_extra is not None
    listed = page.result.model_extra["deployments"]
    assert [deployment["annotations"]["workers/message"][:2] for deployment in listed] == ["r3", "r2", "r1"]

    versions = [{"version_id": listed[1]["versions"][0]["version_id"], "percentage": 100}]
    created = deployments.create(
        SCRIPT,
        strategy="percentage",
        versions=versions,
        annotations={"workers_message": "back to r2"},
        extra_body={"code_update_strategy": {"mode": "immediate"}},
        **account,
    )
    assert created.annotations is not None and created.annotations.workers_message == "back to r2"
    assert created.versions[0].version_id == versions[0]["version_id"]
    assert created.model_extra is not None
    assert created.model_extra["code_update_strategy"] == {"mode": "immediate"}
    assert deployments.get(created.id, script_name=SCRIPT, **account).id == created.id

    deployments.delete(listed[0]["id"], script_name=SCRIPT, **account)
    with pytest.raises(cloudflare.APIStatusError) as refused:
        deployments.delete(created.id, script_name=SCRIPT, **account)
    assert 400 <= refused.value.status_code < 500
    left = deployments.with_raw_response.list(SCRIPT, **account).http_response.json()["result"]["deployments"]
    assert [deployment["id"] for deployment in left] == [created.id, *(old["id"] for old in listed[1:])]


def test_a_changed_secret_must_be_forced(sdk: Cloudflare, account: dict[str, Any]) -> None:
    script = "must-be-viral-auth-local"
    before = sdk.workers.scripts.deployments.list(script, **account).result
    assert before is not None and before.model_extra is not None
    good = before.model_extra["deployments"][1]["versions"]
    secret = sdk.workers.scripts.secrets.update(
        script, name="JWT_SECRET", text="changed", type="secret_text", **account
    )
    assert (secret.name, secret.type) == ("JWT_SECRET", "secret_text")
    assert [known.name for known in sdk.workers.scripts.secrets.list(script, **account)] == ["JWT_SECRET"]

    create = sdk.workers.scripts.deployments.create
    with pytest.raises(cloudflare.BadRequestError) as refused:
        create(script, strategy="percentage", versions=good, **account)
    assert refused.value.errors[0].code == 10220
    assert str(refused.value.errors[0].message).endswith("The following secrets have changed: JWT_SECRET")
    assert create(script, strategy="percentage", versions=good, force=True, **account).versions


def test_settings(sdk: Cloudflare, instance: Instance, account: dict[str, Any]) -> None:
    assert sdk.workers.scripts.schedules.get(SCRIPT, **account).schedules == []
    assert sdk.workers.scripts.subdomain.get(SCRIPT, **account).enabled is False
    settings = sdk.workers.scripts.script_and_version_settings.get(SCRIPT, **account)
    assert settings.compatibility_date == "2026-04-01"
    assert sdk.workers.scripts.settings.get(SCRIPT, **account).logpush is False
    routes = {
        route.script: route.pattern
        for route in sdk.workers.routes.list(zone_id=instance.zones["mustbeviral.com"])
    }
    assert routes[SCRIPT] == "content.mustbeviral.com/*"


# --- Pages

GITHUB = {
    "type": "github",
    "config": {
        "deployments_enabled": True,
        "owner": "must-be-viral",
        "owner_id": "1",
        "path_excludes": [],
        "path_includes": ["*"],
        "pr_comments_enabled": True,
        "preview_branch_excludes": [],
        "preview_branch_includes": ["*"],
        "preview_deployment_setting": "all",
        "production_branch": "main",
        "production_deployments_enabled": True,
        "repo_id": "2",
        "repo_name": "must-be-viral",
    },
}


def valid_but_for_its_source(model: type[pydantic.BaseModel], raw: dict[str, Any]) -> None:
    """The SDK demands a git source, which a project fed by uploads has not."""
    assert raw["source"] is None
    complete = raw | {"source": GITHUB}
    for nested in ("canonical_deployment", "latest_deployment"):
        if complete.get(nested):
            complete[nested] = complete[nested] | {"source": GITHUB}
    model.model_validate(complete)


def test_pages(instance: Instance, api: Api, account: dict[str, Any]) -> None:
    with client(instance, strict=False) as sdk:
        projects = sdk.pages.projects
        valid_but_for_its_source(
            Project, projects.with_raw_response.get(PROJECT, **account).http_response.json()["result"]
        )
        project = projects.get(PROJECT, **account)
        assert project.canonical_deployment is not None and project.latest_deployment is not None
        assert [found.name for found in projects.list(**account)] == [PROJECT]

        deployments = list(projects.deployments.list(PROJECT, env="production", **account))
        messages = [deployment.deployment_trigger.metadata.commit_message[:2] for deployment in deployments]
        assert messages == list(reversed(RELEASES))
        assert list(projects.deployments.list(PROJECT, env="preview", **account)) == []
        assert project.canonical_deployment.id == deployments[0].id

        answer = projects.deployments.with_raw_response.rollback(
            deployments[1].id, project_name=PROJECT, **account
        )
        valid_but_for_its_source(Deployment, answer.http_response.json()["result"])
        after = projects.get(PROJECT, **account)
        assert after.canonical_deployment is not None and after.latest_deployment is not None
        assert after.canonical_deployment.id == deployments[1].id
        assert after.latest_deployment.id == deployments[0].id

        got = projects.deployments.get(deployments[1].id, project_name=PROJECT, **account)
        assert (got.latest_stage.name, got.latest_stage.status) == ("deploy", "success")
        assert len(got.deployment_trigger.metadata.commit_hash) == 40
        with pytest.raises(cloudflare.NotFoundError):
            projects.deployments.rollback(
                "00000000-0000-4000-8000-000000000000", project_name=PROJECT, **account
            )


def test_pages_deployments_can_be_retried_and_deleted(instance: Instance, account: dict[str, Any]) -> None:
    with client(instance, strict=False) as sdk:
        projects = sdk.pages.projects
        oldest = list(projects.deployments.list(PROJECT, **account))[-1]
        again = projects.deployments.retry(oldest.id, project_name=PROJECT, **account)
        assert again.id != oldest.id
        assert again.deployment_trigger.metadata.commit_hash == oldest.deployment_trigger.metadata.commit_hash
        deadline = time.monotonic() + 10
        while (live := projects.get(PROJECT, **account).canonical_deployment) and live.id != again.id:
            assert time.monotonic() < deadline, "the retried deployment did not become live"
            time.sleep(0.05)
        assert live is not None
        with pytest.raises(cloudflare.APIStatusError) as refused:
            projects.deployments.delete(live.id, project_name=PROJECT, **account)
        assert 400 <= refused.value.status_code < 500
        projects.deployments.delete(oldest.id, project_name=PROJECT, **account)
        assert oldest.id not in [d.id for d in projects.deployments.list(PROJECT, **account)]

        domains = {domain.name for domain in projects.domains.list(PROJECT, **account)}
        assert domains == {"mustbeviral.com", "www.mustbeviral.com"}


# --- KV


def test_kv(sdk: Cloudflare, account: dict[str, Any]) -> None:
    namespace = sdk.kv.namespaces.create(title="made-by-the-sdk", **account)
    assert namespace.id in [found.id for found in sdk.kv.namespaces.list(**account)]
    where = {"namespace_id": namespace.id, **account}
    sdk.kv.namespaces.values.update("a/key", value=b"a value", **where)
    assert sdk.kv.namespaces.values.get("a/key", **where).read() == b"a value"
    assert [key.name for key in sdk.kv.namespaces.keys.list(prefix="a/", **where)] == ["a/key"]
    sdk.kv.namespaces.delete(**where)
    assert namespace.id not in [found.id for found in sdk.kv.namespaces.list(**account)]


# --- DNS


def test_dns(sdk: Cloudflare, instance: Instance) -> None:
    records, zone = sdk.dns.records, {"zone_id": instance.zones["mustbeviral.com"]}
    made = records.create(name="status.mustbeviral.com", type="A", content="192.0.2.1", ttl=1, **zone)
    (found,) = records.list(name={"exact": "status.mustbeviral.com"}, type="A", **zone)
    assert found.id == made.id
    edited = records.edit(
        made.id, name="status.mustbeviral.com", type="A", ttl=60, content="192.0.2.2", **zone
    )
    assert (edited.content, edited.ttl) == ("192.0.2.2", 60)
    batch = records.batch(
        deletes=[{"id": made.id}],
        posts=[{"name": "www2.mustbeviral.com", "type": "CNAME", "content": "mustbeviral.com", "ttl": 1}],
        **zone,
    )
    assert batch is not None and batch.deletes and batch.posts
    assert records.delete(str(batch.posts[0].id), **zone)
    assert list(records.list(name={"exact": "status.mustbeviral.com"}, **zone)) == []
