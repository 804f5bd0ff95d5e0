"""Who may call: tokens, their scopes, and where it listens without any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.settings import ServeSettings
from api.tokens import Scope, Tokens, read_tokens
from fingerprint_testing.served_api import ServedApi, served_api
from udfs.errors import ConfigError

SCORE, READ, BOTH = "s" * 32, "r" * 32, "b" * 40
TOKENS = f"score:{SCORE} read:{READ}\nscore,read:{BOTH}"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApi]:
    environ = {"FINGERPRINT_API_TOKENS": TOKENS}
    with served_api(tmp_path_factory.mktemp("guarded"), "--host", "0.0.0.0", environ=environ) as served:  # noqa: S104
        served.url = served.url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        yield served


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("headers", "scores", "reads"),
    [
        ({}, 401, 401),
        (bearer("x" * 32), 401, 401),
        (bearer(SCORE[:-1]), 401, 401),
        (bearer(SCORE + "s"), 401, 401),
        (bearer(""), 401, 401),
        ({"authorization": f"Basic {SCORE}"}, 401, 401),
        ({"authorization": SCORE}, 401, 401),
        (bearer(SCORE), 422, 403),
        ({"authorization": f"bearer {SCORE}"}, 422, 403),
        (bearer(READ), 403, 503),
        (bearer(BOTH), 422, 503),
    ],
)
def test_a_token_opens_the_paths_of_its_scopes(
    headers: dict[str, str], scores: int, reads: int, guarded: ServedApi
) -> None:
    scoring, reading = guarded.post("/v1/score", {}, headers=headers), guarded.get("/v1/alerts", headers=headers)
    assert (scoring.status_code, reading.status_code) == (scores, reads)
    if scores == 401:
        assert scoring.headers["www-authenticate"] == "Bearer"
    for answer in (scoring, reading):
        assert SCORE not in answer.text
        assert answer.json()["status"] == answer.status_code


def test_health_needs_no_token_and_no_name(guarded: ServedApi) -> None:
    for path in ("/healthz", "/readyz"):
        assert guarded.get(path, headers={"host": "pod.cluster"}).json() == {"status": "ok"}


def test_a_token_may_be_used_under_any_name(guarded: ServedApi) -> None:
    assert guarded.get("/v1/model", headers={**bearer(SCORE), "host": "api.example.com"}).status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc"])
def test_there_are_no_docs_unless_asked_for(path: str, guarded: ServedApi, api: ServedApi) -> None:
    assert guarded.get(path).status_code == 404
    if path != "/redoc":
        assert api.get(path).status_code == 200


def test_a_file_of_tokens_is_its_owners_only(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# of the desk\nscore:{SCORE}  # until June\n\nread:{READ}\n")
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="Expected .* readable by its owner only, found .* chmod 600"):
        read_tokens({}, file)
    file.chmod(0o600)
    tokens = read_tokens({"FINGERPRINT_API_TOKENS": f"read:{BOTH}"}, file)
    assert [sorted(caller.scopes) for caller in tokens.callers] == [[Scope.SCORE], [Scope.READ]]
    assert tokens.find(f"Bearer {BOTH}") is None
    assert SCORE not in repr(tokens) + repr(ServeSettings(tokens=tokens, database_url="postgresql://u:secret@h/d"))
    assert "secret" not in repr(ServeSettings(database_url="postgresql://u:secret@h/d"))


@pytest.mark.parametrize(
    "text",
    ["score:short", SCORE, f"admin:{SCORE}", f":{SCORE}", f"score,:{SCORE}", f"score {SCORE}", f"score:é{SCORE}"],
)
def test_a_word_that_is_no_token_is_a_sentence_without_it(text: str) -> None:
    with pytest.raises(ConfigError, match=r"Expected SCOPE:TOKEN, .*, found another form in word 1 of FINGER") as error:
        read_tokens({"FINGERPRINT_API_TOKENS": text}, None)
    assert SCORE not in str(error.value)


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Expected tokens in .*, found that it cannot be read"):
        read_tokens({}, tmp_path / "none")


def test_tokens_of_the_same_text_have_all_scopes() -> None:
    (caller,) = read_tokens({"FINGERPRINT_API_TOKENS": f"score:{SCORE} read:{SCORE}"}, None).callers
    assert caller.scopes == {Scope.SCORE, Scope.READ}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104
def test_others_are_let_in_with_tokens_only(host: str) -> None:
    with pytest.raises(ConfigError, match=f"Expected tokens before others .*, found none for {host}: "):
        ServeSettings(host=host)
    assert ServeSettings(host=host, tokens=read_tokens({"FINGERPRINT_API_TOKENS": TOKENS}, None)).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2", "::1"])
def test_this_machine_is_let_in_without(host: str) -> None:
    assert ServeSettings(host=host).tokens == Tokens()


def test_a_name_that_is_none_is_a_sentence() -> None:
    with pytest.raises(ConfigError, match="Expected a name or an address of this machine, found nobody.invalid"):
        ServeSettings(host="nobody.invalid")


def test_a_mistake_at_the_start_is_a_sentence(api: ServedApi, tmp_path: Path) -> None:
    port: Any = api.url.rpartition(":")[2]
    for options, said in (
        (("--host", "0.0.0.0"), "Expected tokens before others"),  # noqa: S104
        (("--port", port), f"Expected to serve on port {port} of 127.0.0.1, found Address already in use"),
        (("--model", str(tmp_path)), "Expected a model artifact in"),
    ):
        with pytest.raises(RuntimeError, match=said), served_api(tmp_path, *options):
            pass
