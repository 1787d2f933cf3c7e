/* Options of a command as rows: parsing (getopt_long), --help and the usage line come from the same table. */
#ifndef CTVIGIL_OPT_H
#define CTVIGIL_OPT_H

#include "base/base.h"

enum opt_type {
    OPT_FLAG,   /* bool *: set to true */
    OPT_TEXT,   /* const char **: the last one wins */
    OPT_LIST,   /* struct opt_list *: every one is kept, in order */
    OPT_NUMBER, /* uint64_t * */
    OPT_TIME,   /* int64_t *: RFC 3339 or a date, to Unix milliseconds */
};

#define OPT_LIST_MAX 64

struct opt_list {
    const char *item[OPT_LIST_MAX];
    size_t count;
};

struct opt {
    const char *name; /* without the dashes; NULL ends the table */
    enum opt_type type;
    void *target;
    const char *argument; /* "NAME" for help; NULL for OPT_FLAG */
    const char *help;     /* one sentence without full stop */
};

/* Parses argv[1..argc) (argv[0] is the command's name); options may stand anywhere, "--" ends them. What is
 * left is moved to the front of argv[1..] and counted in *operands. False: said on stderr what is wrong; exit
 * with 2. The global options (--json, -c, --db, --state-dir, --help) are known everywhere and handled by
 * main.c before. */
MUST_USE bool opt_parse(const struct opt *options, int argc, char **argv, int *operands);

/* "  --owner NAME   text" lines for --help. */
void opt_help(const struct opt *options);

#endif
