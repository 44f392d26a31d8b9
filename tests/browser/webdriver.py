"""A small client of the WebDriver protocol (https://www.w3.org/TR/webdriver2/)
for chromedriver."""

import base64
import json
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
DEADLINE = 60

FLAGS = [
    # chromedriver would look for the browser at "localhost", which not every
    # system can resolve.
    "--remote-debugging-pipe",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class WebDriverError(Exception):
    pass


class Browser:
    """One session with a profile of its own; `with` ends it."""

    def __init__(self, driver, base, flags=()):
        self.driver = driver
        self.base = base
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        args = FLAGS + ["--user-data-dir=" + self.profile.name, *flags]
        self.session = ""
        answer = self.call(
            "POST",
            "/session",
            {
                "capabilities": {
                    "alwaysMatch": {
                        "browserName": "chrome",
                        "unhandledPromptBehavior": "accept",
                        "goog:loggingPrefs": {"browser": "ALL"},
                        "goog:chromeOptions": {"args": args},
                    }
                }
            },
        )
        self.session = "/session/" + answer["sessionId"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.call("DELETE", "")
        self.profile.cleanup()

    def call(self, method, path, body=None):
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(
            self.driver + self.session + path,
            data,
            {"Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise WebDriverError(f"{value['error']}: {value['message'].splitlines()[0]}") from None

    def go(self, path="/"):
        self.call("POST", "/url", {"url": self.base + path})

    def script(self, text, *args):
        return self.call("POST", "/execute/sync", {"script": text, "args": list(args)})

    def wait(self, text, *args):
        """Until the script's value is true: that value."""
        end = time.monotonic() + DEADLINE
        while True:
            value = self.script(text, *args)
            if value:
                return value
            if time.monotonic() > end:
                seen = self.script("return document.body.innerText")
                raise AssertionError(f"not within the deadline: {text} {args}\n{seen}")

    def find(self, css):
        return self.wait("return document.querySelector(arguments[0])", css)[ELEMENT]

    def click(self, css):
        self.call("POST", f"/element/{self.find(css)}/click")

    def type(self, css, text):
        self.call("POST", f"/element/{self.find(css)}/value", {"text": text})

    def clear(self, css):
        self.call("POST", f"/element/{self.find(css)}/clear")

    def press(self, *keys):
        """To whatever has the focus."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.call(
            "POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]}
        )

    def new_window(self):
        return self.call("POST", "/window/new", {"type": "window"})["handle"]

    def window(self):
        return self.call("GET", "/window")

    def switch(self, handle):
        self.call("POST", "/window", {"handle": handle})

    def devtools(self, command, **params):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def prefer(self, scheme):
        self.devtools(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def device(self, width, height):
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def block(self, *urls):
        """Requests for these fail; none given: no request any more."""
        self.devtools("Network.enable")
        self.devtools("Network.setBlockedURLs", urls=urls)

    def offline(self, yes):
        self.call(
            "POST",
            "/chromium/network_conditions",
            {
                "network_conditions": {
                    "offline": yes,
                    "latency": 0,
                    "download_throughput": -1,
                    "upload_throughput": -1,
                }
            },
        )

    def screenshot(self, file):
        with open(file, "wb") as out:
            out.write(base64.b64decode(self.call("GET", "/screenshot")))

    def console(self):
        """What the browser had to say since the last call: [(level, source,
        message)]."""
        entries = self.call("POST", "/se/log", {"type": "browser"})
        return [(e["level"], e["source"], e["message"]) for e in entries]
