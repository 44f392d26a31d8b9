"""The page as a browser has it, and the store behind it."""

import os
import urllib.error
import urllib.parse
import urllib.request

from webdriver import Browser

ENTER, ESCAPE, TAB = "\ue007", "\ue00c", "\ue004"
BASE = os.environ["BASE"]


def http(method, names, body=None):
    path = "".join("/" + urllib.parse.quote(name, safe="") for name in ["json", *names])
    request = urllib.request.Request(
        BASE + path,
        None if body is None else body.encode(),
        {"Content-Type": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def make(collection, records):
    status, text = http("POST", [collection], records)
    assert status == 201, text


def put(collection, record, value):
    status, text = http("PUT", [collection, record], '{"new":%s}' % value)
    assert status < 300, text


def stored(*names):
    """The JSON text of a record or collection, or None."""
    status, text = http("GET", names)
    return text[len('{"res":') : -1] if status == 200 else None


def same(got, wanted):
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"


class Page(Browser):
    def __init__(self):
        super().__init__(os.environ["DRIVER"], BASE)

    def open(self):
        self.go()
        self.wait("return !document.querySelector('#new').hidden")

    def section(self, collection):
        return "#" + self.wait(
            "for (const s of document.querySelectorAll('section'))"
            " if (s.querySelector('h2').textContent === arguments[0]) return s.id",
            collection,
        )

    def no_section(self, collection):
        self.wait(
            "return ![...document.querySelectorAll('h2')]"
            ".some((h) => h.textContent === arguments[0])",
            collection,
        )

    def rows(self, collection):
        return self.script(
            "return [...document.querySelectorAll(arguments[0] + ' tbody tr')].map((row) =>"
            " ['th', '.value', '.tag'].map((part) => row.querySelector(part).textContent))",
            self.section(collection),
        )

    def row(self, collection, record):
        section = self.section(collection)
        index = self.wait(
            "return 1 + [...document.querySelectorAll(arguments[0] + ' tbody th')]"
            ".findIndex((name) => name.textContent === arguments[1])",
            section,
            record,
        )
        return f"{section} tbody tr:nth-child({index})"

    def edit(self, collection, record):
        """Opens the editor of a record: its selector."""
        row = self.row(collection, record)
        self.click(row + " .edit")
        self.find(row + " .editor")
        return row + " .editor"

    def retype(self, editor, text):
        self.clear(editor + " textarea")
        self.type(editor + " textarea", text)

    def choose(self, editor, kind):
        self.click(f"{editor} option[value={kind}]")

    def text(self, css):
        return self.script("return document.querySelector(arguments[0]).innerText", css)

    def value(self, css):
        return self.script("return document.querySelector(arguments[0]).value", css)

    def toast(self, text):
        self.wait(
            "return document.querySelector('#toast p').textContent.includes(arguments[0])", text
        )

    def shows(self, css, text):
        self.wait(
            "const e = document.querySelector(arguments[0]);"
            "return e && e.checkVisibility() && e.innerText.includes(arguments[1])",
            css,
            text,
        )

    def gone(self, css):
        self.wait(
            "const e = document.querySelector(arguments[0]);return !e || !e.checkVisibility()", css
        )

    def focus_is(self, css):
        self.wait("return document.activeElement === document.querySelector(arguments[0])", css)

    def label(self, element):
        return self.call("GET", f"/element/{element}/computedlabel")
