#include "db/clustersize.h"

#define BUFFERS_LEAST_MB 128
#define BUFFERS_MOST_MB  16384
#define WAL_LEAST_MB     1024
#define WAL_SMALL_MB     64
#define WAL_MOST_MB      8192

static unsigned within(uint64_t mb, unsigned least, unsigned most)
{
    return mb < least ? least : mb > most ? most : (unsigned)mb;
}

struct clustersize clustersize_of(uint64_t memory_bytes, uint64_t disk_bytes)
{
    uint64_t disk_mb = disk_bytes >> 20;
    unsigned wal_mb = within(disk_mb / 20, WAL_LEAST_MB, WAL_MOST_MB);
    /* Of a small disk it may not take what the rows need. The server asks for two files of 16 MB at the
     * least. */
    if (disk_mb != 0 && disk_mb / 4 < wal_mb)
        wal_mb = within(disk_mb / 4, WAL_SMALL_MB, WAL_LEAST_MB);
    return (struct clustersize){
        .buffers_mb = within((memory_bytes >> 20) / 4, BUFFERS_LEAST_MB, BUFFERS_MOST_MB),
        .wal_mb = wal_mb,
    };
}
