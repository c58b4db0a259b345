"""What the doctor's checks judge: plain facts of a stack and of its sites, read once (gathering/). Nothing here reads.

None is "nobody looked": a plain folder has no secrets, and a right may be missing (then `unread` says which).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from functions.crm_webhook.reconcile.marks import Walk
from shared.settings import SiteSettings

SAMPLED_DAYS = 14  # of the raw zone, by day of arrival
REJECTED_DAYS = 7


class Secret(NamedTuple):
    """A parameter, without its value: how many secrets it holds, how many of them can sign, and since when."""

    values: int
    signing: int
    changed_at: datetime | None


class AmoToken(NamedTuple):
    """What Secrets Manager keeps for amoCRM, without the tokens. `renewed_at`: when amoCRM gave the pair with the refresh token."""

    is_set: bool
    is_whole: bool = False
    has_refresh_token: bool = False
    expires_at: datetime | None = None
    renewed_at: datetime | None = None


class Queue(NamedTuple):
    """Messages that wait, and for how many seconds the oldest one does (None: CloudWatch told nothing)."""

    messages: int
    age_seconds: float | None = None


class Arrivals(NamedTuple):
    """Records of one kind of a site. `last_at`: arrival of the latest one found; `days`: of the last SAMPLED_DAYS those (UTC) on
    which any came."""

    last_at: datetime | None
    days: frozenset[date]


class Fill(NamedTuple):
    """Numbers of a pool: those that can be leased, those that await their test call."""

    usable: int
    waiting: int


class Refused(NamedTuple):
    """Rejected records of one door and reason: how many, and the latest one's message."""

    door: str
    reason: str
    records: int
    message: str


class RefreshFacts(NamedTuple):
    """`completed_at` of the last complete refresh; `begun_at`: when a run that has not completed began to rewrite the site's marts;
    `failure`: what an unfinished run says of the site; `is_running`: somebody holds the lock."""

    completed_at: datetime | None
    begun_at: datetime | None = None
    failure: str = ""
    is_running: bool = False


class ReportFacts(NamedTuple):
    """Sends of the site's reports: when the last mail went out, and sends that were begun since `stuck_since` and never ended.
    `suppressed` are hashes of recipients whom no mail of the installation reaches any more."""

    sent_at: datetime | None
    stuck: int = 0
    suppressed: frozenset[str] = frozenset()


class Tag(NamedTuple):
    """A tag of the tracker on a page: the site it names, and the address of the doors as the browser makes it."""

    site: str
    endpoint: str


class PageFacts(NamedTuple):
    """A page as it was fetched. `error`: why it was not. `addresses`: IPv4 addresses of the hosts concerned."""

    url: str
    tags: tuple[Tag, ...] = ()
    error: str = ""
    addresses: Mapping[str, tuple[str, ...]] = {}


@dataclass(frozen=True)
class StackFacts:
    """A stack in AWS. `parameters` are those that it was deployed with."""

    stage: str
    name: str
    now: datetime
    url: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    sites: Sequence[str] = ()
    secrets: Mapping[str, Secret] | None = None
    queues: Mapping[str, Queue] = field(default_factory=dict)
    alarms: Sequence[tuple[str, str]] = ()
    rejected: Sequence[Refused] = ()
    unread: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SiteFacts:
    """One site. `walks` are those of the CRMs' APIs, `reading` names those that somebody reads now; `figures` are those of the
    newest report (figures.json)."""

    site_id: str
    now: datetime
    settings: SiteSettings | None = None
    settings_error: str = ""
    stack: StackFacts | None = None
    amo_token: AmoToken | None = None
    page: PageFacts | None = None
    arrivals: Mapping[str, Arrivals] = field(default_factory=dict)
    stages: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    page_hosts: Counter[str] = field(default_factory=Counter)
    networks: Counter[str] = field(default_factory=Counter)
    cost_days: Mapping[str, frozenset[date]] = field(default_factory=dict)
    covered_days: Mapping[str, frozenset[date]] = field(default_factory=dict)
    rejected: Sequence[Refused] = ()
    pools: Mapping[str, Fill] | None = None
    walks: Sequence[Walk] | None = None
    reading: frozenset[str] = frozenset()
    refresh: RefreshFacts | None = None
    report: ReportFacts | None = None
    figures: Mapping[str, Any] | None = None
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> Mapping[str, Secret] | None:
        """Secrets of the stage; None where nobody looked."""
        return self.stack.secrets if self.stack else None
