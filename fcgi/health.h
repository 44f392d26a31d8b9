/*
 * Ask a running service how it is, with a real request.
 */
#ifndef MARKBOOK_HEALTH_H
#define MARKBOOK_HEALTH_H

#include "base/status.h"

/*
 * GET /readyz over FastCGI (FastCGI Specification 1.0) from the socket at `address`: a path or HOST:PORT.
 * ST_OK where the answer is 200 within `timeout` seconds; else ST_BUSY with `why`.
 */
enum status health_fastcgi(const char *address, unsigned timeout, struct problem *why);

/* The same over HTTP/1.0 from a URL http://HOST[:PORT][/PATH]; any 2xx is good.  Without a path /readyz is asked. */
enum status health_http(const char *url, unsigned timeout, struct problem *why);

#endif
