"""`skvoz demo` and `skvoz up`: the local stack."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option(help="folder for report.html, report.eml and figures.json")] = Path("out/demo"),
    scale: Annotated[float, typer.Option(min=0.01, max=10, help="1 = a month of about 20,000 visits")] = 1.0,
) -> None:
    """Play a month of a fictional shop through the real endpoints and send its report."""
    from infra.demo.run import DemoFailed
    from infra.demo.run import demo as play

    try:
        play(out, scale)
    except DemoFailed as error:
        print(f"the demo failed: {error}", file=sys.stderr)
        sys.exit(1)


def up(
    port: Annotated[int, typer.Option(help="port on 127.0.0.1")] = 8080,
    root: Annotated[Path, typer.Option(help="folder of the stack")] = Path("out/up"),
) -> None:
    """Keep the local stack running; Ctrl-C ends it. Prints the addresses and the secrets of its one site."""
    import base64
    import os
    import secrets

    from infra.demo.shop import SITE, settings
    from infra.local.stack import LocalStack
    from infra.local.up import up as serve
    from shared.security import token_sha256
    from shared.settings import parse_settings

    token = secrets.token_urlsafe(24)
    secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()

    def ready(stack: LocalStack) -> None:
        raw = settings(token_sha256(token))
        stack.publish(parse_settings({**raw, "origins": [stack.url, f"http://localhost:{port}"]}))
        for name in ("import", "crm-generic"):
            stack.put_secret(f"{SITE}/{name}", secret)
        print(f"the stack runs at {stack.url} (Ctrl-C ends it); site {SITE}")
        print(f"  tracker   {stack.url}/skvoz.js")
        print(f"  hits      {stack.url}/v1/hits from pages of {stack.url}")
        print(f"  CRM       {stack.url}/v1/crm/generic/{SITE}/{token}")
        print(f"  secret of import and CRM (Standard Webhooks): {secret}")

    serve(port, root, on_ready=ready)
