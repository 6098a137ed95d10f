"""The client of the Swoogo API: token, quota, retries, errors."""

from __future__ import annotations

import base64
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3
from requests_mock import ANY
from target_swoogo.answers import NotFound, OutcomeUnknown, Refused, Unavailable
from target_swoogo.errors import TargetError
from target_swoogo.model import Kind
from target_swoogo.quota import Quota, QuotaSpent
from target_swoogo.swoogo import Swoogo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from requests_mock import Mocker

API = "https://swoogo.test/api/v1"
TOKEN = {"access_token": "t0ken", "expires_at": "2027-03-01 12:30:00", "type": "bearer"}
DATE = {"Date": "Mon, 01 Mar 2027 12:00:00 GMT"}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(clock: Clock, requests_mock: Mocker) -> Iterator[Swoogo]:
    requests_mock.post(f"{API}/oauth2/token.json", json=TOKEN, headers=DATE)
    quota = Quota(10, 100_000, clock=clock, sleep=clock.sleep)
    client = Swoogo(API, "a key", "s/cret", quota, clock=clock, sleep=clock.sleep)
    yield client
    client.close()


def tokens(requests_mock: Mocker) -> int:
    return sum("oauth2" in request.path for request in requests_mock.request_history)


def test_the_token_is_fetched_as_documented(client: Swoogo, requests_mock: Mocker) -> None:
    requests_mock.get(f"{API}/events/7.json", json={"id": 7})
    client.event(7)
    asked, used = requests_mock.request_history
    assert asked.text == "grant_type=client_credentials"
    encoded = asked.headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(encoded) == b"a+key:s%2Fcret"
    assert used.headers["Authorization"] == "Bearer t0ken"


def test_no_password_of_the_machine_takes_the_place_of_the_token(
    clock: Clock, requests_mock: Mocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords = tmp_path / "netrc"
    passwords.write_text("machine swoogo.test login somebody password theirs\n")
    monkeypatch.setenv("NETRC", str(passwords))
    requests_mock.post(f"{API}/oauth2/token.json", json=TOKEN, headers=DATE)
    requests_mock.get(f"{API}/events/7.json", json={"id": 7})
    quota = Quota(10, 100_000, clock=clock, sleep=clock.sleep)
    client = Swoogo(API, "key", "secret", quota, clock=clock, sleep=clock.sleep)
    client.event(7)
    assert requests_mock.last_request.headers["Authorization"] == "Bearer t0ken"


def test_the_proxy_and_the_certificates_of_the_environment_are_used(
    clock: Clock, requests_mock: Mocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ours.pem")
    requests_mock.post(f"{API}/oauth2/token.json", json=TOKEN, headers=DATE)
    requests_mock.get(f"{API}/events/7.json", json={"id": 7})
    quota = Quota(10, 100_000, clock=clock, sleep=clock.sleep)
    Swoogo(API, "key", "secret", quota, clock=clock, sleep=clock.sleep).event(7)
    assert requests_mock.last_request.proxies["https"] == "http://proxy.test:3128"
    assert requests_mock.last_request.verify == "/etc/ours.pem"


def test_a_token_is_renewed_before_it_expires(
    client: Swoogo, clock: Clock, requests_mock: Mocker
) -> None:
    requests_mock.get(f"{API}/events/7.json", json={"id": 7})
    client.event(7)
    clock.now = 28 * 60
    client.event(7)
    assert tokens(requests_mock) == 1
    clock.now = 29 * 60 + 1
    client.event(7)
    assert tokens(requests_mock) == 2


def test_a_401_renews_the_token_once(client: Swoogo, requests_mock: Mocker) -> None:
    requests_mock.get(f"{API}/events/7.json", [{"status_code": 401}, {"json": {"id": 7}}])
    assert client.event(7) == {"id": 7}
    assert tokens(requests_mock) == 2
    requests_mock.get(f"{API}/events/8.json", status_code=401, json={})
    with pytest.raises(TargetError, match="refuses a token"):
        client.event(8)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_bad_credentials_are_one_sentence(
    client: Swoogo, requests_mock: Mocker, status: int
) -> None:
    requests_mock.post(f"{API}/oauth2/token.json", status_code=status, json={"message": "no"})
    with pytest.raises(TargetError, match="My Profile > API Credentials") as caught:
        client.event(7)
    assert caught.value.code == "swoogo_credentials"
    assert "s/cret" not in str(caught.value)


def test_an_unreachable_host_is_one_sentence(client: Swoogo, requests_mock: Mocker) -> None:
    requests_mock.post(f"{API}/oauth2/token.json", exc=requests.ConnectTimeout)
    with pytest.raises(TargetError, match="check the setting api_url") as caught:
        client.event(7)
    assert caught.value.code == "swoogo_unreachable"


@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 500, "text": "<html>Oops</html>"},
        {"status_code": 502, "text": ""},
        {"status_code": 503, "json": {"message": "down"}},
        {"status_code": 200, "text": "<html>Maintenance</html>"},
        {"exc": requests.ConnectionError},
        {"exc": requests.ReadTimeout},
        {"exc": requests.exceptions.ChunkedEncodingError},
    ],
)
def test_a_read_or_update_without_a_usable_answer_is_tried_again(
    client: Swoogo, clock: Clock, requests_mock: Mocker, answer: dict[str, Any]
) -> None:
    requests_mock.put(f"{API}/tracks/update/5.json", [answer, answer, {"json": {"id": 5}}])
    client.update(Kind.TRACK, 5, 7, {"name": "Web"})
    assert clock.slept == [1.0, 2.0]
    requests_mock.put(f"{API}/tracks/update/5.json", [answer])
    with pytest.raises(Unavailable):
        client.update(Kind.TRACK, 5, 7, {"name": "Web"})


@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 500, "text": "<html>Oops</html>"},
        {"status_code": 503, "json": {"message": "down"}},
        {"status_code": 200, "text": "<html>Maintenance</html>"},
        {"status_code": 201, "json": {"name": "Web"}},
        {"status_code": 201, "text": '{"id": 5, "na'},
        {"exc": requests.ConnectionError},
        {"exc": requests.ReadTimeout},
        {"exc": requests.exceptions.ChunkedEncodingError},
    ],
)
def test_a_create_without_a_usable_answer_is_never_repeated(
    client: Swoogo, requests_mock: Mocker, answer: dict[str, Any]
) -> None:
    creates = requests_mock.post(f"{API}/tracks/create.json", [answer])
    with pytest.raises(OutcomeUnknown):
        client.create(Kind.TRACK, 7, {"name": "Web"})
    assert creates.call_count == 1


def test_a_create_that_was_never_sent_is_tried_again(client: Swoogo, requests_mock: Mocker) -> None:
    reason = urllib3.exceptions.NewConnectionError(None, "refused")  # type: ignore[arg-type]
    refused = requests.ConnectionError(urllib3.exceptions.MaxRetryError(None, "", reason))  # type: ignore[arg-type]
    creates = requests_mock.post(
        f"{API}/tracks/create.json",
        [{"exc": refused}, {"exc": requests.ConnectTimeout}, {"json": {"id": 5}}],
    )
    assert client.create(Kind.TRACK, 7, {"name": "Web"}) == {"id": 5}
    assert creates.call_count == 3


def test_bodies_are_form_encoded_and_empty_values_left_out_of_creates(
    client: Swoogo, requests_mock: Mocker
) -> None:
    creates = requests_mock.post(f"{API}/sessions/create.json", json={"id": 5})
    fields = {"name": "A & B", "description": None, "capacity": 20}
    client.create(Kind.SESSION, 7, fields)
    assert creates.last_request is not None
    assert creates.last_request.text == "event_id=7&name=A+%26+B&capacity=20"
    updates = requests_mock.put(f"{API}/sessions/update/5.json", json={"id": 5})
    client.update(Kind.SESSION, 5, 7, {"name": "A", "description": None})
    assert updates.last_request is not None
    assert updates.last_request.text == "event_id=7&name=A&description="


@pytest.mark.parametrize("status", [422, 200])
def test_a_422_keeps_its_message_even_inside_a_200(
    client: Swoogo, requests_mock: Mocker, status: int
) -> None:
    complaints = [{"field": "name", "message": "Name is too long."}]
    requests_mock.post(f"{API}/tracks/create.json", status_code=status, json=complaints)
    with pytest.raises(Refused, match="name: Name is too long") as caught:
        client.create(Kind.TRACK, 7, {"name": "x"})
    assert caught.value.fields == {"name"}


def test_404_403_and_other_refusals_are_told_apart(client: Swoogo, requests_mock: Mocker) -> None:
    requests_mock.get(ANY, status_code=404, json={"message": "gone"})
    with pytest.raises(NotFound):
        client.event(7)
    requests_mock.get(ANY, status_code=403, json={})
    with pytest.raises(TargetError, match="lacks the right"):
        client.event(7)
    requests_mock.get(ANY, status_code=405, json={"message": "Method Not Allowed"})
    with pytest.raises(Refused, match="405: Method Not Allowed"):
        client.event(7)


@pytest.mark.parametrize("method", ["get", "create"])
def test_a_429_waits_and_any_call_is_repeated(
    client: Swoogo, clock: Clock, requests_mock: Mocker, method: str
) -> None:
    busy = {"status_code": 429, "headers": {"Retry-After": "30"}, "json": {}}
    answers = [busy, {"json": {"id": 5}}]
    if method == "get":
        requests_mock.get(f"{API}/events/5.json", answers)
        assert client.event(5) == {"id": 5}
    else:
        requests_mock.post(f"{API}/tracks/create.json", answers)
        assert client.create(Kind.TRACK, 7, {"name": "x"}) == {"id": 5}
    assert sum(clock.slept) == pytest.approx(31, abs=1)


def test_a_storm_of_429_ends_the_run_instead_of_failing_records(
    client: Swoogo, requests_mock: Mocker
) -> None:
    requests_mock.get(f"{API}/events/5.json", status_code=429, json={})
    with pytest.raises(QuotaSpent):
        client.event(5)


def test_retry_after_may_be_a_date(
    client: Swoogo, clock: Clock, requests_mock: Mocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("target_swoogo.answers.datetime", _Now)
    soon = {"Retry-After": formatdate(_Now.EPOCH + 45, usegmt=True)}
    requests_mock.get(
        f"{API}/events/5.json",
        [{"status_code": 503, "headers": soon, "json": {}}, {"json": {"id": 5}}],
    )
    client.event(5)
    assert clock.slept == [45.0]


class _Now:
    """A datetime class whose present is fixed."""

    EPOCH = 1_800_000_000

    @classmethod
    def now(cls, zone: Any) -> Any:
        from datetime import datetime  # noqa: PLC0415 - the module's own is replaced

        return datetime.fromtimestamp(cls.EPOCH, zone)

    @staticmethod
    def strptime(text: str, form: str) -> Any:
        from datetime import datetime  # noqa: PLC0415 - the module's own is replaced

        return datetime.strptime(text, form)  # noqa: DTZ007 - the form has a zone


def test_lists_ask_for_the_fields_they_need(client: Swoogo, requests_mock: Mocker) -> None:
    page = {"items": [{"id": 1}], "_meta": {"pageCount": 3, "totalCount": 401}}
    lists = requests_mock.get(f"{API}/speakers.json", json=page)
    found = client.page(Kind.SPEAKER, 7, 2, "email=a@x.org")
    assert (found.pages, found.total, len(found.items)) == (3, 401, 1)
    assert lists.last_request is not None
    assert lists.last_request.qs["per-page"] == ["200"]
    assert lists.last_request.qs["search"] == ["email=a@x.org"]
    assert "contact_id" in lists.last_request.qs["fields"][0]


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"items": None, "_meta": {"pageCount": 1, "totalCount": 1}},
        {"items": [{"name": "no id"}], "_meta": {"pageCount": 1, "totalCount": 1}},
        {"items": ["text"], "_meta": {"pageCount": 1, "totalCount": 1}},
        {"items": [], "_meta": {}},
        {"items": [], "_meta": {"pageCount": "many", "totalCount": 1}},
    ],
)
def test_a_list_of_an_unknown_shape_is_no_answer(
    client: Swoogo, requests_mock: Mocker, answer: object
) -> None:
    requests_mock.get(f"{API}/tracks.json", json=answer)
    with pytest.raises(Unavailable):
        client.page(Kind.TRACK, 7)


def test_levels_are_the_choices_of_the_level_field(client: Swoogo, requests_mock: Mocker) -> None:
    choices = [{"id": 1, "name": "Gold", "sort": 1}]
    fields = {"items": [{"attribute": "name"}, {"attribute": "level", "choices": choices}]}
    requests_mock.get(f"{API}/sponsors/fields.json", json=fields)
    assert client.levels(7) == choices
    requests_mock.get(f"{API}/sponsors/fields.json", json=fields["items"])
    assert client.levels(7) == choices


def test_credits_are_counted_by_their_price(client: Swoogo, requests_mock: Mocker) -> None:
    page = {"items": [], "_meta": {"pageCount": 0, "totalCount": 0}}
    requests_mock.get(f"{API}/tracks.json", json=page)
    requests_mock.get(f"{API}/events/7.json", json={"id": 7})
    client.page(Kind.TRACK, 7)
    client.event(7)
    assert client.quota.spent == 12, "the token is a call too"
