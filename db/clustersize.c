#include "db/clustersize.h"

#define BUFFERS_LEAST_MB 128
#define BUFFERS_MOST_MB  16384
#define WAL_LEAST_MB     1024
#define WAL_MOST_MB      16384

static unsigned within(uint64_t mb, unsigned least, unsigned most)
{
    return mb < least ? least : mb > most ? most : (unsigned)mb;
}

struct clustersize clustersize_of(uint64_t memory_bytes, uint64_t disk_bytes)
{
    return (struct clustersize){
        .buffers_mb = within((memory_bytes >> 20) / 4, BUFFERS_LEAST_MB, BUFFERS_MOST_MB),
        .wal_mb = within((disk_bytes >> 20) / 20, WAL_LEAST_MB, WAL_MOST_MB),
    };
}
