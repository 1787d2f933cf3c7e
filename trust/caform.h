/* Which files trust data comes in, told by their content, and what reads each. */
#ifndef CTVIGIL_CAFORM_H
#define CTVIGIL_CAFORM_H

#include "trust/catake.h"

/* Reads one file, whatever it is; `bytes` may be changed. A file that is none of the forms is said so in the
 * report (form ""), one that is damaged takes nothing and says why in its note: cut off, or
 * more than one row or entry in a hundred can not be read, unless `take` says that it takes such. *dated_ms
 * of the file is filled where its content tells it; `mtime_ms` where it does not. */
void caform_read(const char *name, uint8_t *bytes, size_t len, int64_t mtime_ms, struct catake *take);

#endif
