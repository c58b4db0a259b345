"""What template.yaml says, for code: the local stack builds its routes, tables, buckets, queues, streams and environment from it.

    template = load()
    template.routes()            # [("POST /v1/hits", "CollectFunction"), …]
    resolver = template.resolver(reference, {"Stage": "local"})
    template.functions()["CollectFunction"].environment    # raw values; resolver.text(value) makes each plain

`reference` is asked for `LakeBucket` (!Ref), `CrmQueue.Arn` (!GetAtt), `AWS::Region` …; parameters are answered by the template.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from infra.template.intrinsic import Reference, Resolver, read

PATH = Path(__file__).resolve().parents[2] / "template.yaml"


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function. `environment` holds raw values (globals merged in), `timeout` seconds, `memory` MB."""

    logical_id: str
    handler: str
    environment: Mapping[str, Any]
    timeout: int
    memory: int
    events: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class QueueSource:
    """A queue that a function works off."""

    queue: str
    function: str
    batch_size: int


@dataclass(frozen=True, slots=True)
class BucketSource:
    """Objects created under a prefix (and suffix) of a bucket wake a function."""

    bucket: str
    prefix: str
    suffix: str
    function: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """`expression` and `time_zone` may be raw (parameters); `input` is the JSON text that the target gets."""

    logical_id: str
    target: str
    target_kind: Literal["function", "state_machine"]
    expression: Any
    time_zone: Any
    input: str | None


@dataclass(frozen=True, slots=True)
class StateMachine:
    """`definition` is Amazon States Language, raw."""

    logical_id: str
    definition: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A DynamoDB table; `create` is what CreateTable takes, but for the name."""

    logical_id: str
    create: Mapping[str, Any]
    ttl_attribute: str | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """An S3 bucket; `name` is raw (`resolver.text(name)`), or None where CloudFormation chooses: then !Ref is all that names it."""

    logical_id: str
    name: Any


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue; `dead_letter` is the logical id of the queue that gets messages after `most_receives` tries."""

    logical_id: str
    visibility_timeout: int
    dead_letter: str | None
    most_receives: int


@dataclass(frozen=True, slots=True)
class Stream:
    """A Firehose stream: delivers under `prefix` (and YYYY/MM/dd/HH/, UTC) of the bucket with that logical id."""

    logical_id: str
    prefix: str
    bucket: str
    extended_s3: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GlueTable:
    """A table of the catalog; columns as (name, Hive type)."""

    logical_id: str
    name: str
    columns: tuple[tuple[str, str], ...]
    partition_keys: tuple[tuple[str, str], ...]
    raw: Mapping[str, Any]


@dataclass(frozen=True)
class Template:
    """The document with readers over it. Order is the file's own."""

    document: Mapping[str, Any]

    @property
    def resources(self) -> Mapping[str, Mapping[str, Any]]:
        resources: Mapping[str, Mapping[str, Any]] = self.document["Resources"]
        return resources

    def of_type(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """(logical id, properties) of every resource of a type."""
        for logical_id, resource in self.resources.items():
            if resource["Type"] == kind:
                yield logical_id, resource.get("Properties", {})

    def parameters(self, given: Mapping[str, str] | None = None) -> dict[str, str]:
        """Values of the stack's parameters: the given ones over the defaults. ValueError on an unknown or a missing one."""
        given = given or {}
        declared = self.document.get("Parameters", {})
        if unknown := given.keys() - declared.keys():
            raise ValueError(f"template.yaml has no parameters {sorted(unknown)}")
        values = {name: str(p["Default"]) for name, p in declared.items() if "Default" in p} | dict(given)
        if missing := declared.keys() - values.keys():
            raise ValueError(f"these parameters have no default and must be given: {sorted(missing)}")
        return values

    def resolver(self, reference: Reference, parameters: Mapping[str, str] | None = None) -> Resolver:
        """Makes raw values plain; `parameters` over the defaults."""
        return Resolver(self.document, self.parameters(parameters), reference)

    def functions(self) -> dict[str, Function]:
        """Functions by logical id, globals merged in."""
        shared = self.document.get("Globals", {}).get("Function", {})
        common = shared.get("Environment", {}).get("Variables", {})
        return {
            logical_id: Function(
                logical_id=logical_id,
                handler=p["Handler"],
                environment=common | p.get("Environment", {}).get("Variables", {}),
                timeout=p.get("Timeout", shared.get("Timeout", 3)),
                memory=p.get("MemorySize", shared.get("MemorySize", 128)),
                events=p.get("Events", {}),
            )
            for logical_id, p in self.of_type("AWS::Serverless::Function")
        }

    def environment(self, function: str, resolver: Resolver) -> dict[str, str]:
        """The function's environment as plain text."""
        return {name: resolver.text(value) for name, value in self.functions()[function].environment.items()}

    def routes(self) -> list[tuple[str, str]]:
        """(route key as API Gateway gives it, logical id of the function)."""
        return [(f"{p['Method'].upper()} {p['Path']}", function) for function, p in self._function_events("HttpApi")]

    def queue_sources(self) -> list[QueueSource]:
        return [QueueSource(_target(p["Queue"]), function, p.get("BatchSize", 10)) for function, p in self._function_events("SQS")]

    def bucket_sources(self) -> list[BucketSource]:
        found = []
        for function, p in self._function_events("S3"):
            rules = {rule["Name"].lower(): rule["Value"] for rule in p.get("Filter", {}).get("S3Key", {}).get("Rules", ())}
            found.append(BucketSource(_target(p["Bucket"]), rules.get("prefix", ""), rules.get("suffix", ""), function))
        return found

    def schedules(self) -> list[Schedule]:
        """Schedules of functions and of state machines."""
        found = []
        kinds: tuple[tuple[str, Literal["function", "state_machine"]], ...] = (
            ("AWS::Serverless::Function", "function"),
            ("AWS::Serverless::StateMachine", "state_machine"),
        )
        for kind, target_kind in kinds:
            for target, properties in self.of_type(kind):
                for name, event in properties.get("Events", {}).items():
                    if event["Type"] == "ScheduleV2":
                        p = event["Properties"]
                        zone = p.get("ScheduleExpressionTimezone", "UTC")
                        found.append(Schedule(name, target, target_kind, p["ScheduleExpression"], zone, p.get("Input")))
        return found

    def state_machines(self) -> list[StateMachine]:
        return [StateMachine(logical_id, p["Definition"]) for logical_id, p in self.of_type("AWS::Serverless::StateMachine")]

    def tables(self) -> list[Table]:
        wanted = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes", "LocalSecondaryIndexes")
        return [
            Table(
                logical_id,
                {name: p[name] for name in wanted if name in p},
                p.get("TimeToLiveSpecification", {}).get("AttributeName"),
            )
            for logical_id, p in self.of_type("AWS::DynamoDB::Table")
        ]

    def buckets(self) -> list[Bucket]:
        return [Bucket(logical_id, p.get("BucketName")) for logical_id, p in self.of_type("AWS::S3::Bucket")]

    def queues(self) -> list[Queue]:
        """Queues, dead-letter queues first (the others name them)."""
        found = []
        for logical_id, p in self.of_type("AWS::SQS::Queue"):
            redrive = p.get("RedrivePolicy", {})
            target = redrive.get("deadLetterTargetArn")
            dead_letter = _target(target) if target else None
            found.append(Queue(logical_id, p.get("VisibilityTimeout", 30), dead_letter, redrive.get("maxReceiveCount", 0)))
        return sorted(found, key=lambda queue: queue.dead_letter is not None)

    def streams(self) -> list[Stream]:
        found = []
        for logical_id, p in self.of_type("AWS::KinesisFirehose::DeliveryStream"):
            s3 = p["ExtendedS3DestinationConfiguration"]
            found.append(Stream(logical_id, s3["Prefix"], _target(s3["BucketARN"]), s3))
        return found

    def glue_tables(self) -> list[GlueTable]:
        found = []
        for logical_id, p in self.of_type("AWS::Glue::Table"):
            table = p["TableInput"]
            columns = tuple((c["Name"], c["Type"]) for c in table["StorageDescriptor"]["Columns"])
            keys = tuple((c["Name"], c["Type"]) for c in table.get("PartitionKeys", ()))
            found.append(GlueTable(logical_id, table["Name"], columns, keys, table))
        return found

    def _function_events(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for function in self.functions().values():
            for event in function.events.values():
                if event["Type"] == kind:
                    yield function.logical_id, event.get("Properties", {})


def load(path: Path = PATH) -> Template:
    """Read the template."""
    return Template(read(path))


def _target(value: Any) -> str:
    """Logical id that a !Ref or !GetAtt points at."""
    name = value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0]
    return str(name)
