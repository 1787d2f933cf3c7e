/* All known CA certificates, which of them certifies which, and what the stores say of them: made once, never
 * changed, counted. Building it works out the conditions of all ways to a root (trust/capath.h) for every CA
 * and store; asking it is then a look-up.
 *
 * Edges are believed: whoever adds one has checked the signature. */
#ifndef CTVIGIL_CAGRAPH_H
#define CTVIGIL_CAGRAPH_H

#include "trust/cafacts.h"
#include "trust/capath.h"
#include "trust/carule.h"

struct cagraph;

/* Of a CA: certificates that share subject and key. */
struct cagraph_ca {
    uint8_t key[32];
    uint8_t subject[32];
    uint32_t certs;      /* first of them in cagraph_cert */
    uint32_t cert_count; /* they follow each other */
    bool open; /* some way up ends at a certificate whose issuer is not known: what is not trusted is unknown
                */
    bool test; /* some way leads to a root for tests */
    uint32_t touched; /* rule by which a store turned a key on some way up away, of an alarming class;
                         CAPATH_NONE */
};

/* Where rules come from, and how old it is. */
#define CAGRAPH_SOURCES_MAX 32
struct cagraph_source {
    char name[40];
    int64_t dated_ms; /* what it says was so then */
    bool born;        /* the program came with it */
    bool counts;      /* verdicts depend on it */
    bool fixed;       /* no root store publishes a file of it: newer facts come with a newer program */
};

struct cagraph_plan; /* what is collected */

struct cagraph_plan *cagraph_plan_new(void);
void cagraph_plan_free(struct cagraph_plan *plan);
/* Copies everything. The same certificate again: the one that was read wins. */
void cagraph_plan_cert(struct cagraph_plan *plan, const struct cafacts *facts);
void cagraph_plan_rule(struct cagraph_plan *plan, const struct carule *rule);
/* A name that is there already stays as it is. */
void cagraph_plan_source(struct cagraph_plan *plan, const struct cagraph_source *source);
/* Of certificates that are not there: left out. */
void cagraph_plan_edge(struct cagraph_plan *plan, const uint8_t child[32], const uint8_t parent[32]);

/* Takes the plan over. Date and number are those of the trust data, `version` tells two states of it apart.
 */
MUST_USE struct cagraph *cagraph_new(struct cagraph_plan *plan, int64_t bundle_ms, int64_t bundle_id,
                                     uint64_t version);
struct cagraph *cagraph_pin(struct cagraph *graph);
void cagraph_unpin(struct cagraph *graph); /* NULL is fine */

int64_t cagraph_bundle_ms(const struct cagraph *graph);
int64_t cagraph_bundle_id(const struct cagraph *graph);
uint64_t cagraph_version(const struct cagraph *graph);
size_t cagraph_source_count(const struct cagraph *graph);
const struct cagraph_source *cagraph_source(const struct cagraph *graph, size_t at);
/* The oldest that verdicts depend on, of those that an import can renew; NULL: there is none. */
const struct cagraph_source *cagraph_oldest(const struct cagraph *graph);

size_t cagraph_ca_count(const struct cagraph *graph);
const struct cagraph_ca *cagraph_ca(const struct cagraph *graph, size_t at);
/* NULL: no certificate of it is known. */
const struct cagraph_ca *cagraph_find(const struct cagraph *graph, const uint8_t subject[32],
                                      const uint8_t key[32]);
/* A CA of this name, whatever its key, that some store knows or once knew; NULL: none. */
const struct cagraph_ca *cagraph_named(const struct cagraph *graph, const uint8_t subject[32]);
const struct capath_set *cagraph_paths(const struct cagraph *graph, const struct cagraph_ca *ca,
                                       enum verdict_store store);
/* The conditions that hang on a key alone, of which no certificate is known; the caller ends the set. */
void cagraph_paths_of_key(const struct cagraph *graph, const uint8_t subject[32], const uint8_t key[32],
                          enum verdict_store store, struct capath_set *set);

size_t cagraph_cert_count(const struct cagraph *graph);
const struct cafacts *cagraph_cert(const struct cagraph *graph, size_t at);
/* Position of a certificate; CAPATH_NONE. */
uint32_t cagraph_cert_find(const struct cagraph *graph, const uint8_t sha256[32]);
size_t cagraph_rule_count(const struct cagraph *graph);
const struct carule *cagraph_rule(const struct cagraph *graph, size_t at);
/* SHA-256 of a certificate of a path (struct capath cert). */
const uint8_t *cagraph_step(const struct cagraph *graph, uint32_t step);
/* The CAs that certify certificate `at`: *count of them. */
const uint32_t *cagraph_up(const struct cagraph *graph, size_t at, size_t *count);
/* Rules on a hash of any kind: calls for each. */
void cagraph_rules_on(const struct cagraph *graph, const uint8_t hash[32],
                      void (*each)(void *arg, uint32_t at, const struct carule *rule), void *arg);

#endif
