"""Requests that are not quite HTTP, or not what they look like.

Each shape is what one connection sends.  `%(out)s` in it stands for the request
that it seems to be, a PUT of a record of its own, and `%(in)s` for one that is
hidden in it, which nobody may ever run.  `then` says what has to become of the
outer one:

    "refused"   an error, and the responder has not seen it
    "taken"     it is answered with 2xx and ran once
    "broken off" as refused, but nginx may say so in words of its own: the client is gone already
    "either"    taken or refused
    "no type"   the responder sees it and answers 415
    "error"     an error, whoever says so
    "nothing"   no answer need come; it must not have run
    "any"       an answer, at least one
"""
from collections import namedtuple

Shape = namedtuple("Shape", "name data then")

BODY = b'{"new": 1}'
HEAD = b"PUT %(out)s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
INNER = (b"PUT %(in)s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
         b"Content-Length: 10\r\n\r\n" + BODY)
# With a path of its own already, where its length has to be known.
SMUGGLED = INNER.replace(b"%(in)s", b"/json/h/i----")
CHUNKED = b"a\r\n" + BODY + b"\r\n0\r\n\r\n"
LENGTH = b"Content-Length: 10\r\n"


def head(*lines):
    return HEAD + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def lengths():
    """Content-Length, told in ways that two readers may take for two
    numbers."""
    bad = [b"+10", b"-10", b"0x0a", b"0xA", b"1e1", b"10.0", b"10,10", b"10, 10", b"10,0", b"10 0", b"10;",
           b"10abc", b"a", b"", b"18446744073709551626", b"9223372036854775818", b"4294967306" * 3,
           b"\xef\xbc\x91\xef\xbc\x90", b"\"10\"", b"'10'", b"\x0b10", b"10\x0b", b"10\x00", b"10\x0c", b"0 10",
           b"1_0", b"10\t0", b"10\x85"]
    for value in bad:
        yield Shape(f"Content-Length: {value!r}", head(b"Content-Length: " + value) + BODY + INNER, "refused")
    for value in (b"  10", b"10  ", b"010", b"0000000010"):
        yield Shape(f"Content-Length: {value!r}", head(b"Content-Length:" + value) + BODY, "either")
    pairs = [(b"10", b"10"), (b"10", b"0"), (b"0", b"10"), (b"10", b"5"), (b"10", b"x"), (b"", b"10")]
    for one, two in pairs:
        data = head(b"Content-Length: " + one, b"Content-Length: " + two) + BODY + INNER
        yield Shape(f"Content-Length twice: {one!r} {two!r}", data, "refused")
    yield Shape("Content-Length twice, apart",
                head(LENGTH[:-2], *[b"X-%d: y" % i for i in range(20)], b"content-length: 0") + BODY + INNER, "refused")
    yield Shape("Content-Length 0 and a body", head(b"Content-Length: 0") + INNER.replace(b"%(in)s", b"/nowhere"),
                "error")
    for name in (b"Content_Length", b"Content-Length ", b" Content-Length", b"Content-Length\t", b"Content Length",
                 b"Content-Length\x00", b"X\x00Content-Length", b"\x0bContent-Length", b"(Content-Length)"):
        # Where this name counts, the inner request is the body of the outer
        # one; where it does not, it would be the next request, were the real
        # length not there to cover it.
        data = head(b"Content-Length: %d" % len(BODY), name + b": 0") + BODY
        yield Shape(f"a second length as {name!r}", data, "either")
        yield Shape(f"a length as {name!r} only", head(name + b": %d" % len(BODY)) + BODY, "error")


def codings():
    """Transfer-Encoding beside or instead of a length."""
    plain = [b"chunked", b"Chunked", b"CHUNKED"]
    for value in plain:
        yield Shape(f"chunked as {value!r}", head(b"Transfer-Encoding: " + value) + CHUNKED, "taken")
    # The length covers a hidden request, the coding ends before it; and the
    # other way round.
    for order in (0, 1):
        lines = [b"Content-Length: 300", b"Transfer-Encoding: chunked"]
        yield Shape(f"a length and chunked, {order}", head(*(reversed(lines) if order else lines)) + CHUNKED + INNER,
                    "refused")
    yield Shape("a short length and chunked", head(b"Content-Length: 4", b"Transfer-Encoding: chunked") + b"fff\r\n" + INNER,
                "refused")
    # With a length beside it, a reader that takes it for chunked, or for
    # nothing, goes on elsewhere.
    odd = [b"xchunked", b"chunkedx", b"chunke", b"x, chunked", b"chunked, x", b"chunked,", b",chunked", b"chunked, chunked",
           b"chunked;q=1", b"gzip, chunked", b"chunked, gzip", b"identity", b"identity, chunked", b"chunked, identity",
           b"\"chunked\"", b"'chunked'", b"\tchunked", b"\x0bchunked", b"chunked\x0b", b"chunked\x00", b"chun\x00ked",
           b"\xa0chunked", b"chu ked", b"gzip", b"deflate", b"compress", b"trailers", b"", b"null", b"cow"]
    for value in odd:
        yield Shape(f"Transfer-Encoding: {value!r} and chunks", head(b"Transfer-Encoding: " + value) + CHUNKED + INNER,
                    "refused")
        yield Shape(f"Transfer-Encoding: {value!r} and a length",
                    head(b"Transfer-Encoding: " + value, b"Content-Length: %d" % len(BODY)) + BODY, "refused")
    twice = [(b"chunked", b"chunked"), (b"chunked", b"identity"), (b"identity", b"chunked"), (b"x", b"chunked")]
    for one, two in twice:
        yield Shape(f"Transfer-Encoding twice: {one!r} {two!r}",
                    head(b"Transfer-Encoding: " + one, b"Transfer-Encoding: " + two) + CHUNKED + INNER, "refused")
    for line in (b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked", b" Transfer-Encoding: chunked",
                 b"Transfer-Encoding:\r\n chunked", b"X: y\r\n\tTransfer-Encoding: chunked", b"Transfer-Encoding:\n chunked",
                 b"X: y\rTransfer-Encoding: chunked", b"\x00Transfer-Encoding: chunked", b"Transfer-Encoding\x00: chunked",
                 b"Transfer Encoding: chunked", b"Transfer-Encoding"):
        yield Shape(f"{line!r} and a length", head(LENGTH[:-2], line) + BODY, "either")
    # Ignored, it leaves the length to count.
    for line in (b"Transfer_Encoding: chunked", b"TE: chunked", b"X-Transfer-Encoding: chunked", b"TE: trailers"):
        yield Shape(f"{line!r} and a length", head(LENGTH[:-2], line) + BODY, "taken")
    old = HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield Shape("chunked in HTTP/1.0", old + CHUNKED + INNER, "refused")
    yield Shape("chunked on a GET with a hidden request",
                b"GET %(out)s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"%x\r\n" % len(SMUGGLED) +
                SMUGGLED + b"\r\n0\r\n\r\n", "any")


def chunks():
    """Chunked bodies."""
    start = head(b"Transfer-Encoding: chunked")
    last = b"0\r\n\r\n"
    bad = [b"", b"\r\n", b"-a\r\n", b"+a\r\n", b"0xa\r\n", b" a\r\n", b"\ta\r\n", b"a.\r\n", b"g\r\n", b"\x00a\r\n",
           b"ffffffffffffffff\r\n", b"fffffffffffffffff\r\n", b"8000000000000000\r\n", b"7fffffffffffffff\r\n", b"a\r",
           b"1000000000000000a\r\n", b"_a\r\n", b"0a0x\r\n", b";a\r\n", b",a\r\n", b"100001\r\n"]
    for size in bad:
        yield Shape(f"a chunk of size {size!r}", start + size + BODY + b"\r\n" + last + INNER, "refused")
    for data in (b"a\r\n" + BODY + last, b"a\r\n" + BODY + b"xx" + last, b"9\r\n" + BODY + b"\r\n" + last,
                 b"a\r\n" + BODY + b"\r" + last):
        yield Shape(f"a chunk that ends elsewhere: {data!r}", start + data + INNER, "refused")
    for data in (b"c\r\n" + BODY + b"\r\n" + last, b"a\r\n" + BODY, b"a\r\n" + BODY + b"\r\n", b"a\r\n" + BODY + b"\r\n0",
                 b"a\r\n" + BODY + b"\r\n0\r\n", b"a\r\n" + BODY[:4]):
        yield Shape(f"chunks that do not end: {data!r}", start + data, "refused")
    for size in (b"a;x=y", b"a;x=\"y\"", b"a ;x", b"a ", b"0a", b"000000000000a", b"A", b"a;" + b"x" * 4000,
                 b"a;\tx", b"a;x=\";\"", b"a;\x01"):
        yield Shape(f"a chunk extension {size[:20]!r}", start + size + b"\r\n" + BODY + b"\r\n" + last, "either")
    # The carriage return is the 11th byte then.
    yield Shape("a chunk one too long", start + b"b\r\n" + BODY + b"\r\n" + last, "either")
    yield Shape("chunks that end in bare line feeds", start + b"a\n" + BODY + b"\n0\n\n", "either")
    for trailer in (b"X: y\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: y\r\n",
                    b"If-Match: \"none\"\r\n", b"no colon\r\n", b"\x00\r\n", b"X: " + b"y" * 9000 + b"\r\n"):
        yield Shape(f"a trailer {trailer[:30]!r}", start + b"a\r\n" + BODY + b"\r\n0\r\n" + trailer + b"\r\n", "either")
    yield Shape("one byte in each chunk", start + b"".join(b"1\r\n%c\r\n" % c for c in BODY) + last, "taken")
    yield Shape("2,000 chunks of one byte", start + b"1\r\n \r\n" * 2000 + CHUNKED, "taken")
    yield Shape("a chunked body of more than a megabyte", start + (b"10000\r\n" + b" " * 65536 + b"\r\n") * 17 + CHUNKED,
                "refused")


def request_lines():
    """What comes before the header fields."""
    rest = b"\r\nHost: x\r\nContent-Type: application/json\r\n" + LENGTH + b"\r\n" + BODY
    refused = [b"PUT %(out)s HTTP/2.0", b"PUT %(out)s HTTP/9.9", b"PUT %(out)s HTTP/0.9", b"PUT %(out)s HTTP/11",
               b"PUT %(out)s HTTP/1.1x", b"PUT %(out)s http/1.1", b"PUT %(out)s HTTP /1.1", b"PUT %(out)s HTTP/1.", b"PUT %(out)s HTTP/",
               b"PUT %(out)s HTTPS/1.1", b"PUT %(out)s XTTP/1.1", b"PUT %(out)s HTTP/-1.1", b"PUT\x00 %(out)s HTTP/1.1",
               b"PUT %(out)s\x00 HTTP/1.1", b"PUT %(out)s HTTP/1.1 x", b"put %(out)s HTTP/1.1", b"PuT %(out)s HTTP/1.1", b"P@T %(out)s HTTP/1.1",
               b"PUT\t%(out)s HTTP/1.1", b"PUT %(out)s\tHTTP/1.1", b"PUT\x0b%(out)s HTTP/1.1",
               b"\x00PUT %(out)s HTTP/1.1", b" PUT %(out)s HTTP/1.1", b"CONNECT %(out)s HTTP/1.1", b"CONNECT x:80 HTTP/1.1", b"TRACE %(out)s HTTP/1.1",
               b"PUT http:/%(out)s HTTP/1.1", b"PUT http://%(out)s HTTP/1.1", b"PUT http:// HTTP/1.1", b"PUT x HTTP/1.1",
               b"PUT * HTTP/1.1", b"PUT http:%(out)s HTTP/1.1", b"PUT //x@%(out)s HTTP/1.1", b"PUT %(out)s%%00 HTTP/1.1", b"PUT %(out)s%%zz HTTP/1.1",
               b"PUT %(out)s% HTTP/1.1", b"PUT /../..%(out)s HTTP/1.1", b"PUT %(out)s/../../../.. HTTP/1.1",
               b"PUT %(out)s\x7f HTTP/1.1", b"PUT %(out)s#x HTTP/1.1\x00", b"PUT %(out)s\rx HTTP/1.1", b"PUT\r\n %(out)s HTTP/1.1",
               b"PUT %(out)s HTTP/1.1\rX: y", b"PUT", b"PUT ", b"", b"\r\n" * 3 + b"PUT", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"]
    for line in refused:
        yield Shape(f"the line {line[:40]!r}", line.replace(b"%%", b"%") + rest, "nothing")
    error = [b"M" * 70 + b" %(out)s HTTP/1.1", b"TRACK %(out)s HTTP/1.1", b"DEBUG %(out)s HTTP/1.1", b"PROPFIND %(out)s HTTP/1.1", b"MKCOL %(out)s HTTP/1.1",
             b"MOVE %(out)s HTTP/1.1", b"LOCK %(out)s HTTP/1.1", b"PURGE %(out)s HTTP/1.1", b"SEARCH %(out)s HTTP/1.1", b"A %(out)s HTTP/1.1",
             b"PUT %(out)s%2F HTTP/1.1", b"PUT %(out)s%2f.. HTTP/1.1", b"PUT %(out)s%ff HTTP/1.1",
             b"PUT %(out)s\xff HTTP/1.1", b"PUT %(out)s%0a HTTP/1.1", b"PUT %(out)s%0d%0aX:%20y HTTP/1.1", b"PUT %(out)s%7f HTTP/1.1",
             b"PUT /%(out)s HTTP/1.1", b"PUT %(out)s/ HTTP/1.1", b"PUT %(out)s// HTTP/1.1",
             b"PUT /.write HTTP/1.1", b"PUT /.err HTTP/1.1", b"PUT /.err/upstream HTTP/1.1", b"PUT /JSON/h/x HTTP/1.1"]
    for line in error:
        yield Shape(f"the line {line[:40]!r}", line.replace(b"%%", b"%") + rest, "error")
    for line in (b"PUT http://x%(out)s HTTP/1.1", b"PUT http://other:81%(out)s HTTP/1.1", b"PUT https://x%(out)s HTTP/1.1", b"\r\n\r\nPUT %(out)s HTTP/1.1",
                 b"PUT  %(out)s HTTP/1.1", b"PUT %(out)s  HTTP/1.1", b"PUT %(out)s HTTP/1.1 ", b"PUT %(out)s HTTP/01.1", b"PUT %(out)s HTTP/1.01",
                 b"PUT %(out)s?" + b"x" * 6000 + b" HTTP/1.1", b"PUT %(out)s# HTTP/1.1", b"PUT %(out)s HTTP/1.9",
                 b"PUT %(out)s? HTTP/1.1", b"PUT /./%(out)s HTTP/1.1".replace(b"/./%", b"/.%")):
        yield Shape(f"the line {line[:40]!r}", line + rest, "either")
    for size in (8192, 9000, 70000, 1000000):
        yield Shape(f"a URL of {size} bytes", b"PUT %(out)s" + b"x" * size + b" HTTP/1.1" + rest, "refused")
    yield Shape("HTTP/0.9", b"GET %(out)s\r\n", "nothing")
    yield Shape("HTTP/0.9 with a body", b"PUT %(out)s\r\n" + BODY, "nothing")
    yield Shape("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00", "refused")
    yield Shape("an upgrade to HTTP/2", head(LENGTH[:-2], b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c",
                                           b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA") + BODY, "taken")
    yield Shape("an upgrade to a WebSocket", head(LENGTH[:-2], b"Connection: Upgrade", b"Upgrade: websocket") + BODY, "taken")
    yield Shape("a PROXY line", b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\nPUT %(out)s HTTP/1.1" + rest, "nothing")
    yield Shape("a FastCGI record", b"\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00", "nothing")


def fields():
    """Header fields."""
    def with_line(line):
        return HEAD + line + b"\r\n" + LENGTH + b"\r\n" + BODY

    refused = [b": x", b" X: y", b"\tX: y", b"X : y", b"X\t: y", b"X\x00: y", b"X: y\x00z", b"X\x01: y", b"\x7f: y",
               b"X: y\rz: w", b"X: y\r\n folded", b"X: y\r\n\tfolded", b"Host: y", b"Host:", b"Host: x, y",
               b"X: " + b"y" * 8200, b"X" * 8200 + b": y", b"X: " + b"y" * 100000, b"X Y: z", b"X\r: y",
               b"\r: y"]
    for line in refused:
        yield Shape(f"a field {line[:30]!r}", with_line(line), "refused")
    either = [b"X", b"X:", b"X:y", b"X: \x01", b"X: \xff\xfe", b"X: \x7f", b"\xff: y", b"X(Y): z", b"X@Y: z",
              b"X: y\nZ: w", b"X: " + b"y" * 8000, b"X: \t y \t", b"Connection: Content-Length", b"Connection: Host, Content-Type",
              b"Connection: close, keep-alive", b"Keep-Alive: timeout=99999999", b"Max-Forwards: 0", b"Upgrade: x"]
    for line in either:
        yield Shape(f"a field {line[:30]!r}", with_line(line), "either")
    for count, size, then in ((100, 10, "taken"), (900, 20, "either"), (2000, 20, "refused"), (20000, 20, "refused"),
                              (4, 8000, "either"), (8, 8000, "refused")):
        lines = b"".join(b"X-%d: %s\r\n" % (i, b"y" * size) for i in range(count))
        yield Shape(f"{count} fields of {size} bytes", with_line(lines[:-2]), then)
    # What nginx would hand over as a parameter of the same name, did it take
    # underscores.
    for line in (b"If_Match: \"none\"", b"If_None_Match: *", b"HTTP_IF_MATCH: \"none\"", b"If-Match_: \"none\"", b"Content_Type: text/plain",
                 b"Request_Method: DELETE", b"Path_Info: /json/other", b"PATH_INFO: /json/other", b"Request-Method: DELETE",
                 b"Path-Info: /json/other", b"X-HTTP-Method-Override: DELETE", b"X-Method-Override: DELETE",
                 b"X-Original-URL: /json/other", b"X-Rewrite-URL: /json/other", b"Proxy: http://127.0.0.1:1/", b"X-Forwarded-For: 10.0.0.1",
                 b"Forwarded: for=10.0.0.1", b"X-Forwarded-Host: y", b"X-Accel-Redirect: /.write", b"Status: 500", b"Script-Name: /x",
                 b"Server-Protocol: HTTP/0.9", b"Query-String: pretty", b"Content-Encoding: identity", b"Prefer: \x01", b"Prefer: return=everything",
                 b"Range: bytes=0-1", b"Range: bytes=1-", b"Range: bytes=-1,0-,0-0,0-0,0-0", b"If-Range: \"x\"", b"Expect:", b"Trailer: Content-Length",
                 b"Accept: nothing/at-all", b"Accept-Encoding: br;q=1, *;q=0", b"Cookie: " + b"a=b; " * 800, b"Referer: \x1b[31m",
                 b"User-Agent: \"}\\\"", b"Depth: infinity", b"Destination: /json/h/z"):
        yield Shape(f"{line[:40]!r} changes nothing", with_line(line), "taken")
    for line in (b"Expect: 100-continue, x", b"Expect: 200-ok"):
        yield Shape(f"{line!r}", with_line(line), "either")
    for value in (b"a\x00b", b"a\rb", b"a\r\n b", b"a\x01b", b"\x1b[31m", b"a\"b", b"a\\", b"x" * 65, b"x" * 8000, b"\xff\xfe", b"a b",
                  b"%0d%0aX: y", b"\"}\n{\"event\":\"request\"", b"${jndi:ldap://x}", b"", b"\xe2\x80\xae"):
        then = "refused" if any(c in value for c in (b"\x00", b"\r")) else "either"
        yield Shape(f"X-Request-Id: {value[:20]!r}", with_line(b"X-Request-Id: " + value), then)
    yield Shape("X-Request-Id twice", with_line(b"X-Request-Id: a\r\nX-Request-Id: b"), "either")
    yield Shape("no Host", HEAD.replace(b"Host: x\r\n", b"") + LENGTH + b"\r\n" + BODY, "refused")
    for host in (b"a/b", b"a\x00b", b"..", b"a b", b"a:b:c:d", b"[::1", b"\xff", b"a@b", b"x:99999", b"a..b", b"y" * 8000, b"*", b"'", b"%00"):
        yield Shape(f"Host: {host[:10]!r}", HEAD.replace(b"Host: x", b"Host: " + host) + LENGTH + b"\r\n" + BODY, "either")
    for line in (b"Content-Type: text/plain", b"Content-Type: application/json"):
        yield Shape(f"a second {line!r}", with_line(line), "no type")
    yield Shape("If-Match twice", with_line(b"If-Match: *\r\nIf-Match: \"none\""), "error")
    yield Shape("lines that end in bare line feeds", (HEAD + LENGTH + b"\r\n").replace(b"\r\n", b"\n") + BODY, "either")
    yield Shape("lines that end in bare carriage returns", (HEAD + LENGTH + b"\r\n").replace(b"\r\n", b"\r") + BODY, "nothing")
    yield Shape("a line feed, then a carriage return", (HEAD + LENGTH + b"\r\n").replace(b"\r\n", b"\n\r") + BODY, "nothing")
    yield Shape("no type", HEAD.replace(b"Content-Type: application/json\r\n", b"Content_Type: application/json\r\n") + LENGTH + b"\r\n" + BODY, "error")


def bodies():
    """Bodies that are not what they seem."""
    import gzip
    import zlib
    bomb = gzip.compress(b'{"new": "' + b"x" * 10_000_000 + b'"}')
    for coding, data in ((b"gzip", gzip.compress(BODY)), (b"gzip", bomb), (b"deflate", zlib.compress(BODY)), (b"x-gzip", b"\x1f\x8b"), (b"br", b"\x00")):
        yield Shape(f"a body that is {coding!r}, {len(data)} bytes",
                    head(b"Content-Encoding: " + coding, b"Content-Length: %d" % len(data)) + data, "error")
    for data in (b"[" * 100000, b'{"new":' + b"[" * 33 + b"]" * 33 + b"}", b'{"new":' * 50000, b'{"new": 1}' + b"\x00", b"\xef\xbb\xbf" + BODY,
                 BODY.decode().encode("utf-16"), b'{"new": 1, "new": 2}', b'{"new": NaN}', b'{"new": 1}{"new": 2}', b"{'new': 1}", b'{"new": "\xff"}',
                 b"\x00" * 1000, b" " * 1000, b'{"new": 1' + b" " * 1000, b'"' + b"\\" * 999):
        yield Shape(f"the body {data[:16]!r}, {len(data)} bytes", head(b"Content-Length: %d" % len(data)) + data, "error")
    yield Shape("a body longer than is taken", head(b"Content-Length: 1048577") + b" " * 1048577, "refused")
    yield Shape("a body said to be longer than is taken", head(b"Content-Length: 99999999999") + BODY, "broken off")
    yield Shape("a body cut short", head(b"Content-Length: 11") + BODY, "refused")
    yield Shape("a body that never comes", head(b"Content-Length: 10"), "refused")
    yield Shape("a body that was asked for but never comes", head(b"Content-Length: 10", b"Expect: 100-continue"), "refused")
    yield Shape("a body with Expect", head(b"Content-Length: 10", b"Expect: 100-continue") + BODY, "taken")
    yield Shape("a hidden request as the body", head(b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED, "error")
    for method in (b"GET", b"HEAD", b"DELETE", b"OPTIONS"):
        start = b"%s %%(out)s HTTP/1.1\r\nHost: x\r\n" % method
        yield Shape(f"a hidden request as the body of {method!r}",
                    start + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED, "any")


def shapes():
    for group in (lengths, codings, chunks, request_lines, fields, bodies):
        yield from group()
