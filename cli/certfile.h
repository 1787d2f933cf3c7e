/* Every certificate and log entry in the bytes of a file, whatever form they travel in (cli/sniff.h): PEM and
 * DER, one or many, PKCS#7, leaf_input, data tiles, get-entries and get-roots replies, and all of these in
 * base64, hex or gzip. No part that can not be read hides those behind it. */
#ifndef CTVIGIL_CERTFILE_H
#define CTVIGIL_CERTFILE_H

#include "base/arena.h"
#include "base/err.h"
#include "cli/certview.h"

/* What `view` points to lives until it returns. */
typedef void certfile_show(void *arg, const struct certview *view);

/* `file` is the name for messages; `bytes` are followed by ARENA_PADDING readable ones; memory comes from
 * `arena`. ERR_FORMAT and the place in `why` when something could not be read, or when the bytes hold no
 * certificate: what could be was shown all the same. ERR_TOO_BIG: the arena is full. */
MUST_USE enum err_code certfile_walk(const char *file, struct span bytes, struct arena *arena,
                                     certfile_show *show, void *arg, struct err *why);

#endif
