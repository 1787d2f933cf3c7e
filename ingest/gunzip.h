/* gzip (RFC 1952) into an arena, bounded by the arena: a bomb is ERR_TOO_BIG and costs no more than the
 * ceiling. One struct gunzip belongs to one thread and is reused without allocating. */
#ifndef CTVIGIL_GUNZIP_H
#define CTVIGIL_GUNZIP_H

#include "base/arena.h"
#include "base/err.h"

struct gunzip;

/* NULL: out of memory. */
MUST_USE struct gunzip *gunzip_new(void);
void gunzip_free(struct gunzip *gunzip);

/* The first bytes decide: neither JSON nor a TileLeaf can begin like gzip. */
bool gunzip_is_gzip(struct span bytes);
/* Inflates all members of `bytes` to the end of the arena, `most` bytes at most. ERR_FORMAT: damaged or cut
 * off; ERR_TOO_BIG. */
MUST_USE enum err_code gunzip_run(struct gunzip *gunzip, struct span bytes, struct arena *arena, size_t most,
                                  struct span *out, struct err *why);
/* What the last run had inflated when it ended with ERR_FORMAT, in its arena; nothing after any other end. No
 * checksum speaks for it. */
struct span gunzip_salvage(const struct gunzip *gunzip);

#endif
