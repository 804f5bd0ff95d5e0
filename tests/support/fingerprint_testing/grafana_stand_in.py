"""An HTTP server that answers as Grafana's API does to what `fingerprint grafana push` asks.

It is no Grafana: it keeps what it is sent, checks who asks, and runs SQL on the PostgreSQL that the data source names,
with the macros that Grafana's server would expand. To PromQL it answers that there is one sample.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg2

from fingerprint_testing.macro_expansion import Span, expand

Json = dict[str, Any]

NUMBERS = (int, float)
SAMPLE = {"schema": {"fields": [{"name": "Time"}, {"name": "Value"}]}, "data": {"values": [[0], [1.5]]}}
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass
class State:
    """What a Grafana keeps; a test may put in what was there before."""

    token: str = "let-me-in"  # noqa: S105  # of this server only
    user: tuple[str, str] = ("ann", "secret")
    may_write: bool = True
    sick: dict[str, tuple[int, Json]] = field(default_factory=dict)
    """By uids of data sources, status and answer to whoever tries one."""
    folders: list[Json] = field(default_factory=list)
    sources: dict[str, Json] = field(default_factory=dict)
    dashboards: dict[str, Json] = field(default_factory=dict)
    rules: dict[str, Json] = field(default_factory=dict)
    writes: list[tuple[str, str, Json]] = field(default_factory=list)
    queries: list[Json] = field(default_factory=list)

    def knows(self, header: str) -> bool:
        basic = base64.b64encode(":".join(self.user).encode()).decode()
        return header in (f"Bearer {self.token}", f"Basic {basic}")


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(status)
        self.status, self.body = status, body


def not_found() -> Refused:
    return Refused(404, {"message": "not found"})


class Handler(BaseHTTPRequestHandler):
    state: State

    def log_message(self, *_arguments: object) -> None:
        pass

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"null")
        try:
            status, said = 200, self.route(self.command, self.path.removeprefix("/api"), body)
        except Refused as refused:
            status, said = refused.status, refused.body
        content = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = answer

    def route(self, method: str, path: str, body: Json) -> Any:
        if path == "/health":
            return {"database": "ok", "version": "13.2.3", "commit": "0"}
        if not self.state.knows(self.headers.get("Authorization", "")):
            raise Refused(401, {"message": "Invalid API key", "messageId": "api-key.invalid"})
        if path == "/ds/query":
            return self.run_queries(body)
        if method == "GET":
            return self.read(path)
        if not self.state.may_write:
            raise Refused(403, {"message": "You'll need additional permissions to perform this action."})
        self.state.writes.append((method, path, body))
        return self.write(method, path, body)

    def read(self, path: str) -> Any:
        state, last = self.state, path.rpartition("/")[2]
        if path == "/org":
            return {"id": 1, "name": "Main Org."}
        if path == "/folders":
            return state.folders
        if path == "/datasources":
            return list(state.sources.values())
        if path.startswith("/datasources/uid/") and last == "health":
            return self.health(state.sources[path.split("/")[3]])
        found = {"/datasources/uid/": state.sources, "/dashboards/uid/": state.dashboards}.get(path[: -len(last)])
        if found is not None:
            if last not in found:
                raise not_found()
            return found[last]
        if path == "/v1/provisioning/alert-rules":
            return list(state.rules.values())
        raise not_found()

    def write(self, method: str, path: str, body: Json) -> Any:
        state = self.state
        if (method, path) == ("POST", "/folders"):
            state.folders.append(body)
            return body
        if path.startswith("/datasources"):
            known = path.rpartition("/")[2] if method == "PUT" else None
            if known is None and any(body["name"] == source["name"] for source in state.sources.values()):
                raise Refused(409, {"message": "data source with the same name already exists"})
            state.sources[known or body["uid"]] = body
            return {"datasource": body, "message": "Datasource added"}
        if (method, path) == ("POST", "/dashboards/db"):
            uid = body["dashboard"]["uid"]
            if uid in state.dashboards and not body["overwrite"]:
                raise Refused(412, {"message": "A dashboard with the same uid already exists"})
            version = 1 + state.dashboards.get(uid, {"dashboard": {"version": 0}})["dashboard"]["version"]
            saved = body["dashboard"] | {"id": 7, "version": version}
            state.dashboards[uid] = {"dashboard": saved, "meta": {"folderUid": body["folderUid"], "provisioned": False}}
            return {"status": "success", "uid": uid, "version": version}
        if method == "PUT" and re.fullmatch(r"/v1/provisioning/folder/[\w-]+/rule-groups/\w+", path):
            state.rules |= {rule["uid"]: rule | {"provenance": "api"} for rule in body["rules"]}
            return body
        raise not_found()

    def health(self, source: Json) -> Json:
        if source["uid"] in self.state.sick:
            raise Refused(*self.state.sick[source["uid"]])
        if source["type"] == "prometheus":
            return {"status": "OK", "message": "Successfully queried the Prometheus API."}
        try:
            with closing(connect(source)):
                return {"status": "OK", "message": "Database Connection OK"}
        except psycopg2.OperationalError as error:
            message = str(error).strip().splitlines()[-1]
            raise Refused(400, {"status": "ERROR", "message": f"failed to connect to server: {message}"}) from error

    def run_queries(self, body: Json) -> Json:
        results: Json = {}
        for query in body["queries"]:
            self.state.queries.append(query)
            source = self.state.sources[query["datasource"]["uid"]]
            if source["type"] == "prometheus":
                results[query["refId"]] = {"status": 200, "frames": [SAMPLE]}
                continue
            span = Span(start=at(body["from"]), end=at(body["to"]), interval_s=query["intervalMs"] // 1000)
            sql = expand(query["rawSql"], (), {}, span)
            try:
                results[query["refId"]] = {"status": 200, "frames": [run(source, sql)]}
            except psycopg2.Error as error:
                results[query["refId"]] = {"status": 400, "error": f"db query error: {error}".partition("\n")[0]}
        if any("error" in result for result in results.values()):
            raise Refused(400, {"results": results})
        return {"results": results}


def connect(source: Json) -> Any:
    host, _, port = source["url"].partition(":")
    return psycopg2.connect(
        host=host,
        port=int(port),
        user=source["user"],
        password=source["secureJsonData"]["password"],
        dbname=source["jsonData"]["database"],
        connect_timeout=5,
    )


def run(source: Json, sql: str) -> Json:
    with closing(connect(source)) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        names = [column.name for column in cursor.description or ()]
        rows = cursor.fetchall()
    columns = [[to_json(row[i]) for row in rows] for i in range(len(names))]
    return {"schema": {"fields": [{"name": name} for name in names]}, "data": {"values": columns}}


def to_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    return value if value is None or isinstance(value, (bool, str, *NUMBERS)) else str(value)


def at(text: str) -> datetime:
    match = re.fullmatch(r"now(?:-(\d+)([smhd]))?", text)
    assert match is not None, text
    return datetime.now(UTC) - (timedelta(**{UNITS[match[2]]: int(match[1])}) if match[1] else timedelta(0))


@contextmanager
def serve(state: State) -> Iterator[str]:
    """Serve until the block ends, and yield the address."""
    handler = type("HandlerOfState", (Handler,), {"state": state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
