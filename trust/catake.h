/* What one import takes from its files, before any of it is stored: rules by part, CA certificates, edges,
 * and a report. Everything is copied. */
#ifndef CTVIGIL_CATAKE_H
#define CTVIGIL_CATAKE_H

#include "base/err.h"
#include "base/span.h"
#include "trust/cafacts.h"
#include "trust/carule.h"

#define CATAKE_NAME_MAX  40
#define CATAKE_PARTS_MAX 32 /* parts have fixed names (docs/trust.md) */

/* A part comes whole: what the store had of it before and is not in it now is gone. */
struct catake_part {
    char name[CATAKE_NAME_MAX]; /* "onecrl" */
    int64_t dated_ms;           /* 0: the file says nothing */
};

struct catake_rule {
    uint32_t part;
    bool lifts; /* the source says that this is no block any more */
    struct carule rule;
};

struct catake_cert {
    struct span der; /* absent: only facts.sha256, key, subject, self_issued, times and label are known */
    struct cafacts facts;
};

struct catake_edge {
    uint8_t child[32];
    uint8_t parent[32];
};

/* A CA by a name that is used in CAA records. */
struct catake_caa {
    char *domain;
    bool by_key;      /* else by the certificate */
    uint8_t hash[32]; /* SHA-256 of key or certificate */
    char *label;
};

struct catake_file {
    char *name;
    char form[CATAKE_NAME_MAX]; /* "certdata"; "" when nothing was made of it */
    int64_t dated_ms;
    uint64_t taken;
    uint64_t passed;     /* rows that say nothing to us, or can not be read */
    uint64_t unread;     /* those of them that can not be read, */
    uint64_t unread_row; /* and the first one */
    bool table;          /* of rows below a header; otherwise of entries */
    bool damaged;        /* nothing was taken, though it should have been */
    bool page;           /* of no known form, and empty or a page of a web server: a list should be there */
    bool thin;           /* more than one in a hundred of its rows can not be read */
    bool withheld;       /* so of a part that this one is of, too */
    uint32_t parts;      /* that it is of: bits, by the places in catake.named */
    char note[160];
};

struct catake {
    struct catake_part *part;
    size_t part_count;
    struct catake_rule *rule;
    size_t rule_count;
    struct catake_cert *cert;
    size_t cert_count;
    struct catake_edge *edge;
    size_t edge_count;
    struct catake_caa *caa;
    size_t caa_count;
    struct catake_file *file;
    size_t file_count;
    bool odd; /* also of a file of which more than one row or entry in a hundred can not be read */
    char named[CATAKE_PARTS_MAX][CATAKE_NAME_MAX]; /* parts that a file is of, taken or not */
    size_t named_count;
    size_t part_cap;
    size_t rule_cap;
    size_t cert_cap;
    size_t edge_cap;
    size_t caa_cap;
    size_t file_cap;
    void **text;
    size_t text_count;
    size_t text_cap;
};

struct catake *catake_new(void);
void catake_free(struct catake *take);

/* Notes that the file at hand is of that part, whatever is taken of it. */
void catake_claim(struct catake *take, const char *name);
/* The part of that name, made when it is new; the newest date counts. The file at hand is of it. */
uint32_t catake_part(struct catake *take, const char *name, int64_t dated_ms);
void catake_rule(struct catake *take, uint32_t part, const struct carule *rule, bool lifts);
/* Reads it; false: not a certificate. `facts` (may be NULL) gets what was read. */
MUST_USE bool catake_der(struct catake *take, struct span der, struct cafacts *facts);
void catake_hashes(struct catake *take, const struct cafacts *facts);
void catake_edge(struct catake *take, const uint8_t child[32], const uint8_t parent[32]);
void catake_caa(struct catake *take, const char *domain, bool by_key, const uint8_t hash[32],
                const char *label);
/* A CA by who runs it: the name "ca:OWNER" in normal form (trust/caatable.h), with the owner as the label. An
 * empty one is passed over. */
void catake_owner(struct catake *take, const char *owner, bool by_key, const uint8_t hash[32]);
/* A file of the import; valid until the next one. */
struct catake_file *catake_file(struct catake *take, const char *name);
/* A row or entry that says nothing to us; of a table the note names the first one. */
void catake_pass(struct catake_file *file, uint64_t row);
/* One that can not be read; the first row or entry is number 1. */
void catake_unread(struct catake_file *file, uint64_t row);
/* What a file that turns out to be damaged said is taken back: everything since `mark`. */
struct catake_mark {
    size_t part;
    int64_t dated_ms[CATAKE_PARTS_MAX]; /* of those that were there */
    size_t rule;
    size_t cert;
    size_t edge;
    size_t caa;
};
struct catake_mark catake_mark(const struct catake *take);
void catake_rewind(struct catake *take, const struct catake_mark *mark);
/* After all files: a part of which one file is damaged is not taken from the others either, because it would
 * take the place of the whole. Their notes say so. */
void catake_withhold(struct catake *take);
/* A certificate that was taken, by SHA-256; NULL: none. */
const struct catake_cert *catake_find(const struct catake *take, const uint8_t sha256[32]);
/* A copy that lives as long as `take`. */
const char *catake_text(struct catake *take, struct span text);

#endif
