/* AlgorithmIdentifiers of a certificate (RFC 5280 section 4.1.1.2) with their parameters, and the parameters
 * of RSASSA-PSS (RFC 4055 section 3.1). Zero copy, no allocation. It judges nothing; parser/lint.h does. */
#ifndef CTVIGIL_SIGALG_H
#define CTVIGIL_SIGALG_H

#include "model/cert.h"
#include "model/signing.h"
#include "parser/oid.h"

struct sigalg {
    struct span whole; /* the AlgorithmIdentifier with its header; absent when it could not be found */
    struct span oid;   /* content octets */
    enum oid id;
    struct span params; /* everything behind the OID; absent when nothing is there */
};

/* `algorithm`: an AlgorithmIdentifier with its header. False: it can not be read. */
bool sigalg_read(struct span algorithm, struct sigalg *out);
/* The one inside the TBSCertificate, and the one beside the signature (a bare TBS has none). */
bool sigalg_of_tbs(const struct cert *cert, struct sigalg *out);
bool sigalg_of_signature(const struct cert *cert, struct sigalg *out);

/* By the algorithm inside the TBSCertificate, which precertificate and certificate share; never
 * SIGNING_UNKNOWN. */
enum signing sigalg_signing(const struct cert *cert);

struct sigalg_pss {
    enum oid hash; /* OID_UNKNOWN: one that nobody here knows, see hash_oid */
    enum oid mgf_hash;
    struct span hash_oid;     /* content octets; absent: the default, SHA-1 */
    struct span mgf_oid;      /* absent: the default, MGF1 */
    struct span mgf_hash_oid; /* absent: the default, SHA-1 */
    uint32_t salt_length;     /* octets; 20 by default */
    uint32_t trailer;         /* 1 by default */
};

/* `params`: those of id-RSASSA-PSS, of a signature or of a key. Absent parameters give the defaults and are
 * right only for a key (RFC 4055 section 1.2). False: they can not be read. */
bool sigalg_pss(struct span params, struct sigalg_pss *out);

#endif
