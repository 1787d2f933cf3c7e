/* Runs one program to its end, with a time limit, and keeps the end of what it said. */
#ifndef CTVIGIL_CHILD_H
#define CTVIGIL_CHILD_H

#include <stdatomic.h>

#include "base/err.h"

#define CHILD_SAID_MAX 2048

struct child_options {
    const char *program; /* searched in PATH when it has no slash */
    char *const *environment;
    int64_t timeout_ms;
    int64_t grace_ms;        /* between SIGTERM and SIGKILL */
    const atomic_bool *stop; /* ends it early when it turns true; may be NULL */
};

struct child_result {
    int status;                    /* as waitpid gives it; valid when ended */
    bool timed_out;                /* killed by us */
    char said[CHILD_SAID_MAX + 1]; /* the last bytes of standard output and error, raw */
    size_t said_len;
};

/* ERR_SYSTEM: it could not be started. A program that fails or is killed is ERR_OK here: see the result. No
 * descriptor of ours is open in it; what it leaves running in its process group after a time-out is killed,
 * what it leaves after a normal end is its own business. */
MUST_USE enum err_code child_run(const struct child_options *options, struct child_result *result,
                                 struct err *why);

#endif
