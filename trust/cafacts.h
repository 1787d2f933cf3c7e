/* What paths need to know of one CA certificate. Identity of a CA is (subject, key): certificates that agree
 * in both are one CA (trust data hangs on either). */
#ifndef CTVIGIL_CAFACTS_H
#define CTVIGIL_CAFACTS_H

#include "base/span.h"

struct cafacts {
    uint8_t sha256[32];
    uint8_t key[32];     /* SHA-256 of the SubjectPublicKeyInfo */
    uint8_t subject[32]; /* SHA-256 of the Name, DER */
    uint8_t issuer[32];  /* the same; zero: not known */
    uint8_t
        issuer_serial[32]; /* SHA-256 of the issuer's Name and the serial's content octets; zero: not known */
    int64_t not_before;    /* Unix seconds; INT64_MIN, INT64_MAX: not known */
    int64_t not_after;
    int32_t path_len;  /* -1: no limit */
    bool read;         /* false: only hashes are known, so that constraints are not */
    bool self_issued;  /* subject and issuer are equal */
    bool self_signed;  /* the signature was checked with its own key */
    bool may_issue;    /* CA bit, or a certificate of version 1 that could not have it; and keyCertSign if it
                          says */
    bool for_tls;      /* its extended key usage is absent, or has serverAuth or any */
    bool odd_names;    /* its name constraints can not be read */
    struct span names; /* value of nameConstraints; absent: none. Points into the certificate */
    struct span name;  /* its subject, DER; points into the certificate; absent where only hashes are known */
    const char *label; /* subject for people; NULL: made by nobody. Borrowed */
};

/* Reads a certificate; label stays NULL, self_signed false. False: it can not be read as far as its key. */
MUST_USE bool cafacts_read(struct span der, struct cafacts *facts);

#endif
