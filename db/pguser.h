/* The operating system's user that a private cluster runs as, and doing things as that user. For a
 * single-threaded process only: it forks and goes on in the child. */
#ifndef CTVIGIL_PGUSER_H
#define CTVIGIL_PGUSER_H

#include <sys/types.h>

#include "base/err.h"

#define PGUSER_NAME_MAX 256

struct pguser {
    uid_t uid;
    gid_t gid;
    char name[PGUSER_NAME_MAX];
};

/* The caller itself; for root the owner of `home` or else of `state_dir` when that is not root, else the
 * first that exists of ctvigil, postgres, nobody. ERR_CLUSTER: there is none, it has no name, or `home` is
 * somebody else's. */
MUST_USE enum err_code pguser_choose(const char *state_dir, const char *home, struct pguser *user,
                                     struct err *why);

/* In a child: becomes the user for good (nothing when it is the user already). False: the system refused. */
MUST_USE bool pguser_become(const struct pguser *user);

/* Runs work(arg) in a child process as the user, its standard error caught. Not 0 from work: ERR_CLUSTER with
 * the last line it wrote there. */
MUST_USE enum err_code pguser_run(const struct pguser *user, int (*work)(void *arg), void *arg,
                                  struct err *why);

#endif
