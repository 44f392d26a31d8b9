"""A network that fails, and a service that refuses."""

import json

from gradebook import ENTER, ESCAPE, http, make, same, stored


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
