/*
 * Socket addresses as the options give them: HOST:PORT, [IPv6]:PORT, or the
 * path of a unix socket.  What begins with '/' or has no ':' is a path.
 */
#ifndef MARKBOOK_OS_ADDRESS_H
#define MARKBOOK_OS_ADDRESS_H

#include <netdb.h>
#include <stdbool.h>

#include "base/status.h"

/* Whether the address is a path, by its form alone. */
bool address_is_path(const char *address);

/*
 * Whether the address has one of these forms.  The port is 1 to 65535 without
 * leading zeros, and a path has at most 107 bytes (unix(7)).
 */
bool address_is_valid(const char *address);

/*
 * Resolve HOST:PORT for a stream socket.  Returns ST_OK, and the caller frees
 * *out with freeaddrinfo; or ST_IO with `why`.
 */
enum status address_resolve(const char *address, struct addrinfo **out, struct problem *why);

/*
 * Connect to any of these forms.  Returns a blocking, close-on-exec socket that
 * is the caller's, or -1 with `why`.  The connection, and later each read and
 * write, may take `seconds` (SO_SNDTIMEO, SO_RCVTIMEO; 0: no limit).
 */
int address_connect(const char *address, unsigned seconds, struct problem *why);

#endif
