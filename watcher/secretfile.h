/* Passwords, keys and URLs that are secrets come from files: they do not belong into a configuration that is
 * shown, or onto a command line. */
#ifndef CTVIGIL_SECRETFILE_H
#define CTVIGIL_SECRETFILE_H

#include "base/err.h"

/* The first line of the file, without white space at its end, at most LIMIT_SECRET_BYTES; never empty. The
 * caller frees it. ERR_CONFIG names `key` and the file, never what is in it. */
MUST_USE enum err_code secretfile_read(const char *key, const char *path, char **secret, struct err *why);

#endif
