/* The policy of a watch as JSON text: how the column domain.policy keeps it, and what a policy file becomes
 * once its names are in normal form and its CAs are keys. One table of keys says what there is; names, owner,
 * channels, allowed CAs and "any wildcard" have columns of their own and are here as well. */
#ifndef CTVIGIL_WATCHJSON_H
#define CTVIGIL_WATCHJSON_H

#include "base/buf.h"
#include "base/err.h"
#include "model/watch.h"

#define WATCHJSON_PATH_MAX 128

/* Fills the members of a zeroed `watch` (but id, kind, name, exact and its address) from a JSON object.
 * Refused are unknown keys, wrong types and wrong words: ERR_CONFIG, with the key in `path` ("keys.mode",
 * "expect[0].until"). Numbers and truth values may be texts. The caller frees with watch_free also after an
 * error. */
MUST_USE enum err_code watchjson_read(const char *json, struct watch *watch, char path[WATCHJSON_PATH_MAX],
                                      struct err *why);
/* The same text again, only what differs from the default. */
void watchjson_write(const struct watch *watch, struct buf *out);
/* The address or network of an item of kind WATCH_IP, from its canonical name. */
MUST_USE bool watchjson_address(struct watch_item *item);

#endif
