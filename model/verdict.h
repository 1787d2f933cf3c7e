/* What the four root stores say of one issuance, and why. Plain data: made by trust, kept by db, turned into
 * findings by watcher. A verdict is about TLS servers and about one moment; it says nothing of revocation of
 * the certificate itself. */
#ifndef CTVIGIL_VERDICT_H
#define CTVIGIL_VERDICT_H

#include "base/span.h"

/* Stored by number; new ones go to the end. */
enum verdict_store { VERDICT_MOZILLA, VERDICT_CHROME, VERDICT_APPLE, VERDICT_MICROSOFT, VERDICT_STORES };

enum verdict {
    VERDICT_UNKNOWN, /* the issuer, or what certifies it, is not known yet: asked again, never taken for good
                      */
    VERDICT_TRUSTED, /* some path can be used */
    VERDICT_TRUSTED_IF_SCT, /* some path can be used if the earliest SCT is early enough, and none is known */
    VERDICT_DISTRUSTED,     /* there are paths, and the store closed them because of what the CA did */
    VERDICT_RETIRED,        /* there are paths, all over by age or by a limit without blame */
    VERDICT_UNTRUSTED, /* no path to a root of the store, now or before; or the certificate is outside what
                          its CA may issue */
    VERDICT_COUNT
};

/* About the issuance as a whole, as bits. */
enum verdict_flag {
    VERDICT_BLOCKED_KEY = 1, /* every path goes through a key of an incident, state interception or leak */
    VERDICT_DISTRUSTED_AFTER = 2,      /* issued after the day from which a store distrusts its CA */
    VERDICT_DISTRUSTED_LINEAGE = 4,    /* some path touches such a key, another one is clean */
    VERDICT_SINGLE_STORE = 8,          /* exactly one of the four stores trusts it */
    VERDICT_TEST_ROOT = 16,            /* it ends at a root that exists for tests of logs */
    VERDICT_CONSTRAINT_VIOLATION = 32, /* a name outside the names that the CA, or a store for it, permits */
    /* The issuer has the name of a CA that some store has or had, and a key that no way of any store leads
     * to. Where a verdict is unknown a certificate may still come that says otherwise. */
    VERDICT_UNKNOWN_ISSUER_KEY = 64,
    VERDICT_BACKDATED = 128, /* begins long before any log saw it, and the issuer has a limit by date */
    VERDICT_PARTIAL = 256,   /* constraints of a CA on the path are not known: taken as absent */
    VERDICT_CUT_OFF = 512    /* more ways to a root than are kept: what is not sure is unknown */
};

/* What decided. */
enum verdict_why {
    VERDICT_WHY_PATH,        /* a path that can be used */
    VERDICT_WHY_UNRESOLVED,  /* no certificate of the issuer, or of one above it, is known */
    VERDICT_WHY_NO_PATH,     /* it ends elsewhere */
    VERDICT_WHY_BLOCKED,     /* a block of the store: key, certificate or serial */
    VERDICT_WHY_REMOVED,     /* the root was taken out */
    VERDICT_WHY_NOT_BEFORE,  /* begins after the store's last day for it */
    VERDICT_WHY_SCT,         /* logged after the store's last moment for it */
    VERDICT_WHY_NAMES,       /* a name that is not permitted */
    VERDICT_WHY_CONSTRAINTS, /* purpose, path length or CA bit forbid it */
    VERDICT_WHY_EXPIRED,     /* a CA certificate of the path was not valid */
    VERDICT_WHY_COUNT
};

#define VERDICT_PATH_MAX 8 /* certificates of one path, issuer first, root last */
#define VERDICT_TEXT_MAX 96

struct verdict_one {
    enum verdict verdict;
    enum verdict_why why;
    int64_t limit_ms;            /* NOT_BEFORE, SCT: the last moment that is accepted; else 0 */
    char rule[VERDICT_TEXT_MAX]; /* of the rule that decided: whose it is, as people call it; "" when none did
                                  */
    uint8_t path[VERDICT_PATH_MAX][32]; /* SHA-256 of the CA certificates of the path that decided */
    uint8_t path_len;                   /* 0: none */
};

struct verdict_all {
    struct verdict_one store[VERDICT_STORES];
    uint32_t flags;    /* enum verdict_flag */
    int64_t bundle_ms; /* date of the trust data */
    int64_t bundle_id; /* 0: what the program was born with */
};

const char *verdict_name(enum verdict verdict);                     /* "trusted_if_sct" */
const char *verdict_store_name(enum verdict_store store);           /* "mozilla" */
const char *verdict_store_title(enum verdict_store store);          /* "Mozilla" */
bool verdict_store_of(const char *name, enum verdict_store *store); /* either of the two */
const char *verdict_why_name(enum verdict_why why);                 /* "not_before" */
const char *verdict_why_sentence(enum verdict_why why);
/* "blocked_key" of one bit. */
const char *verdict_flag_name(uint32_t flag);
/* Does the store take it, as far as can be said today? */
bool verdict_good(enum verdict verdict);
/* How many of the four do. */
int verdict_good_count(const struct verdict_all *all);
/* Is there a store that could not be asked? */
bool verdict_any_unknown(const struct verdict_all *all);

#endif
