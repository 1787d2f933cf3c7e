/* The lists of embedded SCTs (RFC 6962 section 3.3): one by one. Zero copy, no allocation. It checks no
 * signature. */
#ifndef CTVIGIL_SCTLIST_H
#define CTVIGIL_SCTLIST_H

#include "base/cur.h"
#include "model/cert.h"

struct sctlist {
    struct cur in;
    struct span exts; /* where further lists may be */
    bool damaged;     /* something could not be read */
};

struct sctlist_item {
    struct span whole;  /* SerializedSCT without its length */
    uint8_t version;    /* 0 is v1; of another version only `whole` is known */
    bool readable;      /* the fields below are set */
    struct span log_id; /* 32 octets */
    uint64_t timestamp_ms;
    struct span extensions;
    int64_t leaf_index; /* static-ct (C2SP static-ct-api); -1: none */
    uint8_t hash_alg;   /* RFC 5246 section 7.4.1.4.1: 4 is SHA-256 */
    uint8_t sig_alg;    /* 1 RSA, 3 ECDSA */
    struct span signature;
    struct span signed_part; /* DigitallySigned, as verify wants it */
};

/* `ext_value`: cert->sct_list, that is a DER OCTET STRING around the TLS vector; absent gives nothing. */
void sctlist_init(struct sctlist *list, struct span ext_value);
/* All SCTs of `cert`, as parser/tbs.h filled it: of every SCT list, though there should be one. */
void sctlist_of(struct sctlist *list, const struct cert *cert);
bool sctlist_next(struct sctlist *list, struct sctlist_item *item);

/* The leaf_index of CtExtensions (static-ct-api): -1 when there is none, when it has the wrong length or
 * occurs twice, or when the extensions can not be read; *odd tells those last cases from plain absence. */
int64_t sctlist_leaf_index(struct span extensions, bool *odd);

#endif
