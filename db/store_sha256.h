/* PRIVATE TO db/. Rows of cert_sha256: the hashes of certificates that are kept whole, so that SQL can tell
 * them. Inside the caller's transaction. */
#ifndef CTVIGIL_STORE_SHA256_H
#define CTVIGIL_STORE_SHA256_H

#include "db/pgstore.h"

/* False: no memory. Freed with copy_fini. */
MUST_USE bool store_sha256_init(struct copy *hashes);

/* Those of pg->keep.put, stored by this commit or before it. The final certificate takes the place of its
 * precertificate, and of several final ones of one issuance the first one stays. Rows that change are locked
 * in the order of tbs_fp and issuer, others not at all. During a repair into stage_sha256. */
MUST_USE enum err_code store_sha256_write(struct pgstore *pg, struct err *why);
/* At the end of a repair: takes hashes away that were read wrongly and that no log shows, and writes what was
 * staged. */
MUST_USE enum err_code store_sha256_staged(struct pgstore *pg, struct err *why);

#endif
