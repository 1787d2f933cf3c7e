/* What the four stores say of one certificate for a TLS server, by the ways of its issuer (trust/cagraph.h).
 * Pure. */
#ifndef CTVIGIL_CAJUDGE_H
#define CTVIGIL_CAJUDGE_H

#include "model/issuance.h"
#include "trust/cagraph.h"

/* What counts of a certificate. */
struct cajudge_leaf {
    uint8_t issuer[32]; /* SHA-256 of the issuer's Name, DER */
    uint8_t key[32];    /* of the key that signed it; proven */
    int64_t not_before; /* Unix seconds */
    const struct name *names;
    size_t name_count;
    int64_t seen_ms; /* the earliest moment at which a log is known to have had it; 0: none */
    /* Is that its earliest SCT? True for a precertificate, which is logged before it has any; false: an
     * earlier SCT may be known later. */
    bool seen_first;
    int64_t at_ms; /* the moment to judge for */
};

struct cajudge_leaf cajudge_leaf_of(const struct issuance *issuance, const struct sighting *sighting,
                                    int64_t at_ms);

/* How one way fares; for who explains. */
struct cajudge_way {
    enum verdict verdict;
    enum verdict_why why;
    uint32_t rule;              /* that decided; CAPATH_NONE */
    const struct name *outside; /* WHY_NAMES */
};

struct cajudge_way cajudge_way(const struct cagraph *graph, const struct capath *path,
                               const struct cajudge_leaf *leaf);

/* The verdicts of all four, and the flags. */
void cajudge(const struct cagraph *graph, const struct cajudge_leaf *leaf, struct verdict_all *all);

/* Begins this long before any log saw it: more than clocks and queues explain. Seconds. */
#define CAJUDGE_BACKDATED_S (48 * 3600)

#endif
