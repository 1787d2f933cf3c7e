/* What a log served before at the places of entries that it serves now, as far as it is stored: timestamp,
 * form and the beginning of the fingerprint. For the account of a log that serves others than it did
 * (evidence.h): which are not signed, but no log with one history can have served both. */
#ifndef CTVIGIL_BEFORE_H
#define CTVIGIL_BEFORE_H

#include "ingest/settle.h"

/* JSON text of [{index, timestamp_ms, form, fp8}] for what is stored of [begin, end), at most
 * LIMIT_BEFORE entries; NULL: nothing, or it is not known. Retries while the database is away. The caller
 * frees it. */
char *before_text(struct settle *settle, const struct follow *follow, uint64_t begin, uint64_t end);
/* Is the entry of `leaf` (MerkleTreeLeaf) another one than `was`? One that can not be read is none. */
bool before_other(struct span leaf, const struct store_place *was);

#endif
