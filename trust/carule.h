/* What a root store, or somebody who is asked instead of it, says of one CA certificate or CA key: one row of
 * the trust data. Rules hang on hashes alone, never on names, serial numbers by themselves or key
 * identifiers. */
#ifndef CTVIGIL_CARULE_H
#define CTVIGIL_CARULE_H

#include "model/verdict.h"

/* Stored by name. */
enum carule_kind {
    CARULE_ANCHOR,     /* the store takes it as a root for TLS; it need not be self-signed */
    CARULE_REMOVED,    /* it was such a root and is none now: a path may still lead elsewhere */
    CARULE_BLOCKED,    /* no path through it */
    CARULE_NOT_BEFORE, /* as a root, for certificates that begin at the limit or earlier */
    CARULE_SCT,        /* as a root, for certificates that a log had at the limit or earlier */
    CARULE_NAMES, /* below it only names of `text`: domains with all that is below them, parted by spaces */
    CARULE_TEST_ROOT, /* exists so that logs can be tested */
    CARULE_NOTED,     /* of a class that people want to hear of, and this store did nothing or never had it */
    CARULE_KINDS
};

enum carule_target {
    CARULE_CERT,          /* SHA-256 of the certificate */
    CARULE_KEY,           /* SHA-256 of its SubjectPublicKeyInfo */
    CARULE_ISSUER_SERIAL, /* SHA-256 of the issuer's Name, DER, and the serial's content octets behind it */
    CARULE_TARGETS
};

/* Why: the first six are for alarms. */
enum carule_class {
    CARULE_INCIDENT,
    CARULE_INTERMEDIATE, /* of an incident */
    CARULE_STATE_MITM,
    CARULE_REFUSED,
    CARULE_NEVER_TRUSTED,
    CARULE_LEAKED_KEY,
    CARULE_REVOKED, /* by the store's own list of revoked CA certificates, reason not told */
    CARULE_LIFECYCLE,
    CARULE_AUDIT,
    CARULE_MISISSUANCE, /* the root was kept */
    CARULE_MEMBER,      /* nothing is wrong with it */
    CARULE_CLASSES
};

struct carule {
    enum verdict_store store; /* VERDICT_STORES: of none in particular */
    enum carule_kind kind;
    enum carule_target target;
    enum carule_class class;
    uint8_t hash[32];
    uint8_t key[32]; /* ANCHOR: its key and subject, which a certificate of the same identity shares; zero: */
    uint8_t subject[32]; /* not known. SHA-256 of the subject's Name, DER */
    int64_t limit;       /* NOT_BEFORE, SCT: Unix seconds, inclusive; others: since when, 0: not known */
    bool expires;        /* ANCHOR: the root's own end of validity counts */
    const char *text;    /* NAMES: the domains; "" otherwise. Of whoever made the rule, as label and source */
    const char *label;   /* what people call it: "Entrust", "DigiNotar" */
    const char *source;  /* where it was read */
};

const char *carule_kind_name(enum carule_kind kind);
const char *carule_target_name(enum carule_target target);
const char *carule_class_name(enum carule_class class);
MUST_USE bool carule_kind_of(const char *name, enum carule_kind *kind);
MUST_USE bool carule_target_of(const char *name, enum carule_target *target);
MUST_USE bool carule_class_of(const char *name, enum carule_class *class);
/* Is somebody to be woken? */
bool carule_alarms(enum carule_class class);

#endif
