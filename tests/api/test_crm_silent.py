"""A CRM that takes its time: one post is bounded as a whole, and only new requests of its own site wait for it."""

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

from functions.crm_webhook.tasks import handler as tasks
from functions.crm_webhook.tasks import send
from shared.handing_over import HandingOver
from shared.identity import phone_hash
from shared.post import post, resolved
from shared.settings import parse_settings, published
from shared.sites import current_key
from shared.vault import Vault, contacts_of
from tests.api import crm_stores
from tests.api.dynamo import dynamodb
from tests.fakes import FakeClients

MESSAGE = json.loads((Path(__file__).parents[1] / "events" / "sqs_crm.json").read_text())["Records"][0]
NOW = dt.datetime(2026, 10, 29, 13, 20, 41, tzinfo=dt.UTC)
KEY, PHONE = b"identity-key", "+79000000017"
SECRET = "whsec_c2VjcmV0LW9mLW91ci1vdXRnb2luZy1ldmVudHM="
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


class Clients(FakeClients):
    """Fakes, and moto's DynamoDB."""

    dynamodb: Any = None

    def __call__(self, service: str) -> Any:
        return self.dynamodb if service == "dynamodb" else super().__call__(service)


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    with dynamodb(("contacts", "numbers", "crm")) as made:
        fakes = Clients()
        fakes.dynamodb = made
        crm_stores.use(monkeypatch, fakes)
        fakes.ssm.parameters["/skvoz/test/identity"] = "identity-key"
        yield fakes
        crm_stores.forget()


def publish(clients: Clients, site_id: str, url: str) -> None:
    crm = {"new_requests": {"url": url, "channels": ["call"]}}
    told = {"site_id": site_id, "name": site_id, "hosts": [f"{site_id}.example"], "crm": crm, "pii": "vault"}
    site = published(parse_settings(told))
    clients.s3.put_object(Bucket="files", Key=current_key(site_id), Body=json.dumps(site, default=str).encode())
    clients.ssm.parameters[f"/skvoz/test/{site_id}/crm-outgoing"] = SECRET
    Vault(clients.dynamodb, "contacts").keep(site, contacts_of([PHONE], [], KEY), "", NOW)


def queued(clients: Clients, name: str, site_id: str = "kvartal", tries: int = 1) -> dict[str, Any]:
    """A message whose new request is in the quarantine."""
    sent: dict[str, list[str]] = {}
    data = {
        "request_id": name, "site_id": site_id, "contact_channel": "call", "started_at": NOW.isoformat(),
        "phone_hash": phone_hash(PHONE, KEY),
    }  # fmt: skip
    HandingOver(clients.s3, "lake", lambda: (clients.sqs, "queue")).put(NOW, data, NOW)
    sent["queue"] = clients.sqs.messages["queue"]
    attributes = {**MESSAGE["attributes"], "ApproximateReceiveCount": str(tries)}
    return {**copy.deepcopy(MESSAGE), "messageId": name, "receiptHandle": name, "body": sent["queue"][-1], "attributes": attributes}


def back(*messages: dict[str, Any]) -> list[str]:
    answer = tasks.lambda_handler({"Records": list(messages)}, None)
    return sorted(failure["itemIdentifier"] for failure in answer["batchItemFailures"])


def test_a_crm_that_never_answers_costs_one_post_of_a_batch(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    begun: list[str] = []

    def bounded(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        begun.append(url)
        return post(url, body, headers, 0.4, here)

    monkeypatch.setattr(send, "post", bounded)
    with serving(lambda connection: over.wait(10)) as port:
        publish(clients, "kvartal", f"https://crm.example:{port}/new")
        began = time.monotonic()
        failed = back(*(queued(clients, f"r{place}") for place in range(3)))
        taken = time.monotonic() - began
        over.set()
    assert failed == ["r0", "r1", "r2"]
    assert len(begun) == 1
    assert taken < 3


@pytest.fixture
def posted(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Requests that were posted, in order. The site `silent` does not answer."""
    came: list[str] = []

    def answering(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        came.append(headers["webhook-id"].removeprefix("request_"))
        if "silent" in url:
            raise TimeoutError("no answer")
        return 201

    monkeypatch.setattr(send, "post", answering)
    publish(clients, "silent", "https://silent.example/new")
    publish(clients, "kvartal", "https://crm.example/new")
    return came


def test_sites_that_answer_do_not_wait_for_one_that_does_not(clients: Clients, posted: list[str]) -> None:
    silent = [queued(clients, f"s{place}", "silent") for place in range(8)]
    answering = [queued(clients, f"a{place}") for place in range(2)]
    assert back(*silent, *answering) == [f"s{place}" for place in range(8)]
    assert sorted(posted) == ["a0", "a1", "s0"]


def test_each_try_waits_longer_up_to_an_hour(clients: Clients, posted: list[str]) -> None:
    waits = []
    for tries in (1, 2, 3, 7, 8, 60):
        back(queued(clients, f"s{tries}", "silent", tries))
        waits.append(clients.sqs.postponed[f"s{tries}"])
    assert waits == [30, 60, 120, 1920, 3600, 3600]


def test_requests_of_a_site_are_handed_over_in_the_order_they_came(clients: Clients, posted: list[str]) -> None:
    messages = [queued(clients, name) for name in ("first", "alpha", "second")]
    for place, message in enumerate(messages):
        body = json.loads(message["body"])
        message["body"] = json.dumps({**body, "received_at": (NOW + dt.timedelta(seconds=place)).isoformat()})
    assert back(*reversed(messages)) == []
    assert posted == ["first", "alpha", "second"]


def test_no_request_is_begun_when_the_time_is_up(clients: Clients, posted: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "SECONDS", -1.0)
    assert back(queued(clients, "a0")) == ["a0"]
    assert posted == []
