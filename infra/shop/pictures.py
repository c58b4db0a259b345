"""Takes the pictures of the README's walk-through, docs/shop/*.png, from the shop itself: `python -m infra.shop.pictures`."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from infra.local.clock import RealClock
from infra.local.stack import LocalStack
from infra.shop.opening import open_shop
from infra.shop.server import ShopServer

OUT = Path("docs/shop")
WIDTH, HEIGHT = 1000, 640
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"  # headless is a robot
)
ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--font-render-hinting=none")
_SWAPPED = "document.querySelector('header .phone').textContent.trim() !== '+7 495 000-00-10'"


def main() -> None:
    """Walk the walk and leave a picture of each step."""
    from playwright.sync_api import sync_playwright

    OUT.mkdir(parents=True, exist_ok=True)
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("Chromium is needed to take the pictures; install it and run this again")
    with tempfile.TemporaryDirectory() as root, LocalStack(Path(root), RealClock()) as stack, sync_playwright() as playwright:
        shop = open_shop(stack, 0, os.urandom)
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        _walk(lambda: browser.new_context(user_agent=AGENT, locale="ru-RU", viewport={"width": WIDTH, "height": HEIGHT}), shop)
        browser.close()
        shop.close()


def _walk(visitor: Any, shop: ShopServer) -> None:
    page = visitor().new_page()
    page.goto(f"{shop.url}/demo/")
    _take(page, "1-ads")
    page.goto(f"{shop.url}/demo/go/yandex")
    page.wait_for_function(_SWAPPED, polling=100)
    page.goto(f"{shop.url}/product/teply-pol-10m2/")
    page.wait_for_function(_SWAPPED, polling=100)
    page.fill("[name=name]", "Вера Лугова")
    page.fill("[name=phone]", "+7 900 000-00-17")
    _take(page, "2-shop")
    page.click("form#order button")
    page.wait_for_url("**/thanks/")
    caller = visitor().new_page()
    caller.goto(f"{shop.url}/demo/go/vk")
    caller.wait_for_function(_SWAPPED, polling=100)
    number = caller.text_content("header .phone")
    caller.goto(f"{shop.url}/demo/phone?number={number.replace('+', '%2B')}")
    caller.click("button.ring")
    caller.wait_for_selector(".calls li")
    caller.fill("[name=number]", number)
    caller.set_viewport_size({"width": WIDTH, "height": 760})
    _take(caller, "3-phone")
    for lead, price, cost in ((41870233, "14900", "9000"), (41870234, "48000", "30000")):
        page.goto(f"{shop.url}/demo/crm")
        card = page.locator(f"#lead-{lead}")
        card.locator("[name=price]").fill(price)
        card.locator("[name=cost]").fill(cost)
        card.get_by_role("button", name="Оплачено").click()
        page.wait_for_selector(f"#lead-{lead} .stage.now:has-text('Оплачено')")
    page.evaluate("scrollTo(0, 0)")
    _take(page, "4-crm")
    page.goto(f"{shop.url}/demo/mail")
    with page.expect_navigation(timeout=60_000):
        page.click("#send")
    page.wait_for_selector("article.letter")
    page.set_viewport_size({"width": WIDTH, "height": 1100})
    _take(page, "5-mail")
    page.set_viewport_size({"width": WIDTH, "height": 360})
    sales = page.frame_locator(".letter iframe").locator("h2", has_text="Последние продажи")
    page.evaluate("top => scrollBy(0, top)", sales.bounding_box()["y"] - 20)
    _take(page, "6-sale")


def _take(page: Any, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=OUT / f"{name}.png")
    print(f"{OUT / name}.png: {(OUT / f'{name}.png').stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
