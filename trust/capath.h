/* What a way from a CA up to a root of a store demands of the certificates below it. Of all ways only those
 * are kept that no other one beats in everything: a certificate is judged by a handful of conditions instead
 * of by walking. Conditions are never merged, because two ways, one clean but too old and one young but
 * blocked, do not make a good one. Pure. */
#ifndef CTVIGIL_CAPATH_H
#define CTVIGIL_CAPATH_H

#include "model/verdict.h"

#define CAPATH_NONE    UINT32_MAX
#define CAPATH_RULE    0x80000000u /* with this bit: a rule instead of a certificate */
#define CAPATH_NO_LEFT UINT8_MAX

struct capath {
    int64_t nb_max; /* the latest notBefore, Unix seconds; INT64_MAX: any */
    int64_t sct_max;
    int64_t from; /* when all certificates were valid */
    int64_t until;
    uint32_t anchor;  /* rule */
    uint32_t nb_rule; /* that made nb_max; CAPATH_NONE */
    uint32_t sct_rule;
    uint32_t block_rule;              /* nothing can use it */
    uint32_t names[VERDICT_PATH_MAX]; /* constraints on names, rising: certificates, or rules */
    uint32_t cert[VERDICT_PATH_MAX];  /* the way, issuer first; the root may be a rule, where nobody has its
                                         bytes */
    uint8_t name_count;
    uint8_t cert_count;
    uint8_t
        left; /* CAs that may follow below and are not self-issued (pathLenConstraint); CAPATH_NO_LEFT: any */
    uint8_t depth; /* CAs that may follow below */
    bool fit;      /* CA bit, path length and purpose are as they should be */
    bool partial;  /* constraints of some CA are not known */
    bool blame;    /* a limit or block of it is there because of what the CA did */
};

struct capath_set {
    struct capath *path;
    uint32_t count;
    uint32_t cap;
    bool cut; /* one was left out: LIMIT_CA_PATHS. What no path here allows may be allowed all the same */
};

/* Is `a` at least as good as `b` in everything? */
bool capath_beats(const struct capath *a, const struct capath *b);
/* Keeps the best. True: the set changed. */
bool capath_add(struct capath_set *set, const struct capath *path);
/* One more constraint on names. Sorted, each once. False: no room, the path must not be used. */
MUST_USE bool capath_constrain(struct capath *path, uint32_t names);
void capath_set_fini(struct capath_set *set);

#endif
