"""The tables of docs/bi.md: every view with its columns, and the right to read them in AWS."""

from __future__ import annotations

import json
import re
from pathlib import Path

from functions.attribution.bi.view import View
from functions.attribution.bi.views import VIEWS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/bi.md"


def described() -> str:
    """The document as the model wants it: what stands between its marks is made anew, the rest stays."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, part in (("views", views()), ("policy", f"```json\n{policy()}\n```")):
        text, places = re.subn(
            rf"(<!-- made: {name} -->\n).*?(<!-- end: {name} -->)",
            lambda match, part=part: f"{match[1]}{part}\n{match[2]}",  # type: ignore[misc]  # bound in each turn
            text,
            flags=re.DOTALL,
        )
        if places != 1:
            raise LookupError(f"{DOCUMENT.name} must have the mark {name} once")
    return text


def write() -> None:
    """Put the document in place."""
    DOCUMENT.write_text(described(), encoding="utf-8")


def views() -> str:
    """A table of columns under each view's name."""
    return "\n\n".join(_view(view) for view in VIEWS)


def policy() -> str:
    """An IAM policy that lets a BI tool ask the views: its work group, the catalog's entries of views and marts, the marts' files,
    and its own place for results. It reads no raw record, no rule, no settings and no answer of the stack's own questions."""
    marts = sorted({mart for view in VIEWS for mart in view.reads})
    glue, lake = "arn:aws:glue:REGION:ACCOUNT", "arn:aws:s3:::LAKE_BUCKET"
    tables = [f"{glue}:table/DATABASE/{name}" for name in (*(view.name for view in VIEWS), *marts)]
    statements = [
        {
            "Sid": "Ask",
            "Effect": "Allow",
            "Action": [
                "athena:GetDataCatalog",
                "athena:GetDatabase",
                "athena:GetQueryExecution",
                "athena:GetQueryResults",
                "athena:GetQueryResultsStream",
                "athena:GetTableMetadata",
                "athena:GetWorkGroup",
                "athena:ListDatabases",
                "athena:ListTableMetadata",
                "athena:StartQueryExecution",
                "athena:StopQueryExecution",
            ],
            "Resource": [
                "arn:aws:athena:REGION:ACCOUNT:workgroup/BI_WORK_GROUP",
                "arn:aws:athena:REGION:ACCOUNT:datacatalog/AwsDataCatalog",
            ],
        },
        # What tools fill their lists with; both actions know no resource, and tell names alone.
        {"Sid": "Names", "Effect": "Allow", "Action": ["athena:ListDataCatalogs", "athena:ListWorkGroups"], "Resource": "*"},
        {
            "Sid": "Catalog",
            "Effect": "Allow",
            "Action": ["glue:GetDatabase", "glue:GetDatabases", "glue:GetTable", "glue:GetTables"],
            "Resource": [f"{glue}:catalog", f"{glue}:database/DATABASE", f"{glue}:database/default", *tables],
        },
        {"Sid": "Marts", "Effect": "Allow", "Action": "s3:GetObject", "Resource": [f"{lake}/marts/*/{name}/*" for name in marts]},
        {
            "Sid": "Results",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
            "Resource": f"{lake}/bi/*",
        },
        {
            "Sid": "List",
            "Effect": "Allow",
            "Action": ["s3:GetBucketLocation", "s3:ListBucket"],
            "Resource": lake,
            "Condition": {"StringLikeIfExists": {"s3:prefix": ["marts/*", "bi/*"]}},
        },
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=1)


def _view(view: View) -> str:
    rows = [f"| `{c.name}`{' (key)' if c.name == view.key else ''} | {c.type} | {c.doc} |" for c in view.columns]
    reads = ", ".join(f"`{name}`" for name in view.reads)
    return "\n".join([f"### {view.name}", "", f"{view.doc} Reads {reads}.", "", "| column | type | what |", "|---|---|---|", *rows])
