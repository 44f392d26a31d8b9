/*
 * Socket addresses as the options give them: HOST:PORT, [IPv6]:PORT, or the
 * path of a unix socket (anything with a '/' first or without a ':').
 */
#ifndef MARKBOOK_OS_ADDRESS_H
#define MARKBOOK_OS_ADDRESS_H

#include <netdb.h>
#include <stdbool.h>

#include "base/status.h"

bool address_is_path(const char *address);

/* Whether it has one of these forms; the port is 1 to 65535, a path fits a unix socket's. */
bool address_is_valid(const char *address);

/* Resolve HOST:PORT for a stream socket.  ST_OK: the caller frees *out with freeaddrinfo. */
enum status address_resolve(const char *address, struct addrinfo **out, struct problem *why);

/* A connected socket with both its timeouts set, or -1 with `why`. */
int address_connect(const char *address, unsigned seconds, struct problem *why);

#endif
