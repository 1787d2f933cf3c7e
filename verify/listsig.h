/* The signature of a log list: RSA PKCS#1 v1.5 with SHA-256 over the exact bytes of the document (Google
 * signs with RSA of 4096 bits; certificate.transparency.dev/google). It says who published the bytes, not
 * that they are new: rollback and age are judged by who keeps the list. */
#ifndef CTVIGIL_LISTSIG_H
#define CTVIGIL_LISTSIG_H

#include "base/err.h"
#include "base/span.h"

#define LISTSIG_KEY_MAX  1024 /* DER; RSA-4096 is 550 */
#define LISTSIG_BITS_MIN 2048

struct listsig_key {
    uint8_t der[LISTSIG_KEY_MAX]; /* SubjectPublicKeyInfo */
    size_t len;
};

/* The key that Google signs log_list.json and all_logs_list.json with, as published beside them
 * (https://www.gstatic.com/ct/log_list/v3/log_list_pubkey.pem). */
const struct listsig_key *listsig_google(void);
/* A key of one's own: PEM, base64 of the DER on one line, or DER. RSA of LISTSIG_BITS_MIN bits or more, or
 * ECDSA P-256 (whose signature is a DER Ecdsa-Sig-Value); ERR_KEY otherwise. */
MUST_USE enum err_code listsig_key_read(struct span given, struct listsig_key *key, struct err *why);
/* ERR_SIGNATURE: these bytes were not signed with that key. */
MUST_USE enum err_code listsig_verify(const struct listsig_key *key, struct span bytes, struct span signature,
                                      struct err *why);

#endif
