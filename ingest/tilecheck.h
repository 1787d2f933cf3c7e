/* Data tiles of a static-ct log against its hash tiles, before they are used (C2SP tlog-tiles: node N of
 * level 1 is the root of the 256 leaves of data tile N). The signed root says that something is wrong, at the
 * end of what was read; this says which tile, at once. One more request for up to 256 data tiles, and none
 * where fewer than TILECHECK_LEAST are left to be read: at the edge of the tree the root is compared soon
 * enough. A data tile that differs is asked for again over a new connection; when it still does, it is
 * settled all the same and told of (settle.c); meanwhile the tiles beside it are asked for, that of its leaf
 * hashes (level 0) and the one above its node (level 2), to say which of them is wrong (tilenarrow.h). A hash
 * tile that does not come is done without, for a while. Where only a part of a data tile is read, at the edge
 * of the tree above all, there is no node for it: when it is suspect, its entries are compared one by one
 * with the tile of level 0. Bookkeeping only: no I/O, no clock, not thread-safe (the lock of its follow
 * guards it). */
#ifndef CTVIGIL_TILECHECK_H
#define CTVIGIL_TILECHECK_H

#include "base/limits.h"
#include "base/span.h"
#include "parser/tile.h"

#define TILECHECK_LEAST   16
#define TILECHECK_WAIT_MS INT64_C(5000)   /* longer no data tile waits for its hash tile, */
#define TILECHECK_OFF_MS  INT64_C(600000) /* and then none does for this long */
#define TILECHECK_HELD    2               /* the one that is read, and the next one */
#define TILECHECK_LEAVES  2               /* slot of the tile of level 0 of a data tile that differs, */
#define TILECHECK_ABOVE   3               /* and of the one of level 2 */
#define TILECHECK_PARTS   4               /* and of those of level 0 at both ends of a suspect stretch */
#define TILECHECK_SLOTS   6

enum tilecheck_state { TILECHECK_FREE, TILECHECK_WANTED, TILECHECK_ASKED, TILECHECK_KNOWN };

struct tilecheck_slot {
    enum tilecheck_state state;
    int level;      /* 1 in those that are held */
    uint64_t index; /* of the tile */
    uint64_t tree;  /* of which it is asked for */
    unsigned width; /* how many of its nodes are asked for, or known */
    bool full;      /* the partial tile is gone: the full one is asked for */
    int64_t since_ms;
    uint8_t node[TILE_WIDTH][32];
};

struct tilecheck {
    struct tilecheck_slot slot[TILECHECK_SLOTS];
    uint64_t doubt[LIMIT_WINDOW]; /* data tiles that differed, plus one; 0: none */
    size_t doubt_at;
    int64_t off_until_ms;
};

enum tilecheck_answer {
    TILECHECK_FITS,
    TILECHECK_WAIT,     /* the hash tile is on its way */
    TILECHECK_AGAIN,    /* differs for the first time: to be asked for over a new connection */
    TILECHECK_DIFFERS,  /* and from fresh bytes, too */
    TILECHECK_UNCHECKED /* no hash tile for it */
};

/* Data tile `tile` of a tree of `tree` entries is about to be asked for; true: a hash tile is wanted now.
 * `suspect`: it is worth a request for this one alone. */
bool tilecheck_want(struct tilecheck *check, uint64_t tile, uint64_t tree, bool suspect, int64_t now_ms);
/* The next hash tile to ask for. False: none. Its answer is tilecheck_came or tilecheck_failed. */
MUST_USE bool tilecheck_next(struct tilecheck *check, char path[TILE_PATH_MAX]);
/* False: too short. Then, and when it `failed`, the check is off for a while, except for a partial tile that
 * is `gone` (404, 403): the full one is asked for next. */
bool tilecheck_came(struct tilecheck *check, struct span body, int64_t now_ms);
void tilecheck_failed(struct tilecheck *check, bool gone, int64_t now_ms);
/* Is `root` what the hash tile says of the data tile? `fresh`: it came over a new connection. */
enum tilecheck_answer tilecheck_look(struct tilecheck *check, uint64_t tile, const uint8_t root[32],
                                     bool fresh, int64_t now_ms);
/* Does it wait for its hash tile? */
bool tilecheck_waits(const struct tilecheck *check, uint64_t tile, int64_t now_ms);
/* Must the data tile come over a new connection? */
bool tilecheck_doubts(const struct tilecheck *check, uint64_t tile);
/* The leaf hashes that level 0 has of a data tile, and what level 2 has of its tile of level 1. Absent: not
 * known. */
struct span tilecheck_leaves(const struct tilecheck *check, uint64_t tile);
struct span tilecheck_above(const struct tilecheck *check, uint64_t tile);
/* Of data tile `tile`, in a tree of `tree` entries, a suspect part is about to be asked for: its tile of
 * level 0 is wanted, of the same width. Without a free slot it is done without. */
void tilecheck_part_want(struct tilecheck *check, uint64_t tile, uint64_t tree, int64_t now_ms);
/* Does the part wait for it? */
bool tilecheck_part_waits(const struct tilecheck *check, uint64_t tile, int64_t now_ms);
/* The hashes that came, and their path. Absent: none. */
struct span tilecheck_part(const struct tilecheck *check, uint64_t tile, char path[TILE_PATH_MAX]);
/* The nodes that are known of the hash tile of a data tile, and its path. Absent: none. */
struct span tilecheck_nodes(const struct tilecheck *check, uint64_t tile, char path[TILE_PATH_MAX]);

#endif
