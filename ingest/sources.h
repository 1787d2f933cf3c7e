/* Addresses of this machine from which logs are asked (ingest.source_addresses). Limits count by client
 * address, so each has a budget of its own at every operator. */
#ifndef CTVIGIL_SOURCES_H
#define CTVIGIL_SOURCES_H

#include "base/err.h"
#include "model/pace.h"

#define SOURCES_MAX 16

struct sources {
    char name[SOURCES_MAX][PACE_SOURCE_MAX]; /* "": as the system chooses */
    size_t count;                            /* at least one */
};

/* Reads addresses (IPv4, IPv6) and names of interfaces, parted by commas or white space; "" gives one source
 * that the system chooses. ERR_CONFIG: one of them is not on this machine, is named twice, or they are too
 * many. */
MUST_USE enum err_code sources_read(const char *list, struct sources *out, struct err *why);
/* 4, 6, or 0 for the name of an interface and for "". */
int sources_family(const char *name);

#endif
