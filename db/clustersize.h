/* How large the private cluster's memory and its log of changes (WAL) may be on a machine. */
#ifndef CTVIGIL_CLUSTERSIZE_H
#define CTVIGIL_CLUSTERSIZE_H

#include "base/base.h"

struct clustersize {
    unsigned buffers_mb; /* shared_buffers: a quarter of the memory, 128 MB to 16 GB */
    unsigned wal_mb;     /* max_wal_size: a twentieth of the disk, 1 to 8 GB; of a small one a quarter */
};

/* From the bytes that the machine (or the container) has; 0: not known, which gives the least. Indexes that
 * hashes are put into are read everywhere, so buffers they fit into make storing several times cheaper; the
 * server touches only what is used. After a checkpoint, which comes at the latest when so much WAL is
 * written, each page that is changed is in the WAL whole; a start after a crash reads that much again. */
struct clustersize clustersize_of(uint64_t memory_bytes, uint64_t disk_bytes);

#endif
