/* X.509 extensions (RFC 5280 section 4.2): one by one, and the values that judging needs. Zero copy, no
 * allocation. */
#ifndef CTVIGIL_EXT_H
#define CTVIGIL_EXT_H

#include "model/cert.h"
#include "parser/der.h"
#include "parser/oid.h"

struct ext {
    struct der in;
    bool damaged; /* the walk lost the framing: further extensions may be hidden behind it */
};

struct ext_item {
    struct span whole; /* the Extension with its header */
    struct span oid;
    struct span value; /* content of the extnValue OCTET STRING; absent when `unreadable` */
    struct span
        head; /* what stands before the OCTET STRING inside the Extension: OID and critical, as written */
    enum oid id;
    bool critical;
    bool unreadable; /* this one could not be taken apart; oid may be absent */
};

/* `exts`: content of the Extensions SEQUENCE (cert->exts), or absent. Oddities of form (BOOLEAN_FORM,
 * CRITICAL_DEFAULT, odd lengths) go to `findings`, which outlives the walk. */
void ext_init(struct ext *ext, struct span exts, struct finding_set *findings);
/* The next extension, readable or not. False: no more; `damaged` says whether that is the whole truth. */
bool ext_next(struct ext *ext, struct ext_item *item);

/* After a walk that ended damaged at an extension `id` which does not fit: its value as far as it goes.
 * False: what stands there is something else, or ends before its value. */
bool ext_cut_value(const struct ext *ext, enum oid id, struct span *value);

/* Could `cert` have extensions that a walk over cert->exts does not meet, even if that walk itself ends well?
 * Because it is cut off, its block of extensions can not be opened, or something else stands beside it. */
bool ext_lost(const struct cert *cert);

/* The first readable extension `id` of `cert`. False: there is none. For extensions that struct cert has no
 * span for; a walk over all of them each time. */
bool ext_find(const struct cert *cert, enum oid id, struct ext_item *item);

/* One bit for each kind of extension: the rows of oid.def that come first have one of their own, the lower
 * 32; all others share the upper ones by a hash of their OID. Different bits, different OIDs. */
uint64_t ext_bit(enum oid id, struct span oid);

/* Fills what the value of one extension says about `cert`, with the findings. False: the value can not be
 * read (the caller's finding). */
bool ext_read_value(struct cert *cert, const struct ext_item *item);

/* Walks cert->exts once and fills everything of `cert` that comes from extensions, with the findings.
 * Duplicates are looked for among the first LIMIT_EXTS_COMPARED. */
void ext_read_all(struct cert *cert);

#endif
