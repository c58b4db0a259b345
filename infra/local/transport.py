"""AWS calls of this process go straight into moto: no socket, no signature, no retries.

The moto server listens as well (other processes, `aws --endpoint-url`, share the same buckets and queues), but through it a call
takes four times as long, and a month makes tens of thousands. botocore asks its `before-call` handlers for an answer before it
signs and sends a prepared request; ours hands the request to moto's own function for the address, and the answer to botocore's own
parser, so that clients, parameters and errors are the real ones. Calls that moto does not know go to the server, which says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

# Host names of AWS, where they are not the service's name; moto picks its functions by host.
_HOSTS = {"ses": "email", "sesv2": "email", "sfn": "states"}
_MODULES = {"sfn": "stepfunctions"}
Dispatch = Callable[[Any, str, Any], Any]


class InProcess:
    """A `before-call` handler for requests to `endpoint`; others pass by. `install` reaches botocore sessions made afterwards."""

    def __init__(self, endpoint: str, region: str) -> None:
        self._endpoint, self._region = endpoint, region

    def install(self) -> None:
        from botocore.handlers import BUILTIN_HANDLERS

        BUILTIN_HANDLERS.append(("before-call", self))

    def remove(self) -> None:
        """Sessions that were made meanwhile keep the handler; it answers no more."""
        from botocore.handlers import BUILTIN_HANDLERS

        self._endpoint = "closed:"
        BUILTIN_HANDLERS.remove(("before-call", self))

    def __call__(self, event_name: str, model: Any, params: dict[str, Any], **_: Any) -> tuple[Any, Any] | None:
        if not params["url"].startswith(self._endpoint):
            return None
        service = event_name.split(".")[1]
        path = params["url"][len(self._endpoint) :] or "/"
        url = f"https://{_HOSTS.get(service, service)}.{self._region}.amazonaws.com{path}"
        dispatch = _dispatch(_MODULES.get(service, service), url.partition("?")[0])
        # moto reads the region from the signature, which is made after this point; it never checks one.
        scope = f"local/20260101/{self._region}/{model.service_model.signing_name}/aws4_request"
        params["headers"]["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        return _call(dispatch, model, params, url) if dispatch else None


def _call(dispatch: Dispatch, model: Any, params: dict[str, Any], url: str) -> tuple[Any, Any]:
    from botocore.awsrequest import AWSResponse
    from botocore.endpoint import convert_to_response_dict
    from moto.core.botocore_stubber import MockRawResponse
    from moto.core.request import Request
    from werkzeug.exceptions import HTTPException

    request = Request.from_primitives(params["method"], url, params["headers"], _bytes(params["body"]))
    request.get_data()  # kept, or an object of a form's type would be read as a form, and stored empty
    try:
        status, headers, body = dispatch(request, request.raw_url, request.headers)
    except HTTPException as error:
        status, headers, body = error.code, error.get_headers(), error.get_body()
    response = AWSResponse(params["url"], status, _lower(headers), MockRawResponse(body))
    parsed = _parser(model.service_model.resolved_protocol).parse(convert_to_response_dict(response, model), model.output_shape)
    return response, parsed


def _bytes(body: Any) -> Any:
    """A body as it would go over the wire: forms of the query protocol encoded, files read."""
    if isinstance(body, dict):
        return urlencode(body, doseq=True)
    return body.read() if isinstance(body, BytesIO) or hasattr(body, "read") else body


def _lower(headers: Any) -> Any:
    from botocore.compat import HTTPHeaders

    found = HTTPHeaders()
    for name, value in dict(headers).items():
        found[name] = str(value)
    return found


@cache
def _parser(protocol: str) -> Any:
    from botocore.parsers import ResponseParserFactory

    return ResponseParserFactory().create_parser(protocol)


def _dispatch(service: str, url: str) -> Dispatch | None:
    return next((function for pattern, function in _patterns(service) if pattern.match(url)), None)


@cache
def _patterns(service: str) -> list[tuple[re.Pattern[str], Dispatch]]:
    """moto's addresses of a service; empty where moto does not know it."""
    import moto.backends as backends
    from moto.core.models import DEFAULT_ACCOUNT_ID

    if service not in backends.list_of_moto_modules():
        return []
    regions = backends.get_backend(service)[DEFAULT_ACCOUNT_ID]  # type: ignore[call-overload]  # the overloads list names; this one is not known before
    backend = regions["us-east-1"] if "us-east-1" in regions else regions["aws"]
    return [(re.compile(pattern), function) for pattern, function in backend.urls.items()]
