/* The lists of keys that others are known to have (watch.blocklist; watcher/blocklist.h) of this process,
 * read again when a file changes. Thread-safe. */
#ifndef CTVIGIL_BLOCKSET_H
#define CTVIGIL_BLOCKSET_H

#include "watcher/blocklist.h"

/* What the configuration names, before anything else; "" or NULL: none. */
void blockset_use(const char *paths);
/* *list is pinned, or NULL when none is configured. The first time it reads the files: ERR_CONFIG when they
 * can not be. Later, every LIMIT_BLOCKLIST_LOOK_MS, it looks whether they changed; what can not be read then
 * is told once, and the last lists stay in force. */
MUST_USE enum err_code blockset_pin(struct blocklist **list, struct err *why);
/* Frees all of it. */
void blockset_forget(void);

#endif
