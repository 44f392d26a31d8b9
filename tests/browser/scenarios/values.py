"""Values and names that are easily damaged."""

import json

from gradebook import ENTER, make, put, same, stored

LONG = "12345678901234567890"
HOSTILE = '<img src=x onerror="window.pwned = 1">'


def hostile_names_and_values_stay_text(page):
    make(HOSTILE, json.dumps({HOSTILE: HOSTILE, "__proto__": "x", "a%2Fb?c#d": [HOSTILE]}))
    page.open()
    same(page.rows(HOSTILE)[0], [HOSTILE, HOSTILE, ""])
    same(
        page.rows(HOSTILE)[1:],
        [["__proto__", "x", ""], ["a%2Fb?c#d", json.dumps([HOSTILE]), "list"]],
    )
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
    same(
        page.script(
            "return [document.querySelectorAll('main img, nav img').length,"
            " window.pwned === undefined]"
        ),
        [0, True],
    )
    same([entry for entry in page.console() if entry[1] != "network"], [])


def long_numbers_survive(page):
    make(
        "numbers",
        '{"big":%s,"spelt":1.10,"huge":1e400,"in":{"deep":[%s]},"text":"x"}' % (LONG, LONG),
    )
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
    same(
        stored("numbers"),
        '{"big":%s7,"huge":1e400,"in":{"deep":[%s1],"a b":"c  d"},"spelt":1.10,"text":"y"}'
        % (LONG, LONG),
    )
    page.go()
    same(
        [row[1] for row in page.rows("numbers")],
        [LONG + "7", "1e400", '{"deep":[%s1],"a b":"c  d"}' % LONG, "1.10", "y"],
    )


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
    for record, shown in [
        ("cr", r'"a\r\nb"'),
        ("lines", "a\nb"),
        ("nul", r'"\u0000"'),
        ("spelt", "A"),
    ]:
        editor = page.edit("controls", record)
        same(page.value(editor + " textarea"), shown)
        page.press(ENTER)
        page.gone(editor)
    same(stored("controls"), r'{"cr":"a\r\nb","lines":"a\nb","nul":"\u0000","spelt":"\u0041"}')
