"""The connections to Sessionboard, which all streams share."""

from __future__ import annotations

import requests
from requests.adapters import HTTPAdapter

from tap_sessionboard.ahead import REQUESTS_AT_ONCE


def connect(url: str) -> requests.Session:
    """Open a session for requests to one host.

    Args:
        url: Where it is.

    Returns:
        The session, which goes through the environment's proxy and trusts its certificates.
    """
    session = requests.Session()
    session.stream = True
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=REQUESTS_AT_ONCE))
    # Once and for all: looking into the environment for each request takes as long as half of its
    # other preparations, and the SDK's requests would pass over the certificates.
    found = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify = found["proxies"], found["verify"]
    session.trust_env = False
    return session
