"""What a teacher does with the page, in a real browser: page.py SCENARIO.

BASE is the front's URL, DRIVER that of chromedriver.  Each scenario works in a collection of its
own, so that they can share one store; `assignments` are the paper's and only read, but for one.
With SCREENSHOTS=DIRECTORY, `looks` leaves pictures there.
"""

import inspect
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

from webdriver import Browser

ENTER, ESCAPE, TAB = "\ue007", "\ue00c", "\ue004"
BASE = os.environ["BASE"]
LONG = "12345678901234567890"
HOSTILE = "<img src=x onerror=\"window.pwned = 1\">"


def http(method, names, body=None):
    path = "".join("/" + urllib.parse.quote(name, safe="") for name in ["json", *names])
    request = urllib.request.Request(BASE + path, None if body is None else body.encode(),
                                     {"Content-Type": "application/json"}, method=method)
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
    return text[len('{"res":'):-1] if status == 200 else None


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
            " if (s.querySelector('h2').textContent === arguments[0]) return s.id", collection)

    def no_section(self, collection):
        self.wait("return ![...document.querySelectorAll('h2')]"
                  ".some((h) => h.textContent === arguments[0])", collection)

    def rows(self, collection):
        return self.script(
            "return [...document.querySelectorAll(arguments[0] + ' tbody tr')].map((row) =>"
            " ['th', '.value', '.tag'].map((part) => row.querySelector(part).textContent))",
            self.section(collection))

    def row(self, collection, record):
        section = self.section(collection)
        index = self.wait(
            "return 1 + [...document.querySelectorAll(arguments[0] + ' tbody th')]"
            ".findIndex((name) => name.textContent === arguments[1])", section, record)
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
        self.wait("return document.querySelector('#toast p').textContent.includes(arguments[0])",
                  text)

    def shows(self, css, text):
        self.wait("const e = document.querySelector(arguments[0]);"
                  "return e && e.checkVisibility() && e.innerText.includes(arguments[1])", css, text)

    def gone(self, css):
        self.wait("const e = document.querySelector(arguments[0]);"
                  "return !e || !e.checkVisibility()", css)

    def focus_is(self, css):
        self.wait("return document.activeElement === document.querySelector(arguments[0])", css)

    def label(self, element):
        return self.call("GET", f"/element/{element}/computedlabel")


def loads_quietly(page):
    page.open()
    page.section("assignments")
    page.edit("assignments", "Seminar")
    page.press(ESCAPE)
    same(page.console(), [])
    same(page.script("return getComputedStyle(document.querySelector('section')).borderTopStyle"),
         "solid")


def shows_the_papers_marks(page):
    page.open()
    same([row[0] for row in page.rows("assignments")],
         ["Assignment 1", "Assignment 2", "Assignment 3", "Final project", "Seminar"])
    same(page.rows("assignments")[:2], [["Assignment 1", "100%", ""], ["Assignment 2", "95%", ""]])


def edits_a_mark_by_keyboard_alone(page):
    make("keyboard", '{"essay":"60%","talk":"70%"}')
    page.open()
    row = page.row("keyboard", "essay")
    page.script("document.querySelector(arguments[0]).focus()", row + " .edit")
    page.press(ENTER)
    page.focus_is(row + " .editor textarea")
    page.press(*"85%", ENTER)
    page.toast("Saved “essay”")
    page.focus_is(row + " .edit")
    same(page.rows("keyboard"), [["essay", "85%", ""], ["talk", "70%", ""]])
    same(stored("keyboard"), '{"essay":"85%","talk":"70%"}')
    page.press(ENTER)
    page.find(row + " .editor")
    page.press(*"nothing", ESCAPE)
    page.focus_is(row + " .edit")
    same(stored("keyboard", "essay"), '"85%"')


def adds_removes_and_brings_back_records(page):
    make("records", '{"b":"2"}')
    page.open()
    section = page.section("records")
    editor = section + " .editor"
    page.click(section + " .add")
    page.focus_is(editor + " input")
    page.press(*"a one", TAB, *"first", ENTER)
    page.toast("Added “a one”")
    page.focus_is(editor + " input")
    page.press(*"c", TAB, *"third", ENTER)
    page.toast("Added “c”")
    page.press(ESCAPE)
    page.focus_is(section + " .add")
    same([row[0] for row in page.rows("records")], ["a one", "b", "c"])
    same(page.text(section + " .count"), "3 records")
    same(stored("records"), '{"a one":"first","b":"2","c":"third"}')
    page.click(page.row("records", "a one") + " .remove")
    page.toast("Removed “a one”")
    same(stored("records"), '{"b":"2","c":"third"}')
    page.click("#toast button")
    page.toast("is back")
    same(stored("records"), '{"a one":"first","b":"2","c":"third"}')
    same([row[0] for row in page.rows("records")], ["a one", "b", "c"])


def adds_and_removes_a_collection(page):
    page.open()
    page.type("#new-name", "projects 2" + ENTER)
    section = page.section("projects 2")
    page.focus_is(section + " .editor input")
    same(stored("projects 2"), "{}")
    page.press(*"compiler", TAB, *"passed", ENTER)
    page.toast("Added “compiler”")
    page.press(ESCAPE)
    page.click(section + " .drop")
    page.shows(section + " .confirm", "with 1 record?")
    page.focus_is(section + " .keep")
    page.press(ESCAPE)
    page.gone(section + " .confirm")
    same(stored("projects 2"), '{"compiler":"passed"}')
    page.click(section + " .drop")
    page.shows(section + " .confirm", "with 1 record?")
    page.click(section + " .danger")
    page.no_section("projects 2")
    same(stored("projects 2"), None)
    page.type("#new-name", "assignments" + ENTER)
    page.shows("#new .say", "exist")
    same(page.value("#new-name"), "assignments")
    page.clear("#new-name")
    page.type("#new-name", ".." + ENTER)
    page.shows("#new .say", "A name cannot")


def two_windows_do_not_overwrite_each_other(page):
    make("conflict", '{"exam":"50%"}')
    page.open()
    first = page.window()
    editor = page.edit("conflict", "exam")
    page.retype(editor, "mine")
    page.switch(page.new_window())
    page.open()
    page.retype(page.edit("conflict", "exam"), "theirs" + ENTER)
    page.toast("Saved")
    page.switch(first)
    page.type(editor + " textarea", ENTER)
    page.shows(editor + " .conflict", "Stored now: theirs")
    page.press(ENTER)
    same(page.value(editor + " textarea"), "mine")
    same(stored("conflict", "exam"), '"theirs"')
    page.click(editor + " .main")
    page.toast("Saved")
    same(stored("conflict", "exam"), '"mine"')
    same(page.rows("conflict"), [["exam", "mine", ""]])


def a_conflict_can_end_with_the_others_value(page):
    make("discard", '{"exam":"50%"}')
    page.open()
    editor = page.edit("discard", "exam")
    put("discard", "exam", "77")
    page.retype(editor, "mine" + ENTER)
    page.shows(editor + " .conflict", "Stored now: 77 number")
    page.click(editor + " .cancel")
    same(page.rows("discard"), [["exam", "77", "number"]])
    same(stored("discard", "exam"), "77")


def a_record_removed_meanwhile_is_not_lost(page):
    make("removed", '{"exam":"50%","quiz":"1"}')
    page.open()
    editor = page.edit("removed", "exam")
    http("DELETE", ["removed", "exam"])
    page.retype(editor, "mine" + ENTER)
    page.shows(editor + " .conflict", "has removed this record")
    same(page.value(editor + " textarea"), "mine")
    page.click(editor + " .main")
    page.toast("Saved")
    same(stored("removed", "exam"), '"mine"')
    same([row[0] for row in page.rows("removed")], ["exam", "quiz"])
    page.focus_is(page.row("removed", "exam") + " .edit")


def adding_does_not_overwrite_a_record(page):
    make("taken", '{}')
    page.open()
    section = page.section("taken")
    put("taken", "exam", '"theirs"')
    page.click(section + " .add")
    page.type(section + " .editor input", "exam")
    page.type(section + " .editor textarea", "mine" + ENTER)
    page.shows(section + " .conflict", "Stored now: theirs")
    same(stored("taken", "exam"), '"theirs"')
    page.type(section + " .editor input", " 2")
    page.gone(section + " .conflict")
    page.click(section + " .main")
    page.toast("Added “exam 2”")
    same(stored("taken"), '{"exam":"theirs","exam 2":"mine"}')


def removes_only_what_was_seen(page):
    make("unseen", '{"exam":"50%","quiz":"1"}')
    page.open()
    row = page.row("unseen", "exam")
    put("unseen", "exam", '"99%"')
    page.click(row + " .remove")
    page.shows(row + " .say", "Not removed")
    same(page.rows("unseen")[0], ["exam", "99%", ""])
    section = page.section("unseen")
    page.click(section + " .drop")
    page.shows(section + " .confirm", "2 records")
    put("unseen", "late", '"1"')
    page.click(section + " .danger")
    page.shows(section + " > .say", "Not removed")
    same(stored("unseen"), '{"exam":"99%","late":"1","quiz":"1"}')
    page.row("unseen", "late")


def hostile_names_and_values_stay_text(page):
    make(HOSTILE, json.dumps({HOSTILE: HOSTILE, "__proto__": "x", "a%2Fb?c#d": [HOSTILE]}))
    page.open()
    same(page.rows(HOSTILE)[0], [HOSTILE, HOSTILE, ""])
    same(page.rows(HOSTILE)[1:], [["__proto__", "x", ""],
                                  ["a%2Fb?c#d", json.dumps([HOSTILE]), "list"]])
    editor = page.edit(HOSTILE, HOSTILE)
    same(page.value(editor + " textarea"), HOSTILE)
    put(HOSTILE, HOSTILE, json.dumps(HOSTILE * 2))
    page.type(editor + " textarea", "!" + ENTER)
    page.shows(editor + " .conflict", HOSTILE * 2)
    page.click(editor + " .main")
    page.toast("Saved “" + HOSTILE)
    editor = page.edit(HOSTILE, "a%2Fb?c#d")
    page.retype(editor, "[]" + ENTER)
    page.toast("Saved “a%2Fb?c#d")
    same(stored(HOSTILE, "a%2Fb?c#d"), "[]")
    same(page.script("return [document.querySelectorAll('main img, nav img').length,"
                     " window.pwned === undefined]"), [0, True])
    same([entry for entry in page.console() if entry[1] != "network"], [])


def long_numbers_survive(page):
    make("numbers", '{"big":%s,"spelt":1.10,"huge":1e400,"in":{"deep":[%s]},"text":"x"}'
         % (LONG, LONG))
    page.open()
    same(page.rows("numbers")[0], ["big", LONG, "number"])
    page.retype(page.edit("numbers", "text"), "y" + ENTER)
    page.toast("Saved “text”")
    editor = page.edit("numbers", "big")
    same(page.value(editor + " textarea"), LONG)
    page.retype(editor, LONG + "7" + ENTER)
    page.toast("Saved “big”")
    editor = page.edit("numbers", "in")
    page.retype(editor, '{ "deep": [ %s1 ] , "a b": "c  d" }' % LONG)
    page.press(ENTER)
    page.toast("Saved “in”")
    same(stored("numbers"),
         '{"big":%s7,"huge":1e400,"in":{"deep":[%s1],"a b":"c  d"},"spelt":1.10,"text":"y"}'
         % (LONG, LONG))
    page.go()
    same([row[1] for row in page.rows("numbers")],
         [LONG + "7", "1e400", '{"deep":[%s1],"a b":"c  d"}' % LONG, "1.10", "y"])


def text_stays_text_unless_told(page):
    make("types", '{"mark":"A"}')
    page.open()
    editor = page.edit("types", "mark")
    page.retype(editor, "95")
    page.shows(editor + " .hint", "as text, not as number")
    page.press(ENTER)
    page.toast("Saved")
    same(stored("types", "mark"), '"95"')
    same(page.rows("types"), [["mark", "95", "text"]])
    editor = page.edit("types", "mark")
    page.choose(editor, "number")
    page.shows(editor + " .hint", "as number")
    page.click(editor + " .main")
    page.gone(editor)
    same(stored("types", "mark"), "95")
    same(page.rows("types"), [["mark", "95", "number"]])
    editor = page.edit("types", "mark")
    page.retype(editor, "1,5" + ENTER)
    page.shows(editor + " .say", "correct the value")
    same(page.value(editor + " textarea"), "1,5")
    page.choose(editor, "json")
    page.retype(editor, '1,"x":2' + ENTER)
    page.shows(editor + " .say", "correct the value")
    same(stored("types", "mark"), "95")
    page.retype(editor, "null" + ENTER)
    page.gone(editor)
    same(stored("types", "mark"), "null")


def text_with_control_characters_is_not_changed_unseen(page):
    make("controls", r'{"cr":"a\r\nb","lines":"a\nb","nul":"\u0000","spelt":"\u0041"}')
    page.open()
    for record, shown in [("cr", r'"a\r\nb"'), ("lines", "a\nb"), ("nul", r'"\u0000"'),
                          ("spelt", "A")]:
        editor = page.edit("controls", record)
        same(page.value(editor + " textarea"), shown)
        page.press(ENTER)
        page.gone(editor)
    same(stored("controls"), r'{"cr":"a\r\nb","lines":"a\nb","nul":"\u0000","spelt":"\u0041"}')


def pages_through_a_large_collection(page):
    make("large", json.dumps({f"s{i:03}": "1" for i in range(120)}))
    page.open()
    section = page.section("large")
    same(len(page.rows("large")), 50)
    same(page.text(section + " .count"), "120 records")
    page.click(section + " .add")
    page.type(section + " .editor input", "s110a")
    page.type(section + " .editor textarea", "new" + ENTER)
    page.toast("Added")
    page.press(ESCAPE)
    for shown in (101, 121):
        page.click(section + " .more")
        page.wait("return document.querySelectorAll(arguments[0] + ' tbody tr').length"
                  " === arguments[1]", section, shown)
    page.gone(section + " .more")
    same([row[0] for row in page.rows("large")],
         sorted([f"s{i:03}" for i in range(120)] + ["s110a"]))
    put("large", "s119", '"changed"')
    page.script("scrollTo(0, 0)")
    page.click("#reload")
    page.wait("return [...document.querySelectorAll(arguments[0] + ' tbody tr')].at(-1)"
              ".innerText.includes('changed')", section)
    same(len(page.rows("large")), 121)


def a_failing_network_loses_nothing(page):
    make("network", '{"exam":"50%"}')
    page.open()
    editor = page.edit("network", "exam")
    page.offline(True)
    page.retype(editor, "60%" + ENTER)
    page.shows(editor + " .say", "cannot be reached")
    page.click("#reload")
    page.shows("#banner", "cannot be reached")
    same(page.value(editor + " textarea"), "60%")
    page.offline(False)
    page.click("#banner button")
    page.gone("#banner")
    page.type(editor + " textarea", ENTER)
    page.toast("Saved")
    same(stored("network", "exam"), '"60%"')


def a_first_load_that_fails_can_be_retried(page):
    page.block("*/json")
    page.go()
    page.shows("#banner", "cannot be reached")
    same(page.script("return document.querySelectorAll('section').length"), 0)
    page.gone("#loading")
    page.gone("#empty")
    page.block()
    page.click("#banner button")
    page.section("assignments")
    page.gone("#banner")


def an_answer_that_got_lost_is_no_conflict(page):
    make("lost", '{"exam":"50%"}')
    page.open()
    editor = page.edit("lost", "exam")
    page.retype(editor, "60%")
    put("lost", "exam", '"60%"')
    page.press(ENTER)
    page.toast("Saved")
    same(page.rows("lost"), [["exam", "60%", ""]])


def shows_what_the_service_refuses(page):
    make("refused", '{"exam":"50%"}')
    page.open()
    editor = page.edit("refused", "exam")
    page.choose(editor, "json")
    page.retype(editor, "[" * 40 + "]" * 40)
    page.press(ENTER)
    _, text = http("PUT", ["refused", "exam"], '{"new":%s}' % ("[" * 40 + "]" * 40))
    page.shows(editor + " .say", json.loads(text)["detail"])
    same(page.value(editor + " textarea"), "[" * 40 + "]" * 40)
    page.press(ESCAPE)
    page.type("#new-name", "res" + ENTER)
    _, text = http("POST", ["res"], "{}")
    page.shows("#new .say", json.loads(text)["detail"])


def a_collection_removed_meanwhile_keeps_what_was_typed(page):
    make("vanished", '{"exam":"50%"}')
    make("vanished too", '{"exam":"50%"}')
    page.open()
    editor = page.edit("vanished", "exam")
    page.retype(editor, "60%")
    http("DELETE", ["vanished"])
    http("DELETE", ["vanished too"])
    page.click("#reload")
    page.no_section("vanished too")
    page.shows(page.section("vanished") + " > .say", "removed this collection")
    page.type(editor + " textarea", ENTER)
    page.wait("return document.querySelector(arguments[0]).innerText", editor + " .say")
    same(page.value(editor + " textarea"), "60%")
    same(stored("vanished"), None)


def everything_has_a_name(page):
    make("labels", '{"exam":"50%"}')
    page.open()
    page.edit("labels", "exam")
    page.click(page.section("labels") + " .add")
    elements = page.script("return [...document.querySelectorAll("
                           "'button, input, textarea, select, section, nav, table')]"
                           ".filter((e) => e.checkVisibility())")
    labels = [page.label(next(iter(element.values()))) for element in elements]
    assert all(labels), labels
    for wanted in ("Edit Seminar", "Remove Seminar", "Remove the collection labels",
                   "Add a record to assignments", "New collection", "Value", "Stored as"):
        assert wanted in labels, (wanted, labels)


def looks(page):
    make("grades", '{"Ada Lovelace":%s,"Alan Turing":1.10,"Grace Hopper":"A","Notes":["late",true],'
         '"Number as text":"95","W%s":"%s"}' % (LONG, "i" * 200, "long " * 60))
    page.open()
    directory = os.environ.get("SCREENSHOTS")
    editor = page.edit("grades", "Alan Turing")
    put("grades", "Alan Turing", "1.30")
    page.retype(editor, "1.20" + ENTER)
    page.shows(editor + " .conflict", "1.30")
    for name, scheme, width in (("light", "light", 1200), ("dark", "dark", 1200),
                                ("narrow", "light", 390), ("narrow-dark", "dark", 320)):
        page.prefer(scheme)
        page.device(width, 900)
        page.script("document.querySelector(arguments[0]).scrollIntoView()", page.section("grades"))
        same(page.script("return document.documentElement.scrollWidth <="
                         " document.documentElement.clientWidth"), True)
        if directory:
            page.screenshot(os.path.join(directory, name + ".png"))
    dark = page.script("return getComputedStyle(document.body).backgroundColor")
    page.prefer("light")
    assert dark != page.script("return getComputedStyle(document.body).backgroundColor")


def main():
    scenarios = {name: function for name, function in globals().items()
                 if inspect.isfunction(function) and list(inspect.signature(function).parameters) == ["page"]}
    if len(sys.argv) != 2 or sys.argv[1] not in scenarios:
        sys.exit("usage: page.py " + " | ".join(scenarios))
    with Page() as page:
        scenarios[sys.argv[1]](page)


main()
