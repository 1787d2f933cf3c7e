/* Comma-separated values as RFC 4180 has them: quotes, doubled quotes, line breaks inside of fields, a header
 * row. Zero copy but for fields with doubled quotes, which are made simple in place. */
#ifndef CTVIGIL_CSVREAD_H
#define CTVIGIL_CSVREAD_H

#include "base/span.h"

#define CSVREAD_COLUMNS 128

struct csvread {
    uint8_t *at;
    uint8_t *end;
    struct span head[CSVREAD_COLUMNS];
    size_t columns;
    struct span field[CSVREAD_COLUMNS]; /* of the row at hand; absent where the row is short */
    size_t fields;
    uint64_t row;
    bool cut; /* the file ends inside of a row */
};

/* Reads the header; `bytes` are changed and stay while fields are used. False: there is none. */
MUST_USE bool csvread_init(struct csvread *csv, uint8_t *bytes, size_t len);
bool csvread_next(struct csvread *csv);
/* The column of that name; CSVREAD_COLUMNS: none. */
size_t csvread_column(const struct csvread *csv, const char *name);
/* Has it all of these columns (parted by commas)? */
bool csvread_has(const struct csvread *csv, const char *names);
/* A field of the row at hand by the name of its column, without white space around; absent when there is
 * none. */
struct span csvread_get(const struct csvread *csv, const char *name);
/* The same as text into out, cut off to fit. */
const char *csvread_text(const struct csvread *csv, const char *name, char *out, size_t cap);

#endif
