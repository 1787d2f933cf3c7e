/* Signed tree heads of RFC 6962 logs (section 3.5). The JSON is read elsewhere; here its values are checked.
 */
#ifndef CTVIGIL_STH_H
#define CTVIGIL_STH_H

#include "base/err.h"
#include "model/ctlog.h"
#include "model/head.h"

#define STH_MESSAGE_BYTES 50

/* The 50 signed bytes. */
void sth_message(uint64_t size, int64_t timestamp_ms, const uint8_t root[32], uint8_t out[STH_MESSAGE_BYTES]);

/* Checks the signature; on success fills `head` (raw is left alone). Size 0 must have the root of the empty
 * tree. */
MUST_USE enum err_code sth_verify(const struct ctlog *log, uint64_t unverified_size,
                                  int64_t unverified_timestamp_ms, const uint8_t unverified_root[32],
                                  struct span digitally_signed, struct head *head, struct err *why);

#endif
