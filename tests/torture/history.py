"""What clients remember of a run: one operation a line, as a JSON list in the
order of Op.

Times are of CLOCK_MONOTONIC, in nanoseconds, and so comparable between
processes of one machine.  Each write carries a token of its own, a string
"CLIENT.NUMBER", as the value of all records that it sets; a token may be
followed by ":LENGTH:xxx...", to take room.  Since no two writes share a token,
a value that is read names the write that it came from.
"""

import json
import re
from typing import Any, NamedTuple, Optional

WRITES = frozenset(["put", "patch", "post", "putc", "del", "drop"])
READS = frozenset(["get", "getc", "gets"])
# No answer: cut off, or the front's own word that it cannot know.
UNANSWERED = frozenset([0, 502, 504])
# The client could not even connect.
NOT_SENT = -1
# A read whose answer broke off after its header: of one that is longer than
# what a worker can hand over at once, the front may have sent a part before the
# worker died, and cannot ask for it again.
CUT = -2
LONG_BYTES = 100_000

PADDED = re.compile(r'"([0-9a-z]+\.[0-9]+):([0-9]+):(x*)"')


class Op(NamedTuple):
    client: str
    start: int
    end: int
    # put, del: a record; patch, post, putc (PUT), drop: a collection; get,
    # getc, gets: read a record, a collection, the store.  dump: a copy of the
    # store that came without its revision.
    op: str
    collection: Optional[str]
    record: Optional[str]
    # What is written: the token, or a token (None: removed) for each record.
    arg: Any
    # The revision in If-Match (put, del) or If-None-Match (get).
    cond: Optional[int]
    status: int
    etag: Optional[str]
    body: Optional[str]


def revision(etag):
    return int(etag.rpartition("-")[2])


def padded(token, length):
    return f"{token}:{length}:{'x' * length}"


def without_padding(text):
    """Padding that is whole is taken away; any other stays, and is then a value
    nobody wrote."""
    return PADDED.sub(lambda m: f'"{m[1]}"' if len(m[3]) == int(m[2]) else m[0], text)


def load(path):
    with open(path, encoding="utf-8") as lines:
        return [Op(*json.loads(line)) for line in lines]
