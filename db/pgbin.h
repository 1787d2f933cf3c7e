/* Where this machine keeps the PostgreSQL server programs. */
#ifndef CTVIGIL_PGBIN_H
#define CTVIGIL_PGBIN_H

#include "base/err.h"

#define PGBIN_MAJOR_MIN 15

struct pgbin {
    char dir[4096]; /* holds initdb and postgres */
    int major;
};

/* The newest version among $PATH and the folders where distributions put it, at least PGBIN_MAJOR_MIN; with
 * `major` not 0 that one only, because data belong to one major version. ERR_CLUSTER names the package to
 * install. */
MUST_USE enum err_code pgbin_find(int major, struct pgbin *bin, struct err *why);

#endif
