"""The template as CloudFormation would see it: SAM's own transform, run offline (no account, no network)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.template.model import PATH, load

REGION = "eu-central-1"  # any region that has every service of the template; the transform asks for one
# What a deployer must give: the only parameter without a default.
EXAMPLE = {"Stage": "example"}


class _NoManagedPolicies:
    """SAM asks IAM for the names of managed policies; the template names none, so there is nothing to ask."""

    def load(self) -> dict[str, str]:
        return {}


def expand(parameters: Mapping[str, str] = EXAMPLE, path: Path = PATH) -> dict[str, Any]:
    """The expanded template. ValueError lists what SAM refuses, with the logical ids."""
    import boto3
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    template = load(path)
    document = dict(template.document)
    values = template.parameters(parameters)
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    try:
        expanded: dict[str, Any] = translator.translate(
            _with_uploaded_code(document), parameter_values=values, get_managed_policy_map=_NoManagedPolicies().load
        )
    except InvalidDocumentException as error:
        raise ValueError("\n".join(str(cause) for cause in [error, *error.causes])) from error
    return expanded


def _with_uploaded_code(document: dict[str, Any]) -> dict[str, Any]:
    """`sam deploy` replaces CodeUri by the uploaded zip; so does this, with a name that stands for it."""
    common = document["Globals"]["Function"] | {"CodeUri": {"Bucket": "code", "Key": "function.zip"}}
    return document | {"Globals": document["Globals"] | {"Function": common}}
