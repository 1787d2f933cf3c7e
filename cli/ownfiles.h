/* Files of one's own: certificates, requests and private keys, as PEM, DER or in TLS secrets of Kubernetes,
 * single or in folders (certbot's live tree). Of a private key only the hash of its public half is made; the
 * bytes are wiped. */
#ifndef CTVIGIL_OWNFILES_H
#define CTVIGIL_OWNFILES_H

#include "base/err.h"
#include "model/issuance.h"

enum ownfiles_kind { OWNFILES_CERTIFICATE, OWNFILES_REQUEST, OWNFILES_KEY };

struct ownfiles_item {
    enum ownfiles_kind kind;
    const char *file;
    uint8_t spki_sha256[32];
    uint8_t tbs_fp[32];       /* of a certificate */
    bool is_ca;               /* somebody else's, as a rule */
    const struct name *names; /* of a certificate or request */
    size_t name_count;
};

struct ownfiles {
    void (*each)(void *arg, const struct ownfiles_item *item); /* what it points to lives during the call */
    void (*odd)(void *arg, const char *file,
                const char *what); /* a file, or part of one, that is of no use */
    void *arg;
    size_t files;  /* out: looked at */
    size_t others; /* out: with nothing of the kind in them, found in folders */
};

/* Looks at a file, or at every file in a folder and the folders in it, by name. Symbolic links to files are
 * followed, those to folders only when `path` is one. What can not be used is told by `odd` and passed over;
 * ERR_USAGE: there is nothing at `path`. */
MUST_USE enum err_code ownfiles_read(struct ownfiles *files, const char *path, struct err *why);

#endif
