"""`skvoz secrets`: SecureString parameters of a stage, made where they are missing; never shown in a log."""

from __future__ import annotations

import base64
import secrets
from typing import Annotated

import typer

from shared.aws import client
from shared.errors import BadInput
from shared.ids import is_site_id
from shared.security import token_sha256

OF_STAGE = ("identity", "visitor")
OF_SITE = ("import", "crm-generic", "crm-outgoing", "calls-generic", "calls-asterisk")

app = typer.Typer(no_args_is_help=True)


@app.command()
def init(
    stage: Annotated[str, typer.Option(help="stage of the stack, for example prod")],
    site: Annotated[list[str] | None, typer.Option(help="site id; repeat for more")] = None,
) -> None:
    """Create the secrets that are missing: identity and visitor keys of the stage; import, CRM and call secrets of each site."""
    if wrong := [s for s in site or [] if not is_site_id(s)]:
        raise BadInput(f"{', '.join(wrong)}: no site id; use a-z, 0-9 and hyphens")
    ssm = client("ssm")
    names = [*OF_STAGE, *(f"{s}/{kind}" for s in site or [] for kind in OF_SITE)]
    for name in names:
        value = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        parameter = f"/skvoz/{stage}/{name}"
        try:
            ssm.put_parameter(Name=parameter, Value=value, Type="SecureString", Overwrite=False)
            print(f"{parameter} created")
        except ssm.exceptions.ParameterAlreadyExists:
            print(f"{parameter} exists, kept")


@app.command()
def token() -> None:
    """Make a token for the address of a CRM or a telephony, or for a proxy, and the hash that goes into the settings file."""
    value = secrets.token_urlsafe(24)
    print(f"token: {value}\ntoken_sha256: {token_sha256(value)}")
    print("a CRM: the token into its address, the hash into crm.token_sha256 of the settings")
    print("a telephony that cannot sign: the token into its address, the hash into calls.PROVIDER.token_sha256 of the settings")
    print("a proxy: the token into its header X-Skvoz-Proxy, the hash into proxy_token_sha256 of the settings")
    print("keep the token where you keep passwords: it is shown once")
