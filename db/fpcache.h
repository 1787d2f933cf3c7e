/* PRIVATE TO db/. Issuances that are stored for sure, by (tbs_fp, issuer): three of four log entries show one
 * that another log has shown before, and the database need not be asked about them. Kept
 * as 122 bits that depend on all of both by secret keys, so that nobody can make a certificate that hides
 * behind another one, and chance does not (2^-122 for each pair). It forgets what it likes; who asks for what
 * is forgotten asks the database.
 *
 * An owner adds after a COMMIT only, and says when rows may have gone (table cert_removal: fpcache_as_of) or
 * another database may answer (a new connection: fpcache_forget). Several may own one, each a thread: what
 * one has stored need not be asked for by the others. Whoever asks or adds holds it (fpcache_hold). */
#ifndef CTVIGIL_FPCACHE_H
#define CTVIGIL_FPCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct fpcache;

/* Room for at least `issuances`, 16 bytes each; 0: remembers nothing. NULL: out of memory (or no
 * random numbers). */
MUST_USE struct fpcache *fpcache_new(size_t issuances);
/* One more owner, who frees it, too. */
struct fpcache *fpcache_share(struct fpcache *cache);
void fpcache_free(struct fpcache *cache); /* NULL is fine; the last owner's frees it */
void fpcache_forget(struct fpcache *cache);

/* What is remembered counts as of so many removals (cert_removal), which the transaction keeps from being
 * more; else it is forgotten. The result is its age, which each forgetting changes: a transaction that began
 * before one says nothing of what is stored behind it. */
MUST_USE uint64_t fpcache_as_of(struct fpcache *cache, int64_t removals);
/* Until fpcache_let nobody else asks or adds. False: it was forgotten since it had that age, and nothing may
 * be asked or added. */
MUST_USE bool fpcache_hold(struct fpcache *cache, uint64_t age);
void fpcache_let(struct fpcache *cache);

/* Says that this one will be asked for or added soon; changes nothing. */
void fpcache_fetch(const struct fpcache *cache, const uint8_t tbs_fp[32]);
bool fpcache_has(const struct fpcache *cache, const uint8_t tbs_fp[32], int32_t issuer);
/* `issuer` is not 0. Takes the place of the one that was added to its set first. */
void fpcache_add(struct fpcache *cache, const uint8_t tbs_fp[32], int32_t issuer);

#endif
