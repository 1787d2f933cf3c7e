/* What the log of a PostgreSQL server says about why it ended: one line for people, out of the many it wrote.
 */
#ifndef CTVIGIL_SERVERLOG_H
#define CTVIGIL_SERVERLOG_H

#include "base/span.h"

/* Length of the log at `path` in bytes: where the next server will begin to write; 0: there is none. */
int64_t serverlog_size(const char *path);

/* The gravest thing in `text`: the first PANIC or FATAL that is not an answer to a client that came too
 * early, else the first complaint without a severity (postgres writes such before it has a log) with all that
 * follows, else the last line. Of a setting that is not taken the complaint comes first. One line into
 * out[out_cap], without time stamp and process id; "" when there is nothing. */
void serverlog_pick(struct span text, char *out, size_t out_cap);

/* The same for what stands in the log at `path` behind byte `from` (its last 16 kB), or in all of it when it
 * is shorter by now. Where less than a segment of the write-ahead log is free on the disk of `path` it says
 * so too: a full disk keeps the server from writing down that it is full. */
void serverlog_why(const char *path, int64_t from, char *out, size_t out_cap);

#endif
