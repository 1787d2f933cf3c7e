/* PRIVATE TO db/. Ids of issuers (table issuer): a key together with the name it uses. Remembered per writer,
 * because a few hundred issuers make nearly every certificate; identity is decided by the bytes. Not
 * thread-safe. */
#ifndef CTVIGIL_ISSUER_IDS_H
#define CTVIGIL_ISSUER_IDS_H

#include "db/pgconn.h"
#include "model/issuance.h"

struct issuer_ids;

MUST_USE struct issuer_ids *issuer_ids_new(void); /* NULL: out of memory */
void issuer_ids_free(struct issuer_ids *ids);     /* NULL is fine */
/* After a connection was lost: another database may answer now. */
void issuer_ids_forget(struct issuer_ids *ids);

/* The id from memory; 0 when it is not remembered. */
int32_t issuer_ids_find(const struct issuer_ids *ids, const struct issuance *issuance);
/* Reads or makes the ids of these issuances (duplicates are fine) and remembers them. To be called outside of
 * a transaction: new rows are committed at once, in key order, so that no writer waits for another's long
 * one. Names beyond LIMIT_ISSUER_BYTES are stored cut off. */
MUST_USE enum err_code issuer_ids_resolve(struct issuer_ids *ids, struct pgconn *conn,
                                          const struct issuance *const *list, size_t count, struct err *why);

#endif
