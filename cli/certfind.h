/* A certificate by its hash, whole: a CA certificate, one that is kept (der_chunk), or one that a log gives
 * again. Bytes come out only when their hash is the one that was asked for. */
#ifndef CTVIGIL_CERTFIND_H
#define CTVIGIL_CERTFIND_H

#include "base/arena.h"
#include "cli/cmd.h"

/* `hash`: SHA-256 of a certificate or precertificate, or tbs_fp of an issuance: then the final certificate if
 * it is to be had, else the precertificate, else, where the log sent none that fits, the TBSCertificate that
 * it logged. `named` is how the user wrote it. The bytes are copied to `arena`. When a log had to be asked
 * stderr says which one.
 *
 * ERR_NOT_FOUND: nothing here knows it. ERR_CLOSED: log entries with it are known, and none of them can be
 * had now; stderr names them, and why. ERR_CONFIG: logs can not be asked for want of ingest.contact. */
MUST_USE enum err_code certfind_get(const struct cmd *cmd, const char *named, const uint8_t hash[32],
                                    struct arena *arena, struct span *der, struct err *why);

#endif
