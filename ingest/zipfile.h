/* One zip file (PKWARE APPNOTE) that is read and never unpacked: members by name, into an arena, bounded.
 * Names are only compared, so that no name can lead anywhere. Not thread-safe. */
#ifndef CTVIGIL_ZIPFILE_H
#define CTVIGIL_ZIPFILE_H

#include "base/arena.h"
#include "base/err.h"

struct zipfile;

/* ERR_SYSTEM: it can not be opened. ERR_FORMAT: no zip file, or its end with the directory is missing.
 * ERR_TOO_BIG: its directory is larger than LIMIT_ARCHIVE_DIRECTORY. */
MUST_USE enum err_code zipfile_open(const char *path, struct zipfile **out, struct err *why);
void zipfile_close(struct zipfile *zip); /* NULL is fine */

uint64_t zipfile_count(const struct zipfile *zip);
/* Name of member `at`, until zipfile_close; NULL: it has none. */
const char *zipfile_name(struct zipfile *zip, uint64_t at);
bool zipfile_has(struct zipfile *zip, const char *name);

/* The bytes of a member, at most `ceiling` of them; the last allocation of the arena. With `gzip` a deflated
 * member may be handed out as gzip, for somebody else to inflate and to check: then `ceiling` bounds what it
 * takes in the file. ERR_NOT_FOUND; ERR_TOO_BIG; ERR_FORMAT: damaged, encrypted, or packed in an unknown way.
 */
MUST_USE enum err_code zipfile_read(struct zipfile *zip, const char *name, bool gzip, struct arena *arena,
                                    size_t ceiling, struct span *body, struct err *why);

#endif
