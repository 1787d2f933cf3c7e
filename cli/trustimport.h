/* `trust import DIR`: every file of a folder that is of a known form, in one go. */
#ifndef CTVIGIL_TRUSTIMPORT_H
#define CTVIGIL_TRUSTIMPORT_H

#include "db/db_trust_put.h"

/* Reads the files of `dir`, or the one file that it is, by name; *take is freed by the caller, `sha256`
 * stands for all of them, *dated_ms is that of the newest that has a date. `odd`: see struct catake.
 * ERR_USAGE: there is nothing to be taken. */
MUST_USE enum err_code trustimport_read(const char *dir, bool odd, struct catake **take, uint8_t sha256[32],
                                        int64_t *dated_ms, struct err *why);
/* Could something that should have been taken not be read? That is a file that was not taken, an error page
 * in the place of a list, and a list of which more than one in a hundred can not be read, though it was
 * taken. */
bool trustimport_lacks(const struct catake *take);
/* What was taken from what, as JSON; the caller frees it. */
char *trustimport_report(const struct catake *take);

#endif
