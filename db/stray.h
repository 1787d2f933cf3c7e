/* Server processes of an earlier life of the private cluster. PostgreSQL itself protects data against a
 * second server by postmaster.pid, but refuses for ever when that process id has since gone to somebody else.
 */
#ifndef CTVIGIL_STRAY_H
#define CTVIGIL_STRAY_H

#include "base/err.h"

/* Waits until no process works in the folder `data` any more (known by its working directory), asking them to
 * end half-way; then takes away a postmaster.pid that names a living stranger. ERR_CLUSTER: somebody is still
 * there. */
MUST_USE enum err_code stray_wait(const char *data, struct err *why);

#endif
