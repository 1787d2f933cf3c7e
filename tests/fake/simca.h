/* The certification authorities of the simulator: one root, several intermediates, and the leaves they sign.
 * Keys are fixed (simkey.h), so the SPKI hashes of a CA are the same in every process; ECDSA signatures
 * differ each time. */
#ifndef CTVIGIL_SIMCA_H
#define CTVIGIL_SIMCA_H

#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"

#define SIMCA_DER_MAX   (1u << 24) /* what an entry can hold (RFC 6962 section 3.1) */
#define SIMCA_PAD_MAX   16000000u
#define SIMCA_SAN_MAX   (1u << 18)
#define SIMCA_NAMES_MAX 1000

struct simca; /* all of them */

/* What a subscriber asks for. Everything is borrowed. */
struct simca_order {
    const char *const *names; /* dNSNames in order; IPv4 and IPv6 addresses stand in `ips` */
    size_t name_count;
    const char *const *ips;
    size_t ip_count;
    const char *organisation; /* NULL: domain validated */
    bool common_name;         /* repeat the first name as CN when it fits in 64 bytes */
    bool client_auth;
    int64_t not_before; /* Unix seconds */
    uint32_t days;      /* inclusive length: days * 86400 seconds */
    size_t pad;         /* bytes of an extension that nobody knows, in front of the names; 0: without */
    uint64_t serial_seed;
    const X509_PUBKEY
        *key; /* the subscriber's; encoding an EVP_PKEY anew each time would cost more than signing */
};

struct simca *simca_new(void);
void simca_free(struct simca *ca);

size_t simca_count(const struct simca *ca); /* intermediates */
const char *simca_name(const struct simca *ca, size_t at);
/* Number of the CA of that name; SIZE_MAX: none. */
size_t simca_find(const struct simca *ca, const char *name);
const uint8_t *simca_spki_sha256(const struct simca *ca,
                                 size_t at); /* 32 bytes: key hash and issuer_key_hash */
struct span simca_der(const struct simca *ca, size_t at);
struct span simca_root_der(const struct simca *ca);
/* Writes NAME.der and NAME.pem of every CA, and root.der and root.pem, into an existing or new folder. */
MUST_USE enum err_code simca_write(const struct simca *ca, const char *dir, struct err *why);

/* A certificate without CT extensions and signature. Free with X509_free. NULL: a name or address is
 * unusable, or everything together is too large (why). */
X509 *simca_draft(const struct simca *ca, size_t at, const struct simca_order *order, struct err *why);
/* Appends the TBS without CT extensions, as it will be when this CA has signed; nothing is signed. */
void simca_tbs(const struct simca *ca, size_t at, X509 *draft, struct buf *tbs);
/* Signs it with the poison extension: appends the precertificate and the TBS that the log hashes. */
void simca_precert(const struct simca *ca, size_t at, X509 *draft, struct buf *precert, struct buf *tbs);
/* Signs it with an SCT list (the TLS-encoded SignedCertificateTimestampList; absent: none): appends the
 * certificate and the TBS without CT extensions. */
void simca_final(const struct simca *ca, size_t at, X509 *draft, struct span sct_list, struct buf *cert,
                 struct buf *tbs);

#endif
