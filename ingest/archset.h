/* The zip files of one archive: which of them holds what, a few of them open at a time. Part of archive.h;
 * not thread-safe. */
#ifndef CTVIGIL_ARCHSET_H
#define CTVIGIL_ARCHSET_H

#include "ingest/zipfile.h"

#define ARCHIVE_FILE_TILES 65536 /* data tiles of one full file: those below one hash tile of level 2 */

struct archset;

MUST_USE struct archset *archset_new(void); /* NULL: out of memory */
void archset_free(struct archset *set);

/* Takes the open file in (and closes it when it fails): notes which data tiles of a tree of `size` entries it
 * has. ERR_EXISTS: that path is there already. */
MUST_USE enum err_code archset_add(struct archset *set, const char *path, struct zipfile *zip, uint64_t size,
                                   struct err *why);
size_t archset_count(const struct archset *set);

/* The data tiles that are there, ascending and each once; until the next archset_add. */
const uint64_t *archset_tiles(struct archset *set, size_t *count);
/* A member of whichever file has it, those around data tile `tile` first (ARCHSET_ANY: it is in all of them);
 * the next one when it is damaged there. As zipfile_read. */
#define ARCHSET_ANY UINT64_MAX
MUST_USE enum err_code archset_read(struct archset *set, const char *name, uint64_t tile, bool gzip,
                                    struct arena *arena, size_t ceiling, struct span *body, struct err *why);

#endif
