/* RFC 6962 sections 4.3, 4.6 and 4.8: get-sth, get-entries, get-entry-and-proof. */
#ifndef CTVIGIL_RFC6962_H
#define CTVIGIL_RFC6962_H

#include "ingest/proto.h"
#include "model/compact.h"

const struct proto *rfc6962_proto(void);

/* get-entry-and-proof for the last leaf of the tree of `size` (> 0): all that is needed to rebuild its
 * frontier. */
void rfc6962_proof_url(const struct ctlog *log, uint64_t size, char url[PROTO_URL_MAX]);
/* ERR_FORMAT: not such a reply, or a path of the wrong length. The result is not verified: compare its root.
 */
MUST_USE enum err_code rfc6962_proof_read(struct span body, uint64_t size,
                                          struct compact *unverified_frontier, struct err *why);

/* get-sth-consistency; 0 < first < second. */
void rfc6962_consistency_url(const struct ctlog *log, uint64_t first, uint64_t second,
                             char url[PROTO_URL_MAX]);
/* ERR_FORMAT: not such a reply. ERR_PROOF: the trees are not consistent, or the log does not prove it. */
MUST_USE enum err_code rfc6962_consistency_read(struct span body, uint64_t first,
                                                const uint8_t first_root[32], uint64_t second,
                                                const uint8_t second_root[32], struct err *why);

/* What a get-sth reply says, its signature (DigitallySigned) not checked: size, time and root of
 * `unverified`. ERR_FORMAT: not one. */
MUST_USE enum err_code rfc6962_sth_read(struct span body, struct head *unverified, uint8_t *signature,
                                        size_t cap, size_t *signature_len, struct err *why);

#endif
