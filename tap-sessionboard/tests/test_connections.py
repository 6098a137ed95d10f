"""The connections to Sessionboard: what the environment says of them counts, and is read once."""

from __future__ import annotations

import typing as t

import pytest
import requests.utils


@pytest.mark.parametrize(
    ("past", "proxy"), [("", "http://proxy.test:3128"), ("sessionboard.com", None)]
)
def test_the_proxy_and_the_certificates_of_the_environment_are_used(
    api: t.Any, run: t.Any, monkeypatch: pytest.MonkeyPatch, past: str, proxy: str | None
) -> None:
    # In small letters, which come before capital ones.
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("no_proxy", past)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ours.pem")
    api.add_event()
    run(only="sessions")
    assert api.mocker.last_request.proxies.get("https") == proxy
    assert api.mocker.last_request.verify == "/etc/ours.pem"


def test_the_environment_is_read_once_however_many_pages_there_are(
    api: t.Any, run: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.add_event()
    for number in range(9):
        api.add("sessions", f"s{number}")
    read = 0
    getproxies = requests.utils.getproxies

    def counted() -> dict[str, str]:
        nonlocal read
        read += 1
        return getproxies()

    monkeypatch.setattr(requests.utils, "getproxies", counted)
    assert len(run(only="sessions", page_size=1).ids("sessions")) == 9
    assert read == 1
