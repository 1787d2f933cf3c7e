/* Whole chains: every CA certificate that comes with an entry goes to the table of CA certificates
 * (issuers.h) once, from the bytes that RFC 6962 logs send and from the fingerprints that static-ct logs
 * name. The same few hundred chains come again and again, so a chain is recognised as a whole and costs
 * nothing: by its list of fingerprints, or in one reply by its length and the signatures at its ends. Nobody
 * waits for what is brought here, and nothing of it is believed: what certifies what is found out by checking
 * signatures, much later. One per worker thread. */
#ifndef CTVIGIL_CHAINS_H
#define CTVIGIL_CHAINS_H

#include "ingest/issuers.h"
#include "model/batch.h"

struct chains;

MUST_USE struct chains *chains_new(void); /* NULL: out of memory */
void chains_free(struct chains *chains);

/* The chains of all entries of a decoded batch; of each the first ENTRY_CHAIN_MAX certificates. The first one
 * of a static-ct chain is left out: who needs it has asked for it already. */
void chains_bring(struct chains *chains, struct issuers *issuers, int32_t log_id, const struct batch *batch);

#endif
