/* A data tile that does not fit its node of level 1: which of the documents is the wrong one, and where, by
 * the hash tiles beside it (C2SP tlog-tiles: tile N of level 0 has the leaf hashes of data tile N; a node of
 * level 1 is the root of such a tile; one of level 2 that of a full tile of level 1). Whoever agrees with two
 * others is taken for right; what is only one against one is said as that. Pure. */
#ifndef CTVIGIL_TILENARROW_H
#define CTVIGIL_TILENARROW_H

#include "base/span.h"
#include "parser/tile.h"

enum tilenarrow_verdict {
    TILENARROW_UNKNOWN,
    TILENARROW_DATA,   /* level 0 gives the node of level 1: entries of the data tile are wrong */
    TILENARROW_NODE,   /* level 0 gives what the data tile gives, and level 2 has it so: the node is wrong */
    TILENARROW_HALVES, /* level 0 and the data tile against level 1, and nothing to decide it */
    TILENARROW_LEAVES, /* level 0 is wrong itself: it fits neither */
};

struct tilenarrow {
    enum tilenarrow_verdict verdict;
    unsigned first; /* DATA, LEAVES: the smallest perfect subtree with all leaves that differ, */
    unsigned width; /* 1 to TILE_WIDTH leaves */
    unsigned count; /* and how many do */
};

/* `leaf`: hashes of the entries of the full data tile `tile`. `level0`, `level1`: the bytes of those tiles,
 * absent or too short: not known; `node2`: of level 2, absent: not known. */
struct tilenarrow tilenarrow_judge(uint64_t tile, const uint8_t leaf[TILE_WIDTH][32], struct span level0,
                                   struct span level1, struct span node2);
/* One clause for people, "" when there is nothing to say. */
void tilenarrow_say(const struct tilenarrow *narrow, uint64_t tile, char *out, size_t cap);

#endif
