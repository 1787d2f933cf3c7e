/* Fills a log: certificates in a realistic mix, and single ones on order. The structure (names, keys, forms,
 * order) is a function of the seed; ECDSA signatures and times are not. Not thread-safe; takes the log's
 * write lock itself. */
#ifndef CTVIGIL_SIMGEN_H
#define CTVIGIL_SIMGEN_H

#include "simca.h"
#include "simlog.h"

#define SIMGEN_ENTRIES_MAX 10000000

struct simgen;

/* HIDDEN: a final certificate with an SCT of this log, whose entry the log does not take in. */
enum simgen_form { SIMGEN_PRECERT, SIMGEN_FINAL, SIMGEN_BOTH, SIMGEN_HIDDEN };

#define SIMGEN_HIDDEN_MAX 16

/* One certificate on order, and what became of it. */
struct simgen_order {
    struct simca_order what; /* key, serial_seed and not_before are set by simgen_issue when they are 0 */
    size_t ca;
    enum simgen_form form;
    size_t pad_chain; /* the chain ends with one certificate more, of this size; 0: it does not */
    int64_t age_s;    /* HIDDEN: so long ago the log promised it */
};

struct simgen_result {
    uint64_t index[2];
    uint8_t sha256[2][32]; /* of the precertificate or certificate */
    bool precert[2];
    size_t count;
    uint8_t tbs_fp[32];
    uint8_t spki_sha256[32];
};

struct simgen *simgen_new(struct simlog *log, const struct simca *ca, uint64_t seed);
void simgen_free(struct simgen *gen);

/* Appends `count` entries; the first of them with a timestamp `age_ms` ago, the last one now. Does not
 * publish. */
void simgen_mix(struct simgen *gen, uint64_t count, int64_t age_ms);
/* Appends exactly what is ordered. */
MUST_USE enum err_code simgen_issue(struct simgen *gen, struct simgen_order *order,
                                    struct simgen_result *result, struct err *why);
/* Appends what was hidden until now, with the time that was promised. Returns how many entries. */
uint64_t simgen_reveal(struct simgen *gen);
/* Appends an entry that is properly in the tree but holds no certificate; `name` stands in its bytes. */
uint64_t simgen_malformed(struct simgen *gen, const char *name);
/* Appends an entry of a type nobody knows. */
uint64_t simgen_unknown_type(struct simgen *gen);

#endif
