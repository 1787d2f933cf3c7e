/* Tile path arithmetic of static-ct logs (C2SP tlog-tiles). */
#ifndef CTVIGIL_TILE_H
#define CTVIGIL_TILE_H

#include "base/base.h"

#define TILE_WIDTH    256
#define TILE_HEIGHT   8
#define TILE_PATH_MAX 64

/* "tile/data/x001/234" or "tile/0/x001/234.p/17"; level -1 is data; width 1 to 256, 256 is a full tile.
 * Returns the length. */
size_t tile_path(int level, uint64_t index, unsigned width, char out[TILE_PATH_MAX]);
/* Width of tile `index` of `level` (0 and up; data is level 0) in a tree of `size`: 0 to 256. */
unsigned tile_width(int level, uint64_t index, uint64_t size);

#endif
