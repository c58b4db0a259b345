"""A CRM that takes its time: one post is bounded as a whole, an invocation of the worker too, and only new requests wait for it."""

from __future__ import annotations

import copy
import datetime as dt
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from functions.crm_webhook import worker
from shared.post import post, resolved
from shared.settings import parse_settings, published
from shared.sites import current_key
from tests.api.numbers_door import counted
from tests.fakes import FakeClients

MESSAGE = json.loads((Path(__file__).parents[1] / "events" / "sqs_crm.json").read_text())["Records"][0]
RECEIVED = "2026-10-29T13:20:41.250000+00:00"
SECRET = "whsec_c2VjcmV0LW9mLW91ci1vdXRnb2luZy1ldmVudHM="
NAMES = {
    "STAGE": "test", "LAKE_BUCKET": "lake", "FILES_BUCKET": "files", "CRM_EVENT_STREAM": "crm-events", "PAYMENT_STREAM": "payments",
}  # fmt: skip
OK = b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n"


def here(host: str, port: int) -> list[str]:
    """Every name is here, twice over."""
    return ["127.0.0.1", "127.0.0.1"]


@contextmanager
def serving(answer: Callable[[socket.socket], object], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A port whose connections `answer` gets, each in its own thread."""
    threads: list[threading.Thread] = []

    def handle(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.settimeout(5)
            answer(context.wrap_socket(connection, server_side=True) if context else connection)

    def accept(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                thread = threading.Thread(target=handle, args=(server.accept()[0],), daemon=True)
                thread.start()
                threads.append(thread)

    with socket.create_server(("127.0.0.1", 0)) as server:
        accepting = threading.Thread(target=accept, args=(server,), daemon=True)
        accepting.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        for thread in (accepting, *threads):
            thread.join(6)


def created(connection: socket.socket) -> bytes:
    """The answer of a CRM that took it; what it was sent."""
    came = b""
    with connection:
        while not came.endswith(b"\r\n\r\n{}") and (more := connection.recv(65_536)):
            came += more
        connection.sendall(OK)
    return came


def seconds_until_given_up(url: str, seconds: float, resolve: Callable[[str, int], list[str]] = here) -> float:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        post(url, b"{}", {}, seconds, resolve)
    return time.monotonic() - began


# --- one post ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "start"),
    [
        ("http", b""),
        ("http", b"HTTP/1.1 201 Created\r\n"),
        ("http", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("https", b"\x16\x03\x03\x40\x00"),  # a TLS record of 16 KB
    ],
)
def test_a_server_that_drips_is_given_up_and_hung_up_on(scheme: str, start: bytes) -> None:
    """A byte now and then keeps every time-out of a socket away."""
    gone, over = threading.Event(), threading.Event()

    def drip(connection: socket.socket) -> None:
        try:
            connection.sendall(start)
            while not over.wait(0.02):
                connection.sendall(b"a")
        except OSError:
            gone.set()

    with serving(drip) as port:
        assert seconds_until_given_up(f"{scheme}://crm.example:{port}/new", 0.4) < 3
        assert gone.wait(5)
        over.set()


def test_a_server_that_never_takes_a_connection_costs_one_time_whatever_its_addresses() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        place = server.getsockname()
        with full(place):
            taken = seconds_until_given_up(f"http://crm.example:{place[1]}/", 0.5, lambda host, port: ["127.0.0.1"] * 8)
    assert taken < 1.5  # eight times 0.5, were each address given the whole


@contextmanager
def full(place: tuple[str, int]) -> Iterator[None]:
    """The queue of connections that nobody accepts is full."""
    waiting = []
    for _ in range(8):
        one = socket.socket()
        one.settimeout(0.1)
        waiting.append(one)
        try:
            one.connect(place)
        except TimeoutError:
            break
    else:
        pytest.fail("connections are still taken")
    yield
    for one in waiting:
        one.close()


def test_an_address_that_never_answers_leaves_time_for_the_next_one() -> None:
    with serving(created) as port, socket.socket() as silent:
        silent.bind(("127.0.0.2", port))
        silent.listen(0)
        with full(("127.0.0.2", port)):
            assert post(f"http://crm.example:{port}/", b"{}", {}, 4, lambda host, port: ["127.0.0.2", "127.0.0.1"]) == 201


def test_a_name_that_is_not_resolved_in_time_is_given_up() -> None:
    over = threading.Event()

    def slow(host: str, port: int) -> list[str]:
        over.wait(10)
        return []

    assert seconds_until_given_up("http://crm.example/", 0.2, slow) < 3
    over.set()


def test_the_next_address_is_tried_where_one_refuses() -> None:
    with serving(created) as port:
        assert post(f"http://crm.example:{port}/", b"{}", {}, 5, lambda host, port: ["127.0.0.2", "127.0.0.1"]) == 201


def test_a_name_without_addresses_is_an_error() -> None:
    with pytest.raises(OSError, match="no address"):
        post("http://crm.example/", b"{}", {}, 5, lambda host, port: [])


def test_a_name_is_resolved_by_the_system() -> None:
    assert "127.0.0.1" in resolved("localhost", 443)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of crm.example, vouched for by itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "crm.example")])
    begin = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + dt.timedelta(days=36_500))
    for extension in (x509.SubjectAlternativeName([x509.DNSName("crm.example")]), x509.BasicConstraints(ca=True, path_length=None)):
        made = made.add_extension(extension, critical=True)
    pem, own = serialization.Encoding.PEM, tmp_path / "crm.pem"
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    own.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem) + private)
    return own


def test_over_tls_the_certificate_is_the_hosts_and_vouched_for(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    came: list[bytes] = []

    with serving(lambda connection: came.append(created(connection)), context) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            post(f"https://crm.example:{port}/new?key=1", b"{}", {}, 5, here)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with pytest.raises(ssl.SSLCertVerificationError):
            post(f"https://other.example:{port}/new?key=1", b"{}", {}, 5, here)
        assert came == []
        assert post(f"https://crm.example:{port}/new?key=1", b"{}", {}, 5, here) == 201
    assert came[0].startswith(f"POST /new?key=1 HTTP/1.1\r\nHost: crm.example:{port}\r\n".encode())


# --- one invocation ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeClients]:
    fakes = FakeClients()
    for name, value in NAMES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(worker, "client", fakes)
    fakes.ssm.parameters["/skvoz/test/identity"] = "identity-key"
    worker.worker.cache_clear()
    yield fakes
    worker.worker.cache_clear()


def publish(clients: FakeClients, site_id: str, url: str) -> None:
    crm = {"new_requests": {"url": url, "channels": ["call"]}}
    site = published(parse_settings({"site_id": site_id, "name": site_id, "hosts": [f"{site_id}.example"], "crm": crm}))
    clients.s3.put_object(Bucket="files", Key=current_key(site_id), Body=json.dumps(site, default=str).encode())
    clients.ssm.parameters[f"/skvoz/test/{site_id}/crm-outgoing"] = SECRET


def queued(clients: FakeClients, name: str, provider: str, site_id: str = "kvartal") -> dict[str, Any]:
    """A message whose body is in the quarantine: a new request, or a deal's state that a CRM told."""
    key = f"quarantine/crm-{provider}/2026/10/29/13/{name}.json"
    body = {"type": "deal.won", "timestamp": "2026-10-29T13:20:31Z", "data": {"deal_id": name}}
    clients.s3.put_object(Bucket="lake", Key=key, Body=json.dumps(body).encode())
    order = {"site_id": site_id, "key": key, "webhook_id": name, "received_at": RECEIVED, "provider": provider}
    return {**copy.deepcopy(MESSAGE), "messageId": name, "body": json.dumps(order)}


def back(*messages: dict[str, Any]) -> list[str]:
    answer = worker.lambda_handler({"Records": list(messages)}, None)
    return sorted(failure["itemIdentifier"] for failure in answer["batchItemFailures"])


def done(clients: FakeClients) -> list[str]:
    return sorted(json.loads(line)["deal_id"] for line in clients.firehose.lines("crm-events"))


def test_a_crm_that_never_answers_holds_up_new_requests_alone(
    clients: FakeClients, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    over = threading.Event()
    done_before: list[list[str]] = []

    def bounded(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        done_before.append(done(clients))
        return post(url, body, headers, 0.4, here)

    monkeypatch.setattr(worker, "post", bounded)
    monkeypatch.setattr(worker, "REQUEST_SECONDS", 0.3)
    with serving(lambda connection: over.wait(10)) as port:
        publish(clients, "kvartal", f"https://crm.example:{port}/new")
        batch = [queued(clients, f"r{place}", "requests") for place in range(3)]
        batch[1:1] = [queued(clients, "e1", "generic")]
        batch.append(queued(clients, "e2", "generic"))
        began = time.monotonic()
        failed = back(*batch)
        taken = time.monotonic() - began
        over.set()
    assert failed == ["r0", "r1", "r2"]
    assert done_before == [["e1", "e2"]]  # the events first; of the requests one was tried
    assert taken < 3
    sums = [metric["BackToQueue"] for metric in counted(capsys.readouterr().out) if "BackToQueue" in metric]
    assert sums == [1, 2]


class Clock:
    """Stands in for `monotonic`; a post to a silent site takes four seconds of it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.came: list[str] = []

    def __call__(self) -> float:
        return self.now

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.came.append(headers["webhook-id"].removeprefix("request_"))
        if "silent" in url:
            self.now += 4
            raise TimeoutError("no answer")
        return 201


@pytest.fixture
def clock(clients: FakeClients, monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(worker, "monotonic", made)
    monkeypatch.setattr(worker, "post", made.post)
    publish(clients, "silent", "https://silent.example/new")
    publish(clients, "kvartal", "https://crm.example/new")
    return made


def test_ten_silent_posts_take_no_more_than_their_share_of_the_functions_time(clients: FakeClients, clock: Clock) -> None:
    names = [f"r{place}" for place in range(10)]
    assert back(*(queued(clients, name, "requests", "silent") for name in names)) == names
    assert clock.came == ["r0", "r1", "r2", "r3"]  # begun at 0, 4, 8 and 12 s
    assert clock.now - 1000 == 16


def test_sites_that_answer_do_not_wait_for_one_that_does_not(clients: FakeClients, clock: Clock) -> None:
    silent = [queued(clients, f"s{place}", "requests", "silent") for place in range(8)]
    answering = [queued(clients, f"a{place}", "requests") for place in range(2)]
    assert back(*silent, *answering) == [f"s{place}" for place in range(8)]
    assert clock.came[:3] == ["s0", "a0", "a1"]


def test_after_events_that_took_long_no_request_is_begun_that_may_not_end(
    clients: FakeClients, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    get = clients.s3.get_object

    def slow(**call: Any) -> Any:
        clock.now += 41 if "crm-generic" in call["Key"] else 0
        return get(**call)

    monkeypatch.setattr(clients.s3, "get_object", slow)
    assert back(queued(clients, "r0", "requests"), queued(clients, "e1", "generic")) == ["r0"]
    assert (done(clients), clock.came) == (["e1"], [])
