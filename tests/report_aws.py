"""AWS for the report's tests: moto's DynamoDB (its conditions are what is tested), moto's S3, and a fake SES."""

from __future__ import annotations

from typing import Any

import botocore.session
from botocore.exceptions import ClientError, ReadTimeoutError

TABLE = "ledger"
BUCKET = "files"


class FakeSes:
    """`sent` are (recipient, raw message); `refuse` and `time_out` name recipients that do not get theirs."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.refuse: set[str] = set()
        self.time_out: set[str] = set()
        self.calls: list[dict[str, Any]] = []

    def send_email(self, **call: Any) -> dict[str, str]:
        (recipient,) = call["Destination"]["ToAddresses"]
        self.calls.append(call)
        if recipient in self.refuse:
            raise ClientError({"Error": {"Code": "MessageRejected", "Message": f"{recipient} is not verified"}}, "SendEmail")
        self.sent.append((recipient, call["Content"]["Raw"]["Data"]))
        if recipient in self.time_out:
            raise ReadTimeoutError(endpoint_url="ses")
        return {"MessageId": f"ses-{len(self.sent)}"}


class Clients:
    """Stands in for `shared.aws.client`. Made inside `moto.mock_aws`."""

    def __init__(self) -> None:
        self.ses = FakeSes()
        session = botocore.session.get_session()
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        self.s3 = session.create_client("s3", region_name="eu-central-1", **keys)
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        self.dynamodb = session.create_client("dynamodb", region_name="eu-central-1", **keys)
        self.dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )

    def __call__(self, service: str) -> Any:
        return {"s3": self.s3, "dynamodb": self.dynamodb, "sesv2": self.ses}[service]
