"""What an answer that is no success means, in a sentence for whoever has to mend it."""

from __future__ import annotations

import re
import typing as t
from http import HTTPStatus
from urllib.parse import urlsplit

import requests


def explain(
    response: requests.Response, place: str, scope: str, config: t.Mapping[str, t.Any]
) -> str:
    """Say what failed and what to do.

    Args:
        response: The answer.
        place: What was read, such as "rooms of event 3950".
        scope: The scope that the token needs for it.
        config: The settings.

    Returns:
        The sentence, without the token.
    """
    status, host = response.status_code, urlsplit(response.url).hostname
    if status == HTTPStatus.UNAUTHORIZED:
        where = (
            "api_url is your organisation's API"
            if config.get("api_url")
            else f"region ({config['region']}) is where your organisation is hosted (us, eu or me)"
        )
        return (
            f"Sessionboard refused the access token at {host} (401): check the setting "
            f"access_token, and that the setting {where}."
        )
    if status == HTTPStatus.FORBIDDEN:
        named = re.search(r"\bread:[a-z_-]+", response.text)
        return (
            f"The access token may not read the {place} (403): "
            f"give the token the scope {named[0] if named else scope} in Sessionboard."
        )
    if status == HTTPStatus.NOT_FOUND:
        return (
            f"Sessionboard does not have the {place} at {host} (404): "
            "check the settings event_ids, region and api_url."
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return (
            f"Sessionboard is limiting requests for the {place} ({status}): "
            "run the tap again later, and see what else uses the same token."
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"Sessionboard failed to answer the {place} ({status}): run the tap again later."
    said = _said(response, config["access_token"].strip())
    return f"Sessionboard refused to answer the {place} ({status}): {said}"


def _said(response: requests.Response, token: str) -> str:
    """Give the message of an error's body, short and without the token."""
    try:
        said = str(response.json()["message"])
    except (requests.JSONDecodeError, KeyError, TypeError):
        said = "it gave no reason"
    return f"{said.replace(token, '(token)')[:200].rstrip('.')}."
