"""The proxy snippets of docs/tracker.md: the Cloudflare worker run, and all of them held to what the doors answer and read."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from functions.collect import handler as collect
from functions.numberpool import handler as numberpool
from tests.requires import missing

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "tracker.md").read_text("utf-8")
OURS = {"x-skvoz-host", "x-skvoz-viewer", "x-skvoz-proxy"}
# What servers hand on by themselves, and what only CloudFront in front of the API or a sender of imports writes.
NOT_OF_BROWSERS = ("cloudfront-", "webhook-", "host", "content-")
RUN = """
const { default: worker } = await import(process.argv[1])
const calls = []
globalThis.fetch = async (url, { method, headers, body }) => {
  calls.push({ url, method, headers: Object.fromEntries(headers), body })
  return new Response('taken', { status: 202, headers: { 'set-cookie': 'skvoz_shop=token; SameSite=Lax' } })
}
for (const [url, init] of JSON.parse(process.argv[2])) {
  const answer = await worker.fetch(new Request(url, init))
  Object.assign(calls.at(-1), { status: answer.status, cookie: answer.headers.get('set-cookie') })
}
console.log(JSON.stringify(calls))
"""


def snippet(language: str) -> str:
    [text] = re.findall(rf"^```{language}\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)
    return str(text)


def headers_read() -> set[str]:
    """Names of headers that the doors of visitors ask a request for."""
    files = [*(ROOT / "functions" / "collect").rglob("*.py"), *(ROOT / "functions" / "numberpool").rglob("*.py")]
    files = [file for file in files if "pbx" not in file.parts]  # telephonies do not come by the site's proxy
    files += [ROOT / "shared" / name for name in ("addresses.py", "origins.py")]
    read = {name for file in files for name in re.findall(r'headers\.get\(\s*"([a-z-]+)"', file.read_text("utf-8"))}
    return {name for name in read if not name.startswith(NOT_OF_BROWSERS)}


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the worker sends on for a hit, with our cookie among the site's, and for the script, without cookies."""
    node = shutil.which("node")
    if node is None:
        missing("needs Node to run the worker")
    file = tmp_path_factory.mktemp("worker") / "worker.mjs"
    file.write_text(snippet("js"), "utf-8")
    headers = {"cookie": "basket=7; skvoz_shop=id.time.signature; sid=8", "cf-connecting-ip": "198.51.100.7", "dnt": "1"}
    sent = [
        ["https://shop.example/skvoz/v1/hits", {"method": "POST", "headers": headers, "body": '{"site": "shop"}'}],
        ["https://shop.example/skvoz/skvoz.js?v=2", {"headers": {"cf-connecting-ip": "198.51.100.7", "cookie": "basket=7"}}],
    ]
    command = [str(node), "--input-type=module", "-e", RUN, str(file), json.dumps(sent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    made: list[dict[str, Any]] = json.loads(done.stdout)
    return made


def test_the_worker_hands_a_hit_on_with_the_visitor_and_our_cookie_alone(calls: list[dict[str, Any]]) -> None:
    hit = calls[0]
    assert (hit["url"], hit["method"], hit["body"]) == ("https://YOUR-API/v1/hits", "POST", '{"site": "shop"}')
    assert hit["headers"]["cookie"] == "skvoz_shop=id.time.signature"
    assert {name: hit["headers"][name] for name in (*OURS, "dnt")} == {
        "x-skvoz-host": "shop.example",
        "x-skvoz-viewer": "198.51.100.7",
        "x-skvoz-proxy": "PROXY-TOKEN",
        "dnt": "1",
    }
    assert (hit["status"], hit["cookie"]) == (202, "skvoz_shop=token; SameSite=Lax")


def test_the_worker_hands_the_script_on_without_the_sites_cookies(calls: list[dict[str, Any]]) -> None:
    script = calls[1]
    assert (script["url"], script["method"]) == ("https://YOUR-API/skvoz.js?v=2", "GET")
    assert script["headers"]["cookie"] == ""
    assert "body" not in script


def test_the_php_file_lets_through_what_visitors_need_and_nothing_else() -> None:
    [pattern] = re.findall(r"preg_match\('~(\^/\(skvoz.*?)~', \$path\)", snippet("php"))
    routes = {route.partition(" ")[::2] for route in (*collect.ROUTES, *numberpool.ROUTES)}
    through = {path for method, path in routes if method in ("GET", "POST") and re.match(pattern, path)}
    assert through == {
        *("/skvoz.js", "/skvoz.core.js", "/v1/hits", "/v1/hit.gif", "/v1/numbers/lease", "/v1/numbers/renew"),
    }
    assert [
        path for path in ("/skvoz.js.map", "/v1/import", "/v1/hits/x", "/v1/numbers/+7", "/x/v1/hits") if re.match(pattern, path)
    ] == []


@pytest.mark.parametrize("language", ["nginx", "php", "js"])
def test_each_snippet_tells_host_viewer_and_token_by_the_names_that_are_read(language: str) -> None:
    told = {name.lower() for name in re.findall(r"x-skvoz-\w+", snippet(language), re.IGNORECASE)}
    assert told == OURS
    assert headers_read() >= OURS


def test_the_php_file_hands_on_every_header_that_the_doors_read() -> None:
    listed = re.findall(r"foreach \(\[(.*?)\]", snippet("php"))[0]
    assert {name.lower() for name in re.findall(r"'([^']+)'", listed)} >= headers_read() - OURS
