/* The account of a log that contradicted itself: one JSON document with the signed heads as received, what
 * was computed and, where the suspect stretch is short, its bytes. Written to a file and given to the store.
 */
#ifndef CTVIGIL_EVIDENCE_H
#define CTVIGIL_EVIDENCE_H

#include "ingest/settle.h"

struct evidence {
    const char *kind; /* as in struct store_evidence */
    uint64_t begin;
    uint64_t end;
    const struct head *head;        /* the one that does not fit */
    const struct head *other;       /* the second head, or what was computed (raw absent) */
    const struct compact *frontier; /* verified one at `begin`; NULL: unknown */
    struct span entries;            /* JSON text of an array of the suspect entries; absent: too many */
    const char *sentence;
};

/* Adds the leaves of a batch to the JSON text in *bytes (heap; NULL: none yet), which lacks its last bracket.
 * NULL afterwards: they are more than LIMIT_EVIDENCE_BYTES. */
void evidence_bytes(char **bytes, const struct batch *batch);

/* Retries while the database is away. */
MUST_USE enum err_code evidence_keep(struct settle *settle, const struct follow *follow,
                                     const struct evidence *evidence, struct err *why);

#endif
