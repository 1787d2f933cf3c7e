/* Where the rows of a search go: standard output, or a file that appears when it is whole. */
#ifndef CTVIGIL_SEARCHFILE_H
#define CTVIGIL_SEARCHFILE_H

#include <stdio.h>

#include "base/err.h"
#include "db/query.h"

#define SEARCHFILE_PATH_MAX  4096
#define SEARCHFILE_MARK_ROWS 64 /* so many at most are lost when no more can be written */

/* As far as this all of it reached the file: what stands behind it may be half a row. */
struct searchfile_mark {
    uint64_t rows;
    int64_t bytes;
    struct query_cursor behind; /* where to go on; set when there are rows */
};

struct searchfile {
    FILE *out;
    const char *path;               /* NULL: standard output */
    char temp[SEARCHFILE_PATH_MAX]; /* "": written in place, it is no regular file */
    uint64_t rows;
    struct query_cursor last; /* row that was given */
    struct searchfile_mark mark;
    int error; /* errno of the first write that failed; 0: none did */
    bool progress;
    bool tty; /* standard error */
    bool shown;
    int64_t said_ms;
};

/* `path` NULL: standard output. Something that is there and no regular file (a pipe, /dev/null) is written
 * as it is. */
MUST_USE enum err_code searchfile_open(struct searchfile *file, const char *path, struct err *why);
/* A row was written to `out`. False: it did not arrive, and there is no use in going on. Every second on a
 * terminal and every ten otherwise one line on standard error says how far it is; not for standard output
 * that is a terminal. */
MUST_USE bool searchfile_row(struct searchfile *file, const struct query_row *row);
/* False: what was written did not arrive. */
bool searchfile_ok(const struct searchfile *file);
/* The file gets its name. whole false: it is PATH.partial instead; *kept (SEARCHFILE_PATH_MAX) names what is
 * there, "" where nothing is. Never is there half a row: where not all could be written (a full disk), the
 * error says why, and PATH.partial ends at `mark`; what can not get its name keeps the one it was written
 * under. Whatever has the name PATH is left alone then. */
MUST_USE enum err_code searchfile_close(struct searchfile *file, bool whole, char *kept, struct err *why);

#endif
