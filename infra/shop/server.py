"""The demo shop as one server of its own port: the site with the tracker, and the back rooms under /demo/."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from infra.local.gateway import Answer, HttpRequest, Route, Router
from infra.local.server import HttpServer
from infra.local.stack import LocalStack
from infra.shop.ads import AdsScreen
from infra.shop.crm import Crm, CrmScreen
from infra.shop.doors import Doors
from infra.shop.mailbox import Mailbox, MailScreen
from infra.shop.pages import static
from infra.shop.phone import Phone, PhoneScreen
from infra.shop.site import Site
from infra.tag import tracker_tag

Page = Callable[..., Answer | None]


class ShopServer:
    """`crm`, `phone` and `mailbox` are the toys behind the screens; port 0 takes a free one."""

    def __init__(self, stack: LocalStack, site_id: str, crm_token: str, calls_secret: str, port: int = 8081) -> None:
        self.site_id = site_id
        doors = Doors(stack, site_id, crm_token, calls_secret)
        self.crm = Crm(doors.amocrm, stack.clock.now)
        self.phone = Phone(doors.call, self.crm, stack.clock.now)
        self.mailbox = Mailbox(stack, site_id)
        self.snippet = tracker_tag(stack.url, site_id)
        site = Site(self.snippet, self.crm)
        self._missing = site.missing
        chance = random.Random()
        self._pages = _pages(
            site, AdsScreen(chance), CrmScreen(self.crm), PhoneScreen(self.phone, chance), MailScreen(self.mailbox)
        )
        self._router = Router(Route(key.partition(" ")[0], key.partition(" ")[2], key) for key in self._pages)
        self._server = HttpServer(self.handle, port)

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> None:
        self._server.start()

    def close(self) -> None:
        self._server.close()

    def handle(self, request: HttpRequest) -> Answer:
        """One request; what no page answers to is the shop's own 404."""
        found = self._router.find("GET" if request.method == "HEAD" else request.method, unquote(request.target.partition("?")[0]))
        answer = self._pages[found[0].function](request, **found[1]) if found else None
        return answer or self._missing(request)


def _pages(site: Site, ads: AdsScreen, crm: CrmScreen, phone: PhoneScreen, mail: MailScreen) -> dict[str, Page]:
    def file(request: HttpRequest, **parts: Any) -> Answer | None:
        return static(parts["name"])

    return {
        "GET /": site.home,
        "GET /catalog/": site.catalog,
        "GET /catalog/{category}/": site.catalog,
        "GET /product/{slug}/": site.product,
        "GET /calc/": site.calc,
        "GET /calc/{step}/": site.calc,
        "GET /delivery/": site.delivery,
        "GET /contacts/": site.contacts,
        "GET /thanks/": site.thanks,
        "POST /forms/callback": site.callback,
        "POST /forms/order": site.order,
        "GET /static/{name}": file,
        "GET /demo/": ads.show,
        "GET /demo/go/{name}": ads.click,
        "GET /demo/crm": crm.show,
        "POST /demo/crm/{lead_id}": crm.move,
        "GET /demo/phone": phone.show,
        "POST /demo/phone": phone.dial,
        "GET /demo/mail": mail.show,
        "POST /demo/mail/send": mail.send,
        "GET /demo/mail/{number}": mail.show,
        "GET /demo/mail/{number}/html": mail.html,
        "GET /demo/mail/{number}/file/{place}": mail.file,
    }
