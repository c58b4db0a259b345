"""AWS on this machine: one moto server in this process, and the resources that template.yaml asks for."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from infra.local.clock import Clock, moto_follows
from infra.local.environment import variables
from infra.local.quick_moto import quick_moto
from infra.local.transport import InProcess
from infra.template.intrinsic import Resolver
from infra.template.model import Template
from shared.aws import client

ACCOUNT = "123456789012"  # moto's own
REGION = "eu-central-1"
# What a developer's machine may have set and what must not leak in: real credentials, profiles, endpoints, proxies.
_REMOVED = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
_PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::StackName": "skvoz-local",
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/skvoz-local/0",
    "AWS::URLSuffix": "amazonaws.com",
}
# ARNs that something local reads; the rest get the form at the end, which names the resource and can be told apart.
_ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{name}}",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{{name}}",
    "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{{name}}",
    "AWS::KinesisFirehose::DeliveryStream": f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/{{name}}",
    "AWS::Serverless::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{name}}",
    "AWS::Serverless::StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{{name}}",
}
_ANY_ARN = f"arn:aws:iam::{ACCOUNT}:role/{{name}}"


# The property of a resource that gives it a name of its own; without one the name is made from the logical id.
_NAMES = {
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::KinesisFirehose::DeliveryStream": "DeliveryStreamName",
    "AWS::SES::ConfigurationSet": "Name",
    "AWS::Serverless::Function": "FunctionName",
    "AWS::Serverless::StateMachine": "Name",
    "AWS::SNS::Topic": "TopicName",
}


class LocalAws:
    """One at a time in a process: moto's state is global. `start` begins with an empty account and points the environment at it;
    `create` makes what the template asks for. `parameters` are the template's, `api_url` is what its HTTP API answers at.
    """

    def __init__(self, template: Template, parameters: Mapping[str, str], clock: Clock, api_url: str) -> None:
        self._template, self._clock, self._api_url = template, clock, api_url
        self._open = ExitStack()
        self.endpoint = ""
        self.resolver: Resolver = template.resolver(self._reference, parameters)

    def start(self) -> None:
        from moto.moto_api._internal.models import moto_api_backend
        from moto.moto_server.threaded_moto_server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._open.enter_context(moto_follows(self._clock))  # refuses a second stack, before anything of the first is touched
        self._open.callback(client.cache_clear)
        moto_api_backend.reset()
        self._open.enter_context(quick_moto())
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        self._open.callback(server.stop)
        self.endpoint = "http://{}:{}".format(*server.get_host_and_port())
        self._open.enter_context(variables(self._variables(), _REMOVED))
        transport = InProcess(self.endpoint, REGION)
        transport.install()
        self._open.callback(transport.remove)
        client.cache_clear()

    def close(self) -> None:
        """Stop the server and put the environment back; what was stored is forgotten with the process or the next start."""
        self._open.close()

    def _variables(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    def name(self, logical_id: str) -> str:
        """The resource's name: the template's own, or `skvoz-local-hit-stream` for `HitStream`, which every service takes."""
        resource = self._template.resources[logical_id]
        own = resource.get("Properties", {}).get(_NAMES.get(resource["Type"], ""))
        if own is not None:
            return self.resolver.text(own)
        return ("skvoz-local-" + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", logical_id).lower())[:63]

    def queue_url(self, logical_id: str) -> str:
        return f"{self.endpoint}/{ACCOUNT}/{self.name(logical_id)}"

    def _reference(self, name: str) -> str:
        """What `!Ref` and `!GetAtt` of this template give here."""
        if name in _PSEUDO:
            return _PSEUDO[name]
        logical_id, _, attribute = name.partition(".")
        kind = self._template.resources[logical_id]["Type"]
        if attribute == "ApiEndpoint":
            return self._api_url
        if attribute == "Arn" or (not attribute and kind in ("AWS::SNS::Topic", "AWS::Serverless::StateMachine")):
            return _ARNS.get(kind, _ANY_ARN).format(name=self.name(logical_id))
        if kind == "AWS::SQS::Queue" and attribute in ("", "QueueUrl"):
            return self.queue_url(logical_id)
        return self.name(logical_id)

    def create(self) -> None:
        """Buckets, tables, queues, streams, mail identities: all that the functions touch."""
        self._create_buckets()
        self._create_tables()
        self._create_queues()
        for stream in self._template.streams():
            # Neither buffering nor compression here: moto delivers at once, as it is; readers take both forms.
            s3 = {
                "RoleARN": _ANY_ARN.format(name="firehose"),
                "BucketARN": f"arn:aws:s3:::{self.name(stream.bucket)}",
                "Prefix": self.resolver.text(stream.prefix),
            }
            client("firehose").create_delivery_stream(
                DeliveryStreamName=self.name(stream.logical_id), ExtendedS3DestinationConfiguration=s3
            )
        self._create_mail()

    def _create_buckets(self) -> None:
        s3 = client("s3")
        for logical_id, properties in self._template.of_type("AWS::S3::Bucket"):
            name = self.name(logical_id)
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
            if versioning := self.resolver.value(properties.get("VersioningConfiguration")):
                s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)

    def _create_tables(self) -> None:
        dynamodb = client("dynamodb")
        for table in self._template.tables():
            name = self.name(table.logical_id)
            dynamodb.create_table(TableName=name, **self.resolver.value(table.create))
            if table.ttl_attribute:
                ttl = {"Enabled": True, "AttributeName": table.ttl_attribute}
                dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)

    def _create_queues(self) -> None:
        for queue in self._template.queues():
            attributes = {"VisibilityTimeout": str(queue.visibility_timeout)}
            if queue.dead_letter:
                arn = _ARNS["AWS::SQS::Queue"].format(name=self.name(queue.dead_letter))
                attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": queue.most_receives})
            client("sqs").create_queue(QueueName=self.name(queue.logical_id), Attributes=attributes)

    def _create_mail(self) -> None:
        for logical_id, properties in self._template.of_type("AWS::SES::EmailIdentity"):
            condition = self._template.resources[logical_id].get("Condition")
            if condition is None or self.resolver.holds(condition):
                client("sesv2").create_email_identity(EmailIdentity=self.resolver.text(properties["EmailIdentity"]))
        for logical_id, _ in self._template.of_type("AWS::SES::ConfigurationSet"):
            client("sesv2").create_configuration_set(ConfigurationSetName=self.name(logical_id))


def stored_objects(bucket: str) -> Mapping[str, Any]:
    """Key → moto's object (`.value` bytes, `.size`, `.etag`, `.last_modified`) of what the bucket holds now.

    Read from moto itself: a played month is 40,000 objects, which would take a minute through ListObjects and GetObject.
    """
    from moto.s3.models import FakeDeleteMarker, s3_backends

    keys = s3_backends[ACCOUNT]["aws"].get_bucket(bucket).keys
    return {name: key for name, key in keys.items() if not isinstance(key, FakeDeleteMarker)}


def sent_messages() -> list[Any]:
    """What SES took, oldest first, as moto keeps it (`raw_data` of raw messages is the MIME text)."""
    from moto.ses.models import ses_backends

    messages: list[Any] = ses_backends[ACCOUNT][REGION].sent_messages
    return messages
