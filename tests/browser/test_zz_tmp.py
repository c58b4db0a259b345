from tests.browser.test_tracker import *
def test_x(shop, tab):
    tab.on("console", lambda m: print("CON", m.text))
    tab.on("pageerror", lambda m: print("ERR", m))
    tab.on("requestfailed", lambda m: print("RF", m.url, m.failure))
    tab.on("response", lambda m: print("R", m.url, m.status))
    tab.add_init_script(BLOCKED_STORAGE)
    tab.goto(f"{shop.pages}/a")
    tab.wait_for_timeout(1500)
    print(tab.evaluate("[typeof window.skvoz, document.documentElement.outerHTML]"))
    tab.wait_for_function("window.skvoz", timeout=2000)
