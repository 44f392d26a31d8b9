#include "health.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/records.h"
#include "os/address.h"

/* Far more than any answer of a health check has. */
#define ANSWER_MAX 65536

/* Each length fits one byte: names and values here have under 128 bytes. */
static void
add_param(struct buf *out, const char *name, const char *value)
{
	buf_addc(out, (char)strlen(name));
	buf_addc(out, (char)strlen(value));
	buf_adds(out, name);
	buf_adds(out, value);
}

/* Send the request, then read the answer until the service closes. */
static enum status
exchange(const char *address, unsigned timeout, const struct buf *request, struct buf *answer,
	 struct problem *why)
{
	int fd = address_connect(address, timeout, why);
	size_t sent = 0;
	ssize_t n = 1;

	if (fd < 0)
		return ST_BUSY;
	while (sent < request->len && n > 0) {
		n = write(fd, request->data + sent, request->len - sent);
		sent += n > 0 ? (size_t)n : 0;
	}
	while (n > 0 && answer->len < ANSWER_MAX && buf_reserve(answer, 4096)) {
		n = read(fd, answer->data + answer->len, 4096);
		answer->len += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		problem_set(why, ST_BUSY, "%s: %s", address,
			    errno == EAGAIN ? "no answer in time" : strerror(errno));
	close(fd);
	return n < 0 ? ST_BUSY : ST_OK;
}

/* Collect the output of the only request.  Returns whether its end came. */
static bool
unwrap(struct slice records, struct buf *out)
{
	struct record r;

	while (record_take(&records, &r) == RECORD_WHOLE) {
		if (r.type == RECORD_END_REQUEST)
			return true;
		if (r.type == RECORD_STDOUT)
			buf_add_slice(out, r.content);
	}
	return false;
}

/* Returns the number behind `prefix` at the answer's start; 0: none. */
static unsigned
status_code(const struct buf *answer, const char *prefix)
{
	size_t len = strlen(prefix);

	if (answer->len < len + 3 || memcmp(answer->data, prefix, len) != 0)
		return 0;
	return (unsigned)strtoul(
	    (char[]){answer->data[len], answer->data[len + 1], answer->data[len + 2], '\0'}, NULL,
	    10);
}

static enum status
judge(const char *address, unsigned code, struct problem *why)
{
	if (code >= 200 && code < 300)
		return ST_OK;
	if (code == 0)
		return problem_set(why, ST_BUSY, "%s: the answer makes no sense", address);
	return problem_set(why, ST_BUSY, "%s: not ready, status %u", address, code);
}

enum status
health_fastcgi(const char *address, unsigned timeout, struct problem *why)
{
	/* Role 1 is the responder; no flag: the answer ends the connection. */
	static const char begin[8] = {0, 1, 0, 0, 0, 0, 0, 0};
	const struct slice end = {"", 0};
	struct buf params = {0}, request = {0}, records = {0}, answer = {0};
	enum status st;

	add_param(&params, "REQUEST_METHOD", "GET");
	add_param(&params, "PATH_INFO", "/readyz");
	record_add(&request, RECORD_BEGIN_REQUEST, 1, (struct slice){begin, sizeof(begin)});
	record_add(&request, RECORD_PARAMS, 1, buf_slice(&params));
	record_add(&request, RECORD_PARAMS, 1, end);
	record_add(&request, RECORD_STDIN, 1, end);
	st = exchange(address, timeout, &request, &records, why);
	if (st == ST_OK) {
		bool whole = unwrap(buf_slice(&records), &answer);

		st = judge(address, whole ? status_code(&answer, "Status: ") : 0, why);
	}
	buf_free(&params);
	buf_free(&request);
	buf_free(&records);
	buf_free(&answer);
	return st;
}

enum status
health_http(const char *url, unsigned timeout, struct problem *why)
{
	static const char scheme[] = "http://";
	const char *host = url + sizeof(scheme) - 1, *path;
	struct buf address = {0}, request = {0}, answer = {0};
	const char *port;
	enum status st;

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0 || *host == '\0' || *host == '/')
		return problem_set(why, ST_BAD_REQUEST, "%s: takes http://HOST[:PORT][/PATH]", url);
	path = host + strcspn(host, "/");
	buf_add(&address, host, (size_t)(path - host));
	/* The last colon begins the port, unless it is in [IPv6]. */
	port = memrchr(host, ':', (size_t)(path - host));
	if (port == NULL || memchr(port, ']', (size_t)(path - port)) != NULL)
		buf_adds(&address, ":80");
	buf_addc(&address, '\0');
	buf_addf(&request, "GET %s HTTP/1.0\r\nHost: %.*s\r\nConnection: close\r\n\r\n",
		 *path == '\0' ? "/readyz" : path, (int)(path - host), host);
	st =
	    address.failed ? ST_NO_MEMORY : exchange(address.data, timeout, &request, &answer, why);
	if (st == ST_OK)
		st = judge(url,
			   status_code(&answer, answer.len > 7 && answer.data[7] == '0'
						    ? "HTTP/1.0 "
						    : "HTTP/1.1 "),
			   why);
	buf_free(&address);
	buf_free(&request);
	buf_free(&answer);
	return st;
}
