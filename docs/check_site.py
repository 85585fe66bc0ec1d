"""Look at a built site in a browser without a network: what a reader would trip over.

``python docs/check_site.py build/site`` needs the extra ``docs`` and Chromium with its
driver. It exits with 1 if a page logs an error, an image or a link is broken, a page is
wider than a telephone, a listing cannot be copied, or search does not find a model by
its author.
"""

import functools
import http.server
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import unquote, urldefrag

from selenium import webdriver

AUTHORS = {
    "Sacramento": "sacramento_microcircuit",
    "Clopath": "clopath",
    "Guerguiev": "guerguiev",
}
TELEPHONE = 390  # CSS pixels
BROKEN_IMAGES = """
    return [...document.images].filter(i => !i.complete || !i.naturalWidth)
        .map(i => i.src)"""
# Framed, since a window of the browser is never as narrow as a telephone.
WIDE = """
    const frame = document.createElement('iframe'), done = arguments[2]
    frame.style = `width:${arguments[1]}px;height:800px`
    frame.onload = () => setTimeout(() => {
        done(frame.contentDocument.documentElement.scrollWidth) }, 100)
    frame.src = arguments[0]
    document.body.replaceChildren(frame)"""
LINKS = "return [...document.querySelectorAll('a[href]')].map(a => a.href)"
UNCOPIED = """
    return [...document.querySelectorAll('div.highlight')]
        .filter(d => !d.querySelector('button.copybtn')).length"""
FOUND = "return [...document.querySelectorAll('#search-results a')].map(a => a.href)"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves the site and says nothing."""

    def log_message(self, *_):
        pass


def browser(profile):
    """Chromium that reaches nothing but this machine."""
    options = webdriver.ChromeOptions()
    for flag in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "no-first-run",
        f"user-data-dir={profile}",
        "host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # Named, since selenium would ask the network for a driver.
    driver = shutil.which("chromedriver")
    if driver is None:
        sys.exit("chromedriver is not on the path: install Chromium and its driver")
    return webdriver.Chrome(options, webdriver.ChromeService(driver))


def look(driver, root, url):
    """What is wrong with one page, and the pages of the site that it leads to."""
    driver.get(root + url)
    faults = [
        log["message"][:200]
        for log in driver.get_log("browser")
        if log["level"] == "SEVERE"
    ]
    faults += [f"no image {src}" for src in driver.execute_script(BROKEN_IMAGES)]
    missing = driver.execute_script(UNCOPIED)
    faults += [f"{missing} listings without a button to copy"] if missing else []
    links = {urldefrag(href)[0] for href in driver.execute_script(LINKS)}
    width = driver.execute_async_script(WIDE, root + url, TELEPHONE)
    faults += [f"{width} pixels wide on a telephone"] if width > TELEPHONE + 1 else []
    return faults, {link for link in links if link.startswith(root)}


def search(driver, root, author, page):
    """Whether the site's search leads from an author to the page of a model."""
    driver.get(f"{root}search.html?q={author}")
    for _ in range(100):
        if any(f"models/{page}.html" in href for href in driver.execute_script(FOUND)):
            return []
        time.sleep(0.1)
    return [f"search for {author} does not find models/{page}.html"]


def main(folder):
    """Check the site in ``folder``; the number of faults."""
    pages = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.html"))
    pages = [p for p in pages if not p.startswith(("_modules/", "_static/"))]
    handler = functools.partial(Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}/"
    faults, linked = [], set()
    with tempfile.TemporaryDirectory() as profile:
        driver = browser(profile)
        try:
            for url in pages:
                found, links = look(driver, root, url)
                linked |= links
                faults += [f"{url}: {fault}" for fault in found]
            for author, page in AUTHORS.items():
                faults += search(driver, root, author, page)
        finally:
            driver.quit()
            server.shutdown()
    for link in sorted(linked):
        path = folder / unquote(link.removeprefix(root).partition("?")[0])
        if not (path.exists() or not path.name):
            faults.append(f"a link leads to nothing: {link.removeprefix(root)}")
    print("\n".join(faults))
    print(f"{len(pages)} pages, {len(linked)} places linked, {len(faults)} faults")
    return len(faults)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()) > 0)
