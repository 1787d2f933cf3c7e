/* The account of a log that contradicted itself, checked again from its bytes by somebody who trusts nobody:
 * not the log, and not who wrote the account. Signatures, the log id, roots recomputed from a frontier and
 * entries, two trees of one size, a data tile against its hash tile. Pure: facts in, findings out; who reads
 * the document (JSON) and follows the log's proofs stands above (ingest/bundle.h).
 *
 * What signatures show needs nobody's word: a log can not talk its way out. Entries and tiles are not signed,
 * so what rests on them holds if the log did serve these bytes, and so does a wrong signature, which anybody
 * can make. The weights of account.def keep the two apart. */
#ifndef CTVIGIL_ACCOUNT_H
#define CTVIGIL_ACCOUNT_H

#include "model/compact.h"
#include "model/ctlog.h"
#include "model/head.h"

#define ACCOUNT_FINDINGS_MAX 32
#define ACCOUNT_TEXT_MAX     240
#define ACCOUNT_TILE_WIDTH   256
#define ACCOUNT_PATH_MAX     128 /* perfect trees between two sizes */

enum account_weight {
    ACCOUNT_NOTE,
    ACCOUNT_CLAIM,
    ACCOUNT_SHOWN,
    ACCOUNT_SERVED,
    ACCOUNT_SIGNED,
    ACCOUNT_BROKEN,
};

enum account_what {
#define X(name, word, weight, sentence) ACCOUNT_IS_##name,
#include "verify/account.def"
#undef X
};

/* A tree head as the account speaks of it, and the bytes that the log sent for it. */
struct account_head {
    bool stated; /* false: the account has no such head */
    uint64_t size;
    uint8_t root[32];
    bool has_bytes;
    bool readable;         /* the bytes are a tree head; what follows was read from them */
    struct head said;      /* unverified; raw: the bytes */
    bool is_note;          /* a checkpoint; else a signed tree head */
    struct span signature; /* signed tree head: DigitallySigned */
};

/* What the log's own answers lead to, as the caller followed them (ingest/frontier.h): the tree of `size`
 * entries that begins the tree with `tree_root`. */
struct account_proof {
    bool present;
    bool proven; /* the answers fit together; false: they prove nothing */
    uint64_t size;
    uint8_t root[32];
    uint64_t tree_size;
    uint8_t tree_root[32];
};

struct account {
    struct ctlog log; /* name, protocol, origin, key */
    uint8_t stated_log_id[32];
    bool signature_wrong;      /* of kind bad_signature: `head` is said to be signed wrongly */
    bool tile_wrong;           /* of kind bad_tile */
    bool unproven;             /* of kind unproven_head */
    struct account_head head;  /* the one that does not fit */
    struct account_head other; /* the one it contradicts */
    struct account_head base;  /* signed, of the size of the frontier */
    bool has_computed;         /* what the writer computed for head.size */
    uint8_t computed[32];
    bool has_frontier;
    struct compact frontier;
    bool has_leaves;
    uint64_t leaf_begin;
    size_t leaf_count;
    uint8_t (*leaf_hash)[32];   /* used up: account_check hashes in place */
    struct account_proof proof; /* does the tree of `head` begin that of `other`? */
    struct account_proof since; /* and the tree of `base` that of `head`? */
    bool has_path; /* computed from the entries: what begins the tree of `other`, at head.size, */
    struct compact path_begin;
    size_t path_count; /* and the perfect trees from there to its end */
    uint8_t path[ACCOUNT_PATH_MAX][32];
    bool has_node; /* node of the data tile that begins at leaf_begin, from its hash tile */
    uint8_t node[32];
    struct span tile_leaves; /* or what its tile of level 0 has of the leaves, one hash for each; absent: it
                                is not known, or node is */
    bool has_before;       /* what the log served before at places of the leaves: of how many that is kept, */
    size_t before_count;   /* how many are other ones now, */
    size_t before_differs; /* and the first of these */
    uint64_t before_first;
};

struct account_finding {
    enum account_what what;
    char text[ACCOUNT_TEXT_MAX]; /* which head, which entries; no hostile bytes */
};

struct account_report {
    struct account_finding finding[ACCOUNT_FINDINGS_MAX];
    size_t count;
    enum account_weight
        gravest; /* of SERVED, SIGNED, BROKEN; ACCOUNT_NOTE: nothing is shown against the log */
};

/* Fills the report. `account` must stay; its leaf hashes are used up. */
void account_check(struct account *account, struct account_report *report);

const char *account_word(enum account_what what);
const char *account_sentence(enum account_what what);
enum account_weight account_weight(enum account_what what);
const char *account_weight_word(enum account_weight weight); /* "note", "claim", "shown", "served", ... */

#endif
