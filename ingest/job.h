/* A batch on its way through the pipeline, with what the pipeline itself must know of it. One job per batch
 * of the pool, for ever; batch.owner points back to it. It belongs to one thread at a time: whoever took it
 * from a queue. */
#ifndef CTVIGIL_JOB_H
#define CTVIGIL_JOB_H

#include "base/err.h"
#include "ingest/host.h"
#include "ingest/proto.h"
#include "model/batch.h"

#define JOB_MAGIC 0x4a4f4221u

enum job_phase {
    JOB_ASKED,   /* with the fetch loop */
    JOB_REPLY,   /* the reply is in the arena, nothing is read yet */
    JOB_ISSUERS, /* decoded and examined; waits for issuer certificates */
};

struct job {
    uint32_t magic;
    struct batch batch;
    struct follow *follow;
    struct lane *lane;
    const struct proto *proto; /* how it was asked for: a hybrid log has two ways */
    uint64_t ordinal;          /* of the lane when it was asked for */
    uint64_t begin;            /* asked for: [begin, end) */
    uint64_t end;
    uint64_t tree;  /* whose partial tiles are asked for */
    unsigned width; /* of the tile asked for */
    bool fresh;     /* as the lane said then: over a new connection */
    bool stage;     /* and: the matching stage runs */
    bool wants_big; /* does not fit into its own arena and can not be halved */
    bool by_tile;   /* a hybrid log's full tile; what it does not give comes by get-entries */
    bool full_tile; /* the partial tile was not there: the full one is asked for */
    bool tile_due;  /* a data tile that is to be compared with its hash tile, */
    bool tile_part; /* a part of it, that is, entry by entry with level 0 */
    bool has_tile_root;
    uint8_t tile_root[32]; /* of a full data tile: the root of its leaves */
    bool tile_seen;        /* it was compared with its hash tile, */
    bool tile_bad;         /* and does not fit, again */
    enum job_phase phase;
    int64_t since_ms;          /* monotonic; when it was asked for, then when it began to wait for issuers */
    uint64_t issuers_seen;     /* issuers_turn when it was parked */
    struct err why;            /* what went wrong, on the way back to the fetch loop */
    size_t touched;            /* bytes of its arena that are in memory between two uses */
    size_t kept;               /* what the stock counts for it */
    struct arena own;          /* the batch's own arena while it uses the shared big one */
    struct host_permit permit; /* of the request under way */
    void *home;                /* the fetch loop's own record */
    struct job *link;          /* of the list that holds it */
};

static inline struct job *job_of(struct batch *batch)
{
    struct job *job = batch->owner;
    must(job->magic == JOB_MAGIC && &job->batch == batch);
    return job;
}

#endif
