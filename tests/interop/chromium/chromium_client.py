"""Headless Chromium as a client of `h2 serve`.

usage: chromium_client.py ORIGIN SPKI OUTPUT_DIR SCENARIO
       chromium_client.py --make-site DIR
       chromium_client.py --version

ORIGIN is https://localhost:PORT; SPKI the base64 SHA-256 of the public key of the server's
certificate, which is the one that Chromium is to accept; SCENARIO one of page, fetch, upload and
reloads. --make-site writes the page and its 50 resources, which the server is to serve.

Exit status: 0 verified, with one line that says what; 1 a difference, with the reason on standard
error; 2 wrong usage. Chromium is driven by its DevTools protocol over a pipe.
"""

import base64
import collections
import fcntl
import hashlib
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import time

DEADLINE = time.monotonic() + 240
IMAGES = 48
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-extensions", "--hide-scrollbars",
    "--window-size=900,700", "--remote-debugging-pipe",
]


class Difference(Exception):
    pass


def check(holds, reason):
    if not holds:
        raise Difference(reason)


# ---- the page

STYLE = """body { font: 16px sans-serif; margin: 24px; background: #fafafa; color: #222; }
#images { display: grid; grid-template-columns: repeat(12, 1fr); gap: 6px; }
#images img { width: 100%; display: block; }
#said { font-weight: bold; }
"""

SCRIPT = """addEventListener('load', () => {
  const all = performance.getEntriesByType('resource');
  const h2 = all.filter((one) => one.nextHopProtocol === 'h2').length;
  const shown = [...document.images].filter((one) => one.naturalWidth > 0).length;
  document.querySelector('#said').textContent =
    `${all.length} resources, ${h2} of them by h2; ${shown} images shown; the page itself came by ` +
    performance.getEntriesByType('navigation')[0].nextHopProtocol;
});
"""


def image(number):
    hue = number * 360 // IMAGES
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">'
            f'<rect width="64" height="64" rx="8" fill="hsl({hue},70%,55%)"/>'
            f'<text x="32" y="42" font-size="26" text-anchor="middle" fill="#fff">{number}</text></svg>')


def make_site(directory):
    images = "\n".join(f'<img src="image{i}.svg" alt="{i}">' for i in range(IMAGES))
    page = ('<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>50 resources</title>\n'
            '<link rel="icon" href="data:,">\n<link rel="stylesheet" href="style.css">\n'
            '<script src="script.js" defer></script></head>\n'
            '<body><h1>50 resources over one connection</h1>\n<p id="said">nothing yet</p>\n'
            f'<div id="images">\n{images}\n</div></body></html>\n')
    files = {"page.html": page, "style.css": STYLE, "script.js": SCRIPT}
    files.update({f"image{i}.svg": image(i) for i in range(IMAGES)})
    for name, text in files.items():
        pathlib.Path(directory, name).write_text(text, encoding="utf-8")


# ---- the browser

class Browser:
    """A Chromium of our own; `call` speaks to its one page."""

    def __init__(self, spki, directory):
        self.profile = os.path.join(directory, "profile")
        os.makedirs(self.profile)
        commands, replies = os.pipe(), os.pipe()
        # The numbers 3 and 4 are theirs in the child.
        theirs = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (commands[0], replies[1])]

        def plumb():
            os.dup2(theirs[0], 3)
            os.dup2(theirs[1], 4)

        self.process = subprocess.Popen(
            ["chromium", *FLAGS, f"--user-data-dir={self.profile}",
             f"--ignore-certificate-errors-spki-list={spki}", "about:blank"],
            preexec_fn=plumb, pass_fds=(3, 4), start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=open(os.path.join(directory, "chromium.log"), "wb"),
            env=dict(os.environ, HOME=self.profile))
        for fd in (*theirs, commands[0], replies[1]):
            os.close(fd)
        self.to, self.back = commands[1], replies[0]
        self.buffer = b""
        self.number = 0
        self.events = collections.deque()
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.call(domain + ".enable")

    def receive(self):
        while b"\0" not in self.buffer:
            left = DEADLINE - time.monotonic()
            check(left > 0 and select.select([self.back], [], [], left)[0], "Chromium says nothing")
            piece = os.read(self.back, 1 << 20)
            check(piece, "Chromium ended by itself")
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                check("error" not in answer, f"{method}: {answer.get('error')}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, method):
        """The events up to the next one of that name, this included."""
        seen = []
        while True:
            seen.append(self.events.popleft() if self.events else self.receive())
            if seen[-1].get("method") == method:
                return seen

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True,
                           returnByValue=True)
        check("exceptionDetails" not in result, f"the page threw: {result.get('exceptionDetails')}")
        return result["result"].get("value")

    def load(self, url):
        answer = self.call("Page.navigate", url=url)
        check("errorText" not in answer, f"{url}: {answer.get('errorText')}")
        return self.wait("Page.loadEventFired")

    def end(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)


def connections(events):
    """The connections that responses came over, and a check that nothing failed."""
    used = set()
    for event in events:
        params = event.get("params", {})
        check(event.get("method") != "Network.loadingFailed", f"a request failed: {params}")
        if event.get("method") == "Network.responseReceived":
            response = params["response"]
            if response["url"].startswith("https:"):
                check(response["status"] == 200, f"{response['url']}: status {response['status']}")
                check(response["protocol"] == "h2", f"{response['url']}: {response['protocol']}")
                used.add(response["connectionId"])
    return used


def check_resources(browser):
    """From inside the page: all that came, came by h2."""
    timing = json.loads(browser.evaluate(
        "JSON.stringify([...performance.getEntriesByType('navigation'),"
        " ...performance.getEntriesByType('resource')])"))
    wrong = [one["name"] for one in timing
             if one["nextHopProtocol"] != "h2" or one["decodedBodySize"] <= 0]
    check(not wrong, f"not by h2, or empty: {wrong}")
    check(len(timing) == 51, f"{len(timing) - 1} resources instead of 50")
    shown = browser.evaluate("[...document.images].filter((one) => one.naturalWidth > 0).length")
    check(shown == IMAGES, f"{shown} images shown instead of {IMAGES}")


# ---- scenarios

def page(browser, origin, directory):
    used = connections(browser.load(origin + "/page.html"))
    check_resources(browser)
    check(len(used) == 1, f"{len(used)} connections instead of one")
    picture = base64.b64decode(browser.call("Page.captureScreenshot", format="png")["data"])
    pathlib.Path(directory, "page.png").write_bytes(picture)
    return "50 resources and the page by h2 over one connection"


def pattern(size):
    """What /bytes/N gives: lines of 64 bytes that begin with their own offset."""
    text = " the quick brown fox jumps over the lazy dog 0123"
    lines = (f"{at:015d}{text}"[:63] + "\n" for at in range(0, size, 64))
    return "".join(lines).encode()[:size]


def fetch(browser, origin, _):
    size = 20 << 20
    browser.load(origin + "/page.html")
    got = json.loads(browser.evaluate(f"""(async () => {{
      const response = await fetch('/bytes/{size}');
      const bytes = await response.arrayBuffer();
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
      const entry = performance.getEntriesByName(response.url)[0];
      return JSON.stringify([response.status, bytes.byteLength, entry.nextHopProtocol,
        [...digest].map((one) => one.toString(16).padStart(2, '0')).join('')]);
    }})()"""))
    check(got == [200, size, "h2", hashlib.sha256(pattern(size)).hexdigest()], f"got {got}")
    return "20 MiB by h2, SHA-256 as computed"


def upload(browser, origin, _):
    browser.load(origin + "/page.html")
    browser.evaluate("""globalThis.make = (size) => {
      const bytes = new Uint8Array(size);
      for (let i = 0, x = 1; i < size; ++i) bytes[i] = (x = (x * 1103515245 + 12345) >>> 0) >>> 16;
      return bytes;
    };
    globalThis.same = (a, b) => a.length === b.length && a.every((one, i) => one === b[i]);""")
    for size, body, extra in ((5 << 20, "bytes", ""),
                              (1 << 20, "new Blob([bytes]).stream()", ", duplex: 'half'")):
        got = json.loads(browser.evaluate(f"""(async () => {{
          const bytes = make({size});
          const response = await fetch('/echo', {{method: 'POST', body: {body}{extra}}});
          const back = new Uint8Array(await response.arrayBuffer());
          const entry = performance.getEntriesByName(response.url).at(-1);
          return JSON.stringify([response.status, same(bytes, back), entry.nextHopProtocol]);
        }})()"""))
        check(got == [200, True, "h2"], f"{size} bytes as {body}: got {got}")
    return "5 MiB at once and 1 MiB as a stream came back by h2"


def reloads(browser, origin, _):
    browser.call("Network.setCacheDisabled", cacheDisabled=True)
    used = connections(browser.load(origin + "/page.html"))
    for _ in range(100):
        browser.call("Page.reload", ignoreCache=True)
        used |= connections(browser.wait("Page.loadEventFired"))
        check_resources(browser)
    check(len(used) == 1, f"{len(used)} connections instead of one")
    return "100 reloads of 51 requests each by h2 over one connection"


SCENARIOS = {"page": page, "fetch": fetch, "upload": upload, "reloads": reloads}


def main(arguments):
    if arguments == ["--version"]:
        print(subprocess.run(["chromium", "--version"], check=True, capture_output=True,
                             text=True).stdout.strip())
        return 0
    if len(arguments) == 2 and arguments[0] == "--make-site":
        make_site(arguments[1])
        return 0
    if len(arguments) != 4 or arguments[3] not in SCENARIOS:
        print(__doc__, file=sys.stderr)
        return 2
    origin, spki, directory, scenario = arguments
    browser = None
    try:
        browser = Browser(spki, directory)
        print(SCENARIOS[scenario](browser, origin, directory))
        return 0
    except Difference as difference:
        print(f"chromium_client: {difference}", file=sys.stderr)
        return 1
    finally:
        if browser:
            browser.end()


sys.exit(main(sys.argv[1:]))
