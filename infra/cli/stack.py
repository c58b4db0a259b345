"""`skvoz demo` and `skvoz up`: the local stack."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from shared.report_settings import Language


def demo(
    out: Annotated[Path, typer.Option(help="folder for report.html, report.eml, report.xlsx and figures.json")] = Path("out/demo"),
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
    port: Annotated[int, typer.Option(min=0, max=65535, help="port of the API on 127.0.0.1; 0 takes a free one")] = 8080,
    shop_port: Annotated[int, typer.Option(min=0, max=65535, help="port of the demo shop; 0 takes a free one")] = 8081,
    root: Annotated[Path, typer.Option(help="folder of the stack")] = Path("out/up"),
    language: Annotated[Language, typer.Option(help="of the report: mail, page and workbook")] = "ru",
) -> None:
    """Keep the local stack and its demo shop running; Ctrl-C ends them. Prints where to begin."""
    import os
    from contextlib import ExitStack

    from infra.local.stack import LocalStack
    from infra.local.up import check_ports
    from infra.local.up import up as serve
    from infra.shop.opening import open_shop

    check_ports({"--port": port, "--shop-port": shop_port})
    with ExitStack() as closing:

        def ready(stack: LocalStack) -> None:
            shop = open_shop(stack, shop_port, os.urandom, language)
            closing.callback(shop.close)
            print(f"Skvoz and its demo shop run; Ctrl-C ends them. Begin here: {shop.url}/demo/")
            for what, address in (
                ("ad links", f"{shop.url}/demo/"),
                ("shop", f"{shop.url}/"),
                ("phone", f"{shop.url}/demo/phone"),
                ("CRM", f"{shop.url}/demo/crm"),
                ("mailbox", f"{shop.url}/demo/mail"),
                ("API", f"{stack.url} (site {shop.site_id})"),
                ("snippet", shop.snippet),
            ):
                print(f"  {what:9} {address}", flush=True)

        serve(port, root, on_ready=ready)
