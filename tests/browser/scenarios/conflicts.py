"""Others who change the store: nobody overwrites what they have not seen."""

from gradebook import ENTER, http, make, put, same, stored


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
    make("taken", "{}")
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


def an_answer_that_got_lost_is_no_conflict(page):
    make("lost", '{"exam":"50%"}')
    page.open()
    editor = page.edit("lost", "exam")
    page.retype(editor, "60%")
    put("lost", "exam", '"60%"')
    page.press(ENTER)
    page.toast("Saved")
    same(page.rows("lost"), [["exam", "60%", ""]])


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
