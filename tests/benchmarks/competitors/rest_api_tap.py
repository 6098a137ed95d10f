# /// script
# requires-python = ">=3.10"
# dependencies = ["tap-rest-api-msdk==1.4.2", "setuptools<81"]
# ///
"""The usual tap for any REST API, as it is.

A library that it needs still imports `pkg_resources`, which only older setuptools have.
"""

from tap_rest_api_msdk.tap import TapRestApiMsdk

if __name__ == "__main__":
    TapRestApiMsdk.cli()
