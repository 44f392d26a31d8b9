"""What a teacher does with the page, in a real browser: page.py SCENARIO.

BASE is the URL of the front, DRIVER that of chromedriver.  Each scenario works
in a collection of its own, so that they can share one store; the paper's
collection `assignments` is only read.  With SCREENSHOTS=DIRECTORY, `looks`
leaves pictures there.
"""

import inspect
import sys

from gradebook import Page
from scenarios import conflicts, failures, looks, records, values


def scenarios():
    """The functions of one argument, the page, by name."""
    return {
        name: function
        for module in (records, conflicts, values, failures, looks)
        for name, function in vars(module).items()
        if inspect.isfunction(function) and list(inspect.signature(function).parameters) == ["page"]
    }


def main():
    known = scenarios()
    if len(sys.argv) != 2 or sys.argv[1] not in known:
        sys.exit("usage: page.py " + " | ".join(known))
    with Page() as page:
        known[sys.argv[1]](page)


main()
