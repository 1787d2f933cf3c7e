/* A part of a data tile that is suspect, at the edge of the tree above all, against the tile of level 0 (C2SP
 * tlog-tiles: the leaf hashes of data tile N), entry by entry. Where its hashes lead from the tree in front
 * to the root that the log signed it is the data tile that is wrong, and others can compute that, too; where
 * the entries themselves do, it is the hash tile, which is said and accuses nobody: no entry rests on it. For
 * tilewatch.h alone. */
#ifndef CTVIGIL_TILEPART_H
#define CTVIGIL_TILEPART_H

#include "ingest/tilewatch.h"

/* Worker, as tilewatch_look: never TILEWATCH_AGAIN, because what is suspect came over a new connection. */
enum tilewatch_pass tilepart_look(struct job *job);
/* Settler, before the entries of the probe are hashed: the account of a part that differs. False: the store
 * refused it. */
bool tilepart_tell(struct settle *settle, struct follow *follow, const struct job *job);

#endif
