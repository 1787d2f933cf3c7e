/* CA certificates by SHA-256. Those that static-ct logs name are asked of the database first, then of the
 * log, once, and believed only when the hash fits; those that RFC 6962 logs send with every entry are taken
 * as they come, once. What a log does not have is remembered for a while, per log. Fingerprints are claims of
 * a log, and a hostile one makes them up by the thousand: it may have LIMIT_ISSUERS_OPEN of them looked for
 * at once, the rest waits for these, and no other log does. Thread-safe; bounded in number and bytes, the
 * oldest saved ones make room. It does no I/O itself: settlers and the fetch loop take the work out. */
#ifndef CTVIGIL_ISSUERS_H
#define CTVIGIL_ISSUERS_H

#include "base/arena.h"
#include "base/err.h"

#define ISSUERS_ABSENT_MS  INT64_C(600000) /* an absent one is asked for again after this */
#define ISSUERS_REFUSED_MS INT64_C(60000)  /* what the store refused is offered to it again after this */
#define ISSUERS_TRIES      6               /* failed requests until it counts as absent */
#define ISSUERS_WAIT_MS    INT64_C(120000) /* and so does one for which the log was asked in vain this long */

enum issuers_answer { ISSUERS_KNOWN, ISSUERS_WAIT, ISSUERS_ABSENT };

struct issuers;

/* One certificate that somebody has to look for. */
struct issuers_want {
    size_t slot;
    int32_t log_id;
    uint8_t sha256[32];
    unsigned tries;
};

MUST_USE struct issuers *issuers_new(void); /* NULL: out of memory */
void issuers_free(struct issuers *issuers);

/* ISSUERS_KNOWN: *der is a copy in `arena` (absent when the arena is full). ISSUERS_WAIT: somebody will look,
 * now or when others of this log were answered. ISSUERS_ABSENT: the log has no such certificate, or the table
 * is full of what is looked for: the issuer stays unknown, which is a finding. */
enum issuers_answer issuers_get(struct issuers *issuers, int32_t log_id, const uint8_t sha256[32],
                                struct arena *arena, struct span *der);
/* A certificate that came whole with an entry, `sha256` being its hash: known from now on, and there for
 * issuers_unsaved when it was not. False: not taken, for want of room, or because this log has brought
 * LIMIT_ISSUERS_OPEN that are not saved yet; the next entry that brings it may try again. `first`: of its
 * chain; the others are less urgent and have half of that room, and LIMIT_CHAIN_MEMBERS a day of one log. */
MUST_USE bool issuers_offer(struct issuers *issuers, int32_t log_id, const uint8_t sha256[32],
                            struct span der, bool first);
/* A fingerprint behind the first one of a chain: looked for when there is room, after those that somebody
 * waits for, within the same bounds. True: it is known already. */
bool issuers_hint(struct issuers *issuers, int32_t log_id, const uint8_t sha256[32]);
/* Is anything looked for in the name of this log, or not saved yet? */
bool issuers_busy(struct issuers *issuers, int32_t log_id);
/* Changes whenever an answer of issuers_get may have changed. */
uint64_t issuers_turn(struct issuers *issuers);

/* Work for a settler: one to look up in the database, for the log of `log_id`. False: none. */
MUST_USE bool issuers_lookup(struct issuers *issuers, int32_t log_id, struct issuers_want *want);
/* Work for the fetch loop: one that is due at now_ms and belongs to the log. */
MUST_USE bool issuers_fetch(struct issuers *issuers, int32_t log_id, int64_t now_ms,
                            struct issuers_want *want);
/* The answers. `found` checks the hash: false: the bytes are not that certificate, and the want goes on as
 * failed. */
bool issuers_found(struct issuers *issuers, const struct issuers_want *want, struct span der,
                   bool from_store);
void issuers_not_stored(struct issuers *issuers, const struct issuers_want *want);
void issuers_failed(struct issuers *issuers, const struct issuers_want *want, bool for_good, int64_t now_ms);
/* Work for a settler: a certificate that is not in the database yet, copied to `arena`; `tries`: how often it
 * was refused there. `saved`: it is stored now. `refused`: it is not, and stays to be offered again; until
 * then it counts among those that a log has open. */
MUST_USE bool issuers_unsaved(struct issuers *issuers, int32_t log_id, struct arena *arena,
                              struct issuers_want *want, struct span *der);
void issuers_saved(struct issuers *issuers, const struct issuers_want *want);
void issuers_refused(struct issuers *issuers, const struct issuers_want *want, int64_t now_ms);
/* Work for a settler: one that the log turned out not to have, to be remembered beyond a restart, and how
 * long the log is not asked for it. Each time once. */
MUST_USE bool issuers_untold(struct issuers *issuers, int32_t log_id, struct issuers_want *want,
                             int64_t *absent_ms);
/* One that was looked for before a restart, or a while ago: looked for again when there is room, after those
 * that somebody waits for; not before `absent_ms` are over. */
void issuers_remember(struct issuers *issuers, int32_t log_id, const uint8_t sha256[32], int64_t absent_ms);
/* The log was removed and nobody works for it any more: nothing is looked for in its name, nothing is
 * remembered of what it lacks. Certificates that it served stay. */
void issuers_forget(struct issuers *issuers, int32_t log_id);

#endif
