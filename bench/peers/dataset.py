"""What is stored and asked for: 100 marks in 4 collections.

All values have the same length, so the answers to GET of a record have, too.
"""

import json
from urllib.parse import quote

COLLECTIONS = ("assignments", "exams", "projects", "seminars")
RECORDS = 25

OPERATIONS = {
    "get": "GET one record",
    "put": "PUT one record",
    "all": "GET the whole store",
}


def _store(half):
    return {
        collection: {
            f"{collection[:-1].capitalize()} {i + 1}": f"{50 + i}.{half}%" for i in range(RECORDS)
        }
        for collection in COLLECTIONS
    }


BEFORE = _store(0)
# The store after a PUT of each record.
AFTER = _store(5)


def records(store):
    """Triples of collection, record, value."""
    return [(c, r, value) for c, marks in store.items() for r, value in marks.items()]


def path(collection, record):
    return f"/json/{quote(collection)}/{quote(record)}"


def json_body(value):
    return json.dumps({"new": value}, separators=(",", ":"))


def requests(operation, body=json_body):
    """(method, path, body) of each request of an operation."""
    if operation == "all":
        return [("GET", "/json", "")]
    if operation == "get":
        return [("GET", path(c, r), "") for c, r, _ in records(BEFORE)]
    return [("PUT", path(c, r), body(value)) for c, r, value in records(AFTER)]
