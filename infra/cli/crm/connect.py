"""`skvoz crm connect amocrm`: amoCRM's keys into Secrets Manager, from the code of the integration's page or a long-lived token."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import orjson
import typer

from functions.crm_webhook.amocrm.v4.tokens import granted, is_token, secret_name
from functions.crm_webhook.api.http import CrmBusy, Http
from functions.crm_webhook.api.line import CrmClosed
from infra.cli.crm.place import Stack, installation, sites_of
from shared.aws import client, env
from shared.errors import BadInput, TryLater
from shared.ids import is_site_id
from shared.present import present


def connect(
    stage: str,
    site_id: str,
    address: str,
    manager: Any,
    now: datetime,
    *,
    client_id: str = "",
    client_secret: str = "",
    redirect_uri: str = "",
    code: str = "",
    token: str = "",
    http: Http | None = None,
) -> str:
    """Exchange the code (or take the long-lived token) and store the secret; gives its name.

    `address` is amoCRM's (crm.amocrm.api.url), `manager` a client of Secrets Manager. BadInput for what is missing or refused,
    TryLater where amoCRM does not answer.
    """
    if not is_site_id(site_id):
        raise BadInput(f"{site_id}: no site id; use a-z, 0-9 and hyphens")
    token, code = token.strip(), code.strip()
    app = {"client_id": client_id.strip(), "client_secret": client_secret.strip(), "redirect_uri": redirect_uri.strip()}
    if token and not is_token(token):
        raise BadInput(
            "--token has characters that no token has (a space, a line's end, a letter that is not Latin): copy it again"
        )
    if token:
        secret: dict[str, Any] = {"access_token": token}
    elif not all((code, *app.values())):
        raise BadInput("give --token, or all of --client-id, --client-secret, --redirect-uri and --code")
    else:
        try:
            secret = granted(http or Http(), address, app, {"grant_type": "authorization_code", "code": code}, now)
        except CrmClosed as error:
            raise BadInput(f"{error.message.partition(';')[0]}: a code is good once, for 20 minutes; copy a new one") from error
        except CrmBusy as error:
            raise TryLater(f"{error.message}; the code may still be good: run it again") from error
    return _store(manager, secret_name(stage, site_id), orjson.dumps(secret).decode())


def amocrm(
    site: Annotated[str, typer.Option(help="site id")],
    client_id: Annotated[str, typer.Option(help="ID of the integration")] = "",
    client_secret: Annotated[str, typer.Option(help="its secret key", envvar="AMOCRM_CLIENT_SECRET")] = "",
    redirect_uri: Annotated[str, typer.Option(help="its redirect address, exactly as amoCRM has it")] = "",
    code: Annotated[str, typer.Option(help="authorization code of its page: good once, for 20 minutes", envvar="AMOCRM_CODE")] = "",
    token: Annotated[str, typer.Option(help="a long-lived token instead of the code", envvar="AMOCRM_TOKEN")] = "",
    stack: Stack = None,
) -> None:
    """Connect a site's amoCRM (or Kommo): exchange the code and keep the keys in Secrets Manager."""
    with installation(stack, "STAGE", "FILES_BUCKET"):
        settings = orjson.loads(sites_of(site)[site])
        api = ((settings.get("crm") or {}).get("amocrm") or {}).get("api")
        if not api:
            raise BadInput(f"{site}: its settings have no crm.amocrm.api.url, for example https://SUBDOMAIN.amocrm.ru")
        name = connect(
            env("STAGE"), site, str(api["url"]), client("secretsmanager"), present(),
            client_id=client_id, client_secret=client_secret, redirect_uri=redirect_uri, code=code, token=token,
        )  # fmt: skip
    print(f"connected: the keys of amoCRM are in Secrets Manager as {name}")


def _store(manager: Any, name: str, text: str) -> str:
    """Into the secret, made where it is missing."""
    try:
        manager.put_secret_value(SecretId=name, SecretString=text)
    except manager.exceptions.ResourceNotFoundException:
        manager.create_secret(Name=name, SecretString=text)
    return name
