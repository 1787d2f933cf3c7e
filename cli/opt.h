/* Command lines as rows: parsing (getopt_long), --help, what each command takes and what is said about the
 * word that does not fit come from the same tables. Everything that is wrong is said on stderr in one line,
 * which names the word; the caller then exits with 2. */
#ifndef CTVIGIL_OPT_H
#define CTVIGIL_OPT_H

#include "base/base.h"

enum opt_type {
    OPT_FLAG,   /* bool *: set to true */
    OPT_MAYBE,  /* const char **: UTF-8, or "" when it is given without "=VALUE" */
    OPT_TEXT,   /* const char **: UTF-8; the last one wins */
    OPT_LIST,   /* struct opt_list *: UTF-8; every one is kept, in order */
    OPT_FILE,   /* const char **: the same as OPT_TEXT with any bytes, as names of files have */
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

/* What may stand behind the options, as words: "" nothing, "NAME" exactly one, "NAME CERT" two, "[ID]" at
 * most one, "FILE..." one or more. All but FILE must be UTF-8. */

/* One of several things a command does, named by its first operand: `log add NAME`. */
struct opt_verb {
    const char *name;     /* NULL ends the table */
    const char *operands; /* as above */
    const char *options;  /* names of its options, separated by spaces; those of other verbs are refused */
};

/* Parses argv[1..argc) (argv[0] is the command's name); options may stand anywhere, "--" ends them. What is
 * left is moved to the front of argv[1..] and counted in *count. The global options (--json, -c, --db,
 * --state-dir, --help) are known everywhere and handled by main.c before. */
MUST_USE bool opt_parse(const struct opt *options, const char *operands, int argc, char **argv, int *count);

/* The same for a command with verbs: *verb is its place in the table, its operands are argv[2..2 + *count).
 */
MUST_USE bool opt_parse_verb(const struct opt *options, const struct opt_verb *verbs, int argc, char **argv,
                             size_t *verb, int *count);

/* "  --owner NAME   text" lines for --help. */
void opt_help(const struct opt *options);

/* The row whose name is what somebody who typed `typed` most likely meant; NULL: none is near. `rows` are
 * structs of `size` bytes that begin with const char *name; NULL ends them. */
const char *opt_nearest(const char *typed, const void *rows, size_t size);

#endif
