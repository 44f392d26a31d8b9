/*
 * Health checks: ask a running service with a real request.
 *
 * `timeout` is in seconds.  It limits the connection and each read and write,
 * not the whole check.  An answer with any 2xx status is good.
 */
#ifndef MARKBOOK_HEALTH_H
#define MARKBOOK_HEALTH_H

#include "base/status.h"

/*
 * Send GET /readyz over FastCGI (FastCGI Specification 1.0) to the socket at
 * `address`: a path or HOST:PORT.  Returns ST_OK if the answer is good; else
 * ST_BUSY with `why`.
 */
enum status health_fastcgi(const char *address, unsigned timeout, struct problem *why);

/*
 * Send GET over HTTP/1.0 to `url`, which is http://HOST[:PORT][/PATH].  The
 * default port is 80, the default path /readyz.  Returns ST_OK if the answer is
 * good; ST_BAD_REQUEST with `why` if `url` has another form; ST_NO_MEMORY; else
 * ST_BUSY with `why`.
 */
enum status health_http(const char *url, unsigned timeout, struct problem *why);

#endif
