/* Ends what readers of the database do for longer than they may (db/db_reader.h): a thread that looks every
 * ten seconds. Several processes may do it over one database. */
#ifndef CTVIGIL_READERWATCH_H
#define CTVIGIL_READERWATCH_H

#include "base/err.h"

struct readerwatch;

MUST_USE enum err_code readerwatch_start(const char *dsn, struct readerwatch **watch, struct err *why);
/* NULL is fine. */
void readerwatch_stop(struct readerwatch *watch);

#endif
