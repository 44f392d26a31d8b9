"""How the page looks, and what it says to a screen reader."""

import os

from gradebook import ENTER, ESCAPE, make, put, same

LONG = "12345678901234567890"


def loads_quietly(page):
    page.open()
    page.section("assignments")
    page.edit("assignments", "Seminar")
    page.press(ESCAPE)
    same(page.console(), [])
    same(
        page.script("return getComputedStyle(document.querySelector('section')).borderTopStyle"),
        "solid",
    )


def everything_has_a_name(page):
    make("labels", '{"exam":"50%"}')
    page.open()
    page.edit("labels", "exam")
    page.click(page.section("labels") + " .add")
    elements = page.script(
        "return [...document.querySelectorAll("
        "'button, input, textarea, select, section, nav, table')]"
        ".filter((e) => e.checkVisibility())"
    )
    labels = [page.label(next(iter(element.values()))) for element in elements]
    assert all(labels), labels
    for wanted in (
        "Edit Seminar",
        "Remove Seminar",
        "Remove the collection labels",
        "Add a record to assignments",
        "New collection",
        "Value",
        "Stored as",
    ):
        assert wanted in labels, (wanted, labels)


def looks(page):
    make(
        "grades",
        '{"Ada Lovelace":%s,"Alan Turing":1.10,"Grace Hopper":"A","Notes":["late",true],'
        '"Number as text":"95","W%s":"%s"}' % (LONG, "i" * 200, "long " * 60),
    )
    page.open()
    directory = os.environ.get("SCREENSHOTS")
    editor = page.edit("grades", "Alan Turing")
    put("grades", "Alan Turing", "1.30")
    page.retype(editor, "1.20" + ENTER)
    page.shows(editor + " .conflict", "1.30")
    for name, scheme, width in (
        ("light", "light", 1200),
        ("dark", "dark", 1200),
        ("narrow", "light", 390),
        ("narrow-dark", "dark", 320),
    ):
        page.prefer(scheme)
        page.device(width, 900)
        page.script("document.querySelector(arguments[0]).scrollIntoView()", page.section("grades"))
        same(
            page.script(
                "return document.documentElement.scrollWidth <="
                " document.documentElement.clientWidth"
            ),
            True,
        )
        if directory:
            page.screenshot(os.path.join(directory, name + ".png"))
    dark = page.script("return getComputedStyle(document.body).backgroundColor")
    page.prefer("light")
    assert dark != page.script("return getComputedStyle(document.body).backgroundColor")
