/* Which way the entries of a hybrid log come: a log with the heads, proofs and get-entries of RFC 6962 that
 * has the data tiles of static-ct under the same URL, full ones only and without hash tiles (TrustAsia's
 * log2026a, log2026b and hetu2027: a tile takes 0.4 s, the page of the same 256 entries 25 s). A stretch
 * inside a full tile comes by its tile; what lies behind the last full one, and what its tile does not give,
 * comes by get-entries. Tiles that fail in a row are left alone for a while, longer each time. Nothing is
 * believed of either way: what came is hashed into the tree. Arithmetic: the caller asks, and brings the
 * clock (monotonic ms). One thread. */
#ifndef CTVIGIL_HYBRID_H
#define CTVIGIL_HYBRID_H

#include "ingest/lane.h"

#define HYBRID_ASTRAY  64             /* tiles remembered that are to come by get-entries */
#define HYBRID_FAILS   3              /* tiles that fail in a row until they are left alone, for */
#define HYBRID_OFF_MS  INT64_C(60000) /* this long; twice as long each time, to */
#define HYBRID_OFF_MAX INT64_C(3600000)
#define HYBRID_SLOWER  4             /* a tile may take this many times as long as get-entries per entry */
#define HYBRID_SLOW_MS INT64_C(5000) /* below this a tile is not slow, whatever get-entries takes */

struct hybrid {
    uint64_t astray[HYBRID_ASTRAY]; /* number of the tile plus one; 0: none */
    size_t astray_at;
    unsigned fails; /* of tiles, in a row */
    unsigned slow;  /* tiles that took too long, in a row */
    uint64_t good;  /* tiles that were of use when it was last counted */
    int64_t off_ms;
    int64_t off_until_ms;
    int64_t page_us; /* of get-entries per entry, smoothed; 0: not known */
};

enum hybrid_fail {
    HYBRID_AWAY,   /* the tile is not there, or its bytes are no use */
    HYBRID_LACKING /* it is good, but an issuer certificate that it names can not be had */
};

/* Would the entry `at` of a tree of `tree` entries come by its tile now? */
bool hybrid_by_tile(const struct hybrid *hybrid, uint64_t at, uint64_t tree, int64_t now_ms);
/* How far may be asked for, of which tree, and when. */
struct hybrid_scope {
    uint64_t limit;
    uint64_t tree;
    int64_t now_ms;
};

struct hybrid_ask {
    uint64_t begin;
    uint64_t end;
    bool tile; /* as a full data tile, else by get-entries */
};

/* lane_next, with the way. */
MUST_USE bool hybrid_next(const struct hybrid *hybrid, struct lane *lane, const struct plan *pages,
                          const struct hybrid_scope *scope, struct hybrid_ask *ask);
/* A reply to a request for `count` entries came after took_ms. */
void hybrid_page_came(struct hybrid *hybrid, uint64_t count, int64_t took_ms);
void hybrid_tile_came(struct hybrid *hybrid, int64_t took_ms, int64_t now_ms);
/* The tile that holds `begin` is of no use; `good` tiles were, so far: any since the last failure ends the
 * row. */
void hybrid_tile_failed(struct hybrid *hybrid, uint64_t begin, enum hybrid_fail fail, uint64_t good,
                        int64_t now_ms);
/* get-entries at `begin` did not answer in time: its tile may be tried again. */
void hybrid_page_failed(struct hybrid *hybrid, uint64_t begin);

#endif
