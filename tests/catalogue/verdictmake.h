/* Certificates of the verdict catalogue and the log entries that carry them, made with OpenSSL. */
#ifndef CTVIGIL_VERDICTMAKE_H
#define CTVIGIL_VERDICTMAKE_H

#include <openssl/x509v3.h>

#include "base/arena.h"
#include "model/entry.h"

struct verdictmake_order {
    const char *issuer; /* common name */
    EVP_PKEY *signer;
    EVP_PKEY *key;
    const char *names; /* parted by spaces; what is an IPv4 address becomes one */
    int64_t not_before;
    int days;
    bool ca;
    uint64_t serial;
};

/* One issuance in all its forms; bytes in the arena. */
struct verdictmake_issued {
    struct span final; /* the certificate, without SCTs */
    struct span precert;
    struct span tbs; /* as a log signs it for the precertificate */
    uint8_t issuer_key[32];
};

void verdictmake_issue(const struct verdictmake_order *order, struct arena *arena,
                       struct verdictmake_issued *out);
/* The entry as a worker gets it from a log by RFC 6962, framed and not examined. */
void verdictmake_entry(const struct verdictmake_issued *issued, bool precert, const struct span *chain,
                       size_t chain_count, int64_t timestamp_ms, struct arena *arena, struct entry *entry);
/* SHA-256 of its SubjectPublicKeyInfo. */
void verdictmake_spki(EVP_PKEY *key, uint8_t out[32]);

#endif
