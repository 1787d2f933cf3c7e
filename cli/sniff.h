/* What kind of bytes is this? Content alone decides; names of files say nothing. A guess by structure, made
 * from the first elements: what is cut off or damaged further on is recognised all the same, and its reader
 * says what is wrong with it. Pure, no allocation. */
#ifndef CTVIGIL_SNIFF_H
#define CTVIGIL_SNIFF_H

#include "base/span.h"

enum sniff {
#define X(name, form, sentence, advice) SNIFF_##name,
#include "cli/sniff.def"
#undef X
    SNIFF_COUNT
};

enum sniff sniff_bytes(struct span bytes);
/* The same for bytes that are known to be one element of DER, as in a PEM block: SNIFF_CERTIFICATE when
 * nothing else is plain. */
enum sniff sniff_der(struct span der);
/* What the label of a PEM block promises; SNIFF_UNKNOWN for labels that nobody here knows. */
enum sniff sniff_label(struct span label);

const char *sniff_form(enum sniff kind);     /* "get_entries" */
const char *sniff_sentence(enum sniff kind); /* "a get-entries reply (JSON)" */
const char *sniff_advice(enum sniff kind);   /* what to do instead; NULL: it can be read */

/* Bytes without a UTF-8 byte order mark; with one, JSON is JSON all the same. */
struct span sniff_unmarked(struct span text);
/* Bytes without a UTF-8 byte order mark and without white space around them. */
struct span sniff_trim(struct span text);
/* Digits of hex, trimmed, without the "0x" or "\x" that may stand in front of them. */
struct span sniff_digits(struct span text);

#endif
