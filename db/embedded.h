/* The files of sql/, compiled into the program (cmake/embed.cmake). */
#ifndef CTVIGIL_EMBEDDED_H
#define CTVIGIL_EMBEDDED_H

#include "base/base.h"

struct embedded {
    const char *name; /* "0001_core.sql" */
    const char *text; /* NUL-terminated */
    size_t len;
};

extern const struct embedded embedded_files[];
extern const unsigned embedded_count;

/* "citus/layout.sql" and the like; the last one has no name. */
extern const struct embedded embedded_apart[];

#endif
