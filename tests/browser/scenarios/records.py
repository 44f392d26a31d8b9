"""Marks, records and collections: shown, edited, added and removed."""

import json

from gradebook import ENTER, ESCAPE, TAB, make, put, same, stored


def shows_the_papers_marks(page):
    page.open()
    same(
        [row[0] for row in page.rows("assignments")],
        ["Assignment 1", "Assignment 2", "Assignment 3", "Final project", "Seminar"],
    )
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
        page.wait(
            "return document.querySelectorAll(arguments[0] + ' tbody tr').length === arguments[1]",
            section,
            shown,
        )
    page.gone(section + " .more")
    same(
        [row[0] for row in page.rows("large")], sorted([f"s{i:03}" for i in range(120)] + ["s110a"])
    )
    put("large", "s119", '"changed"')
    page.script("scrollTo(0, 0)")
    page.click("#reload")
    page.wait(
        "return [...document.querySelectorAll(arguments[0] + ' tbody tr')].at(-1)"
        ".innerText.includes('changed')",
        section,
    )
    same(len(page.rows("large")), 121)
