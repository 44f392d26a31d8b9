/*
 * Makes the Nth call of a kind fail, in a chosen process: a library for
 * LD_PRELOAD, for tests only.
 *
 * INJECT_CONTROL names a file with one struct control.  All processes that load
 * this library map it, and so does the driver (run.py), which sets and reads it
 * while they run.
 */
#ifndef INJECT_CONTROL_H
#define INJECT_CONTROL_H

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* In the order of KINDS in service.py. */
enum kind {
	ALLOC,
	READ,
	RECV,
	PREAD,
	WRITE,
	SEND,
	PWRITE,
	MAP,
	SYNC,
	FORK,
	OPEN,
	SOCKET,
	EPOLL,
	OPTION,
	FILES,
	WAIT,
	STDIO,
	RANDOM,
	REMOVE
};

/* As class Control in service.py. */
struct control {
	_Atomic int32_t pid;	    /* the process whose calls count; 0: those of `depth` */
	_Atomic int32_t depth;	    /* forks from the first process to it; -1: any */
	_Atomic uint32_t kinds;	    /* bits: what counts */
	_Atomic int32_t error;	    /* errno of a failure; 0: half of the call is done */
	_Atomic uint64_t at;	    /* the first call that fails, from 1 on; 0: none */
	_Atomic uint64_t row;	    /* how many fail from there on */
	_Atomic uint64_t count;	    /* calls so far */
	_Atomic uint64_t failed;    /* calls that were made to fail */
	_Atomic uint32_t spare;	    /* spare libraries; see memory.c */
	_Atomic uint32_t idle;	    /* the process `pid` is in epoll_wait */
	_Atomic int64_t live;	    /* blocks that it then has from malloc */
	_Atomic uint64_t overdrawn; /* bytes that libraries took and nobody had secured */
	_Atomic int64_t clock_add;  /* nanoseconds that the monotonic clock is ahead */
	char where[64];		    /* the place of the first failed call */
};

#define REAL(name, type, ...)                                                                      \
	static type (*real)(__VA_ARGS__);                                                          \
	if (real == NULL)                                                                          \
	*(void **)&real = dlsym(RTLD_NEXT, #name)

/* Whether this call of a function of the library fails, with errno set. */
#define FAILS(kind) inject_fails(kind, __builtin_return_address(0))

/* Nothing below may stand in for a function of the program. */
#pragma GCC visibility push(hidden)

extern struct control *inject_control;
extern void *(*inject_real_mmap)(void *, size_t, int, int, int, off_t);
extern int (*inject_real_open)(const char *, int, ...);

bool inject_fails(enum kind kind, const void *caller);

/* Whether `pid` of the control is this process. */
bool inject_is_target(void);

/* In the child of a fork. */
void inject_forked(void);

/*
 * Whether libfcgi or json-c runs, whose allocations are spared; see memory.c.
 */
bool inject_is_spared(void);

/* Blocks that this process has from malloc. */
int64_t inject_blocks(void);

#pragma GCC visibility pop

#endif
