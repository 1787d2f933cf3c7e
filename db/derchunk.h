/* PRIVATE TO db/. Certificates packed together: up to DERCHUNK_CERTS of them, one behind the other, each with
 * its length in front, as one zlib stream. Alone a certificate shrinks by a sixth; beside others of the same
 * issuers by more than half, for 7 us each. Pure; zlib brings a checksum of its own, and who takes a
 * certificate out compares its hash all the same. */
#ifndef CTVIGIL_DERCHUNK_H
#define CTVIGIL_DERCHUNK_H

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"

#define DERCHUNK_CERTS 64
/* Bytes of a chunk before it is packed: as many certificates as stay below LIMIT_DER_CHUNK_BYTES, or one. */
#define DERCHUNK_PLAIN_MAX ((size_t)LIMIT_DER_CHUNK_BYTES + LIMIT_DER_BYTES + 4)

/* Does one more of `der_len` bytes fit behind `count` of them, of `plain_len` bytes in all? */
bool derchunk_fits(size_t count, size_t plain_len, size_t der_len);
/* Appends one to what is to be packed. */
void derchunk_put(struct buf *plain, struct span der);
/* Into `packed`, which is emptied first. ERR_MEMORY. */
MUST_USE enum err_code derchunk_pack(struct span plain, struct buf *packed, struct err *why);

/* Back into `plain`, which is emptied first; `plain_len` is what was packed. ERR_FORMAT: damaged, not of that
 * length, or of one that no chunk has: nothing is made larger than DERCHUNK_PLAIN_MAX. */
MUST_USE enum err_code derchunk_unpack(struct span packed, int64_t plain_len, struct buf *plain,
                                       struct err *why);
/* Takes the first certificate off what was unpacked; false when none is left, or what is left is none. */
bool derchunk_next(struct span *plain, struct span *der);

#endif
