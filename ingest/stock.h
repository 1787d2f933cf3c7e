/* The batches of the pipeline that nobody uses, and how much memory all of them keep. Their number is the
 * hard ceiling of the process; the room given here is what they may keep in the ordinary case: a batch that
 * has held a reply keeps the pages it touched, so the ones used last are given out first, and one that is not
 * in memory yet only while there is room. A large page of a log then means fewer replies at once, a small one
 * more. An empty stock is the only back-pressure of the pipeline. Thread-safe; batches are made and freed by
 * the owner (plant.h). */
#ifndef CTVIGIL_STOCK_H
#define CTVIGIL_STOCK_H

#include "base/thread.h"
#include "ingest/job.h"

/* This many are given out whatever they keep: enough for one well log, and for one that waits for another. */
#define STOCK_LEAST 8

struct stock {
    struct lock lock;
    struct job **warm; /* those that keep memory; the last one came back last */
    struct job **cold;
    size_t warm_count;
    size_t cold_count;
    size_t out;
    size_t room;  /* bytes; 0: no bound */
    size_t kept;  /* bytes of all jobs, those in use with what they will probably keep */
    size_t usual; /* bytes a job keeps after use, on average */
};

/* For at most `count` jobs. False: out of memory. */
MUST_USE bool stock_init(struct stock *stock, size_t count, size_t room);
void stock_fini(struct stock *stock); /* all threads have ended */
/* A new job, whose arena was never used. */
void stock_add(struct stock *stock, struct job *job);
/* NULL: none is to be had now. */
MUST_USE struct job *stock_get(struct stock *stock);
/* Resets the batch and takes it back. */
void stock_put(struct stock *stock, struct job *job);
/* How many could be had now, one after the other. */
size_t stock_count(struct stock *stock);
/* The same, and those in use: what the stock is worth as long as replies are as large as they are. */
size_t stock_size(struct stock *stock);

#endif
