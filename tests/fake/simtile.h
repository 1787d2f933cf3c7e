/* Paths of tiles (C2SP tlog-tiles), read strictly: a path that is not the one way to write it is not a path.
 */
#ifndef CTVIGIL_SIMTILE_H
#define CTVIGIL_SIMTILE_H

#include "base/base.h"

struct simtile {
    int level; /* -1: data */
    uint64_t index;
    unsigned width; /* 1 to 256; 256: full */
};

/* `path` begins behind "tile/": "0/x001/234.p/17", "data/000". */
MUST_USE bool simtile_parse(const char *path, struct simtile *tile);

#endif
