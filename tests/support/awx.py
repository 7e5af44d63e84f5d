"""AWX's API as far as the modules of `awx.awx` use it: objects by the recorded schema of AWX 24.6.1, in memory.

`awx_schema.json` was recorded from a real AWX 24.6.1 that ran from its source (OPTIONS of every endpoint, and the
links of an object). Rules that no schema says are written here, as AWX's answers showed them.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Item = dict[str, Any]
SCHEMA: dict[str, Any] = json.loads(Path(__file__).with_name("awx_schema.json").read_text())
TEMPLATES = ("projects", "inventory_sources", "job_templates", "workflow_job_templates")
TOKEN = "token-of-awx"
# What AWX never shows again, and where a name has to be unique.
SECRET_SETTINGS = ("password", "token", "integration_key")
UNIQUE_WITH = {"schedules": "unified_job_template", "inventory_sources": "inventory"}


class Refused(Exception):
    """Answered with 400 and these words."""


class Awx:
    """`objects` by endpoint; `links` are the ids that are associated at a path; `writes` are method and path."""

    def __init__(self, playbooks: set[str]) -> None:
        self.playbooks = playbooks
        self.objects: dict[str, list[Item]] = {endpoint: [] for endpoint in SCHEMA}
        self.links: dict[str, list[int]] = {}
        self.surveys: dict[str, Item] = {}
        self.writes: list[str] = []
        self.url = ""
        self._last_id = 0

    # --- for tests

    def named(self, endpoint: str, name: str) -> Item:
        return next(
            item for item in self.objects[endpoint] if name in (item.get("name"), item.get("identifier"))
        )

    def names(self, endpoint: str) -> set[str]:
        return {item["name"] for item in self.objects[endpoint]}

    def linked(self, item: Item, what: str) -> list[int]:
        return self.links.get(f"{item['url']}{what}/", [])

    def survey(self, item: Item) -> list[Item]:
        return list(self.surveys[item["url"] + "survey_spec/"]["spec"])

    # --- for the modules

    def answer(self, method: str, url: str, body: Any) -> tuple[int, Any]:
        parts = urlsplit(url)
        if method != "GET":
            self.writes.append(f"{method} {parts.path}")
        found = re.fullmatch(r"/api/v2/(\w+)/(?:(\d+)/(?:(\w+)/)?)?", parts.path)
        if not found:
            return 404, {"detail": "Not found."}
        endpoint, number, sub = found.groups()
        if number is None:
            return self._collection(method, endpoint, dict(parse_qsl(parts.query)), body)
        if endpoint == "roles":
            return self._association(method, parts.path, body)
        item = next((each for each in self.objects.get(endpoint, []) if each["id"] == int(number)), None)
        if item is None:
            return 404, {"detail": "Not found."}
        if sub is None:
            if method == "PATCH":
                self._set(endpoint, item, body)
            return 200, self._shown(endpoint, item)
        return self._sub(method, endpoint, item, sub, body)

    def _collection(self, method: str, endpoint: str, asked: dict[str, str], body: Any) -> tuple[int, Any]:
        if method == "POST":
            item = self._new(endpoint)
            self._set(endpoint, item, body, new=True)
            self.objects[endpoint].append(item)
            return 201, self._shown(endpoint, item)
        if endpoint == "unified_job_templates":
            found = [(each, item) for each in TEMPLATES for item in self.objects[each]]
        elif endpoint in SCHEMA:
            found = [(endpoint, item) for item in self.objects[endpoint]]
        else:
            return 404, {"detail": "Not found."}
        found = [(each, item) for each, item in found if _matches(item, asked)]
        shown = [self._shown(each, item) for each, item in found]
        return 200, {"count": len(shown), "next": None, "previous": None, "results": shown}

    def _new(self, endpoint: str) -> Item:
        self._last_id += 1
        url = f"/api/v2/{endpoint}/{self._last_id}/"
        schema = SCHEMA[endpoint]
        return {
            "id": self._last_id,
            "type": schema["type"],
            "url": url,
            "related": {name: f"{url}{name}/" for name in schema["related"]},
            "summary_fields": {
                "object_roles": {
                    role: {"id": self._last_id * 100 + n} for n, role in enumerate(schema["roles"])
                }
            },
        }

    def _set(self, endpoint: str, item: Item, given: Item, *, new: bool = False) -> None:
        fields = SCHEMA[endpoint]["fields"]
        if endpoint == "workflow_approval_templates":
            fields = {name: {"type": "string"} for name in ("name", "description")} | {
                "timeout": {"type": "integer"}
            }
        told = {name: value for name, value in given.items() if name in fields}
        for name, field in fields.items():
            if new and field.get("required") and told.get(name) in (None, ""):
                raise Refused({name: ["This field is required."]})
            if new:
                told.setdefault(name, field.get("default", "" if field["type"] == "string" else None))
        for name, value in told.items():
            _check(name, value, fields[name])
        item |= told
        if endpoint == "job_templates":
            item["organization"] = next(
                each["organization"] for each in self.objects["projects"] if each["id"] == item["project"]
            )
            if item["playbook"] not in self.playbooks:
                raise Refused({"playbook": ["Playbook not found for project."]})
        if endpoint == "projects":
            item["scm_revision"] = "5d3f0c0"
        if endpoint == "credential_types":
            item["managed"] = False
        if endpoint == "inventory_sources":
            item["organization"] = None
        if endpoint == "schedules":
            self._check_schedule(item)
        with_ = UNIQUE_WITH.get(endpoint, "organization")
        if endpoint in self.objects and any(
            other["name"] == item["name"]
            and other.get(with_) == item.get(with_)
            and other["id"] != item["id"]
            for other in self.objects[endpoint]
            if "name" in other
        ):
            raise Refused({"__all__": [f"{item['type']} with this name already exists."]})

    def _check_schedule(self, schedule: Item) -> None:
        """A schedule may say what its template asks for at launch, and says what its survey requires."""
        if not re.fullmatch(
            r"DTSTART;TZID=\S+:\d{8}T\d{6} RRULE:FREQ=\w+;INTERVAL=\d+\S*", schedule["rrule"]
        ):
            raise Refused({"rrule": ["rrule is not valid"]})
        template = next(
            item
            for each in TEMPLATES
            for item in self.objects[each]
            if item["id"] == schedule["unified_job_template"]
        )
        if schedule["job_tags"] and not template.get("ask_tags_on_launch"):
            raise Refused({"job_tags": ["Field is not configured to prompt on launch."]})
        asked = self.survey(template) if template.get("survey_enabled") else []
        unknown = set(schedule["extra_data"]) - {question["variable"] for question in asked}
        if unknown and not template.get("ask_variables_on_launch"):
            raise Refused({"extra_data": [f"Variables {sorted(unknown)} are not allowed on launch."]})
        for question in asked:
            if question["required"] and not schedule["extra_data"].get(question["variable"]):
                raise Refused({"variables_needed_to_start": [f"'{question['variable']}' value missing"]})

    def _sub(self, method: str, endpoint: str, item: Item, sub: str, body: Any) -> tuple[int, Any]:
        path = f"{item['url']}{sub}/"
        if sub == "survey_spec":
            if method == "POST":
                _check_survey(body)
                self.surveys[path] = body
            return 200, self.surveys.get(path, {})
        if sub == "update" and method == "POST":
            return 202, {"id": item["id"], "status": "pending", "url": f"{item['url']}finished/"}
        if sub == "finished":
            return 200, {"finished": "now", "failed": False, "status": "successful"}
        if sub == "create_approval_template" and method == "POST":
            template = self._approval(body)
            item["unified_job_template"] = template["id"]
            item["related"]["unified_job_template"] = template["url"]
            return 201, template
        if sub not in SCHEMA[endpoint]["related"]:
            return 404, {"detail": "Not found."}
        return self._association(method, path, body)

    def _approval(self, body: Item) -> Item:
        SCHEMA.setdefault(
            "workflow_approval_templates",
            {"type": "workflow_approval_template", "related": [], "roles": [], "fields": {}},
        )
        template = self._new("workflow_approval_templates")
        self._set("workflow_approval_templates", template, body)
        self.objects.setdefault("workflow_approval_templates", []).append(template)
        return template

    def _association(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        ids = self.links.setdefault(path, [])
        if method == "GET":
            return 200, {"count": len(ids), "next": None, "results": [{"id": each} for each in ids]}
        if body.get("disassociate"):
            ids.remove(body["id"])
        else:
            ids.append(body["id"])
        return 204, None

    def _shown(self, endpoint: str, item: Item) -> Item:
        """As AWX shows it: without secrets."""
        shown = dict(item)
        if endpoint == "credentials":
            kind = next(
                each for each in self.objects["credential_types"] if each["id"] == item["credential_type"]
            )
            secret = {field["id"] for field in kind["inputs"]["fields"] if field.get("secret")}
            shown["inputs"] = {
                k: "$encrypted$" if k in secret and v else v for k, v in item["inputs"].items()
            }
        if endpoint == "notification_templates":
            shown["notification_configuration"] = {
                name: "$encrypted$" if name in SECRET_SETTINGS and value else value
                for name, value in item["notification_configuration"].items()
            }
        return shown


def _matches(item: Item, asked: dict[str, str]) -> bool:
    either = [str(item.get(name[4:])) == value for name, value in asked.items() if name.startswith("or__")]
    others = [
        str(item.get(name)) == value
        for name, value in asked.items()
        if not name.startswith("or__") and name not in ("page_size", "order_by")
    ]
    return all(others) and (any(either) or not either)


def _check(name: str, value: Any, field: Item) -> None:
    if "choices" in field and value is not None and value not in field["choices"]:
        raise Refused({name: [f'"{value}" is not a valid choice.']})
    right = {"boolean": bool, "integer": int, "id": int, "string": str}.get(field["type"])
    if value is not None and value != "" and right is not None and not isinstance(value, right):
        raise Refused({name: [f"{value!r} is not a valid {field['type']}."]})
    if isinstance(value, str) and len(value) > field.get("max_length", len(value)):
        raise Refused({name: [f"Ensure this field has no more than {field['max_length']} characters."]})


def _check_survey(survey: Item) -> None:
    for name in ("name", "description", "spec"):
        if name not in survey:
            raise Refused({"error": f"'{name}' missing from survey spec."})
    if not survey["spec"]:
        raise Refused({"error": "'spec' doesn't contain any items."})
    for question in survey["spec"]:
        for name in ("type", "question_name", "variable", "required"):
            if name not in question:
                raise Refused({"error": f"'{name}' missing from survey question."})
        if question["type"] == "multiplechoice" and question["default"] not in (*question["choices"], ""):
            raise Refused({"error": "Default choice must be answered from the choices listed."})


@contextmanager
def running(playbooks: set[str]) -> Iterator[Awx]:
    """Serve inside the block, on loopback."""
    awx = Awx(playbooks)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def _handle(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, told = 401, {"detail": "Authentication credentials were not provided."}
            else:
                try:
                    status, told = awx.answer(self.command, self.path, json.loads(data) if data else {})
                except Refused as refused:
                    status, told = 400, refused.args[0]
            payload = b"" if told is None else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.send_header("X-API-Product-Name", "AWX")
            self.send_header("X-API-Product-Version", "24.6.1")
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PATCH = do_DELETE = _handle

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    awx.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield awx
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
