/* Where the rows of a search go: standard output, or a file that appears when it is whole. */
#ifndef CTVIGIL_SEARCHFILE_H
#define CTVIGIL_SEARCHFILE_H

#include <stdio.h>

#include "base/err.h"

#define SEARCHFILE_PATH_MAX 4096

struct searchfile {
    FILE *out;
    const char *path;               /* NULL: standard output */
    char temp[SEARCHFILE_PATH_MAX]; /* "": written in place, it is no regular file */
    bool progress;
    bool tty; /* standard error */
    bool shown;
    int64_t said_ms;
};

/* `path` NULL: standard output. Something that is there and no regular file (a pipe, /dev/null) is written
 * as it is. */
MUST_USE enum err_code searchfile_open(struct searchfile *file, const char *path, struct err *why);
/* Every second on a terminal and every ten otherwise, one line on standard error; not for standard output
 * that is a terminal. */
void searchfile_progress(struct searchfile *file, uint64_t rows, int64_t not_before_ms);
/* False: what was written did not arrive; there is no use in going on. */
bool searchfile_ok(const struct searchfile *file);
/* The file gets its name. whole false: it is PATH.partial instead; *kept (SEARCHFILE_PATH_MAX) names what is
 * there. */
MUST_USE enum err_code searchfile_close(struct searchfile *file, bool whole, char *kept, struct err *why);

#endif
